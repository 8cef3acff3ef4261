// Judge of sessions: none ends that was heard in time, none outlives its limit, nobody is told of an end that is none.
// Pure. What it takes for proof is conservative: a server may be kinder than it must, and time lost on the way is never
// held against it. All times are virtual.
#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "base/ids.h"
#include "base/time.h"

namespace zk::sim {

struct SessionLimits {
    Duration tick = std::chrono::seconds(1);  ///< expiry is by buckets of this
    /// A disturbance may be felt for so long: a follower's patience.
    Duration stale = std::chrono::seconds(6);
    /// From the decision to expire to its txn, undisturbed.
    Duration commit = std::chrono::seconds(2);
    /// Sessions begin as ones that a single server knows: such a one has no txn, and is over for all other servers.
    bool local_sessions = false;
};

class SessionJudge {
  public:
    using Complain = std::function<void(const std::string&)>;
    SessionJudge(SessionLimits limits, Complain complain);

    // The history.
    void created(SessionId session, std::int32_t timeout_ms, Instant now);
    /// `asked`: by the client's own closeSession.
    void closed(SessionId session, bool asked, Instant now);
    /// Some txn was committed: there is a leader, and what is overdue should be gone.
    void committed(Instant now);

    // The world.
    void leader_established(Instant now) { established_ = now; }
    /// Links or servers failed, or a server other than the leader stood still, until `until`.
    void disturbed(Instant until) { disturbed_ = std::max(disturbed_, until); }
    /// Everything may be late until `until`: no excuse for an early end, one for a late end.
    void delayed(Instant until) { delayed_ = std::max(delayed_, until); }

    // Clients.
    /// A connection (again) speaks for the session.
    void opened(SessionId session, std::uint64_t connection, std::int32_t timeout_ms, Instant now);
    void sent(SessionId session, std::uint64_t connection, Instant now);
    /// Bytes reached the server or its socket.
    void arrived(SessionId session, std::uint64_t connection, Instant now);
    /// The server does not read what the client sends, and keeps the session alive itself.
    void unread(SessionId session, Instant now) { find(session).unread = now; }
    /// A write or a sync that was sent at `sent_at` was answered.
    void leader_answered(SessionId session, std::uint64_t connection, Instant sent_at, Instant now);
    void lost(SessionId session, std::uint64_t connection);
    void close_asked(SessionId session) { find(session).close_asked = true; }
    /// A client was told that the session is over.
    void told_gone(SessionId session, Instant now);
    /// A request was refused because the session is over or ending.
    void refused(SessionId session, Instant now) { told_gone(session, now); }

  private:
    struct Session {
        std::int32_t timeout_ms = 0;      ///< the shortest a server has granted of late
        std::int32_t timeout_max_ms = 0;  ///< the longest ever
        bool created = false, ended = false, close_asked = false;
        std::uint64_t connection = 0;  ///< that speaks for it; 0: none
        Instant heard{};               ///< the leader certainly heard something that was sent then
        std::deque<Instant> sends;     ///< on this connection, the newest ones
        std::deque<std::pair<Instant, Instant>> proofs;  ///< answered at, proves what was sent then
        std::optional<Instant> good_since;               ///< nothing was silent or disturbed since
        Instant arrived{}, unread{};
    };
    Session& find(SessionId session) { return sessions_[session]; }
    [[nodiscard]] Instant good_since(const Session& session) const;
    /// Words when `session` has no reason to end at `now`.
    [[nodiscard]] std::string too_early(const Session& session, Instant now) const;

    SessionLimits limits_;
    Complain complain_;
    std::map<SessionId, Session> sessions_;
    Instant established_{}, disturbed_{}, delayed_{}, looked_{};
};

}  // namespace zk::sim
