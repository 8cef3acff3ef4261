// What a node's files must hold, rendered from the inventory.
// Pure. Way three of DESIGN.md, step 7. What is rendered here is what ensemble/zoo_cfg parses on the node: render
// checks its own text with that reader.
#pragma once

#include <string>

#include "base/result.h"
#include "inventory/inventory.h"

namespace zk::inventory {

/// The text of a node's zoo.cfg. Equal inventories give equal bytes.
std::string render_zoo_cfg(const Inventory& inventory, const Node& node);
/// The text of a node's myid.
std::string render_myid(const Node& node);

}  // namespace zk::inventory
