// Who is this node, and may it start from an empty disk?
// Pure. The rule that a re-imaged node must never come up empty and win an election lives here.
// Source: facts/provisioning.md 6.2 and 6.6 (the formation table).
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent_api/link.h"
#include "agent_api/node_facts.h"
#include "agent_api/node_spec.h"
#include "base/ids.h"
#include "base/result.h"

namespace zk::identity {

/// What one node of the ensemble knows of itself; of a silent one nothing is known.
struct NodeView {
    ServerId sid;
    bool answers = false;
    bool has_data = false;
    bool ever_formed = false;  ///< by its record, which outlives its data
};

enum class Formation {
    start,      ///< as voter, with the data that is there
    join,       ///< empty: get the data from the others before voting
    form,       ///< all are empty and none has ever formed: this is the birth of the ensemble
    wait,       ///< not enough is known
    conflict,   ///< the data belongs to somebody else
    data_loss,  ///< most of an ensemble that once formed is empty: a person must decide
};
constexpr std::array<std::string_view, 6> enum_words(Formation) {
    return {"start", "join", "form", "wait", "conflict", "data-loss"};
}

struct FormationDecision {
    Formation formation = Formation::wait;
    std::string why;
};

/// The formation table. `nodes` holds every node of the ensemble once, `self` among them (which
/// answers); `data_matches` says whether data that is there belongs to `self`.
FormationDecision decide_formation(ServerId self,
                                   bool data_matches,
                                   const std::vector<NodeView>& nodes);

/// The one node of `listed` that has one of this host's addresses. Errc::not_found for none,
/// Errc::exists for several.
struct ListedNode {
    ServerId sid;
    std::string address;
};
Result<ServerId> find_self(const std::vector<ListedNode>& listed,
                           const std::vector<std::string>& own_addresses);

/// Whether this host, with its record and its data, may become what `spec` says; the reason when
/// not.
std::optional<agent_api::AgentError> check_identity(const agent_api::NodeSpec& spec,
                                                    const agent_api::NodeFacts& facts);

/// Whether the marker `initialize` has to be written for `spec`. REQUIRES: check_identity() found
/// nothing.
bool needs_marker(const agent_api::NodeSpec& spec, const agent_api::NodeFacts& facts);

}  // namespace zk::identity
