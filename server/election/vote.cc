#include "election/vote.h"

#include <tuple>

#include <fmt/core.h>

namespace zk::election {

std::string_view to_string(PeerState state) {
    switch (state) {
        case PeerState::looking:
            return "LOOKING";
        case PeerState::following:
            return "FOLLOWING";
        case PeerState::leading:
            return "LEADING";
        case PeerState::observing:
            return "OBSERVING";
    }
    return "UNKNOWN";
}

std::string to_string(const Vote& vote) {
    return fmt::format("leader={} epoch={} zxid={} round={}",
                       vote.leader.value(),
                       vote.peer_epoch.value(),
                       zk::to_string(vote.zxid),
                       vote.round.value());
}

bool supersedes(const Vote& candidate, const Vote& current) {
    return std::tie(candidate.peer_epoch, candidate.zxid, candidate.leader) >
           std::tie(current.peer_epoch, current.zxid, current.leader);
}

std::string_view to_string(Rule rule) {
    switch (rule) {
        case Rule::epoch:
            return "epoch";
        case Rule::zxid:
            return "zxid";
        case Rule::sid:
            return "sid";
    }
    return "unknown";
}

std::optional<Rule> better_by(const Vote& candidate, const Vote& current) {
    if (!supersedes(candidate, current)) return std::nullopt;
    if (candidate.peer_epoch != current.peer_epoch) return Rule::epoch;
    return candidate.zxid != current.zxid ? Rule::zxid : Rule::sid;
}

bool agrees(const Ballot& a, const Ballot& b) {
    if (a.state == PeerState::looking || b.state == PeerState::looking) return a.vote == b.vote;
    if (a.vote.leader != b.vote.leader) return false;
    const bool one_is_old = (a.version > 0) != (b.version > 0);
    return one_is_old || a.vote.peer_epoch == b.vote.peer_epoch;
}

}  // namespace zk::election
