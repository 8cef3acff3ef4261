// The log of a node's server or of its agent, wherever it is kept: the journal of a unit, a file, a Docker engine.
// Shell. Blocking, bounded; any thread.
#pragma once

#include "agent_api/node_log.h"
#include "agent_api/node_spec.h"
#include "agent_host/state_dir.h"
#include "base/result.h"

namespace zk::agent_host {

/// Who keeps a log, and under which name.
struct LogHome {
    enum class Kind { unit, file, container };
    Kind kind = Kind::unit;
    std::string name;  ///< the unit, the path, the container
    friend bool operator==(const LogHome&, const LogHome&) = default;
};
/// Where a node's log is. Pure.
LogHome log_home(const agent_api::NodeSpec& spec, const StateDir& state, agent_api::LogOf of);

/// Errors: as of the kind of log (file_log.h, unit_log.h, container_log.h). The words of a server's log that is not there
/// name a server that runs outside of its unit.
Result<agent_api::NodeLog> read_node_log(const agent_api::NodeSpec& spec,
                                         const StateDir& state,
                                         const agent_api::LogRequest& request);

}  // namespace zk::agent_host
