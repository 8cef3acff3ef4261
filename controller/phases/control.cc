// zkprov status, start and stop: no recipe, no plan.
#include <algorithm>

#include "phases/changes.h"
#include "phases/parallel.h"
#include "phases/run_lock.h"
#include "phases/run_report.h"
#include "phases/runner.h"

namespace zk::phases {
namespace {

constexpr milliseconds kStatusLimit{20000};
constexpr milliseconds kControlLimit{90000};

}  // namespace

ExitCode run_status(const inventory::Inventory& inventory,
                    const RunSettings& settings,
                    Console& console) {
    std::vector<Host> hosts = make_hosts(inventory);
    connect_all(hosts, settings, kStatusLimit);
    ask_health(hosts, settings.deadline_for(kStatusLimit));
    const auto verdict = status::judge(inventory, statuses_of(hosts));
    ExitCode code = ExitCode::unknown;
    switch (verdict.verdict) {
        case status::Verdict::healthy:
            code = ExitCode::done;
            break;
        case status::Verdict::degraded:
            code = ExitCode::degraded;
            break;
        case status::Verdict::no_quorum:
            code = ExitCode::no_quorum;
            break;
        case status::Verdict::unknown:
            code = ExitCode::unknown;
            break;
    }
    console.data(console.json() ? report_json(verdict, static_cast<int>(code))
                                : format_report(verdict, console.colours()));
    if (settings.stats || settings.verbose) {
        for (const std::string& line : cost_lines(hosts)) console.say(line);
    }
    for_all(hosts, [](Host& host) {
        if (host.talk) host.talk->close();
    });
    return code;
}

namespace {

/// Nothing on a host that holds another node is started or stopped.
std::optional<Stop> stop_for_others(const std::vector<Host>& hosts,
                                    const inventory::Inventory& inventory) {
    Stop stop;
    stop.code = ExitCode::preflight;
    for (const Host& host : hosts) {
        if (!host.health) continue;
        const std::string other = status::other_identity(inventory, host.node->id, *host.health);
        if (!other.empty()) stop.messages.push_back(name_of(*host.node) + ": " + other);
    }
    if (stop.messages.empty()) return std::nullopt;
    return stop;
}

std::optional<Stop> control_all(std::vector<Host>& hosts,
                                const RunSettings& settings,
                                Changes& changes,
                                Console& console,
                                agent_api::ControlAction action) {
    const LinkDeadline deadline = settings.deadline_for(kControlLimit);
    for_all(hosts, [&](Host& host) {
        auto done = host.talk->control(action, deadline);
        if (!done) {
            host.failure = done.error();
            return;
        }
        changes.of(host.node->id).changed = true;
        console.say(name_of(*host.node) + ": " +
                    (done->empty() ? std::string(to_string(action)) : *done));
    });
    auto stop = stop_for_failures(hosts);
    if (stop && changes.any()) stop->code = ExitCode::partly;
    return stop;
}

/// All hosts are there, locked, and those that are meant.
std::optional<Stop> prepare_control(std::vector<Host>& hosts,
                                    const inventory::Inventory& inventory,
                                    const RunSettings& settings,
                                    RunLock& lock) {
    connect_all(hosts, settings, kStatusLimit);
    std::optional<Stop> stop = stop_for_failures(hosts);
    if (!stop) stop = lock.take();
    if (!stop) stop = stop_for_failures(hosts);
    if (!stop) {
        ask_health(hosts, settings.deadline_for(kStatusLimit));
        stop = stop_for_failures(hosts);
    }
    if (!stop) stop = stop_for_others(hosts, inventory);
    if (!stop && settings.is_interrupted()) stop = Stop{ExitCode::interrupted, {"interrupted"}};
    if (!stop) stop = lock.renew();
    if (!stop) stop = stop_for_failures(hosts);
    const bool said =
        stop && stop->messages.back().find("nothing was changed") != std::string::npos;
    if (stop && !said) stop->messages.emplace_back("nothing was changed");
    return stop;
}

}  // namespace

ExitCode run_control(const inventory::Inventory& inventory,
                     const RunSettings& settings,
                     Console& console,
                     agent_api::ControlAction action) {
    const std::string command(to_string(action));
    std::vector<Host> hosts = make_hosts(inventory);
    Changes changes(inventory);
    RunLock lock(inventory.cluster, command, hosts, changes, settings, console);
    std::optional<Stop> stop = prepare_control(hosts, inventory, settings, lock);
    if (!stop) {
        stop = control_all(hosts, settings, changes, console, action);
    }
    const ExitCode code = stop ? stop->code : ExitCode::done;
    const auto errors = stop ? stop->messages : std::vector<std::string>();
    for (const std::string& message : errors) console.say(message);
    if (console.json()) {
        console.data(run_json(command, inventory, hosts, changes, nullptr, errors, code));
    } else if (!stop) {
        console.data(inventory.cluster + ": " +
                     (action == agent_api::ControlAction::stop ? "stopped" : "started") + "\n");
    }
    lock.release();
    for_all(hosts, [](Host& host) {
        if (host.talk) host.talk->close();
    });
    return code;
}

}  // namespace zk::phases
