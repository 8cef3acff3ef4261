// "h:p,h:p/chroot": where an ensemble is, as every client of ZooKeeper is told it.
// Source: ZooKeeper ConnectStringParser; IPv6 addresses stand in brackets.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace zk::client {

struct ServerAddress {
    std::string host;  ///< a name or an IP address, without brackets
    std::uint16_t port = 2181;
    friend bool operator==(const ServerAddress&, const ServerAddress&) = default;
};
/// "host:2181"; IPv6 in brackets.
std::string to_string(const ServerAddress& address);

struct ConnectString {
    std::vector<ServerAddress> servers;  ///< at least one, in the order of the text
    std::string chroot;                  ///< "/a/b": stands before every path; empty: none
};

/// Ports from 1 to 65535, 2181 where there is none. A chroot of "/" is none.
/// Errors: Errc::invalid, naming the part and what would be right.
Result<ConnectString> parse_connect_string(std::string_view text);

}  // namespace zk::client
