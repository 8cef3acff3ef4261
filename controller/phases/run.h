// What belongs to one run of a command that changes nodes, or says what it would change: the nodes, what each phase left
// for those behind it, and the run lock. Shell. The runner's thread owns it.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "migration/move_report.h"
#include "phases/changes.h"
#include "phases/fleet.h"
#include "phases/gather.h"
#include "phases/run_lock.h"
#include "plan/ensemble_plan.h"
#include "playbook/playbook.h"
#include "status/ensemble_judge.h"

namespace zk::phases {

/// Of migrate: what is known beyond the facts of an apply.
struct Move {
    WallMs began;
    std::set<ServerId> nodes;               ///< that have the other flavor's server, by check
    std::vector<std::string> announcement;  ///< by plan
    migration::MoveReport report;
};

/// apply and replace-node change what the plan says; plan only says it.
enum class Mode { change, say };

struct Run {
    /// `replaced`: of replace-node, and of wipe. The recipe is that of the settings, else the built-in one.
    Run(std::string command_word,
        Mode mode_of_run,
        std::optional<ServerId> replaced_node,
        const inventory::Inventory& of,
        const RunSettings& run_settings,
        Console& console_of_run);
    Run(const Run&) = delete;
    Run& operator=(const Run&) = delete;

    /// Of a phase that works as long as its recipe lets it. REQUIRES: the recipe runs it.
    [[nodiscard]] LinkDeadline deadline(playbook::PhaseKind kind) const;
    /// For replace-node and wipe: goes on without the hosts that failed, except that one.
    void leave_out_failed();
    /// The failures of the hosts before the first change.
    [[nodiscard]] std::optional<Stop> stop_unchanged() const;
    /// Before each change: the run still holds its lock.
    std::optional<Stop> renew_lock();
    [[nodiscard]] Stop interrupted_stop() const;
    Host* find(ServerId id);
    [[nodiscard]] std::string plan_text(plan::Detail detail) const;

    const std::string command;
    const Mode mode;
    const std::optional<ServerId> replaced;
    const inventory::Inventory& inventory;
    const RunSettings& settings;
    Console& console;
    const playbook::Playbook playbook;
    std::vector<Host> hosts;
    Changes changes;
    RunLock lock;
    Gathered gathered;                ///< by gather
    std::optional<plan::Plan> plan;   ///< by plan
    std::optional<Move> move;         ///< of migrate only
    bool rolled = false;              ///< by roll: all waves are done
    status::EnsembleVerdict verdict;  ///< by the last gate
    std::string outcome;              ///< one sentence for people
};

/// The end of a run: tells the reasons of `stop`, or its outcome (with JSON both, in one document), gives back the lock and
/// closes the links.
ExitCode end_run(Run& run, const std::optional<Stop>& stop, ExitCode success);

}  // namespace zk::phases
