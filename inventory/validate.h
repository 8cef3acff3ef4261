// What must hold between the parts of an inventory: ids, addresses, ports and directories that do
// not clash. Pure. Internal to this room.
#pragma once

#include "inventory/inventory.h"
#include "inventory/settings.h"

namespace zk::inventory {

/// Local nodes live under base_dir; directories of their own are refused.
void refuse_directories(const ServerSettings& settings, bool docker, Diagnostics& diagnostics);
/// Checks all nodes against each other, in the order of the file.
void validate(const Inventory& inventory, Diagnostics& diagnostics);

}  // namespace zk::inventory
