#include "plan/ensemble_plan.h"

#include <algorithm>

#include <fmt/core.h>

#include "base/check.h"
#include "base/log.h"
#include "inventory/render.h"

namespace zk::plan {
namespace {

using inventory::Inventory;
using inventory::Node;

std::size_t majority_of(const Inventory& inventory) { return inventory.nodes.size() / 2 + 1; }

const NodeActual* find_actual(const std::vector<NodeActual>& actuals, ServerId id) {
    const auto found = std::ranges::find(actuals, id, &NodeActual::id);
    return found == actuals.end() ? nullptr : &*found;
}

/// "node 2", "nodes 1 and 3", "nodes 1, 2 and 3".
std::string name_nodes(const std::vector<ServerId>& ids) {
    std::string text = ids.size() == 1 ? "node " : "nodes ";
    for (std::size_t i = 0; i < ids.size(); ++i) {
        if (i > 0) text += i + 1 == ids.size() ? " and " : ", ";
        text += to_string(ids[i]);
    }
    return text;
}

template <class Predicate>
std::vector<ServerId> ids_where(const std::vector<NodeActual>& actuals, Predicate predicate) {
    std::vector<ServerId> ids;
    for (const NodeActual& actual : actuals) {
        if (predicate(actual)) ids.push_back(actual.id);
    }
    std::ranges::sort(ids);
    return ids;
}

/// A formed ensemble whose member list is not the inventory's.
std::optional<Refusal> refuse_membership_change(const Inventory& inventory,
                                                const std::vector<NodeActual>& actuals) {
    const std::string wanted = inventory::members_digest(inventory);
    for (const NodeActual& actual : actuals) {
        if (!actual.formed() || !actual.identity) continue;
        const std::string had = inventory::digest_in_generation(actual.identity->generation);
        if (had.empty() || had == wanted) continue;
        return Refusal{Refusal::Kind::unsupported,
                       fmt::format("the inventory names other members (ids, hosts, peer or "
                                   "election ports) than those node {} formed an ensemble with; "
                                   "membership changes are not supported in this version, restore "
                                   "the members in the inventory. Nothing was changed",
                                   actual.id)};
    }
    return std::nullopt;
}

/// Formed nodes that remember different formations: two ensembles were mixed up.
std::optional<Refusal> refuse_mixed_generations(const std::vector<NodeActual>& actuals) {
    const NodeActual* first = nullptr;
    for (const NodeActual& actual : actuals) {
        if (!actual.formed() || !actual.identity) continue;
        if (first == nullptr) first = &actual;
        if (actual.identity->generation == first->identity->generation) continue;
        return Refusal{Refusal::Kind::quorum,
                       fmt::format("nodes {} and {} belong to different formations of this "
                                   "ensemble ({}, {}); wipe the one that does not belong here. "
                                   "Nothing was changed",
                                   first->id,
                                   actual.id,
                                   first->identity->generation,
                                   actual.identity->generation)};
    }
    return std::nullopt;
}

Plan formation_plan(const Inventory& inventory, const std::vector<NodeActual>& actuals) {
    Plan plan;
    plan.cluster = inventory.cluster;
    Wave wave;
    wave.why = inventory.nodes.size() == 1
                   ? "begin a new database: the node answered, it has no data"
                   : fmt::format("form a new ensemble of {}: all nodes answered, none has data",
                                 inventory.nodes.size());
    for (const NodeActual& actual : actuals) {
        wave.nodes.push_back({actual.id, Action::form, false, actual.change.steps});
    }
    std::ranges::sort(wave.nodes, {}, &NodeStep::id);
    plan.waves.push_back(std::move(wave));
    return plan;
}

/// The apply of a formed ensemble, built wave by wave.
class ApplyPlanner {
  public:
    ApplyPlanner(const Inventory& inventory, const std::vector<NodeActual>& actuals)
        : inventory_(inventory), actuals_(actuals) {
        plan_.cluster = inventory.cluster;
        std::ranges::sort(actuals_, {}, &NodeActual::id);
        has_quorum_ = count_in_sync() >= majority_of(inventory_);
    }

