// The resident agent: watches, remembers, starts again, is replaced without touching the server.
#include "agent_serve/resident.h"

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <thread>
#include <unistd.h>

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "agent_api/node_log.h"
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

TEST_F(ResidentAgent, ASessionReadsTheLogsOfServerAndAgent) {
    AgentSession session(state_.path());
    const auto ask = [&session](agent_api::LogOf of, const std::string& cursor) {
        const auto answer =
            session.ask(MessageType::log_request, to_json(agent_api::LogRequest{of, 100, cursor}));
        EXPECT_EQ(answer.type, MessageType::log) << answer.payload;
        return *agent_api::parse_node_log(answer.payload);
    };
    const auto agents = ask(agent_api::LogOf::agent, "");
    EXPECT_EQ(agents.cluster, spec_.cluster);
    EXPECT_EQ(agents.sid, spec_.sid);
    EXPECT_EQ(agents.source, state_.file("agent.log"));
    EXPECT_TRUE(std::any_of(agents.lines.begin(), agents.lines.end(), [](const auto& line) {
        return line.text.find("server.started") != std::string::npos;
    }));
    const auto before = ask(agent_api::LogOf::server, "");
    std::ofstream(spec_.console_log_path(), std::ios::app) << "a line of its own\n";
    const auto after = ask(agent_api::LogOf::server, before.cursor);
    ASSERT_EQ(after.lines.size(), 1u);
    EXPECT_EQ(after.lines[0].text, "a line of its own");
    const auto wrong = session.ask(MessageType::log_request, "{\"lines\":-1}");
    EXPECT_EQ(wrong.type, MessageType::error);
    EXPECT_EQ(agent_api::parse_payload<agent_api::AgentError>(wrong.payload)->code,
              agent_api::AgentErrc::invalid);
}

TEST(LogOfNothing, IsNotThereBeforeTheFirstApply) {
    char pattern[] = "/tmp/zkprov-nothing-XXXXXX";
    const std::string directory = ::mkdtemp(pattern);
    {
        AgentSession session(directory);
        const auto answer = session.ask(MessageType::log_request, "{}");
        ASSERT_EQ(answer.type, MessageType::error);
        const auto error = agent_api::parse_payload<agent_api::AgentError>(answer.payload);
        EXPECT_EQ(error->code, agent_api::AgentErrc::not_found);
        EXPECT_NE(error->words.find("zkprov apply"), std::string::npos);
    }
    std::filesystem::remove_all(directory);
}

/// What a session says of the node's elections when its server says `elec` to that word.
class ElectionsTold : public NodeFixture {
  protected:
    agent_api::Elections told(const std::string& elec) {
        spec_.files[0].content += "fake.elec=" + elec + "\n";
        const auto done = apply(spec_);
        EXPECT_FALSE(done.error) << done.error->words;
        EXPECT_TRUE(await_verdict(NodeVerdict::serving));
        return ask();
    }
    agent_api::Elections ask() {
        AgentSession session(state_.path());
        const auto answer = session.ask(MessageType::elections_request, ByteView());
        EXPECT_EQ(answer.type, MessageType::elections) << answer.payload;
        return *agent_api::parse_payload<agent_api::Elections>(answer.payload);
    }
};

TEST_F(ElectionsTold, OurServersWordAndTheAgentsOwnHistory) {
    const std::string line = "elections form=1 server=1 uptime_ms=5";
    const auto said = told(line + " \xc3\xa9\x1b");
    EXPECT_EQ(said.told, line + " ???");
    EXPECT_EQ(said.silence, "");
    EXPECT_EQ(said.cluster, spec_.cluster);
    EXPECT_EQ(said.sid, ServerId(1));
    EXPECT_GT(said.wall_ms, WallMs(1'700'000'000'000));
    ASSERT_FALSE(said.history.empty());
    EXPECT_EQ(said.history.back().role, Role::leader);
}

TEST_F(ElectionsTold, AServerThatIsDownLeavesTheHistory) {
    told("elections form=1 server=1 uptime_ms=5");
    EXPECT_EQ(control(agent_api::ControlAction::stop).type, MessageType::done);
    const auto said = ask();
    EXPECT_EQ(said.told, "");
    EXPECT_EQ(said.silence.find("its server does not answer: "), 0u) << said.silence;
    EXPECT_FALSE(said.history.empty());
}

TEST_F(ElectionsTold, ApachesServerClosesWithoutAWord) {
    EXPECT_EQ(told("").silence,
              "its server does not tell of its votes: it is Apache's, or another version of ours");
}

TEST_F(ElectionsTold, AnotherForm) {
    const auto said = told("elections form=10 server=1 uptime_ms=5");
    EXPECT_EQ(said.told, "");
    EXPECT_NE(said.silence, "");
}

TEST_F(ElectionsTold, AWordThatIsNotAllowed) {
    EXPECT_EQ(told("elec is not executed because it is not in the whitelist.").silence,
              "its server does not allow the word elec (4lw.commands.whitelist)");
}

TEST_F(ElectionsTold, AnotherServerInItsPlace) {
    EXPECT_EQ(told("elections form=1 server=12 uptime_ms=5").silence.find("another server"), 0u);
}

