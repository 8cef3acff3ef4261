// A TCP connection to a host, with a deadline on looking up its name and on connecting.
// Shell. Any thread.
#pragma once

#include <cstdint>
#include <string>

#include "ssh/agent_link.h"

namespace zk::ssh {

/// A connected non-blocking socket that the caller owns. Tries each address of the name in turn.
/// LinkErrc::unreachable with the reason; `name` is how messages call the host.
Result<int> connect_tcp(const std::string& name,
                        const std::string& address,
                        std::uint16_t port,
                        LinkDeadline deadline);

}  // namespace zk::ssh
