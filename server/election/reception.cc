// Callers of the election port. See reception.h.
#include "election/reception.h"

#include <algorithm>
#include <limits>
#include <utility>

namespace zk::election {
namespace {
constexpr std::int64_t kAnonymousObserver = std::numeric_limits<std::int64_t>::max();
}  // namespace

std::optional<Reception::GreetingId> Reception::greets(GreetingId id) {
    std::optional<GreetingId> oldest;
    if (greetings_.size() >= kGreetingsMax) {
        oldest = greetings_.front();
        greetings_.pop_front();
    }
    greetings_.push_back(id);
    return oldest;
}

void Reception::greeting_ended(GreetingId id) { std::erase(greetings_, id); }

Reception::Answer Reception::welcome(ServerId sid, Origin origin, Instant now) {
    if (sid == my_id_) return {Welcome::own_id};
    if (sid.value() == kAnonymousObserver) return {Welcome::anonymous};
    const auto found = known_.find(sid);
    if (found != known_.end() && found->second.connected && origin > *found->second.connected) {
        // An impostor, or the member by another way: its own connection stands, until it dies.
        return {Welcome::impostor, !std::exchange(found->second.impostor_told, true)};
    }
    Answer answer{sid > my_id_ ? Welcome::stays : Welcome::call_back};
    if (!is_member(sid) && found == known_.end()) answer.leaves = make_room();
    known_.try_emplace(sid, Known{.since = now});
    return answer;
}

std::optional<ServerId> Reception::make_room() {
    std::size_t strangers = 0;
    auto oldest = known_.end();
    for (auto it = known_.begin(); it != known_.end(); ++it) {
        if (is_member(it->first)) continue;
        ++strangers;
        if (oldest == known_.end() || it->second.since < oldest->second.since) oldest = it;
    }
    if (strangers < kStrangersMax) return std::nullopt;
    const ServerId leaves = oldest->first;
    known_.erase(oldest);
    return leaves;
}

void Reception::connected(ServerId sid, Origin origin, Instant now) {
    known_[sid] = Known{.connected = origin, .since = now};
}

void Reception::disconnected(ServerId sid) {
    const auto found = known_.find(sid);
    if (found != known_.end()) found->second.connected.reset();
}

void Reception::forget(ServerId sid) {
    if (!is_member(sid)) known_.erase(sid);
}

}  // namespace zk::election
