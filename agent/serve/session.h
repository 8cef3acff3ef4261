// One controller's visit: answers its messages, one after the other, and does on this host what
// they ask for. Shell. Blocking; one thread. The same code over SSH, over a local pipe and in
// tests.
#pragma once

#include <functional>
#include <string>

#include "agent_api/link.h"
#include "agent_api/removal.h"
#include "agent_host/node_control.h"
#include "agent_host/state_dir.h"
#include "agent_serve/blob_store.h"
#include "agent_serve/run_lock_keeper.h"
#include "base/result.h"

namespace zk::agent_serve {

class Session {
  public:
    /// `send` takes a whole frame; when it fails the session ends.
    using Send = std::function<Result<>(ByteView frame)>;
    Session(agent_host::StateDir state, Send send, run_lock::LockLimits limits = {});
    // Its parts refer to each other.
    Session(const Session&) = delete;
    Session& operator=(const Session&) = delete;

    /// Carries out one message. Fails only when the link does; a request that cannot be served is
    /// answered.
    Result<> handle(const agent_api::Message& message);
    /// Whether idle() has to be called each second.
    [[nodiscard]] bool is_watching() const { return lock_.held(); }
    /// Nothing came for a while.
    void idle();
    /// Some bytes came.
    void heard() {
        idle();
        lock_.heard();
    }

  private:
    Result<> dispatch(const agent_api::Message& message);
    Result<> reply(agent_api::MessageType type, ByteView payload);
    Result<> reply_error(const agent_api::AgentError& error);
    Result<> reply_error(const Error& error);

    Result<> hello(ByteView payload);
    Result<> facts(ByteView payload);
    Result<> survey(ByteView payload);
    Result<> blob_begin(ByteView payload);
    Result<> blob_chunk(ByteView payload);
    Result<> blob_end();
    Result<> apply(ByteView payload);
    Result<agent_api::ApplyDone> carry_out(const agent_api::Apply& request);
    Result<> health();
    Result<> elections();
    Result<> page(ByteView payload);
    Result<> log(ByteView payload);
    Result<> control(ByteView payload);
    Result<> removal(ByteView payload);
    Result<> remember(ByteView payload);
    Result<std::string> keep_memory(const agent_api::MemberMemory& told);
    Result<> probe_write(ByteView payload);
    Result<std::string> carry_out(agent_api::ControlAction action);
    [[nodiscard]] agent_host::StartLeave leave_to_start() const;
    static Result<std::string> carry_out(agent_host::NodeControl control,
                                         agent_api::ControlAction action);
    Result<agent_api::RemovalReport> carry_out(const agent_api::RemovalRequest& request);
    Result<> lock(ByteView payload);

    agent_host::StateDir state_;
    Send send_;
    RunLockKeeper lock_;
    BlobStore blobs_;
    bool blob_failed_ = false;  ///< its error was told; what is left of it on the way is dropped
};

/// Serves a session on two descriptors until the input ends. Returns the program's exit status.
int serve_stdio(const agent_host::StateDir& state, int input, int output);

}  // namespace zk::agent_serve
