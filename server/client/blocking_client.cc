#include "client/blocking_client.h"

#include <optional>
#include <utility>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>

#include "base/check.h"

namespace zk::client {

namespace asio = boost::asio;

struct BlockingClient::Loop {
    explicit Loop(ClientOptions options) : client(context.get_executor(), std::move(options)) {}
    ~Loop() {
        // Let the coroutines see that the connection has ended, so that they end too.
        client.disconnect();
        context.restart();
        context.run_for(std::chrono::milliseconds(100));
    }

    /// Runs `work` to its end. Every request has a deadline, so this ends.
    template <class T>
    T run(asio::awaitable<T> work) {
        std::optional<T> result;
        auto job = [&result, work = std::move(work)]() mutable -> asio::awaitable<void> {
            result.emplace(co_await std::move(work));
        };
        context.restart();
        asio::co_spawn(context, std::move(job), asio::detached);
        while (!result) {
            const std::size_t handled = context.run_one();
            ZK_ASSERT(handled > 0 || result);
        }
        return *std::move(result);
    }

    asio::io_context context{1};
    Client client;
};

BlockingClient::BlockingClient(ClientOptions options)
    : loop_(std::make_unique<Loop>(std::move(options))) {}
BlockingClient::~BlockingClient() = default;
BlockingClient::BlockingClient(BlockingClient&&) noexcept = default;
BlockingClient& BlockingClient::operator=(BlockingClient&&) noexcept = default;

Result<> BlockingClient::connect() { return loop_->run(loop_->client.connect()); }
Result<Reply<std::string>> BlockingClient::create(std::string path,
                                                  jute::Buffer data,
                                                  CreateMode mode) {
    return loop_->run(loop_->client.create(std::move(path), std::move(data), mode));
}
Result<Reply<Nothing>> BlockingClient::remove(std::string path, std::int32_t version) {
    return loop_->run(loop_->client.remove(std::move(path), version));
}
Result<Reply<jute::Stat>> BlockingClient::exists(std::string path) {
    return loop_->run(loop_->client.exists(std::move(path)));
}
Result<Reply<NodeData>> BlockingClient::get_data(std::string path) {
    return loop_->run(loop_->client.get_data(std::move(path)));
}
Result<Reply<jute::Stat>> BlockingClient::set_data(std::string path,
                                                   jute::Buffer data,
                                                   std::int32_t version) {
    return loop_->run(loop_->client.set_data(std::move(path), std::move(data), version));
}
Result<Reply<std::vector<std::string>>> BlockingClient::get_children(std::string path) {
    return loop_->run(loop_->client.get_children(std::move(path)));
}
Result<Reply<Nothing>> BlockingClient::sync(std::string path) {
    return loop_->run(loop_->client.sync(std::move(path)));
}
Result<Reply<Nothing>> BlockingClient::ping() { return loop_->run(loop_->client.ping()); }
Result<> BlockingClient::close() { return loop_->run(loop_->client.close()); }
const Client& BlockingClient::client() const { return loop_->client; }

}  // namespace zk::client
