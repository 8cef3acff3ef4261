#include "data_users/data_users.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace zk::data_users {
namespace {
namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr const char* kPeerMain = "org.apache.zookeeper.server.quorum.QuorumPeerMain";
constexpr const char* kServerMain = "org.apache.zookeeper.server.ZooKeeperServerMain";

/// A /proc of our own, and a data directory.
class DataUsers : public testing::Test {
  protected:
    DataUsers() {
        std::string name = (fs::temp_directory_path() / "zk-users-XXXXXX").string();
        if (::mkdtemp(name.data()) == nullptr) std::abort();
        root_ = name;
        fs::create_directories(data() + "/version-2");
        fs::create_directories(proc());
    }
    ~DataUsers() override {
        std::error_code ignored;
        fs::remove_all(root_, ignored);
    }
    [[nodiscard]] std::string data() const { return root_ + "/data"; }
    [[nodiscard]] std::string proc() const { return root_ + "/proc"; }
    void process(int pid, const std::string& cmdline, const std::string& open = {}) const {
        const std::string dir = proc() + "/" + std::to_string(pid);
        fs::create_directories(dir + "/fd");
        std::ofstream(dir + "/cmdline") << cmdline;
        if (!open.empty()) fs::create_symlink(open, dir + "/fd/5");
        fs::create_symlink(root_, dir + "/cwd");
    }
    static std::string words(std::initializer_list<std::string> list) {
        std::string text;
        for (const std::string& word : list) text += word + '\0';
        return text;
    }
    [[nodiscard]] Result<std::vector<Use>> find() const {
        return find_users({data(), data()}, proc());
    }
    std::string root_;
};

TEST_F(DataUsers, OtherProcessesDoNotCount) {
    std::ofstream(root_ + "/other.cfg") << "dataDir=" << root_ << "/other\n";
    process(11, words({"java", kPeerMain, "other.cfg"}), "/dev/null");
    process(12, words({"vi"}), data() + "2/file");
    fs::create_directories(proc() + "/self");
    const auto users = find();
    ASSERT_TRUE(users.has_value());
    EXPECT_THAT(*users, IsEmpty());
}

TEST_F(DataUsers, AnOpenFileBelowTheDirectoryCounts) {
    process(10, words({"java", "SomethingElse"}), data() + "/version-2/log.1");
    const auto users = find();
    ASSERT_TRUE(users.has_value());
    ASSERT_EQ(users->size(), 1U);
    EXPECT_EQ((*users)[0].pid, 10);
    EXPECT_EQ((*users)[0].why, "has " + data() + "/version-2/log.1 open");
}

TEST_F(DataUsers, AServerWithoutAnOpenFileIsKnownByItsConfiguration) {
    std::ofstream(root_ + "/zoo.cfg") << "dataDir=data/\n";
    process(10, words({"java", kPeerMain, "zoo.cfg"}));
    process(11, words({"java", kServerMain, "2181", data()}));
    const auto users = find();
    ASSERT_TRUE(users.has_value());
    ASSERT_EQ(users->size(), 2U);
    EXPECT_THAT((*users)[0].why, HasSubstr("is Apache's server"));
    EXPECT_THAT((*users)[1].why, HasSubstr("is Apache's server"));
}

TEST_F(DataUsers, AServerThatCannotBeLookedIntoIsRefused) {
    process(10, words({"java", kPeerMain, root_ + "/not-there.cfg"}));
    const auto users = find();
    ASSERT_FALSE(users.has_value());
    EXPECT_EQ(users.error().code, Errc::refused);
    EXPECT_THAT(users.error().words, HasSubstr("stop it, or call this as root"));
}

TEST_F(DataUsers, OneselfDoesNotCount) {
    process(::getpid(), words({"java", kServerMain, "2181", data()}));
    const auto users = find();
    ASSERT_TRUE(users.has_value());
    EXPECT_THAT(*users, IsEmpty());
}

}  // namespace
}  // namespace zk::data_users
