#include "agent_host/disks.h"

#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <unistd.h>

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "agent_host/process.h"

namespace zk::agent_host {
namespace {

class DiskFiles : public ::testing::Test {
  protected:
    DiskFiles() {
        char name[] = "/tmp/zkprov-disks-XXXXXX";
        dir_ = ::mkdtemp(name);
        std::filesystem::create_directories(dir_ + "/data/version-2");
        std::filesystem::create_directories(dir_ + "/logs/version-2");
    }
    ~DiskFiles() override { std::filesystem::remove_all(dir_); }
    void write(const std::string& name, std::size_t bytes, std::int64_t written_s = 0) {
        const std::string path = dir_ + "/" + name;
        std::ofstream(path) << std::string(bytes, 'x');
        if (written_s == 0) return;
        const timespec times[2] = {{written_s, 0}, {written_s, 0}};
        ASSERT_EQ(::utimensat(AT_FDCWD, path.c_str(), times, 0), 0);
    }
    std::string dir_;
};

TEST_F(DiskFiles, CountsWhatTheServerWrote) {
    const auto nothing = read_storage(dir_ + "/missing", dir_ + "/missing");
    EXPECT_EQ(nothing.snapshots + nothing.logs + nothing.bytes, 0u);
    EXPECT_FALSE(nothing.snapshot_written_s);
    write("data/version-2/snapshot.100000009", 5000, 1700000000);
    write("data/version-2/snapshot.200000000", 5000, 1700000500);
    write("data/version-2/snapshot.ff", 5000, 1700009999);  // an older one that was copied back
    write("data/version-2/snapshot.300000000.part", 10, 1700000900);
    write("data/version-2/currentEpoch", 1);
    write("logs/version-2/log.1", 5000);
    write("logs/version-2/log.200000001", 5000);
    write("logs/version-2/log.300000001", 5000);
    write("logs/version-2/log.notahexnumber", 5000);
    const auto files = read_storage(dir_ + "/data", dir_ + "/logs");
    EXPECT_EQ(files.logs, 3u);
    EXPECT_GE(files.bytes, 5 * 5000u);
    EXPECT_EQ(files.snapshots, 3u);
    EXPECT_EQ(files.snapshot_written_s, 1700000500);
    EXPECT_EQ(files.logs_since, 2u);
    EXPECT_EQ(read_storage(dir_ + "/logs", dir_ + "/logs").logs,
              3u);  // one directory is not counted twice
    EXPECT_EQ(read_storage(dir_ + "/logs", dir_ + "/logs").logs_since, 3u);
}

TEST_F(DiskFiles, ADiskSaysWhatIsFreeOnIt) {
    const auto disk = read_disk(dir_ + "/data/not/there/yet");
    ASSERT_TRUE(disk);
    EXPECT_GT(disk->total_bytes, disk->free_bytes);
    struct stat status {};
    ASSERT_EQ(::stat(dir_.c_str(), &status), 0);
    EXPECT_EQ(disk->device, status.st_dev);
    EXPECT_FALSE(disk->read_only);
    EXPECT_FALSE(is_read_only_for(0, dir_));
    EXPECT_FALSE(is_read_only_for(::getpid(), dir_));
    const auto proc = read_disk("/proc");
    EXPECT_TRUE(!proc || proc->total_bytes == 0 || proc->device != disk->device);
}

TEST(MountInfo, TheMountThatHoldsThePathCounts) {
    const std::string info =
        "21 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw,errors=remount-ro\n"
        "22 21 8:2 / /data rw,relatime shared:2 master:7 - ext4 /dev/sda2 ro,errors=remount-ro\n"
        "23 21 8:3 / /logs ro,relatime - xfs /dev/sda3 rw,attr2\n"
        "24 21 8:4 / /with\\040blank ro - xfs /dev/sda4 rw\n"
        "25 21 8:5 / /twice ro - xfs /dev/sda5 rw\n"
        "26 25 8:6 / /twice rw - xfs /dev/sda6 rw\n"
        "27 21 8:7 / /hurt rw,relatime - ext4 /dev/sda7 rw,emergency_ro\n"
        "28 23 8:8 / /logs/own rw,relatime - ext4 /dev/sda8 rw\n"
        "damaged line\n";
    struct Case {
        const char* path;
        bool read_only;
    };
    for (const auto& [path, read_only] : std::initializer_list<Case>{{"/", false},
                                                                     {"/var/lib", false},
                                                                     {"/data", true},
                                                                     {"/data/zk/version-2", true},
                                                                     {"/database", false},
                                                                     {"/logs/zk", true},
                                                                     {"/logs/own/zk", false},
                                                                     {"/with blank/x", true},
                                                                     {"/twice/x", false},
                                                                     {"/hurt/x", true}}) {
        EXPECT_EQ(is_read_only_there(info, path), read_only) << path;
    }
    EXPECT_FALSE(is_read_only_there("", "/data"));
}

TEST(ProcessLook, AStoppedProcessSaysSo) {
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
        for (;;) ::pause();
    }
    ASSERT_EQ(::kill(child, SIGSTOP), 0);
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, WUNTRACED), child);
    ASSERT_TRUE(process_info(child));
    EXPECT_EQ(process_info(child)->state, 'T');
    EXPECT_FALSE(waits_for_disk(child));
    ASSERT_EQ(::kill(child, SIGKILL), 0);
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_FALSE(process_info(child));
}

TEST(ProcessLook, CountsOpenFiles) {
    rlimit limit{};
    ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &limit), 0);
    const auto before = open_files(::getpid());
    EXPECT_EQ(before.most, limit.rlim_cur);
    const int more = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
    const auto after = open_files(::getpid());
    ::close(more);
    // Older kernels do not count them.
    if (before.open) {
        EXPECT_EQ(*after.open, *before.open + 1);
    }
    EXPECT_FALSE(open_files(0).open);
}

}  // namespace
}  // namespace zk::agent_host
