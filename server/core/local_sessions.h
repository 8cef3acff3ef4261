// Sessions that live on this server alone: no txn opens or ends them, no other server knows them, and they own nothing in
// the tree. Those of localSessionsEnabled, and those that a server in read-only mode gives to its clients.
// Pure. Lives on the core loop; part of a Core. Source: ZooKeeper LocalSessionTracker, UpgradeableSessionTracker,
// LeaderSessionTracker.checkSession; docs/PROTOCOL.md 1.5.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/ids.h"
#include "base/time.h"
#include "session/session_tracker.h"

namespace zk::core {

/// localSessionsEnabled and localSessionsUpgradingEnabled. The same at all members.
enum class LocalSessionMode {
    off,
    on,          ///< they may have no ephemerals
    upgradable,  ///< the first ephemeral makes a session known to all
};

class LocalSessions {
  public:
    /// REQUIRES: tick >= 8 microseconds.
    LocalSessions(LocalSessionMode mode, Duration tick) : mode_(mode), sessions_(tick) {}

    /// Every session gets its full timeout. Those of a read-only server end with it, unless local sessions are enabled.
    void begin_serving(bool read_only, Instant now);

    /// A new session is a local one.
    [[nodiscard]] bool wanted() const { return mode_ != LocalSessionMode::off || read_only_; }
    /// Adds the session, or sets the timeout of one that comes back.
    void open(SessionId session, std::int32_t timeout_ms, Instant now) {
        sessions_.add(session, timeout_ms, now);
    }
    [[nodiscard]] bool contains(SessionId session) const { return sessions_.contains(session); }
    [[nodiscard]] std::size_t size() const { return sessions_.size(); }
    [[nodiscard]] const session::SessionTracker& tracker() const { return sessions_; }
    /// False if it is none of them.
    bool touch(SessionId session, Instant now) { return sessions_.touch(session, now); }
    /// False if it was none of them.
    bool end(SessionId session) { return sessions_.remove(session); }
    /// Those whose time is over, which are none from now on.
    std::vector<SessionId> expire(Instant now);

    /// From now on it is none of them: its timeout in ms. Nothing when sessions stay as they are.
    std::optional<std::int32_t> upgrade(SessionId session);

    /// Where txns are made: a session that nobody has opened here may be a local one of this server, or of another. Not
    /// that it is one: a session that has ended looks the same.
    [[nodiscard]] bool may_be_local(SessionId session, ServerId me) const;

  private:
    LocalSessionMode mode_;
    bool read_only_ = false;
    session::SessionTracker sessions_;
};

}  // namespace zk::core
