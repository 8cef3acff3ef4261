#include "plan/observe.h"

namespace zk::plan {
namespace {

using agent_api::DataState;
using agent_api::NodeFacts;
using agent_api::NodeSpec;

bool server_runs(const NodeSpec& spec, const NodeFacts& facts) {
    const agent_api::UnitFact* const unit = facts.unit(spec.server_unit);
    if (unit == nullptr) return false;
    return unit->pid > 0 || unit->state == "active" || unit->state == "activating";
}

}  // namespace

NodeActual observe(const NodeSpec& spec, const NodeFacts& facts) {
    NodeActual actual;
    actual.id = spec.sid;
    actual.arch = facts.arch;
    actual.root = facts.uid == 0;
    if (facts.identity) {
        const agent_api::RecordedIdentity& record = *facts.identity;
        actual.identity = Identity{record.cluster,
                                   record.sid,
                                   record.formed,
                                   record.generation,
                                   record.incarnation,
                                   record.stored};
        const auto& owner = facts.data.owner;
        actual.being_made =
            record.incarnation && !record.stored && owner && facts.data.state != DataState::data &&
            owner->cluster == record.cluster && owner->sid == record.sid &&
            owner->generation == record.generation && owner->incarnation == record.incarnation;
    }
    if (facts.memory && actual.identity && facts.memory->cluster == actual.identity->cluster &&
        facts.memory->generation == actual.identity->generation) {
        actual.remembers = facts.memory->members;
    }
    actual.data_empty = facts.data.state != DataState::data;
    // No transaction and epoch 0: it never followed an established leader, so it holds nothing that
    // was acknowledged.
    const auto& epoch = facts.data.current_epoch;
    actual.ever_served =
        !actual.data_empty && (facts.data.transactions || (epoch && epoch->value() > 0));
    actual.server_running = server_runs(spec, facts);
    if (facts.outside) {
        const auto& record = facts.identity;
        actual.outside =
            Outside{words_of(*facts.outside),
                    facts.outside->flavor,
                    facts.outside->members,
                    record && record->cluster == spec.cluster && record->sid == spec.sid,
                    facts.outside->held_by.has_value()};
        // What serves has data, whatever of them is on the disk yet.
        actual.server_running = actual.ever_served = true;
        actual.data_empty = false;
    }
    for (const agent_api::SpaceFact& fact : facts.space) {
        if (fact.path != spec.data_dir && fact.path != spec.log_dir &&
            fact.path != spec.install_dir) {
            continue;
        }
        actual.spaces.push_back({fact.path, fact.free_bytes, fact.read_only});
    }
    if (facts.release_flavor != flavor_word(spec)) {
        actual.other_flavor = facts.release_flavor;
    }
    if (facts.outside && facts.outside->flavor != flavor_word(spec)) {
        actual.other_flavor = facts.outside->flavor;
    }
    actual.java_least = spec.java_least;
    actual.java_version = facts.java_version;
    actual.java_words = facts.java_words;
    // Of a container that runs on the node's data the planner has more to say than that it has the ports.
    const bool on_our_data = facts.container && !facts.container->data_user.empty();
    for (const agent_api::PortFact& fact : facts.ports) {
        if (!fact.ours && !on_our_data) actual.taken_ports.push_back({fact.port, fact.owner});
    }
    return actual;
}

std::string flavor_word(const agent_api::NodeSpec& spec) {
    return std::string(spec.container ? spec.container->label(agent_api::kFlavorLabel)
                                      : to_string(spec.release.flavor));
}

namespace {

std::string words_of(const std::optional<Identity>& identity) {
    if (!identity) return "nobody";
    return "server " + to_string(identity->id) + " of " + identity->cluster + " (formation " +
           identity->generation +
           (identity->incarnation ? ", " + agent_api::words_of(identity->incarnation) : "") + ")";
}

std::string words_of(const NodeChange& change) {
    if (change.steps.empty()) return "nothing";
    std::string words;
    for (const std::string& step : change.steps) words += (words.empty() ? "" : "; ") + step;
    return words;
}

}  // namespace

std::string difference(const NodeActual& planned, const NodeActual& now) {
    // Whether it has taken part in an ensemble may become known at any time.
    auto before = planned.identity;
    auto after = now.identity;
    if (before && after) {
        before->formed = after->formed = true;
        before->stored = after->stored = true;
    }
    if (before != after) {
        return "it was " + words_of(planned.identity) + ", and is " + words_of(now.identity) +
               " now";
    }
    if (planned.data_empty && !planned.in_sync && !now.data_empty) {
        return "it had no data, and has some now";
    }
    if (!planned.data_empty && now.data_empty) return "it had data, and has none now";
    // A server that falls and is started again is down at one look and runs at the next; what does
    // not serve costs nothing, whichever of the two it needs.
    if (planned.change == now.change || !planned.in_sync) return {};
    return "the plan was: " + words_of(planned.change) +
           "; now it would be: " + words_of(now.change);
}

}  // namespace zk::plan
