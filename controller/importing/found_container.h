// The containers of one host's survey read as nodes of an inventory with runtime: docker. Pure. Internal to this room.
#pragma once

#include <vector>

#include "importing/found_node.h"

namespace zk::importing {

/// Whether the servers that are meant on this host run in containers.
bool are_in_containers(const SurveyedHost& host, const ImportSettings& settings);
/// A node for each container that is meant. Errors: Errc::invalid; several lines, each begins with whose it is.
Result<std::vector<FoundNode>> read_containers(const SurveyedHost& host,
                                               const ImportSettings& settings);

}  // namespace zk::importing
