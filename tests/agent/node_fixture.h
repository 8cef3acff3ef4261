// One supervised node in a temporary directory, driven through the real agent program over its
// standard input and output, as the controller does.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <sys/types.h>

#include "agent_api/link.h"
#include "agent_host/posix.h"
#include "agent_host/state_dir.h"

namespace zk::agent_serve {

/// A session with `zkprov-agent connect --stdio`.
class AgentSession {
  public:
    explicit AgentSession(const std::string& state_dir);
    ~AgentSession();
    AgentSession(const AgentSession&) = delete;
    AgentSession& operator=(const AgentSession&) = delete;

    void send(agent_api::MessageType type, ByteView payload);
    void send_raw(ByteView bytes);
    /// The next message; aborts the test when none comes.
    agent_api::Message receive();
    agent_api::Message ask(agent_api::MessageType type, ByteView payload);
    /// Asks about the run lock; `number` is for LockAction::number.
    agent_api::LockState lock(agent_api::LockAction action, std::uint64_t number = 0);
    /// Takes it and numbers the run; aborts the test when another session has it.
    void take_run_lock();
    /// As a controller that goes away while it waits for an answer.
    void close_input() { to_ = agent_host::Fd(); }
    /// The exit status after its input was closed.
    int end();
    /// Ends it without a word, like a lost connection.
    void kill();

    std::vector<agent_api::Event> events;  ///< those receive() came across

  private:
    pid_t pid_ = -1;
    agent_host::Fd to_;
    agent_host::Fd from_;
    agent_api::FrameDecoder decoder_;
};

class NodeFixture : public testing::Test {
  protected:
    NodeFixture();
    ~NodeFixture() override;

    /// Sends the release, then applies.
    agent_api::ApplyDone apply(const agent_api::NodeSpec& spec, bool dry = false);
    agent_api::NodeFacts facts(const agent_api::NodeSpec& spec);
    agent_api::NodeHealth health();
    /// Empty words when it failed.
    agent_api::Message control(agent_api::ControlAction action);
    void send_release(AgentSession& session, const agent_api::NodeSpec& spec);
    /// Until the node says so, at most for some seconds.
    bool await_verdict(agent_api::NodeVerdict verdict);

    /// How often the fake server was started.
    [[nodiscard]] std::size_t starts() const;
    [[nodiscard]] std::int64_t server_pid() const;
    [[nodiscard]] std::int64_t agent_pid() const;
    /// Files that staging left behind.
    [[nodiscard]] std::vector<std::string> leftovers() const;

    std::string dir_;
    agent_host::StateDir state_;
    agent_api::NodeSpec spec_;
};

std::uint16_t free_port();
std::string text_of(const agent_api::ApplyDone& done);

}  // namespace zk::agent_serve
