// The resident agent: watches, remembers, starts again, is replaced without touching the server.
#include "agent_serve/resident.h"

#include <chrono>
#include <csignal>
#include <thread>
#include <unistd.h>

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "agent_host/agent_socket.h"
#include "agent_host/node_control.h"
#include "agent_host/process.h"
#include "agent_serve/supervisor.h"
#include "node_fixture.h"

namespace zk::agent_serve {
namespace {

using agent_api::MessageType;
using agent_api::NodeVerdict;
using agent_api::Role;
using std::chrono::milliseconds;

class ResidentAgent : public NodeFixture {
  protected:
    void SetUp() override {
        const auto done = apply(spec_);
        ASSERT_FALSE(done.error) << done.error->words;
        ASSERT_TRUE(await_verdict(NodeVerdict::serving));
    }
    template <class Condition>
    bool await(Condition&& condition) {
        for (int tries = 0; tries < 400; ++tries) {
            if (condition()) return true;
            std::this_thread::sleep_for(milliseconds(25));
        }
        return false;
    }
};

TEST_F(ResidentAgent, KilledServerIsStartedAgain) {
    const std::int64_t before = server_pid();
    ASSERT_EQ(::kill(static_cast<pid_t>(before), SIGKILL), 0);
    ASSERT_TRUE(await([&] { return server_pid() != 0 && server_pid() != before; }));
    ASSERT_TRUE(await([&] { return health().restarts == 1; }));
    ASSERT_TRUE(await_verdict(NodeVerdict::serving));
    EXPECT_EQ(starts(), 2u);
}

TEST_F(ResidentAgent, ElectionHistoryOutlivesTheAgent) {
    ASSERT_EQ(health().history.back().role, Role::leader);
    const std::size_t known = health().history.size();
    const std::int64_t server = server_pid();
    ASSERT_EQ(::kill(static_cast<pid_t>(agent_pid()), SIGKILL), 0);
    ASSERT_TRUE(await([&] { return agent_pid() == 0; }));
    EXPECT_EQ(server_pid(), server);
    EXPECT_EQ(health().source, agent_api::HealthSource::fourlw);

    const auto done = apply(spec_);
    ASSERT_FALSE(done.error);
    ASSERT_EQ(done.steps.size(), 1u) << text_of(done);
    EXPECT_EQ(done.steps[0].step, "start-agent");
    EXPECT_EQ(server_pid(), server);
    ASSERT_TRUE(await_verdict(NodeVerdict::serving));
    EXPECT_EQ(health().history.size(), known);
    EXPECT_EQ(health().pid, server);
    EXPECT_EQ(starts(), 1u);
    // The adopted server, which is not its child, is watched all the same.
    ASSERT_EQ(::kill(static_cast<pid_t>(server), SIGKILL), 0);
    ASSERT_TRUE(await([&] { return server_pid() != 0 && server_pid() != server; }));
}

TEST_F(ResidentAgent, ServerWithoutARecordIsFoundAndNotStartedTwice) {
    const std::int64_t server = server_pid();
    // As if the agent had died between starting the server and writing its pid down.
    ASSERT_EQ(::kill(static_cast<pid_t>(agent_pid()), SIGKILL), 0);
    ASSERT_TRUE(await([&] { return agent_pid() == 0; }));
    ASSERT_EQ(::unlink(state_.server_pid_file().c_str()), 0);
    const auto facts = this->facts(spec_);
    ASSERT_FALSE(facts.ports.empty());
    EXPECT_TRUE(facts.ports[0].ours);

    const auto done = apply(spec_);
    ASSERT_FALSE(done.error) << done.error->words;
    EXPECT_EQ(server_pid(), server) << text_of(done);
    EXPECT_EQ(starts(), 1u);
    ASSERT_EQ(control(agent_api::ControlAction::stop).type, MessageType::done);
    EXPECT_FALSE(agent_host::process_info(server) && !agent_host::process_info(server)->zombie);
}

/// The record of the data that was seen is written by the agent beside sessions that write the
/// record too.
TEST_F(ResidentAgent, DataIsRememberedOnceTheRecordIsFree) {
    auto identity = *state_.load_identity();
    identity->formed = false;
    ASSERT_TRUE(state_.save_identity(*identity).has_value());
    auto session = state_.lock();
    ASSERT_TRUE(session.has_value());
    // A specification written anew makes the agent look again.
    ASSERT_TRUE(state_.save_spec(spec_).has_value());
    std::this_thread::sleep_for(milliseconds(2500));
    EXPECT_FALSE((*state_.load_identity())->formed);
    *session = agent_host::Fd();
    EXPECT_TRUE(await([&] { return (*state_.load_identity())->formed; }));
}

TEST_F(ResidentAgent, SecondAgentRefusesToRun) {
    const auto second =
        agent_host::run_command({AGENT, "run", "--state-dir", state_.path()}, milliseconds(10000));
    ASSERT_TRUE(second.has_value());
    EXPECT_EQ(second->exit_status, 1);
    EXPECT_NE(second->output.find("another agent is resident"), std::string::npos);
    EXPECT_EQ(health().source, agent_api::HealthSource::agent);
}

TEST_F(ResidentAgent, SocketIsForItsOwnerOnly) {
    struct stat status {};
    ASSERT_EQ(::stat((state_.path() + "/agent.sock").c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777, 0600u);
}

TEST_F(ResidentAgent, NonsenseOnTheSocketHarmsNobody) {
    for (int round = 0; round < 40; ++round) {
        auto socket = agent_host::connect_to_agent_socket(state_);
        ASSERT_TRUE(socket.has_value());
        const Bytes nonsense(static_cast<std::size_t>(round), '\xee');
        ASSERT_GE(::write(socket->get(), nonsense.data(), nonsense.size()), 0);
    }
    const auto answer =
        agent_host::ask_resident(state_, MessageType::apply, "{}", milliseconds(5000));
    ASSERT_TRUE(answer.has_value());
    EXPECT_EQ(answer->type, MessageType::error);
    EXPECT_EQ(health().source, agent_api::HealthSource::agent);
}

TEST_F(ResidentAgent, HealthIsTrueWhenItIsAskedFor) {
    for (int round = 0; round < 3; ++round) {
        ASSERT_EQ(control(agent_api::ControlAction::stop).type, MessageType::done);
        const auto stopped = health();
        EXPECT_EQ(stopped.verdict, NodeVerdict::down);
        ASSERT_FALSE(stopped.reasons.empty());
        EXPECT_EQ(stopped.reasons.front(), "it was stopped on purpose");
        ASSERT_EQ(control(agent_api::ControlAction::start).type, MessageType::done);
        const auto started = health();
        EXPECT_NE(started.verdict, NodeVerdict::down);
        for (const std::string& reason : started.reasons) EXPECT_NE(reason, "it was stopped on purpose");
    }
}

TEST_F(ResidentAgent, StatusPrintsOneDocument) {
    const auto json = agent_host::run_checked(
        {AGENT, "status", "--json", "--state-dir", state_.path()}, milliseconds(10000));
    ASSERT_TRUE(json.has_value());
    const auto parsed = agent_api::parse_node_health(*json);
    ASSERT_TRUE(parsed.has_value());
    EXPECT_EQ(parsed->sid, ServerId(1));
    const auto text = agent_host::run_checked({AGENT, "status", "--state-dir", state_.path()},
                                              milliseconds(10000));
    ASSERT_TRUE(text.has_value());
    for (const char* part :
         {"server 1 of demo: serving, leader", "vote: server 1, epoch 1", "UTC: leader, epoch 1"}) {
        EXPECT_NE(text->find(part), std::string::npos) << *text;
    }
}

TEST(RestartDelay, GrowsAndIsBounded) {
    EXPECT_EQ(restart_delay(0), milliseconds(200));
    EXPECT_EQ(restart_delay(1), milliseconds(400));
    EXPECT_EQ(restart_delay(3), milliseconds(1600));
    EXPECT_EQ(restart_delay(10), milliseconds(30000));
    EXPECT_EQ(restart_delay(4000000000U), milliseconds(30000));
}

}  // namespace
}  // namespace zk::agent_serve
