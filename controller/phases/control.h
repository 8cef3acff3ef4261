// What start, stop, wipe and lock break share: commands without a plan, which a person sends to agents.
// Shell. The runner's thread.
#pragma once

#include <optional>
#include <string>

#include "phases/run.h"

namespace zk::phases {

/// Whether a person means it: `typed`, from the command line, or where that is empty the answer to `question` has to be
/// the ensemble's name.
std::optional<Stop> confirm(const inventory::Inventory& inventory,
                            Console& console,
                            std::string typed,
                            const std::string& question);

/// How a look at the ensemble ends.
ExitCode exit_code_of(status::Verdict verdict);

/// The same stop; its words end with "nothing was changed".
Stop unchanged(Stop stop);

/// A host that holds another node: nothing is started, stopped or moved there.
std::optional<Stop> stop_for_others(const Run& run);

/// Lets the agent do it, and notes and tells what it says.
Result<> control_host(Run& run, Host& host, agent_api::ControlAction action, LinkDeadline deadline);

}  // namespace zk::phases
