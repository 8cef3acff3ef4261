// From the agent's facts to what a plan rests on.
// Pure.
#pragma once

#include "agent_api/node_facts.h"
#include "agent_api/node_spec.h"
#include "plan/node_actual.h"

namespace zk::plan {

/// What the facts say of the node that `spec` is about. Left for others: change, leads, in_sync,
/// clock_offset_ms.
NodeActual observe(const agent_api::NodeSpec& spec, const agent_api::NodeFacts& facts);

/// Whose server a specification means: a container's label says it also where it was written before specifications of
/// containers did.
std::string flavor_word(const agent_api::NodeSpec& spec);

}  // namespace zk::plan
