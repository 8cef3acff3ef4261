#include "status/ensemble_judge.h"

namespace zk::status {
namespace {

ensemble_judge::Expected expected_of(const inventory::Inventory& inventory) {
    ensemble_judge::Expected expected;
    expected.cluster = inventory.cluster;
    for (const inventory::Node& node : inventory.nodes) {
        expected.nodes.push_back({node.id, node.host});
    }
    return expected;
}

}  // namespace

EnsembleVerdict judge(const inventory::Inventory& inventory,
                      const std::vector<NodeStatus>& statuses) {
    return ensemble_judge::judge(expected_of(inventory), statuses);
}

std::string other_identity(const inventory::Inventory& inventory,
                           ServerId id,
                           const agent_api::NodeHealth& health) {
    return ensemble_judge::other_identity(expected_of(inventory), id, health);
}

}  // namespace zk::status
