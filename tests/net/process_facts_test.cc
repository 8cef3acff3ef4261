#include "net/process_facts.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <unistd.h>

#include <gtest/gtest.h>
#include <sys/resource.h>

namespace zk::net {
namespace {

TEST(ProcessFacts, SizesAreThoseOfTheFiles) {
    const auto folder =
        std::filesystem::temp_directory_path() / ("facts-" + std::to_string(::getpid()));
    std::filesystem::create_directories(folder / "version-2");
    std::ofstream(folder / "version-2" / "log.1") << std::string(1000, 'l');
    std::ofstream(folder / "version-2" / "snapshot.0") << std::string(234, 's');
    const admin::ProcessFacts facts = process_facts(folder.string(), "/nowhere");
    EXPECT_EQ(facts.data_bytes, 1234);
    EXPECT_FALSE(facts.log_bytes.has_value());
    std::filesystem::remove_all(folder);
}

TEST(ProcessFacts, TheNewestSnapshotMayBeCompressed) {
    const auto folder =
        std::filesystem::temp_directory_path() / ("newest-" + std::to_string(::getpid()));
    EXPECT_EQ(newest_snapshot(folder.string()).modified_s, -1);
    std::filesystem::create_directories(folder / "version-2");
    const auto write = [&folder](const char* name) {
        std::ofstream(folder / "version-2" / name) << "x";
        return newest_snapshot(folder.string()).zxid;
    };
    EXPECT_EQ(write("snapshot.9"), Zxid(9));
    EXPECT_EQ(write("snapshot.a.gz"), Zxid(10));
    EXPECT_EQ(write("snapshot.b.snappy"), Zxid(11));
    EXPECT_EQ(write("snapshot.ff.tmp"), Zxid(11));
    EXPECT_EQ(write("log.fff"), Zxid(11));
    EXPECT_GT(newest_snapshot(folder.string()).modified_s, 1'600'000'000);
    std::filesystem::remove_all(folder);
}

TEST(ProcessFacts, OpenFilesAreCounted) {
    const auto before = process_facts("/", "/").open_files;
    ASSERT_TRUE(before.has_value());
    std::ifstream one("/proc/self/stat"), two("/proc/self/stat");
    const admin::ProcessFacts facts = process_facts("/", "/");
    EXPECT_EQ(*facts.open_files, *before + 2);
    EXPECT_GE(facts.open_files_max.value_or(0), *facts.open_files);
}

TEST(ProcessFacts, TheSoftLimitOfOpenFilesIsRaised) {
    rlimit limit{};
    ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &limit), 0);
    limit.rlim_cur = std::min<rlim_t>(limit.rlim_cur, 256);
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &limit), 0);
    const int raised = raise_open_files_limit();
    EXPECT_GE(raised, 256);
    EXPECT_EQ(process_facts("/", "/").open_files_max, raised);
}

}  // namespace
}  // namespace zk::net
