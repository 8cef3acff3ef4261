#include "client/four_letter.h"

#include <array>
#include <memory>
#include <optional>
#include <utility>

#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/write.hpp>

#include "asio_impl/await.h"

namespace zk::client {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using asio_impl::kAwait;
/// Far more than any word that is asked here is answered with.
constexpr std::size_t kFourLetterBytesMax = 512UL * 1024;
constexpr std::size_t kEntriesMax = 2000;

struct Asking {
    explicit Asking(const asio::any_io_executor& executor) : socket(executor), timer(executor) {}
    tcp::socket socket;
    asio::steady_timer timer;
    bool expired = false;
};

asio::awaitable<Result<std::string>> ask(std::shared_ptr<Asking> asking,
                                         tcp::endpoint endpoint,
                                         std::string word) {
    auto [refused] = co_await asking->socket.async_connect(endpoint, kAwait);
    if (refused) co_return Error(refused, word);
    auto [unsent, sent] = co_await asio::async_write(asking->socket, asio::buffer(word), kAwait);
    if (unsent) co_return Error(unsent, word);
    std::string answer;
    std::array<char, 8192> buffer{};
    while (answer.size() < kFourLetterBytesMax) {
        auto [failed, size] = co_await asking->socket.async_read_some(asio::buffer(buffer), kAwait);
        // A server that resets instead of closing has answered all the same.
        if (failed && answer.empty() && failed != asio::error::eof &&
            failed != asio::error::connection_reset) {
            co_return Error(failed, word);
        }
        if (failed) break;
        answer.append(buffer.data(), size);
    }
    co_return answer;
}

/// Whoever answers, it goes into JSON and onto a person's terminal.
std::string printable(std::string_view text) {
    std::string clean(text);
    for (char& c : clean) {
        if (c < ' ' || c > '~') c = '?';
    }
    return clean;
}

/// Splits at the first `separator` of each line.
template <class Take>
void each_line(std::string_view text, std::string_view separator, Take&& take) {
    for (std::size_t lines = 0; lines < kEntriesMax && !text.empty(); ++lines) {
        const std::size_t end = text.find('\n');
        const std::string_view line = text.substr(0, end);
        text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
        const std::size_t at = line.find(separator);
        if (at != std::string_view::npos) {
            take(line.substr(0, at), line.substr(at + separator.size()));
        }
    }
}

}  // namespace

asio::awaitable<Result<std::string>> async_four_letter(std::string address,
                                                       std::uint16_t port,
                                                       std::string word,
                                                       std::chrono::milliseconds timeout) {
    const auto executor = co_await asio::this_coro::executor;
    const std::string place = address + ":" + std::to_string(port);
    boost::system::error_code code;
    const auto ip = asio::ip::make_address(address, code);
    tcp::endpoint endpoint(ip, port);
    const auto asking = std::make_shared<Asking>(executor);
    asking->timer.expires_after(timeout);
    auto expire = [asking](const boost::system::error_code& stopped) {
        if (stopped) return;
        asking->expired = true;
        boost::system::error_code ignored;
        asking->socket.close(ignored);
    };
    asking->timer.async_wait(std::move(expire));
    if (code) {
        tcp::resolver resolver(executor);
        auto [failed, found] =
            co_await resolver.async_resolve(address, std::to_string(port), kAwait);
        if (failed || found.empty()) {
            asking->timer.cancel();
            co_return Error(failed, "cannot resolve " + address);
        }
        endpoint = found.begin()->endpoint();
    }
    auto answer = co_await ask(asking, endpoint, word);
    asking->timer.cancel();
    if (asking->expired) {
        co_return Error(Errc::timeout,
                        place + ": no answer to " + word + " within " +
                            std::to_string(timeout.count()) + " ms");
    }
    if (!answer.has_value()) co_return answer.error().with_context(place);
    co_return answer;
}

Result<std::string> four_letter(const std::string& address,
                                std::uint16_t port,
                                const std::string& word,
                                std::chrono::milliseconds timeout) {
    asio::io_context loop(1);
    std::optional<Result<std::string>> answer;
    auto job = [&]() -> asio::awaitable<void> {
        answer.emplace(co_await async_four_letter(address, port, word, timeout));
    };
    asio::co_spawn(loop, std::move(job), asio::detached);
    loop.run();
    if (!answer) return Error(Errc::failed, "the question was not carried out");
    return *std::move(answer);
}

std::map<std::string, std::string> parse_mntr(std::string_view text) {
    std::map<std::string, std::string> values;
    each_line(text, "\t", [&](std::string_view name, std::string_view value) {
        if (name.starts_with("zk_")) name.remove_prefix(3);
        values.emplace(printable(name), printable(value));
    });
    return values;
}

std::map<std::string, std::string> parse_srvr(std::string_view text) {
    std::map<std::string, std::string> values;
    each_line(text, ": ", [&](std::string_view name, std::string_view value) {
        values.emplace(printable(name), printable(value));
    });
    return values;
}

std::map<std::string, std::string> parse_conf(std::string_view text) {
    std::map<std::string, std::string> values;
    each_line(text, "=", [&](std::string_view name, std::string_view value) {
        values.emplace(printable(name), printable(value));
    });
    return values;
}

}  // namespace zk::client
