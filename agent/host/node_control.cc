#include "agent_host/node_control.h"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <thread>

#include <sys/stat.h>

#include "agent_api/agent_errc.h"
#include "agent_api/link.h"
#include "agent_host/agent_socket.h"
#include "agent_host/containers.h"
#include "agent_host/deeds.h"
#include "agent_host/host_facts.h"
#include "agent_host/outside_container.h"
#include "agent_host/posix.h"
#include "agent_host/server_probe.h"
#include "agent_host/server_survey.h"
#include "agent_host/systemd.h"
#include "base/check.h"

namespace zk::agent_host {
namespace {

using agent_api::AgentErrc;
using agent_api::AgentError;
using agent_api::ControlAction;
using agent_api::Manager;
using agent_api::MessageType;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr auto kStable = milliseconds(1000);  // a server that lives that long did start
constexpr auto kMayStartWait = seconds(25);   // longer than zkprov-agent may-start takes at most
constexpr auto kResidentWait = seconds(10);
constexpr auto kResidentRestartWait = seconds(60);  // stopping may take its time
constexpr auto kAgentPatience = seconds(5);
constexpr auto kServerPatience = seconds(30);
constexpr std::size_t kTailBytes = 16384;  // of a log, for an error's words

std::string one_line(std::string text) {
    while (!text.empty() && text.back() == '\n') text.pop_back();
    std::replace(text.begin(), text.end(), '\n', '|');
    return text;
}

}  // namespace

std::string last_lines(const std::string& path, std::size_t count) {
    const auto text = read_tail(path, kTailBytes);
    if (!text.has_value()) return {};
    std::size_t at = text->size();
    for (std::size_t lines = 0; at > 0; --at) {
        if ((*text)[at - 1] == '\n' && at != text->size() && ++lines == count) break;
    }
    return text->substr(at);
}

Result<UnitState> server_unit_state(const agent_api::NodeSpec& spec, milliseconds patience) {
    if (spec.manager == Manager::docker) return container_state(*spec.container, patience);
    if (spec.manager == Manager::supervised) {
        return Error(Errc::unsupported, "a supervised server is no unit");
    }
    ZK_TRY(auto states, unit_states({spec.server_unit}, patience));
    return std::move(states.front());
}

Result<> NodeControl::ask_leave() const {
    const auto refused = leave_ ? leave_() : std::nullopt;
    if (!refused) return ok();
    return agent_api::from_agent_error(AgentError{AgentErrc::identity_conflict, *refused});
}

Result<> NodeControl::start_server() {
    if (spec_.manager == Manager::docker && server_pid() == 0) ZK_CHECK(ask_leave());
    note_deed(state_, elections::Deed::Kind::start, 0);
    if (spec_.manager == Manager::supervised) {
        ZK_CHECK(state_.save_desired(Desired::run));
        return tell_resident(ControlAction::start);
    }
    // Two servers on one data directory would be the end of it.
    if (outside()) return ok();
    if (spec_.manager == Manager::docker) {
        ZK_CHECK(start_node_container(*spec_.container));
        return await_container();
    }
    if (unit_is_missing()) {
        return agent_api::from_agent_error(
            AgentError{AgentErrc::not_found,
                       "its unit is not there yet: the server was taken in and not taken over; "
                       "zkprov apply starts it under the unit"});
    }
    ZK_CHECK(start_unit(spec_.server_unit));
    return await_unit();
}

Result<> NodeControl::restart_server() {
    if (const auto server = outside()) {
        return agent_api::from_agent_error(
            AgentError{AgentErrc::unsafe,
                       words_of(*server) +
                           " was not started by zkprov, and is not restarted by it; zkprov apply "
                           "--take-over puts zkprov's own in its place"});
    }
    // Before it is stopped: it would not come back.
    if (spec_.manager == Manager::docker) ZK_CHECK(ask_leave());
    note_deed(state_, elections::Deed::Kind::restart, server_pid());
    if (spec_.manager == Manager::supervised) {
        ZK_CHECK(state_.save_desired(Desired::run));
        return tell_resident(ControlAction::restart);
    }
    if (spec_.manager == Manager::docker) {
        ZK_CHECK(stop_node_container(*spec_.container));
        ZK_CHECK(start_node_container(*spec_.container));
        return await_container();
    }
    ZK_CHECK(restart_unit(spec_.server_unit));
    return await_unit();
}

/// Its engine starts it again and again, as its policy says: that it is about to do so is failure enough.
Result<> NodeControl::await_container() {
    const auto deadline = std::chrono::steady_clock::now() + kStable;
    do {
        ZK_TRY(const UnitState unit, server_unit_state(spec_));
        if (unit.active != "active" || unit.restarts > 0) {
            return agent_api::from_agent_error(AgentError{
                AgentErrc::start_failed,
                "the server ended at once, with status " + std::to_string(unit.exit_status) + ": " +
                    one_line(container_last_words(*spec_.container))});
        }
        if (probe_server(spec_.address, spec_.client_port, milliseconds(200)).answered) return ok();
        std::this_thread::sleep_for(milliseconds(50));
    } while (std::chrono::steady_clock::now() < deadline);
    return ok();
}

Result<> NodeControl::await_unit() {
    auto deadline = std::chrono::steady_clock::now() + kStable;
    const auto asked_until = std::chrono::steady_clock::now() + kMayStartWait;
    do {
        ZK_TRY(const auto states, unit_states({spec_.server_unit}));
        const UnitState& unit = states.front();
        // "failed" may still be how an earlier start ended, while this one waits for its turn.
        const bool failed = unit.active == "failed" && !unit.job;
        if (failed || unit.active == "missing" || unit.sub == "auto-restart") {
            // What keeps it down when it was not even begun.
            const auto refusal = state_.standing_refusal();
            if (refusal && server_pid() == 0) {
                return agent_api::from_agent_error(
                    AgentError{AgentErrc::identity_conflict, refusal->words});
            }
            return agent_api::from_agent_error(AgentError{
                AgentErrc::start_failed,
                "the server ended at once, with status " + std::to_string(unit.exit_status) + ": " +
                    one_line(unit_last_words(spec_.server_unit))});
        }
        const auto answer = probe_server(spec_.address, spec_.client_port, milliseconds(200));
        if (answer.answered) return ok();
        const auto now = std::chrono::steady_clock::now();
        // The other members are being asked whether it may start.
        if (unit.sub == "start-pre" && now < asked_until) deadline = now + kStable;
        std::this_thread::sleep_for(milliseconds(50));
    } while (std::chrono::steady_clock::now() < deadline);
    return ok();
}

Result<> NodeControl::tell_resident(ControlAction action) {
    agent_api::Control control;
    control.action = action;
    const auto wait = action == ControlAction::restart ? kResidentRestartWait : kResidentWait;
    ZK_TRY(const auto answer,
           ask_resident(state_, MessageType::control, agent_api::to_json(control), wait));
    if (answer.type == MessageType::done) return ok();
    if (answer.type != MessageType::error) {
        return Error(Errc::failed, "the resident agent gives another answer than asked for");
    }
    ZK_TRY(const auto error, agent_api::parse_payload<AgentError>(answer.payload));
    return agent_api::from_agent_error(error);
}

Result<> NodeControl::start_agent() {
    if (spec_.agent_is_unit()) return start_unit(spec_.agent_unit);
    std::string program = own_program();
    if (!exists(program)) program = "/proc/self/exe";
    const std::string log = state_.file("agent.log");
    ZK_TRY(const ProcessId started,
           start_detached({program, "run", "--state-dir", state_.path()}, log));
    const auto deadline = std::chrono::steady_clock::now() + kResidentWait;
    while (std::chrono::steady_clock::now() < deadline) {
        if (connect_to_agent_socket(state_).has_value()) return ok();
        if (!is_alive(started)) break;
        std::this_thread::sleep_for(milliseconds(10));
    }
    return Error(Errc::failed,
                 "the resident agent did not come up: " + one_line(last_lines(log, 3)));
}

Result<> NodeControl::restart_agent() {
    if (spec_.agent_is_unit()) return restart_unit(spec_.agent_unit);
    if (const auto agent = read_pid_file(state_.agent_pid_file())) {
        ZK_CHECK(end_process(*agent, kAgentPatience));
    }
    return start_agent();
}

Result<> NodeControl::stop() {
    note_deed(state_, elections::Deed::Kind::stop, server_pid());
    if (spec_.manager == Manager::docker) {
        if (const auto server = outside()) return stop_outside(*server);
        return stop_node_container(*spec_.container);
    }
    if (spec_.manager == Manager::systemd) {
        if (const auto server = outside()) ZK_CHECK(stop_outside(*server));
        return unit_is_missing() ? ok() : stop_unit(spec_.server_unit);
    }
    ZK_CHECK(state_.save_desired(Desired::stop));
    if (const auto agent = read_pid_file(state_.agent_pid_file())) {
        ZK_CHECK(end_process(*agent, kAgentPatience));
    }
    if (const auto server = running_process(state_.server_pid_file(), spec_.server_path())) {
        ZK_CHECK(end_process(*server, kServerPatience));
    }
    return ok();
}

/// Until a server that was taken in is taken over.
bool NodeControl::unit_is_missing() const {
    const auto states = unit_states({spec_.server_unit});
    return states.has_value() && states->front().active == "missing";
}

Result<> NodeControl::end_outside(const agent_api::OutsideServer& server) {
    note_deed(state_, elections::Deed::Kind::restart, server.pid);
    if (server.held_by) return end_outside_container(*spec_.container, *server.held_by);
    // First: a host that loses its power in between must not start two.
    if (!server.unit.empty() && server.unit != spec_.server_unit) {
        ZK_CHECK(disable_unit(server.unit));
    }
    return stop_outside(server);
}

Result<> NodeControl::bring_back_outside(const agent_api::OutsideServer& server) {
    ZK_ASSERT(server.held_by.has_value());
    note_deed(state_, elections::Deed::Kind::start, 0);
    return bring_back_outside_container(*spec_.container, *server.held_by);
}

Result<> NodeControl::stop_outside(const agent_api::OutsideServer& server) const {
    if (server.held_by) return stop_outside_container(*spec_.container, *server.held_by);
    if (!server.unit.empty()) ZK_CHECK(stop_unit(server.unit));
    ProcessId process;
    process.pid = server.pid;
    process.start_ticks = server.start_ticks;
    return end_process(process, kServerPatience);
}

/// What must stay where it is while data and logs move away.
Result<> NodeControl::check_wipe() const {
    for (const std::string& moved : {spec_.data_dir, spec_.log_dir}) {
        for (const std::string& kept : {spec_.install_dir, spec_.conf_path, state_.path()}) {
            if (!lies_inside(kept, moved)) continue;
            return agent_api::from_agent_error(
                AgentError{AgentErrc::unsafe,
                           kept + " lies inside " + moved +
                               ", so that cannot be moved away as a whole; move the data by hand"});
        }
    }
    return ok();
}

Result<std::string> NodeControl::wipe() {
    ZK_CHECK(check_wipe());
    if (spec_.manager == Manager::supervised && agent_pid() != 0) {
        // The agent stays away too: it would find the server missing.
        ZK_CHECK(stop());
    } else if (server_pid() != 0 || spec_.manager != Manager::supervised) {
        ZK_CHECK(stop());
    }
    const std::string stamp = utc_stamp();
    std::string words;
    if (exists(spec_.data_dir)) {
        ZK_TRY(const std::string data, quarantine(spec_.data_dir, stamp));
        words = spec_.data_dir + " is now " + data;
    }
    if (!lies_inside(spec_.log_dir, spec_.data_dir) && exists(spec_.log_dir)) {
        ZK_TRY(const std::string log, quarantine(spec_.log_dir, stamp));
        words += (words.empty() ? "" : ", ") + spec_.log_dir + " is now " + log;
    }
    return words.empty() ? std::string("there was no data to move away") : words;
}

Result<std::string> NodeControl::quarantine(const std::string& directory,
                                            const std::string& stamp) {
    std::string target = directory + ".quarantine-" + stamp;
    for (int next = 2; exists(target); ++next) {
        target = directory + ".quarantine-" + stamp + "-" + std::to_string(next);
    }
    std::error_code code;
    if (!std::filesystem::is_symlink(directory, code)) {
        auto renamed = rename_durably(directory, target);
        if (renamed.has_value()) return target;
        if (renamed.error().code != boost::system::errc::device_or_resource_busy) {
            return renamed.error();
        }
    }
    // A mount point cannot be renamed, and a link leads to the disk that is meant for the data: the
    // content goes into a directory inside.
    const std::string inside = directory + "/quarantine-" + stamp;
    std::vector<std::string> made;
    ZK_CHECK(make_directories(inside, 0700, made));
    std::vector<std::string> names;
    for (std::filesystem::directory_iterator entry(directory, code), end; !code && entry != end;
         entry.increment(code)) {
        names.push_back(entry->path().filename().string());
    }
    if (code) return Error(code, "look into " + directory);
    for (const std::string& name : names) {
        if (name.starts_with("quarantine-") || name == "lost+found") continue;
        ZK_CHECK(rename_durably(directory + "/" + name, inside + "/" + name));
    }
    return inside;
}

std::int64_t NodeControl::server_pid() const {
    if (spec_.manager != Manager::supervised) {
        const auto unit = server_unit_state(spec_);
        if (unit.has_value() && unit->main_pid != 0) return unit->main_pid;
        const auto server = outside();
        return server ? server->pid : 0;
    }
    const auto server = running_process(state_.server_pid_file(), spec_.server_path());
    return server ? server->pid : 0;
}

std::optional<agent_api::OutsideServer> NodeControl::outside() const {
    if (spec_.manager == Manager::docker) {
        auto found = find_outside_container(*spec_.container);
        return found.has_value() ? *std::move(found) : std::nullopt;
    }
    if (spec_.manager != Manager::systemd) return std::nullopt;
    const auto states = unit_states({spec_.server_unit});
    return find_outside_server({spec_.data_dir,
                                spec_.log_dir,
                                spec_.client_port,
                                states.has_value() ? states->front().main_pid : 0,
                                std::nullopt});
}

std::int64_t NodeControl::agent_pid() const {
    if (spec_.agent_is_unit()) {
        const auto states = unit_states({spec_.agent_unit});
        return states.has_value() ? states->front().main_pid : 0;
    }
    const auto agent = read_pid_file(state_.agent_pid_file());
    return agent && is_alive(*agent) ? agent->pid : 0;
}

}  // namespace zk::agent_host
