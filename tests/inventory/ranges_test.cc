#include "inventory/ranges.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace zk::inventory {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST(Ranges, Ids) {
    EXPECT_THAT(*expand_ids("7"), ElementsAre(ServerId(7)));
    EXPECT_THAT(*expand_ids("1-3"), ElementsAre(ServerId(1), ServerId(2), ServerId(3)));
    EXPECT_THAT(expand_ids("3-1").error().words, HasSubstr("write 1-3"));
    for (const char* const bad : {"", "0", "256", "-1", "1-", "1-2-3", "x", "1 ", "+1", "1.0"}) {
        EXPECT_FALSE(expand_ids(bad).has_value()) << bad;
    }
}

TEST(Ranges, Hosts) {
    EXPECT_THAT(*expand_hosts("zk1"), ElementsAre("zk1"));
    EXPECT_THAT(*expand_hosts("192.168.6.[137-139]"),
                ElementsAre("192.168.6.137", "192.168.6.138", "192.168.6.139"));
    EXPECT_THAT(*expand_hosts("fd00::[137-139]"),
                ElementsAre("fd00::137", "fd00::138", "fd00::139"));
    EXPECT_THAT(*expand_hosts("[fd00::137]"), ElementsAre("[fd00::137]"));
    EXPECT_THAT(*expand_hosts("zk[08-10].lan"), ElementsAre("zk08.lan", "zk09.lan", "zk10.lan"));
    for (const char* const bad :
         {"a[", "a]", "]a[", "a[]", "a[1]", "a[1-]", "a[2-1]", "a[1-2][3-4]", "a[1-99999]"}) {
        EXPECT_FALSE(expand_hosts(bad).has_value()) << bad;
    }
}

TEST(Ranges, Addresses) {
    for (const char* const good :
         {"192.168.6.137", "127.0.0.1", "zk1", "zk-1.example.com", "host_1", "1host"}) {
        EXPECT_TRUE(read_address(good).has_value()) << good;
    }
    for (const char* const bad : {"",
                                  "192.168.6.256",
                                  "192.168.6",
                                  "192.168.6.137.1",
                                  "0.0.0.0",
                                  "192.168.06.1",
                                  "1.2.3.x4.5",
                                  "a b",
                                  "-a",
                                  "a-",
                                  "a..b",
                                  "a/b",
                                  "zk1:2181",
                                  "::",
                                  "fd00::12345",
                                  "fd00::1::2",
                                  "[fd00::1",
                                  "[fd00::1]:2888",
                                  "fd00::1%eth0",
                                  "fe80::1%",
                                  "zk1..",
                                  ".",
                                  "10.0.0.1a.2",
                                  "a;b",
                                  "user@host"}) {
        EXPECT_FALSE(read_address(bad).has_value()) << bad;
    }
    EXPECT_THAT(read_address("192.168.6.256").error().words, HasSubstr("four numbers"));
    EXPECT_THAT(read_address("zk1:2181").error().words, HasSubstr("client_port"));
    EXPECT_THAT(read_address("[fd00::1]:2888").error().words, HasSubstr("client_port"));
    EXPECT_THAT(read_address("fd00::12345").error().words, HasSubstr("IPv6"));
    EXPECT_THAT(read_address("fd00::1%eth0").error().words, HasSubstr("link-local"));
}

TEST(Ranges, AllSpellingsOfAnAddressAreOne) {
    for (const char* const same : {"zk1.example", "ZK1.example", "zk1.example.", "Zk1.Example."}) {
        EXPECT_EQ(*read_address(same), "zk1.example") << same;
    }
    for (const char* const same :
         {"fd00::137", "FD00::137", "[fd00::137]", "fd00:0:0:0::0137", "fd00::0.0.1.55"}) {
        EXPECT_EQ(*read_address(same), "fd00::137") << same;
    }
    EXPECT_EQ(*read_address("fe80::1%eth0"), "fe80::1%eth0");
    EXPECT_EQ(*read_address("[FE80::1%br-lan.5]"), "fe80::1%br-lan.5");
    EXPECT_EQ(before_port("fd00::137"), "[fd00::137]");
    EXPECT_EQ(before_port("zk1.example"), "zk1.example");
    EXPECT_TRUE(is_loopback(*read_address("[0::1]")));
}

}  // namespace
}  // namespace zk::inventory
