// Is what answers on a node's host that node of this ensemble? The agent compares its server with
// its own specification; here it is asked whose agent it is, and the servers are compared with each
// other.
// Pure. Used by ensemble_judge.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "agent_api/node_health.h"
#include "base/ids.h"

namespace zk::ensemble_judge {

/// Whom an ensemble should consist of: as the inventory says, or as zkprov told the agent.
struct ExpectedNode {
    ServerId id;
    std::string host;
};
struct Expected {
    std::string cluster;
    std::vector<ExpectedNode> nodes;  ///< by id
};

/// Whom the agent on the host of node `id` answers for, when it is not that node of this ensemble;
/// empty when it is.
std::string other_identity(const Expected& expected,
                           ServerId id,
                           const agent_api::NodeHealth& health);

/// A server that serves, and what its agent says of it.
struct Server {
    ServerId node;
    std::string host;
    const agent_api::NodeHealth* health = nullptr;
};
struct MemberCheck {
    /// Servers of another ensemble.
    std::map<ServerId, agent_api::IdentityConflict> strangers;
    /// Sentences: two servers of different ensembles, of which nobody can say which one is meant.
    std::vector<std::string> sentences;
};
/// Compares the servers' members with each other. A member with other ports, or one that moved, is
/// on its way in a rolling apply and no conflict; where members differ from the inventory, `plan`
/// tells.
MemberCheck compare_members(const Expected& expected, const std::vector<Server>& servers);

/// On which host a server speaks with which id.
struct Speaker {
    ServerId node;
    std::string host;
    ServerId sid;
};
/// Sentences: two servers with one id, and two that have changed places.
std::vector<std::string> shared_ids(const std::vector<Speaker>& speakers);

}  // namespace zk::ensemble_judge
