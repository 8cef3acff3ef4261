// A leader: finds the new epoch (discovery), brings its learners to its history (synchronisation), then orders and
// commits proposals (broadcast).
// Pure: events and the time in, actions out. Lives on the core loop. Not thread-safe.
//
// The core carries out all actions of a call before the next call; in particular it adds each Committed txn to the
// CommittedLog, which is read here whenever a learner synchronises. Completions of disk work are events and the only
// ground for our own acknowledgements; those of an earlier role may come late and do no harm. Calls after GiveUp, and
// for links that are closed, do nothing.
// Source: ZooKeeper Leader, LearnerHandler; docs/PROTOCOL.md 3.2 to 3.8.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/time.h"
#include "ensemble/quorum_verifier.h"
#include "zab/actions.h"
#include "zab/committed_log.h"
#include "zab/packet.h"
#include "zab/proposals.h"
#include "zab/settings.h"

namespace zk::zab {

/// What a learner is synchronised by.
enum class SyncBy { txns, snapshot };

/// A learner as `status` shows it.
struct LearnerView {
    LinkId link = 0;
    ServerId sid;
    bool synced = false;  ///< has had its UPTODATE
    Zxid last_acked;
};

class Leader {
  public:
    /// Learners that are no voters; nobody of ours needs them.
    static constexpr std::size_t kStrangersMax = 16;

    Leader(Settings settings, Log log);

    /// Called once, when the election made this server the leader. `accepted` is the latest epoch that it knows anybody
    /// to have accepted. `last_logged` is the end of its history (all of it in the tree), `last_durable` how far the disk
    /// has confirmed it; the rest is on its way there, ahead of everything that this object asks of the disk. `committed`
    /// must outlive this object.
    void start(Epoch accepted,
               Epoch current,
               Zxid last_logged,
               Zxid last_durable,
               const CommittedLog& committed,
               Instant now,
               Actions& out);

    /// `claims`: the members from whose configured address the connection comes.
    void on_learner_connected(LinkId link, std::set<ServerId> claims, Instant now, Actions& out);
    void on_packet(LinkId link, const Packet& packet, Instant now, Actions& out);
    void on_link_closed(LinkId link, Instant now, Actions& out);
    /// Answers AwaitRoom.
    void on_learner_room(LinkId link, Instant now, Actions& out);
    /// Bytes have left while an AwaitRoom is pending.
    void on_learner_progress(LinkId link, Instant now);
    /// Answers ReadHistory. `found`: the log files hold what follows `after`, without a gap.
    void on_history_read(LinkId link,
                         Zxid after,
                         bool found,
                         const std::vector<CommittedTxn>& txns,
                         Instant now,
                         Actions& out);
    void on_log_durable(Zxid up_to, Instant now, Actions& out);
    void on_accepted_epoch_saved(Epoch epoch, Instant now, Actions& out);
    void on_current_epoch_saved(Epoch epoch, Instant now, Actions& out);
    void on_tick(Instant now, Actions& out);

    /// True from Established to GiveUp.
    [[nodiscard]] bool established() const { return phase_ == Phase::established; }
    /// The epoch of this reign; -1 before discovery has fixed it.
    [[nodiscard]] Epoch epoch() const { return epoch_; }
    /// REQUIRES: established().
    [[nodiscard]] Zxid next_zxid() const { return last_proposed_.next(); }
    /// True while no proposal may be added: the core queues requests meanwhile.
    [[nodiscard]] bool window_full() const {
        return proposals_.size() >= settings_.bounds.proposals_max ||
               proposals_.bytes() >= settings_.bounds.proposal_bytes_max;
    }
    /// Sends the proposal to the followers and to our own log. When the counter would be 0xffffffff it gives up instead,
    /// so that a new epoch starts; the txn is not proposed, nor is any later one: false.
    /// REQUIRES: established(), zxid == next_zxid(), !window_full().
    bool propose(Zxid zxid, SharedBytes bytes, Instant now, Actions& out);
    /// sync of a client of this server: SyncAnswered{token} after the last proposal now in flight and before any later one,
    /// once a quorum has answered a ping, or logged a proposal, that was sent later than this call. Apache's answers
    /// without asking, so that a leader which has been replaced and does not know it yet lets clients read an old state.
    void request_sync(std::uint64_t token, Actions& out);
    /// The same for a client of a learner; nothing if the link has gone.
    void request_sync_of(LinkId link, Actions& out);
    /// False: a learner that cannot follow in this epoch must wait for the end of this reign (the last one was ended for
    /// such a learner too short a time ago).
    void allow_abdication(bool allowed) { may_abdicate_ = allowed; }
    /// This reign ended because a member has accepted a later epoch.
    [[nodiscard]] bool abdicated() const { return abdicated_; }
    /// Answer to LearnerRevalidates.
    void revalidated(LinkId link, SessionId session, bool valid, Actions& out);

