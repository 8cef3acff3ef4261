// What a node's server has stored, when the node is taken away: whose it is, and deleting it (decisions/0016). Shell.
// Blocking; the caller holds the state directory's lock, and the server is stopped. Only names that servers and zkprov
// write are touched; links are not followed.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "agent_api/node_spec.h"
#include "base/result.h"

namespace zk::agent_host {

/// The node's data and log directories that exist, and that for a container's logs.
std::vector<std::string> data_places(const agent_api::NodeSpec& spec);
/// Why the data are not to be taken for this node's: myid or zkprov.node say something else, or there is neither. Empty:
/// they are, or nothing lies there.
std::string why_not_its_data(const agent_api::NodeSpec& spec);
/// The first thing in these directories that neither a server nor zkprov writes there; empty: none.
std::string stranger_in_data(const agent_api::NodeSpec& spec);
/// Copies and quarantines that migrate and wipe left beside them.
std::vector<std::string> copies_of_data(const agent_api::NodeSpec& spec);
/// Deletes them; what says whose they are goes last, so that a run that is cut off may be repeated. The directories that
/// are gone. REQUIRES: why_not_its_data() and stranger_in_data() are empty.
Result<std::vector<std::string>> delete_data(const agent_api::NodeSpec& spec);
/// All in them, and in their copies, that belongs to `uid` belongs to root from then on.
Result<> give_data_to_root(const agent_api::NodeSpec& spec, std::uint32_t uid);

}  // namespace zk::agent_host
