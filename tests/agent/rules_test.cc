#include "node_judge/rules.h"

#include <chrono>
#include <cstdlib>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "node_judge/node_judge.h"

namespace zk::node_judge {
namespace {

using agent_api::Finding;
using agent_api::FindingLevel;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr std::uint64_t kMebibyte = 1ULL << 20;

/// A node whose server serves; each look is a second after the one before.
class NodeRules : public ::testing::Test {
  protected:
    NodeRules() : judge_(settings()) {
        probe_.process = true;
        probe_.pid = 100;
        probe_.process_state = 'S';
        probe_.answered = probe_.serving = true;
        probe_.failure = "timeout";
        probe_.mntr = {{"server_state", "follower"}, {"leader_id", "1"}};
        probe_.data_disk = {"/data", 1, 100 * 1024 * kMebibyte, 1000000, 900000, false};
        probe_.log_disk = {"/logs", 2, 100 * 1024 * kMebibyte, 1000000, 900000, false};
    }
    static JudgeSettings settings() {
        JudgeSettings made;
        made.cluster = "demo";
        made.self = {ServerId(2), "/data", 2181, ""};
        return made;
    }
    const agent_api::NodeHealth& look(Duration later = seconds(1)) {
        probe_.now += later;
        probe_.wall_ms = WallMs(probe_.wall_ms.value() + to_ms(later));
        return judge_.step(probe_);
    }
    const agent_api::NodeHealth& looks(seconds time) {
        for (seconds done(0); done < time; ++done) look();
        return judge_.health();
    }
    /// "id level value/limit subject" of each.
    static std::vector<std::string> told(const agent_api::NodeHealth& health) {
        std::vector<std::string> all;
        for (const Finding& finding : health.findings) {
            std::string text = finding.id + " " + std::string(to_string(finding.level));
            if (finding.value) {
                text += " " + std::to_string(*finding.value) + "/" + std::to_string(*finding.limit);
            }
            if (!finding.subject.empty()) text += " " + finding.subject;
            all.push_back(std::move(text));
        }
        return all;
    }
    using Told = std::vector<std::string>;

