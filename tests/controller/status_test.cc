#include <boost/json.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "status/ensemble_judge.h"
#include "status/report.h"
#include "status/table.h"

namespace zk::status {
namespace {

using agent_api::ConflictKind;
using agent_api::ElectionEntry;
using agent_api::NodeHealth;
using agent_api::Role;
using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using HealthVerdict = agent_api::NodeVerdict;

constexpr std::int64_t kNowMs = 1'800'000'000'000;

inventory::Inventory ensemble_of(std::int64_t count) {
    inventory::Inventory inventory;
    inventory.cluster = "demo";
    for (std::int64_t id = 1; id <= count; ++id) {
        inventory::Node node;
        node.id = ServerId(id);
        node.host = "10.0.0." + std::to_string(id);
        inventory.nodes.push_back(node);
    }
    return inventory;
}
NodeStatus node(std::int64_t id, Role role, std::int64_t zxid = 0x300000005) {
    NodeHealth health;
    health.sid = ServerId(id);
    health.role = role;
    const bool serves = role == Role::leader || role == Role::follower || role == Role::standalone;
    health.verdict = serves                  ? HealthVerdict::serving
                     : role == Role::looking ? HealthVerdict::looking
                                             : HealthVerdict::down;
    if (serves) {
        health.zxid = Zxid(zxid);
        health.epoch = Zxid(zxid).epoch();
    }
    health.source = agent_api::HealthSource::agent;
    health.connections = 7;
    health.uptime_s = 3723;
    health.wall_ms = WallMs(kNowMs);
    return {ServerId(id), health, "", false, {}};
}
NodeStatus silent(std::int64_t id) {
    return {ServerId(id), std::nullopt, "connection refused", false, {}};
}
NodeStatus leader(std::int64_t id, std::uint64_t synced) {
    NodeStatus status = node(id, Role::leader);
    status.health->synced_followers = synced;
    return status;
}
NodeStatus follower(std::int64_t id, std::int64_t of) {
    NodeStatus status = node(id, Role::follower);
    status.health->leader = ServerId(of);
    return status;
}

TEST(EnsembleJudge, ALeaderAndAllFollowersAreHealthy) {
    const auto verdict = judge(ensemble_of(3), {leader(2, 2), follower(1, 2), follower(3, 2)});
    EXPECT_EQ(verdict.verdict, Verdict::healthy);
    EXPECT_EQ(verdict.leader, ServerId(2));
    EXPECT_EQ(verdict.epoch, Epoch(3));
    EXPECT_EQ(verdict.voters_in_sync, 3U);
    EXPECT_EQ(verdict.failures_borne(), 1U);
    EXPECT_THAT(verdict.reasons, IsEmpty());
    EXPECT_EQ(verdict.find(ServerId(1))->lag, 0);
}

// Units start with their host; servers on one's own machine do not.
TEST(EnsembleJudge, AfterARebootOfThisMachineItSaysHowToStart) {
    inventory::Inventory here = ensemble_of(3);
    here.transport = inventory::Transport::local;
    std::vector<NodeStatus> statuses;
    for (const std::int64_t id : {1, 2, 3}) {
        statuses.push_back(node(id, Role::down));
        statuses.back().health->cluster = "demo";
    }
    const std::string way = "nothing of it runs on this machine; to start all of it: zkprov start";
    EXPECT_EQ(judge(here, statuses).reasons.front(), way);
    EXPECT_THAT(judge(ensemble_of(3), statuses).reasons, Not(Contains(way)));
    statuses[1].health->agent_pid = 77;  // one agent is enough to look after its server
    EXPECT_THAT(judge(here, statuses).reasons, Not(Contains(way)));
    statuses[1].health->agent_pid = 0;
    statuses[1].health->cluster = "";  // never installed
    EXPECT_THAT(judge(here, statuses).reasons, Not(Contains(way)));
}

TEST(EnsembleJudge, WhatAnotherNodeSaysDoesNotCount) {
    std::vector<NodeStatus> statuses = {leader(2, 2), follower(1, 2), follower(3, 2)};
    for (NodeStatus& status : statuses) status.health->cluster = "demo";
    EXPECT_EQ(judge(ensemble_of(3), statuses).verdict, Verdict::healthy);
    statuses[2].health->sid = ServerId(7);
    const auto verdict = judge(ensemble_of(3), statuses);
    EXPECT_EQ(verdict.verdict, Verdict::degraded);
    EXPECT_EQ(verdict.voters_in_sync, 2U);
    EXPECT_THAT(verdict.reasons,
                Contains("node 3: the host holds server 7 of ensemble \"demo\"; correct the "
                         "inventory"));
    EXPECT_THAT(format_report(verdict, Colours::no), HasSubstr("another node\n"));
    for (NodeStatus& status : statuses) status.health->cluster = "prod";
    EXPECT_EQ(judge(ensemble_of(3), statuses).verdict, Verdict::unknown);
}

/// As the agent says it whose server speaks with another id.
NodeStatus speaks_as(std::int64_t id, std::int64_t other) {
    NodeStatus status = node(id, Role::down);
    status.health->verdict = HealthVerdict::conflict;
    status.health->conflict = {ConflictKind::sid, "its server speaks as another"};
    status.health->answered_sid = ServerId(other);
    status.health->reasons = {"its server speaks as another"};
    return status;
}

TEST(EnsembleJudge, AServerWithAnotherIdCountsForNobody) {
    const auto verdict = judge(ensemble_of(3), {leader(1, 2), speaks_as(2, 3), follower(3, 1)});
    EXPECT_EQ(verdict.verdict, Verdict::degraded);
    EXPECT_EQ(verdict.voters_in_sync, 2U);
    EXPECT_FALSE(verdict.find(ServerId(2))->in_sync);
    EXPECT_EQ(verdict.find(ServerId(2))->conflict->kind, ConflictKind::sid);
    EXPECT_THAT(verdict.reasons,
                testing::ElementsAre("the servers on 10.0.0.2 and 10.0.0.3 both speak as server 3: "
                                     "stop the one that is not server 3",
                                     "node 2 does not count: its server speaks as another"));
    EXPECT_THAT(
        format_report(verdict, Colours::no),
        HasSubstr("2   10.0.0.2  unknown   -      -            -    -     1h 2m   conflict\n"));
    const auto document = boost::json::parse(report_json(verdict, 20)).as_object();
    const auto& second = document.at("nodes").as_array().at(1).as_object();
    EXPECT_EQ(second.at("role").as_string(), "unknown");
    EXPECT_EQ(second.at("health").as_string(), "conflict");
    EXPECT_EQ(second.at("answered_sid").as_int64(), 3);
    EXPECT_EQ(second.at("conflict").at("kind").as_string(), "sid");
    EXPECT_TRUE(second.at("lag").is_null());
    EXPECT_TRUE(document.at("nodes").as_array().at(0).at("conflict").is_null());
}

TEST(EnsembleJudge, DisksThatChangedPlacesAreToldOnce) {
    const auto verdict = judge(ensemble_of(3), {leader(1, 2), speaks_as(2, 3), speaks_as(3, 2)});
    EXPECT_EQ(verdict.verdict, Verdict::degraded);
    EXPECT_EQ(verdict.voters_in_sync, 1U);
    EXPECT_EQ(
        verdict.reasons.front(),
        "the servers on 10.0.0.2 and 10.0.0.3 have changed places (they speak as server 3 and "
        "2): stop both and put their disks back");
    // Nobody can say what two such servers do.
    EXPECT_EQ(
        judge(ensemble_of(3), {node(1, Role::looking), speaks_as(2, 3), speaks_as(3, 2)}).verdict,
        Verdict::unknown);
    EXPECT_EQ(
        judge(ensemble_of(3), {node(1, Role::down), node(2, Role::down), speaks_as(3, 2)}).verdict,
        Verdict::no_quorum);
}

NodeStatus with_members(NodeStatus status, std::vector<std::string> members) {
    status.health->members = std::move(members);
    return status;
}

std::vector<std::string> members_at(const std::string& network, int peer_port) {
    std::vector<std::string> members;
    for (int id = 1; id <= 3; ++id) {
        members.push_back("server." + std::to_string(id) + "=" + network + std::to_string(id) +
                          ":" + std::to_string(peer_port) + ":3888:participant");
    }
    return members;
}

EnsembleVerdict with_second(std::vector<std::string> members) {
    return judge(ensemble_of(3),
                 {with_members(leader(1, 2), members_at("10.0.0.", 2888)),
                  with_members(follower(2, 1), std::move(members)),
                  follower(3, 1)});
}

// What the inventory says by now is no measure: a node that is not rolled yet is still that node.
TEST(EnsembleJudge, AMemberThatChangesIsNoConflict) {
    const auto right = members_at("10.0.0.", 2888);
    EXPECT_EQ(with_second(right).verdict, Verdict::healthy);
    EXPECT_EQ(with_second(members_at("10.0.0.", 2999)).verdict, Verdict::healthy);
    for (std::size_t i = 0; i < 3; ++i) {
        for (const char* place :
             {"10.0.0.2:2889:3888", "10.0.7.2:2888:3888", "two.lan:2888:3889"}) {
            auto moved = right;
            moved[i] = "server." + std::to_string(i + 1) + "=" + place + ":participant;2181";
            EXPECT_EQ(with_second(moved).verdict, Verdict::healthy) << moved[i];
        }
    }
    const auto all_moved = [](const std::vector<std::string>& members) {
        return judge(ensemble_of(3),
                     {with_members(leader(1, 2), members),
                      with_members(follower(2, 1), members),
                      with_members(follower(3, 1), members)});
    };
    EXPECT_EQ(all_moved(members_at("10.0.9.", 2888)).verdict, Verdict::healthy);
    EXPECT_EQ(with_second({"server.x=", "nonsense"}).verdict, Verdict::healthy);
    EXPECT_EQ(with_second({"server.1=0.0.0.0:2888:3888:participant",
                           "server.2=10.0.0.2:2888:3888:participant",
                           "server.3=10.0.9.3:2888:3888:participant"})
                  .verdict,
              Verdict::healthy);
}

TEST(EnsembleJudge, AServerOfAnotherEnsembleIsNotThatNode) {
    const auto foreign = with_second(
        {"server.2=10.0.0.2:2888:3888:participant", "server.4=10.0.9.4:2888:3888:participant"});
    EXPECT_EQ(foreign.find(ServerId(2))->conflict->kind, ConflictKind::ensemble);
    EXPECT_EQ(foreign.voters_in_sync, 2U);
    EXPECT_EQ(foreign.verdict, Verdict::degraded);
    EXPECT_THAT(
        foreign.reasons,
        testing::ElementsAre("node 2 does not count: its server shares no other member with "
                             "the one on 10.0.0.1, so it belongs to another ensemble; "
                             "bring its zoo.cfg back (zkprov apply)"));
    auto same_ids = members_at("10.0.9.", 2888);
    same_ids[1] = "server.2=10.0.0.2:2888:3888:participant";
    EXPECT_TRUE(with_second(same_ids).find(ServerId(2))->conflict);
    // When the inventory knows neither of the two.
    const auto neither = judge(ensemble_of(3),
                               {with_members(leader(1, 2), members_at("10.0.8.", 2888)),
                                with_members(follower(2, 1), members_at("10.0.9.", 2888)),
                                follower(3, 1)});
    EXPECT_THAT(neither.reasons,
                testing::ElementsAre("the servers on 10.0.0.1 and 10.0.0.2 share no other member: "
                                     "one of them belongs to another ensemble"));
}

TEST(EnsembleJudge, AClockThatDiffersFromTheMedianIsTold) {
    const auto with_clock = [](NodeStatus status, std::int64_t ahead_ms) {
        status.clock.emplace();
        status.clock->ahead = milliseconds(ahead_ms);
        status.clock->uncertain = milliseconds(5);
        return status;
    };
    // The clock of who asks is 40 s off; that is nobody's fault here.
    const auto well = judge(ensemble_of(3),
                            {with_clock(leader(2, 2), 40'000),
                             with_clock(follower(1, 2), 40'010),
                             with_clock(follower(3, 2), 39'900)});
    EXPECT_EQ(well.verdict, Verdict::healthy);
    EXPECT_EQ(well.find(ServerId(3))->status.health->clock_offset_ms, -100);
    const auto off = judge(ensemble_of(3),
                           {with_clock(leader(2, 2), 40'000),
                            with_clock(follower(1, 2), 40'010),
                            with_clock(follower(3, 2), 20'000)});
    EXPECT_EQ(off.verdict, Verdict::degraded);
    EXPECT_THAT(off.reasons,
                testing::ElementsAre("node 3: its clock is 20.0 s behind the median of 3 nodes' "
                                     "clocks; set up NTP (chrony) there"));
    EXPECT_EQ(off.find(ServerId(3))->status.health->findings.at(0).id, "clock.offset");
    // A node without an answer has no clock either.
    const auto two = judge(
        ensemble_of(3), {with_clock(leader(2, 2), 0), with_clock(follower(1, 2), 2000), silent(3)});
    EXPECT_THAT(two.reasons,
                testing::Contains(testing::HasSubstr("of two nobody can tell")).Times(2));
}

TEST(EnsembleJudge, WhatAnAgentFoundOfItsClockIsNotToldTwice) {
    auto told = follower(3, 2);
    told.health->clock_offset_ms = 3000;
    add_finding(*told.health,
                agent_api::make_finding(
                    "clock.offset", agent_api::FindingLevel::warning, "its clock is off"));
    std::vector<NodeStatus> statuses{leader(2, 2), follower(1, 2), told};
    for (NodeStatus& status : statuses) status.clock.emplace();
    statuses[2].clock->ahead = milliseconds(3000);
    EXPECT_THAT(judge(ensemble_of(3), statuses).reasons,
                testing::ElementsAre("node 3: its clock is off"));
    // What it did not find is told by who hears more; not so that two differ, when it heard of three.
    statuses[2].health->findings.clear();
    statuses[2].health->reasons.clear();
    statuses[2].health->clock_offset_ms = 0;
    const auto verdict = judge(ensemble_of(3), statuses);
    EXPECT_THAT(verdict.reasons,
                testing::ElementsAre(HasSubstr("node 3: its clock is 3.0 s ahead")));
    EXPECT_EQ(verdict.find(ServerId(3))->status.health->clock_offset_ms, 3000);
    statuses[0].clock.reset();
    statuses[1].health->clock_offset_ms = 0;
    EXPECT_THAT(judge(ensemble_of(3), statuses).reasons, IsEmpty());
}

TEST(EnsembleJudge, AFollowerThatItsLeaderDoesNotCountIsTold) {
    const auto settled = [](NodeStatus status, std::int64_t for_ms) {
        status.health->changed_at = WallMs(kNowMs - for_ms);
        return status;
    };
    const auto judged = [&](std::int64_t for_ms) {
        return judge(
            ensemble_of(3),
            {settled(follower(1, 2), 60000), leader(2, 1), settled(follower(3, 2), for_ms)});
    };
    EXPECT_EQ(judged(1000).verdict, Verdict::healthy);  // the leader was asked a moment before
    EXPECT_THAT(judged(60000).reasons,
                testing::ElementsAre("2 nodes say that they follow 2, which counts 1: one of them "
                                     "may follow a server of another ensemble"));
}

TEST(EnsembleJudge, NothingAppliedYetIsNoPlaceInTheHistory) {
    auto fresh = follower(1, 2);
    fresh.health->zxid = Zxid(0);
    fresh.health->connections.reset();
    const auto verdict = judge(ensemble_of(3), {fresh, leader(2, 2), follower(3, 2)});
    EXPECT_EQ(verdict.verdict, Verdict::healthy);
    EXPECT_FALSE(verdict.find(ServerId(1))->lag);
    EXPECT_THAT(
        format_report(verdict, Colours::no),
        HasSubstr("1   10.0.0.1  follower  3      -            -    -     1h 2m   serving\n"));
    const auto document = boost::json::parse(report_json(verdict, 0)).as_object();
    const auto& first = document.at("nodes").as_array().at(0).as_object();
    for (const char* name :
         {"zxid", "lag", "connections", "znodes", "rss_bytes", "server_version"}) {
        EXPECT_TRUE(first.at(name).is_null()) << name;
    }
}

TEST(EnsembleJudge, AMissingFollowerDegrades) {
    const auto down = judge(ensemble_of(3), {leader(2, 1), follower(1, 2), node(3, Role::down)});
    EXPECT_EQ(down.verdict, Verdict::degraded);
    EXPECT_EQ(down.voters_in_sync, 2U);
    EXPECT_EQ(down.failures_borne(), 0U);
    EXPECT_THAT(down.reasons, Contains("node 3 is down"));
    const auto mute = judge(ensemble_of(3), {leader(2, 1), follower(1, 2), silent(3)});
    EXPECT_EQ(mute.verdict, Verdict::degraded);
    EXPECT_THAT(mute.reasons, Contains("node 3 does not answer: connection refused"));
}

TEST(EnsembleJudge, WhatAnAgentFindsWrongDegrades) {
    auto ill = follower(1, 2);
    ill.health->reasons = {"data_dir has 3 % free"};
    const auto verdict = judge(ensemble_of(3), {leader(2, 2), ill, follower(3, 2)});
    EXPECT_EQ(verdict.verdict, Verdict::degraded);
    EXPECT_THAT(verdict.reasons, Contains("node 1: data_dir has 3 % free"));
}

TEST(EnsembleJudge, WhatHoldsForLongSaysForHowLong) {
    auto ill = follower(1, 2);
    ill.health->wall_ms = WallMs(1'000'000);
    auto full = agent_api::make_finding(
        "disk.space", agent_api::FindingLevel::critical, "only 3 MiB are free for data");
    full.since = WallMs(1'000'000 - 59'999);
    add_finding(*ill.health, full);
    const auto words = [&] {
        return judge(ensemble_of(3), {leader(2, 2), ill, follower(3, 2)}).reasons;
    };
    EXPECT_THAT(words(), Contains("node 1: only 3 MiB are free for data"));
    ill.health->findings[0].since = WallMs(1'000'000 - 125'000);
    EXPECT_THAT(words(), Contains("node 1: only 3 MiB are free for data (for 2m 5s)"));
    // A note is no reason.
    ill.health->findings.clear();
    ill.health->reasons.clear();
    add_finding(*ill.health,
                agent_api::make_finding("disk.slow", agent_api::FindingLevel::note, "slow"));
    EXPECT_EQ(judge(ensemble_of(3), {leader(2, 2), ill, follower(3, 2)}).verdict, Verdict::healthy);
}

TEST(EnsembleJudge, ALeaderAloneHasNoQuorum) {
    const auto verdict =
        judge(ensemble_of(3), {leader(2, 0), node(1, Role::looking), node(3, Role::down)});
    EXPECT_EQ(verdict.verdict, Verdict::no_quorum);
    EXPECT_FALSE(verdict.leader.has_value());
    EXPECT_EQ(verdict.failures_borne(), 0U);
}

TEST(EnsembleJudge, AllLookingTellTheirVotes) {
    auto looking = node(1, Role::looking);
    looking.health->vote = agent_api::VoteHealth{ServerId(3), Zxid(5), std::nullopt, std::nullopt};
    const auto verdict =
        judge(ensemble_of(3), {looking, node(2, Role::looking), node(3, Role::down)});
    EXPECT_EQ(verdict.verdict, Verdict::no_quorum);
    EXPECT_THAT(verdict.reasons, Contains("node 1 is looking, votes for 3"));
}

TEST(EnsembleJudge, SilenceIsNotAnAlarmByItself) {
    EXPECT_EQ(judge(ensemble_of(3), {silent(1), silent(2), silent(3)}).verdict, Verdict::unknown);
    EXPECT_EQ(judge(ensemble_of(3), {follower(1, 2), silent(2), silent(3)}).verdict,
              Verdict::unknown);
    // The leader's own count shows the quorum though nobody else answers.
    EXPECT_EQ(judge(ensemble_of(3), {leader(1, 1), silent(2), silent(3)}).verdict,
              Verdict::degraded);
    // A majority follows the one that does not answer.
    const auto followed = judge(ensemble_of(3), {follower(1, 2), silent(2), follower(3, 2)});
    EXPECT_EQ(followed.verdict, Verdict::degraded);
    EXPECT_EQ(followed.leader, ServerId(2));
    EXPECT_EQ(followed.epoch, Epoch(3));
    EXPECT_EQ(followed.voters_in_sync, 2U);
    EXPECT_THAT(followed.reasons,
                testing::ElementsAre("node 2 does not answer: connection refused"));
    // Two that are down prove that there is no quorum, whatever the third one does.
    EXPECT_EQ(
        judge(ensemble_of(3), {node(1, Role::down), node(2, Role::looking), silent(3)}).verdict,
        Verdict::no_quorum);
    EXPECT_EQ(judge(ensemble_of(3), {}).verdict, Verdict::unknown);
}

TEST(EnsembleJudge, OfTwoLeadersTheNewerEpochCounts) {
    auto old_leader = node(1, Role::leader, 0x200000009);
    const auto verdict = judge(ensemble_of(3), {old_leader, leader(2, 1), follower(3, 2)});
    EXPECT_EQ(verdict.leader, ServerId(2));
    EXPECT_EQ(verdict.verdict, Verdict::degraded);
    EXPECT_THAT(verdict.reasons, Contains("node 1 says it leads as well (epoch 2)"));
}

TEST(EnsembleJudge, AFollowerOfSomebodyElseIsNotInSync) {
    const auto verdict = judge(ensemble_of(3), {leader(2, 1), follower(1, 3), follower(3, 2)});
    EXPECT_FALSE(verdict.find(ServerId(1))->in_sync);
    EXPECT_THAT(verdict.reasons, Contains("node 1 follows 3, not the leader 2"));
}

TEST(EnsembleJudge, LagCountsTransactions) {
    auto behind = follower(1, 2);
    behind.health->zxid = Zxid(0x300000002);
    auto other_epoch = follower(3, 2);
    other_epoch.health->zxid = Zxid(0x200000077);
    const auto verdict = judge(ensemble_of(3), {leader(2, 2), behind, other_epoch});
    EXPECT_EQ(verdict.find(ServerId(1))->lag, 3);
    EXPECT_EQ(verdict.find(ServerId(3))->lag, 5);
    EXPECT_EQ(verdict.verdict, Verdict::healthy);
    behind.health->zxid = Zxid(0x300000000);
    auto far = leader(2, 2);
    far.health->zxid = Zxid(0x300000fff);
    EXPECT_THAT(judge(ensemble_of(3), {far, behind, follower(3, 2)}).reasons,
                Contains("node 1 is 4095 transactions behind"));
}

TEST(EnsembleJudge, AnOldAnswerIsNoAnswer) {
    auto stale = follower(1, 2);
    stale.health->age_ms = 20000;
    const auto verdict = judge(ensemble_of(3), {leader(2, 2), stale, follower(3, 2)});
    EXPECT_EQ(verdict.verdict, Verdict::degraded);
    EXPECT_FALSE(verdict.find(ServerId(1))->in_sync);
}

TEST(EnsembleJudge, OneVoter) {
    EXPECT_EQ(judge(ensemble_of(1), {leader(1, 0)}).verdict, Verdict::healthy);
    EXPECT_EQ(judge(ensemble_of(1), {node(1, Role::down)}).verdict, Verdict::no_quorum);
}

TEST(EnsembleJudge, AServerAloneIsHealthyAndBearsNothing) {
    NodeStatus alone = node(1, Role::standalone);
    const auto verdict = judge(ensemble_of(1), {alone});
    EXPECT_EQ(verdict.verdict, Verdict::healthy);
    EXPECT_TRUE(verdict.standalone);
    EXPECT_TRUE(verdict.find(ServerId(1))->in_sync);
    EXPECT_EQ(verdict.failures_borne(), 0U);
    EXPECT_EQ(headline(verdict), "server 1 serves alone (standalone), bears no failure");
    EXPECT_EQ(format_report(verdict, Colours::no),
              "demo  HEALTHY  standalone, bears no failure\n"
              "ID  HOST      ROLE        EPOCH  ZXID         LAG  CONN  UPTIME  AGENT SAYS\n"
              "1   10.0.0.1  standalone  3      0x300000005  0    7     1h 2m   serving\n");
    // A database that was just begun.
    alone.health->zxid = Zxid(0);
    EXPECT_EQ(judge(ensemble_of(1), {alone}).verdict, Verdict::healthy);

    const auto down = judge(ensemble_of(1), {node(1, Role::down)});
    EXPECT_FALSE(down.standalone);
    EXPECT_EQ(headline(down), "server 1 does not serve");
    EXPECT_FALSE(judge(ensemble_of(1), {leader(1, 0)}).standalone) << "an ensemble of one";
}

// One of three that runs alone has left its ensemble: it says nothing about it.
TEST(EnsembleJudge, AServerAloneIsNoneOfSeveral) {
    const auto split =
        judge(ensemble_of(3), {node(1, Role::standalone), follower(2, 3), leader(3, 1)});
    EXPECT_EQ(split.verdict, Verdict::degraded);
    EXPECT_EQ(split.leader, ServerId(3));
    EXPECT_FALSE(split.find(ServerId(1))->in_sync);
    EXPECT_FALSE(split.standalone);
    EXPECT_THAT(split.reasons, Contains(HasSubstr("node 1 is serving (standalone)")));
    const auto lost =
        judge(ensemble_of(3),
              {node(1, Role::standalone), node(2, Role::looking), node(3, Role::looking)});
    EXPECT_EQ(lost.verdict, Verdict::no_quorum);
}

TEST(Report, TableHasARowForEveryNode) {
    auto first = follower(1, 2);
    const auto verdict = judge(ensemble_of(3), {first, leader(2, 1), silent(3)});
    EXPECT_EQ(format_report(verdict, Colours::no),
              "demo  DEGRADED, serving  leader 2  epoch 3  2 of 3 voters in sync, bears 0 more "
              "failures\n"
              "ID  HOST      ROLE      EPOCH  ZXID         LAG  CONN  UPTIME  AGENT SAYS\n"
              "1   10.0.0.1  follower  3      0x300000005  0    7     1h 2m   serving\n"
              "2   10.0.0.2  leader    3      0x300000005  0    7     1h 2m   serving\n"
              "3   10.0.0.3  unknown   -      -            -    -     -       no answer\n"
              "! node 3 does not answer: connection refused\n");
    EXPECT_THAT(format_report(verdict, Colours::yes), HasSubstr("\x1b[1;33mDEGRADED"));
}

TEST(Report, ANarrowTerminalGetsWhatMattersMost) {
    const auto verdict = judge(ensemble_of(3), {follower(1, 2), leader(2, 1), silent(3)});
    EXPECT_EQ(format_narrow_report(verdict, Colours::no, 44),
              "demo\n"
              "DEGRADED, serving\n"
              "server 2 leads in epoch 3; 2 of 3 voters in\n"
              "  sync, bears 0 more failures\n"
              "ID  HOST      ROLE      LAG  AGENT SAYS\n"
              "1   10.0.0.1  follower  0    serving\n"
              "2   10.0.0.2  leader    0    serving\n"
              "3   10.0.0.3  unknown   -    no answer\n"
              "! node 3 does not answer: connection refused\n");
    EXPECT_THAT(
        format_narrow_report(verdict, Colours::yes, 200),
        HasSubstr("\n\x1b[1;33mDEGRADED, serving\x1b[0m\nserver 2 leads in epoch 3; 2 of 3"));
    EXPECT_THAT(format_narrow_report(verdict, Colours::no, 200), HasSubstr("CONN  UPTIME"));
    for (std::size_t columns = 20; columns < 90; ++columns) {
        const std::string text = format_narrow_report(verdict, Colours::no, columns);
        for (std::size_t at = 0; at < text.size();) {
            const std::size_t end = text.find('\n', at);
            EXPECT_LE(end - at, columns) << text;
            at = end + 1;
        }
    }
}

TEST(Table, WrapsBetweenWordsAndWithinLongOnes) {
    EXPECT_EQ(wrap("one two three", 80), "one two three\n");
    EXPECT_EQ(wrap("one two three", 8), "one two\n  three\n");
    EXPECT_EQ(wrap("one two", 7), "one two\n");
    EXPECT_EQ(wrap("abcdefghij", 6), "abcdef\n  ghij\n");
    EXPECT_EQ(wrap("äöü äöü", 5), "äöü\n  äöü\n");
    EXPECT_EQ(wrap("", 5), "\n");
}

TEST(Report, TellsTheLastChangeAndWhatWasBefore) {
    NodeHealth health = *leader(2, 2).health;
    const auto at = [](std::int64_t seconds_ago) { return WallMs(kNowMs - seconds_ago * 1000); };
    EXPECT_EQ(format_history(health), "");
    health.history = {
        ElectionEntry{at(4000), Role::looking, std::nullopt, std::nullopt},
        ElectionEntry{at(3900), Role::follower, Epoch(2), ServerId(3)},
        ElectionEntry{at(125), Role::looking, std::nullopt, std::nullopt},
        ElectionEntry{at(124), Role::leader, Epoch(3), ServerId(2)},
    };
    health.changed_at = at(124);
    EXPECT_EQ(format_history(health),
              "leader in epoch 3 since 07:57:56 UTC (2m 4s); before: follower of 3 in epoch 2, for "
              "1h 2m");
    // A single look of somebody else than its agent.
    health.history = {ElectionEntry{at(0), Role::leader, Epoch(3), ServerId(2)}};
    health.changed_at = WallMs();
    EXPECT_EQ(format_history(health), "leader in epoch 3; since when is not known");
}

TEST(Report, JsonIsOneDocumentWithASchema) {
    auto looking = node(3, Role::looking);
    looking.health->vote = agent_api::VoteHealth{ServerId(2), Zxid(0x10), Epoch(3), 4};
    looking.health->history = {ElectionEntry{WallMs(5), Role::looking, std::nullopt, std::nullopt}};
    auto verdict = judge(ensemble_of(4), {leader(2, 2), follower(1, 2), looking, silent(4)});
    const std::string text = report_json(verdict, 20);
    EXPECT_EQ(text.back(), '\n');
    const auto document = boost::json::parse(text).as_object();
    EXPECT_EQ(document.at("schema").as_string(), "zkprov.status/1");
    EXPECT_EQ(document.at("verdict").as_string(), "degraded");
    EXPECT_EQ(document.at("exit_code").as_int64(), 20);
    EXPECT_EQ(document.at("leader").as_int64(), 2);
    const auto& nodes = document.at("nodes").as_array();
    ASSERT_EQ(nodes.size(), 4U);
    EXPECT_EQ(nodes[0].at("zxid").as_string(), "0x300000005");
    EXPECT_EQ(nodes[0].at("lag").as_int64(), 0);
    EXPECT_EQ(nodes[2].at("vote").at("leader").as_int64(), 2);
    EXPECT_EQ(nodes[2].at("vote").at("round").as_int64(), 4);
    EXPECT_EQ(nodes[2].at("history").as_array().size(), 1U);
    EXPECT_TRUE(nodes[2].at("zxid").is_null());
    EXPECT_EQ(nodes[3].at("error").as_string(), "connection refused");
    EXPECT_FALSE(nodes[3].at("answered").as_bool());

    const auto error = boost::json::parse(error_json("apply", {"no \"x\""}, 3)).as_object();
    EXPECT_EQ(error.at("schema").as_string(), "zkprov.error/1");
    EXPECT_EQ(error.at("errors").as_array().at(0).as_string(), "no \"x\"");
}

TEST(Table, WidthsCountCharacters) {
    EXPECT_EQ(format_table({"A", "B"}, {{"ü", "x"}, {"abc", ""}}), "A    B\nü    x\nabc\n");
    EXPECT_EQ(age_text(-1), "-");
    EXPECT_EQ(age_text(59), "59s");
    EXPECT_EQ(age_text(61), "1m 1s");
    EXPECT_EQ(age_text(90000), "1d 1h");
}

}  // namespace
}  // namespace zk::status
