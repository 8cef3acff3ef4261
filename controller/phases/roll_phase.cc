// Wave by wave: the hooks, the last checks, the steps of the wave's nodes, and the gate. What needs a
// person's yes, or could not end well, is asked before the first change.
#include <algorithm>

#include <fmt/core.h>

#include "base/plain_line.h"
#include "phases/move.h"
#include "phases/phase.h"
#include "phases/roll.h"

namespace zk::phases {
namespace {

using playbook::PhaseKind;

class RollPhase final : public Phase {
  public:
    using Phase::Phase;
    [[nodiscard]] std::string_view title() const override { return "change the nodes"; }
    /// What agents remember of each other is told also where nothing else is to be done.
    [[nodiscard]] bool needed() const override {
        return run_.plan && (!run_.plan->is_empty() || !run_.plan->memories.empty());
    }

    std::optional<Stop> prepare() override {
        if (run_.plan->is_empty()) return std::nullopt;
        if (auto stop = refuse_missing_binary()) return stop;
        if (auto stop = refuse_to_adopt()) return stop;
        if (run_.plan->restarts() == 0 || run_.settings.yes) return std::nullopt;
        const std::string what = fmt::format("{} running server{} will be restarted",
                                             run_.plan->restarts(),
                                             run_.plan->restarts() == 1 ? "" : "s");
        if (!run_.console.can_ask()) {
            return Stop{
                ExitCode::invalid,
                {what + ", and there is nobody to ask: this needs --yes. Nothing was changed"}};
        }
        if (run_.console.ask(what + ". Go on?")) return std::nullopt;
        return Stop{ExitCode::interrupted, {"not confirmed; nothing was changed"}};
    }

    /// The limits of roll and gate are for each wave.
    std::optional<Stop> run(LinkDeadline /*deadline*/) override {
        EndProbes end_probes;
        if (run_.move && !run_.move->nodes.empty() && run_.settings.begin_probes) {
            end_probes = run_.settings.begin_probes(client_addresses(run_.inventory));
        }
        auto stop = Roll(run_).run(*run_.plan);
        if (end_probes) run_.move->report.probes = end_probes();
        run_.rolled = !stop && !run_.plan->is_empty();
        return stop;
    }

    void say() override {
        if (!run_.plan || run_.plan->is_empty()) return;
        for (const auto& [point, hooks] : run_.playbook.hooks) {
            for (const playbook::Hook& hook : hooks) {
                run_.console.say("hook " + std::string(to_string(point)) + ": " +
                                 plain_line(hook.text));
            }
        }
    }

  private:
    /// Somebody else's servers become this ensemble's: that has to be said.
    [[nodiscard]] std::optional<Stop> refuse_to_adopt() const {
        if (run_.settings.adopt) return std::nullopt;
        Stop stop;
        stop.code = ExitCode::preflight;
        for (const ServerId id : run_.plan->adopted()) {
            stop.messages.push_back(name_of(*run_.inventory.find(id)) + ": " +
                                    run_.gathered.at(id).actual.outside->words +
                                    " serves from the node's directories already");
        }
        if (stop.messages.empty()) return std::nullopt;
        stop.messages.emplace_back(
            "to take in what runs, as it is and without a restart: zkprov apply --adopt. Nothing "
            "was "
            "changed");
        return stop;
    }

    /// A recipe without push is for nodes that have the binary; without it a server would be stopped and
    /// not start again.
    [[nodiscard]] std::optional<Stop> refuse_missing_binary() const {
        if (run_.playbook.runs(PhaseKind::push)) return std::nullopt;
        Stop stop;
        stop.code = ExitCode::preflight;
        for (const Host& host : run_.hosts) {
            const auto& facts = run_.gathered.at(host.node->id).facts;
            if (run_.plan->find(host.node->id) == nullptr) continue;
            if (facts.release_sha256 == run_.settings.release->server.sha256) continue;
            if (facts.kept_sha256 == run_.settings.release->server.sha256) continue;
            stop.messages.push_back(name_of(*host.node) +
                                    ": does not have the server's binary of this release");
        }
        if (stop.messages.empty()) return std::nullopt;
        stop.messages.emplace_back(
            "the recipe has no phase \"push\", which sends it; nothing was changed");
        return stop;
    }
};

}  // namespace

std::unique_ptr<Phase> roll_phase(Run& run) { return std::make_unique<RollPhase>(run); }

}  // namespace zk::phases
