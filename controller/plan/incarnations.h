// Which making of a node is due, and what every agent has to remember of the others. Pure. On the way of an apply
// (docs/ARCHITECTURE.md). Rules: docs/PROVISIONING.md 2.6.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "agent_api/incarnation.h"
#include "plan/node_actual.h"

namespace zk::plan {

using agent_api::Incarnation;
using agent_api::Incarnations;

/// The newest incarnation of each member that anybody has recorded or remembers.
Incarnations newest_incarnations(const std::vector<NodeActual>& actuals);

/// The incarnation that this node is to be. A node with data stays what it is; an empty one is made anew, unless it is being
/// made already. `forms`: whoever forms is not made in anybody's place. `fresh` gives id and time of a new one.
std::optional<Incarnation> incarnation_of(const NodeActual& actual,
                                          const Incarnations& newest,
                                          const Incarnation& fresh,
                                          bool forms);

/// For each node what it does not remember yet of the others; nodes that know all are left out.
std::map<ServerId, Incarnations> forgotten(const std::vector<NodeActual>& actuals,
                                           const Incarnations& newest);

/// Why the server of this host must not run: others remember that the node was made anew. Empty: it may. One that remembers
/// is enough here: its agent was asked over its host's link, and all that comes of it is that nothing is changed.
std::string words_if_replaced(const NodeActual& actual, const std::vector<NodeActual>& actuals);

}  // namespace zk::plan
