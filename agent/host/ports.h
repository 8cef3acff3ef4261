// Who listens on which TCP port of this host, from /proc.
// Shell. Any thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"

namespace zk::agent_host {

struct Listener {
    std::string address;  ///< as text; "0.0.0.0" or "::" for any
    std::uint16_t port = 0;
    std::uint64_t inode = 0;
    std::int64_t pid = 0;  ///< 0: not known (another user's, and we are not root)
    std::string program;
};

/// The listeners on these ports. Where `expected` holds all of them, no other process of the host is looked at.
Result<std::vector<Listener>> listeners_on(const std::vector<std::uint16_t>& ports,
                                           std::int64_t expected = 0);

/// Whether `listener` keeps a server from listening on `address`.
bool is_in_the_way(const Listener& listener, const std::string& address, bool any_address);

}  // namespace zk::agent_host
