#include "sim_disk/sim_disk.h"

#include <gtest/gtest.h>

#include "samples.h"

namespace zk::storage {
namespace {
using sim::CrashMode;
using sim::SimDisk;

TEST(SimDisk, CrashLosesWhatWasNotSynced) {
    SimDisk disk;
    ZK_OK(disk.make_dirs("/d"));
    auto file = ZK_VALUE(disk.create("/d/a"));
    ZK_OK(file->write("one"));
    ZK_OK(file->sync());
    ZK_OK(file->write("two"));
    disk.crash(CrashMode::lose);
    EXPECT_FALSE(ZK_VALUE(disk.exists("/d/a")));  // its name was not synced
    EXPECT_FALSE(file->write("x").has_value());
}

TEST(SimDisk, SyncedContentAndNameSurvive) {
    SimDisk disk;
    ZK_OK(disk.make_dirs("/d"));
    auto file = ZK_VALUE(disk.create("/d/a"));
    ZK_OK(file->write("one"));
    ZK_OK(file->sync());
    ZK_OK(disk.sync_dir("/d"));
    ZK_OK(file->write("two"));
    ZK_OK(disk.rename("/d/a", "/d/b"));
    disk.crash(CrashMode::lose);
    EXPECT_EQ(ZK_VALUE(disk.read_file("/d/a", 10)), "one");
    EXPECT_FALSE(ZK_VALUE(disk.exists("/d/b")));
}

TEST(SimDisk, TearingKeepsAPrefix) {
    std::set<std::string> seen;
    for (std::uint64_t seed = 0; seed < 200; ++seed) {
        SimDisk disk(seed);
        disk.put("/d/a", "");
        auto file = ZK_VALUE(disk.create("/d/a"));
        ZK_OK(file->sync());
        ZK_OK(file->write("abc"));
        ZK_OK(file->write("def"));
        disk.crash(CrashMode::tear);
        const std::string text = ZK_VALUE(disk.read_file("/d/a", 10));
        EXPECT_EQ(text, std::string("abcdef").substr(0, text.size()));
        seen.insert(text);
    }
    EXPECT_EQ(seen.size(), 7U);
}

TEST(SimDisk, FailsFromTheChosenCallOn) {
    SimDisk disk;
    ZK_OK(disk.make_dirs("/d"));
    auto file = ZK_VALUE(disk.create("/d/a"));
    disk.fail_after(2);
    ZK_OK(file->write("a"));
    EXPECT_FALSE(file->sync().has_value());
    EXPECT_FALSE(file->write("b").has_value());
    disk.never_fail();
    ZK_OK(file->sync());
}

}  // namespace
}  // namespace zk::storage
