#include "agent_serve/server_unit.h"

#include "agent_host/node_control.h"
#include "agent_host/process.h"

namespace zk::agent_serve {
namespace {

constexpr auto kUnitInterval = std::chrono::seconds(30);
constexpr auto kUnitIntervalDown = std::chrono::seconds(2);
/// Health must not wait for a systemd that hangs.
constexpr auto kSystemdPatience = std::chrono::seconds(5);

}  // namespace

std::optional<agent_host::UnitState> ServerUnit::look(const agent_api::NodeSpec& spec,
                                                      bool answered,
                                                      bool refused) {
    const bool runs = pid_ != 0 && agent_host::process_info(pid_).has_value();
    const auto interval =
        runs ? Clock::duration(kUnitInterval) : Clock::duration(kUnitIntervalDown);
    // A process that is gone is looked for at once, and then less often until a new one answers.
    const bool may_wait = runs || (pid_ == 0 && !answered);
    if (may_wait && Clock::now() - asked_at_ < interval) return std::nullopt;
    asked_at_ = Clock::now();
    const auto told = agent_host::server_unit_state(spec, kSystemdPatience);
    silent_ = !told.has_value();
    if (!told.has_value()) {
        log_.warn(
            "{}.silent why={}", spec.container ? "engine" : "systemd", told.error().message());
        pid_ = 0;
        unit_.reset();
        return std::nullopt;
    }
    const agent_host::UnitState& state = *told;
    pid_ = state.main_pid;
    // systemd counts from 0 when somebody starts it.
    if (state.restarts < restarts_)
        not_begun_ = 0;
    else if (refused)
        not_begun_ += state.restarts - restarts_;
    restarts_ = state.restarts;
    stopped_ = state.active == "inactive";
    // What keeps a container running is in its own settings, which a plan compares.
    if (!spec.container) unit_ = {spec.server_unit, state.active, state.sub, state.enabled};
    return state;
}

void ServerUnit::forget_if_stopped() {
    if (pid_ == 0 && !silent_) forget();
}

void ServerUnit::fill(node_judge::Probe& probe) const {
    probe.restarts = restarts_ - not_begun_;
    probe.stopped_on_purpose = stopped_;
    probe.unit = unit_;
}

}  // namespace zk::agent_serve
