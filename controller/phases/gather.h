// What is true of every node: facts, health, and what its agent would change.
// Shell. Way three of DESIGN.md, steps 5 to 7. Nothing is changed here.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "phases/fleet.h"
#include "plan/ensemble_plan.h"
#include "plan/preflight.h"

namespace zk::phases {

/// The specification of every host, for this formation. Errors: a value that the server's own
/// reader refuses.
Result<> render_all(std::vector<Host>& hosts,
                    const inventory::Inventory& inventory,
                    const RunSettings& settings,
                    const std::string& generation);

/// Fills facts, health and actual of all connected hosts at once. REQUIRES: render_all() was
/// called.
void gather_all(std::vector<Host>& hosts,
                const inventory::Inventory& inventory,
                LinkDeadline deadline);

/// Waits while a majority of servers runs and has no leader yet, up to settings.election_patience:
/// a plan made in the middle of an election would take an ensemble that serves for one that is
/// down. Calls `say` once when it has to wait.
void await_election(std::vector<Host>& hosts,
                    const inventory::Inventory& inventory,
                    const RunSettings& settings,
                    const std::function<void(const std::string&)>& say);

/// The actuals of the hosts that answered.
std::vector<plan::NodeActual> actuals_of(const std::vector<Host>& hosts);

/// Asks the agents that `draft` names or leaves untouched what they would do, and fills in
/// actual.change. `draft` is a plan made without knowing the changes: it says who forms.
void dry_run_all(std::vector<Host>& hosts, const plan::Plan& draft, LinkDeadline deadline);

/// What is true of one host just before its step: as gather and dry run together, but for the
/// ensemble's verdict. Changes nothing of `host`.
Result<plan::NodeActual> look_again(Host& host, const plan::NodeStep& step, LinkDeadline deadline);

/// The message of an apply for this host's step (null: nothing is planned yet, so it must not
/// form).
agent_api::Apply apply_message(const Host& host, const plan::NodeStep* step, bool dry);

/// This machine's clock, as shown to people and compared with the hosts'.
std::int64_t wall_ms_now();

}  // namespace zk::phases
