// The connections of one client loop: handshakes, request order, reads, watches, identities.
// Pure: bytes, messages of the core and the time go in; bytes, messages to the core and orders to
// sockets come out. Lives on its client loop. Not thread-safe.
//
// frontend/turn drives it:
//   * on_open, on_bytes, on_closed for each connection; every on_open is followed by exactly one on_closed, whoever ended
//     the connection.
//   * on_core with everything the core has said since the last call, *before* any other call that may read the tree: then
//     a client sees the event of a change before it sees the change.
//   * For each connection in Out::changed: take() its bytes and orders. While writing(), only look at closing(); when the
//     write finishes: on_written, which lists it again. Bytes that are not taken count against the connection: beyond a
//     limit its requests wait, and its socket is not read.
//   * on_tick about once a second, when everything that lies in the sockets has been heard.
// Bytes of requests that wait for their answers are bounded, for a connection and for the loop; see bounds.cc.
// Source: ZooKeeper NIOServerCnxn, ZooKeeperServer, CommitProcessor, FinalRequestProcessor.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/time.h"
#include "base/working_time.h"
#include "frontend/connection_throttle.h"
#include "frontend/statistics.h"
#include "frontend/watches.h"
#include "jute/codes.h"
#include "jute/protocol.h"
#include "request/outcome.h"
#include "request/request.h"
#include "tree/acl.h"
#include "tree/data_tree.h"

namespace zk::frontend {

class Connection;
struct Orphan;
struct ParkedRequest;

struct Settings {
    std::uint32_t loop = 0;                       ///< this client loop's number, in every Origin
    std::int32_t session_timeout_min_ms = 4000;   ///< minSessionTimeout
    std::int32_t session_timeout_max_ms = 40000;  ///< maxSessionTimeout
    /// jute.maxbuffer: longest client frame.
    std::int32_t jute_max_buffer = limits::kJuteMaxBuffer;
    /// globalOutstandingLimit, for this loop. Beyond it a connection waits that has its share of it at the core: those
    /// that ask share it evenly, and one request of each is always let in.
    std::int64_t outstanding_max = 1000;
    std::string super_digest;               ///< "super:<base64>"; empty: nobody is super
    std::string digest_algorithm = "SHA1";  ///< DigestAuthenticationProvider.digestAlg
    tree::AccessRules access{};
    /// nio.sessionlessCnxnTimeout: a connection without ConnectRequest ends after this, looked at with each on_tick().
    milliseconds sessionless_max{10'000};
    /// enforce.auth.schemes, where enforce.auth.enabled: who has proven none of these may only prove one. Empty: all may
    /// ask.
    std::vector<std::string> required_schemes;
    bool local_sessions = false;  ///< new sessions are local ones: they weigh less for the throttle
    ConnectionThrottle::Settings connection_throttle{};
    std::shared_ptr<Throttle> throttle{};  ///< instead of one of its own: that of all loops
    /// request_throttle_max_requests: with so many at the core nobody's next request is taken; 0: no limit.
    std::int64_t request_throttle_max = 0;
    /// throttled_op_wait_time: a request that has waited longer is answered with -127; 0: it waits.
    milliseconds throttled_op_wait{0};
    /// largeRequestThreshold: longer requests are large; -1: none is.
    std::int64_t large_request_threshold = -1;
    /// largeRequestMaxBytes: of large requests at the core. Who sends one beyond it is closed.
    std::int64_t large_request_bytes_max = 100LL << 20;
    /// Bytes of requests that were taken from one connection and are not answered yet. Beyond it
    /// its socket is not read. One request is always let in, whatever its size.
    std::size_t connection_bytes_max = limits::kConnectionBytesMax;
    /// The same over all connections of the loop. Who waits longest is let in first.
    std::size_t loop_bytes_max = limits::kClientLoopBytesMax;
    /// A connection never waits for others with this much: small clients do not notice large ones.
    std::size_t small_bytes_max = limits::kSmallBytesMax;
    /// Bytes of answers and events that clients have not taken, over all connections of the loop.
    /// Beyond it a connection's requests wait when its share of them (output_share()) is not taken, and larger answers wait
    /// for room: who waits longest is answered first.
    std::size_t loop_output_bytes_max = limits::kClientOutputBytesMax;
    /// What nothing can hold back (events, reads in front of a write under way) ends here: those who have left most are
    /// closed.
    std::size_t loop_output_bytes_end = limits::kClientOutputBytesEnd;
    /// Longest answer of a multiRead.
    std::size_t multi_read_bytes_max = limits::kMultiReadBytesMax;
    /// What the watches of the loop may cost (Watches::bytes). Beyond it the connection that has most is closed.
    std::size_t watch_bytes_max = limits::kWatchBytesMax;
};

/// Where a connection comes from.
struct Peer {
    std::string address;  ///< textual, without port: the connection's identity of scheme ip
    std::uint16_t port = 0;
};

/// A four-letter word arrived instead of a ConnectRequest: answer it with raw text, then close.
struct FourLetterAsked {
    ConnectionId connection = 0;
    std::string word;
    Bytes argument;  ///< of `stmk`: its eight bytes
};

/// What calls ask for. The caller empties it; it is reused.
struct Out {
    std::vector<request::ToCore> to_core;
    std::vector<ConnectionId> changed;  ///< each once: take() them
    std::vector<FourLetterAsked> four_letter;

