// What the agent's pages say, from what the node says of itself.
#include "agent_serve/http_routes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace zk::agent_serve {
namespace {

using agent_api::ElectionEntry;
using agent_api::NodeHealth;
using agent_api::NodeVerdict;
using agent_api::Role;
using testing::HasSubstr;
using testing::Not;

NodeHealth leader() {
    NodeHealth health;
    health.cluster = "demo";
    health.sid = ServerId(2);
    health.verdict = NodeVerdict::serving;
    health.role = Role::leader;
    health.leader = ServerId(2);
    health.epoch = Epoch(3);
    health.history = {{WallMs(100), Role::looking, {}, {}},
                      {WallMs(200), Role::leader, Epoch(3), ServerId(2)}};
    health.wall_ms = WallMs(300);
    health.age_ms = 40;
    return health;
}
/// Its history with causes.
std::vector<agent_api::ElectionRecord> changes_of(const NodeHealth& health) {
    std::vector<agent_api::ElectionRecord> changes;
    for (const agent_api::ElectionEntry& entry : health.history) {
        changes.emplace_back();
        changes.back().entry = entry;
    }
    return changes;
}
http::Response ask(const std::string& target, const NodeHealth& health) {
    return answer_http({target, "", ""}, health, EventLog(), {});
}

TEST(HttpRoutes, AWellNodeSaysSo) {
    EXPECT_EQ(ask("/healthz", leader()).status, 200U);
    EXPECT_EQ(ask("/readyz?verbose", leader()).status, 200U);
    const auto status = ask("/v1/status", leader());
    EXPECT_EQ(status.content_type, "application/json");
    EXPECT_THAT(status.body,
                HasSubstr("{\"schema\":\"zkprov-node/1\",\"fresh\":true,\"age_ms\":40,\"node\":{"));
    EXPECT_THAT(status.body, HasSubstr("\"verdict\":\"serving\""));
    const auto election = ask("/v1/election", leader());
    EXPECT_THAT(election.body, HasSubstr("\"role\":\"leader\",\"epoch\":3,\"leader\":2"));
    EXPECT_THAT(election.body, HasSubstr("\"history\":[{\"at\":100,"));
    EXPECT_THAT(ask("/metrics", leader()).body, HasSubstr("\nzkprov_node_epoch{"));
    EXPECT_EQ(ask("/v1", leader()).status, 404U);
    EXPECT_EQ(ask("/", leader()).status, 404U);
}

TEST(HttpRoutes, AnElectionIsShownWithItsCausesAndVotes) {
    agent_api::ElectionsKept kept;
    kept.records.resize(1);
    kept.records[0].entry = leader().history[1];
    kept.records[0].cause = agent_api::Cause::elected;
    kept.records[0].without_leader_ms = 412;
    kept.searches = {
        {1,
         WallMs(150),
         "search number=1 began_ms=150 epoch=1 zxid=0x7 votes=yes left_out=0 why=\"x\"\n"
         "heard after_us=9000 from=1 state=LOOKING leader=1 epoch=1 zxid=0x6 round=4\n"}};
    const auto body = answer_http({"/v1/election", "", ""}, leader(), EventLog(), kept).body;
    EXPECT_THAT(body, HasSubstr("\"cause\":\"elected\""));
    EXPECT_THAT(body, HasSubstr("\"without_leader_ms\":412"));
    EXPECT_THAT(body,
                HasSubstr("{\"at\":159,\"kind\":\"heard\",\"from\":1,\"leader\":1,\"zxid\":6,"
                          "\"round\":4,\"epoch\":1,"));
    kept.searches.clear();
    kept.silence = "it is Apache's";
    EXPECT_THAT(answer_http({"/v1/election", "", ""}, leader(), EventLog(), kept).body,
                HasSubstr("\"searches\":[],\"silence\":\"it is Apache's\""));
}

TEST(HttpRoutes, ANodeThatDoesNotServeIsNotReadyAndSaysWhy) {
    NodeHealth health = leader();
    for (const NodeVerdict verdict : {NodeVerdict::starting,
                                      NodeVerdict::looking,
                                      NodeVerdict::stuck,
                                      NodeVerdict::down,
                                      NodeVerdict::conflict}) {
        health.verdict = verdict;
        health.reasons = {"its disk is full"};
        EXPECT_EQ(ask("/healthz", health).status, 200U);
        const auto ready = ask("/readyz", health);
        EXPECT_EQ(ready.status, 503U);
        EXPECT_EQ(ready.body, std::string(to_string(verdict)) + "\nits disk is full\n");
    }
}

TEST(HttpRoutes, WhatIsOldIsNotShownAsFresh) {
    NodeHealth health = leader();
    health.age_ms = agent_api::kFreshMsMax + 1;
    for (const char* const target : {"/healthz", "/readyz"}) {
        EXPECT_EQ(ask(target, health).status, 503U);
        EXPECT_THAT(ask(target, health).body, HasSubstr("for 10001 ms"));
    }
    EXPECT_THAT(ask("/v1/status", health).body, HasSubstr("\"fresh\":false,\"age_ms\":10001,"));
    const auto election = ask("/v1/election", health);
    EXPECT_THAT(election.body, HasSubstr("\"fresh\":false"));
    EXPECT_THAT(election.body, HasSubstr("\"election\":{\"history\":["));
}

TEST(HttpRoutes, EventsBeginWithWhatWasMissed) {
    EventLog events;
    events.restore(changes_of(leader()));
    const auto from = [&](const std::string& id) {
        return answer_http({"/v1/events", "text/event-stream", id}, leader(), events, {});
    };
    EXPECT_TRUE(from("").stream);
    EXPECT_EQ(from("").content_type, "text/event-stream");
    EXPECT_EQ(from("").body, "retry: 2000\n\n");
    EXPECT_EQ(from("nonsense").body, "retry: 2000\n\n");
    EXPECT_EQ(from("100").body,
              "retry: 2000\n\nid: 200\nevent: election\n"
              "data: "
              "{\"at\":200,\"role\":\"leader\",\"epoch\":3,\"leader\":2,\"cause\":\"unknown\","
              "\"words\":\"\"}\n\n");
    EXPECT_THAT(from("0").body, HasSubstr("id: 100\n"));
    EXPECT_EQ(from("200").body, "retry: 2000\n\n");
}

TEST(EventLog, TellsEachChangeOnce) {
    EventLog events;
    NodeHealth health = leader();
    events.restore(changes_of(health));
    EXPECT_THAT(events.note(health, changes_of(health)),
                HasSubstr("event: verdict\ndata: {\"at\":300,\"verdict\":\"serving\""));
    EXPECT_EQ(events.note(health, changes_of(health)), "");
    health.history.push_back({WallMs(310), Role::follower, Epoch(4), ServerId(1)});
    const std::string news = events.note(health, changes_of(health));
    EXPECT_THAT(news, HasSubstr("event: election\ndata: {\"at\":310,\"role\":\"follower\""));
    EXPECT_THAT(news, Not(HasSubstr("verdict")));
    EXPECT_EQ(events.note(health, changes_of(health)), "");
}

TEST(EventLog, AChangeIsToldWithItsCause) {
    EventLog events;
    const NodeHealth health = leader();
    auto changes = changes_of(health);
    changes[1].cause = agent_api::Cause::elected;
    changes[1].without_leader_ms = 1234;
    EXPECT_THAT(
        events.note(health, changes),
        HasSubstr(
            "\"leader\":2,\"cause\":\"elected\",\"words\":\"the search for a leader came to its "
            "end\",\"without_leader_ms\":1234}"));
    EXPECT_EQ(events.note(health, changes), "") << "each once, also with a cause";
}

TEST(EventLog, BoundedHistoryThatMovesOnIsFollowed) {
    EventLog events;
    NodeHealth health = leader();
    events.restore(changes_of(health));
    events.note(health, changes_of(health));
    for (int i = 0; i < 500; ++i) {
        health.history.push_back({WallMs(400 + i), Role::looking, Epoch(i), {}});
        if (health.history.size() > agent_api::kHistoryMax)
            health.history.erase(health.history.begin());
        const std::string news = events.note(health, changes_of(health));
        ASSERT_THAT(news, HasSubstr("\"at\":" + std::to_string(400 + i) + ","));
        ASSERT_EQ(news.find("id: ", 4), std::string::npos) << news;
    }
    const std::string kept = events.since("0");
    EXPECT_THAT(kept, HasSubstr("id: 899\n"));
    EXPECT_THAT(kept, Not(HasSubstr("id: 700\n")));
}

TEST(EventLog, IdsGrowThoughTheClockGoesBack) {
    EventLog events;
    NodeHealth health = leader();
    events.restore(changes_of(health));
    health.wall_ms = WallMs(50);
    EXPECT_THAT(events.note(health, changes_of(health)), HasSubstr("id: 201\n"));
    health.verdict = NodeVerdict::down;
    EXPECT_THAT(events.note(health, changes_of(health)), HasSubstr("id: 202\n"));
}

}  // namespace
}  // namespace zk::agent_serve
