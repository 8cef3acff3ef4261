#include "http/unix_call.h"

#include <exception>
#include <filesystem>
#include <fstream>
#include <optional>
#include <vector>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <sys/un.h>

#include "http/read_page.h"

namespace zk::http {
namespace {

namespace asio = boost::asio;
using asio::local::stream_protocol;
using asio_impl::kAwait;

constexpr std::size_t kFilePieceBytes = 256 * 1024;

/// Lives on the stack of call_unix(), as its loop does.
struct UnixExchange {
    explicit UnixExchange(const UnixCall& what) : call(what), socket(loop), timer(loop) {}

    const UnixCall& call;
    asio::io_context loop{1};
    stream_protocol::socket socket;
    asio::steady_timer timer;
    bool expired = false;
    std::optional<Result<Page>> result;
};

std::string head_of(const UnixCall& call, std::uintmax_t body_bytes) {
    std::string head = call.method + " " + call.target + " HTTP/1.1\r\nHost: localhost\r\n";
    head += "Connection: close\r\nUser-Agent: zkprov-agent\r\n";
    if (!call.content_type.empty()) head += "Content-Type: " + call.content_type + "\r\n";
    if (call.method != "GET") head += "Content-Length: " + std::to_string(body_bytes) + "\r\n";
    return head + "\r\n";
}

/// Who answers before it has read all closes its side; then its answer counts and not what could not be sent.
asio::awaitable<Result<>> send_file(UnixExchange& exchange, std::ifstream& file) {
    std::vector<char> piece(kFilePieceBytes);
    while (file) {
        file.read(piece.data(), static_cast<std::streamsize>(piece.size()));
        const auto size = static_cast<std::size_t>(file.gcount());
        if (size == 0) break;
        auto [unsent, sent] =
            co_await asio::async_write(exchange.socket, asio::buffer(piece.data(), size), kAwait);
        if (unsent) co_return ok();
    }
    if (!file.bad()) co_return ok();
    co_return Error(Errc::failed, exchange.call.body_file + " cannot be read");
}

asio::awaitable<Result<Page>> exchange_words(UnixExchange& exchange,
                                             stream_protocol::endpoint endpoint,
                                             std::size_t bytes_max) {
    const UnixCall& call = exchange.call;
    std::uintmax_t body_bytes = call.body.size();
    std::ifstream file;
    if (!call.body_file.empty()) {
        std::error_code unknown;
        body_bytes = std::filesystem::file_size(call.body_file, unknown);
        file.open(call.body_file, std::ios::binary);
        if (unknown || !file) co_return Error(Errc::not_found, call.body_file + " cannot be read");
    }
    auto [refused] = co_await exchange.socket.async_connect(endpoint, kAwait);
    if (refused) co_return Error(refused, "connect");
    std::string words = head_of(call, body_bytes);
    if (call.body_file.empty()) words += call.body;
    auto [unsent, sent] = co_await asio::async_write(exchange.socket, asio::buffer(words), kAwait);
    if (unsent) co_return Error(unsent, "send the request");
    if (!call.body_file.empty()) {
        auto done = co_await send_file(exchange, file);
        if (!done.has_value()) co_return done.error();
    }
    if (call.long_body == LongBody::cut) {
        co_return co_await read_cut_page(exchange.socket, bytes_max);
    }
    co_return co_await read_page(exchange.socket, bytes_max);
}

}  // namespace

Result<Page> call_unix(const std::string& socket,
                       const UnixCall& call,
                       std::chrono::milliseconds timeout,
                       std::size_t bytes_max) {
    if (socket.empty() || socket.size() >= sizeof(sockaddr_un::sun_path)) {
        return Error(Errc::invalid, "no path of a unix socket: \"" + socket + "\"");
    }
    UnixExchange exchange(call);
    exchange.timer.expires_after(timeout);
    exchange.timer.async_wait([&exchange](const boost::system::error_code& cancelled) {
        if (cancelled) return;
        exchange.expired = true;
        boost::system::error_code ignored;
        exchange.socket.close(ignored);
    });
    auto done = [&exchange](std::exception_ptr failure, Result<Page> page) {
        if (failure) page = Error(Errc::failed, "the exchange broke");
        exchange.result = std::move(page);
        exchange.timer.cancel();
    };
    asio::co_spawn(exchange.loop,
                   exchange_words(exchange, stream_protocol::endpoint(socket), bytes_max),
                   std::move(done));
    exchange.loop.run();
    if (exchange.result->has_value()) return *std::move(*exchange.result);
    const std::string where = socket + " (" + call.method + " " + call.target + ")";
    if (exchange.expired) return Error(Errc::timeout, where + " does not answer in time");
    return exchange.result->error().with_context(where);
}

}  // namespace zk::http
