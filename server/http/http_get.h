// One GET of another agent's page, bounded in time and bytes.
// Shell, Asio.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include "base/result.h"

namespace zk::http {

struct Page {
    unsigned status = 0;
    std::string body;
    bool cut = false;  ///< there was more
};

/// `address` is an IP address. Errors: no connection, Errc::timeout, an answer that is not HTTP or larger than `bytes_max`.
/// A status other than 200 is no error.
boost::asio::awaitable<Result<Page>> async_get(boost::asio::any_io_executor executor,
                                               std::string address,
                                               std::uint16_t port,
                                               std::string target,
                                               std::chrono::milliseconds timeout,
                                               std::size_t bytes_max);

}  // namespace zk::http
