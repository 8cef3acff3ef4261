// The addresses of this host's interfaces, with what tells whether they are its alone.
// Shell, but for classify(). Source: rtnetlink(7); keepalived gives a virtual address the prefix /32 and a name behind the
// interface's, or marks it deprecated.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "formation/identify.h"

namespace zk::agent_host {

/// As the kernel has it.
struct KernelAddress {
    std::string address;    ///< as inet_ntop writes it
    std::string interface;  ///< "eth0"
    std::string label;      ///< of IPv4: "eth0", or "eth0:vip" where somebody named it
    bool ipv6 = false;
    unsigned prefix = 0;      ///< bits
    std::uint32_t flags = 0;  ///< IFA_F_*
};

/// Leaves out those that are not (yet) usable: tentative, or found to be another host's.
std::vector<formation::OwnAddress> classify(const std::vector<KernelAddress>& addresses);

/// Errors: the kernel does not answer.
Result<std::vector<formation::OwnAddress>> own_addresses();

}  // namespace zk::agent_host
