// From the inventory and what is true of the nodes to a plan: which nodes change, in which order,
// how many at once, and why; or the reason why nothing may be changed. Pure. On
// the way of an apply (docs/ARCHITECTURE.md). `zkprov plan` prints a plan, `zkprov apply` carries out exactly the same.
// Rules (docs/PROVISIONING.md 2.2 and 3):
// * An ensemble is formed only when all nodes of the inventory answer and none has ever been part
// of one.
// * An empty node of a formed ensemble joins: it must not vote before the leader has brought it up
// to date.
// * What serves is restarted one node at a time, the leader last, never leaving fewer than a
// majority in sync.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "agent_api/incarnation.h"
#include "inventory/inventory.h"
#include "plan/node_actual.h"

namespace zk::plan {

/// What happens to one node.
enum class Action {
    adopt,   ///< its server runs already, started by somebody else: install all but that
    form,    ///< install, and take part in forming a new ensemble
    join,    ///< install, and come up without a vote until the leader has brought it up to date
    change,  ///< bring to the specification; the server is restarted when `restarts`
    start,   ///< the server is down; bring to the specification and start it
};
std::string_view to_string(Action action);

struct NodeStep {
    ServerId id;
    Action action = Action::change;
    bool restarts = false;             ///< a running server is restarted
    std::vector<std::string> reasons;  ///< what changes on the node, one line each
};

/// Nodes that are handled at the same time. After each wave the ensemble must be healthy before the
/// next begins.
struct Wave {
    std::string why;
    std::vector<NodeStep> nodes;
};

struct Plan {
    std::string cluster;
    std::vector<Wave> waves;          ///< empty: nothing to change
    std::vector<ServerId> untouched;  ///< nodes that are as they should be
    std::vector<std::string> notes;   ///< for the person who reads the plan
    /// What each agent is told of the others before any server is made anew: docs/PROVISIONING.md 2.6. Book-keeping, as the
    /// number of the run: what a node is and does stays the same, so a plan of nothing else is empty.
    std::map<ServerId, agent_api::Incarnations> memories;

    [[nodiscard]] bool is_empty() const { return waves.empty(); }
    /// Nodes whose servers run already and are taken in.
    [[nodiscard]] std::vector<ServerId> adopted() const;
    /// Number of running servers that are restarted.
    [[nodiscard]] std::size_t restarts() const;
    /// The step of a node, or nullptr.
    [[nodiscard]] const NodeStep* find(ServerId id) const;
};

/// Why nothing may be changed. The words end with what to do.
struct Refusal {
    enum class Kind {
        quorum,       ///< the ensemble would lose its quorum or its data
        unsupported,  ///< this version cannot do it
    };
    Kind kind = Kind::quorum;
    std::string words;
};

using Decision = std::variant<Plan, Refusal>;

/// The formation that these nodes belong to, or that an interrupted apply began; nothing when all
/// is new.
std::optional<std::string> known_generation(const inventory::Inventory& inventory,
                                            const std::vector<NodeActual>& actuals);

/// Whether plan_apply forms a new ensemble. The facts alone decide that, so it is known before the
/// agents are asked what they would change.
bool forms_ensemble(const std::vector<NodeActual>& actuals);
/// Why nothing may be changed, as far as the facts alone say it; plan_apply and plan_replace ask it
/// first. `actuals` as there.
std::optional<Refusal> refuse_apply(const inventory::Inventory& inventory,
                                    const std::vector<NodeActual>& actuals);
std::optional<Refusal> refuse_replace(const inventory::Inventory& inventory,
                                      ServerId id,
                                      const std::vector<NodeActual>& actuals);

/// The plan of `zkprov apply`. REQUIRES: exactly one actual for every node of the inventory.
Decision plan_apply(const inventory::Inventory& inventory, const std::vector<NodeActual>& actuals);

/// The plan of `zkprov replace-node`: bring back `id` on its emptied host while the others keep
/// serving. `actuals` holds the nodes that answered. REQUIRES: `id` is a node of the inventory.
Decision plan_replace(const inventory::Inventory& inventory,
                      ServerId id,
                      const std::vector<NodeActual>& actuals);

enum class Detail {
    changes,  ///< the steps of nodes that exist; of new nodes only how many there are
    all,
};
/// The text of a plan, as `zkprov plan` (Detail::all) and `zkprov apply` print it.
std::string format_plan(const Plan& plan, const inventory::Inventory& inventory, Detail detail);

}  // namespace zk::plan