    Decision make() {
        adopt_what_runs();
        start_what_is_down();
        change_without_restart();
        if (auto refusal = restart_one_by_one()) return *std::move(refusal);
        join_the_empty();
        for (const NodeActual& actual : actuals_) {
            if (plan_.find(actual.id) == nullptr) plan_.untouched.push_back(actual.id);
        }
        note_what_runs_outside();
        return std::move(plan_);
    }

    std::optional<Refusal> refuse_data_loss() const {
        const auto with_data = ids_where(actuals_, [](const auto& a) { return !a.data_empty; });
        const auto empty = ids_where(actuals_, [](const auto& a) { return a.data_empty; });
        if (empty.empty() || with_data.size() >= majority_of(inventory_)) return std::nullopt;
        const std::string remember =
            name_nodes(ids_where(actuals_, [](const auto& a) { return a.formed(); }));
        return Refusal{
            Refusal::Kind::quorum,
            fmt::format("{} belonged to this ensemble, but {} {} empty: a majority of the data is "
                        "missing, and starting now could present an older or empty tree as the "
                        "truth; bring the missing disks back. Nothing was changed",
                        remember,
                        name_nodes(empty),
                        empty.size() == 1 ? "is" : "are")};
    }

  private:
    static bool must_join(const NodeActual& actual) { return actual.data_empty; }
    /// Neither serving nor able to lose anything by a restart. Of what is to be adopted nobody knows yet.
    bool is_idle(const NodeActual& actual) const {
        return !must_join(actual) && !actual.to_adopt() &&
               (!actual.server_running || (!actual.in_sync && !has_quorum_));
    }
    std::size_t count_in_sync() const {
        return static_cast<std::size_t>(std::ranges::count_if(actuals_, &NodeActual::in_sync));
    }

    void adopt_what_runs() {
        Wave wave;
        wave.why = "take in what runs already, as it is: no server restarts";
        for (const NodeActual& actual : actuals_) {
            if (!actual.to_adopt()) continue;
            wave.nodes.push_back({actual.id, Action::adopt, false, actual.change.steps});
        }
        if (!wave.nodes.empty()) plan_.waves.push_back(std::move(wave));
    }

    void note_what_runs_outside() {
        std::vector<ServerId> outside;
        bool contained = false;
        for (const NodeActual& actual : actuals_) {
            if (!actual.outside) continue;
            contained = actual.outside->contained;
            const NodeStep* const step = plan_.find(actual.id);
            if (step == nullptr || !step->restarts) outside.push_back(actual.id);
        }
        if (outside.empty()) return;
        plan_.notes.push_back(fmt::format(
            "{} run{} {}; zkprov apply --take-over {}, one by one",
            name_nodes(outside),
            outside.size() == 1 ? "s" : "",
            contained ? "in containers that zkprov did not make, until it is told to replace them"
                      : "outside of zkprov's unit until the next restart",
            contained             ? "puts its own in their place"
            : outside.size() == 1 ? "restarts it there"
                                  : "restarts them there"));
    }

    void start_what_is_down() {
        Wave wave;
        wave.why = "start what does not run";
        for (const NodeActual& actual : actuals_) {
            if (!is_idle(actual)) continue;
            if (actual.server_running && actual.change.steps.empty()) continue;
            const Action action = actual.server_running ? Action::change : Action::start;
            NodeStep step{actual.id, action, false, actual.change.steps};
            step.restarts = actual.server_running && actual.change.restarts_server;
            if (step.reasons.empty()) step.reasons.emplace_back("start the server");
            wave.nodes.push_back(std::move(step));
        }
        if (!wave.nodes.empty()) plan_.waves.push_back(std::move(wave));
    }

    void change_without_restart() {
        Wave wave;
        wave.why = "no restart needed";
        for (const NodeActual& actual : actuals_) {
            const NodeChange& change = actual.change;
            if (must_join(actual) || is_idle(actual) || actual.to_adopt()) continue;
            if (change.steps.empty() || change.restarts_server) continue;
            wave.nodes.push_back({actual.id, Action::change, false, change.steps});
        }
        if (!wave.nodes.empty()) plan_.waves.push_back(std::move(wave));
    }

