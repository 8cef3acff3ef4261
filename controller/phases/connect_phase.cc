// One link per host, at once. A host that does not answer ends the run before anything is changed.
#include "phases/phase.h"

namespace zk::phases {
namespace {

class ConnectPhase final : public Phase {
  public:
    using Phase::Phase;
    [[nodiscard]] std::string_view title() const override { return "connect to the hosts"; }
    std::optional<Stop> run(LinkDeadline deadline) override {
        connect_all(run_.hosts, run_.settings.open_link, {deadline, deadline});
        run_.leave_out_failed();
        return run_.stop_unchanged();
    }
};

}  // namespace

std::unique_ptr<Phase> connect_phase(Run& run) { return std::make_unique<ConnectPhase>(run); }

}  // namespace zk::phases
