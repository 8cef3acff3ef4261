#include "session/session_tracker.h"

#include <algorithm>

#include "base/check.h"

namespace zk::session {

SessionTracker::SessionTracker(Duration tick) : grace_(tick * 5 / 8), width_(tick / 4) {
    ZK_ASSERT(tick.count() >= 8);
}

void SessionTracker::add(SessionId session, std::int32_t timeout_ms, Instant now) {
    const auto [place, is_new] = sessions_.try_emplace(session);
    Session& state = place->second;
    if (!is_new) leave_bucket(session, state);
    state.timeout_ms = timeout_ms;
    if (state.closing) return;
    state.deadline = bucket_of(now, timeout_ms);
    buckets_[state.deadline].insert(session);
}

bool SessionTracker::touch(SessionId session, Instant now) {
    const auto place = sessions_.find(session);
    if (place == sessions_.end() || place->second.closing) return false;
    Session& state = place->second;
    const Instant deadline = bucket_of(now, state.timeout_ms);
    if (deadline == state.deadline) return true;
    leave_bucket(session, state);
    state.deadline = deadline;
    buckets_[deadline].insert(session);
    return true;
}

bool SessionTracker::remove(SessionId session) {
    const auto place = sessions_.find(session);
    if (place == sessions_.end()) return false;
    leave_bucket(session, place->second);
    sessions_.erase(place);
    return true;
}

void SessionTracker::clear() {
    sessions_.clear();
    buckets_.clear();
}

std::optional<std::int32_t> SessionTracker::timeout_ms(SessionId session) const {
    const auto place = sessions_.find(session);
    if (place == sessions_.end()) return std::nullopt;
    return place->second.timeout_ms;
}

std::vector<SessionTimeout> SessionTracker::all() const {
    std::vector<SessionTimeout> sessions;
    sessions.reserve(sessions_.size());
    for (const auto& [session, state] : sessions_) sessions.push_back({session, state.timeout_ms});
    std::sort(sessions.begin(), sessions.end());
    return sessions;
}

void SessionTracker::begin_closing(SessionId session) {
    const auto place = sessions_.find(session);
    if (place == sessions_.end() || place->second.closing) return;
    leave_bucket(session, place->second);
    place->second.closing = true;
}

bool SessionTracker::is_closing(SessionId session) const {
    const auto place = sessions_.find(session);
    return place != sessions_.end() && place->second.closing;
}

void SessionTracker::set_owner(SessionId session, std::int64_t owner) {
    const auto place = sessions_.find(session);
    if (place != sessions_.end()) place->second.owner = owner;
}

std::optional<std::int64_t> SessionTracker::owner(SessionId session) const {
    const auto place = sessions_.find(session);
    if (place == sessions_.end()) return std::nullopt;
    return place->second.owner;
}

std::vector<SessionId> SessionTracker::expire(Instant now) {
    std::vector<SessionId> expired;
    while (!buckets_.empty() && buckets_.begin()->first <= now) {
        for (const SessionId session : buckets_.begin()->second) {
            sessions_.at(session).closing = true;
            expired.push_back(session);
        }
        buckets_.erase(buckets_.begin());
    }
    return expired;
}

std::optional<Instant> SessionTracker::next_deadline() const {
    if (buckets_.empty()) return std::nullopt;
    return buckets_.begin()->first;
}

void SessionTracker::restart_all(Instant now) {
    buckets_.clear();
    for (auto& [session, state] : sessions_) {
        state.closing = false;
        state.owner.reset();
        state.deadline = bucket_of(now, state.timeout_ms);
        buckets_[state.deadline].insert(session);
    }
}

Instant SessionTracker::bucket_of(Instant now, std::int32_t timeout_ms) const {
    const Duration until = now.time_since_epoch() + milliseconds(timeout_ms) + grace_;
    return Instant((until / width_ + 1) * width_);
}

void SessionTracker::leave_bucket(SessionId session, const Session& state) {
    if (state.closing) return;
    const auto bucket = buckets_.find(state.deadline);
    ZK_ASSERT(bucket != buckets_.end() && bucket->second.erase(session) == 1);
    if (bucket->second.empty()) buckets_.erase(bucket);
}

}  // namespace zk::session
