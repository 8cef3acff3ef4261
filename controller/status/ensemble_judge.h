// The ensemble's verdict (agent's room ensemble_judge) for who has an inventory.
// Pure. On the way of a health report (docs/ARCHITECTURE.md). Used by `zkprov status` and by the gates of `zkprov apply`.
#pragma once

#include <string>
#include <vector>

#include "ensemble_judge/ensemble_judge.h"
#include "inventory/inventory.h"

namespace zk::status {

using ensemble_judge::EnsembleVerdict;
using ensemble_judge::headline;
using ensemble_judge::NodeStatus;
using ensemble_judge::NodeVerdict;
using ensemble_judge::role_word;
using ensemble_judge::Verdict;

/// Judges. Nodes of the inventory without a status count as silent. Never fails.
EnsembleVerdict judge(const inventory::Inventory& inventory,
                      const std::vector<NodeStatus>& statuses);

/// Whom the agent on the host of node `id` answers for, when it is not that node of this ensemble;
/// empty when it is.
std::string other_identity(const inventory::Inventory& inventory,
                           ServerId id,
                           const agent_api::NodeHealth& health);

}  // namespace zk::status
