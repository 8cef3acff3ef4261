#include "zkdata/repair.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "directory.h"

namespace zk::zkdata {
namespace {
using testing::Contains;
using testing::HasSubstr;
using testing::Not;
using Step = RepairPlan::Step;

Source the(sim::SimDisk& disk, const std::string& path) {
    return ZK_VALUE(look_at(disk, path, {}));
}

/// log.1 with records of 3000 bytes, a sector of the last one lost: the end byte is there, the checksum is wrong.
void torn_inside(sim::SimDisk& disk) {
    ZK_VALUE(storage::recover(disk, kPaths, {}));
    storage::LogWriter writer(disk, kDir, storage::plain_log());
    for (std::int64_t i = 1; i <= 3; ++i) {
        ZK_OK(writer.append(Zxid(i),
                            *storage::shared(storage::create_txn(
                                Zxid(i), "/n" + std::to_string(i), Bytes(3000, 'x')))));
    }
    ZK_OK(writer.sync());
    Bytes bytes = log_content(disk);
    bytes.replace((bytes.size() - 1500) / 512 * 512, 512, 512, '\0');
    disk.put(kDir + "/log.1", bytes);
}

TEST(Repair, TornEndIsCutAndTheFileKept) {
    sim::SimDisk disk;
    torn_inside(disk);
    const Bytes before = log_content(disk);
    const RepairPlan plan = ZK_VALUE(plan_repair(disk, the(disk, "/zk")));
    ASSERT_EQ(plan.step, Step::cut);
    EXPECT_EQ(log_content(disk), before) << "a plan changes nothing";
    ZK_OK(carry_out(disk, plan));
    EXPECT_EQ(storage::content(disk, "backup.log.1"), before);
    EXPECT_EQ(log_content(disk), before.substr(0, plan.offset));
    EXPECT_THAT(plan.words(), HasSubstr("torn"));
    EXPECT_THAT(plan.words(), HasSubstr("/zk/version-2/backup.log.1"));
    EXPECT_EQ(ZK_VALUE(storage::recover(disk, kPaths, {})).last_zxid, Zxid(2));
    EXPECT_EQ(ZK_VALUE(plan_repair(disk, the(disk, "/zk"))).step, Step::nothing);
}

TEST(Repair, ABlockThatStandsThereTwiceStays) {
    sim::SimDisk disk;
    fill(disk);
    repeat_some(disk);
    EXPECT_EQ(ZK_VALUE(plan_repair(disk, the(disk, "/zk"))).step, Step::nothing);
    const Bytes before = log_content(disk);
    disk.put(kDir + "/log.1", before + Bytes(7, 'x'));
    const RepairPlan plan = ZK_VALUE(plan_repair(disk, the(disk, "/zk")));
    ASSERT_EQ(plan.step, Step::cut);
    ZK_OK(carry_out(disk, plan));
    EXPECT_EQ(log_content(disk), before);
}

TEST(Repair, BackupIsDurableBeforeTheFileIsCut) {
    for (std::uint64_t calls = 0; calls < 8; ++calls) {
        sim::SimDisk disk(calls + 1);
        torn_inside(disk);
        const Bytes before = log_content(disk);
        const RepairPlan plan = ZK_VALUE(plan_repair(disk, the(disk, "/zk")));
        disk.fail_after(calls);
        const bool done = carry_out(disk, plan).has_value();
        disk.crash(sim::CrashMode::lose);
        if (log_content(disk) == before) continue;
        EXPECT_EQ(storage::content(disk, "backup.log.1"), before) << calls << " " << done;
    }
}

TEST(Repair, NoBackupIsOverwritten) {
    sim::SimDisk disk;
    torn_inside(disk);
    disk.put(kDir + "/backup.log.1", "older");
    const RepairPlan plan = ZK_VALUE(plan_repair(disk, the(disk, kDir + "/log.1")));
    ZK_OK(carry_out(disk, plan));
    EXPECT_EQ(storage::content(disk, "backup.log.1"), "older");
    EXPECT_THAT(storage::names(disk), Contains("backup.log.1.2"));
}

TEST(Repair, EmptyLastLogIsMovedAway) {
    sim::SimDisk disk;
    fill(disk);
    disk.put(kDir + "/log.9", Bytes(7, '\0'));
    const RepairPlan plan = ZK_VALUE(plan_repair(disk, the(disk, "/zk")));
    EXPECT_EQ(plan.step, Step::set_aside);
    ZK_OK(carry_out(disk, plan));
    EXPECT_THAT(storage::names(disk), Not(Contains("log.9")));
    EXPECT_THAT(storage::names(disk), Contains("backup.log.9"));
}

void expect_refused(sim::SimDisk& disk, const std::string& path, const std::string& why) {
    const std::uint64_t calls = disk.calls();
    const auto plan = plan_repair(disk, the(disk, path));
    ASSERT_FALSE(plan.has_value()) << path;
    EXPECT_EQ(plan.error().code, Errc::refused);
    EXPECT_THAT(plan.error().words, HasSubstr(why));
    EXPECT_EQ(disk.calls(), calls);
}

TEST(Repair, AllElseIsRefused) {
    sim::SimDisk disk;
    fill(disk);
    expect_refused(disk, kDir + "/snapshot.0", "is no log");
    expect_refused(disk, "/zk/myid", "is no log");
    // Rot at the very end may have been acknowledged.
    Bytes bytes = log_content(disk);
    bytes[bytes.size() - 3] = static_cast<char>(bytes[bytes.size() - 3] ^ 1);
    disk.put(kDir + "/log.1", bytes);
    expect_refused(disk, "/zk", "rot");
    // Nor is an older log's end repaired.
    storage::write_log(disk, storage::zxids({9}));
    expect_refused(disk, kDir + "/log.1", "is not the newest log");
    disk.put(kDir + "/log.9", "something else altogether");
    expect_refused(disk, "/zk", "magic is not ZKLG");
}

TEST(Repair, WholeRecordsFarBehindAreNoEnd) {
    sim::SimDisk disk;
    ZK_VALUE(storage::recover(disk, kPaths, {}));
    storage::LogWriter writer(disk, kDir, storage::plain_log());
    for (std::int64_t i = 1; i <= 14; ++i) {
        ZK_OK(writer.append(Zxid(i),
                            *storage::shared(storage::create_txn(
                                Zxid(i), "/n" + std::to_string(i), Bytes(1000000, 'x')))));
    }
    ZK_OK(writer.sync());
    Bytes bytes = log_content(disk);
    bytes.replace(512 * 100, 512, 512, '\0');
    disk.put(kDir + "/log.1", bytes);
    expect_refused(disk, "/zk", "this is not the end of the log");
}

TEST(Repair, LocksTheDirectoryThatAServerWouldHold) {
    sim::SimDisk disk;
    fill(disk);
    EXPECT_EQ(server_paths(the(disk, kDir + "/log.1")).data_dir, "/zk");
    EXPECT_EQ(server_paths(the(disk, "/zk")).log_dir, "/zk");
}

}  // namespace
}  // namespace zk::zkdata
