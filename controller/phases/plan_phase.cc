// What changes, in which order, and why: from the facts and what each agent would do. Planned once.
#include "phases/move.h"
#include "phases/phase.h"
#include "plan/incarnations.h"

namespace zk::phases {
namespace {

class PlanPhase final : public Phase {
  public:
    using Phase::Phase;
    [[nodiscard]] std::string_view title() const override { return "make the plan"; }

    std::optional<Stop> run(LinkDeadline deadline) override {
        // Who forms and who joins depends on the facts alone, and the agents must know it to say what
        // they would do.
        auto actuals = actuals_of(run_.hosts, run_.gathered);
        const auto refusal = run_.replaced
                                 ? plan::refuse_replace(run_.inventory, *run_.replaced, actuals)
                                 : plan::refuse_apply(run_.inventory, actuals);
        if (refusal) return refused(*refusal);
        const bool forms = !run_.replaced && plan::forms_ensemble(actuals);
        dry_run_all(run_.hosts,
                    run_.gathered,
                    forms ? agent_api::Formation::form : agent_api::Formation::join,
                    run_.settings,
                    deadline);
        run_.leave_out_failed();
        if (auto stop = run_.stop_unchanged()) return stop;
        actuals = actuals_of(run_.hosts, run_.gathered);
        auto decision = run_.replaced ? plan_replace(run_.inventory, *run_.replaced, actuals)
                                      : plan_apply(run_.inventory, actuals);
        if (const auto* const late = std::get_if<plan::Refusal>(&decision)) return refused(*late);
        run_.plan = std::get<plan::Plan>(std::move(decision));
        run_.plan->memories = memories_for(*run_.plan, actuals);
        if (run_.move) announce_move(run_, *run_.plan);
        tell();
        return std::nullopt;
    }

  private:
    /// Before a node is made anew the others remember it; what one of them has missed it is told now.
    [[nodiscard]] std::map<ServerId, agent_api::Incarnations> memories_for(
        const plan::Plan& plan, const std::vector<plan::NodeActual>& actuals) const {
        auto newest = plan::newest_incarnations(actuals);
        for (const plan::Wave& wave : plan.waves) {
            for (const plan::NodeStep& step : wave.nodes) {
                const auto& made = run_.gathered.at(step.id).spec.incarnation;
                if (step.action == plan::Action::join && made) newest[step.id] = *made;
            }
        }
        // Those who form remember nobody.
        if (newest.empty()) return {};
        return plan::forgotten(actuals, newest);
    }

    static Stop refused(const plan::Refusal& refusal) {
        const bool quorum = refusal.kind == plan::Refusal::Kind::quorum;
        return {quorum ? ExitCode::quorum : ExitCode::preflight, {"refused: " + refusal.words}};
    }

    /// `zkprov plan` prints it at its end.
    void tell() {
        if (run_.mode == Mode::say || (run_.plan->is_empty() && !run_.replaced)) return;
        std::string text =
            run_.plan_text(run_.settings.verbose ? plan::Detail::all : plan::Detail::changes);
        text.pop_back();  // say() ends the line
        run_.console.say(text);
    }
};

}  // namespace

std::unique_ptr<Phase> plan_phase(Run& run) { return std::make_unique<PlanPhase>(run); }

}  // namespace zk::phases
