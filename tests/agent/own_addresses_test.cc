// Which of a host's addresses are its alone.
#include "agent_host/own_addresses.h"

#include <algorithm>
#include <linux/if_addr.h>
#include <map>

#include <gtest/gtest.h>

#include "agent_host/random.h"

namespace zk::agent_host {
namespace {

using formation::OwnAddress;

KernelAddress v4(std::string address, std::string interface, unsigned prefix, unsigned flags = 0) {
    return {std::move(address), interface, interface, false, prefix, flags};
}
KernelAddress v6(std::string address, std::string interface, unsigned prefix, unsigned flags = 0) {
    return {std::move(address), std::move(interface), "", true, prefix, flags};
}
bool is_its_own(const OwnAddress& own) {
    return !own.loopback && !own.link_local && !own.secondary && !own.bridge;
}
std::vector<std::string> own_of(const std::vector<KernelAddress>& addresses) {
    std::vector<std::string> own;
    for (const OwnAddress& address : classify(addresses)) {
        if (is_its_own(address)) own.push_back(address.address);
    }
    return own;
}
using Texts = std::vector<std::string>;

TEST(OwnAddresses, AnAddressOfAnInterfaceIsItsOwn) {
    EXPECT_EQ(own_of({v4("127.0.0.1", "lo", 8),
                      v6("::1", "lo", 128),
                      v4("10.0.0.1", "eth0", 24),
                      v6("fe80::1", "eth0", 64),
                      v6("fd00::1", "eth0", 64)}),
              (Texts{"10.0.0.1", "fd00::1"}));
    EXPECT_EQ(own_of({v4("10.0.0.9", "lo", 32)}), Texts());  // anycast, or a service's
}

TEST(OwnAddresses, VirtualOnesMayMove) {
    EXPECT_EQ(own_of({v4("10.0.0.1", "eth0", 24), v4("10.0.0.100", "eth0", 32)}),
              Texts{"10.0.0.1"});
    EXPECT_EQ(own_of({v4("10.0.0.1", "eth0", 24), v4("10.0.0.2", "eth0", 24, IFA_F_SECONDARY)}),
              Texts{"10.0.0.1"});
    KernelAddress labelled = v4("10.0.1.1", "eth0", 24);
    labelled.label = "eth0:vip";
    EXPECT_EQ(own_of({v4("10.0.0.1", "eth0", 24), labelled}), Texts{"10.0.0.1"});
    EXPECT_EQ(own_of({v6("fd00::1", "eth0", 64), v6("fd00::99", "eth0", 128, IFA_F_DEPRECATED)}),
              Texts{"fd00::1"});
    // Of IPv6 the same bit marks those that change for privacy's sake.
    EXPECT_EQ(own_of({v6("fd00::1", "eth0", 64), v6("fd00::abcd", "eth0", 64, IFA_F_TEMPORARY)}),
              Texts{"fd00::1"});
}

TEST(OwnAddresses, AloneOnItsInterfaceAHostAddressIsNoVirtualOne) {
    EXPECT_EQ(own_of({v4("10.128.0.2", "ens4", 32)}), Texts{"10.128.0.2"});
    EXPECT_EQ(own_of({v4("10.0.0.1", "eth0", 24), v4("10.9.0.1", "eth1", 32)}),
              (Texts{"10.0.0.1", "10.9.0.1"}));
}

TEST(OwnAddresses, BridgesOfContainersAreAlikeEverywhere) {
    EXPECT_EQ(own_of({v4("172.17.0.1", "docker0", 16),
                      v4("172.18.0.1", "br-0123456789ab", 16),
                      v4("192.168.122.1", "virbr0", 24),
                      v4("10.0.0.1", "br0", 24)}),
              Texts{"10.0.0.1"});
}

TEST(OwnAddresses, OneThatIsNotUsableYetIsNotThereYet) {
    EXPECT_TRUE(classify({v6("fd00::1", "eth0", 64, IFA_F_TENTATIVE)}).empty());
    EXPECT_TRUE(classify({v6("fd00::1", "eth0", 64, IFA_F_DADFAILED)}).empty());
    EXPECT_TRUE(classify({v4("", "eth0", 24)}).empty());
}

TEST(OwnAddresses, LinkLocal) {
    EXPECT_EQ(own_of({v4("169.254.3.4", "eth0", 16), v6("febf::1", "eth0", 64)}), Texts());
    EXPECT_EQ(own_of({v6("fec0::1", "eth0", 64)}), Texts{"fec0::1"});
}

TEST(OwnAddresses, TheKernelTellsThisHosts) {
    const auto own = own_addresses();
    ASSERT_TRUE(own.has_value()) << own.error().message();
    const auto loopback = std::ranges::find(*own, "127.0.0.1", &OwnAddress::address);
    ASSERT_NE(loopback, own->end());
    EXPECT_EQ(loopback->interface, "lo");
    EXPECT_TRUE(loopback->loopback);
}

TEST(Random, TwoNoncesDiffer) {
    EXPECT_EQ(new_nonce()->size(), 32U);
    EXPECT_NE(*new_nonce(), *new_nonce());
    EXPECT_EQ(random_hex(64)->size(), 128U);
    EXPECT_EQ(random_hex(3)->find_first_not_of("0123456789abcdef"), std::string::npos);
}

}  // namespace
}  // namespace zk::agent_host
