#include "ensemble/ensemble_config.h"

#include <gtest/gtest.h>

namespace zk::ensemble {
namespace {

// What Apache ZooKeeper 3.8.0 has in /zookeeper/config for six server lines (captured). It walks
// the buckets of a hash map of 16; inside a bucket (17, 33, 1 and 18, 2) Java's order is the order
// of insertion and differs between its own servers, so ours has the smaller sid first.
constexpr std::string_view kCaptured =
    "server.17=[0:0:0:0:0:0:0:1]:41213:41223:observer\n"
    "server.33=localhost:41214:41224:observer;0.0.0.0:41255\n"
    "server.1=127.0.0.1:41211:41221:participant\n"
    "server.18=127.0.0.1:41218:41228:observer;[0:0:0:0:0:0:0:1]:41256\n"
    "server.2=127.0.0.1:41212:41222:participant\n"
    "server.4=127.0.0.1:41217:41227:observer;127.0.0.1:41254\n"
    "version=0";

std::string config_error_of(std::string_view text) {
    auto config = parse_ensemble_config(text, "config");
    return config.has_value() ? "" : config.error().message();
}

TEST(EnsembleConfig, ReadsWhatApacheWrites) {
    auto config = parse_ensemble_config(kCaptured, "config");
    ASSERT_TRUE(config.has_value()) << config.error().message();
    EXPECT_EQ(config->members.size(), 6U);
    EXPECT_EQ(config->voters(), (std::set<ServerId>{ServerId(1), ServerId(2)}));
    EXPECT_TRUE(config->contains(ServerId(33)));
    EXPECT_FALSE(config->is_voter(ServerId(33)));
    const Member* member = config->find(ServerId(18));
    ASSERT_NE(member, nullptr);
    EXPECT_EQ(member->quorum_port, 41218);
    EXPECT_EQ(member->election_port, 41228);
    EXPECT_EQ(member->client, (HostPort{"0:0:0:0:0:0:0:1", 41256}));
    EXPECT_EQ(config->version, 0);
}

TEST(EnsembleConfig, WritesWhatApacheWrites) {
    constexpr std::string_view short_forms =
        "server.1=127.0.0.1:41211:41221\n"
        "server.2=127.0.0.1:41212:41222:participant\n"
        "server.4=127.0.0.1:41217:41227: Observer ;127.0.0.1:41254\n"
        "server.33=localhost:41214:41224:OBSERVER;41255\n"
        "server.18=127.0.0.1:41218:41228:observer;[::1]:41256\n"
        "version=1f00000000\n";
    auto config = parse_ensemble_config(short_forms, "config");
    ASSERT_TRUE(config.has_value()) << config.error().message();
    EXPECT_EQ(to_string(*config),
              "server.1=127.0.0.1:41211:41221:participant\n"
              "server.33=localhost:41214:41224:observer;0.0.0.0:41255\n"
              "server.2=127.0.0.1:41212:41222:participant\n"
              "server.18=127.0.0.1:41218:41228:observer;[0:0:0:0:0:0:0:1]:41256\n"
              "server.4=127.0.0.1:41217:41227:observer;127.0.0.1:41254\n"
              "version=1f00000000");
    auto again = parse_ensemble_config(to_string(*config), "again");
    ASSERT_TRUE(again.has_value());
    EXPECT_EQ(to_string(*again), to_string(*config));
}

TEST(EnsembleConfig, SpellsAddressesAsJavaDoes) {
    EXPECT_EQ(to_string(HostPort{"fe80::a:0:1", 7}), "[fe80:0:0:0:0:a:0:1]:7");
    EXPECT_EQ(to_string(HostPort{"::ffff:10.0.0.1", 7}), "10.0.0.1:7");
    EXPECT_EQ(to_string(HostPort{"zk1.example", 7}), "zk1.example:7");
}

TEST(EnsembleConfig, NamesWhatIsWrong) {
    EXPECT_EQ(config_error_of("server.1=h:1:2\nserver.2=h:1\n"),
              "config:2: 'h:1' does not have the form "
              "host:quorumPort:electionPort[:participant|:observer][;[clientHost:]clientPort]");
    EXPECT_EQ(config_error_of("server.1=h:1:2:chief"),
              "config:1: role 'chief' must be participant or observer");
    EXPECT_EQ(config_error_of("server.1=h:x:2"),
              "config:1: quorum port 'x' must be a number from 1 to 65535");
    EXPECT_EQ(config_error_of("server.1=h:1:70000"),
              "config:1: election port '70000' must be a number from 1 to 65535");
    EXPECT_EQ(config_error_of("server.1=h:7:7"),
              "config:1: quorum port and election port are both 7; they must differ");
    EXPECT_EQ(config_error_of("server.a=h:1:2"),
              "config:1: server id 'a' must be a number, normally from 1 to 254");
    EXPECT_EQ(config_error_of("server.-1=h:1:2"),
              "config:1: server id '-1' must be a number, normally from 1 to 254");
    EXPECT_EQ(config_error_of("server.1=[::1:1:2"),
              "config:1: '[::1:1:2' starts with '[' but has no matching ']:'");
    EXPECT_EQ(config_error_of("server.1=[::zz]:1:2"), "config:1: '::zz' is not an IPv6 address");
    EXPECT_EQ(config_error_of("server.1=[fe80::1%]:1:2"),
              "config:1: 'fe80::1%' is not an IPv6 address");
    EXPECT_EQ(config_error_of("server.1=:1:2"), "config:1: the host is missing");
    EXPECT_EQ(config_error_of("server.1=h:1:2;a:b:c"),
              "config:1: client address 'a:b:c' must be [host:]port");
    EXPECT_EQ(config_error_of("server.1=h:1:2\nversion=xyz"),
              "config:2: version 'xyz' is not a hex number");
    EXPECT_EQ(config_error_of("server.1=h:1:2\nfoo=1"), "config:2: unknown key 'foo'");
    EXPECT_EQ(config_error_of("server.1=h:1:2:observer"),
              "config: the ensemble has no participant");
    EXPECT_EQ(config_error_of(""), "config: the ensemble has no participant");
}

TEST(EnsembleConfig, RefusesWhatThisVersionLeavesOut) {
    for (const std::string_view text : {"server.1=h:1:2\ngroup.1=1",
                                        "server.1=h:1:2\nweight.1=2",
                                        "server.1=h:1:2|g:1:2",
                                        "server.1=h:1:2;h:3;h:4"}) {
        auto config = parse_ensemble_config(text, "config");
        ASSERT_FALSE(config.has_value()) << text;
        EXPECT_EQ(config.error().code, make_error_code(Errc::unsupported)) << text;
    }
}

TEST(EnsembleConfig, HostsAreTheSameInEverySpelling) {
    constexpr const char* kSame[][2] = {{"zk1.lan", "ZK1.Lan."},
                                        {"10.0.0.1", "10.0.0.1"},
                                        {"10.0.0.1", "::ffff:10.0.0.1"},
                                        {"fd00::137", "[FD00:0:0:0:0:0:0:137]"},
                                        {"fe80::1%eth0", "[fe80::1%eth0]"},
                                        // Nobody can say.
                                        {"zk1.lan", "10.0.0.1"},
                                        {"fd00::137", "zk1.lan"}};
    for (const auto& [one, other] : kSame) {
        EXPECT_TRUE(may_be_same_host(one, other)) << one << " " << other;
        EXPECT_TRUE(may_be_same_host(other, one)) << other << " " << one;
    }
    constexpr const char* kOthers[][2] = {{"zk1.lan", "zk2.lan"},
                                          {"zk1.lan", "zk1"},
                                          {"10.0.0.1", "10.0.0.10"},
                                          {"10.0.0.1", "fd00::137"},
                                          {"fd00::137", "fd00::138"}};
    for (const auto& [one, other] : kOthers) {
        EXPECT_FALSE(may_be_same_host(one, other)) << one << " " << other;
    }
}

}  // namespace
}  // namespace zk::ensemble
