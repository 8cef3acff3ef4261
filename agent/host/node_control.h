// Starts and stops what runs on a node: by systemd's units, by the engine of its container, or, where the
// manager is `supervised`, by the resident agent and its child. Shell. Blocking, bounded; the caller holds the state
// directory's lock.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <utility>

#include "agent_api/link.h"
#include "agent_api/node_spec.h"
#include "agent_host/state_dir.h"
#include "agent_host/systemd.h"
#include "base/result.h"

namespace zk::agent_host {

/// Why the server must not start, for people (docs/PROVISIONING.md 2.6); nothing: it may.
using StartLeave = std::function<std::optional<std::string>()>;

class NodeControl {
  public:
    /// `leave` is asked before a container starts, for its engine asks nobody; systemd and the resident agent ask
    /// themselves. Left out: whoever calls knows that it may start.
    NodeControl(const agent_api::NodeSpec& spec, const StateDir& state, StartLeave leave = {})
        : spec_(spec), state_(state), leave_(std::move(leave)) {}

    /// Returns when the server has lived for a moment or opened its client port. start_failed with
    /// its last words; identity_conflict where it must not start: what runs then goes on.
    Result<> start_server();
    Result<> restart_server();
    Result<> start_agent();
    Result<> restart_agent();
    /// The server; where supervised the resident agent too, which would start it again otherwise.
    Result<> stop();
    /// Stops a server outside of the node's unit, for good: a unit of its own, or its engine, does not start it any more.
    Result<> end_outside(const agent_api::OutsideServer& server);
    /// Of one in a container, after end_outside(): it serves again, instead of the node's own.
    Result<> bring_back_outside(const agent_api::OutsideServer& server);
    /// Stops the server and renames data and logs. Returns words for people.
    Result<std::string> wipe();

    /// Of what runs now; 0 for none.
    [[nodiscard]] std::int64_t server_pid() const;
    [[nodiscard]] std::int64_t agent_pid() const;
    /// A server of this node that is not the process of a unit of this name, or of its container.
    [[nodiscard]] std::optional<agent_api::OutsideServer> outside() const;

  private:
    [[nodiscard]] Result<> ask_leave() const;
    Result<> await_unit();
    Result<> await_container();
    [[nodiscard]] bool unit_is_missing() const;
    [[nodiscard]] Result<> stop_outside(const agent_api::OutsideServer& server) const;
    Result<> tell_resident(agent_api::ControlAction action);
    [[nodiscard]] Result<> check_wipe() const;
    Result<std::string> quarantine(const std::string& directory, const std::string& stamp);

    const agent_api::NodeSpec& spec_;
    const StateDir& state_;
    StartLeave leave_;
};

/// Of the server: its unit, or its container in systemd's words. Manager supervised has none: Errc::unsupported.
Result<UnitState> server_unit_state(const agent_api::NodeSpec& spec,
                                    std::chrono::milliseconds patience = std::chrono::seconds(90));

/// The end of a log file, for an error's words.
std::string last_lines(const std::string& path, std::size_t count);

}  // namespace zk::agent_host
