// What a run did, for programs: one JSON document. And what it cost, for people.
// Shell room, but pure.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "migration/move_report.h"
#include "phases/changes.h"
#include "phases/fleet.h"
#include "plan/ensemble_plan.h"

namespace zk::phases {

/// One document, schema zkprov.apply/1 or zkprov.plan/1, ending with a line end. `command`: apply,
/// plan, replace-node, migrate, start, stop or wipe. `move`: of migrate, where a server was exchanged.
std::string run_json(const std::string& command,
                     const inventory::Inventory& inventory,
                     const std::vector<Host>& hosts,
                     const Changes& changes,
                     const plan::Plan* plan,
                     const migration::MoveReport* move,
                     const std::vector<std::string>& errors,
                     ExitCode code);

/// One line per host: connections, channels, bytes and frames.
std::vector<std::string> cost_lines(const std::vector<Host>& hosts);

}  // namespace zk::phases
