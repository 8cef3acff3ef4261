// DIFF, TRUNC or SNAP: the table of docs/PROTOCOL.md 3.3, with our stricter choices.
#include "zab/sync_plan.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "zab/committed_log.h"

namespace zk::zab {
namespace {

constexpr Zxid at(int epoch, std::uint32_t counter) { return {Epoch(epoch), counter}; }

CommittedLog make_log(Zxid base, const std::vector<Zxid>& zxids, std::size_t count_max = 500) {
    CommittedLog log(count_max);
    log.reset(base);
    for (const Zxid zxid : zxids) log.add(zxid, std::make_shared<const std::string>("txn"));
    return log;
}

std::string text(Zxid zxid) {
    return to_string(zxid.epoch()) + '.' + std::to_string(zxid.counter());
}

std::string plan(Zxid peer, const CommittedLog& log) {
    const SyncPlan sync = plan_sync(peer, log, std::size_t{1} << 20);
    std::string out = std::string(to_string(sync.kind)) + ' ' + text(sync.zxid);
    if (sync.from_files) return out + " files>" + text(sync.after);
    for (std::size_t i = log.index_after(sync.after); i < log.size(); ++i) {
        out += " +" + text(log.entries()[i].zxid);
    }
    return out;
}

TEST(SyncPlan, SameEndIsAnEmptyDiff) {
    EXPECT_EQ(plan(at(1, 2), make_log(at(1, 0), {at(1, 1), at(1, 2)})), "DIFF 1.2");
    EXPECT_EQ(plan(at(0, 0), make_log(at(0, 0), {})), "DIFF 0.0");
}

TEST(SyncPlan, KnownZxidGetsWhatFollows) {
    const CommittedLog log = make_log(at(1, 3), {at(1, 4), at(1, 5), at(2, 1)});
    EXPECT_EQ(plan(at(1, 5), log), "DIFF 2.1 +2.1");
    EXPECT_EQ(plan(at(1, 4), log), "DIFF 2.1 +1.5 +2.1");
    EXPECT_EQ(plan(at(1, 3), log), "DIFF 2.1 +1.4 +1.5 +2.1");  // ends just before the window
    EXPECT_EQ(plan(at(1, 2), log), "SNAP 2.1");
}

TEST(SyncPlan, EmptyLearnerGetsAllOrASnapshot) {
    EXPECT_EQ(plan(at(0, 0), make_log(at(0, 0), {at(1, 1), at(1, 2)})), "DIFF 1.2 +1.1 +1.2");
    EXPECT_EQ(plan(at(0, 0), make_log(at(0, 0), {at(1, 1), at(1, 2)}, 1)), "SNAP 1.2");
    EXPECT_EQ(plan(Zxid(-1), make_log(at(0, 0), {at(1, 1)})), "SNAP 1.1");
    EXPECT_EQ(plan(Zxid(-1), make_log(at(0, 0), {})), "SNAP 0.0");
}

TEST(SyncPlan, LongerLearnerIsCutBackToTheLastCommonTxn) {
    const CommittedLog log = make_log(at(1, 1), {at(1, 2), at(1, 3)});
    EXPECT_EQ(plan(at(1, 7), log), "TRUNC 1.3");
    EXPECT_EQ(plan(at(1, 7), make_log(at(1, 3), {})), "TRUNC 1.3");
}

TEST(SyncPlan, LearnerOfAnOldEpochIsCutAndContinued) {
    const CommittedLog log = make_log(at(1, 1), {at(1, 2), at(1, 3), at(2, 1), at(2, 2)});
    EXPECT_EQ(plan(at(1, 4), log), "TRUNC 1.3 +2.1 +2.2");
    EXPECT_EQ(plan(at(1, 9), log), "TRUNC 1.3 +2.1 +2.2");
}

TEST(SyncPlan, BackOverAnEpochIsASnapshotOnceItsLabelLiesAbove) {
    CommittedLog log = make_log(at(1, 1), {at(1, 2), at(1, 3)});
    // Nothing of epoch 2 survived. Before our epoch is established the label of a snapshot would be 1.3.
    EXPECT_EQ(plan(at(2, 4), log), "TRUNC 1.3");
    log.begin_epoch(Epoch(3));
    EXPECT_EQ(plan(at(2, 4), log), "SNAP 3.0");
    log.add(at(3, 1), std::make_shared<const std::string>("txn"));
    EXPECT_EQ(plan(at(2, 4), log), "SNAP 3.1");
}

TEST(SyncPlan, NeverTruncatesToAZxidWithoutATxn) {
    EXPECT_EQ(plan(at(1, 4), make_log(at(1, 0), {})), "SNAP 1.0");
    EXPECT_EQ(plan(at(1, 4), make_log(at(0, 0), {})), "SNAP 0.0");
    EXPECT_EQ(plan(at(2, 4), make_log(at(2, 0), {at(3, 1)})), "SNAP 3.1");
}

TEST(SyncPlan, NewEpochWithoutTxns) {
    CommittedLog log = make_log(at(1, 1), {at(1, 2), at(1, 3)});
    log.begin_epoch(Epoch(4));
    EXPECT_EQ(plan(at(1, 3), log), "DIFF 1.3");
    EXPECT_EQ(plan(at(1, 2), log), "DIFF 1.3 +1.3");
    EXPECT_EQ(plan(at(4, 0), log), "DIFF 4.0");
    EXPECT_EQ(plan(at(3, 0), log), "DIFF 1.3");  // it led epoch 3, in which nothing was proposed
    EXPECT_EQ(plan(at(1, 5), log), "TRUNC 1.3");
    EXPECT_EQ(plan(at(5, 0), log), "SNAP 4.0");
    log.add(at(4, 1), std::make_shared<const std::string>("txn"));
    EXPECT_EQ(plan(at(4, 0), log), "DIFF 4.1 +4.1");
    EXPECT_EQ(plan(at(3, 0), log), "DIFF 4.1 +4.1");
    EXPECT_EQ(plan(at(1, 0), log), "SNAP 4.1");  // below the window
}

TEST(SyncPlan, LogFilesReachFurtherThanMemory) {
    CommittedLog log(2);
    log.reset(at(1, 6), at(1, 3));  // recovery replayed from 1.4 on, and kept nothing in memory
    log.add(at(2, 1), std::make_shared<const std::string>("txn"));
    EXPECT_EQ(plan(at(1, 5), log), "DIFF 2.1 files>1.5");
    EXPECT_EQ(plan(at(1, 3), log), "DIFF 2.1 files>1.3");
    EXPECT_EQ(plan(at(1, 2), log), "SNAP 2.1");  // older files may be of a time before a SNAP
    EXPECT_EQ(plan(at(0, 0), log), "SNAP 2.1");
    EXPECT_EQ(plan(Zxid(-1), log), "SNAP 2.1");
    EXPECT_EQ(plan(at(1, 6), log), "DIFF 2.1 +2.1");
}

TEST(SyncPlan, ALongDiffIsASnapshot) {
    CommittedLog log(2);
    log.reset(at(1, 0), at(1, 0));
    for (std::uint32_t i = 1; i <= 100; ++i) {
        log.add(at(1, i), std::make_shared<const std::string>(std::string(1000, 'x')));
    }
    EXPECT_EQ(plan_sync(at(1, 50), log, 50'000).kind, SyncKind::diff);
    EXPECT_EQ(plan_sync(at(1, 49), log, 50'000).kind, SyncKind::snap);
}

TEST(CommittedLog, IsBoundedByBytesAndKeepsTheNewest) {
    CommittedLog log(500, 1000);
    log.reset(at(1, 0));
    for (std::uint32_t i = 1; i <= 4; ++i) {
        log.add(at(1, i), std::make_shared<const std::string>(std::string(400, 'x')));
    }
    EXPECT_EQ(log.size(), 2U);
    EXPECT_EQ(log.base(), at(1, 2));
    EXPECT_EQ(log.bytes(), 800U);
    log.add(at(1, 5), std::make_shared<const std::string>(std::string(5000, 'x')));
    EXPECT_EQ(log.size(), 1U);
    EXPECT_EQ(log.bytes(), 5000U);
    log.reset(at(2, 0));
    EXPECT_EQ(log.bytes(), 0U);
}

TEST(CommittedLog, ForgetsTheOldestAndKnowsItsBounds) {
    CommittedLog log = make_log(at(0, 0), {at(1, 1), at(1, 2), at(1, 3)}, 2);
    EXPECT_EQ(log.size(), 2U);
    EXPECT_EQ(log.base(), at(1, 1));
    EXPECT_EQ(log.min(), at(1, 2));
    EXPECT_EQ(log.max(), at(1, 3));
    EXPECT_TRUE(log.contains(at(1, 1)));
    EXPECT_FALSE(log.contains(at(0, 0)));
    EXPECT_FALSE(log.contains(at(1, 4)));
    log.reset(at(2, 0));
    EXPECT_TRUE(log.empty());
    EXPECT_EQ(log.max(), at(2, 0));
    EXPECT_EQ(log.last_processed(), at(2, 0));
}

}  // namespace
}  // namespace zk::zab
