#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "samples.h"
#include "storage/disk_command.h"
#include "storage/epoch_files.h"

namespace zk::storage {
namespace {
using testing::ElementsAre;
using testing::HasSubstr;
using testing::UnorderedElementsAre;

const ExecutorOptions kOptions{plain_log(), {}};

std::vector<DiskEvent> run(DiskExecutor& executor, std::vector<DiskCommand> batch) {
    std::vector<DiskEvent> out;
    executor.execute(batch, out);
    EXPECT_TRUE(batch.empty());
    return out;
}

/// "durable 0x2, current 3, ..." for the events.
std::string words(const std::vector<DiskEvent>& events) {
    struct Words {
        std::string operator()(const LogDurable& e) const {
            return "durable " + to_string(e.up_to);
        }
        std::string operator()(const AcceptedEpochSaved& e) const {
            return "accepted " + to_string(e.epoch);
        }
        std::string operator()(const CurrentEpochSaved& e) const {
            return "current " + to_string(e.epoch);
        }
        std::string operator()(const LogTruncated& e) const {
            return "truncated " + to_string(e.state.last_zxid);
        }
        std::string operator()(const TruncateFailed& e) const {
            return "cannot truncate: " + e.why;
        }
        std::string operator()(const SnapshotInstalled& e) const {
            return "installed " + to_string(e.zxid);
        }
        std::string operator()(const LogRead& e) const {
            std::string text = "read " + std::to_string(e.reader) + (e.found ? ":" : " not found");
            for (const auto& [zxid, bytes] : e.txns) text += " " + to_string(zxid);
            return text;
        }
        std::string operator()(const Reloaded& e) const {
            return "reloaded " + to_string(e.state.last_zxid);
        }
        std::string operator()(const DiskFailed& e) const { return "failed: " + e.words; }
    };
    std::string text;
    for (const DiskEvent& event : events)
        text += (text.empty() ? "" : ", ") + std::visit(Words(), event);
    return text;
}

class DiskExecutorTest : public testing::Test {
  protected:
    DiskExecutorTest() { ZK_VALUE(recover(disk_, kPaths, {})); }

