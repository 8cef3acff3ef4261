#include "identity/identity.h"

#include <optional>
#include <string>

#include "base/ids.h"

namespace zk::identity {
namespace {

using agent_api::AgentErrc;
using agent_api::AgentError;
using agent_api::DataState;
using agent_api::NodeFacts;
using agent_api::NodeSpec;

std::string name_of(const std::string& cluster, ServerId sid, const std::string& generation) {
    return "server " + to_string(sid) + " of " + cluster + " (formation " + generation + ")";
}
AgentError conflict(std::string words) { return {AgentErrc::identity_conflict, std::move(words)}; }

AgentError wrong_disk(const std::string& data_dir,
                      ServerId sid,
                      const std::optional<agent_api::Incarnation>& data,
                      const std::optional<agent_api::Incarnation>& node) {
    return conflict("the data in " + data_dir + " are those of " + words_of(data) + " of server " +
                    to_string(sid) + ", and this host is " + words_of(node) +
                    ": a disk of another time; put the right one back, or wipe this one (zkprov "
                    "wipe " +
                    to_string(sid) + ") and: zkprov replace-node " + to_string(sid));
}

std::optional<AgentError> check_record(const NodeSpec& spec, const NodeFacts& facts) {
    if (!facts.identity) return std::nullopt;
    const auto& record = *facts.identity;
    const bool same = record.cluster == spec.cluster && record.sid == spec.sid &&
                      record.generation == spec.generation;
    if (same || (!record.formed && facts.data.state != DataState::data)) return std::nullopt;
    return conflict("this host is " + name_of(record.cluster, record.sid, record.generation) +
                    " and is asked to become " + name_of(spec.cluster, spec.sid, spec.generation) +
                    "; correct the inventory, or re-image the host if it is to change");
}

std::optional<AgentError> check_data(const NodeSpec& spec, const NodeFacts& facts) {
    if (facts.data.state != DataState::data) return std::nullopt;
    if (const auto& owner = facts.data.owner) {
        const bool same = owner->cluster == spec.cluster && owner->sid == spec.sid &&
                          owner->generation == spec.generation;
        if (!same) {
            return conflict("the data in " + spec.data_dir + " belong to " +
                            name_of(owner->cluster, owner->sid, owner->generation) + ", not to " +
                            name_of(spec.cluster, spec.sid, spec.generation) +
                            "; correct the inventory, or move that data away");
        }
    }
    if (facts.data.myid && *facts.data.myid != spec.sid) {
        return conflict("the data in " + spec.data_dir + " belongs to server " +
                        to_string(*facts.data.myid) + ", not to server " + to_string(spec.sid) +
                        "; correct the inventory, or move that data away");
    }
    if (facts.data.owner_damaged && !facts.identity) {
        return conflict(spec.data_dir + "/" + std::string(agent_api::kDataOwnerFile) +
                        " says whose data these are and cannot be read, and this host has no "
                        "record; restore one of the two, or move the data away");
    }
    // A server alone needs no myid, and one that serves from there says whose they are.
    const bool serves_alone =
        facts.outside && facts.outside->members.empty() && spec.members.size() == 1;
    if (!facts.data.myid && !facts.identity && !facts.data.owner && !serves_alone) {
        return conflict(spec.data_dir +
                        " holds data, but neither a myid nor this host's record "
                        "says whose; write the myid if it is server " +
                        to_string(spec.sid) + "'s, or move it away");
    }
    return std::nullopt;
}

/// The node may be made anew only from an empty disk, and never back.
std::optional<AgentError> check_incarnation(const NodeSpec& spec, const NodeFacts& facts) {
    const bool data = facts.data.state == DataState::data;
    const auto& owner = facts.data.owner;
    if (data && owner && owner->incarnation != spec.incarnation) {
        return wrong_disk(spec.data_dir, spec.sid, owner->incarnation, spec.incarnation);
    }
    if (!facts.identity) return std::nullopt;
    // An apply that never led to an ensemble may have left the record of another node.
    const bool same_node = facts.identity->cluster == spec.cluster &&
                           facts.identity->sid == spec.sid &&
                           facts.identity->generation == spec.generation;
    if (!same_node) return std::nullopt;
    const auto& record = facts.identity->incarnation;
    const bool back = agent_api::number_of(record) > agent_api::number_of(spec.incarnation);
    if (!back && (!data || record == spec.incarnation)) return std::nullopt;
    return conflict("this host is " + words_of(record) + " of server " + to_string(spec.sid) +
                    " and is asked to become " + words_of(spec.incarnation) +
                    (back ? ", which was replaced by it; run the command again"
                          : " with the data that it has; wipe it first (zkprov wipe " +
                                to_string(spec.sid) + ")"));
}

std::optional<AgentError> check_forming(const NodeSpec& spec, const NodeFacts& facts) {
    if (spec.formation != agent_api::Formation::form) return std::nullopt;
    const bool formed = facts.identity && facts.identity->formed;
    if (facts.data.state == DataState::data && !formed) {
        return AgentError{AgentErrc::unsafe,
                          spec.data_dir +
                              " already holds data, so no new ensemble may be formed "
                              "over it; apply without forming, or move that data away"};
    }
    if (facts.data.state != DataState::data && formed && !facts.data.initialize) {
        return AgentError{AgentErrc::unsafe,
                          "this host took part in formation " + spec.generation +
                              " before and has lost its data since; it must join the others "
                              "(zkprov replace-node " +
                              to_string(spec.sid) + ") and not form anew"};
    }
    return std::nullopt;
}

}  // namespace

std::optional<AgentError> check_identity(const NodeSpec& spec, const NodeFacts& facts) {
    if (!facts.data.unreadable.empty()) {
        return AgentError{
            AgentErrc::failed,
            facts.data.unreadable +
                "; whether there are data cannot be known: repair the disk, or mount it"};
    }
    if (auto wrong = check_record(spec, facts)) return wrong;
    if (auto wrong = check_data(spec, facts)) return wrong;
    if (auto wrong = check_incarnation(spec, facts)) return wrong;
    return check_forming(spec, facts);
}

std::optional<AgentError> check_disk(const agent_api::RecordedIdentity& record,
                                     const agent_api::DataFact& data,
                                     const std::string& data_dir) {
    if (data.state != DataState::data || !data.owner) return std::nullopt;
    if (data.owner->incarnation == record.incarnation) return std::nullopt;
    return wrong_disk(data_dir, record.sid, data.owner->incarnation, record.incarnation);
}

bool needs_marker(const NodeSpec& spec, const NodeFacts& facts) {
    return spec.formation == agent_api::Formation::form && facts.data.state != DataState::data &&
           !facts.data.initialize;
}

}  // namespace zk::identity
