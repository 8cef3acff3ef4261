#include "node_judge/node_judge.h"

#include <gtest/gtest.h>

namespace zk::node_judge {
namespace {

using agent_api::ConflictKind;
using agent_api::FindingLevel;
using agent_api::NodeVerdict;
using agent_api::Role;

NodeJudge make_judge() {
    JudgeSettings judge_settings;
    judge_settings.cluster = "demo";
    judge_settings.self = {ServerId(2), "/data", 2181, "10.0.0.2:2888:3888"};
    return NodeJudge(judge_settings);
}

Probe at(std::int64_t wall_ms) {
    Probe probe;
    probe.wall_ms = WallMs(wall_ms);
    probe.process = true;
    probe.pid = 100;
    probe.process_uptime_s = 5;
    probe.failure = "timeout";
    return probe;
}
Probe serving(std::int64_t wall_ms, const std::string& state, int epoch, int leader) {
    Probe probe = at(wall_ms);
    probe.answered = probe.serving = true;
    probe.mntr = {{"server_state", state},
                  {"current_epoch", std::to_string(epoch)},
                  {"leader_id", std::to_string(leader)},
                  {"last_zxid", "0x30000000a"},
                  {"num_alive_connections", "4"},
                  {"version", "3.8.0-zkprov"}};
    return probe;
}
Probe silent(std::int64_t wall_ms) { return at(wall_ms); }
Probe dead(std::int64_t wall_ms) {
    Probe probe = at(wall_ms);
    probe.process = false;
    return probe;
}
Probe not_serving(std::int64_t wall_ms) {
    Probe probe = at(wall_ms);
    probe.answered = true;
    return probe;
}

TEST(NodeJudge, ServingFollower) {
    NodeJudge judge = make_judge();
    const auto health = judge.step(serving(1000, "follower", 3, 1));
    EXPECT_EQ(health.verdict, NodeVerdict::serving);
    EXPECT_EQ(health.role, Role::follower);
    EXPECT_EQ(health.leader, ServerId(1));
    EXPECT_EQ(health.epoch, Epoch(3));
    EXPECT_EQ(health.zxid, Zxid(Epoch(3), 10));
    EXPECT_EQ(health.connections, 3u);  // without the one that asked
    EXPECT_EQ(health.server_version, "3.8.0-zkprov");
    EXPECT_EQ(health.vote->leader, ServerId(1));
    EXPECT_TRUE(health.reasons.empty());
    ASSERT_EQ(health.history.size(), 1u);
    EXPECT_EQ(health.changed_at, WallMs(1000));
}

// As ours tells it, and Apache's: a server alone has no number, no leader and no vote.
TEST(NodeJudge, AServerAlone) {
    NodeJudge judge = make_judge();
    Probe probe = serving(1000, "standalone", 3, 1);
    probe.mntr.erase("leader_id");
    probe.mntr["server_id"] = "0";
    probe.conf = {{"serverId", "0"}, {"clientPort", "2181"}};
    const auto health = judge.step(probe);
    EXPECT_FALSE(health.conflict) << health.conflict->words;
    EXPECT_FALSE(health.answered_sid);
    EXPECT_EQ(health.verdict, NodeVerdict::serving);
    EXPECT_EQ(health.role, Role::standalone);
    EXPECT_FALSE(health.leader);
    EXPECT_FALSE(health.vote);
    EXPECT_EQ(health.epoch, Epoch(3));
    EXPECT_TRUE(health.reasons.empty());
}

TEST(NodeJudge, ApacheTextOfSrvrIsEnough) {
    NodeJudge judge = make_judge();
    Probe probe = at(1);
    probe.answered = probe.serving = true;
    probe.srvr = {{"Mode", "leader"},
                  {"Zxid", "0x100000390"},
                  {"Connections", "2"},
                  {"Zookeeper version", "3.8.0-x, built on y"},
                  {"Node count", "10"}};
    const auto health = judge.step(probe);
    EXPECT_EQ(health.role, Role::leader);
    EXPECT_EQ(health.leader, ServerId(2));
    EXPECT_EQ(health.zxid, Zxid(0x100000390));
    EXPECT_EQ(health.epoch, Epoch(1));
    EXPECT_EQ(health.znodes, 10u);
    EXPECT_FALSE(health.synced_followers);
    probe.current_epoch = Epoch(2);
    EXPECT_EQ(judge.step(probe).epoch, Epoch(2));
}

TEST(NodeJudge, LeaderCountsItsFollowers) {
    NodeJudge judge = make_judge();
    Probe probe = serving(1, "leader", 3, 2);
    probe.mntr["learners"] = "2";
    probe.mntr["synced_followers"] = "1";
    const auto health = judge.step(probe);
    EXPECT_EQ(health.learners, 2u);
    EXPECT_EQ(health.synced_followers, 1u);
    EXPECT_FALSE(judge.step(serving(2, "follower", 4, 1)).learners);
}

TEST(NodeJudge, HistoryGrowsOnlyWithChanges) {
    NodeJudge judge = make_judge();
    for (int i = 0; i < 10; ++i) judge.step(serving(1000 + i, "follower", 3, 1));
    EXPECT_EQ(judge.health().history.size(), 1u);
    EXPECT_EQ(judge.history_version(), 1u);
    judge.step(not_serving(2000));
    judge.step(serving(3000, "leader", 4, 2));
    const auto& history = judge.health().history;
    ASSERT_EQ(history.size(), 3u);
    EXPECT_EQ(history[1].role, Role::looking);
    EXPECT_EQ(history[1].at, WallMs(2000));
    EXPECT_EQ(history[2].role, Role::leader);
    EXPECT_EQ(history[2].epoch, Epoch(4));
    EXPECT_EQ(judge.health().changed_at, WallMs(3000));
}

TEST(NodeJudge, LookingHasNoLeaderAndSaysWhy) {
    NodeJudge judge = make_judge();
    judge.step(serving(1, "follower", 3, 1));
    const auto health = judge.step(not_serving(2));
    EXPECT_EQ(health.verdict, NodeVerdict::looking);
    EXPECT_FALSE(health.leader);
    EXPECT_FALSE(health.vote);
    EXPECT_FALSE(health.reasons.empty());
    EXPECT_FALSE(health.connections);
}

TEST(NodeJudge, VoteIsKnownInAnElection) {
    NodeJudge judge = make_judge();
    judge.step(serving(1, "follower", 3, 1));
    Probe probe = not_serving(2);
    probe.mntr = {{"server_state", "looking"},
                  {"vote_leader", "3"},
                  {"vote_zxid", "0x30000000b"},
                  {"vote_epoch", "3"},
                  {"election_round", "9"}};
    const auto health = judge.step(probe);
    EXPECT_EQ(health.role, Role::looking);
    EXPECT_FALSE(health.leader);
    ASSERT_TRUE(health.vote);
    EXPECT_EQ(health.vote->leader, ServerId(3));
    EXPECT_EQ(health.vote->zxid, Zxid(Epoch(3), 11));
    EXPECT_EQ(health.vote->epoch, Epoch(3));
    EXPECT_EQ(health.vote->round, 9u);
    EXPECT_FALSE(judge.step(silent(3)).leader);
}

TEST(NodeJudge, OneMissedProbeIsBelieved) {
    NodeJudge judge = make_judge();
    judge.step(serving(1, "leader", 3, 2));
    const auto once = judge.step(silent(2));
    EXPECT_EQ(once.role, Role::leader);
    EXPECT_EQ(once.verdict, NodeVerdict::serving);
    EXPECT_EQ(once.reasons, std::vector<std::string>{"its last probe failed: timeout"});
    const auto twice = judge.step(silent(3));
    EXPECT_EQ(twice.verdict, NodeVerdict::stuck);
    EXPECT_EQ(twice.role, Role::down);
    judge.step(serving(6, "leader", 3, 2));
    EXPECT_EQ(judge.step(silent(7)).role, Role::leader);
}

TEST(NodeJudge, AShortSilenceIsNoChangeOfRoleInTheHistory) {
    NodeJudge judge = make_judge();
    judge.step(serving(1000, "leader", 3, 2));
    for (const int at : {2000, 3000}) EXPECT_EQ(judge.step(silent(at)).history.size(), 1u);
    judge.step(serving(4000, "leader", 3, 2));
    EXPECT_EQ(judge.health().history.size(), 1u);
    EXPECT_EQ(judge.health().changed_at, WallMs(1000));
    for (const int at : {5000, 6000, 7000, 8000}) judge.step(silent(at));
    // It began with the first silence, not with the look that settled it.
    ASSERT_EQ(judge.health().history.size(), 2u);
    EXPECT_EQ(judge.health().history[1].role, Role::down);
    EXPECT_EQ(judge.health().history[1].at, WallMs(5000));
    EXPECT_EQ(judge.health().changed_at, WallMs(5000));
}

// A host that stood still for a second, as they do while they are moved, is no server that hangs.
TEST(NodeJudge, AServerThatLeavesItsQuestionsUnansweredTwiceIsStuck) {
    NodeJudge judge = make_judge();
    judge.step(serving(1, "leader", 3, 2));
    Probe probe = silent(2);
    probe.unheard = true;
    probe.waits_for_disk = true;
    EXPECT_EQ(judge.step(probe).verdict, NodeVerdict::serving);
    EXPECT_EQ(judge.health().findings.at(0).id, "server.silent");
    const auto health = judge.step(probe);
    EXPECT_EQ(health.verdict, NodeVerdict::stuck);
    EXPECT_EQ(health.role, Role::down);
    ASSERT_EQ(health.findings.size(), 1u);
    EXPECT_EQ(health.findings[0].id, "server.stuck");
    EXPECT_EQ(health.findings[0].level, FindingLevel::critical);
    EXPECT_EQ(health.reasons[0],
              "its process takes connections and does not answer: timeout; it waits for the disk "
              "(state D)");
    EXPECT_EQ(judge.step(serving(3, "leader", 3, 2)).verdict, NodeVerdict::serving);
    EXPECT_TRUE(judge.health().findings.empty());
}

TEST(NodeJudge, AnUnheardServerThatNeverAnsweredIsStillStarting) {
    NodeJudge judge = make_judge();
    Probe probe = silent(1);
    probe.unheard = true;
    EXPECT_EQ(judge.step(probe).verdict, NodeVerdict::starting);
    EXPECT_EQ(judge.health().findings.at(0).id, "server.starting");
}

TEST(NodeJudge, AStoppedProcessIsStuckAtOnceWhateverItDidBefore) {
    for (const bool answered_before : {true, false}) {
        NodeJudge judge = make_judge();
        if (answered_before) judge.step(serving(1, "follower", 3, 1));
        Probe probe = silent(2);
        probe.process_state = 'T';
        const auto health = judge.step(probe);
        EXPECT_EQ(health.verdict, NodeVerdict::stuck) << answered_before;
        EXPECT_EQ(health.findings.at(0).id, "server.frozen");
        EXPECT_EQ(
            health.reasons.at(0),
            "the process is stopped (state T, as SIGSTOP does): kill -CONT 100 lets it go on");
    }
    NodeJudge judge = make_judge();
    Probe traced = silent(1);
    traced.process_state = 't';
    EXPECT_EQ(judge.step(traced).reasons.at(0),
              "the process is stopped (state t): a debugger holds process 100");
    // One that sleeps, or waits for the disk for a moment, is none.
    for (const char state : {'S', 'R', 'D'}) {
        NodeJudge other = make_judge();
        other.step(serving(1, "follower", 3, 1));
        Probe probe = silent(2);
        probe.process_state = state;
        EXPECT_EQ(other.step(probe).verdict, NodeVerdict::serving) << state;
    }
}

TEST(NodeJudge, ReadOnlyModeIsAVerdictOfItsOwn) {
    NodeJudge judge = make_judge();
    judge.step(serving(1, "follower", 3, 1));
    Probe probe = at(2);
    probe.answered = probe.serving = true;
    probe.srvr = {{"Mode", "read-only"}, {"Zxid", "0x300000001"}};
    const auto health = judge.step(probe);
    EXPECT_EQ(health.verdict, NodeVerdict::read_only);
    EXPECT_EQ(health.role, Role::looking);
    EXPECT_FALSE(health.leader);
    EXPECT_EQ(health.findings.at(0).id, "server.read_only");
}

TEST(NodeJudge, TheVerdictKeepsTheTimeSinceWhichItHolds) {
    NodeJudge judge = make_judge();
    EXPECT_EQ(judge.step(dead(1000)).verdict_since, WallMs(1000));
    EXPECT_EQ(judge.step(dead(2000)).verdict_since, WallMs(1000));
    EXPECT_EQ(judge.step(serving(3000, "leader", 3, 2)).verdict_since, WallMs(3000));
    EXPECT_EQ(judge.step(serving(4000, "leader", 3, 2)).verdict_since, WallMs(3000));
}

TEST(NodeJudge, FindingsKeepTheTimeSinceWhichTheyHold) {
    NodeJudge judge = make_judge();
    judge.step(dead(1000));
    const auto health = judge.step(dead(5000));
    ASSERT_EQ(health.findings.size(), 1u);
    EXPECT_EQ(health.findings[0].id, "server.down");
    EXPECT_EQ(health.findings[0].since, WallMs(1000));
    judge.step(serving(6000, "leader", 3, 2));
    EXPECT_EQ(judge.step(dead(7000)).findings.at(0).since, WallMs(7000));
}

TEST(NodeJudge, ReasonsAreTheWordsOfWhatIsMoreThanANote) {
    agent_api::NodeHealth health;
    add_finding(health, agent_api::make_finding("a", FindingLevel::warning, "one"));
    add_finding(health, agent_api::make_finding("b", FindingLevel::note, "two"));
    add_finding(health, agent_api::make_finding("c", FindingLevel::critical, "three"));
    EXPECT_EQ(health.reasons, (std::vector<std::string>{"one", "three"}));
    EXPECT_EQ(health.findings.size(), 3u);
    for (int i = 0; i < 100; ++i) {
        add_finding(health, agent_api::make_finding("d", FindingLevel::warning, "more"));
    }
    EXPECT_EQ(health.findings.size(), agent_api::kFindingsMax);
    EXPECT_EQ(health.reasons.size(), agent_api::kFindingsMax - 1);
}

TEST(NodeJudge, ADownServerSaysWhenAndByWhomItIsStartedAgain) {
    NodeJudge judge = make_judge();
    Probe probe = dead(1);
    EXPECT_EQ(judge.step(probe).reasons.at(0), "its process does not run");
    probe.next_start_ms = 11001;
    EXPECT_EQ(judge.step(probe).reasons.at(0),
              "its process does not run; the agent starts it again in 12 s");
    probe.next_start_ms.reset();
    probe.unit = UnitLook{"zookeeper.service", "activating", "auto-restart", true};
    EXPECT_EQ(
        judge.step(probe).reasons.at(0),
        "its process does not run; systemd starts it again (zookeeper.service: auto-restart)");
    probe.unit->active = "failed";
    EXPECT_EQ(judge.step(probe).reasons.at(0),
              "its process does not run; its unit zookeeper.service is failed");
}

TEST(NodeJudge, DeathIsBelievedAtOnce) {
    NodeJudge judge = make_judge();
    judge.step(serving(1, "leader", 3, 2));
    const auto health = judge.step(dead(2));
    EXPECT_EQ(health.verdict, NodeVerdict::down);
    EXPECT_EQ(health.role, Role::down);
    EXPECT_FALSE(health.leader);
}

TEST(NodeJudge, AnotherProcessIsNotBelievedToBeWhatTheOneBeforeWas) {
    NodeJudge judge = make_judge();
    judge.step(serving(1, "leader", 3, 2));
    Probe restarted = silent(2);  // it died and was started again between two looks
    restarted.pid = 101;
    restarted.process_uptime_s = 0;
    const auto health = judge.step(restarted);
    EXPECT_EQ(health.verdict, NodeVerdict::starting);
    EXPECT_EQ(health.role, Role::down);
    EXPECT_FALSE(health.leader);
    EXPECT_EQ(health.history.size(), 2u);
}

TEST(NodeJudge, SilenceIsStartingFirstAndStuckLater) {
    NodeJudge judge = make_judge();
    Probe probe = silent(1);
    probe.process_uptime_s = 3;
    EXPECT_EQ(judge.step(probe).verdict, NodeVerdict::starting);
    probe.process_uptime_s = 61;
    EXPECT_EQ(judge.step(probe).verdict, NodeVerdict::stuck);
}

TEST(NodeJudge, RestartStartsAgain) {
    NodeJudge judge = make_judge();
    judge.step(serving(1, "follower", 3, 1));
    judge.step(dead(2));
    Probe again = silent(3);
    again.process_uptime_s = 0;
    EXPECT_EQ(judge.step(again).verdict, NodeVerdict::starting);
    EXPECT_EQ(judge.step(serving(4, "follower", 3, 1)).verdict, NodeVerdict::serving);
}

TEST(NodeJudge, StoppedOnPurposeIsSaid) {
    NodeJudge judge = make_judge();
    Probe probe = dead(1);
    probe.stopped_on_purpose = true;
    EXPECT_EQ(judge.step(probe).reasons.front(), "it was stopped on purpose");
}

TEST(NodeJudge, LowSpaceIsAReasonThoughItServes) {
    NodeJudge judge = make_judge();
    Probe probe = serving(1, "follower", 3, 1);
    probe.data_disk.free_bytes = 100ULL << 20;
    probe.log_disk.free_bytes = 10ULL << 30;
    const auto health = judge.step(probe);
    EXPECT_EQ(health.verdict, NodeVerdict::serving);
    ASSERT_EQ(health.reasons.size(), 1u);
    EXPECT_EQ(health.reasons[0], "only 100 MiB are free for data");
    probe.data_disk.free_bytes = 0;  // full, which is not the same as not known
    EXPECT_EQ(judge.step(probe).reasons.at(0), "only 0 MiB are free for data");
    probe.data_disk.free_bytes.reset();
    EXPECT_TRUE(judge.step(probe).reasons.empty());
}

TEST(NodeJudge, HistoryIsBoundedAndSurvivesARestart) {
    NodeJudge judge = make_judge();
    for (int i = 0; i < 200; ++i) judge.step(serving(i, "follower", i, 1));
    ASSERT_EQ(judge.health().history.size(), agent_api::kHistoryMax);
    EXPECT_EQ(judge.health().history.back().epoch, Epoch(199));

    NodeJudge later = make_judge();
    later.restore(judge.health().history);
    EXPECT_EQ(later.health().changed_at, WallMs(199));
    later.step(serving(500, "follower", 199, 1));
    EXPECT_EQ(later.health().changed_at, WallMs(199));
    EXPECT_EQ(later.history_version(), 0u);
    later.step(dead(600));
    EXPECT_EQ(later.health().changed_at, WallMs(600));
}

// Nobody knows since when a server is what a first look finds; without an agent there is no other.
TEST(NodeJudge, AFirstLookAloneIsNoChange) {
    JudgeSettings settings;
    settings.cluster = "demo";
    settings.self = {ServerId(2), "/data", 2181, ""};
    settings.dates_first_look = false;
    NodeJudge judge(settings);
    EXPECT_EQ(judge.step(serving(1000, "follower", 3, 1)).changed_at, WallMs());
    EXPECT_EQ(judge.step(serving(2000, "follower", 3, 1)).changed_at, WallMs());
    ASSERT_EQ(judge.health().history.size(), 1U) << "it was seen so from then on";
    EXPECT_EQ(judge.step(serving(3000, "leader", 4, 2)).changed_at, WallMs(3000));
    NodeJudge later(settings);
    later.restore(judge.health().history);
    EXPECT_EQ(later.step(serving(4000, "follower", 5, 1)).changed_at, WallMs(4000));
}

TEST(NodeJudge, NonsenseInAnswersIsLeftOut) {
    NodeJudge judge = make_judge();
    Probe probe = serving(1, "follower", 3, 1);
    probe.mntr["last_zxid"] = "0x";
    probe.mntr["current_epoch"] = "many";
    probe.mntr["leader_id"] = "";
    probe.mntr["num_alive_connections"] = "-5";
    const auto health = judge.step(probe);
    EXPECT_FALSE(health.zxid);
    EXPECT_FALSE(health.epoch);
    EXPECT_FALSE(health.leader);
    EXPECT_FALSE(health.connections);
}

TEST(NodeJudge, AServerWithAnotherIdIsNotThisNode) {
    NodeJudge judge = make_judge();
    judge.step(serving(1, "follower", 3, 1));
    Probe probe = serving(2, "leader", 4, 3);
    probe.mntr["server_id"] = "3";
    probe.myid.sid = ServerId(3);
    const auto health = judge.step(probe);
    EXPECT_EQ(health.verdict, NodeVerdict::conflict);
    EXPECT_EQ(health.role, Role::down);
    EXPECT_EQ(health.sid, ServerId(2));
    EXPECT_EQ(health.answered_sid, ServerId(3));
    EXPECT_FALSE(health.leader || health.zxid || health.epoch || health.connections);
    ASSERT_TRUE(health.conflict);
    EXPECT_EQ(health.conflict->kind, ConflictKind::sid);
    EXPECT_EQ(
        health.conflict->words,
        "its server speaks as server 3, this is server 2; stop it: /data/myid says 3, this is "
        "server 2; write 2 into it if the data is this server's, or put the right disk back");
    ASSERT_EQ(health.reasons.size(), 1u);
    // What the other one was is not believed of this node when that one falls silent.
    EXPECT_EQ(judge.step(silent(3)).verdict, NodeVerdict::starting);
    EXPECT_FALSE(judge.health().answered_sid);
    probe.mntr["server_id"] = "2";
    EXPECT_EQ(judge.step(probe).verdict, NodeVerdict::serving);
    EXPECT_FALSE(judge.health().conflict);
}

TEST(NodeJudge, ApacheSaysItsIdInConf) {
    NodeJudge judge = make_judge();
    Probe probe = at(1);
    probe.answered = probe.serving = true;
    probe.srvr = {{"Mode", "follower"}, {"Zxid", "0x100000390"}};
    probe.conf = {{"serverId", "5"}, {"server.5", "h:1:2:participant"}, {"clientPort", "2181"}};
    EXPECT_EQ(judge.step(probe).verdict, NodeVerdict::conflict);
    EXPECT_EQ(judge.health().members, std::vector<std::string>{"server.5=h:1:2:participant"});
    probe.conf["serverId"] = "0";  // of a standalone server, which says nothing
    EXPECT_EQ(judge.step(probe).verdict, NodeVerdict::serving);
    EXPECT_FALSE(judge.health().answered_sid);
}

TEST(NodeJudge, AnotherProcessOrAnotherDirectoryIsNotThisNode) {
    NodeJudge judge = make_judge();
    Probe probe = serving(1, "follower", 3, 1);
    probe.own_data_dir = false;
    probe.conf = {{"dataDir", "/else/version-2"}};
    EXPECT_EQ(judge.step(probe).verdict, NodeVerdict::conflict);
    EXPECT_EQ(judge.health().conflict->kind, ConflictKind::data);
    probe.own_data_dir = true;
    EXPECT_EQ(judge.step(probe).verdict, NodeVerdict::serving);
    probe.stranger = PortHolder{2181, 4711, "java"};
    probe.process = false;
    const auto health = judge.step(probe);
    EXPECT_EQ(health.verdict, NodeVerdict::conflict);
    EXPECT_EQ(health.conflict->kind, ConflictKind::process);
    EXPECT_NE(health.conflict->words.find("port 2181 is held by java (4711)"), std::string::npos);
    EXPECT_EQ(health.reasons.back(), "its own process does not run");
    // Somebody who holds the port and says nothing.
    Probe mute = dead(2);
    mute.stranger = PortHolder{3888, 0, ""};
    EXPECT_EQ(judge.step(mute).verdict, NodeVerdict::down);
    EXPECT_EQ(judge.health().conflict->kind, ConflictKind::process);
    EXPECT_EQ(judge.health().reasons.back(), "its process does not run");
    EXPECT_NE(judge.health().conflict->words.find("port 3888 is held by another process"),
              std::string::npos);
}

TEST(NodeJudge, AServerAtAnotherAddressThanItWasGivenIsNotThisNode) {
    NodeJudge judge = make_judge();
    const auto verdict_of = [&](const std::string& line) {
        Probe probe = serving(1, "follower", 3, 1);
        probe.conf = {
            {"serverId", "2"}, {"server.1", "10.9.9.9:1:2:participant"}, {"server.2", line}};
        return judge.step(probe).verdict;
    };
    EXPECT_EQ(verdict_of("10.0.0.2:2888:3888:participant"), NodeVerdict::serving);
    EXPECT_EQ(verdict_of("10.0.0.2:2888:3888:participant;0.0.0.0:2181"), NodeVerdict::serving);
    EXPECT_EQ(verdict_of("two.lan:2888:3888:participant"), NodeVerdict::serving);  // may be it
    EXPECT_EQ(verdict_of("nonsense"), NodeVerdict::serving);
    EXPECT_EQ(verdict_of("10.0.0.7:2888:3888:participant"), NodeVerdict::conflict);
    EXPECT_EQ(verdict_of("10.0.0.2:2888:3889:participant"), NodeVerdict::conflict);
    EXPECT_EQ(verdict_of("10.0.0.2:2889:3888:participant"), NodeVerdict::conflict);
    EXPECT_EQ(judge.health().conflict->kind, ConflictKind::address);
    EXPECT_EQ(judge.health().conflict->words,
              "its server runs as server.2=10.0.0.2:2889:3888, zkprov gave it 10.0.0.2:2888:3888; "
              "bring its zoo.cfg back (zkprov apply) and restart it");
    // An apply gave it these ports, and it has been restarted with them.
    judge.move_to({ServerId(2), "/data", 2181, "10.0.0.2:2889:3888"});
    EXPECT_EQ(verdict_of("10.0.0.2:2889:3888:participant"), NodeVerdict::serving);
    for (const auto& [given, told] : {std::pair("[fd00::2]:1:2", "[fd00:0:0:0:0:0:0:2]:1:2"),
                                      std::pair("Two.lan:1:2", "two.lan.:1:2")}) {
        judge.move_to({ServerId(2), "/data", 2181, given});
        EXPECT_EQ(verdict_of(std::string(told) + ":participant"), NodeVerdict::serving) << told;
    }
    judge.move_to({ServerId(2), "/data", 2181, ""});
    EXPECT_EQ(verdict_of("10.0.0.9:1:2:participant"), NodeVerdict::serving);
}

TEST(NodeJudge, AServerThatIsDownBecauseOfItsMyidSaysSo) {
    NodeJudge judge = make_judge();
    Probe probe = dead(1);
    probe.myid.sid = ServerId(3);
    const auto health = judge.step(probe);
    EXPECT_EQ(health.verdict, NodeVerdict::down);
    ASSERT_TRUE(health.conflict);
    EXPECT_NE(health.reasons.front().find("/data/myid says 3"), std::string::npos);
    probe.myid = {std::nullopt, "is missing"};
    EXPECT_FALSE(judge.step(probe).conflict);
    EXPECT_NE(judge.health().reasons.back().find("/data/myid is missing; write 2 into it"),
              std::string::npos);
    // One that runs as itself could not start again so, which is worth a word and no more.
    Probe well = serving(2, "follower", 3, 1);
    well.mntr["server_id"] = "2";
    well.myid.sid = ServerId(3);
    EXPECT_EQ(judge.step(well).verdict, NodeVerdict::serving);
    EXPECT_FALSE(judge.health().conflict);
    EXPECT_EQ(judge.health().reasons.size(), 1u);
}

TEST(NodeJudge, WhatIsNotKnownYetIsNotZero) {
    NodeJudge judge = make_judge();
    Probe probe = serving(1, "follower", 1, 1);
    probe.mntr["last_zxid"] = "0x0";  // it has applied nothing
    probe.mntr.erase("num_alive_connections");
    const auto health = judge.step(probe);
    EXPECT_FALSE(health.zxid);
    EXPECT_FALSE(health.connections);
    EXPECT_FALSE(health.znodes);
    EXPECT_FALSE(health.data_free_bytes);
    judge.step(serving(2, "follower", 3, 1));
    EXPECT_TRUE(judge.health().zxid);
    EXPECT_FALSE(judge.step(dead(3)).zxid);
}

}  // namespace
}  // namespace zk::node_judge
