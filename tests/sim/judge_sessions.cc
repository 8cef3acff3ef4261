#include "sim/judge_sessions.h"

#include <algorithm>

namespace zk::sim {
namespace {
std::string ms(Duration duration) { return std::to_string(to_ms(duration)) + " ms"; }
}  // namespace

SessionJudge::SessionJudge(SessionLimits limits, Complain complain)
    : limits_(limits), complain_(std::move(complain)) {}

void SessionJudge::created(SessionId id, std::int32_t timeout_ms, Instant now) {
    Session& session = find(id);
    session.created = true;
    session.timeout_ms = timeout_ms;
    session.timeout_max_ms = std::max(session.timeout_max_ms, timeout_ms);
    session.arrived = std::max(session.arrived, now);
}

// The later of when the session became good and when the last trouble was over.
Instant SessionJudge::good_since(const Session& session) const {
    return std::max({*session.good_since, disturbed_ + limits_.stale, established_});
}

std::string SessionJudge::too_early(const Session& session, Instant now) const {
    const Duration timeout = milliseconds(session.timeout_ms);
    if (now < session.heard + timeout) {
        return "its timeout is " + ms(timeout) + " and the leader heard what it sent " +
               ms(now - session.heard) + " ago";
    }
    if (session.good_since && now - session.arrived <= timeout / 3 &&
        now > good_since(session) + timeout + limits_.commit) {
        return "its timeout is " + ms(timeout) + " and all it sent has arrived for " +
               ms(now - good_since(session));
    }
    return {};
}

void SessionJudge::closed(SessionId id, bool asked, Instant now) {
    Session& session = find(id);
    if (session.ended) return;
    session.ended = true;
    if (asked || session.close_asked) return;
    const std::string words = too_early(session, now);
    if (!words.empty()) complain_("session " + to_string(id) + " expires, but " + words);
    session.sends.clear();
    session.proofs.clear();
}

void SessionJudge::committed(Instant now) {
    if (now < looked_ + limits_.tick / 4) return;
    looked_ = now;
    const Instant trouble = std::max({disturbed_ + limits_.stale, delayed_, established_});
    for (auto& [id, session] : sessions_) {
        if (!session.created || session.ended) continue;
        // A bucket, half a tick until a follower passes it on, and the commit.
        const Instant limit = std::max({trouble, session.arrived, session.unread}) +
                              milliseconds(session.timeout_max_ms) + limits_.tick * 3 / 2 +
                              limits_.commit;
        if (now <= limit) continue;
        complain_("session " + to_string(id) + " outlives its timeout of " +
                  std::to_string(session.timeout_max_ms) + " ms: nothing of it has arrived for " +
                  ms(now - session.arrived));
        session.ended = true;  // once
    }
}

void SessionJudge::opened(SessionId id,
                          std::uint64_t connection,
                          std::int32_t timeout_ms,
                          Instant now) {
    Session& session = find(id);
    if (!session.created && !limits_.local_sessions)
        complain_("session " + to_string(id) + " is granted before its txn is committed");
    // A timeout that grew holds from when the leader is told; one that shrank at once.
    session.timeout_ms = std::min(session.timeout_ms, timeout_ms);
    session.timeout_max_ms = std::max(session.timeout_max_ms, timeout_ms);
    session.connection = connection;
    session.good_since = now;
    session.arrived = std::max(session.arrived, now);
    session.sends.clear();
    session.proofs.clear();
}

void SessionJudge::sent(SessionId id, std::uint64_t connection, Instant now) {
    Session& session = find(id);
    if (session.connection != connection || session.ended) return;
    if (session.sends.empty() || session.sends.back() + milliseconds(50) <= now) {
        session.sends.push_back(now);
    }
    if (session.sends.size() > 200) session.sends.pop_front();
}

void SessionJudge::arrived(SessionId id, std::uint64_t connection, Instant now) {
    Session& session = find(id);
    if (session.connection == connection && session.good_since &&
        now - session.arrived > milliseconds(session.timeout_ms) / 3) {
        session.good_since = now;
    }
    session.arrived = std::max(session.arrived, now);
}

// A learner tells its leader of its sessions with the answer to a ping, twice a tick. So something that was sent a tick
// before an answered write had its ping before that answer; and another write behind the answer went the same way as the
// learner's word, behind it.
void SessionJudge::leader_answered(SessionId id,
                                   std::uint64_t connection,
                                   Instant sent_at,
                                   Instant now) {
    Session& session = find(id);
    if (session.connection != connection || session.ended) return;
    while (!session.proofs.empty() && session.proofs.front().first <= sent_at) {
        session.heard = std::max(session.heard, session.proofs.front().second);
        session.proofs.pop_front();
    }
    Instant proven{};
    while (!session.sends.empty() && session.sends.front() <= sent_at - limits_.tick) {
        proven = session.sends.front();
        session.sends.pop_front();
    }
    if (proven != Instant{}) session.proofs.emplace_back(now, proven);
}

void SessionJudge::lost(SessionId id, std::uint64_t connection) {
    Session& session = find(id);
    if (session.connection != connection) return;
    session.connection = 0;
    session.good_since.reset();
    session.sends.clear();
    session.proofs.clear();
}

// A leader that has decided to end a session says so at once; the txn may follow, or fail with the leader. Then the
// reason must hold all the same.
void SessionJudge::told_gone(SessionId id, Instant now) {
    Session& session = find(id);
    if (session.ended || session.close_asked) return;
    const std::string words = too_early(session, now);
    if (!session.created) {
        if (limits_.local_sessions) return;
        complain_("session " + to_string(id) + " was never opened");
    } else if (!words.empty()) {
        complain_("session " + to_string(id) + " is said to be over, but " + words);
    }
}

}  // namespace zk::sim
