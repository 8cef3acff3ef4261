#include "identity/identity.h"

#include <algorithm>
#include <set>

#include "base/check.h"

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

std::string list_of(const std::vector<ServerId>& sids) {
    std::string text;
    for (const ServerId sid : sids) text += (text.empty() ? "" : ", ") + to_string(sid);
    return text;
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
    if (facts.data.myid && *facts.data.myid != spec.sid) {
        return conflict("the data in " + spec.data_dir + " belongs to server " +
                        to_string(*facts.data.myid) + ", not to server " + to_string(spec.sid) +
                        "; correct the inventory, or move that data away");
    }
    if (!facts.data.myid && !facts.identity) {
        return conflict(spec.data_dir +
                        " holds data, but neither a myid nor this host's record "
                        "says whose; write the myid if it is server " +
                        to_string(spec.sid) + "'s, or move it away");
    }
    return std::nullopt;
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

FormationDecision decide_formation(ServerId self,
                                   bool data_matches,
                                   const std::vector<NodeView>& nodes) {
    const auto own = std::find_if(
        nodes.begin(), nodes.end(), [&](const NodeView& node) { return node.sid == self; });
    ZK_ASSERT(own != nodes.end() && own->answers);
    if (own->has_data && !data_matches) {
        return {Formation::conflict, "the data here belongs to another server"};
    }
    if (own->has_data) return {Formation::start, "the data here is this server's own"};

    std::vector<ServerId> silent, with_data, remember;
    std::size_t empty = 0;
    for (const NodeView& node : nodes) {
        if (!node.answers) {
            silent.push_back(node.sid);
            continue;
        }
        if (node.has_data) with_data.push_back(node.sid);
        if (!node.has_data) ++empty;
        if (node.ever_formed) remember.push_back(node.sid);
    }
    const bool formed = !with_data.empty() || !remember.empty();
    if (formed && empty * 2 > nodes.size()) {
        return {Formation::data_loss,
                std::to_string(empty) + " of " + std::to_string(nodes.size()) +
                    " servers are empty, but the ensemble formed before (known to " +
                    list_of(with_data.empty() ? remember : with_data) + ")"};
    }
    if (formed) {
        return {Formation::join,
                "the ensemble formed before (known to " +
                    list_of(with_data.empty() ? remember : with_data) +
                    "), and this disk is empty"};
    }
    if (!silent.empty()) {
        return {Formation::wait,
                "all who answer are empty, but " + list_of(silent) + " may hold data"};
    }
    return {Formation::form, "all servers answer, all are empty, and none has ever formed"};
}

Result<ServerId> find_self(const std::vector<ListedNode>& listed,
                           const std::vector<std::string>& own_addresses) {
    std::vector<ServerId> found;
    for (const ListedNode& node : listed) {
        const bool own = std::find(own_addresses.begin(), own_addresses.end(), node.address) !=
                         own_addresses.end();
        if (own) found.push_back(node.sid);
    }
    if (found.size() == 1) return found.front();
    if (found.empty()) {
        std::string own;
        for (const std::string& address : own_addresses) own += " " + address;
        return Error(Errc::not_found, "no listed server has an address of this host:" + own);
    }
    return Error(Errc::exists, "this host has the addresses of several servers: " + list_of(found));
}

std::optional<AgentError> check_identity(const NodeSpec& spec, const NodeFacts& facts) {
    if (auto wrong = check_record(spec, facts)) return wrong;
    if (auto wrong = check_data(spec, facts)) return wrong;
    return check_forming(spec, facts);
}

bool needs_marker(const NodeSpec& spec, const NodeFacts& facts) {
    return spec.formation == agent_api::Formation::form && facts.data.state != DataState::data &&
           !facts.data.initialize;
}

}  // namespace zk::identity
