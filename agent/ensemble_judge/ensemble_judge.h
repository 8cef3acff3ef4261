// From what each node says of itself to one verdict on the ensemble: does it serve, with whom, and
// what is wrong. Pure. On the way of a health report (docs/ARCHITECTURE.md). Used by `zkprov status`, by the gates of
// `zkprov apply` and by the agent's page.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent_api/node_health.h"
#include "base/ids.h"
#include "clock_offset/clock_offset.h"
#include "ensemble_judge/identity_check.h"

namespace zk::ensemble_judge {

/// What the agent of one node says, or why it says nothing.
struct NodeStatus {
    ServerId id;
    std::optional<agent_api::NodeHealth> health;
    std::string silence;  ///< without health: why
    bool other = false;   ///< without health: its host answers for another node, as silence says
    std::optional<clock_offset::ClockLook> clock;  ///< by the clock of who asks

    [[nodiscard]] bool answered() const { return health.has_value(); }
    [[nodiscard]] bool is(agent_api::Role role) const { return health && health->role == role; }
    /// The agent finds nothing wrong.
    [[nodiscard]] bool content() const {
        return health && health->verdict == agent_api::NodeVerdict::serving &&
               health->reasons.empty();
    }
};

enum class Verdict {
    healthy,    ///< a leader, every voter in sync, every agent content
    degraded,   ///< a leader with a quorum, but not all is well
    no_quorum,  ///< no leader with a quorum
    unknown,    ///< the nodes that did not answer may or may not be serving
};
std::string_view to_string(Verdict verdict);

struct NodeVerdict {
    NodeStatus status;
    std::string host;
    /// It is not this node, or could not be. Health with the verdict `conflict` says nothing of the
    /// node but that.
    std::optional<agent_api::IdentityConflict> conflict;
    bool in_sync = false;             ///< leads, or follows the leader, with a quorum
    std::optional<std::int64_t> lag;  ///< transactions behind the leader; nothing: not known
};

struct EnsembleVerdict {
    std::string cluster;
    Verdict verdict = Verdict::unknown;
    std::optional<ServerId> leader;  ///< or the server that is alone
    bool standalone = false;         ///< that server serves alone, without elections
    std::optional<Epoch> epoch;
    std::size_t voters = 0;
    std::size_t voters_in_sync = 0;
    std::vector<std::string> reasons;  ///< why it is not healthy; empty when it is
    std::vector<NodeVerdict> nodes;    ///< by id, all that were expected

    [[nodiscard]] const NodeVerdict* find(ServerId id) const;
    /// So many voters serve together.
    [[nodiscard]] std::size_t majority() const { return voters / 2 + 1; }
    /// How many more voters may fail; 0 without a quorum.
    [[nodiscard]] std::size_t failures_borne() const;
};

/// Judges. Expected nodes without a status count as silent. Never fails.
EnsembleVerdict judge(const Expected& expected, const std::vector<NodeStatus>& statuses);

/// The role; "unknown" where a server runs that has not said it.
std::string_view role_word(const agent_api::NodeHealth& health);

/// For people: "server 2 leads in epoch 5; 3 of 3 voters are in sync; 1 more may fail".
std::string headline(const EnsembleVerdict& verdict);

}  // namespace zk::ensemble_judge
