#include "agent_host/server_survey.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent_host/data_owner.h"
#include "agent_host/process.h"

namespace zk::agent_host {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr const char* kMain = "org.apache.zookeeper.server.quorum.QuorumPeerMain";

/// A /proc of our own beside what its processes were started with.
class ServerSurvey : public testing::Test {
  protected:
    ServerSurvey() {
        std::string name = (fs::temp_directory_path() / "zk-survey-XXXXXX").string();
        if (::mkdtemp(name.data()) == nullptr) std::abort();
        root_ = fs::canonical(name).string();
        fs::create_directories(proc());
    }
    ~ServerSurvey() override {
        std::error_code ignored;
        fs::remove_all(root_, ignored);
    }
    [[nodiscard]] std::string proc() const { return root_ + "/proc"; }
    void write(const std::string& path, const std::string& text) const {
        fs::create_directories(fs::path(path).parent_path());
        std::ofstream(path, std::ios::binary) << text;
    }
    /// `words` end in blanks here, which become zeros.
    void process(int pid, std::string words, const std::string& more = {}) const {
        const std::string dir = proc() + "/" + std::to_string(pid);
        for (char& c : words) c = c == ' ' ? '\0' : c;
        write(dir + "/cmdline", words + std::string(1, '\0'));
        write(dir + "/status",
              "Name:\tjava\nPPid:\t1\nUid:\t0\t0\t0\t0\nGid:\t0\t0\t0\t0\n" + more);
        write(dir + "/cgroup", "0::/system.slice/zookeeper.service\n");
        fs::create_directories(root_ + "/cwd");
        fs::create_symlink(root_ + "/cwd", dir + "/cwd");
        fs::create_symlink(root_ + "/jdk/bin/java", dir + "/exe");
    }

