// What clients were told, held against the committed history: every answer at its zxid, every event, every session.
// Pure. The world tells the history as it is first applied anywhere, clients tell what they send and hear; the first
// broken promise is complained of in words that name client, session, xid, path, zxids, what was expected and what was
// seen. O(log n) an observation. Memory: replay.h, and what is in flight.
//
// The promises:
// * a write is committed at most once, in the order in which its session sent it, as the state before it demands; its
//   answer is that of its txn; one that was answered is in the history for good;
// * a read is answered with exactly the state at its zxid; zxids never go back for a client, on whatever server;
// * the answer to a sync, and so every read behind it, knows everything that anybody had been told before it was sent;
// * sessions: judge_sessions.h; watches: judge_watches.h.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/time.h"
#include "jute/protocol.h"
#include "sim/judge_sessions.h"
#include "sim/judge_watches.h"
#include "sim/replay.h"
#include "tree/data_tree.h"

namespace zk::sim {

class Judge {
  public:
    using Complain = std::function<void(const std::string&)>;
    Judge(SessionLimits limits, Complain complain);
    Judge(const Judge&) = delete;
    Judge& operator=(const Judge&) = delete;

    // ---- the world

    /// A server is about to log a txn; it may yet be committed or not.
    void on_logged(Zxid zxid, const SharedBytes& bytes);
    /// A server alone is about to log `zxid` right behind `last`, which an earlier life of it may have followed up with
    /// others that are lost.
    void continues(Zxid last, Zxid zxid);
    /// A leader serves with a history that ends at `last`.
    void on_established(Epoch epoch, Zxid last, Instant now);
    /// A server that serves has applied `zxid`, and with it everything before. Before any client can hear of it.
    void on_applied(Zxid zxid, Instant now);
    /// The next txn of the history.
    void on_committed(Zxid zxid, const SharedBytes& bytes, Instant now);
    [[nodiscard]] Zxid committed() const { return replay_.last(); }
    /// When leaders and links change and fail; see judge_sessions.h.
    SessionJudge& sessions() { return sessions_; }
    /// A client's bytes reached its server, or the socket of one that stands still.
    void arrived(std::uint64_t connection, Instant now);
    void unread(std::uint64_t connection, Instant now);
    /// Words on the first difference between a server's tree and the history up to its last zxid; empty when there is
    /// none.
    [[nodiscard]] std::string check(const tree::DataTree& tree) const;

    // ---- clients

    /// A ConnectRequest goes out to a server that has applied everything up to `applied`. `auth`: what this connection
    /// proves before its first request.
    void connecting(int client,
                    std::uint64_t connection,
                    SessionId session,
                    std::vector<jute::AuthId> auth,
                    Zxid applied);
    void connected(std::uint64_t connection, const jute::ConnectResponse& response, Instant now);
    /// A request goes out (addauth is not one: it has no zxid and no state).
    void sent(std::uint64_t connection, Xid xid, OpCode op, Bytes body, Instant now);
    void answered(std::uint64_t connection,
                  const jute::ReplyHeader& header,
                  ByteView body,
                  Instant now);
    /// `zxid`: of the header, where it is to be judged.
    void event(std::uint64_t connection,
               const jute::WatcherEvent& event,
               std::optional<Zxid> zxid = {});
    /// The connection is gone; what was not answered may have happened.
    void closed(std::uint64_t connection);

    [[nodiscard]] std::uint64_t acknowledged() const { return acknowledged_; }
    [[nodiscard]] std::uint64_t reads() const { return reads_; }
    [[nodiscard]] std::uint64_t events() const { return events_; }

  private:
    struct Sent {
        SentRequest request;
        Instant at{};
        Zxid floor;              ///< of a sync: what anybody had been told
        bool committed = false;  ///< its txn is in the history
    };
    using SentRef = std::shared_ptr<Sent>;
    struct Connection {
        int client = 0;
        SessionId session;
        std::vector<jute::AuthId> auth;
        bool ended_before = false;  ///< its server knew already that the session had ended
        std::deque<SentRef> in_flight;
    };
    struct Session {
        std::map<Xid, SentRef> asked;  ///< writes that are not in the history yet
        std::set<Xid> done;            ///< and those that are
        Xid last_done{};
        int connections = 0;
    };

    void check_answer(const std::string& name,
                      const Sent& sent,
                      const jute::ReplyHeader& header,
                      ByteView body);
    void check_write(const std::string& name,
                     const Sent& sent,
                     const jute::ReplyHeader& header,
                     ByteView body);
    void check_read(const std::string& name,
                    const Sent& sent,
                    const jute::ReplyHeader& header,
                    ByteView body);
    void set_watch(std::uint64_t connection, const Sent& sent, const jute::ReplyHeader& header);
    void check_refusal(const jute::Txn& txn, ErrorCode error, Instant now);
    [[nodiscard]] static bool is_judged_write(OpCode op);

    struct Logged {
        SharedBytes bytes;  ///< null: the beginning of an epoch
        Zxid previous;
    };

    Complain complain_;
    std::map<Zxid, Logged> logged_;  ///< not committed yet
    Replay replay_;
    WatchJudge watches_;
    SessionJudge sessions_;
    std::map<std::uint64_t, Connection> connections_;
    std::map<SessionId, Session> by_session_;
    std::map<int, Zxid> seen_;  ///< newest zxid that each client was told
    Zxid told_;                 ///< newest txn that anybody was told
    std::uint64_t acknowledged_ = 0, reads_ = 0, events_ = 0;
};

}  // namespace zk::sim