    void clear() {
        to_core.clear();
        changed.clear();
        four_letter.clear();
    }
};

enum class Close {
    no,
    after_flush,  ///< when everything taken so far has been written
    at_once,
};

/// What a socket is to do.
struct Orders {
    Close close = Close::no;
    bool read = true;  ///< false: leave the bytes in the kernel until told otherwise
};

class Frontend {
  public:
    /// `tree` is the core's; it is read during calls only. Begins not serving.
    Frontend(Settings settings, const tree::DataTree& tree, Log log);
    ~Frontend();
    Frontend(const Frontend&) = delete;
    Frontend& operator=(const Frontend&) = delete;

    /// The core has another tree object (after a SNAP). Watches stay.
    void set_tree(const tree::DataTree& tree) { tree_ = &tree; }

    void on_open(ConnectionId id, Peer peer, Instant now);
    void on_bytes(ConnectionId id, ByteView bytes, Instant now, Out& out);
    /// What was taken has been written to the socket.
    void on_written(ConnectionId id, Instant now, Out& out);
    /// The socket is gone. Unknown ids are ignored.
    void on_closed(ConnectionId id, Out& out);
    /// Everything the core has said since the last call, in its order.
    void on_core(std::span<request::ToFrontend> messages, Instant now, Out& out);
    /// Wanted about once a second: closes connections that never became a session or fell silent. Limits are measured
    /// in working time: a stop of this process takes nothing from anybody.
    void on_tick(Instant now, Out& out);
    /// The text of a four-letter word; the connection closes after it.
    void answer_four_letter(ConnectionId id, std::string_view text, Out& out);

    /// Goes on with those whose requests cost so much that others had to come first: in a turn of its own.
    void resume(Instant now, Out& out);
    [[nodiscard]] bool has_more() const { return !tired_.empty(); }

    /// Gives the bytes to write next (`bytes` must be empty; its capacity is kept for later output)
    /// and the orders. An unknown id gives Close::at_once.
    Orders take(ConnectionId id, Bytes& bytes);

    /// The orders of take() without taking anything: a connection whose bytes do not get out may
    /// have to close at once.
    [[nodiscard]] Close closing(ConnectionId id) const;
    /// Bytes were taken of it that are not written yet.
    [[nodiscard]] bool writing(ConnectionId id) const;
    /// Out::changed named it while writing(): on_written names it again.
    void pass_over(ConnectionId id);
    /// For checkers, when all that were named have been taken: whoever has something to write is writing().
    [[nodiscard]] bool nobody_forgotten() const;

    [[nodiscard]] bool serving() const { return serving_; }
    /// Bytes of requests that count against Settings::loop_bytes_max now.
    [[nodiscard]] std::size_t held_bytes() const { return held_; }
    /// Bytes of answers and events that clients have not taken.
    [[nodiscard]] std::size_t untaken_bytes() const { return untaken_; }
    [[nodiscard]] Statistics statistics() const;
    /// One entry per open connection, by connection number.
    [[nodiscard]] std::vector<ConnectionStatistics> connections() const;
    /// Who waits for data of which nodes, or for these nodes to come: by path. Not who waits for children; what addWatch
    /// has set counts. As Apache's server tells it.
    [[nodiscard]] std::vector<WatchedPath> watched_paths() const;
    /// `srst`: latencies, packets and sizes of answers.
    void reset_statistics();
    /// `crst`: of every connection that is open.
    void reset_connection_statistics();

  private:
    struct Event {
        EventType type{};
        std::string_view path;
        /// Of the txn; -1 when setWatches tells what happened before.
        Zxid zxid = Zxid(-1);
    };

    // frontend.cc: connections
    Connection* find(ConnectionId id);
    [[nodiscard]] std::vector<ConnectionId> sorted_ids() const;
    void pump(Connection& connection, Instant now, Out& out);
    bool take_frame(Connection& connection, Instant now, Out& out);
    [[nodiscard]] bool is_tired(Connection& connection);
    void run_parked(Connection& connection, Instant now, Out& out);
    void send(Connection& connection, const ParkedRequest& finished, Instant now);
    void count_sent(Connection& connection, std::size_t bytes);
    void close(Connection& connection, Close how, std::string_view why, Out& out);
    void list(Connection& connection, Out& out);
    void list_if_reading_changed(Connection& connection, Out& out);
    [[nodiscard]] bool must_wait(const Connection& connection) const;
    [[nodiscard]] bool blocked(const Connection& connection) const;
    [[nodiscard]] bool output_full(const Connection& connection, std::size_t owed) const;
    void tick(Connection& connection, Instant working, Out& out);
    [[nodiscard]] Duration ends_in(const Connection& connection) const;