    sim::SimDisk disk_;
};

TEST_F(DiskExecutorTest, OneSyncForABatchOfAppends) {
    DiskExecutor executor(disk_, kPaths, kOptions);
    run(executor, {append(1)});
    const std::uint64_t before = disk_.sync_count();
    std::vector<DiskCommand> batch;
    for (std::int64_t i = 2; i <= 100; ++i) batch.emplace_back(append(i));
    EXPECT_EQ(words(run(executor, std::move(batch))), "durable 0x64");
    EXPECT_EQ(disk_.sync_count() - before, 1U);
}

TEST_F(DiskExecutorTest, EpochIsWrittenAfterEarlierAppendsAreDurable) {
    DiskExecutor executor(disk_, kPaths, kOptions);
    std::vector<DiskCommand> batch;
    batch.emplace_back(append(1));
    batch.emplace_back(SaveCurrentEpoch{Epoch(1)});
    batch.emplace_back(append(0x100000001));
    batch.emplace_back(SaveAcceptedEpoch{Epoch(2)});
    EXPECT_EQ(words(run(executor, std::move(batch))),
              "durable 0x1, current 1, durable 0x100000001, accepted 2");
}

TEST_F(DiskExecutorTest, EventsComeInTheOrderOfCommandsAndNothingIsSyncedTwice) {
    DiskExecutor executor(disk_, kPaths, kOptions);
    std::vector<DiskCommand> batch;
    batch.emplace_back(append(1));
    batch.emplace_back(RollLog{});
    batch.emplace_back(append(2));
    // The old file is durable before the new one begins.
    EXPECT_EQ(words(run(executor, std::move(batch))), "durable 0x1, durable 0x2");
    EXPECT_EQ(words(run(executor, {})), "");
    EXPECT_THAT(names(disk_),
                ElementsAre("acceptedEpoch", "currentEpoch", "log.1", "log.2", "snapshot.0"));
}

TEST_F(DiskExecutorTest, TruncateReloadsAndTheNextAppendIsANewFile) {
    DiskExecutor executor(disk_, kPaths, kOptions);
    std::vector<DiskCommand> batch;
    for (std::int64_t i = 1; i <= 5; ++i) batch.emplace_back(append(i));
    batch.emplace_back(TruncateLog{Zxid(3)});
    batch.emplace_back(append(4));
    auto events = run(executor, std::move(batch));
    EXPECT_EQ(words(events), "durable 0x5, truncated 0x3, durable 0x4");
    EXPECT_EQ(std::get<LogTruncated>(events[1]).state.tree->digest(), numbered_tree(3).digest());
    EXPECT_EQ(ZK_VALUE(read_log(disk_)).size(), 4U);
    EXPECT_TRUE(ZK_VALUE(disk_.exists(kDir + "/log.4")));
}

TEST_F(DiskExecutorTest, TruncateRemovesSnapshotsThatContainMore) {
    DiskExecutor executor(disk_, kPaths, kOptions);
    std::vector<DiskCommand> batch;
    for (std::int64_t i = 1; i <= 5; ++i) batch.emplace_back(append(i));
    run(executor, std::move(batch));
    save_snapshot(disk_, numbered_tree(4));
    // Named 2, but with changes up to 5 in it.
    tree::DataTree tree = numbered_tree(2);
    SnapshotSerializer fuzzy(tree, {}, Form::file);
    for (std::int64_t i = 3; i <= 5; ++i) tree.apply(numbered(Zxid(i)));
    Bytes bytes;
    while (fuzzy.next_chunk(bytes, 1000)) {
    }
    disk_.put(kDir + "/snapshot.2", bytes);
    EXPECT_EQ(words(run(executor, {TruncateLog{Zxid(3)}})), "truncated 0x3");
    EXPECT_THAT(names(disk_),
                UnorderedElementsAre("acceptedEpoch", "currentEpoch", "log.1", "snapshot.0"));
}

TEST_F(DiskExecutorTest, TruncateToAnUnknownZxidChangesNothing) {
    DiskExecutor executor(disk_, kPaths, kOptions);
    std::vector<DiskCommand> batch;
    for (const std::int64_t i : {1LL, 2LL, 0x100000001LL, 0x100000002LL})
        batch.emplace_back(append(i));
    run(executor, std::move(batch));
    EXPECT_THAT(words(run(executor, {TruncateLog{Zxid(5)}})),
                HasSubstr("the nearest stored transaction is 0x2"));
    EXPECT_THAT(words(run(executor, {TruncateLog{Zxid(0x100000000)}})),
                HasSubstr("cannot truncate"));
    EXPECT_THAT(words(run(executor, {TruncateLog{Zxid(0x200000000)}})),
                HasSubstr("cannot truncate"));
    EXPECT_EQ(ZK_VALUE(read_log(disk_)).size(), 4U);
    EXPECT_EQ(words(run(executor, {append(0x100000003)})), "durable 0x100000003");
}

TEST_F(DiskExecutorTest, SnapshotOfTheLeaderReplacesEverything) {
    DiskExecutor executor(disk_, kPaths, kOptions);
    std::vector<DiskCommand> batch;
    for (std::int64_t i = 1; i <= 5; ++i) batch.emplace_back(append(i));
    run(executor, std::move(batch));
    save_snapshot(disk_, numbered_tree(5));
    // The leader's history is another one: its snapshot ends at 0x100000007.
    tree::DataTree leaders = numbered_tree(2);
    leaders.set_last_zxid(Zxid(0x100000007));
    save_snapshot(disk_, leaders, {}, SnapshotRole::install);
    EXPECT_TRUE(
        ZK_VALUE(disk_.exists(kDir + "/snapshot.5")));  // until the command nothing has changed
    EXPECT_EQ(words(run(executor, {InstallSnapshot{Zxid(0x100000007)}})), "installed 0x100000007");
    EXPECT_THAT(names(disk_), ElementsAre("acceptedEpoch", "currentEpoch", "snapshot.100000007"));
    std::vector<DiskCommand> after;
    after.emplace_back(append(0x100000008));
    after.emplace_back(SaveAcceptedEpoch{Epoch(1)});
    after.emplace_back(SaveCurrentEpoch{Epoch(1)});
    after.emplace_back(Reload{});
    EXPECT_EQ(words(run(executor, std::move(after))),
              "durable 0x100000008, accepted 1, current 1, reloaded 0x100000008");
}

TEST_F(DiskExecutorTest, InstallingWhatWasNotStagedChangesNothing) {
    DiskExecutor executor(disk_, kPaths, kOptions);
    run(executor, {append(1)});
    EXPECT_THAT(words(run(executor, {InstallSnapshot{Zxid(9)}})), HasSubstr("failed: "));
    EXPECT_THAT(names(disk_), ElementsAre("acceptedEpoch", "currentEpoch", "log.1", "snapshot.0"));
}

TEST_F(DiskExecutorTest, StagedSnapshotsOfAnAbortedSynchronisationGo) {
    DiskExecutor executor(disk_, kPaths, kOptions);
    run(executor, {append(1)});
    save_snapshot(disk_, numbered_tree(7), {}, SnapshotRole::install);
    EXPECT_EQ(words(run(executor, {Reload{}})), "reloaded 0x1");
    EXPECT_THAT(names(disk_), ElementsAre("acceptedEpoch", "currentEpoch", "log.1", "snapshot.0"));
    save_snapshot(disk_, numbered_tree(7), {}, SnapshotRole::install);
    EXPECT_EQ(ZK_VALUE(recover(disk_, kPaths, {})).last_zxid, Zxid(1));
    EXPECT_THAT(names(disk_), ElementsAre("acceptedEpoch", "currentEpoch", "log.1", "snapshot.0"));
}

TEST_F(DiskExecutorTest, ReadsItsOwnAppendsWithoutWaitingForTheirSync) {
    DiskExecutor executor(disk_, kPaths, kOptions);
    std::vector<DiskCommand> batch;
    batch.emplace_back(append(1));
    batch.emplace_back(append(2));
    batch.emplace_back(ReadLog{.reader = 7, .after = Zxid(1), .up_to = Zxid(9), .bytes_max = 1000});
    batch.emplace_back(append(3));
    batch.emplace_back(ReadLog{.reader = 7, .after = Zxid(2), .up_to = Zxid(9), .bytes_max = 1000});
    batch.emplace_back(ReadLog{.reader = 8, .after = Zxid(5), .up_to = Zxid(9), .bytes_max = 1000});
    EXPECT_EQ(words(run(executor, std::move(batch))),
              "read 7: 0x2, read 7: 0x3, read 8 not found, durable 0x3");
}

TEST_F(DiskExecutorTest, ReadersLoseTheirPlaceWhenTheLogIsCut) {
    DiskExecutor executor(disk_, kPaths, kOptions);
    std::vector<DiskCommand> batch;
    for (std::int64_t i = 1; i <= 4; ++i) batch.emplace_back(append(i));
    batch.emplace_back(ReadLog{.reader = 7, .after = Zxid(3), .up_to = Zxid(9), .bytes_max = 1000});
    batch.emplace_back(TruncateLog{Zxid(2)});
    // It could follow 4 as well, but 4 is no more.
    const Zxid next(0x100000001);
    batch.emplace_back(append(next.value()));
    batch.emplace_back(ReadLog{.reader = 7, .after = Zxid(4), .up_to = next, .bytes_max = 1000});
    batch.emplace_back(ReadLog{.reader = 7, .after = Zxid(2), .up_to = next, .bytes_max = 1000});
    EXPECT_EQ(words(run(executor, std::move(batch))),
              "read 7: 0x4, durable 0x4, truncated 0x2, read 7 not found, read 7: 0x100000001, "
              "durable 0x100000001");
}

TEST_F(DiskExecutorTest, PurgeBesideATruncationLeavesASnapshot) {
    DiskExecutor executor(disk_, kPaths, kOptions);
    std::vector<DiskCommand> batch;
    for (std::int64_t i = 1; i <= 6; ++i) batch.emplace_back(append(i));
    run(executor, std::move(batch));
    for (const std::int64_t zxid : {2, 4, 5, 6}) save_snapshot(disk_, numbered_tree(zxid));
    // Found before the leader cuts the log below all of them.
    const std::vector<Zxid> kept = ZK_VALUE(find_kept(disk_, kPaths, 3));
    EXPECT_THAT(kept, ElementsAre(Zxid(6), Zxid(5), Zxid(4)));
    EXPECT_EQ(words(run(executor, {TruncateLog{Zxid(3)}})), "truncated 0x3");
    EXPECT_EQ(words(run(executor, {Purge{kept}})), "");
    EXPECT_THAT(
        names(disk_),
        UnorderedElementsAre("acceptedEpoch", "currentEpoch", "log.1", "snapshot.0", "snapshot.2"));
    EXPECT_EQ(words(run(executor, {Reload{}})), "reloaded 0x3");
}

TEST_F(DiskExecutorTest, PurgeThatFailsIsNoReasonToStop) {
    DiskExecutor executor(disk_, kPaths, kOptions);
    save_snapshot(disk_, numbered_tree(1));
    disk_.fail_after(1);
    EXPECT_EQ(words(run(executor, {Purge{{Zxid(1)}}})), "");
    EXPECT_FALSE(executor.failed());
}

TEST_F(DiskExecutorTest, FailureIsFinal) {
    DiskExecutor executor(disk_, kPaths, kOptions);
    run(executor, {append(1)});
    disk_.fail_after(2);  // the write passes, the sync fails
    EXPECT_THAT(words(run(executor, {append(2)})), HasSubstr("failed: sync"));
    disk_.never_fail();
    EXPECT_TRUE(executor.failed());
    std::vector<DiskCommand> batch;
    batch.emplace_back(append(3));
    batch.emplace_back(SaveCurrentEpoch{Epoch(9)});
    EXPECT_EQ(words(run(executor, std::move(batch))), "");
    EXPECT_EQ(content(disk_, "currentEpoch"), "0");
}

}  // namespace
}  // namespace zk::storage
