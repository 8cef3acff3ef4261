// What a node's container wrote, from its Docker engine.
// Shell. Blocking, bounded; any thread.
#pragma once

#include "agent_api/container_spec.h"
#include "agent_api/node_facts.h"
#include "agent_api/node_log.h"
#include "base/result.h"

namespace zk::agent_host {

/// The last `lines` lines of the container, or those behind the cursor. A place in the log is a time and how many lines of
/// that time were read, so it holds for the container that takes the place of this one, too. Errors: AgentErrc::not_found:
/// no such container, or with a first question it was never started; identity_conflict: it is somebody else's;
/// Errc::invalid for a cursor that is none of a container; the engine's.
Result<agent_api::NodeLog> read_container_log(const agent_api::ContainerSpec& spec,
                                              const agent_api::LogRequest& request);
/// The same of the container that serves in the place of the node's.
Result<agent_api::NodeLog> read_outside_log(const agent_api::ContainerSpec& spec,
                                            const agent_api::OutsideContainer& outside,
                                            const agent_api::LogRequest& request);

}  // namespace zk::agent_host