    /// Followers in the order of their ids, those that are not in sync first, the leader last.
    std::optional<Refusal> restart_one_by_one() {
        std::vector<const NodeActual*> order;
        for (const NodeActual& actual : actuals_) {
            const bool restarts =
                !actual.change.steps.empty() && actual.change.restarts_server && !actual.to_adopt();
            if (restarts && !must_join(actual) && !is_idle(actual)) order.push_back(&actual);
        }
        if (order.empty()) return std::nullopt;
        const auto rank = [](const NodeActual* actual) {
            return actual->leads ? 2 : actual->in_sync ? 1 : 0;
        };
        std::ranges::stable_sort(order, {}, rank);
        if (auto refusal = refuse_restart(*order.front())) return refusal;
        for (const NodeActual* actual : order) {
            Wave wave;
            wave.why = actual->leads     ? "the leader, last"
                       : actual->in_sync ? "one follower at a time"
                                         : "not in sync, so first";
            wave.nodes.push_back({actual->id, Action::change, true, actual->change.steps});
            plan_.waves.push_back(std::move(wave));
        }
        return std::nullopt;
    }

    /// Whether restarting this node now, with the waves before it done, would leave no majority in
    /// sync.
    std::optional<Refusal> refuse_restart(const NodeActual& first) const {
        const std::size_t majority = majority_of(inventory_);
        const auto counts = [&](const NodeActual& actual) {
            return actual.id != first.id && (actual.in_sync || is_idle(actual));
        };
        const auto others = static_cast<std::size_t>(std::ranges::count_if(actuals_, counts));
        if (others >= majority) return std::nullopt;
        if (inventory_.nodes.size() == 1) {
            return Refusal{
                Refusal::Kind::quorum,
                fmt::format("node {} is the only one: its restart is an outage; to accept "
                            "that: zkprov stop, then zkprov apply. Nothing was changed",
                            first.id)};
        }
        return Refusal{
            Refusal::Kind::quorum,
            fmt::format("restarting node {} would leave {} of {} voters in sync, {} are needed; "
                        "{}, or accept an outage: zkprov stop, then zkprov apply. Nothing was "
                        "changed",
                        first.id,
                        others,
                        inventory_.nodes.size(),
                        majority,
                        way_to_restart())};
    }

    /// What would make a restart safe.
    std::string way_to_restart() const {
        const auto empty = ids_where(actuals_, [](const auto& a) { return must_join(a); });
        if (!empty.empty()) {
            return fmt::format("{} {} empty: bring it back first (zkprov replace-node {})",
                               name_nodes(empty),
                               empty.size() == 1 ? "is" : "are",
                               empty.front());
        }
        if (count_in_sync() == inventory_.nodes.size()) return "add voters, so that one may fail";
        return "wait until all nodes are in sync (zkprov status)";
    }

    void join_the_empty() {
        Wave wave;
        wave.why = "join: empty, so without a vote until the leader has brought it up to date";
        for (const NodeActual& actual : actuals_) {
            if (!must_join(actual)) continue;
            // Joined before and still being brought up to date: nothing more to do for it.
            if (actual.server_running && actual.change.steps.empty()) continue;
            wave.nodes.push_back({actual.id, Action::join, false, actual.change.steps});
        }
        if (!wave.nodes.empty()) plan_.waves.push_back(std::move(wave));
    }

