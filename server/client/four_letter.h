// Asks a server one four-letter word, with a deadline.
// Shell, Asio.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include <boost/asio/awaitable.hpp>

#include "base/result.h"

namespace zk::client {

/// The raw answer, which may be empty (the server closed without a word: not allowed or not known).
/// Fails with the system's code when nobody listens, Errc::timeout at the deadline. Bounded at 4
/// MiB.
boost::asio::awaitable<Result<std::string>> async_four_letter(std::string address,
                                                              std::uint16_t port,
                                                              std::string word,
                                                              std::chrono::milliseconds timeout);

/// The same for a caller without a loop: blocks this thread.
Result<std::string> four_letter(const std::string& address,
                                std::uint16_t port,
                                const std::string& word,
                                std::chrono::milliseconds timeout);

/// "zk_name<TAB>value" lines of `mntr` (names without "zk_"), or "Name: value" lines of `srvr`.
std::map<std::string, std::string> parse_mntr(std::string_view text);
std::map<std::string, std::string> parse_srvr(std::string_view text);
/// "key=value" lines of `conf`, the members among them as "server.1".
std::map<std::string, std::string> parse_conf(std::string_view text);

}  // namespace zk::client
