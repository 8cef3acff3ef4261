#include "phases/run.h"

#include <algorithm>
#include <utility>

#include "agent_api/agent_errc.h"
#include "base/check.h"
#include "phases/parallel.h"
#include "phases/run_report.h"
#include "plan/rights.h"

namespace zk::phases {
namespace {

playbook::Playbook recipe(const RunSettings& settings, std::string_view name) {
    if (settings.playbook) return *settings.playbook;
    auto playbook = playbook::builtin_playbook(name);
    ZK_ASSERT(playbook.has_value());  // a test reads every built-in recipe
    return *std::move(playbook);
}

bool lacks_rights(const Host& host) {
    return host.failure &&
           (agent_api::agent_errc(*host.failure) == agent_api::AgentErrc::no_right ||
            link_errc(*host.failure) == LinkErrc::sudo_refused);
}

}  // namespace

Run::Run(std::string command_word,
         Mode mode_of_run,
         std::optional<ServerId> replaced_node,
         const inventory::Inventory& of,
         const RunSettings& run_settings,
         Console& console_of_run)
    : command(std::move(command_word)),
      mode(mode_of_run),
      replaced(replaced_node),
      inventory(of),
      settings(run_settings),
      console(console_of_run),
      playbook(recipe(run_settings, replaced_node ? "replace-node" : "apply")),
      hosts(make_hosts(of)),
      changes(of),
      lock(of.cluster, command, hosts, changes, run_settings, console_of_run) {}

LinkDeadline Run::deadline(playbook::PhaseKind kind) const {
    const auto limit = playbook.limit_of(kind);
    ZK_ASSERT(limit.has_value());  // the reader of recipes sees to what a phase needs
    return settings.deadline_for(*limit);
}

void Run::leave_out_failed() {
    if (!replaced) return;
    for (Host& host : hosts) {
        if (!host.failure || host.node->id == *replaced) continue;
        host.silence = reason_of(host);
        console.say(name_of(*host.node) + " is left out: " + host.silence);
        host.failure.reset();
        host.talk.reset();
    }
}

std::optional<Stop> Run::stop_unchanged() const {
    auto stop = stop_for_failures(hosts);
    if (!stop) return stop;
    if (inventory.docker && std::ranges::any_of(hosts, lacks_rights)) {
        stop->messages.emplace_back(plan::kDockerGroupIsNotEnough);
    }
    stop->messages.emplace_back("nothing was changed");
    return stop;
}

std::optional<Stop> Run::renew_lock() {
    auto stop = lock.renew();
    if (!stop) stop = stop_for_failures(hosts);
    if (stop && changes.any()) stop->code = ExitCode::partly;
    return stop;
}

Stop Run::interrupted_stop() const {
    Stop stop;
    stop.code = ExitCode::interrupted;
    stop.messages.emplace_back(changes.any()
                                   ? "interrupted between two steps; run the command again to go on"
                                   : "interrupted; nothing was changed");
    return stop;
}

Host* Run::find(ServerId id) {
    const auto found =
        std::ranges::find_if(hosts, [&](const Host& host) { return host.node->id == id; });
    return found == hosts.end() ? nullptr : &*found;
}

ExitCode end_run(Run& run, const std::optional<Stop>& stop, ExitCode success) {
    const ExitCode code = stop ? stop->code : success;
    const auto errors = stop ? stop->messages : std::vector<std::string>();
    Console& console = run.console;
    for (const std::string& message : errors) console.say(message);
    if (run.settings.stats || run.settings.verbose) {
        for (const std::string& line : cost_lines(run.hosts)) console.say(line);
    }
    if (console.json()) {
        console.data(
            run_json(run.command,
                     run.inventory,
                     run.hosts,
                     run.changes,
                     run.plan ? &*run.plan : nullptr,
                     run.move && !run.move->report.moves.empty() ? &run.move->report : nullptr,
                     errors,
                     code));
    } else if (!stop && !run.outcome.empty()) {
        console.data(run.outcome + "\n");
    }
    run.lock.release();
    for_all(run.hosts, [](Host& host) {
        if (host.talk) host.talk->close();
    });
    return code;
}

std::string Run::plan_text(plan::Detail detail) const {
    return plan ? format_plan(*plan, inventory, detail) : std::string();
}

}  // namespace zk::phases
