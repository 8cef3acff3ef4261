#include "agent_host/clean_up.h"

#include <algorithm>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "agent_host/posix.h"
#include "agent_host/process.h"

namespace zk::agent_host {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

class CleanUp : public ::testing::Test {
  protected:
    CleanUp() : state_(make_directory() + "/state") {
        spec_.install_dir = dir_ + "/install";
        spec_.data_dir = spec_.log_dir = dir_ + "/data";
        spec_.conf_path = dir_ + "/etc/zoo.cfg";
        spec_.release.version = "3";
        agent_api::FileSpec file;
        file.path = spec_.conf_path;
        spec_.files.push_back(file);
        for (const char* name : {"/install/releases", "/data", "/etc", "/state/blobs"}) {
            std::filesystem::create_directories(dir_ + name);
        }
    }
    ~CleanUp() override { std::filesystem::remove_all(dir_); }
    std::string make_directory() {
        char name[] = "/tmp/zkprov-clean-XXXXXX";
        dir_ = ::mkdtemp(name);
        return dir_;
    }
    void age(const std::string& path, hours old) {
        timespec now{};
        ::clock_gettime(CLOCK_REALTIME, &now);
        now.tv_sec -= std::chrono::seconds(old).count();
        const timespec times[2] = {now, now};
        ASSERT_EQ(::utimensat(AT_FDCWD, path.c_str(), times, AT_SYMLINK_NOFOLLOW), 0) << path;
    }
    std::string release(const std::string& name, hours old) {
        const std::string path = dir_ + "/install/releases/" + name;
        std::filesystem::create_directories(path + "/bin");
        std::ofstream(path + "/bin/zkserver") << name;
        age(path, old);
        return path;
    }
    std::string file(const std::string& name, hours old) {
        std::ofstream(dir_ + name) << "x";
        age(dir_ + name, old);
        return dir_ + name;
    }
    void make_current(const std::string& target) {
        ASSERT_EQ(::symlink(target.c_str(), (dir_ + "/install/current").c_str()), 0);
    }
    std::vector<std::string> run(const std::string& before) {
        auto removed = clean_up(spec_, state_, before);
        std::sort(removed.begin(), removed.end());
        for (const std::string& path : removed) EXPECT_FALSE(exists(path)) << path;
        return removed;
    }
    std::vector<std::string> releases() {
        std::vector<std::string> names;
        for (const auto& entry : std::filesystem::directory_iterator(dir_ + "/install/releases")) {
            names.push_back(entry.path().filename());
        }
        std::sort(names.begin(), names.end());
        return names;
    }

    std::string dir_;
    StateDir state_;
    agent_api::NodeSpec spec_;
};

TEST_F(CleanUp, TheCurrentReleaseAndTheOneBeforeStay) {
    release("1", hours(1));  // younger than the one before: it was sent again meanwhile
    release("2", hours(3));
    release("3", hours(0));
    release("0", hours(9));
    release("2.old-17000", hours(2));
    make_current("releases/3");
    EXPECT_THAT(run("releases/2"),
                ElementsAre(dir_ + "/install/releases/0",
                            dir_ + "/install/releases/1",
                            dir_ + "/install/releases/2.old-17000"));
    EXPECT_THAT(releases(), ElementsAre("2", "3"));
    EXPECT_THAT(run("releases/2"), IsEmpty());
}

TEST_F(CleanUp, AnApplyThatBringsNoOtherReleaseKeepsTheNewestOfTheOthers) {
    for (const auto& before : {"releases/3", ""}) {
        release("1", hours(9));
        release("2", hours(3));
        release("2.old-17000", hours(1));
        release("3", hours(20));
        run(before);
        EXPECT_THAT(releases(), ElementsAre("2", "3")) << before;
    }
}

TEST_F(CleanUp, AReleaseThatAProcessRunsStays) {
    release("2", hours(1));
    const std::string old = release("1", hours(9));
    std::filesystem::copy_file(
        "/bin/sleep", old + "/bin/zkserver", std::filesystem::copy_options::overwrite_existing);
    const auto running = start_detached({old + "/bin/zkserver", "60"}, dir_ + "/log");
    ASSERT_TRUE(running.has_value());
    EXPECT_THAT(run("releases/2"), IsEmpty());
    ASSERT_TRUE(end_process(*running, milliseconds(5000)).has_value());
    EXPECT_THAT(run("releases/2"), ElementsAre(old));
}

TEST_F(CleanUp, WhatSomebodyElsePutThereStays) {
    const std::string old = release("1", hours(9));
    release("2", hours(1));
    file("/install/releases/1/notes", hours(9));
    EXPECT_THAT(run("releases/2"), IsEmpty());
    EXPECT_TRUE(exists(old + "/notes"));
    // A link is nobody's release.
    ASSERT_EQ(::symlink(dir_.c_str(), (dir_ + "/install/releases/0").c_str()), 0);
    run("releases/2");
    EXPECT_TRUE(exists(spec_.data_dir));
    EXPECT_TRUE(std::filesystem::is_symlink(dir_ + "/install/releases/0"));
}

TEST_F(CleanUp, OnlyOldBlobsThatNobodyReceivesGo) {
    const std::string old = file("/state/blobs/aa", hours(25));
    const std::string part = file("/state/blobs/bb.part", hours(25));
    file("/state/blobs/cc", hours(23));
    const std::string received = file("/state/blobs/dd.part", hours(48));
    const Fd held(::open(received.c_str(), O_RDONLY | O_CLOEXEC));
    ASSERT_EQ(::flock(held.get(), LOCK_EX), 0);
    EXPECT_THAT(run(""), ElementsAre(old, part));
    EXPECT_TRUE(exists(received));
}

TEST_F(CleanUp, WhatWasStagedLongAgoGoes) {
    const std::string conf = file("/etc/zoo.cfg.zkprov-new", hours(25));
    const std::string young = release("3.zkprov-new", hours(23));
    const std::string old = release("1.zkprov-new", hours(25));
    file("/etc/other.zkprov-new", hours(25));  // beside no file of this node
    EXPECT_THAT(run(""), ElementsAre(conf, old));
    EXPECT_TRUE(exists(young));
    EXPECT_TRUE(exists(dir_ + "/etc/other.zkprov-new"));
}

TEST_F(CleanUp, NothingThereIsNothingToDo) {
    std::filesystem::remove_all(dir_);
    EXPECT_THAT(run("releases/2"), IsEmpty());
}

TEST_F(CleanUp, ReleasesOfATarballGoAsTheirs) {
    make_current("releases/3");
    const auto unpacked = [&](const std::string& name, hours old) {
        const std::string path = dir_ + "/install/releases/" + name;
        std::filesystem::create_directories(path + "/lib/deep");
        std::ofstream(path + "/" + std::string(agent_api::kReleaseRecord)) << "x";
        std::ofstream(path + "/lib/deep/a.jar") << name;
        age(path, old);
        return path;
    };
    unpacked("3", hours(1));
    const std::string previous = unpacked("2", hours(2));
    const std::string older = unpacked("1", hours(3));
    const std::string begun = unpacked("0.zkprov-new", hours(24 * 365));
    EXPECT_THAT(run(""), ElementsAre(begun, older));
    EXPECT_TRUE(std::filesystem::exists(previous));
    EXPECT_FALSE(std::filesystem::exists(older));
}

}  // namespace
}  // namespace zk::agent_host
