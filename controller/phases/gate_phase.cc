// Is the ensemble well? In front of a roll, and without one, it waits for that; behind a roll, which
// has waited after each wave, it asks once more whether all that was done still holds.
#include <fmt/core.h>

#include "phases/gate.h"
#include "phases/phase.h"

namespace zk::phases {
namespace {

using playbook::PhaseKind;

class GatePhase final : public Phase {
  public:
    using Phase::Phase;
    [[nodiscard]] std::string_view title() const override { return "wait for the ensemble"; }
    std::optional<Stop> run(LinkDeadline deadline) override {
        return run_.rolled ? confirm_end() : wait(deadline);
    }

  private:
    /// Success is told of what holds at the end, whoever else was at work meanwhile.
    std::optional<Stop> confirm_end() {
        Stop stop;
        stop.code = ExitCode::partly;
        gather_all(run_.hosts, run_.gathered, run_.inventory, run_.deadline(PhaseKind::gather));
        // What was taken in by this run is taken over by the next one.
        RunSettings settings = run_.settings;
        settings.take_over = settings.take_over && run_.plan->adopted().empty();
        dry_run_all(run_.hosts,
                    run_.gathered,
                    agent_api::Formation::join,
                    settings,
                    run_.deadline(PhaseKind::plan));
        for (const Host& host : run_.hosts) {
            if (!host.silence.empty()) continue;  // left out since before the first change
            const std::string name = name_of(*host.node) + ": ";
            if (host.failure) {
                stop.messages.push_back(name + reason_of(host));
                continue;
            }
            for (const std::string& step : run_.gathered.at(host.node->id).actual.change.steps) {
                stop.messages.push_back(name + step);
            }
        }
        if (!stop.messages.empty()) {
            stop.messages.emplace_back(
                "all steps were done, but this does not hold any more: somebody else changes these "
                "hosts, or a server has fallen. Run the command again");
            return stop;
        }
        const std::size_t changed = run_.changes.count();
        run_.outcome = fmt::format("{}: {} node{} changed; {}, a probe write was committed",
                                   run_.inventory.cluster,
                                   changed,
                                   changed == 1 ? "" : "s",
                                   state());
        return std::nullopt;
    }

    /// Nothing was rolled; a server may still be on its way.
    std::optional<Stop> wait(LinkDeadline deadline) {
        GateRequest request;
        for (const Host& host : run_.hosts) {
            if (host.connected()) request.in_sync.insert(host.node->id);
        }
        auto stop = wait_at_gate(run_, request, deadline);
        const bool no_change = run_.plan && run_.plan->is_empty();
        if (stop && no_change) {
            stop->messages.insert(stop->messages.begin(), "no change, nothing was restarted, but:");
        }
        if (!stop) {
            run_.outcome = fmt::format("{}: {}{}",
                                       run_.inventory.cluster,
                                       no_change ? "no change, nothing was restarted; " : "",
                                       state());
        }
        return stop;
    }

    [[nodiscard]] std::string state() const {
        const status::EnsembleVerdict& verdict = run_.verdict;
        if (verdict.standalone) return status::headline(verdict);
        return fmt::format("leader {}, {} of {} voters in sync",
                           verdict.leader ? to_string(*verdict.leader) : "?",
                           verdict.voters_in_sync,
                           verdict.voters);
    }
};

}  // namespace

std::unique_ptr<Phase> gate_phase(Run& run) { return std::make_unique<GatePhase>(run); }

}  // namespace zk::phases
