// Which sessions live, until when, and on which connection or learner.
// Pure. Lives on the core loop; the leader (or a standalone server) expires, learners only keep the
// table. Sessions expire together in buckets of a quarter of a tick, between 5/8 and 7/8 of a tick
// after their timeout has passed since they were last heard of: never early, at most a tick late
// with the ticks of the core between. The grace is for learners, which tell a leader up to half a
// tick later whom they have heard; ZooKeeper's rule (SessionTrackerImpl, ExpiryQueue: buckets of a
// tick) gives nearly none to some and a whole tick to others.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <unordered_map>
#include <vector>

#include "base/ids.h"
#include "base/time.h"

namespace zk::session {

struct SessionTimeout {
    SessionId session;
    std::int32_t timeout_ms = 0;
    friend auto operator<=>(const SessionTimeout&, const SessionTimeout&) = default;
};

class SessionTracker {
  public:
    /// REQUIRES: tick >= 8 microseconds.
    explicit SessionTracker(Duration tick);

    /// Adds the session, or sets the timeout of a known one, and touches it.
    void add(SessionId session, std::int32_t timeout_ms, Instant now);
    /// Puts the deadline off by the timeout. False if the session is unknown or closing.
    bool touch(SessionId session, Instant now);
    /// False if it was unknown.
    bool remove(SessionId session);
    void clear();

    [[nodiscard]] bool contains(SessionId session) const { return sessions_.contains(session); }
    [[nodiscard]] std::optional<std::int32_t> timeout_ms(SessionId session) const;
    [[nodiscard]] std::size_t size() const { return sessions_.size(); }
    /// Sorted by id.
    [[nodiscard]] std::vector<SessionTimeout> all() const;

    /// From now on the session only waits for its closeSession txn: it is not touched and does not
    /// expire (again).
    void begin_closing(SessionId session);
    [[nodiscard]] bool is_closing(SessionId session) const;

    /// An opaque token of who serves the session (a loop, a learner); nullopt: unknown session or
    /// never set.
    void set_owner(SessionId session, std::int64_t owner);
    [[nodiscard]] std::optional<std::int64_t> owner(SessionId session) const;

    /// Marks the sessions whose bucket has passed as closing and returns them: by bucket, then by
    /// id.
    std::vector<SessionId> expire(Instant now);
    /// Who expires together, by time.
    [[nodiscard]] const std::map<Instant, std::set<SessionId>>& buckets() const { return buckets_; }
    /// When expire() has something to do next; nullopt without sessions.
    [[nodiscard]] std::optional<Instant> next_deadline() const;
    /// Gives every session its full timeout again and forgets who was closing and owners: a new
    /// leader begins.
    void restart_all(Instant now);

  private:
    struct Session {
        std::int32_t timeout_ms = 0;
        Instant deadline;  ///< its bucket; without meaning while closing
        bool closing = false;
        std::optional<std::int64_t> owner;
    };
    [[nodiscard]] Instant bucket_of(Instant now, std::int32_t timeout_ms) const;
    void leave_bucket(SessionId session, const Session& state);

    Duration grace_;
    Duration width_;  ///< of a bucket
    std::unordered_map<SessionId, Session> sessions_;
    std::map<Instant, std::set<SessionId>> buckets_;
};

}  // namespace zk::session
