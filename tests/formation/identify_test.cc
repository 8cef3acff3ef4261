#include "formation/identify.h"

#include <gtest/gtest.h>

namespace zk::formation {
namespace {

Listed three_listed() {
    return {"demo",
            {{ServerId(1), {"10.0.0.1"}},
             {ServerId(2), {"10.0.0.2", "192.168.7.2"}},
             {ServerId(3), {"fd00::3"}}}};
}
OwnAddress on_eth0(std::string address) { return {std::move(address), "eth0"}; }
Host host_with(std::vector<OwnAddress> addresses) { return {std::move(addresses), "mach", {}}; }
Identified found_by(Host host, const std::vector<Claim>& claims = {}) {
    host.addresses.push_back({"127.0.0.1", "lo", true});
    return identify(three_listed(), host, claims);
}
bool says(const Identified& found, const std::string& part) {
    return found.words.find(part) != std::string::npos;
}

TEST(Identify, OneAddressOfOneServer) {
    EXPECT_EQ(found_by(host_with({on_eth0("10.0.0.1")})).sid, ServerId(1));
    EXPECT_EQ(found_by(host_with({on_eth0("192.168.7.2")})).sid, ServerId(2));
    EXPECT_EQ(found_by(host_with({on_eth0("fd00::3")})).sid, ServerId(3));
    // Both addresses of one server, and some of nobody.
    const auto both =
        host_with({on_eth0("10.0.0.2"), on_eth0("192.168.7.2"), on_eth0("172.16.0.9")});
    EXPECT_EQ(found_by(both).sid, ServerId(2));
}

TEST(Identify, NoneTellsBothSidesAndIsLookedAtAgain) {
    const Identified found = found_by(host_with({on_eth0("10.0.0.9")}));
    EXPECT_FALSE(found.sid);
    EXPECT_TRUE(found.may_change);
    EXPECT_TRUE(says(found, "it has 10.0.0.9 on eth0,")) << found.words;
    EXPECT_TRUE(says(found, "server 1 (10.0.0.1), server 2 (10.0.0.2 or 192.168.7.2)"));
    EXPECT_TRUE(says(found, "say by its id"));
    EXPECT_FALSE(says(found, "127.0.0.1"));
    EXPECT_TRUE(says(found_by(host_with({})), "it has none,"));
}

TEST(Identify, AddressesThatOtherHostsMayHaveSayNothing) {
    for (bool OwnAddress::*flaw : {&OwnAddress::loopback,
                                   &OwnAddress::link_local,
                                   &OwnAddress::secondary,
                                   &OwnAddress::bridge}) {
        OwnAddress own = on_eth0("10.0.0.1");
        own.*flaw = true;
        EXPECT_FALSE(found_by(host_with({own})).sid);
        // Nor do they make a second match.
        EXPECT_EQ(found_by(host_with({own, on_eth0("10.0.0.2")})).sid, ServerId(2));
    }
    OwnAddress moving = on_eth0("10.0.0.1");
    moving.secondary = true;
    EXPECT_TRUE(says(found_by(host_with({moving})), "10.0.0.1 on eth0 (secondary"));
}

TEST(Identify, TwoServersAreRefusedByName) {
    const Identified found = found_by(host_with({on_eth0("10.0.0.1"), on_eth0("fd00::3")}));
    EXPECT_FALSE(found.sid);
    EXPECT_FALSE(found.may_change);
    EXPECT_TRUE(says(found, "server 1 (10.0.0.1), server 3 (fd00::3)")) << found.words;
    // One address that stands for two.
    Listed listed = three_listed();
    listed.addresses[ServerId(3)] = {"10.0.0.1"};
    EXPECT_FALSE(identify(listed, host_with({on_eth0("10.0.0.1")}), {}).sid);
}

TEST(Identify, AGivenIdDecidesBehindNatAndBetweenTwo) {
    Host host = host_with({on_eth0("172.18.0.5")});
    host.sid = ServerId(2);
    EXPECT_EQ(found_by(host).sid, ServerId(2));
    host.addresses = {on_eth0("10.0.0.1"), on_eth0("10.0.0.2")};
    EXPECT_EQ(found_by(host).sid, ServerId(2));
}

TEST(Identify, AGivenIdThatCannotBeIsRefused) {
    Host host = host_with({on_eth0("10.0.0.1")});
    host.sid = ServerId(2);
    EXPECT_FALSE(found_by(host).sid);
    EXPECT_TRUE(says(found_by(host), "has the address of server 1 (10.0.0.1)"));
    host.sid = ServerId(9);
    EXPECT_FALSE(found_by(host).sid);
    EXPECT_TRUE(says(found_by(host), "only servers 1, 2, 3"));
    EXPECT_FALSE(found_by(host).may_change);
}

TEST(Identify, WhatTheHostRemembersHasToAgree) {
    const Host host = host_with({on_eth0("10.0.0.1")});
    const Claim same{"the record", "demo", ServerId(1), "g1", "mach"};
    EXPECT_EQ(found_by(host, {same}).sid, ServerId(1));
    EXPECT_EQ(found_by(host, {Claim{"an empty record", "", {}, "", ""}}).sid, ServerId(1));
    EXPECT_EQ(found_by(host, {same, Claim{"the data", "demo", ServerId(1), "g1", ""}}).sid,
              ServerId(1));
    const auto refused = [&](auto change, const std::string& part) {
        Claim claim = same;
        change(claim);
        const Identified found = found_by(host, {claim});
        EXPECT_TRUE(says(found, "the record") && says(found, part)) << found.words;
        EXPECT_FALSE(found.may_change);
        return !found.sid;
    };
    EXPECT_TRUE(refused([](Claim& c) { c.cluster = "other"; }, "the cluster other"));
    EXPECT_TRUE(refused([](Claim& c) { c.sid = ServerId(2); }, "belongs to server 2"));
    EXPECT_TRUE(refused([](Claim& c) { c.machine = "elsewhere"; }, "another machine"));
    // The second one is looked at as the first.
    EXPECT_FALSE(found_by(host, {same, Claim{"the data", "", ServerId(3), "", ""}}).sid);
}

TEST(Identify, RecordAndDataOfTwoFormations) {
    const Host host = host_with({on_eth0("10.0.0.1")});
    const Claim record{"the record", "demo", ServerId(1), "g1", "mach"};
    const Claim silent{"the old record", "demo", ServerId(1), "", ""};
    const Claim data{"the data", "demo", ServerId(1), "g2", ""};
    const Identified found = found_by(host, {record, silent, data});
    EXPECT_FALSE(found.sid);
    EXPECT_TRUE(says(found, "the record is of formation g1, but the data is of formation g2"));
}

TEST(Identify, AHostWithoutMachineIdIsComparedByTheRest) {
    Host host = host_with({on_eth0("10.0.0.1")});
    host.machine.clear();
    EXPECT_EQ(found_by(host, {Claim{"the record", "demo", ServerId(1), "g1", "m"}}).sid,
              ServerId(1));
}

TEST(Identify, LongListsAreCut) {
    Listed listed{"demo", {}};
    for (int sid = 1; sid <= 40; ++sid) {
        listed.addresses[ServerId(sid)] = {"10.0.1." + std::to_string(sid)};
    }
    const Identified found = identify(listed, host_with({on_eth0("10.0.0.9")}), {});
    EXPECT_TRUE(says(found, "server 12 (10.0.1.12) and 28 more;")) << found.words;
}

}  // namespace
}  // namespace zk::formation
