// What one look at the host finds out of made files: the resident agent's own program.
#include "agent_serve/host_look.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <unistd.h>

#include <gtest/gtest.h>

#include "agent_host/host_facts.h"

namespace zk::agent_serve {
namespace {

namespace fs = std::filesystem;

class AgentProgram : public ::testing::Test {
  protected:
    AgentProgram() {
        char name[] = "/tmp/zkprov-look-XXXXXX";
        dir_ = ::mkdtemp(name);
        spec_.manager = agent_api::Manager::systemd;
        spec_.install_dir = dir_;
        fs::create_directories(dir_ + "/bin");
        path_ = spec_.resident_agent_path();
    }
    ~AgentProgram() override { fs::remove_all(dir_); }
    std::string words() {
        node_judge::Probe probe;
        look_.fill_agent(probe, spec_, [](const std::string&) {});
        if (!probe.agent_drift) return "";
        EXPECT_EQ(probe.agent_drift->path, path_);
        return probe.agent_drift->words;
    }

    std::string dir_;
    std::string path_;
    agent_api::NodeSpec spec_;
    HostLook look_;
};

TEST_F(AgentProgram, ThatLiesThereIsTheOneThatRuns) {
    fs::copy_file("/proc/self/exe", path_);
    EXPECT_EQ(words(), "");
    EXPECT_EQ(words(), "");
}

TEST_F(AgentProgram, ThatWasReplacedIsToldUntilItIsBack) {
    fs::copy_file("/proc/self/exe", path_);
    EXPECT_EQ(words(), "");
    std::ofstream(path_ + ".new") << "another";
    fs::rename(path_ + ".new", path_);
    EXPECT_EQ(words(),
              "is another program than the agent that runs (" + agent_host::agent_version() + ")");
    fs::remove(path_);
    EXPECT_EQ(words(), "is missing");
    fs::copy_file("/proc/self/exe", path_);
    EXPECT_EQ(words(), "");
}

// The controller's own copy, from which a supervised agent was started, may be gone: nobody needs it.
TEST_F(AgentProgram, OfASupervisedAgentMayBeGone) {
    spec_.manager = agent_api::Manager::supervised;
    EXPECT_EQ(words(), "");
}

}  // namespace
}  // namespace zk::agent_serve
