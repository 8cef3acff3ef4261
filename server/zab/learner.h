// A follower: joins the leader's epoch, takes its history, then logs and applies what it proposes and commits.
// Pure: events and the time in, actions out. Lives on the core loop. Not thread-safe.
//
// An ACK promises durability, so completions of disk work send it, never the append. Calls after GiveUp do nothing.
// Observers and dynamic reconfiguration are not in this version.
// Source: ZooKeeper Learner.syncWithLeader, Follower; docs/PROTOCOL.md 3.2 to 3.10; order of steps from 3.9.4.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/log.h"
#include "base/time.h"
#include "jute/codes.h"
#include "jute/protocol.h"
#include "zab/actions.h"
#include "zab/committed_log.h"
#include "zab/packet.h"
#include "zab/settings.h"

namespace zk::zab {

class Learner {
  public:
    /// How often and how fast a leader that does not accept connections yet is dialled again.
    static constexpr int kDialsMax = 5;
    static constexpr Duration kDialPause = milliseconds(100);
    static constexpr const char* kReconfigUnsupported =
        "the ensemble's configuration changes or has changed: dynamic reconfiguration is not "
        "supported by this version of "
        "the server";

    Learner(Settings settings, Log log);

    /// Before start(), for the attempt after needs_snapshot(): has the leader send SNAP. One of ours is shown the end of
    /// our history and a flag, so that we count for its epoch. Java's knows no such flag: it is shown zxid 0 when its own
    /// vote, as the election told it, is not behind our history (`not_ahead`), and -1 otherwise, with which it does not
    /// count us.
    void ask_for_snapshot(bool not_ahead) {
        snapshot_wanted_ = true;
        not_ahead_ = not_ahead;
    }
    /// Called once, when the election made `leader` the leader. `last_logged` is the end of the log, all of it in the
    /// tree.
    void start(ServerId leader,
               Epoch accepted,
               Epoch current,
               Zxid last_logged,
               Instant now,
               Actions& out);

    void on_connected(Instant now, Actions& out);
    void on_dial_failed(const std::string& why, Instant now, Actions& out);
    void on_disconnected(const std::string& why, Instant now, Actions& out);
    void on_packet(const Packet& packet, Instant now, Actions& out);
    /// Bytes of the stream behind the SNAP packet have come: the leader is not silent.
    void on_snapshot_progress(Instant now);
    /// The tree in memory is the one of the SNAP packet with this zxid.
    void on_snapshot_loaded(Zxid zxid, Instant now, Actions& out);
    /// Log, snapshots and memory end at `zxid`, durably.
    void on_truncated(Zxid zxid, Instant now, Actions& out);
    /// The log does not contain that zxid and is unchanged. The next attempt must ask_for_snapshot().
    void on_truncate_failed(const std::string& why, Instant now, Actions& out);
    void on_snapshot_saved(Zxid zxid, Instant now, Actions& out);
    void on_log_durable(Zxid up_to, Instant now, Actions& out);
    void on_accepted_epoch_saved(Epoch epoch, Instant now, Actions& out);
    void on_current_epoch_saved(Epoch epoch, Instant now, Actions& out);
    void on_tick(Instant now, Actions& out);

    // From here on, REQUIRES: serving().
    /// A write of a client of this server.
    void forward(SessionId session,
                 Xid xid,
                 OpCode op,
                 ByteView body,
                 const std::vector<jute::AuthId>& auth,
                 Actions& out);
    /// A client wants to go on with its session here; answered by RevalidateAnswered.
    void revalidate(SessionId session, std::int32_t timeout_ms, Actions& out);
    /// A client's sync; answered by SyncAnswered{token}, in the order of the requests.
    void request_sync(std::uint64_t token,
                      SessionId session,
                      Xid xid,
                      ByteView body,
                      const std::vector<jute::AuthId>& auth,
                      Actions& out);

    /// The session's client said something; the leader learns it with our next PING.
    void touch(SessionId session, std::int32_t timeout_ms) { touched_[session] = timeout_ms; }

    /// True from UPTODATE to GiveUp.
    [[nodiscard]] bool serving() const { return stage_ == Stage::serving && !serve_after_; }
    [[nodiscard]] ServerId leader() const { return leader_; }
    /// True when the leader's DIFF or TRUNC could not be followed: the next attempt must ask_for_snapshot().
    [[nodiscard]] bool needs_snapshot() const { return needs_snapshot_; }
    /// The end of our history on disk, or on its way there. After a SNAP: the snapshot's, once it is saved.
    [[nodiscard]] Zxid last_logged() const { return last_logged_; }
    /// Logged (appended) and not committed, in order. Emptied: the core applies them when it leaves the role.
    std::vector<CommittedTxn> take_pending();

