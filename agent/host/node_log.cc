#include "agent_host/node_log.h"

#include "agent_api/agent_errc.h"
#include "agent_api/node_facts.h"
#include "agent_host/container_log.h"
#include "agent_host/file_log.h"
#include "agent_host/node_control.h"
#include "agent_host/unit_log.h"

namespace zk::agent_host {
namespace {

using agent_api::AgentErrc;
using agent_api::LogOf;
using agent_api::LogRequest;
using agent_api::Manager;
using agent_api::NodeLog;
using agent_api::NodeSpec;

Result<NodeLog> read_log_home(const NodeSpec& spec,
                              const LogHome& home,
                              const LogRequest& request) {
    switch (home.kind) {
        case LogHome::Kind::unit:
            return read_unit_log(home.name, request);
        case LogHome::Kind::file:
            return read_file_log(home.name, request);
        case LogHome::Kind::container:
            return read_container_log(*spec.container, request);
    }
    return Error(Errc::unsupported, "unknown home of a log");
}

}  // namespace

LogHome log_home(const NodeSpec& spec, const StateDir& state, LogOf of) {
    if (of == LogOf::agent) {
        if (spec.agent_is_unit()) return {LogHome::Kind::unit, spec.agent_unit};
        return {LogHome::Kind::file, state.file("agent.log")};
    }
    if (spec.manager == Manager::docker) return {LogHome::Kind::container, spec.container->name};
    if (spec.manager == Manager::systemd) return {LogHome::Kind::unit, spec.server_unit};
    return {LogHome::Kind::file, spec.console_log_path()};
}

Result<NodeLog> read_node_log(const NodeSpec& spec,
                              const StateDir& state,
                              const LogRequest& request) {
    auto log = read_log_home(spec, log_home(spec, state, request.of), request);
    std::optional<agent_api::OutsideServer> outside;
    if (!log.has_value() && request.of != LogOf::agent) {
        const auto why = agent_api::agent_errc(log.error());
        const bool absent = why == AgentErrc::not_found;
        // A container that was taken in may have the name of the node's.
        const bool theirs = spec.container && why == AgentErrc::identity_conflict;
        if (absent || theirs) outside = NodeControl(spec, state).outside();
    }
    if (outside && outside->held_by) {
        log = read_outside_log(*spec.container, *outside->held_by, request);
    }
    if (log.has_value()) {
        log->cluster = spec.cluster;
        log->sid = spec.sid;
        return log;
    }
    if (!outside || outside->held_by) return log;
    return agent_api::from_agent_error(
        {AgentErrc::not_found,
         words_of(*outside) + " runs outside of " + spec.server_unit + ", so its log is where " +
             "whoever started it put it" +
             (outside->unit.empty() ? std::string() : " (journalctl -u " + outside->unit + ")") +
             "; zkprov apply --take-over puts it under the unit"});
}

}  // namespace zk::agent_host
