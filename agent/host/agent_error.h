// From an operating error to what the agent tells the controller.
// Pure but for the codes of the system it knows.
#pragma once

#include <string>

#include "agent_api/link.h"
#include "base/result.h"

namespace zk::agent_host {

/// Codes of the system become disk_full, no_right or failed; an AgentError that travelled as Error
/// comes back as it was.
agent_api::AgentError to_agent_error(const Error& error);

}  // namespace zk::agent_host
