// A node as a specification and as facts, for tests of plans.
#pragma once

#include <vector>

#include "node_plan/node_plan.h"

namespace zk::node_plan {

/// Server 2 of demo, under systemd in /opt/zk.
agent_api::NodeSpec make_spec();
/// Of a host on which nothing was done yet.
agent_api::NodeFacts bare_facts();
/// What the facts are after `spec` was carried out.
agent_api::NodeFacts settled_facts(const agent_api::NodeSpec& spec);

/// A refusal fails the test.
NodePlan plan_of(const agent_api::NodeSpec& spec,
                 const agent_api::NodeFacts& facts,
                 bool marker = false);
NodePlan plan_with(const agent_api::NodeSpec& spec,
                   const agent_api::NodeFacts& facts,
                   agent_api::OutsideLeave outside);
std::vector<StepKind> kinds(const NodePlan& plan);
/// A plan fails the test.
agent_api::AgentErrc refusal(const agent_api::NodeSpec& spec, const agent_api::NodeFacts& facts);

}  // namespace zk::node_plan