    [[nodiscard]] std::vector<LearnerView> learners() const;
    /// Learners that are being brought to this history, by a snapshot or by txns (DIFF and TRUNC): from the decision how
    /// until their UPTODATE. Source: ZooKeeper LearnerSyncThrottler.getSyncInProgress.
    [[nodiscard]] std::size_t syncs_in_flight(SyncBy means) const;
    /// Whose link this is; nullopt: of nobody who has said so, or of no voter.
    [[nodiscard]] std::optional<ServerId> voter_at(LinkId link) const;
    /// The latest epoch that this server or a voter that came to it has accepted. A next reign must begin above it, also
    /// if that voter is not among the first to follow then.
    [[nodiscard]] Epoch highest_accepted() const { return highest_accepted_; }

  private:
    enum class Phase {
        idle,             ///< start() not called
        discovery,        ///< waits for FOLLOWERINFO of a quorum
        saving_accepted,  ///< the epoch is fixed; LEADERINFO waits for the disk
        collecting_acks,  ///< waits for ACKEPOCH of a quorum
        synchronization,  ///< waits for a quorum to have our history and the epoch
        established,
        gone
    };
    /// Where a learner stands; from `syncing` on it gets every live proposal.
    enum class Stage {
        connected,       ///< FOLLOWERINFO is due
        waiting_epoch,   ///< LEADERINFO not sent yet
        epoch_sent,      ///< ACKEPOCH is due
        waiting_quorum,  ///< of ACKEPOCHs
        catching_up,     ///< gets our history, piece by piece
        syncing,         ///< NEWLEADER sent, its ACK is due; COMMITs are held back
        acked,           ///< waits for a quorum of NEWLEADER acks; COMMITs are held back
        serving          ///< UPTODATE sent
    };
    /// What a learner in stage catching_up waits for.
    enum class Waiting {
        nothing,
        decision,  ///< whether the log files bridge the gap: nothing is sent yet
        history,   ///< the next txns from the log files
        room       ///< on its link
    };
    /// Some proposals sent about the same time, and not acknowledged.
    struct Unacknowledged {
        Zxid last;
        Instant sent;
    };
    struct Link {
        Stage stage = Stage::connected;
        ServerId sid;  ///< meaningless in stage connected
        std::set<ServerId> claims;
        Epoch accepted;
        Zxid peer_last;
        /// A DIFF or TRUNC of an earlier attempt could not be followed.
        bool wants_snapshot = false;
        SyncBy sync_by = SyncBy::txns;
        Waiting waiting = Waiting::nothing;
        Zxid sent;  ///< catching_up: the last txn of our history that it has or was sent
        std::optional<Instant> deadline;  ///< for the next packet; none while it waits for us
        Zxid last_acked;
        std::vector<Packet> held_commits;
        std::vector<Zxid> early_acks;  ///< of proposals, before the ACK of NEWLEADER
        std::deque<Unacknowledged> unacknowledged;
        std::deque<std::uint64_t> pings;   ///< rounds of the pings it has not answered
        std::uint64_t answered_round = 0;  ///< of the last ping that it has answered
        /// It comes from the address that we have for its server id.
        [[nodiscard]] bool at_home() const { return claims.contains(sid); }
    };
    using Links = std::map<LinkId, Link>;
    struct PendingSync {
        std::optional<LinkId> link;  ///< none: a local one
        std::uint64_t token = 0;
        Zxid behind;              ///< the last proposal before it, which must have committed
        std::uint64_t round = 0;  ///< of pings, that a quorum must have answered
    };

