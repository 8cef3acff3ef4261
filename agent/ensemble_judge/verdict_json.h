// The members that the ensemble's verdict has in JSON, whoever prints it.
// Pure. Used by `zkprov status -o json` and by the agent's page.
#pragma once

#include <boost/json/object.hpp>

#include "ensemble_judge/ensemble_judge.h"

namespace zk::ensemble_judge {

/// Adds cluster, verdict, leader, and so on to `document`; "nodes" comes last, in the verdict's order.
/// What is not known is null.
void add_verdict(boost::json::object& document, const EnsembleVerdict& verdict);

/// What a node says of itself: role, health, reasons, and so on, the history last.
void add_health(boost::json::object& node, const agent_api::NodeHealth& health);

}  // namespace zk::ensemble_judge
