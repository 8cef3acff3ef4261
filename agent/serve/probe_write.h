// A write through this node's own server, as any client would do it, that leaves nothing behind.
// Shell. Blocking; the request's timeout bounds each of its steps.
#pragma once

#include "agent_api/link.h"
#include "agent_api/node_spec.h"

namespace zk::agent_serve {

/// Creates, sets and deletes an ephemeral znode. A write that was not committed in time is an
/// answer with its reason.
agent_api::ProbeDone write_through(const agent_api::NodeSpec& spec,
                                   const agent_api::ProbeWrite& request);

}  // namespace zk::agent_serve
