// What systemd, or the engine of its container, says of this node's server, asked no more often than it helps: each
// question to systemd costs a process.
// Shell. Lives on the resident agent's loop.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "agent_api/node_spec.h"
#include "agent_host/systemd.h"
#include "base/log.h"
#include "node_judge/probe.h"

namespace zk::agent_serve {

class ServerUnit {
  public:
    explicit ServerUnit(Log log) : log_(std::move(log)) {}

    /// What is said of the server's unit now; nothing when what is known still does, or when it does not answer in time.
    /// `answered`: a server answers clients. `refused`: the server must not start, so what systemd counts are no ends of it.
    std::optional<agent_host::UnitState> look(const agent_api::NodeSpec& spec,
                                              bool answered,
                                              bool refused);
    /// The next look asks.
    void forget() { asked_at_ = Clock::time_point(); }
    /// The same for somebody who waits, unless there is a process, or systemd is silent.
    void forget_if_stopped();

    /// Takes over what is known. The process is somebody else's: see pid().
    void fill(node_judge::Probe& probe) const;
    /// Of the main process; 0: none is known.
    [[nodiscard]] std::int64_t pid() const { return pid_; }
    /// It did not answer when it was asked last.
    [[nodiscard]] bool is_silent() const { return silent_; }

  private:
    using Clock = std::chrono::steady_clock;

    Log log_;
    std::int64_t pid_ = 0;
    std::uint64_t restarts_ = 0;   ///< as systemd counts them
    std::uint64_t not_begun_ = 0;  ///< of these: the server was refused before it began
    bool stopped_ = false;
    std::optional<node_judge::UnitLook> unit_;
    bool silent_ = false;
    Clock::time_point asked_at_;
};

}  // namespace zk::agent_serve
