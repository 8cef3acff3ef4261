#include "election/mistrust.h"

#include <tuple>
#include <utility>

#include "base/check.h"
#include "base/limits.h"

namespace zk::election {

std::string_view to_string(Mistrust::Doubt doubt) {
    switch (doubt) {
        case Mistrust::Doubt::none:
            return "none";
        case Mistrust::Doubt::round:
            return "round";
        case Mistrust::Doubt::epoch:
            return "epoch";
        case Mistrust::Doubt::absent_leader:
            return "absent_leader";
    }
    return "unknown";
}

Round next_round(Round round) { return round < kRoundMax ? Round(round.value() + 1) : Round(1); }

void Mistrust::begin(Zxid last_zxid,
                     Epoch current_epoch,
                     std::optional<ServerId> absent,
                     Instant now) {
    last_zxid_ = last_zxid;
    current_epoch_ = current_epoch;
    std::erase_if(absent_until_, [&](const auto& entry) { return entry.second <= now; });
    if (absent && *absent != my_id_) absent_until_[*absent] = now + kAbsent;
}

Mistrust::Doubt Mistrust::doubt(ServerId from,
                                Origin origin,
                                const Notification& notification,
                                Instant now) {
    const Vote& vote = notification.vote;
    if (vote.round > kRoundMax || vote.round < Round(0)) {
        ZK_COVERED("election.absurd_round");
        return Doubt::round;
    }
    if (vote.peer_epoch > kEpochMax || vote.zxid.epoch() > kEpochMax) return Doubt::epoch;
    if (notification.state == PeerState::looking) {
        // A server that has a leader is believed whatever the epoch: it needs a majority beside it.
        const std::int64_t most = current_epoch_.value() + limits::kEpochStep;
        if (vote.peer_epoch.value() > most || vote.zxid.epoch().value() > most) {
            ZK_COVERED("election.absurd_epoch");
            return Doubt::epoch;
        }
    }
    if (notification.state != PeerState::looking) return Doubt::none;
    const auto found = absent_until_.find(vote.leader);
    if (found == absent_until_.end()) return Doubt::none;
    const bool its_own_word = from == vote.leader && origin != Origin::foreign;
    if (its_own_word || found->second <= now) {
        absent_until_.erase(found);
        return Doubt::none;
    }
    ZK_COVERED("election.absent_leader");
    return Doubt::absent_leader;
}

bool Mistrust::flatters(const Vote& vote) const {
    return vote.leader == my_id_ &&
           std::tie(vote.peer_epoch, vote.zxid) > std::tie(current_epoch_, last_zxid_);
}

}  // namespace zk::election
