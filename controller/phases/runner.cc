#include "phases/runner.h"

#include <algorithm>
#include <chrono>
#include <vector>

#include <fmt/core.h>

#include "clocks/clocks.h"
#include "phases/move.h"
#include "phases/phase.h"

namespace zk::phases {
namespace {

using playbook::PhaseKind;

std::unique_ptr<Phase> make_phase(PhaseKind kind, Run& run) {
    switch (kind) {
        case PhaseKind::connect:
            return connect_phase(run);
        case PhaseKind::gather:
            return gather_phase(run);
        case PhaseKind::check:
            return check_phase(run);
        case PhaseKind::plan:
            return plan_phase(run);
        case PhaseKind::push:
            return push_phase(run);
        case PhaseKind::roll:
            return roll_phase(run);
        case PhaseKind::gate:
            return gate_phase(run);
    }
    return nullptr;
}

/// Takes a run through the phases of its recipe.
class Runner {
  public:
    explicit Runner(Run& run) : run_(run) {
        for (const playbook::Phase& each : run.playbook.phases) {
            entries_.push_back({each, make_phase(each.kind, run)});
        }
    }
    std::optional<Stop> run();

  private:
    struct Entry {
        playbook::Phase recipe;
        std::unique_ptr<Phase> phase;
    };

    std::optional<Stop> look(const Entry& entry);
    static Stop overrun(const Entry& entry);
    std::optional<Stop> change(std::size_t at);
    std::optional<Stop> before_first_change(std::size_t at);
    [[nodiscard]] bool changes_nodes() const;
    void say_what_was_left_out();

    Run& run_;
    std::vector<Entry> entries_;
    bool prepared_ = false;
};

std::optional<Stop> Runner::run() {
    for (std::size_t i = 0; i < entries_.size(); ++i) {
        const Entry& entry = entries_[i];
        const bool changes = playbook::changes_nodes(entry.recipe.kind);
        if (run_.mode == Mode::say && (changes || entry.recipe.kind == PhaseKind::gate)) {
            entry.phase->say();
            continue;
        }
        auto stop = changes || run_.rolled ? change(i) : look(entry);
        if (stop) return stop;
    }
    if (run_.mode == Mode::change) say_what_was_left_out();
    return std::nullopt;
}

/// A phase that changes nothing: Ctrl-C and its limit end the run before and after it.
std::optional<Stop> Runner::look(const Entry& entry) {
    const bool connects = entry.recipe.kind == PhaseKind::connect;
    if (!connects && run_.settings.is_interrupted()) return run_.interrupted_stop();
    const LinkDeadline own = deadline_in(entry.recipe.limit);
    const LinkDeadline deadline = run_.settings.deadline_for(entry.recipe.limit);
    auto stop = entry.phase->run(deadline);
    // A gate that has opened is open.
    if (stop || entry.recipe.kind == PhaseKind::gate) return stop;
    if (std::chrono::steady_clock::now() >= own) return overrun(entry);
    if (!connects) {
        if (run_.settings.is_interrupted()) return run_.interrupted_stop();
        return std::nullopt;
    }
    // A run that changes nothing needs no lock.
    if (run_.mode == Mode::say || !changes_nodes()) return std::nullopt;
    return lock_phase(run_)->run(deadline);
}

Stop Runner::overrun(const Entry& entry) {
    return {
        ExitCode::preflight,
        {fmt::format("phase \"{}\" ({}) took longer than it may (limit_s: {}); nothing was changed",
                     to_string(entry.recipe.kind),
                     entry.phase->title(),
                     entry.recipe.limit.count() / 1000)}};
}

std::optional<Stop> Runner::change(std::size_t at) {
    const Entry& entry = entries_[at];
    if (!entry.phase->needed()) return std::nullopt;
    if (!prepared_) {
        if (auto stop = before_first_change(at)) return stop;
        prepared_ = true;
    }
    return entry.phase->run(run_.settings.deadline_for(entry.recipe.limit));
}

std::optional<Stop> Runner::before_first_change(std::size_t at) {
    for (std::size_t i = at; i < entries_.size(); ++i) {
        if (auto stop = entries_[i].phase->prepare()) return stop;
    }
    if (run_.settings.is_interrupted()) return run_.interrupted_stop();
    return run_.renew_lock();
}

bool Runner::changes_nodes() const {
    return std::ranges::any_of(
        run_.playbook.phases, playbook::changes_nodes, &playbook::Phase::kind);
}

/// The success of a recipe that does not do all of an apply must not read as one.
void Runner::say_what_was_left_out() {
    if (run_.playbook.runs(PhaseKind::roll)) return;
    const std::string what = "no server was changed: the recipe has no phase \"roll\"";
    run_.outcome =
        run_.outcome.empty() ? run_.inventory.cluster + ": " + what : run_.outcome + "; " + what;
}

ExitCode finish(Run& run, const std::optional<Stop>& stop, ExitCode success) {
    if (!run.plan) run.plan.emplace();  // what is reported has waves, if only none
    return end_run(run, stop, success);
}

}  // namespace

ExitCode run_apply(const inventory::Inventory& inventory,
                   const RunSettings& settings,
                   Console& console) {
    Run run("apply", Mode::change, std::nullopt, inventory, settings, console);
    return finish(run, Runner(run).run(), ExitCode::done);
}

ExitCode run_replace(const inventory::Inventory& inventory,
                     const RunSettings& settings,
                     Console& console,
                     ServerId id) {
    Run run("replace-node", Mode::change, id, inventory, settings, console);
    return finish(run, Runner(run).run(), ExitCode::done);
}

ExitCode run_plan(const inventory::Inventory& inventory,
                  const RunSettings& settings,
                  Console& console,
                  ChangesCode changes_code) {
    Run run("plan", Mode::say, std::nullopt, inventory, settings, console);
    if (!run.playbook.runs(PhaseKind::plan)) {
        const Stop stop{ExitCode::invalid,
                        {"the recipe has no phase \"plan\", so there is nothing to print; add it"}};
        return finish(run, stop, ExitCode::done);
    }
    if (auto stop = Runner(run).run()) return finish(run, stop, ExitCode::done);
    if (!console.json()) console.data(run.plan_text(plan::Detail::all));
    const bool changes = changes_code == ChangesCode::yes && !run.plan->is_empty();
    return finish(run, std::nullopt, changes ? ExitCode::changes : ExitCode::done);
}

ExitCode run_migrate(const inventory::Inventory& inventory,
                     const RunSettings& settings,
                     Console& console,
                     const MigrateRequest& request) {
    const Mode mode = request.dry_run ? Mode::say : Mode::change;
    Run run("migrate", mode, std::nullopt, inventory, settings, console);
    run.move.emplace();
    run.move->began = clocks::wall_now();
    auto stop = Runner(run).run();
    if (!request.dry_run) {
        report_move(run);
        if (const auto lost = run.move->report.probes.lost; lost > 0 && !stop) {
            stop = Stop{ExitCode::partly,
                        {fmt::format("{} acknowledged writes are not there any more; keep the "
                                     "copies, and look before anything else is changed (zkdata "
                                     "compare)",
                                     lost)}};
        }
    } else if (!stop && !console.json()) {
        console.data(run.plan_text(plan::Detail::all));
        for (const std::string& line : run.move->announcement) console.data(line + "\n");
    }
    return finish(run, stop, ExitCode::done);
}

void report_stop(Console& console, const std::string& command, const Stop& stop) {
    for (const std::string& message : stop.messages) console.say(message);
    if (console.json()) {
        console.data(status::error_json(command, stop.messages, static_cast<int>(stop.code)));
    }
}

}  // namespace zk::phases
