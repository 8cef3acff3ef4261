// A compose file of the containers that `zkprov apply` makes: the same values, printed instead of made.
// Pure. Source: the Compose specification.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "agent_api/container_spec.h"
#include "base/ids.h"
#include "base/result.h"
#include "inventory/inventory.h"

namespace zk::compose {

/// The file for one Docker host. `only`: nothing but this node. Errors: runtime docker is not asked for; the nodes are on
/// several hosts, and none of them is named.
Result<std::string> compose_file(const inventory::Inventory& inventory,
                                 std::optional<ServerId> only);

/// The same of containers; `comment` goes on top, a line for each.
std::string compose_text(const std::vector<std::string>& comment,
                         const std::vector<agent_api::ContainerSpec>& containers);

}  // namespace zk::compose
