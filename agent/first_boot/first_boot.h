// zkprov-agent join: a node that is born without a controller comes into its ensemble, and says how far it is.
// Shell, Asio: one thread; what changes the host blocks. Until the resident agent runs, this process answers
// GET /v1/formation in its place; afterwards that one does. docs/PROVISIONING.md 2.3 to 2.5.
#pragma once

#include <optional>
#include <string>

#include "agent_api/join_report.h"
#include "agent_host/state_dir.h"
#include "base/ids.h"
#include "base/log.h"
#include "base/result.h"
#include "base/time.h"
#include "inventory/inventory.h"

namespace zk::first_boot {

struct Request {
    inventory::Inventory inventory;
    std::string state_dir;         ///< absolute
    std::string server_program;    ///< the zkserver that came with this agent
    std::optional<ServerId> node;  ///< the user says who this node is
    Duration patience{0};          ///< then it gives up; 0: never
};

/// Until this node serves (stage done) or a person has to decide (stage failed); each change of the report goes to
/// `report_file()` and, as a line, to stdout. Nodes that have joined before are left as they are.
/// Errors: the state directory cannot be used, another join runs here, a signal came.
Result<agent_api::JoinReport> join_ensemble(Request request, Log log);

/// Where the report lies.
std::string report_file(const agent_host::StateDir& state);

}  // namespace zk::first_boot
