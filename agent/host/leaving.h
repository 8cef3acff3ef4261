// The last of a node on its host: what made it join at boot, the agent's own record and program (decisions/0016). Shell.
// Blocking; the caller holds the state directory's lock.
#pragma once

#include <string>
#include <vector>

#include "agent_api/removal.h"
#include "agent_host/state_dir.h"
#include "base/result.h"

namespace zk::agent_host {

/// What zkprov cloud-init put on this host for `cluster`; `root` is in front of all paths, for tests. Empty: nothing, or
/// that of another ensemble.
std::vector<std::string> first_boot_files(const std::string& cluster, const std::string& root = "");
/// Ends a joining that is under way. Does nothing without such files.
Result<> stop_first_boot(const std::string& cluster);
/// Removes them, and what it installed. A host that kept them would join again at its next boot.
Result<> remove_first_boot(const std::string& cluster,
                           std::vector<std::string>& removed,
                           const std::string& root = "");

/// Removes the state directory, but not what another node of this host keeps below it. Nothing may be recorded afterwards.
Result<> remove_state(const StateDir& state, std::vector<agent_api::KeptThing>& kept);
/// Removes the agent's program ("<directory>/bin/zkprov-agent"), which goes on running, unless another node of this host has
/// its record in that directory or below it. True: it is gone.
bool remove_program(const std::string& program);

}  // namespace zk::agent_host
