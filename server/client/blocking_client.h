// The client for programs that work with threads and blocking calls, such as the controller's
// phases. Shell. One thread at a time; each call runs the client's own loop until its answer is
// there. Pings are sent only during calls, so a session that is left alone for longer than its
// timeout expires.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "client/client.h"

namespace zk::client {

class BlockingClient {
  public:
    explicit BlockingClient(ClientOptions options);
    ~BlockingClient();
    BlockingClient(BlockingClient&&) noexcept;
    BlockingClient& operator=(BlockingClient&&) noexcept;

    Result<> connect();
    Result<Reply<std::string>> create(std::string path, jute::Buffer data, CreateMode mode);
    Result<Reply<Nothing>> remove(std::string path, std::int32_t version);
    Result<Reply<jute::Stat>> exists(std::string path);
    Result<Reply<NodeData>> get_data(std::string path);
    Result<Reply<jute::Stat>> set_data(std::string path, jute::Buffer data, std::int32_t version);
    Result<Reply<std::vector<std::string>>> get_children(std::string path);
    Result<Reply<Nothing>> sync(std::string path);
    Result<Reply<Nothing>> ping();
    Result<> close();
    /// For what else there is to know.
    [[nodiscard]] const Client& client() const;

  private:
    struct Loop;
    std::unique_ptr<Loop> loop_;
};

}  // namespace zk::client