  private:
    enum class Stage {
        idle,  ///< start() not called
        dialing,
        awaiting_epoch,   ///< FOLLOWERINFO sent
        saving_accepted,  ///< before ACKEPOCH
        awaiting_sync,    ///< ACKEPOCH sent; DIFF, TRUNC or SNAP is due
        truncating,       ///< disk
        loading,          ///< the snapshot stream
        syncing,          ///< the txns we lack, up to NEWLEADER
        saving_snapshot,  ///< NEWLEADER seen: disk
        logging,          ///< NEWLEADER seen: disk
        saving_current,   ///< NEWLEADER seen: disk
        awaiting_up_to_date,
        serving,
        gone
    };

    // learner.cc: connection, epoch, broadcast
    void dial(Actions& out);
    void on_leader_info(const Packet& packet, Actions& out);
    void send_ack_epoch(Epoch current, Actions& out);
    void on_live_packet(const Packet& packet, Actions& out);
    void answer_ping(const Packet& packet, Actions& out);
    void on_revalidate_reply(const Packet& packet, Actions& out);
    void on_sync_reply(Actions& out);
    void commit(Zxid zxid, Actions& out);
    void append(const CommittedTxn& txn, Actions& out);
    void acknowledge_durable(Actions& out);
    void send_request(SessionId session,
                      Xid xid,
                      OpCode op,
                      ByteView body,
                      const std::vector<jute::AuthId>& auth,
                      Actions& out);
    void hold_leader(bool held, Actions& out);
    [[nodiscard]] bool waits_for_leader() const;
    [[nodiscard]] Duration read_timeout() const;
    void give_up(std::string why, Actions& out);
    void send(Packet packet, Actions& out);

    // learner_sync.cc: synchronisation
    void on_sync_start(const Packet& packet, Actions& out);
    void on_sync_packet(const Packet& packet, Actions& out);
    void on_sync_commit(Zxid zxid, Actions& out);
    void on_new_leader(const Packet& packet, Actions& out);
    void on_packet_before_up_to_date(const Packet& packet, Actions& out);
    void on_up_to_date(Actions& out);
    void save_current_epoch(Actions& out);
    void begin_sync_from(Zxid zxid, Actions& out);
    void handle(const Packet& packet, Actions& out);
    bool accept_config(const Packet& packet, Actions& out);
    [[nodiscard]] bool promise_is_absurd() const;
    /// Checks the proposal and queues it; false after giving up.
    bool take_proposal(const Packet& packet, Actions& out);

    Settings settings_;
    Log log_;
    Stage stage_ = Stage::idle;
    ServerId leader_;
    Epoch accepted_, current_, epoch_;
    Zxid last_logged_;
    Zxid last_durable_;                ///< as far as the disk confirmed appends of this object
    Zxid last_received_;               ///< newest zxid of our history, queued proposals included
    std::optional<Zxid> serve_after_;  ///< SNAP: clients wait until this txn has committed
    Zxid last_committed_;              ///< what the tree holds
    bool snapshot_wanted_ = false;
    bool not_ahead_ = false;
    bool leader_knows_flag_ = false;
    bool leader_held_ = false;  ///< nothing is read from it
    bool needs_snapshot_ = false;
    bool from_snapshot_ = false;   ///< SNAP: txns before NEWLEADER go to memory only
    bool memory_ahead_ = false;    ///< memory is not what the disk holds
    bool pending_logged_ = false;  ///< all of pending_ is appended: since UPTODATE

    int dials_ = 0;
    Instant start_deadline_{};  ///< for the connection
    std::optional<Instant> next_dial_;
    Instant last_heard_{};

    /// Arrived while truncating or loading: what had been read before the reading stopped, or came with the end of the
    /// stream.
    std::deque<Packet> waiting_;
    std::vector<CommittedTxn> synced_;  ///< DIFF, TRUNC: committed before NEWLEADER
    std::deque<CommittedTxn> pending_;  ///< proposed, not committed
    std::vector<Zxid> queued_commits_;  ///< between NEWLEADER and UPTODATE
    struct Appended {
        Zxid zxid;
        std::size_t bytes = 0;
    };
    std::deque<Appended> unacknowledged_;  ///< appended since UPTODATE
    std::size_t unacknowledged_bytes_ = 0;
    std::deque<std::uint64_t> syncs_;  ///< tokens, oldest first
    std::map<SessionId, std::int32_t> touched_;
};

}  // namespace zk::zab