    const Inventory& inventory_;
    std::vector<NodeActual> actuals_;
    bool has_quorum_ = false;
    Plan plan_;
};

/// Whether an earlier first apply stopped half-way: what was formed has never held a transaction.
bool formation_was_interrupted(const std::vector<NodeActual>& actuals) {
    return std::ranges::all_of(actuals, [](const NodeActual& actual) {
        if (actual.data_empty) return !actual.formed();
        return !actual.ever_served && !actual.in_sync;
    });
}

std::string describe_survivor(const NodeActual* actual, ServerId id) {
    const char* state = actual == nullptr        ? "does not answer"
                        : actual->leads          ? "leads"
                        : actual->in_sync        ? "follows"
                        : actual->server_running ? "runs, but is not in sync"
                                                 : "is down";
    return fmt::format("node {} {}", id, state);
}

/// Why the others cannot carry the ensemble while `id` comes back.
std::optional<Refusal> refuse_without_quorum(const Inventory& inventory,
                                             ServerId id,
                                             const std::vector<NodeActual>& actuals) {
    std::size_t in_sync = 0;
    bool has_leader = false;
    std::string states;
    for (const Node& node : inventory.nodes) {
        if (node.id == id) continue;
        const NodeActual* const actual = find_actual(actuals, node.id);
        in_sync += actual != nullptr && actual->in_sync ? 1U : 0U;
        has_leader = has_leader || (actual != nullptr && actual->leads && actual->in_sync);
        states += (states.empty() ? "" : ", ") + describe_survivor(actual, node.id);
    }
    if (has_leader && in_sync >= majority_of(inventory)) return std::nullopt;
    return Refusal{
        Refusal::Kind::quorum,
        fmt::format("without node {} the ensemble has no quorum ({} of {} voters in sync, {} are "
                    "needed): {}; bring the others back first, an empty node must not join "
                    "before. Nothing was changed",
                    id,
                    in_sync,
                    inventory.nodes.size(),
                    majority_of(inventory),
                    states)};
}

}  // namespace

std::string_view to_string(Action action) {
    switch (action) {
        case Action::adopt:
            return "adopt";
        case Action::form:
            return "form";
        case Action::join:
            return "join";
        case Action::change:
            return "change";
        case Action::start:
            return "start";
    }
    return "?";
}

std::size_t Plan::restarts() const {
    std::size_t count = 0;
    for (const Wave& wave : waves) {
        count += static_cast<std::size_t>(std::ranges::count_if(wave.nodes, &NodeStep::restarts));
    }
    return count;
}

std::optional<std::string> known_generation(const Inventory& inventory,
                                            const std::vector<NodeActual>& actuals) {
    std::optional<std::string> recorded;
    for (const NodeActual& actual : actuals) {
        if (!actual.identity) continue;
        const Identity& identity = *actual.identity;
        if (actual.formed()) return identity.generation;
        // An apply that stopped before the ensemble formed: taken up again while the members are
        // the same.
        const bool same = inventory::digest_in_generation(identity.generation) ==
                          inventory::members_digest(inventory);
        if (same && identity.cluster == inventory.cluster) recorded = identity.generation;
    }
    return recorded;
}

std::vector<ServerId> Plan::adopted() const {
    std::vector<ServerId> ids;
    for (const Wave& wave : waves) {
        for (const NodeStep& step : wave.nodes) {
            if (step.action == Action::adopt) ids.push_back(step.id);
        }
    }
    return ids;
}

const NodeStep* Plan::find(ServerId id) const {
    for (const Wave& wave : waves) {
        const auto found = std::ranges::find(wave.nodes, id, &NodeStep::id);
        if (found != wave.nodes.end()) return &*found;
    }
    return nullptr;
}

bool forms_ensemble(const std::vector<NodeActual>& actuals) {
    return std::ranges::none_of(actuals, &NodeActual::formed) || formation_was_interrupted(actuals);
}

std::optional<Refusal> refuse_apply(const Inventory& inventory,
                                    const std::vector<NodeActual>& actuals) {
    if (std::ranges::none_of(actuals, &NodeActual::formed)) return std::nullopt;
    if (auto refusal = refuse_mixed_generations(actuals)) return refusal;
    if (auto refusal = refuse_membership_change(inventory, actuals)) return refusal;
    if (formation_was_interrupted(actuals)) return std::nullopt;
    return ApplyPlanner(inventory, actuals).refuse_data_loss();
}

Decision plan_apply(const Inventory& inventory, const std::vector<NodeActual>& actuals) {
    ZK_ASSERT(actuals.size() == inventory.nodes.size());
    if (auto refusal = refuse_apply(inventory, actuals)) return *std::move(refusal);
    if (!forms_ensemble(actuals)) return ApplyPlanner(inventory, actuals).make();
    Plan plan = formation_plan(inventory, actuals);
    if (std::ranges::any_of(actuals, &NodeActual::formed)) {
        plan.waves.front().why =
            "form a new ensemble: an earlier apply stopped half-way, no node "
            "has ever held data";
    }
    return plan;
}

std::optional<Refusal> refuse_replace(const Inventory& inventory,
                                      ServerId id,
                                      const std::vector<NodeActual>& actuals) {
    const NodeActual* const node = find_actual(actuals, id);
    ZK_ASSERT(inventory.find(id) != nullptr && node != nullptr);
    if (auto refusal = refuse_mixed_generations(actuals)) return refusal;
    if (auto refusal = refuse_membership_change(inventory, actuals)) return refusal;
    if (inventory.nodes.size() == 1) {
        return Refusal{
            Refusal::Kind::quorum,
            fmt::format("node {} is the only one: no other node has its data to bring it up to "
                        "date with; restore its data_dir and log_dir from a backup, then zkprov "
                        "apply. Nothing was changed",
                        id)};
    }
    if (auto refusal = refuse_without_quorum(inventory, id, actuals)) return refusal;
    if (node->data_empty || node->in_sync) return std::nullopt;
    return Refusal{
        Refusal::Kind::quorum,
        fmt::format("node {} still has data, and replace-node never deletes any; to start "
                    "it with that data: zkprov apply; to replace it, stop its server and "
                    "move its data_dir and log_dir away first",
                    id)};
}

Decision plan_replace(const Inventory& inventory,
                      ServerId id,
                      const std::vector<NodeActual>& actuals) {
    if (auto refusal = refuse_replace(inventory, id, actuals)) return *std::move(refusal);
    const NodeActual* const node = find_actual(actuals, id);
    Plan plan;
    plan.cluster = inventory.cluster;
    for (const Node& each : inventory.nodes) {
        if (each.id != id && find_actual(actuals, each.id) != nullptr) {
            plan.untouched.push_back(each.id);
        }
    }
    if (!node->data_empty) {
        plan.untouched.push_back(id);
        std::ranges::sort(plan.untouched);
        plan.notes.push_back(fmt::format("node {} has its data and is in sync", id));
        return plan;
    }
    Wave wave;
    wave.why = "join: empty, so without a vote until the leader has brought it up to date";
    wave.nodes.push_back({id, Action::join, false, node->change.steps});
    plan.waves.push_back(std::move(wave));
    plan.notes.emplace_back(
        "the other nodes are not touched; until the node is in sync, the "
        "ensemble bears one failure less");
    return plan;
}

std::string format_plan(const Plan& plan, const Inventory& inventory, Detail detail) {
    const std::size_t nodes = inventory.nodes.size();
    std::string text = fmt::format(
        "{}: {}\n",
        plan.cluster,
        nodes == 1 ? "one server, alone (standalone)" : fmt::format("{} voters", nodes));
    const auto host_of = [&](ServerId id) {
        const Node* const node = inventory.find(id);
        return node == nullptr ? std::string() : node->host;
    };
    std::size_t number = 0;
    std::size_t changed = 0;
    for (const Wave& wave : plan.waves) {
        text += fmt::format("wave {}: {}\n", ++number, wave.why);
        for (const NodeStep& step : wave.nodes) {
            ++changed;
            const bool is_new = step.action == Action::form || step.action == Action::join;
            const bool brief = is_new && detail == Detail::changes;
            text += fmt::format("  {} node {}  {}  {}{}{}\n",
                                is_new ? '+' : '~',
                                step.id,
                                host_of(step.id),
                                to_string(step.action),
                                step.restarts ? ", restarts the server" : "",
                                brief ? fmt::format(", {} steps", step.reasons.size()) : "");
            if (brief) continue;
            for (const std::string& reason : step.reasons) text += "      " + reason + "\n";
        }
    }
    for (const ServerId id : plan.untouched) {
        text += fmt::format("  = node {}  {}\n", id, host_of(id));
    }
    for (const std::string& note : plan.notes) text += "note: " + note + "\n";
    for (const auto& [id, incarnations] : plan.memories) {
        for (const auto& [sid, incarnation] : incarnations) {
            text += fmt::format(
                "note: node {} is told that server {} is {}\n", id, sid, words_of(incarnation));
        }
    }
    if (plan.is_empty()) return text + "Plan: no change.\n";
    return text + fmt::format("Plan: {} to change, {} untouched, {} restart{}.\n",
                              changed,
                              plan.untouched.size(),
                              plan.restarts(),
                              plan.restarts() == 1 ? "" : "s");
}

}  // namespace zk::plan