    std::string root_;
};

TEST_F(ServerSurvey, ATarballThatWasStartedByHand) {
    write(root_ + "/cwd/conf/zoo.cfg",
          "dataDir=" + root_ + "/zk/data\ndataLogDir=" + root_ +
              "/zk/logs/\nclientPort=2181\nserver.1=h:2888:3888\n");
    write(root_ + "/zk/data/myid", "3\n");
    write(root_ + "/zk/logs/version-2/log.1", "x");
    process(7, "java -Xmx512m " + std::string(kMain) + " conf/zoo.cfg");
    const auto found = survey_process(7, proc());
    ASSERT_TRUE(found);
    EXPECT_EQ(found->conf_path, root_ + "/cwd/conf/zoo.cfg");
    EXPECT_EQ(found->conf_failure, "");
    EXPECT_EQ(found->data_dir, root_ + "/zk/data");
    EXPECT_EQ(found->log_dir, root_ + "/zk/logs");
    EXPECT_EQ(found->data.myid, ServerId(3));
    EXPECT_EQ(found->data.state, agent_api::DataState::data);
    EXPECT_EQ(found->program, root_ + "/jdk/bin/java");
    EXPECT_EQ(found->user, "root");
    EXPECT_EQ(found->parent, 1);
    EXPECT_EQ(found->unit, "zookeeper.service");
    EXPECT_FALSE(found->container);
}

TEST_F(ServerSurvey, DirectoriesAreToldWithoutTheirLinks) {
    fs::create_directories(root_ + "/disk/data");
    fs::create_directory_symlink(root_ + "/disk/data", root_ + "/data");
    write(root_ + "/zoo.cfg", "dataDir=" + root_ + "/data\n");
    process(7, "java " + std::string(kMain) + " " + root_ + "/zoo.cfg");
    const auto found = survey_process(7, proc());
    ASSERT_TRUE(found);
    EXPECT_EQ(found->data_dir, root_ + "/disk/data");
    EXPECT_EQ(found->log_dir, found->data_dir);
}

TEST_F(ServerSurvey, ADynamicConfigurationHasTheMembers) {
    write(root_ + "/zoo.cfg",
          "dataDir=" + root_ + "/data\ndynamicConfigFile=" + root_ + "/zoo.cfg.dynamic.100\n");
    write(root_ + "/zoo.cfg.dynamic.100", "server.2=h2:1:2:participant;2181\n");
    process(7, "java " + std::string(kMain) + " " + root_ + "/zoo.cfg");
    const auto found = survey_process(7, proc());
    ASSERT_TRUE(found);
    EXPECT_EQ(found->dynamic_path, root_ + "/zoo.cfg.dynamic.100");
    ASSERT_NE(found->setting("server.2"), nullptr);
}

TEST_F(ServerSurvey, WhatCannotBeReadSaysWhy) {
    process(7, "java " + std::string(kMain) + " /not/there/zoo.cfg");
    process(8, "java org.apache.zookeeper.server.ZooKeeperServerMain 2181 /data");
    EXPECT_THAT(survey_process(7, proc())->conf_failure, HasSubstr("/not/there/zoo.cfg"));
    EXPECT_THAT(survey_process(8, proc())->conf_failure, HasSubstr("without a zoo.cfg"));
}

TEST_F(ServerSurvey, OtherProcessesAreNone) {
    process(7, "java org.apache.zookeeper.ZooKeeperMain -server x");
    process(9, "/usr/sbin/sshd -D");
    write(proc() + "/self/cmdline", "java");
    EXPECT_FALSE(survey_process(7, proc()));
    EXPECT_FALSE(survey_process(12345, proc()));
    EXPECT_THAT(survey_servers(proc()), IsEmpty());
    process(11, "java " + std::string(kMain) + " b.cfg");
    process(10, "java " + std::string(kMain) + " a.cfg");
    std::vector<std::int64_t> pids;
    for (const auto& found : survey_servers(proc())) pids.push_back(found.pid);
    EXPECT_THAT(pids, ElementsAre(10, 11));
}

/// A process of another program with a server's command line.
TEST_F(ServerSurvey, TheServerOfTheDirectoriesIsFoundByItsPort) {
    write(root_ + "/zoo.cfg", "dataDir=" + root_ + "/data\nserver.1=h:2888:3888\n");
    write(root_ + "/data/myid", "1\n");
    const std::string listens =
        "import os, socket, sys, time\n"
        "s = socket.socket()\n"
        "s.bind(('127.0.0.1', 0))\n"
        "s.listen()\n"
        "open(sys.argv[3] + '.new', 'w').write(str(s.getsockname()[1]))\n"
        "os.rename(sys.argv[3] + '.new', sys.argv[3])\n"
        "time.sleep(600)\n";
    write(root_ + "/listens.py", listens);
    // Its third word is the port's file; that of a server ends with the zoo.cfg.
    write(root_ + "/start.py",
          "import sys, runpy\nsys.argv[3:] = ['" + root_ + "/port']\nrunpy.run_path('" + root_ +
              "/listens.py')\n");
    const auto process = start_detached(
        {"/usr/bin/python3", root_ + "/start.py", kMain, root_ + "/zoo.cfg"}, root_ + "/output");
    ASSERT_TRUE(process.has_value()) << process.error().message();
    for (int i = 0; i < 3000 && !fs::exists(root_ + "/port"); ++i) ::usleep(10'000);
    std::uint16_t port = 0;
    std::ifstream(root_ + "/port") >> port;
    NodePlace place{root_ + "/data", root_ + "/data", port, 0, "/own/zoo.cfg"};
    const auto found = find_outside_server(place);
    place.unit_pid = process->pid;
    const auto of_unit = find_outside_server(place);
    place.own_conf = root_ + "/zoo.cfg";
    const auto own = find_outside_server(place);
    place.own_conf.reset();
    const auto whatever = find_outside_server(place);
    place.unit_pid = 0;
    place.data_dir = root_ + "/other";
    const auto elsewhere = find_outside_server(place);
    EXPECT_TRUE(end_process(*process, std::chrono::seconds(5)).has_value());
    ASSERT_TRUE(found) << "port " << port;
    EXPECT_EQ(found->pid, process->pid);
    EXPECT_EQ(found->start_ticks, process->start_ticks);
    EXPECT_EQ(found->conf_path, root_ + "/zoo.cfg");
    EXPECT_EQ(found->flavor, "apache");
    EXPECT_THAT(found->members, ElementsAre("1=h:2888:3888"));
    EXPECT_TRUE(of_unit) << "a unit of that name was there before";
    EXPECT_FALSE(own);
    EXPECT_FALSE(whatever);
    EXPECT_FALSE(elsewhere);
}

TEST_F(ServerSurvey, OthersFilesAreFoundAndGiven) {
    write(root_ + "/data/version-2/snapshot.0", "");
    write(root_ + "/logs/version-2/log.1", "");
    const auto own = static_cast<std::uint32_t>(::getuid());
    EXPECT_EQ(find_others_file(root_ + "/data", root_ + "/logs", own), "");
    EXPECT_EQ(find_others_file(root_ + "/data", root_ + "/logs", own + 1),
              root_ + "/data/version-2");
    EXPECT_EQ(find_others_file(root_ + "/none", root_ + "/none", own + 1), "");
    if (::getuid() != 0) GTEST_SKIP() << "only root gives files away";
    // Where a link leads to nobody follows.
    write(root_ + "/elsewhere/file", "");
    fs::create_directory_symlink(root_ + "/elsewhere", root_ + "/data/version-2/link");
    ASSERT_TRUE(give_data_to(root_ + "/data", root_ + "/logs", own + 1, own + 1).has_value());
    EXPECT_EQ(find_others_file(root_ + "/data", root_ + "/logs", own + 1), "");
    EXPECT_EQ(find_others_file(root_ + "/data", root_ + "/logs", own), root_ + "/data/version-2");
    write(root_ + "/look/version-2/x", "");
    fs::rename(root_ + "/elsewhere", root_ + "/look/version-2/y");
    EXPECT_EQ(find_others_file(root_ + "/look", root_ + "/look", own), "");
}

}  // namespace
}  // namespace zk::agent_host
