// From one flavor's server to the other's under an ensemble that serves: what may not be moved and why, and what a move
// will do. Pure. `zkprov migrate` (phases/migrate) asks; the waves themselves are those of a rolling change (plan).
// Rules: docs/decisions/0014-moving-between-servers.md.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "agent_api/node_facts.h"
#include "agent_api/node_spec.h"
#include "inventory/inventory.h"
#include "plan/ensemble_plan.h"
#include "plan/node_actual.h"

namespace zk::migration {

using agent_api::Flavor;

/// What the inventory asks for.
Flavor flavor_of(const inventory::Inventory& inventory);
/// "Apache's server", "zkprov's own server".
std::string_view server_words(Flavor flavor);

/// One node as it was gathered; all outlive the call. `facts` were asked with `specs`.
struct Member {
    const inventory::Node* node = nullptr;
    const agent_api::NodeSpec* wanted = nullptr;
    const agent_api::NodeFacts* facts = nullptr;
    const plan::NodeActual* actual = nullptr;
};

/// Whether the other flavor's server is installed there. A node whose move was cut off before its release was switched
/// still has it.
bool is_to_move(const Member& member);
/// What was applied to the server that goes; nullptr: nobody knows.
const agent_api::NodeSpec* before_move(const Member& member);

/// Why the ensemble may not be moved, a sentence each with the way out; empty: it may. `survey`: what one member's data
/// hold; nothing: no node is to move.
std::vector<std::string> refusals(const inventory::Inventory& inventory,
                                  const std::vector<Member>& members,
                                  const std::optional<agent_api::DataSurvey>& survey);

/// What is told before it begins, a line each: per node what its copy takes and from which release to which, who is
/// expected to lead in the end, and what the new server does not do of the configuration.
std::vector<std::string> announcement(const inventory::Inventory& inventory,
                                      const std::vector<Member>& members,
                                      const plan::Plan& plan);

}  // namespace zk::migration
