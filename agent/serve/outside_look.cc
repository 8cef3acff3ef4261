#include "agent_serve/outside_look.h"

#include "agent_host/outside_container.h"
#include "agent_host/server_survey.h"

namespace zk::agent_serve {
namespace {

/// To find out who listens on a port means to look at all processes of the host.
constexpr auto kInterval = std::chrono::seconds(10);
/// The resident agent does nothing else meanwhile.
constexpr auto kEnginePatience = std::chrono::seconds(2);

std::optional<agent_api::OutsideServer> find(const agent_api::NodeSpec& spec,
                                             std::int64_t unit_pid) {
    if (spec.container) {
        auto found = agent_host::find_outside_container(*spec.container, kEnginePatience);
        return found.has_value() ? *std::move(found) : std::nullopt;
    }
    return agent_host::find_outside_server(
        {spec.data_dir, spec.log_dir, spec.client_port, unit_pid, spec.conf_path});
}

}  // namespace

const std::optional<agent_api::OutsideServer>& OutsideLook::look(const agent_api::NodeSpec& spec,
                                                                 std::int64_t unit_pid,
                                                                 bool answered) {
    const bool moved = unit_pid != unit_pid_;
    if (server_) {
        const bool lives = agent_host::is_alive({server_->pid, server_->start_ticks});
        if (lives && !moved) return server_;
        server_.reset();
        looked_at_ = Clock::time_point();
    }
    // The unit's own process is looked at once; without one somebody else may come at any time.
    const bool due = moved || (unit_pid == 0 && Clock::now() - looked_at_ >= kInterval);
    if (!answered || !due) return server_;
    unit_pid_ = unit_pid;
    looked_at_ = Clock::now();
    server_ = find(spec, unit_pid);
    return server_;
}

}  // namespace zk::agent_serve
