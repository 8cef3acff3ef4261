// Carries out a plan: the server's binary where it is missing, then wave by wave: apply, then wait
// until the ensemble is well again. Shell. Way three of DESIGN.md, steps 8, 9 and 11.
#pragma once

#include <mutex>
#include <optional>
#include <set>
#include <vector>

#include "phases/fleet.h"
#include "phases/gather.h"
#include "phases/run_lock.h"
#include "plan/ensemble_plan.h"
#include "playbook/playbook.h"

namespace zk::phases {

/// Whom a gate waits for, and whether it writes.
struct GateRequest {
    std::set<ServerId> in_sync;        ///< these must lead or follow
    std::vector<ServerId> probe_from;  ///< a probe write goes through each of these
};

class Roll {
  public:
    Roll(const inventory::Inventory& inventory,
         const playbook::Playbook& playbook,
         const RunSettings& settings,
         Console& console,
         std::vector<Host>& hosts,
         RunLock& lock)
        : inventory_(inventory),
          playbook_(playbook),
          settings_(settings),
          console_(console),
          hosts_(hosts),
          lock_(lock) {}

    /// Nothing when all went well; then the ensemble serves and a probe write was committed.
    std::optional<Stop> run(const plan::Plan& plan);
    /// Waits until all of `request` holds; at the deadline says what does not, and before that when
    /// a node turns out to be another one.
    std::optional<Stop> gate(const GateRequest& request);
    /// The ensemble as the last gate saw it.
    [[nodiscard]] const status::EnsembleVerdict& verdict() const { return verdict_; }

  private:
    std::optional<Stop> push(const plan::Plan& plan);
    /// Before each wave: the run lock is held, the others are as well as they were, and each node of
    /// the wave is what the plan took it for.
    std::optional<Stop> make_sure(const plan::Wave& wave, const std::set<ServerId>& expected);
    std::optional<Stop> renew_lock();
    std::optional<Stop> apply_wave(const plan::Wave& wave);
    void apply_node(Host& host, const plan::NodeStep& step, LinkDeadline deadline);
    bool all_in_sync(const GateRequest& request) const;
    /// Whether a node that is waited for is not that node: waiting makes it none.
    bool has_conflict(const GateRequest& request) const;
    Stop conflict_stop(const GateRequest& request) const;
    /// Why a probe write did not commit; empty when all did.
    std::string probe(const GateRequest& request);
    Host* find(ServerId id);
    bool anything_changed() const;
    Stop interrupted_stop() const;
    milliseconds limit(playbook::PhaseKind kind) const;

    const inventory::Inventory& inventory_;
    const playbook::Playbook& playbook_;
    const RunSettings& settings_;
    Console& console_;
    std::vector<Host>& hosts_;
    RunLock& lock_;
    status::EnsembleVerdict verdict_;
};

}  // namespace zk::phases