    // bounds.cc: bytes that wait
    bool admit(Connection& connection);
    [[nodiscard]] bool throttled(const Connection& connection) const;
    [[nodiscard]] bool too_large(const Connection& connection) const;
    [[nodiscard]] bool has_room(const Connection& connection) const;
    void leave_queue(Connection& connection);
    void account(Connection& connection);
    void let_in(Instant now, Out& out);
    [[nodiscard]] bool stalls(const Connection& connection, Instant working) const;
    [[nodiscard]] std::size_t output_share() const;
    bool answer_waits(Connection& connection, OpCode op, ByteView body);
    void leave_answer_queue(Connection& connection);
    void answer_waiting(Instant now, Out& out);
    void bound_output(Out& out);
    void orphan(Connection& connection);
    void orphan_answered(const request::Reply& message);
    void forget_orphans(SessionId session);
    void age_orphans(Instant working);

    // requests.cc: what clients say
    bool accept_head(Connection& connection, ByteView& bytes, Out& out);
    void accept_connect(Connection& connection, ByteView frame, Instant now, Out& out);
    void accept_request(Connection& connection, ByteView frame, Instant now, Out& out);
    [[nodiscard]] bool is_late(const Connection& connection, OpCode op) const;
    void refuse_late(Connection& connection, Xid xid, OpCode op, Instant now);
    [[nodiscard]] bool may_ask(const Connection& connection) const;
    void refuse_unproven(Connection& connection, Xid xid, OpCode op, Instant now);
    void accept_auth(Connection& connection, Xid xid, ByteView body, Instant now, Out& out);
    void accept_sasl(Connection& connection, Xid xid, ByteView body, Instant now, Out& out);
    void forward(Connection& connection, Xid xid, OpCode op, ByteView body, Instant now, Out& out);
    bool refuse_change(Connection& connection, const jute::RequestHeader& header, Instant now);
    void admit_local(Connection& connection, Xid xid, OpCode op, ByteView body, Instant now);
    void answer_in_turn(Connection& connection, ParkedRequest answer, Instant now);
    void serve(
        Connection& connection, Xid xid, OpCode op, ByteView body, Instant received, Instant now);
    ErrorCode answer_local(Connection& connection, OpCode op, ByteView body, Bytes& out);
    ErrorCode serve_set_watches(Connection& connection, OpCode op, ByteView body);
    void catch_up(Connection& connection, const jute::SetWatchesRequest& request);
    ErrorCode serve_add_watch(Connection& connection, ByteView body, Bytes& out);
    ErrorCode serve_watches(Connection& connection, OpCode op, ByteView body);
    void bound_watches(Out& out);

    // core_messages.cc: what the core says
    void hear(request::SessionOpened& message, Instant now, Out& out);
    void hear(request::Reply& message, Instant now, Out& out);
    void hear(request::Changed& message, Instant now, Out& out);
    void hear(request::SessionGone& message, Instant now, Out& out);
    void hear(request::Serving& message, Instant now, Out& out);
    void reattached_elsewhere(SessionId session, Out& out);
    void fire(const tree::Change& change, Zxid zxid, Out& out);
    void fire(const std::vector<ConnectionId>& watchers,
              const Event& event,
              const tree::AclRef& acl,
              Out& out);
    void send_event(Connection& connection, const Event& event);

    Settings settings_;
    const tree::DataTree* tree_;
    Log log_;
    bool serving_ = false;
    bool read_only_ = false;  ///< serves clients that ask for no more
    std::unordered_map<ConnectionId, std::unique_ptr<Connection>> connections_;
    std::unordered_map<SessionId, ConnectionId> sessions_;
    Watches watches_;
    std::int64_t outstanding_ = 0;  ///< requests at the core, over all connections
    std::int64_t asking_ = 0;       ///< connections that have some there
    Statistics totals_;
    std::shared_ptr<Throttle> throttle_;
    std::vector<ConnectionId> tired_;  ///< wait for resume()
    std::size_t large_held_ = 0;       ///< bytes of large requests at the core
    std::vector<ConnectionId>
        released_;  ///< connections whose next requests can run when all messages are heard

    WorkingTime time_;
    std::size_t held_ = 0;         ///< bytes of requests: of connections, and of orphans_
    std::size_t untaken_ = 0;      ///< bytes of answers and events that clients have not taken
    std::size_t output_held_ = 0;  ///< and those that parked reads will add
    /// Who waits for room, by ticket: the longest first.
    std::map<std::uint64_t, ConnectionId> waiting_;
    /// Whose next answer waits for room, likewise.
    std::map<std::uint64_t, ConnectionId> unanswered_;
    bool answers_waiting_ = false;  ///< in answer_waiting(): whoever is asked is the first
    std::uint64_t next_ticket_ = 1;
    /// Requests of connections that have gone: the core still has them. Few for each session.
    std::unordered_map<SessionId, std::vector<Orphan>> orphans_;
};

}  // namespace zk::frontend
