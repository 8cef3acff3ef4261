// Is what answers on a node's host that node of this inventory? The agent compares its server with
// its own specification; here both are compared with the inventory, and the nodes with each other.
// Pure. Used by ensemble_judge.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "agent_api/node_health.h"
#include "base/ids.h"
#include "inventory/inventory.h"

namespace zk::status {

/// Whom the agent on the host of node `id` answers for, when it is not that node of this ensemble;
/// empty when it is.
std::string other_identity(const inventory::Inventory& inventory,
                           ServerId id,
                           const agent_api::NodeHealth& health);

/// Why this is not node `id`, from what its agent or its server says. REQUIRES: other_identity() is
/// empty.
std::optional<agent_api::IdentityConflict> conflict_of(const inventory::Inventory& inventory,
                                                       ServerId id,
                                                       const agent_api::NodeHealth& health);

/// Where the server of node `id` has other members than the inventory though it is that node; empty
/// when nowhere, or when it does not tell.
std::string other_members(const inventory::Inventory& inventory,
                          ServerId id,
                          const agent_api::NodeHealth& health);

/// On which host a server speaks with which id.
struct Speaker {
    ServerId node;
    std::string host;
    ServerId sid;
};
/// Sentences: two servers with one id, and two that have changed places.
std::vector<std::string> shared_ids(const std::vector<Speaker>& speakers);

}  // namespace zk::status
