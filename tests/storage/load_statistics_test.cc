// What a loading tells of itself, by a clock that the test gives.
#include <gtest/gtest.h>

#include "samples.h"
#include "storage/recovery.h"

namespace zk::storage {
namespace {

constexpr Duration kEach = std::chrono::milliseconds(5);

RecoveryOptions timed() {
    RecoveryOptions options;
    options.stopwatch = [at = Instant{}]() mutable { return at += kEach; };
    return options;
}

TEST(LoadStatistics, CountsTxnsBehindTheSnapshotAndTimesBoth) {
    sim::SimDisk disk;
    save_snapshot(disk, tree::DataTree());
    write_log(disk, {Zxid(1), Zxid(2), Zxid(3)});
    const RecoveredState state = ZK_VALUE(recover(disk, kPaths, timed()));
    EXPECT_EQ(state.load.txns, 3);
    EXPECT_EQ(state.load.snapshots, kEach);
    EXPECT_EQ(state.load.log, kEach);
    const RecoveredState untimed = ZK_VALUE(recover(disk, kPaths, {}));
    EXPECT_EQ(untimed.load.txns, 3);
    EXPECT_EQ(untimed.load.snapshots, Duration{});
}

TEST(LoadStatistics, ASnapshotThatIsOfNoUseTakesItsTimeToo) {
    sim::SimDisk disk;
    save_snapshot(disk, tree::DataTree());
    write_log(disk, {Zxid(1), Zxid(2)});
    disk.put(kDir + "/snapshot.2", "no snapshot");
    const RecoveredState state = ZK_VALUE(recover(disk, kPaths, timed()));
    EXPECT_EQ(state.last_zxid, Zxid(2));
    EXPECT_EQ(state.load.snapshots, 2 * kEach);
    EXPECT_EQ(state.load.txns, 2);
}

TEST(LoadStatistics, OfANewDatabaseThereIsNothingToTell) {
    sim::SimDisk disk;
    const RecoveredState state = ZK_VALUE(recover(disk, kPaths, timed()));
    EXPECT_TRUE(state.fresh);
    EXPECT_EQ(state.load.txns, 0);
    EXPECT_EQ(state.load.snapshots, Duration{});
}

}  // namespace
}  // namespace zk::storage