    // leader.cc: phases and broadcast
    void fix_epoch(Instant now, Actions& out);
    void begin_synchronization(Instant now, Actions& out);
    void maybe_establish(Instant now, Actions& out);
    void commit_ready(Actions& out);
    void send_commit(const CommittedTxn& txn, Actions& out);
    void add_sync(PendingSync sync, Actions& out);
    void answer_syncs(Actions& out);
    void answer_syncs_below(Zxid committing, Actions& out);
    void answer_oldest_sync(Actions& out);
    [[nodiscard]] std::uint64_t confirmed_round() const;
    void check_phase_deadline(Instant now, Actions& out);
    void check_links(Instant now, Actions& out);
    void ping(Instant now, Actions& out);
    void send_pings(Actions& out);
    void check_quorum(Actions& out);
    void give_up(std::string why, Actions& out);

    // leader_links.cc: one learner
    void on_follower_info(LinkId id, Link& link, const Packet& packet, Instant now, Actions& out);
    void on_ack_epoch(LinkId id, Link& link, const Packet& packet, Instant now, Actions& out);
    void on_ack(LinkId id, Link& link, const Packet& packet, Instant now, Actions& out);
    void on_ping_reply(LinkId id, Link& link, const Packet& packet, Actions& out);
    void on_revalidate(LinkId id, const Packet& packet, Actions& out);
    void on_request(LinkId id, const Link& link, const Packet& packet, Actions& out);
    void send_leader_info(LinkId id, Link& link, Instant now, Actions& out);
    void believe(const Link& link);
    [[nodiscard]] bool believable(Epoch accepted) const;
    [[nodiscard]] bool make_way(LinkId id, const Link& link, ServerId sid, Actions& out);
    void send_up_to_date(LinkId id, Link& link, Instant now, Actions& out);
    void count_proposal_ack(Link& link, Zxid zxid);
    void note_sent(Link& link, Zxid zxid, Instant now);
    void close(LinkId id, std::string why, Actions& out);

    // leader_sync.cc: a learner's way to our history
    void synchronize(LinkId id, Link& link, Instant now, Actions& out);
    void begin_snapshot(LinkId id, Link& link, Actions& out);
    void catch_up(LinkId id, Link& link, Instant now, Actions& out);
    void send_history(LinkId id, Link& link, const CommittedTxn& txn, Actions& out);
    void finish_catching_up(LinkId id, Link& link, Instant now, Actions& out);
    void note_progress(Link& link, Instant now);

    [[nodiscard]] std::set<ServerId> sids_at_least(Stage stage) const;

    Settings settings_;
    Log log_;
    [[nodiscard]] const ensemble::QuorumVerifier& quorum() const {
        return settings_.members->quorum();
    }
    const CommittedLog* committed_ = nullptr;

    Phase phase_ = Phase::idle;
    Instant phase_deadline_{};
    Epoch highest_accepted_, accepted_at_start_, current_;
    Epoch epoch_{-1};
    Zxid last_logged_;  ///< the end of the history that we started with
    Zxid last_durable_;
    Zxid last_proposed_;
    bool self_acked_ = false;  ///< our own ack of NEWLEADER
    std::set<ServerId> epoch_acks_;

    Links links_;
    Proposals proposals_;
    std::deque<PendingSync> syncs_;  ///< oldest first
    std::uint64_t ping_round_ = 0;   ///< of the newest pings
    bool another_round_ = false;     ///< a sync waits for pings that are sent after those under way
    bool may_abdicate_ = true;
    bool abdicated_ = false;
    Instant next_ping_{};
    bool quorum_check_due_ = false;  ///< every second ping
};

}  // namespace zk::zab