    NodeJudge judge_;
    Probe probe_;
};

TEST_F(NodeRules, AHealthyNodeHasNoFindings) { EXPECT_EQ(told(looks(seconds(1000))), Told()); }

TEST_F(NodeRules, SpaceByLevels) {
    struct Case {
        std::uint64_t free;
        Told told;
    };
    for (const auto& [free, expected] :
         std::vector<Case>{{512 * kMebibyte, {}},
                           {512 * kMebibyte - 1, {"disk.space warning 536870911/536870912 /logs"}},
                           {64 * kMebibyte, {"disk.space warning 67108864/536870912 /logs"}},
                           {64 * kMebibyte - 1, {"disk.space critical 67108863/67108864 /logs"}},
                           {0, {"disk.space critical 0/67108864 /logs"}}}) {
        probe_.log_disk.free_bytes = free;
        EXPECT_EQ(told(look()), expected) << free;
    }
    probe_.log_disk.free_bytes.reset();
    EXPECT_EQ(told(look()), Told());
}

TEST_F(NodeRules, OneDiskIsToldOnce) {
    probe_.data_disk.free_bytes = probe_.log_disk.free_bytes = 0;
    EXPECT_EQ(look().findings.size(), 2u);
    probe_.log_disk.device = probe_.data_disk.device;
    EXPECT_EQ(told(look()), Told{"disk.space critical 0/67108864 /data"});
    // Without the numbers of devices, the same room is taken for the same disk.
    probe_.log_disk.device = probe_.data_disk.device = 0;
    EXPECT_EQ(look().findings.size(), 1u);
}

TEST_F(NodeRules, Inodes) {
    probe_.data_disk.free_inodes = 1000;
    EXPECT_EQ(told(look()), Told());
    probe_.data_disk.free_inodes = 999;
    EXPECT_EQ(told(look()), Told{"disk.inodes warning 999/1000 /data"});
    probe_.data_disk.free_inodes = 49;
    EXPECT_EQ(told(look()), Told{"disk.inodes critical 49/1000 /data"});
    probe_.data_disk.inodes.reset();  // a file system that makes them as it needs them
    EXPECT_EQ(told(look()), Told());
}

TEST_F(NodeRules, AReadOnlyDiskIsCriticalThoughItServes) {
    probe_.log_disk.read_only = true;
    EXPECT_EQ(told(look()), Told{"disk.read_only critical /logs"});
    EXPECT_EQ(judge_.health().verdict, agent_api::NodeVerdict::serving);
}

TEST_F(NodeRules, ADiskThatFillsUpIsToldBeforeItIsFull) {
    std::uint64_t free = 10 * 1024 * kMebibyte;
    for (int s = 0; s < 1200; ++s) {
        free -= kMebibyte / 4;
        probe_.log_disk.free_bytes = free;
        look();
    }
    ASSERT_EQ(judge_.health().findings.size(), 1u);
    const Finding& finding = judge_.health().findings[0];
    EXPECT_EQ(finding.id, "disk.trend");
    EXPECT_EQ(finding.subject, "/logs");
    EXPECT_EQ(finding.level, FindingLevel::warning);
    EXPECT_EQ(judge_.health().full_in_s, static_cast<std::uint64_t>(*finding.value));
    EXPECT_NEAR(static_cast<double>(*finding.value), 9940.0 * 4, 600);
    EXPECT_EQ(finding.words,
              "the disk of logs is full in 11 hours if it goes on as in the last 20 minutes");
    for (int s = 0; s < 6300; ++s) {
        free -= kMebibyte / 4;
        probe_.log_disk.free_bytes = free;
        look();
    }
    EXPECT_EQ(judge_.health().findings[0].words,
              "the disk of logs is full in 9 hours if it goes on as in the last two hours");
    probe_.log_disk.device = 3;
    EXPECT_EQ(told(look()), Told());
    EXPECT_FALSE(judge_.health().full_in_s);
}

TEST_F(NodeRules, AFileSystemThatHangs) {
    probe_.data_disk = {"/data", 0, {}, {}, {}, false};
    probe_.silent_disk.emplace();
    probe_.silent_disk->path = "/data";
    probe_.silent_disk->for_s = 4;
    EXPECT_EQ(told(look()), Told{"disk.silent critical 4/3 /data"});
    EXPECT_EQ(
        judge_.health().findings[0].words,
        "the file system of /data has not answered for 4 seconds: look at the disk or the file "
        "server behind it, and at the kernel's log (dmesg)");
    probe_.silent_disk.reset();
    EXPECT_EQ(told(look()), Told());
}

TEST_F(NodeRules, TheAgentsOwnProgram) {
    probe_.agent_drift = {"/opt/zkprov/bin/zkprov-agent", "is missing"};
    EXPECT_EQ(told(looks(seconds(15))), Told()) << "an apply may be under way";
    EXPECT_EQ(told(looks(seconds(1))), Told{"agent.drift warning /opt/zkprov/bin/zkprov-agent"});
    EXPECT_EQ(judge_.health().findings[0].words,
              "/opt/zkprov/bin/zkprov-agent is missing; zkprov apply installs its own agent and "
              "starts it again");
    probe_.agent_drift.reset();
    EXPECT_EQ(told(look()), Told());
}

TEST_F(NodeRules, MemoryOfASmallHostAndOfALargeOne) {
    struct Case {
        std::uint64_t total;
        std::uint64_t available;
        Told told;
    };
    constexpr std::uint64_t kGibibyte = 1024 * kMebibyte;
    for (const auto& [total, available, expected] : std::vector<Case>{
             {2 * kGibibyte, 2 * kGibibyte / 20, {}},
             {2 * kGibibyte, 2 * kGibibyte / 20 - 1, {"memory.host warning 107374181/107374182"}},
             {2 * kGibibyte, 2 * kGibibyte / 50 - 1, {"memory.host critical 42949671/42949672"}},
             {64 * kGibibyte, 512 * kMebibyte, {}},
             {64 * kGibibyte, 511 * kMebibyte, {"memory.host warning 535822336/536870912"}},
             {64 * kGibibyte, 127 * kMebibyte, {"memory.host critical 133169152/134217728"}}}) {
        probe_.memory.total_bytes = total;
        probe_.memory.available_bytes = available;
        EXPECT_EQ(told(looks(seconds(31))), expected) << available;
        EXPECT_EQ(judge_.health().memory_available_bytes, available);
    }
    probe_.memory.total_bytes.reset();
    EXPECT_EQ(told(look()), Told()) << "what is not known is not guessed";
}

TEST_F(NodeRules, LittleMemoryForAMomentIsBorneNoneIsNot) {
    probe_.memory.total_bytes = 2048 * kMebibyte;
    probe_.memory.available_bytes = 80 * kMebibyte;
    EXPECT_EQ(told(looks(seconds(30))), Told());
    EXPECT_EQ(told(look()), Told{"memory.host warning 83886080/107374182"});
    probe_.memory.available_bytes = 1024 * kMebibyte;
    EXPECT_EQ(told(look()), Told());
    probe_.memory.available_bytes = kMebibyte;
    EXPECT_EQ(told(look()), Told{"memory.host critical 1048576/42949672"});
}

TEST_F(NodeRules, PressureOfMemory) {
    probe_.memory.stalled_parts = 999;
    EXPECT_EQ(told(look()), Told());
    probe_.memory.stalled_parts = 1000;
    EXPECT_EQ(told(look()), Told{"memory.pressure warning 10/10"});
    probe_.memory.stalled_parts = 3999;
    EXPECT_EQ(told(look()), Told{"memory.pressure warning 39/10"});
    probe_.memory.stalled_parts = 4000;
    EXPECT_EQ(told(look()), Told{"memory.pressure critical 40/40"});
}

TEST_F(NodeRules, TheLimitOfItsUnit) {
    probe_.memory.limit_at = "/system.slice/zookeeper.service";
    probe_.memory.limit_bytes = 1000 * kMebibyte;
    probe_.memory.limited_bytes = 900 * kMebibyte - 1;
    EXPECT_EQ(told(look()), Told());
    probe_.memory.limited_bytes = 900 * kMebibyte;
    EXPECT_EQ(told(look()),
              Told{"memory.limit warning 943718400/943718400 /system.slice/zookeeper.service"});
    EXPECT_EQ(judge_.health().findings[0].words,
              "its server has 900 MiB of the 1000 MiB that /system.slice/zookeeper.service may "
              "have, and the kernel ends it there; raise MemoryMax, or keep less in the tree");
    probe_.memory.limited_bytes = 1200 * kMebibyte;
    EXPECT_EQ(judge_.health().findings.size(), 1U);
    EXPECT_EQ(look().findings[0].level, FindingLevel::critical);
    probe_.memory.limited_bytes.reset();
    EXPECT_EQ(told(look()), Told());
}

TEST_F(NodeRules, TheClockByTheMedianOfThoseItHears) {
    EXPECT_FALSE(look().clock_offset_ms);
    probe_.clocks = {{ServerId(1), {seconds(3), milliseconds(2)}},
                     {ServerId(3), {seconds(3), milliseconds(2)}}};
    EXPECT_EQ(told(look()), Told{"clock.offset warning 3000/500"});
    EXPECT_EQ(judge_.health().clock_offset_ms, -3000);
    EXPECT_EQ(judge_.health().clock_uncertain_ms, 2);
    // It is the other one that is off.
    probe_.clocks[0].look.ahead = Duration(0);
    EXPECT_EQ(told(look()), Told());
    EXPECT_LE(std::abs(*judge_.health().clock_offset_ms), 2);
    probe_.clocks.clear();
    EXPECT_FALSE(look().clock_offset_ms);
}

TEST_F(NodeRules, SyncsOfTheLastMinuteCount) {
    std::uint64_t count = 1000;
    std::uint64_t total_ms = 900000;  // what was before the agent looked says nothing of now
    const auto run = [&](int looks_made, std::uint64_t each_ms) {
        for (int i = 0; i < looks_made; ++i) {
            count += 2;
            total_ms += 2 * each_ms;
            probe_.mntr["cnt_fsynctime"] = std::to_string(count);
            probe_.mntr["sum_fsynctime"] = std::to_string(total_ms) + ".0";
            look();
        }
        return told(judge_.health());
    };
    EXPECT_EQ(run(2, 5), Told());
    EXPECT_FALSE(judge_.health().fsync_ms);  // too few to say anything
    EXPECT_EQ(run(70, 5), Told());
    EXPECT_EQ(judge_.health().fsync_ms, 5u);
    EXPECT_EQ(run(70, 30), Told{"disk.slow note 30/20"});
    EXPECT_TRUE(judge_.health().reasons.empty());
    EXPECT_EQ(run(70, 150), Told{"disk.slow warning 150/100"});
    EXPECT_EQ(run(70, 1500), Told{"disk.slow critical 1500/1000"});
    EXPECT_EQ(run(70, 5), Told());
    count = 1;  // the server was restarted
    total_ms = 4000;
    EXPECT_EQ(run(1, 5), Told());
    EXPECT_FALSE(judge_.health().fsync_ms);
}

TEST_F(NodeRules, ASyncThatDoesNotEndIsToldWithinOneLook) {
    probe_.mntr["fsync_pending_ms"] = "999";
    EXPECT_EQ(told(look()), Told());
    probe_.mntr["fsync_pending_ms"] = "1000";
    EXPECT_EQ(told(look()), Told{"disk.stalled critical 1000/1000"});
}

TEST_F(NodeRules, Descriptors) {
    probe_.mntr["max_file_descriptor_count"] = "1000";
    struct Case {
        std::string open;
        Told told;
    };
    for (const auto& [open, expected] :
         std::vector<Case>{{"699", {}},
                           {"700", {"server.files warning 700/1000"}},
                           {"899", {"server.files warning 899/1000"}},
                           {"900", {"server.files critical 900/1000"}},
                           {"-1", {}}}) {
        probe_.mntr["open_file_descriptor_count"] = open;
        EXPECT_EQ(told(look()), expected) << open;
    }
    // One that does not tell: as the system counts.
    probe_.open_files = 95;
    probe_.open_files_max = 100;
    EXPECT_EQ(told(look()), Told{"server.files critical 95/100"});
    EXPECT_EQ(judge_.health().open_files, 95u);
}

TEST_F(NodeRules, RequestsThatWaitForLong) {
    probe_.mntr["outstanding_requests"] = "11";
    EXPECT_EQ(told(looks(seconds(600))), Told());
    EXPECT_EQ(told(look()), Told{"server.outstanding warning 11/10"});
    probe_.mntr["outstanding_requests"] = "10";
    EXPECT_EQ(told(look()), Told());
    probe_.mntr["outstanding_requests"] = "501";
    EXPECT_EQ(told(look()), Told{"server.outstanding critical 501/500"});
}

TEST_F(NodeRules, ALogThatIsAheadOfTheTree) {
    probe_.mntr["last_logged_zxid"] = "0x3000007d1";
    probe_.mntr["last_zxid"] = "0x3000003e9";
    EXPECT_EQ(told(looks(seconds(60))), Told());
    probe_.mntr["last_zxid"] = "0x3000003e8";
    EXPECT_EQ(told(looks(seconds(5))), Told());
    EXPECT_EQ(told(look()), Told{"server.behind warning 1001/1000"});
    // Another epoch is another count.
    probe_.mntr["last_zxid"] = "0x200000001";
    EXPECT_EQ(told(look()), Told());
}

TEST_F(NodeRules, DamageThatTheServerCounts) {
    probe_.mntr["digest_mismatches_count"] = "0";
    EXPECT_EQ(told(look()), Told());
    probe_.mntr["digest_mismatches_count"] = "2";
    EXPECT_EQ(told(look()), Told{"server.damage critical 2/0"});
}

// Apache's server counts such a thread of a time before an election, and serves on.
TEST_F(NodeRules, AThreadThatEndedIsNoDamage) {
    probe_.mntr["unrecoverable_error_count"] = "0";
    EXPECT_EQ(told(look()), Told());
    probe_.mntr["unrecoverable_error_count"] = "1";
    EXPECT_EQ(told(look()), Told{"server.thread note 1/0"});
}

TEST_F(NodeRules, FilesThatNobodyPurges) {
    probe_.storage = StorageLook{20, 50, 700 * kMebibyte, 60, 0, false};
    EXPECT_EQ(told(look()), Told());
    probe_.storage->snapshots = 21;
    EXPECT_EQ(told(look()), Told{"storage.unpurged warning 21/20"});
    EXPECT_EQ(judge_.health().reasons.at(0),
              "21 snapshots and 50 logs lie there (700 MiB) and nothing removes old ones; set "
              "autopurge.purgeInterval");
    probe_.storage->purges = true;
    EXPECT_EQ(told(look()), Told());
    probe_.storage->logs_since = 21;
    EXPECT_EQ(told(look()), Told{"storage.no_snapshot note 21/20"});
    EXPECT_EQ(judge_.health().snapshots, 21u);
    EXPECT_EQ(judge_.health().logs, 50u);
    EXPECT_EQ(judge_.health().snapshot_age_s, 60u);
}

TEST_F(NodeRules, ThreeRestartsInTenMinutes) {
    probe_.restarts = 40;  // of the time before this agent
    look();
    probe_.restarts = 42;
    EXPECT_EQ(told(look(minutes(1))), Told());
    probe_.restarts = 43;
    EXPECT_EQ(told(look(minutes(1))), Told{"server.restarts warning 3/3"});
    probe_.answered = false;
    probe_.process = false;
    EXPECT_EQ(told(look()), (Told{"server.down critical", "server.restarts critical 3/3"}));
    // The first two are too long ago.
    probe_.answered = probe_.process = true;
    EXPECT_EQ(told(look(minutes(9) - seconds(1))), Told{"server.restarts warning 3/3"});
    EXPECT_EQ(told(look()), Told());
    // Somebody started the unit by hand, and it counts anew.
    probe_.restarts = 0;
    EXPECT_EQ(told(look()), Told());
    probe_.restarts = 3;
    EXPECT_EQ(look().findings.size(), 1u);
}

TEST_F(NodeRules, AUnitThatWouldNotComeBack) {
    probe_.unit = UnitLook{"zookeeper.service", "active", "running", true};
    EXPECT_EQ(told(look()), Told());
    probe_.unit->enabled = false;
    EXPECT_EQ(told(looks(seconds(35))), Told());
    EXPECT_EQ(told(look()), Told{"unit.disabled warning zookeeper.service"});
}

TEST_F(NodeRules, AServerOutsideOfItsUnit) {
    probe_.unit = UnitLook{"zookeeper.service", "inactive", "dead", false};
    probe_.outside = "java (77)";
    EXPECT_EQ(told(look()), Told{"unit.outside warning"});
    EXPECT_NE(judge_.health().findings[0].words.find("was not started by zkprov: java (77)"),
              std::string::npos);
    probe_.outside.clear();
    probe_.unit->enabled = true;
    EXPECT_EQ(told(look()), Told());
}

TEST_F(NodeRules, DriftIsToldOnceItStays) {
    probe_.drifts = {{"/etc/zoo.cfg", "is missing"}, {"/etc/unit", "has mode 777"}};
    EXPECT_EQ(told(looks(seconds(15))), Told());
    EXPECT_EQ(told(look()),
              (Told{"files.drift warning /etc/zoo.cfg", "files.drift warning /etc/unit"}));
    EXPECT_EQ(judge_.health().findings[0].since, WallMs(1000));
    probe_.drifts.clear();
    EXPECT_EQ(told(look()), Told());
    probe_.drifts = {{"/etc/zoo.cfg", "is missing"}};
    EXPECT_EQ(told(look()), Told());
}

}  // namespace
}  // namespace zk::node_judge
