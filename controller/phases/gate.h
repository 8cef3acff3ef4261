// Waits until the ensemble is well: a leader, the servers in sync that must be, and a write that is
// committed. Shell. See docs/ARCHITECTURE.md, "The way of an apply".
#pragma once

#include <optional>
#include <set>
#include <vector>

#include "phases/run.h"

namespace zk::phases {

/// Whom a gate waits for, and whether it writes.
struct GateRequest {
    std::set<ServerId> in_sync;        ///< these must lead or follow
    std::vector<ServerId> probe_from;  ///< a probe write goes through each of these
};

/// Waits until all of `request` holds; at the deadline says what does not, and before that when a node
/// turns out to be another one. Leaves what it saw last in run.verdict.
std::optional<Stop> wait_at_gate(Run& run, const GateRequest& request, LinkDeadline deadline);

}  // namespace zk::phases
