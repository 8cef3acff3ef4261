// One request to a server on a unix socket, such as a Docker engine, bounded in time and bytes.
// Shell. Blocking, with a loop of its own; any thread.
#pragma once

#include <chrono>
#include <cstddef>
#include <string>

#include "base/result.h"
#include "http/http_get.h"

namespace zk::http {

enum class LongBody { refused, cut };

struct UnixCall {
    std::string method = "GET";
    std::string target;  ///< path and query; begins with "/"
    std::string content_type{};
    std::string body{};
    std::string body_file{};  ///< sent instead of `body`, piece by piece
    /// A body that is larger than it may be is an error, or is cut there: Page::cut.
    LongBody long_body = LongBody::refused;
};

/// `timeout` is for all of it. Errors: as of async_get; the code is the system's where no connection could be made
/// (no such file, no right, nobody listens). A status other than 200 is no error.
Result<Page> call_unix(const std::string& socket,
                       const UnixCall& call,
                       std::chrono::milliseconds timeout,
                       std::size_t bytes_max);

}  // namespace zk::http
