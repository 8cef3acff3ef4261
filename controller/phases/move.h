// What `zkprov migrate` does beside the phases of an apply: it looks deeper before the first change, says what it will do,
// and tells at the end what it did to those who used the ensemble. Shell. The runner's thread. What is decided is in the
// room migration; the waves, and the way back of one that fails, are phases/roll.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "client/connect_string.h"
#include "phases/run.h"

namespace zk::phases {

/// Asks all nodes what was applied to them, and one of them what its data hold; notes in run.move and run.gathered which
/// are to be moved. Fails with the failures of hosts. Nothing is changed.
std::optional<Stop> look_before_move(Run& run, LinkDeadline deadline);
/// Why the ensemble may not be moved. REQUIRES: look_before_move().
std::vector<std::string> refusals_of_move(const Run& run);
/// Says what the plan means.
void announce_move(Run& run, const plan::Plan& plan);
/// What was applied to the node's old server; nullptr: nobody knows.
const agent_api::NodeSpec* way_back(const Run& run, ServerId id);
/// Where clients on this machine reach the servers: of containers in a bridge of another host, at the ports of that host.
std::vector<client::ServerAddress> client_addresses(const inventory::Inventory& inventory);
/// Says what became of it, as far as it came; asks the nodes who led meanwhile.
void report_move(Run& run);

}  // namespace zk::phases
