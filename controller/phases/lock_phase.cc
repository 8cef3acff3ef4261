// Takes the run lock, which is kept until the run ends (decisions/0008). How long it waits for another
// run is the user's to say (--lock-timeout), not the recipe's.
#include "phases/phase.h"

namespace zk::phases {
namespace {

class LockPhase final : public Phase {
  public:
    using Phase::Phase;
    [[nodiscard]] std::string_view title() const override { return "take the run lock"; }
    std::optional<Stop> run(LinkDeadline /*deadline*/) override {
        if (auto stop = run_.lock.take()) return stop;
        run_.leave_out_failed();
        if (auto stop = run_.stop_unchanged()) return stop;
        return run_.lock.check_majority();
    }
};

}  // namespace

std::unique_ptr<Phase> lock_phase(Run& run) { return std::make_unique<LockPhase>(run); }

}  // namespace zk::phases
