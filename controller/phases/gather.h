// What is true of every node: facts, health, and what its agent would change.
// Shell. See docs/ARCHITECTURE.md, "The way of an apply". Nothing is changed here.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "agent_api/node_facts.h"
#include "agent_api/node_spec.h"
#include "phases/fleet.h"
#include "plan/ensemble_plan.h"
#include "plan/preflight.h"

namespace zk::phases {

/// What is known of one node: what it shall be, and what it is.
struct GatheredNode {
    agent_api::NodeSpec spec;
    agent_api::NodeFacts facts;
    plan::NodeActual actual;
    bool keeps_copy = false;  ///< of migrate: it has the other flavor's server
};
/// An entry for each node of the run from its beginning, so that threads only touch their own.
using Gathered = std::map<ServerId, GatheredNode>;

/// The specification of every node, for this formation, and as which incarnation where it has one. Errors: a value that the
/// server's own reader refuses.
Result<Gathered> render_all(const inventory::Inventory& inventory,
                            const RunSettings& settings,
                            const std::string& generation,
                            const agent_api::Incarnations& incarnations = {});

/// Fills facts, actual and health of all connected hosts at once. REQUIRES: `gathered` has their
/// specifications.
void gather_all(std::vector<Host>& hosts,
                Gathered& gathered,
                const inventory::Inventory& inventory,
                LinkDeadline deadline);

/// Waits while a majority of servers runs and has no leader yet, up to settings.election_patience
/// and the deadline: a plan made in the middle of an election would take an ensemble that serves for one that is
/// down. Calls `say` once when it has to wait.
void await_election(std::vector<Host>& hosts,
                    Gathered& gathered,
                    const inventory::Inventory& inventory,
                    const RunSettings& settings,
                    LinkDeadline deadline,
                    const std::function<void(const std::string&)>& say);

/// The actuals of the hosts that answered.
std::vector<plan::NodeActual> actuals_of(const std::vector<Host>& hosts, const Gathered& gathered);

/// Asks all connected agents what they would do, and fills in actual.change.
void dry_run_all(std::vector<Host>& hosts,
                 Gathered& gathered,
                 agent_api::Formation formation,
                 const RunSettings& settings,
                 LinkDeadline deadline);

/// What is true of one host just before its step: as gather and dry run together, but for the
/// ensemble's verdict. Changes nothing of `gathered`.
Result<plan::NodeActual> look_again(Host& host,
                                    const GatheredNode& gathered,
                                    const plan::NodeStep& step,
                                    const RunSettings& settings,
                                    LinkDeadline deadline);

enum class Dry { no, yes };
/// The message that applies a node's specification.
agent_api::Apply apply_message(const GatheredNode& node,
                               agent_api::Formation formation,
                               agent_api::OutsideLeave outside,
                               Dry dry);
/// What this run lets become of a server that runs outside of its unit. Whether one may be taken in at all is asked once,
/// before the first change (roll_phase).
agent_api::OutsideLeave leave_for(const plan::NodeActual& actual, const RunSettings& settings);
/// How a node takes part that is given this step.
agent_api::Formation formation_of(const plan::NodeStep& step);

}  // namespace zk::phases
