// The run lock as one session keeps it: the kernel's lock, the recorded number and the clock, for
// the rules of run_lock/session_lock. Shell.
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "agent_api/link.h"
#include "agent_host/state_dir.h"
#include "base/result.h"
#include "run_lock/session_lock.h"

namespace zk::agent_serve {

class RunLockKeeper {
  public:
    RunLockKeeper(const agent_host::StateDir& state, run_lock::LockLimits limits)
        : state_(state), rules_(limits) {}

    Result<agent_api::LockState> answer(const agent_api::LockRequest& request);
    /// Gives the lock up when it must be. Before each message, and each second while it is held.
    void look();
    /// The controller said something, or an answer was made that it waited for.
    void heard();
    [[nodiscard]] bool held() const { return rules_.held(); }
    /// AgentErrc::lock_lost when no change may begin now.
    Result<> may_change() const;
    /// "apply begins", with the number, the holder and the time, for who looks back. Two runs that
    /// change an ensemble at the same time would show in these lines.
    void note(const std::string& what) const;

  private:
    Result<> take(const agent_api::LockRequest& request);
    Result<> record(const agent_api::LockRequest& request);
    Result<> revoke(const agent_api::LockRequest& request);
    Result<agent_api::LockState> state_now() const;

    const agent_host::StateDir& state_;
    run_lock::SessionLock rules_;
    std::optional<agent_host::Fd> kernel_lock_;
    agent_api::LockHolder holder_;
};

}  // namespace zk::agent_serve
