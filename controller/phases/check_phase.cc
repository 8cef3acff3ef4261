// Disk, ports, rights, identity of each host (plan/preflight): what would fail fails here, and nothing
// was changed. Warnings are only told.
#include "phases/move.h"
#include "phases/phase.h"
#include "plan/preflight.h"

namespace zk::phases {
namespace {

class CheckPhase final : public Phase {
  public:
    using Phase::Phase;
    [[nodiscard]] std::string_view title() const override { return "check the hosts"; }

    std::optional<Stop> run(LinkDeadline deadline) override {
        Stop stop;
        stop.code = ExitCode::preflight;
        const auto actuals = actuals_of(run_.hosts, run_.gathered);
        for (const plan::Finding& finding : plan::preflight(
                 run_.inventory,
                 actuals,
                 run_.settings.machine,
                 run_.replaced,
                 run_.move ? plan::OtherFlavor::expected : plan::OtherFlavor::refused)) {
            const inventory::Node* const node =
                finding.node ? run_.inventory.find(*finding.node) : nullptr;
            const std::string text = (node == nullptr ? "" : name_of(*node) + ": ") + finding.words;
            if (finding.level == plan::Finding::Level::warning) {
                run_.console.say("warning: " + text);
            } else {
                stop.messages.push_back(text);
            }
        }
        if (run_.move && stop.messages.empty()) {
            if (auto failed = look_before_move(run_, deadline)) return failed;
            stop.messages = refusals_of_move(run_);
        }
        if (stop.messages.empty()) return std::nullopt;
        stop.messages.emplace_back("nothing was changed");
        return stop;
    }
};

}  // namespace

std::unique_ptr<Phase> check_phase(Run& run) { return std::make_unique<CheckPhase>(run); }

}  // namespace zk::phases
