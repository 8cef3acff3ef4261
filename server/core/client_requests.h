// What clients of this server have asked of the core and have not been told yet: until the txn that answers is applied, the
// leader has said a word, or the role ends. Pure. Lives on the core loop; part of a Core.
//
// A follower and a leader remember alike. What a request becomes on its way (forwarded, queued, proposed) is not known here.
// Also here: which answers frontends have not heard yet, and so which requests must wait for reads in front of them
// (core/turn.h, the fourth rule).
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "base/bytes.h"
#include "base/ids.h"
#include "core/request_queue.h"
#include "jute/codes.h"
#include "request/outcome.h"
#include "request/request.h"

namespace zk::core {

class ClientRequests {
  public:
    // ---- what clients ask

    /// A write or a closeSession: its txn has this session and xid. The closeSession of a local session has none.
    void asked(const request::ClientRequest& request, bool local_session = false);
    /// A sync. Gives the token by which it is answered.
    std::uint64_t sync_asked(const request::ClientRequest& request);
    /// A new session, which is to have the id `session`.
    void open_asked(SessionId session, const request::OpenSession& request);
    /// Whether the session may go on here is for the leader to say.
    void reattach_asked(const request::ReattachSession& request);

    // ---- answers; each is asked for once, and forgotten then

    /// The request that the txn of this session and cxid answers, if it is one of ours: the oldest of its session.
    struct Asked {
        request::Origin origin;
        OpCode op{};
        bool local_session = false;  ///< it asked as one
    };
    std::optional<Asked> answered_by(SessionId session, Xid cxid, bool closes);
    /// The closeSession of a local session, once nothing is asked before it.
    struct Close {
        request::Origin origin;
        Xid xid;
    };
    std::optional<Close> closed_locally(SessionId session);
    std::optional<request::Origin> opened(SessionId session);
    std::optional<request::ReattachSession> reattached(SessionId session);
    /// The reply to a sync, at this zxid.
    std::optional<request::Reply> synced(std::uint64_t token, Zxid zxid);

    /// The session has ended: nothing it asked for is answered any more.
    void forget(SessionId session) {
        asked_.erase(session);
        goes_on_at_.erase(session);
    }
    /// The role has ended, and nothing is answered any more.
    void clear();

    // ---- the order of one client's requests

    /// The frontend of this client loop has heard all answers.
    void heard(std::uint32_t loop);
    /// A read of the same client comes before this one, and waits for an answer that is not heard yet: the client loop where
    /// it waits.
    [[nodiscard]] std::optional<std::uint32_t> waits_for_reads(SessionId session, Xid cxid) const;
    [[nodiscard]] std::optional<std::uint32_t> sync_waits_for_reads(std::uint64_t token) const;
    /// False: then nothing waits for reads.
    [[nodiscard]] bool any_unheard() const;

    // ---- sessions that come back

    /// The session goes on at this connection; what another one of this server may still ask for it comes too late.
    void goes_on_at(SessionId session, const request::Origin& origin) {
        goes_on_at_[session] = origin;
    }
    [[nodiscard]] bool comes_too_late(const request::ClientRequest& request) const;

    /// How many wait for an answer; reattachments do not count.
    [[nodiscard]] std::size_t size() const;

  private:
    struct Request {
        request::Origin origin;
        Xid xid;
        OpCode op{};
        bool behind_read = false;
        bool local_session = false;
    };
    struct Sync {
        request::Origin origin;
        SessionId session;
        Xid xid;
        Bytes body;
        bool behind_read = false;
    };

    /// A queue stays, empty, until its session or the role ends: most sessions ask again.
    std::unordered_map<SessionId, RequestQueue<Request>> asked_;
    std::map<SessionId, request::Origin> opens_;
    std::map<SessionId, std::deque<request::ReattachSession>> reattaches_;
    std::map<std::uint64_t, Sync> syncs_;
    std::uint64_t next_sync_ = 1;
    [[nodiscard]] bool is_unheard(const request::Origin& origin, SessionId session) const {
        return origin.loop < unheard_.size() && unheard_[origin.loop].contains(session);
    }
    void unheard(const request::Origin& origin, SessionId session);

    /// By client loop: sessions with answers that its frontend has not heard.
    std::vector<std::unordered_set<SessionId>> unheard_;
    /// Of sessions that have come back to this server.
    std::unordered_map<SessionId, request::Origin> goes_on_at_;
};

}  // namespace zk::core
