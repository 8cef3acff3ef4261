#include "agent_host/own_addresses.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <linux/if_addr.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <string_view>

#include <arpa/inet.h>
#include <net/if.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "agent_host/posix.h"

namespace zk::agent_host {
namespace {

constexpr time_t kNetlinkPatienceS = 5;

/// Bridges that container engines make; one that an administrator made is called otherwise.
bool is_container_bridge(std::string_view interface) {
    constexpr std::array<std::string_view, 8> kNames = {
        "docker", "br-", "cni", "podman", "virbr", "lxcbr", "lxdbr", "nerdctl"};
    return std::ranges::any_of(kNames,
                               [&](std::string_view name) { return interface.starts_with(name); });
}

bool is_link_local(const KernelAddress& address) {
    const std::string_view text = address.address;
    if (!address.ipv6) return text.starts_with("169.254.");
    // fe80::/10
    return text.size() > 3 && text.starts_with("fe") &&
           std::string_view("89ab").find(text[2]) != std::string_view::npos;
}

/// It may move to another host while this one runs.
bool is_virtual(const KernelAddress& address, const std::vector<KernelAddress>& all) {
    if ((address.flags & (IFA_F_SECONDARY | IFA_F_DEPRECATED)) != 0) return true;
    if (address.ipv6) return false;
    if (!address.label.empty() && address.label != address.interface) return true;
    // Alone on its interface it is how some clouds give a host its only address.
    return address.prefix == 32 && std::ranges::any_of(all, [&](const KernelAddress& other) {
               return !other.ipv6 && other.interface == address.interface && other.prefix < 32;
           });
}

Result<Fd> open_netlink() {
    Fd netlink(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE));
    if (!netlink.is_open()) return system_error("open a netlink socket");
    const timeval patience{kNetlinkPatienceS, 0};
    ::setsockopt(netlink.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    struct {
        nlmsghdr header;
        ifaddrmsg body;
    } request{};
    request.header.nlmsg_len = NLMSG_LENGTH(sizeof request.body);
    request.header.nlmsg_type = RTM_GETADDR;
    request.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
    request.body.ifa_family = AF_UNSPEC;
    if (::send(netlink.get(), &request, request.header.nlmsg_len, 0) < 0) {
        return system_error("ask the kernel for addresses");
    }
    return netlink;
}

std::string address_text(int family, const void* bytes) {
    std::array<char, INET6_ADDRSTRLEN> text{};
    if (::inet_ntop(family, bytes, text.data(), text.size()) == nullptr) return {};
    return text.data();
}

KernelAddress read_message(const nlmsghdr* header) {
    const auto* body = static_cast<const ifaddrmsg*>(NLMSG_DATA(header));
    KernelAddress address;
    address.ipv6 = body->ifa_family == AF_INET6;
    address.prefix = body->ifa_prefixlen;
    address.flags = body->ifa_flags;
    std::array<char, IF_NAMESIZE> name{};
    if (::if_indextoname(body->ifa_index, name.data()) != nullptr) address.interface = name.data();
    std::string local;
    auto size = static_cast<int>(IFA_PAYLOAD(header));
    for (const rtattr* part = IFA_RTA(body); RTA_OK(part, size); part = RTA_NEXT(part, size)) {
        if (part->rta_type == IFA_ADDRESS) {
            address.address = address_text(body->ifa_family, RTA_DATA(part));
        } else if (part->rta_type == IFA_LOCAL) {
            local = address_text(body->ifa_family, RTA_DATA(part));
        } else if (part->rta_type == IFA_LABEL) {
            const auto* text = static_cast<const char*>(RTA_DATA(part));
            address.label = std::string(text, ::strnlen(text, RTA_PAYLOAD(part)));
        } else if (part->rta_type == IFA_FLAGS) {
            std::memcpy(&address.flags, RTA_DATA(part), sizeof address.flags);
        }
    }
    // Of a point-to-point interface the other one is the peer's.
    if (!local.empty()) address.address = local;
    return address;
}

}  // namespace

std::vector<formation::OwnAddress> classify(const std::vector<KernelAddress>& addresses) {
    std::vector<formation::OwnAddress> own;
    for (const KernelAddress& address : addresses) {
        if (address.address.empty()) continue;
        if ((address.flags & (IFA_F_TENTATIVE | IFA_F_DADFAILED)) != 0) continue;
        formation::OwnAddress entry;
        entry.address = address.address;
        entry.interface = address.interface;
        entry.loopback = address.interface == "lo" || address.address.starts_with("127.") ||
                         address.address == "::1";
        entry.link_local = is_link_local(address);
        entry.secondary = is_virtual(address, addresses);
        entry.bridge = is_container_bridge(address.interface);
        own.push_back(std::move(entry));
    }
    return own;
}

Result<std::vector<formation::OwnAddress>> own_addresses() {
    ZK_TRY(const Fd netlink, open_netlink());
    std::vector<KernelAddress> found;
    std::vector<char> buffer(64UL * 1024);
    for (;;) {
        const ssize_t size = ::recv(netlink.get(), buffer.data(), buffer.size(), 0);
        if (size < 0 && errno == EINTR) continue;
        if (size <= 0) return system_error("hear the kernel's addresses");
        auto left = static_cast<unsigned>(size);
        const auto* header = reinterpret_cast<const nlmsghdr*>(buffer.data());  // NOLINT
        for (; NLMSG_OK(header, left); header = NLMSG_NEXT(header, left)) {
            if (header->nlmsg_type == NLMSG_DONE) return classify(found);
            if (header->nlmsg_type == NLMSG_ERROR) {
                return Error(Errc::failed, "the kernel does not tell this host's addresses");
            }
            if (header->nlmsg_type == RTM_NEWADDR) found.push_back(read_message(header));
        }
    }
}

}  // namespace zk::agent_host
