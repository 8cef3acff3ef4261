// zkprov status, start and stop: no recipe, no plan.
#include "phases/control.h"

#include <algorithm>

#include "phases/parallel.h"
#include "phases/run_report.h"
#include "phases/runner.h"

namespace zk::phases {
namespace {

constexpr milliseconds kStatusLimit{20000};
constexpr milliseconds kControlLimit{90000};

}  // namespace

ExitCode exit_code_of(status::Verdict verdict) {
    switch (verdict) {
        case status::Verdict::healthy:
            return ExitCode::done;
        case status::Verdict::degraded:
            return ExitCode::degraded;
        case status::Verdict::no_quorum:
            return ExitCode::no_quorum;
        case status::Verdict::unknown:
            return ExitCode::unknown;
    }
    return ExitCode::unknown;
}

ExitCode run_status(const inventory::Inventory& inventory,
                    const RunSettings& settings,
                    Console& console) {
    std::vector<Host> hosts = make_hosts(inventory);
    connect_all(hosts, settings, kStatusLimit);
    ask_health(hosts, settings.deadline_for(kStatusLimit));
    const auto verdict = status::judge(inventory, statuses_of(hosts));
    const ExitCode code = exit_code_of(verdict.verdict);
    console.data(console.json() ? status::report_json(verdict, static_cast<int>(code))
                                : status::format_report(verdict, console.colours()));
    if (settings.stats || settings.verbose) {
        for (const std::string& line : cost_lines(hosts)) console.say(line);
    }
    for_all(hosts, [](Host& host) {
        if (host.talk) host.talk->close();
    });
    return code;
}

std::optional<Stop> confirm(const inventory::Inventory& inventory,
                            Console& console,
                            std::string typed,
                            const std::string& question) {
    if (typed.empty() && !console.can_ask()) {
        return Stop{ExitCode::invalid,
                    {"there is nobody to ask: name the ensemble with --confirm " +
                     inventory.cluster + ". Nothing was changed"}};
    }
    if (typed.empty()) typed = console.ask_for(question);
    if (typed == inventory.cluster) return std::nullopt;
    return Stop{ExitCode::invalid,
                {"\"" + typed + "\" is not the name of the ensemble, " + inventory.cluster +
                 "; nothing was changed"}};
}

Stop unchanged(Stop stop) {
    const bool said = stop.messages.back().find("nothing was changed") != std::string::npos;
    if (!said) stop.messages.emplace_back("nothing was changed");
    return stop;
}

std::optional<Stop> stop_for_others(const Run& run) {
    Stop stop;
    stop.code = ExitCode::preflight;
    for (const Host& host : run.hosts) {
        if (!host.health) continue;
        const std::string other =
            status::other_identity(run.inventory, host.node->id, *host.health);
        if (!other.empty()) stop.messages.push_back(name_of(*host.node) + ": " + other);
    }
    if (stop.messages.empty()) return std::nullopt;
    return stop;
}

Result<> control_host(Run& run,
                      Host& host,
                      agent_api::ControlAction action,
                      LinkDeadline deadline) {
    ZK_TRY(std::string words, host.talk->control(action, deadline));
    if (words.empty()) words = to_string(action);
    NodeChanges& changes = run.changes.of(host.node->id);
    changes.changed = true;
    changes.words = words;
    run.console.say(name_of(*host.node) + ": " + words);
    return ok();
}

namespace {

std::optional<Stop> control_all(Run& run, agent_api::ControlAction action) {
    const LinkDeadline deadline = run.settings.deadline_for(kControlLimit);
    for_all(run.hosts, [&](Host& host) {
        const auto done = control_host(run, host, action, deadline);
        if (!done.has_value()) host.failure = done.error();
    });
    auto stop = stop_for_failures(run.hosts);
    if (stop && run.changes.any()) stop->code = ExitCode::partly;
    return stop;
}

/// All hosts are there, locked, and those that are meant.
std::optional<Stop> prepare_control(Run& run) {
    std::vector<Host>& hosts = run.hosts;
    connect_all(hosts, run.settings, kStatusLimit);
    std::optional<Stop> stop = stop_for_failures(hosts);
    if (!stop) stop = run.lock.take();
    if (!stop) stop = stop_for_failures(hosts);
    if (!stop) {
        ask_health(hosts, run.settings.deadline_for(kStatusLimit));
        stop = stop_for_failures(hosts);
    }
    if (!stop) stop = stop_for_others(run);
    if (!stop && run.settings.is_interrupted()) stop = Stop{ExitCode::interrupted, {"interrupted"}};
    if (!stop) stop = run.lock.renew();
    if (!stop) stop = stop_for_failures(hosts);
    if (stop) return unchanged(*std::move(stop));
    return std::nullopt;
}

}  // namespace

ExitCode run_control(const inventory::Inventory& inventory,
                     const RunSettings& settings,
                     Console& console,
                     agent_api::ControlAction action) {
    Run run(
        std::string(to_string(action)), Mode::change, std::nullopt, inventory, settings, console);
    std::optional<Stop> stop = prepare_control(run);
    if (!stop) stop = control_all(run, action);
    run.outcome = inventory.cluster + ": " +
                  (action == agent_api::ControlAction::stop ? "stopped" : "started");
    return end_run(run, stop, ExitCode::done);
}

}  // namespace zk::phases
