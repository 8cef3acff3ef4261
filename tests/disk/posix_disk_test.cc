#include "disk/posix_disk.h"

#include <fstream>
#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include "temp_dir.h"

namespace zk::disk {
namespace {
using testing::ElementsAre;
using testing::HasSubstr;

TEST(PosixDisk, WritesExtendsReadsAndTruncates) {
    const TempDir dir;
    PosixDisk disk;
    const std::string path = dir.path() + "/file";
    const auto file = value_of(disk.create(path));
    expect_ok(file->write("abc"));
    expect_ok(file->extend(100));
    expect_ok(file->write("def"));
    expect_ok(file->extend(50));  // never shrinks
    expect_ok(file->sync());
    EXPECT_EQ(value_of(disk.size(path)), 100U);
    EXPECT_EQ(value_of(disk.read(path, 0, 6)), "abcdef");
    EXPECT_EQ(value_of(disk.read(path, 90, 1000)), Bytes(10, '\0'));
    EXPECT_EQ(value_of(disk.read(path, 100, 5)), "");
    expect_ok(file->close());
    expect_ok(disk.truncate(path, 4));
    EXPECT_EQ(value_of(disk.read_file(path, 4)), "abcd");
    EXPECT_FALSE(disk.read_file(path, 3).has_value());
    const auto again = value_of(disk.create(path));
    EXPECT_EQ(value_of(disk.size(path)), 0U);
}

TEST(PosixDisk, SettledFilesHoldWhatTheyHeld) {
    const TempDir dir;
    PosixDisk disk;
    const std::string path = dir.path() + "/file";
    const auto file = value_of(disk.create(path));
    expect_ok(file->write(Bytes(100'000, 'x')));
    expect_ok(disk.settle(path));  // while somebody has it open
    EXPECT_EQ(value_of(disk.read_file(path, 100'000)), Bytes(100'000, 'x'));
    expect_ok(file->write("more"));
    expect_ok(disk.settle(path));
    EXPECT_EQ(value_of(disk.size(path)), 100'004U);
    EXPECT_FALSE(disk.settle(dir.path() + "/none").has_value());
}

TEST(PosixDisk, NamesAndDirectories) {
    const TempDir dir;
    PosixDisk disk;
    const std::string sub = dir.path() + "/a/b/c";
    expect_ok(disk.make_dirs(sub));
    expect_ok(disk.make_dirs(sub));
    expect_ok(disk.replace_file(sub, "two", "tmp.two", "2"));
    expect_ok(disk.replace_file(sub, "one", "tmp.one", "1"));
    EXPECT_THAT(value_of(disk.list(sub)), ElementsAre("one", "two"));
    expect_ok(disk.rename(sub + "/one", sub + "/two"));
    EXPECT_EQ(value_of(disk.read_file(sub + "/two", 9)), "1");
    EXPECT_FALSE(value_of(disk.exists(sub + "/one")));
    expect_ok(disk.remove(sub + "/two"));
    expect_ok(disk.sync_dir(sub));
    EXPECT_THAT(value_of(disk.list(sub)), ElementsAre());
}

TEST(PosixDisk, ErrorsNameThePathAndTheCause) {
    const TempDir dir;
    PosixDisk disk;
    const auto missing = disk.remove(dir.path() + "/none");
    ASSERT_FALSE(missing.has_value());
    EXPECT_EQ(missing.error().code, Errc::not_found);
    EXPECT_THAT(missing.error().message(), HasSubstr(dir.path() + "/none"));
    const auto no_dir = disk.create(dir.path() + "/no/file");
    ASSERT_FALSE(no_dir.has_value());
    std::ofstream(dir.path() + "/file") << "x";
    const auto not_a_dir = disk.make_dirs(dir.path() + "/file/sub");
    ASSERT_FALSE(not_a_dir.has_value());
    const auto full = disk.create("/dev/full");
    ASSERT_TRUE(full.has_value());
    const auto no_space = (*full)->write("x");
    ASSERT_FALSE(no_space.has_value());
    EXPECT_THAT(no_space.error().message(), HasSubstr("No space left"));
}

TEST(DirectoryLock, KeepsASecondProcessOut) {
    const TempDir dir;
    const storage::Paths paths{dir.path() + "/data", dir.path() + "/log"};
    const auto acquired_elsewhere = [&paths] {
        const pid_t child = ::fork();
        if (child == 0) ::_exit(DirectoryLock::acquire(paths).has_value() ? 1 : 0);
        int status = 0;
        ::waitpid(child, &status, 0);
        return WEXITSTATUS(status) == 1;
    };
    {
        const auto lock = value_of(DirectoryLock::acquire(paths));
        EXPECT_FALSE(acquired_elsewhere());
        // One of the two directories is enough.
        const auto shared_log =
            DirectoryLock::acquire({dir.path() + "/other", dir.path() + "/log"});
        ASSERT_FALSE(shared_log.has_value());
        EXPECT_EQ(shared_log.error().code, Errc::refused);
        EXPECT_THAT(shared_log.error().words, HasSubstr(dir.path() + "/log"));
    }
    EXPECT_TRUE(acquired_elsewhere());
}

TEST(DirectoryLock, OneDirectoryUnderTwoNamesIsRefused) {
    const TempDir dir;
    const auto lock = DirectoryLock::acquire({dir.path() + "/data", dir.path() + "/data/"});
    ASSERT_FALSE(lock.has_value());
    EXPECT_EQ(lock.error().code, Errc::refused);
    EXPECT_THAT(lock.error().words, HasSubstr("same directory"));
}

}  // namespace
}  // namespace zk::disk
