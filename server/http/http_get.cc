#include "http/http_get.h"

#include <memory>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>

#include "asio_impl/await.h"
#include "http/read_page.h"

namespace zk::http {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using asio_impl::kAwait;

struct Fetch {
    explicit Fetch(const asio::any_io_executor& executor) : socket(executor), timer(executor) {}
    tcp::socket socket;
    asio::steady_timer timer;
    bool expired = false;
};

asio::awaitable<Result<Page>> fetch(std::shared_ptr<Fetch> fetching,
                                    tcp::endpoint endpoint,
                                    std::string request,
                                    std::size_t bytes_max) {
    auto [refused] = co_await fetching->socket.async_connect(endpoint, kAwait);
    if (refused) co_return Error(refused, "connect");
    auto [unsent, sent] =
        co_await asio::async_write(fetching->socket, asio::buffer(request), kAwait);
    if (unsent) co_return Error(unsent, "send the request");
    co_return co_await read_page(fetching->socket, bytes_max);
}

}  // namespace

asio::awaitable<Result<Page>> async_get(asio::any_io_executor executor,
                                        std::string address,
                                        std::uint16_t port,
                                        std::string target,
                                        std::chrono::milliseconds timeout,
                                        std::size_t bytes_max) {
    boost::system::error_code code;
    const auto ip = asio::ip::make_address(address, code);
    if (code) co_return Error(code, address);
    const std::string host = ip.is_v6() ? "[" + address + "]" : address;
    const std::string place = host + ":" + std::to_string(port);
    std::string request = "GET " + target + " HTTP/1.1\r\nHost: " + place;
    request += "\r\nConnection: close\r\nUser-Agent: zkprov-agent\r\n\r\n";
    auto fetching = std::make_shared<Fetch>(executor);
    fetching->timer.expires_after(timeout);
    fetching->timer.async_wait([fetching](const boost::system::error_code& cancelled) {
        if (cancelled) return;
        fetching->expired = true;
        boost::system::error_code ignored;
        fetching->socket.close(ignored);
    });
    const tcp::endpoint endpoint(ip, port);
    auto page = co_await fetch(fetching, endpoint, std::move(request), bytes_max);
    fetching->timer.cancel();
    boost::system::error_code ignored;
    fetching->socket.close(ignored);
    if (page.has_value()) co_return page;
    const std::string where = place + target;
    if (fetching->expired) co_return Error(Errc::timeout, where + " does not answer in time");
    co_return page.error().with_context(where);
}

}  // namespace zk::http