TEST_F(ElectionsTold, NothingInstalled) {
    EXPECT_EQ(ask().silence, "zkprov has not installed a server on this host");
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

/// Through the agent's own socket: a session that stops a server ends its agent too, and with it
/// what that agent remembers.
TEST_F(ResidentAgent, HealthIsTrueWhenItIsAskedFor) {
    const auto tell = [&](agent_api::ControlAction action) {
        agent_api::Control control;
        control.action = action;
        const auto answer = agent_host::ask_resident(
            state_, MessageType::control, agent_api::to_json(control), milliseconds(30000));
        ASSERT_TRUE(answer.has_value());
        ASSERT_EQ(answer->type, MessageType::done) << answer->payload;
    };
    for (int round = 0; round < 5; ++round) {
        tell(agent_api::ControlAction::stop);
        const auto stopped = health();
        EXPECT_EQ(stopped.source, agent_api::HealthSource::agent);
        EXPECT_EQ(stopped.verdict, NodeVerdict::down);
        ASSERT_FALSE(stopped.reasons.empty());
        EXPECT_EQ(stopped.reasons.front(), "it was stopped on purpose");
        tell(agent_api::ControlAction::start);
        const auto started = health();
        EXPECT_NE(started.verdict, NodeVerdict::down);
        for (const std::string& reason : started.reasons) {
            EXPECT_NE(reason, "it was stopped on purpose");
        }
    }
}

TEST_F(ResidentAgent, AServerThatSpeaksWithAnotherIdIsAConflict) {
    auto& zoo_cfg = spec_.files.front().content;
    zoo_cfg += "fake.sid=2\n";
    ASSERT_FALSE(apply(spec_).error);
    ASSERT_TRUE(await_verdict(NodeVerdict::conflict));
    const auto conflict = health();
    EXPECT_EQ(conflict.sid, ServerId(1));
    EXPECT_EQ(conflict.answered_sid, ServerId(2));
    EXPECT_EQ(conflict.conflict->kind, agent_api::ConflictKind::sid);
    EXPECT_FALSE(conflict.leader);
    // The same without a resident agent.
    ASSERT_EQ(::kill(static_cast<pid_t>(agent_pid()), SIGKILL), 0);
    ASSERT_TRUE(await([&] { return agent_pid() == 0; }));
    EXPECT_EQ(health().source, agent_api::HealthSource::fourlw);
    ASSERT_TRUE(await_verdict(NodeVerdict::conflict));

    zoo_cfg.replace(zoo_cfg.find("fake.sid=2"), 10, "fake.sid=1");
    ASSERT_FALSE(apply(spec_).error);
    ASSERT_TRUE(await_verdict(NodeVerdict::serving));
    // Who speaks is asked less often than how it is.
    EXPECT_TRUE(await([&] { return health().answered_sid == ServerId(1); }));
}

TEST_F(ResidentAgent, APortThatANeighbourHoldsIsAConflict) {
    ASSERT_EQ(control(agent_api::ControlAction::stop).type, MessageType::done);
    // The neighbour: a server of another directory on this node's client port.
    const std::string other = dir_ + "/other";
    ASSERT_EQ(::mkdir(other.c_str(), 0700), 0);
    const std::string conf = other + "/zoo.cfg";
    const std::string text = "dataDir=" + other + "\ndataLogDir=" + other +
                             "\nclientPort=" + std::to_string(spec_.client_port) + "\n";
    ASSERT_TRUE(agent_host::write_new_file(conf, text, {}).has_value());
    const auto neighbour = agent_host::start_detached({FAKE_SERVER, conf}, other + "/log");
    ASSERT_TRUE(neighbour.has_value());
    ASSERT_TRUE(await_verdict(NodeVerdict::conflict));
    const auto seen = health();
    ASSERT_TRUE(seen.conflict);
    EXPECT_EQ(seen.conflict->kind, agent_api::ConflictKind::process);
    const std::string holder = "(" + std::to_string(neighbour->pid) + ")";
    EXPECT_NE(seen.conflict->words.find(holder), std::string::npos) << seen.conflict->words;
    ASSERT_TRUE(agent_host::end_process(*neighbour, milliseconds(5000)).has_value());
    ASSERT_TRUE(await_verdict(NodeVerdict::down));
    EXPECT_FALSE(health().conflict);
}

TEST_F(ResidentAgent, APortForPeersThatIsHeldIsWhyItIsDown) {
    ASSERT_EQ(control(agent_api::ControlAction::stop).type, MessageType::done);
    const agent_host::Fd taken(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(spec_.election_port);
    ASSERT_EQ(::bind(taken.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    ASSERT_EQ(::listen(taken.get(), 1), 0);
    const auto down = health();
    EXPECT_EQ(down.verdict, NodeVerdict::down);
    ASSERT_TRUE(down.conflict);
    EXPECT_EQ(down.conflict->kind, agent_api::ConflictKind::process);
    const std::string port = "port " + std::to_string(spec_.election_port) + " is held by ";
    EXPECT_NE(down.conflict->words.find(port), std::string::npos) << down.conflict->words;
}

TEST_F(ResidentAgent, AServerWithoutItsMyidSaysWhyItIsDown) {
    const std::string myid = spec_.data_dir + "/myid";
    ASSERT_EQ(::unlink(myid.c_str()), 0);
    ASSERT_TRUE(await([&] { return !health().reasons.empty(); }));
    EXPECT_EQ(health().verdict, NodeVerdict::serving);
    EXPECT_NE(health().reasons.front().find(myid + " is missing"), std::string::npos);
    ASSERT_TRUE(agent_host::write_new_file(myid, "7\n", {}).has_value());
    ASSERT_EQ(control(agent_api::ControlAction::stop).type, MessageType::done);
    const auto down = health();
    EXPECT_EQ(down.verdict, NodeVerdict::down);
    ASSERT_TRUE(down.conflict);
    EXPECT_NE(down.conflict->words.find(myid + " says 7"), std::string::npos);
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
    for (const char* part : {"server 1 of demo: serving, leader",
                             "vote: server 1, epoch 1",
                             "UTC: leader in epoch 1"}) {
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
