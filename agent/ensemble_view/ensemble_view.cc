#include "ensemble_view/ensemble_view.h"

#include <algorithm>

#include <boost/json.hpp>

#include "ensemble_judge/ensemble_judge.h"
#include "ensemble_judge/verdict_json.h"

namespace zk::ensemble_view {
namespace {

namespace json = boost::json;
using ensemble_judge::NodeStatus;

const Peer* find_peer(const Look& look, ServerId sid) {
    const auto found = std::ranges::find(look.peers, sid, &Peer::sid);
    return found == look.peers.end() ? nullptr : &*found;
}

bool counts(const Peer& peer) {
    return peer.health && peer.heard_ms <= (peer.failure.empty() ? kSilentMsMax : kMissedMsMax);
}

std::string silence_of(const Peer& peer) {
    return peer.failure.empty() ? "it takes its time" : peer.failure;
}

NodeStatus own_status(const Look& look) {
    NodeStatus status;
    status.id = look.self;
    status.health = look.own;
    status.clock.emplace();
    return status;
}

NodeStatus status_of(const Look& look, ServerId sid) {
    if (sid == look.self) return own_status(look);
    NodeStatus status;
    status.id = sid;
    const Peer* const peer = find_peer(look, sid);
    if (peer == nullptr || (!peer->health && !peer->asked)) {
        status.silence = "it has only now been asked";
        return status;
    }
    if (counts(*peer)) {
        status.health = peer->health;
        status.health->age_ms += peer->heard_ms;
        status.clock = peer->clock;
    } else {
        status.silence = silence_of(*peer);
    }
    return status;
}

/// The difference that the time of the question cannot explain.
std::int64_t clock_ahead_ms(const Peer& peer) {
    if (!peer.clock) return 0;
    const auto& [ahead, uncertain] = *peer.clock;
    return ahead <= uncertain && ahead >= -uncertain ? 0 : to_ms(ahead);
}

/// What the judge does not know of: who says it, how long ago, and what a silent node was last.
void add_hearsay(json::object& node, const Look& look, ServerId sid) {
    const bool self = sid == look.self;
    const Peer* const peer = self ? nullptr : find_peer(look, sid);
    node["self"] = self;
    node["pending"] = !self && (peer == nullptr || !peer->asked);
    node["heard_ms"] = nullptr;
    node["clock_ahead_ms"] = peer == nullptr ? 0 : clock_ahead_ms(*peer);
    node["last"] = nullptr;
    if (self) node["heard_ms"] = 0;
    if (peer == nullptr || !peer->health) return;
    node["heard_ms"] = peer->heard_ms;
    if (counts(*peer)) return;
    json::object last;
    ensemble_judge::add_health(last, *peer->health);
    node["last"] = std::move(last);
}

}  // namespace

std::string ensemble_json(const Look& look) {
    ensemble_judge::Expected expected;
    expected.cluster = look.cluster;
    std::vector<NodeStatus> statuses;
    std::vector<agent_api::MemberSpec> members = look.members;
    if (members.empty()) {
        members.emplace_back();
        members.back().sid = look.self;
    }
    for (const agent_api::MemberSpec& member : members) {
        expected.nodes.push_back({member.sid, member.host});
        statuses.push_back(status_of(look, member.sid));
    }
    const auto verdict = ensemble_judge::judge(expected, statuses);
    json::object document;
    document["schema"] = "zkprov-ensemble/1";
    document["asked"] = look.self.value();
    document["at_ms"] = look.now.value();
    document["headline"] = json::string(headline(verdict));
    ensemble_judge::add_verdict(document, verdict);
    if (look.members.empty()) {
        document["headline"] = "zkprov has not told this agent who belongs to the ensemble";
        document["verdict"] = "unknown";
    }
    for (json::value& each : document["nodes"].as_array()) {
        json::object& node = each.as_object();
        add_hearsay(node, look, ServerId(node["id"].as_int64()));
    }
    return json::serialize(document) + "\n";
}

}  // namespace zk::ensemble_view
