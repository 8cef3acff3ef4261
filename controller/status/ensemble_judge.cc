#include "status/ensemble_judge.h"

#include <algorithm>

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

/// Of what was brought up on this machine nothing is left: neither server nor agent, as after a reboot.
bool nothing_runs(const EnsembleVerdict& verdict) {
    return std::ranges::all_of(verdict.nodes, [](const NodeVerdict& node) {
        const auto& health = node.status.health;
        return health && health->verdict == agent_api::NodeVerdict::down &&
               health->agent_pid == 0 && !health->cluster.empty();
    });
}

}  // namespace

EnsembleVerdict judge(const inventory::Inventory& inventory,
                      const std::vector<NodeStatus>& statuses) {
    EnsembleVerdict verdict = ensemble_judge::judge(expected_of(inventory), statuses);
    // Units start again with their host; these are nobody's to start but the user's.
    const bool units = inventory.transport != inventory::Transport::local || inventory.docker;
    if (!units && nothing_runs(verdict)) {
        verdict.reasons.insert(
            verdict.reasons.begin(),
            "nothing of it runs on this machine; to start all of it: zkprov start");
    }
    return verdict;
}

std::string other_identity(const inventory::Inventory& inventory,
                           ServerId id,
                           const agent_api::NodeHealth& health) {
    return ensemble_judge::other_identity(expected_of(inventory), id, health);
}

}  // namespace zk::status
