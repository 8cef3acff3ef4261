// The answer to one request, with bounds; private to this room.
// Shell, Asio.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>

#include <boost/asio/awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>

#include "asio_impl/await.h"
#include "http/http_get.h"

namespace zk::http {

inline constexpr std::uint32_t kAnswerHeaderBytesMax = 8192;
/// Who announces more than that is not believed, also where a part would do.
inline constexpr std::uint64_t kCutBodyBytesMax = 1ULL << 30;

/// Errors: as of async_get. `stream` outlives the call.
template <class Stream>
boost::asio::awaitable<Result<Page>> read_page(Stream& stream, std::size_t bytes_max) {
    boost::beast::flat_buffer buffer(kAnswerHeaderBytesMax + bytes_max);
    boost::beast::http::response_parser<boost::beast::http::string_body> parser;
    parser.header_limit(kAnswerHeaderBytesMax);
    parser.body_limit(bytes_max);
    auto [unread, size] =
        co_await boost::beast::http::async_read(stream, buffer, parser, asio_impl::kAwait);
    if (unread) co_return Error(unread, "read the answer");
    Page page;
    page.status = parser.get().result_int();
    page.body = std::move(parser.get().body());
    co_return page;
}

/// The same, but of a larger body about `bytes_max` bytes.
template <class Stream>
boost::asio::awaitable<Result<Page>> read_cut_page(Stream& stream, std::size_t bytes_max) {
    boost::beast::flat_buffer buffer(kAnswerHeaderBytesMax + bytes_max);
    boost::beast::http::response_parser<boost::beast::http::string_body> parser;
    parser.header_limit(kAnswerHeaderBytesMax);
    parser.body_limit(kCutBodyBytesMax);
    Page page;
    while (!parser.is_done() && !page.cut) {
        auto [unread, size] =
            co_await boost::beast::http::async_read_some(stream, buffer, parser, asio_impl::kAwait);
        if (unread) co_return Error(unread, "read the answer");
        page.cut = !parser.is_done() && parser.get().body().size() >= bytes_max;
    }
    page.status = parser.get().result_int();
    page.body = std::move(parser.get().body());
    co_return page;
}

}  // namespace zk::http
