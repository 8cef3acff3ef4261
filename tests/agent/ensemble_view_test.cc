// What one agent shows of all nodes: from which words, and what it makes of a stranger's.
#include "ensemble_view/ensemble_view.h"

#include <cstdint>
#include <limits>
#include <string>

#include <boost/json.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "ensemble_view/peer_answer.h"

namespace zk::ensemble_view {
namespace {

namespace json = boost::json;
using agent_api::NodeHealth;
using agent_api::NodeVerdict;
using agent_api::Role;
using testing::HasSubstr;

constexpr std::int64_t kNowMs = 1'800'000'000'000;

NodeHealth health_of(std::int64_t sid, Role role) {
    NodeHealth health;
    health.cluster = "demo";
    health.sid = ServerId(sid);
    health.verdict = NodeVerdict::serving;
    health.role = role;
    health.leader = ServerId(2);
    health.epoch = Epoch(3);
    health.zxid = Zxid(Epoch(3), 7);
    if (role == Role::leader) health.synced_followers = 2;
    health.history = {{WallMs(kNowMs - 5000), role, Epoch(3), ServerId(2)}};
    if (role == Role::leader) {
        health.causes = {{WallMs(kNowMs - 5000), "its leader went away; 1.2 s without a leader"}};
    }
    health.source = agent_api::HealthSource::agent;
    health.wall_ms = WallMs(kNowMs);
    health.age_ms = 300;
    return health;
}
Peer peer(std::int64_t sid, Role role) {
    Peer peer;
    peer.sid = ServerId(sid);
    peer.health = health_of(sid, role);
    peer.heard_ms = 400;
    peer.asked = true;
    return peer;
}
Look look_from_1() {
    Look look;
    look.cluster = "demo";
    look.self = ServerId(1);
    for (const std::int64_t sid : {1, 2, 3}) {
        agent_api::MemberSpec member;
        member.sid = ServerId(sid);
        member.host = "10.0.0." + std::to_string(sid);
        look.members.push_back(member);
    }
    look.own = health_of(1, Role::follower);
    look.peers = {peer(2, Role::leader), peer(3, Role::follower)};
    look.now = WallMs(kNowMs);
    return look;
}
json::object shown(const Look& look) { return json::parse(ensemble_json(look)).as_object(); }
json::object node_of(const json::object& document, std::size_t index) {
    return document.at("nodes").as_array().at(index).as_object();
}

TEST(EnsembleView, AllThatAnswerAreOneVerdict) {
    const auto document = shown(look_from_1());
    EXPECT_EQ(document.at("schema"), "zkprov-ensemble/1");
    EXPECT_EQ(document.at("cluster"), "demo");
    EXPECT_EQ(document.at("asked"), 1);
    EXPECT_EQ(document.at("at_ms"), kNowMs);
    EXPECT_EQ(document.at("verdict"), "healthy");
    EXPECT_EQ(document.at("leader"), 2);
    EXPECT_EQ(document.at("epoch"), 3);
    EXPECT_EQ(document.at("failures_borne"), 1);
    EXPECT_EQ(document.at("headline"),
              "server 2 leads in epoch 3; 3 of 3 voters in sync, bears 1 more failure");
    const auto own = node_of(document, 0);
    EXPECT_EQ(own.at("self"), true);
    EXPECT_EQ(own.at("age_ms"), 300);
    EXPECT_EQ(own.at("heard_ms"), 0);
    const auto leader = node_of(document, 1);
    EXPECT_EQ(leader.at("self"), false);
    EXPECT_EQ(leader.at("role"), "leader");
    EXPECT_EQ(leader.at("zxid"), "0x300000007");
    EXPECT_EQ(leader.at("age_ms"), 700) << "its own age, and that of its word";
    EXPECT_EQ(leader.at("heard_ms"), 400);
    EXPECT_EQ(leader.at("last"), nullptr);
    const auto& history = leader.at("history").as_array();
    ASSERT_EQ(history.size(), 1U);
    EXPECT_EQ(history[0].as_object().at("why"), "its leader went away; 1.2 s without a leader");
    EXPECT_EQ(own.at("history").as_array()[0].as_object().at("why"), nullptr);
}

TEST(EnsembleView, WhoMissedAQuestionIsNotShownAsItWas) {
    Look look = look_from_1();
    look.peers[0].failure = "connection refused";
    look.peers[0].heard_ms = kMissedMsMax;
    EXPECT_EQ(shown(look).at("verdict"), "healthy") << "one question may go astray";
    look.peers[0].heard_ms = kMissedMsMax + 1;
    look.peers[2 - 1].health->role = Role::looking;
    look.peers[2 - 1].health->verdict = NodeVerdict::looking;
    const auto document = shown(look);
    EXPECT_NE(document.at("verdict"), "healthy");
    EXPECT_EQ(document.at("leader"), nullptr);
    const auto node = node_of(document, 1);
    EXPECT_EQ(node.at("answered"), false);
    EXPECT_EQ(node.at("role"), "unknown");
    EXPECT_EQ(node.at("error"), "connection refused");
    EXPECT_EQ(node.at("heard_ms"), kMissedMsMax + 1);
    EXPECT_EQ(node.at("last").as_object().at("role"), "leader") << "what it was is told as that";
    EXPECT_EQ(node.at("last").as_object().at("history").as_array().size(), 1U);
    EXPECT_FALSE(node.contains("zxid"));
}

TEST(EnsembleView, WhoTakesItsTimeIsBelievedForAWhileOnly) {
    Look look = look_from_1();
    look.peers[1].heard_ms = kSilentMsMax;
    EXPECT_EQ(node_of(shown(look), 2).at("answered"), true);
    look.peers[1].heard_ms = kSilentMsMax + 1;
    const auto node = node_of(shown(look), 2);
    EXPECT_EQ(node.at("answered"), false);
    EXPECT_EQ(node.at("error"), "it takes its time");
}

TEST(EnsembleView, WhoHasNotBeenAskedYetIsPending) {
    Look look = look_from_1();
    look.peers[0] = Peer();
    look.peers[0].sid = ServerId(2);
    look.peers.pop_back();
    const auto document = shown(look);
    for (const std::size_t index : {1U, 2U}) {
        const auto node = node_of(document, index);
        EXPECT_EQ(node.at("pending"), true);
        EXPECT_EQ(node.at("answered"), false);
        EXPECT_EQ(node.at("heard_ms"), nullptr);
    }
    EXPECT_EQ(node_of(document, 0).at("pending"), false);
    EXPECT_EQ(document.at("verdict"), "unknown");
}

TEST(EnsembleView, AnotherEnsemblesNodeIsNoNewsOfThisOne) {
    Look look = look_from_1();
    look.peers[1].health->cluster = "other";
    const auto node = node_of(shown(look), 2);
    EXPECT_EQ(node.at("answered"), false);
    EXPECT_THAT(std::string(node.at("error").as_string()), HasSubstr("ensemble \"other\""));
    EXPECT_EQ(node.at("last"), nullptr);
}

TEST(EnsembleView, WithoutMembersNothingIsClaimed) {
    Look look = look_from_1();
    look.members.clear();
    look.peers.clear();
    const auto document = shown(look);
    EXPECT_EQ(document.at("verdict"), "unknown");
    EXPECT_THAT(std::string(document.at("headline").as_string()), HasSubstr("who belongs"));
    EXPECT_EQ(document.at("nodes").as_array().size(), 1U);
}

std::string page_of(const NodeHealth& health) {
    return "{\"schema\":\"zkprov-node/1\",\"fresh\":true,\"age_ms\":1,\"node\":" + to_json(health) +
           "}\n";
}

TEST(PeerAnswer, IsReadAsItWasSaid) {
    const NodeHealth health = health_of(2, Role::leader);
    const auto read = read_peer_answer(page_of(health));
    ASSERT_TRUE(read.has_value()) << read.error().message();
    EXPECT_EQ(*read, health);
    // A newer agent says more.
    std::string more = page_of(health);
    more.insert(1, "\"new\":[1,{}],");
    EXPECT_TRUE(read_peer_answer(more).has_value());
}

TEST(PeerAnswer, OtherWordsAreRefused) {
    const std::string well = page_of(health_of(2, Role::leader));
    for (const std::string& body :
         {std::string(),
          std::string("<html>"),
          std::string("[]"),
          std::string("{}"),
          std::string(R"({"schema":7})"),
          std::string(R"({"schema":"zkprov-node/1"})"),
          std::string(R"({"schema":"zkprov-node/1","node":[]})"),
          std::string(R"({"schema":"zkprov-node/2","node":{}})"),
          std::string(R"({"schema":"zkprov-node/1","node":{"role":"king"}})"),
          std::string(R"({"schema":"zkprov-node/1","node":{"sid":"2"}})"),
          std::string(100'000, '['),
          well.substr(0, well.size() / 2),
          well + std::string(kPeerAnswerBytesMax, ' ')}) {
        const auto read = read_peer_answer(body);
        ASSERT_FALSE(read.has_value()) << body.substr(0, 80);
        EXPECT_THAT(read.error().message(), HasSubstr("its agent's answer is not understood"));
    }
    for (std::size_t size = 0; size < well.size() - 2; ++size) {
        ASSERT_FALSE(read_peer_answer(well.substr(0, size)).has_value()) << size;
    }
}

TEST(EnsembleView, APeersClockIsJudgedAmongTheOthers) {
    Look look = look_from_1();
    look.peers[0].clock = clock_offset::ClockLook{milliseconds(4), milliseconds(3)};
    look.peers[1].clock = clock_offset::ClockLook{milliseconds(15'000), milliseconds(3)};
    auto document = shown(look);
    EXPECT_EQ(document.at("verdict"), "degraded");
    EXPECT_EQ(node_of(document, 0).at("clock_offset_ms"), -4);
    EXPECT_EQ(node_of(document, 2).at("clock_offset_ms"), 14'996);
    EXPECT_EQ(node_of(document, 2).at("findings").as_array().at(0).at("id"), "clock.offset");
    EXPECT_EQ(node_of(document, 2).at("clock_ahead_ms"), 15'000);
    EXPECT_EQ(node_of(document, 1).at("clock_ahead_ms"), 4);
    // What the time of the question may explain is no difference.
    look.peers[1].clock = clock_offset::ClockLook{milliseconds(-200), milliseconds(200)};
    document = shown(look);
    EXPECT_EQ(document.at("verdict"), "healthy");
    EXPECT_EQ(node_of(document, 2).at("clock_ahead_ms"), 0);
    // A word that does not count any more has no clock either.
    look.peers[1].clock = clock_offset::ClockLook{milliseconds(15'000), milliseconds(3)};
    look.peers[1].heard_ms = kSilentMsMax + 1;
    EXPECT_EQ(node_of(shown(look), 0).at("findings").as_array().size(), 0U);
}

TEST(PeerAnswer, AStrangersNumbersAndTextsAreBounded) {
    constexpr auto kLeast = std::numeric_limits<std::int64_t>::min();
    constexpr auto kMost = std::numeric_limits<std::int64_t>::max();
    NodeHealth health = health_of(2, Role::leader);
    health.wall_ms = WallMs(kMost);
    health.clock_offset_ms = kLeast;
    health.changed_at = WallMs(kLeast);
    health.age_ms = std::numeric_limits<std::uint64_t>::max();
    health.synced_followers = std::numeric_limits<std::uint64_t>::max();
    health.zxid = Zxid(kLeast);
    health.epoch = Epoch(kMost);
    health.reasons.assign(20, std::string(500, 'x') + "</script><b>ü");
    health.reasons[1] = std::string(599, 'x') + "ü and more";
    auto finding = agent_api::make_finding(
        std::string(170, 'i'), agent_api::FindingLevel::critical, std::string(650, 'w'));
    finding.since = WallMs(kLeast);
    finding.value = kMost;
    health.findings.assign(20, finding);
    health.history.clear();
    for (int i = 0; i < 100; ++i) health.history.push_back({WallMs(kLeast), Role::down, {}, {}});
    health.history.push_back({WallMs(kMost), Role::leader, Epoch(kLeast), ServerId(kMost)});
    health.causes.assign(70, {WallMs(kMost), std::string(170, 'c')});
    const auto read = read_peer_answer(page_of(health));
    ASSERT_TRUE(read.has_value()) << read.error().message();
    EXPECT_EQ(read->clock_offset_ms, -253'402'300'799'999);
    EXPECT_EQ(read->reasons.size(), 16U);
    EXPECT_EQ(read->reasons[1], std::string(599, 'x') + "…") << "no half of a character";
    EXPECT_EQ(read->findings.size(), 16U);
    EXPECT_LT(read->findings[0].id.size() + read->findings[0].words.size(), 800U);
    EXPECT_EQ(read->findings[0].since, WallMs(0));
    EXPECT_EQ(read->history.size(), agent_api::kHistoryMax);
    EXPECT_EQ(read->history.back().role, Role::leader);
    EXPECT_EQ(read->history.front().at, WallMs(0));
    EXPECT_EQ(read->causes.size(), agent_api::kHistoryMax);
    EXPECT_LT(read->causes.back().at, WallMs(kMost));
    EXPECT_LT(read->causes.back().words.size(), 170U);
    EXPECT_LT(read->wall_ms, WallMs(kMost));
    // The judge reckons with all of it.
    Look look = look_from_1();
    look.peers[0].health = *read;
    look.peers[1].health = *read;
    EXPECT_EQ(shown(look).at("nodes").as_array().size(), 3U);
}

}  // namespace
}  // namespace zk::ensemble_view
