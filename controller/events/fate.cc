#include "events/fate.h"

#include <algorithm>

#include <fmt/core.h>

namespace zk::events {
namespace {

using agent_api::Cause;
using agent_api::ElectionRecord;
using agent_api::Role;
using election::Search;

/// Agents look each second, and a silence counts after three looks.
constexpr std::int64_t kLooksMs = 5000;

std::int64_t our_ms(WallMs at, const Witness& witness) {
    return at.value() - to_ms(witness.word.clock_ahead);
}

Fate known(ServerId leader, std::string cause, const std::string& words) {
    return {leader, std::move(cause), fmt::format("server {}: {}", leader.value(), words)};
}
Fate went_on(ServerId leader, Epoch epoch) {
    return known(
        leader,
        "network",
        fmt::format("it went on leading in epoch {}, so the way to it was lost", epoch.value()));
}
Fate not_known(ServerId leader, const std::string& why) {
    return {leader,
            "unknown",
            fmt::format("what became of server {} is not known: {}", leader.value(), why)};
}

/// As its agent saw its reign end; nothing while that reign is its last word.
std::optional<Fate> by_agent(const Witness& leader, Epoch epoch, std::int64_t lost_ms) {
    const auto& changes = leader.changes;
    const auto reigns = [&](const ElectionRecord& record) {
        return record.entry.role == Role::leader && record.entry.epoch == epoch;
    };
    const auto last = std::find_if(changes.rbegin(), changes.rend(), reigns);
    if (last == changes.rend() || last == changes.rbegin()) return std::nullopt;
    const ElectionRecord& next = *last.base();
    const ServerId sid = leader.word.sid;
    if (our_ms(next.entry.at, leader) <= lost_ms + kLooksMs) {
        if (next.cause == Cause::unknown) return not_known(sid, "its agent does not know");
        return known(sid, std::string(to_string(next.cause)), words_of(next));
    }
    if (next.agent_away) return not_known(sid, "its agent did not look then");
    return went_on(sid, epoch);
}

/// As its server tells it.
std::optional<Fate> by_server(const Witness& leader, Epoch epoch, std::int64_t lost_ms) {
    if (!leader.word.searches) return std::nullopt;
    const auto& searches = *leader.word.searches;
    const auto led = [&](const Search& search) {
        return search.serving && search.serving->epoch == epoch && search.decided &&
               search.decided->state == election::PeerState::leading;
    };
    const auto reign = std::find_if(searches.begin(), searches.end(), led);
    if (reign == searches.end()) return std::nullopt;
    if (reign->ended) {
        const std::int64_t ended =
            our_ms(WallMs(reign->began.value() + to_ms(reign->ended->after)), leader);
        if (ended > lost_ms + kLooksMs) return went_on(leader.word.sid, epoch);
        return known(leader.word.sid, "role_left", reign->ended->why);
    }
    // Only a server that speaks now says of itself that it still leads.
    const auto place = static_cast<std::size_t>(reign - searches.begin());
    if (place < leader.word.kept) return std::nullopt;
    return went_on(leader.word.sid, epoch);
}

}  // namespace

std::optional<Fate> fate_of_leader(const std::vector<Witness>& witnesses,
                                   const Witness& loser,
                                   std::size_t index) {
    const ElectionRecord& lost = loser.changes.at(index);
    if (lost.cause != Cause::leader_lost || index == 0) return std::nullopt;
    const agent_api::ElectionEntry& before = loser.changes[index - 1].entry;
    if (!before.leader || !before.epoch || *before.leader == loser.word.sid) return std::nullopt;
    const ServerId sid = *before.leader;
    const auto leader = std::ranges::find_if(
        witnesses, [&](const Witness& witness) { return witness.word.sid == sid; });
    if (leader == witnesses.end()) return not_known(sid, "it is not in the inventory");
    const std::int64_t lost_ms = our_ms(lost.cause_at.value_or(lost.entry.at), loser);
    if (auto fate = by_agent(*leader, *before.epoch, lost_ms)) return fate;
    if (auto fate = by_server(*leader, *before.epoch, lost_ms)) return fate;
    return not_known(sid,
                     leader->silence.empty() ? "neither its agent nor its server tells"
                                             : "its agent does not answer");
}

}  // namespace zk::events
