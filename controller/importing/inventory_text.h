// Nodes that were found, as the text of an inventory. Pure. Internal to this room.
#pragma once

#include <string>
#include <vector>

#include "importing/found_node.h"

namespace zk::importing {

/// What all nodes have in common, or most of them, stands once; a node says where it differs. Nothing that is a default is
/// written. REQUIRES: `nodes` by id, and not empty.
std::string inventory_text(const std::vector<FoundNode>& nodes,
                           const ImportSettings& settings,
                           const std::string& cluster);

/// A scalar of YAML: bare where nobody could read anything else in it.
std::string scalar(const std::string& text);

}  // namespace zk::importing
