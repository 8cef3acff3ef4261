// The facts of every node, once: what each shall be is rendered here, what each is asked of its agent.
#include <random>

#include <fmt/core.h>

#include "clocks/clocks.h"
#include "inventory/render.h"
#include "phases/gather.h"
#include "phases/phase.h"
#include "plan/incarnations.h"

namespace zk::phases {
namespace {

class GatherPhase final : public Phase {
  public:
    using Phase::Phase;
    [[nodiscard]] std::string_view title() const override { return "gather the facts"; }

    std::optional<Stop> run(LinkDeadline deadline) override {
        // For nodes that no formation knows yet; what they are asked does not depend on it.
        const std::string new_generation =
            inventory::new_generation(run_.inventory, clocks::wall_now().value());
        auto rendered = render_all(run_.inventory, run_.settings, new_generation);
        if (!rendered) return Stop{ExitCode::invalid, {rendered.error().words}};
        run_.gathered = *std::move(rendered);
        gather_all(run_.hosts, run_.gathered, run_.inventory, deadline);
        await_election(run_.hosts,
                       run_.gathered,
                       run_.inventory,
                       run_.settings,
                       deadline,
                       [this](const std::string& line) { run_.console.say(line); });
        run_.leave_out_failed();
        if (auto stop = run_.stop_unchanged()) return stop;
        const auto actuals = actuals_of(run_.hosts, run_.gathered);
        const auto known = plan::known_generation(run_.inventory, actuals);
        if (!known) return std::nullopt;
        auto again = render_all(run_.inventory, run_.settings, *known, incarnations_of(actuals));
        if (!again) return Stop{ExitCode::invalid, {again.error().words}};
        for (auto& [id, node] : run_.gathered) node.spec = std::move(again->at(id).spec);
        return std::nullopt;
    }

  private:
    [[nodiscard]] agent_api::Incarnations incarnations_of(
        const std::vector<plan::NodeActual>& actuals) const {
        const bool forms = !run_.replaced && plan::forms_ensemble(actuals);
        const auto newest = plan::newest_incarnations(actuals);
        std::random_device random;
        agent_api::Incarnations incarnations;
        for (const plan::NodeActual& actual : actuals) {
            agent_api::Incarnation fresh;
            fresh.id = fmt::format("{:08x}{:08x}", random(), random());
            fresh.made_at = clocks::wall_now();
            const auto incarnation = plan::incarnation_of(actual, newest, fresh, forms);
            if (incarnation) incarnations[actual.id] = *incarnation;
        }
        return incarnations;
    }
};

}  // namespace

std::unique_ptr<Phase> gather_phase(Run& run) { return std::make_unique<GatherPhase>(run); }

}  // namespace zk::phases
