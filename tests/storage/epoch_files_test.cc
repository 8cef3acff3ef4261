#include "storage/epoch_files.h"

#include <gtest/gtest.h>

#include "samples.h"

namespace zk::storage {
namespace {

TEST(EpochFiles, WriteWhatApacheWrites) {
    sim::SimDisk disk;
    ZK_OK(disk.make_dirs(kDir));
    ZK_OK(write_epoch(disk, kDir, kCurrentEpochName, Epoch(1)));
    EXPECT_EQ(content(disk, "currentEpoch"), "1");
    ZK_OK(write_epoch(disk, kDir, kCurrentEpochName, Epoch(-1)));
    EXPECT_EQ(content(disk, "currentEpoch"), "-1");
    EXPECT_EQ(ZK_VALUE(read_epoch(disk, kDir, kCurrentEpochName)), Epoch(-1));
    disk.crash(sim::CrashMode::lose);
    EXPECT_EQ(ZK_VALUE(read_epoch(disk, kDir, kCurrentEpochName)), Epoch(-1));
}

TEST(EpochFiles, ReadersTakeTheFirstLine) {
    sim::SimDisk disk;
    for (const char* text : {"12", "12\n", "12\nmore", "12\r\n"}) {
        disk.put(kDir + "/acceptedEpoch", text);
        EXPECT_EQ(ZK_VALUE(read_epoch(disk, kDir, kAcceptedEpochName)), Epoch(12)) << text;
    }
}

TEST(EpochFiles, GarbageIsRefused) {
    sim::SimDisk disk;
    for (const char* text : {"", "\n", " 1", "1 ", "x", "1x", "-2", "99999999999999999999"}) {
        disk.put(kDir + "/acceptedEpoch", text);
        const auto result = read_epoch(disk, kDir, kAcceptedEpochName);
        ASSERT_FALSE(result.has_value()) << text;
        EXPECT_EQ(result.error().code, Errc::corrupt);
    }
}

TEST(EpochFiles, MissingIsNoError) {
    sim::SimDisk disk;
    ZK_OK(disk.make_dirs(kDir));
    EXPECT_EQ(ZK_VALUE(read_epoch(disk, kDir, kAcceptedEpochName)), std::nullopt);
}

TEST(EpochFiles, CrashLeavesTheOldOrTheNewNumber) {
    for (std::uint64_t calls = 1; calls < 20; ++calls) {
        for (const auto mode : {sim::CrashMode::lose, sim::CrashMode::keep, sim::CrashMode::tear}) {
            sim::SimDisk disk(calls);
            ZK_OK(disk.make_dirs(kDir));
            ZK_OK(write_epoch(disk, kDir, kCurrentEpochName, Epoch(7)));
            disk.fail_after(calls);
            const bool done = write_epoch(disk, kDir, kCurrentEpochName, Epoch(8)).has_value();
            disk.crash(mode);
            const auto epoch = ZK_VALUE(read_epoch(disk, kDir, kCurrentEpochName));
            EXPECT_TRUE(epoch == Epoch(8) || (!done && epoch == Epoch(7))) << calls;
        }
    }
}

}  // namespace
}  // namespace zk::storage
