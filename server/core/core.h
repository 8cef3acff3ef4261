// One server's replicated half: election, broadcast, sessions, tree. Events in, actions out.
// Pure: no clock, socket, file, thread or random source. Lives on the core loop. Not thread-safe.
//
// A core is LOOKING (an Election searches), FOLLOWING (a zab::Learner), LEADING (a zab::Leader), or reloading its
// database from disk after an aborted synchronisation. A server without others is in none of these but alone (alone.h),
// from its start to its end. It matches committed txns to the requests of its own clients and
// tells frontends what changed. Source: ZooKeeper QuorumPeer, and the request processor chains it stands for.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/ids.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/time.h"
#include "base/working_time.h"
#include "core/actions.h"
#include "core/alone.h"
#include "core/client_requests.h"
#include "core/container_sweep.h"
#include "core/database.h"
#include "core/event.h"
#include "core/local_sessions.h"
#include "core/status_page.h"
#include "core/unsynced_txns.h"
#include "election/election.h"
#include "ensemble/membership.h"
#include "jute/txn.h"
#include "metrics/metrics.h"
#include "prep/preparer.h"
#include "prep/quota_check.h"
#include "session/session_tracker.h"
#include "storage/recovery.h"
#include "tree/acl.h"
#include "tree/data_tree.h"
#include "zab/leader.h"
#include "zab/learner.h"

namespace zk::core {

struct Settings {
    ServerId my_id;
    ensemble::EnsembleConfig config;  ///< at the start; from then on Core::members() has it
    /// A server alone: `config` is of no interest then.
    bool standalone = false;
    Duration tick = std::chrono::milliseconds(2000);  ///< tickTime
    int init_limit = 10;                              ///< ticks for connecting and synchronising
    int sync_limit = 5;                               ///< ticks a learner may be silent
    /// extendedTypesEnabled: TTL nodes. The same at all members.
    prep::ExtendedTypes extended_types = prep::ExtendedTypes::off;
    bool enforce_quota = false;  ///< enforceQuota: hard limits refuse writes
    tree::AccessRules access{};
    bool close_session_names_nodes = true;  ///< closeSessionTxn.enabled
    /// jute.maxbuffer, bytes. The same at all members.
    std::int32_t jute_max_buffer = limits::kJuteMaxBuffer;
    bool leader_serves = true;  ///< leaderServes: clients may connect to a leader
    SweepSettings sweep{};      ///< of containers and TTL nodes
    LocalSessionMode local_sessions = LocalSessionMode::off;  ///< without effect for a server alone
    /// readonlymode.enabled: a server that finds no leader lets clients read that ask for it. Not for a server alone.
    bool read_only_mode = false;
    /// Txns between snapshots, before randomisation.
    std::int64_t snap_count = 100'000;
    /// Bytes of log between snapshots, likewise; 0 and less: they do not count.
    std::int64_t snap_bytes = std::int64_t{4} << 30;
    std::size_t committed_window = limits::kCommittedWindow;  ///< txns kept in memory for DIFF
    zab::Bounds bounds{};
    election::ElectionTiming election{};
    /// Seeds session ids; must grow from start to start.
    std::int64_t monotonic_ms = 0;
    /// Of zxids in one epoch; only the simulator lowers it.
    std::uint32_t counter_limit = 0xffffffff;
    /// Spreads snapshots of the members over time.
    std::uint64_t seed = 0;
    /// Tells the time within a step, for what is only measured; empty: a step takes none.
    std::function<Instant()> stopwatch{};
};

class Core {
  public:
    /// How often Tick is wanted at least.
    static constexpr Duration kTickPeriod = std::chrono::milliseconds(20);
    /// What a pause of this process counts at most for sessions: who could not be heard is not expired.
    static constexpr Duration kPauseMax = 5 * kTickPeriod;
    /// readonlymode.enabled: how long a search lasts at least, beside a tick, before clients may read.
    static constexpr Duration kReadOnlyAfter = std::chrono::seconds(2);
    /// A reign ends for a member that has accepted a later epoch at most this often.
    static constexpr Duration kAbdicationPause = std::chrono::seconds(10);

    /// `before_change` is called before each change of the tree.
    Core(Settings settings,
         storage::RecoveredState recovered,
         Log log,
         std::function<void()> before_change = {});
    Core(const Core&) = delete;
    Core& operator=(const Core&) = delete;

    [[nodiscard]] const tree::DataTree& tree() const { return database_.tree(); }
    /// Sessions that the applied txns have opened, and their timeouts in ms: part of every snapshot.
    [[nodiscard]] std::map<SessionId, std::int32_t> session_timeouts() const;
    [[nodiscard]] StatusPage status() const;
    /// For the word `dump`: O(sessions and ephemeral nodes).
    [[nodiscard]] SessionsPage sessions_page() const;
    /// Writes that quotas have refused here, by the name of the node below the root.
    [[nodiscard]] const std::map<std::string, std::int64_t>& quota_refusals() const {
        return quota_check_.refused();
    }
    [[nodiscard]] metrics::Metrics counts() const;
    /// For those who are beside the core on its loop.
    [[nodiscard]] ensemble::MembershipPtr members() const { return members_; }
    [[nodiscard]] bool serving() const { return serving_; }
    /// Clients are served, were it only to read: StatusPage::serving.
    [[nodiscard]] bool has_clients() const { return serving_ || read_only_; }
    /// What was seen of the last elections.
    [[nodiscard]] const election::History& elections() const { return election_.history(); }
    /// Every txn up to here is in this server's log for good. A snapshot file that may hold parts of txns behind its own
    /// zxid may be given its name only when this has passed the last of them: see SnapshotSerializer::end_zxid().
    [[nodiscard]] Zxid last_durable() const { return database_.last_durable(); }
    /// The newest committed txns, as far as they are in memory.
    [[nodiscard]] const zab::CommittedLog& committed() const { return database_.committed(); }

  private:
    friend class Turn;  // the only one who may drive a core

    /// Begins the first election, or serves at once when alone. Called once, before any step().
    void start(WallMs wall, Instant now, Actions& out);
    /// Lets one thing happen. Appends what must be done to `out`, in order. REQUIRES: !more().
    void step(Event event, Instant now, Actions& out);
    /// When step() or proceed() stopped at a read: the client loop that must hear what it was told so far before the next
    /// write of a client of this server is applied, because a read of the same client comes before it.
    [[nodiscard]] std::optional<std::uint32_t> stopped_for() const { return paused_for_; }
    [[nodiscard]] bool more() const { return paused_for_.has_value(); }
    /// Goes on after such a stop. REQUIRES: more().
    void proceed(Instant now, Actions& out);
    /// The frontend of this client loop has heard all that it was told.
    void heard(std::uint32_t loop) { requests_.heard(loop); }
    /// `srst`.
    void reset_statistics() {
        proposal_sizes_ = {};
        counts_ = {};
        ack_times_ms_.clear();
    }

    enum class State { looking, reloading, following, leading, alone, restoring };
    /// Whoever asked for a session that is ending: told so once the closeSession has committed, not before.
    struct WaitsForEnd {
        std::optional<request::Origin> origin;  ///< none: a client of `link`
        zab::LinkId link = 0;
    };
    /// A request that waits, where txns are made, for room among the proposals.
    struct QueuedRequest {
        /// Who serves the session: 0 for this server, a learner's link, or nobody for the leader's own closeSession and
        /// deleteContainer.
        std::optional<std::int64_t> owner;
        SessionId session;
        Xid cxid;
        OpCode op{};
        Bytes body;
        std::vector<jute::AuthId> auth;
        std::uint64_t sync_token = 0;  ///< of a sync of this server's client
    };

    // core.cc: time, elections and roles
    void handle(Tick& event, Instant now, Actions& out);
    void handle(NotificationReceived& event, Instant now, Actions& out);

    // alone.cc: a server alone, and what it has in common with a leader
    void serve_alone(Instant now, Actions& out);
    void handle(Restore& event, Instant now, Actions& out);
    void restore_now(Actions& out);
    void restored(Instant now, Actions& out);
    /// Txns are made here: at a leader and at a server alone.
    [[nodiscard]] bool makes_txns() const {
        return state_ == State::leading || state_ == State::alone;
    }
    // REQUIRES: makes_txns().
    [[nodiscard]] bool window_full() const;
    [[nodiscard]] Zxid next_zxid() const;
    [[nodiscard]] bool propose_txn(Zxid zxid, SharedBytes bytes, Instant now);

    // events.cc: links, disk, and what the role asks for
    void handle(LearnerConnected& event, Instant now, Actions& out);
    void handle(LearnerPacket& event, Instant now, Actions& out);
    void handle(LearnerClosed& event, Instant now, Actions& out);
    void handle(LearnerRoom& event, Instant now, Actions& out);
    void handle(LearnerProgress& event, Instant now, Actions& out);
    void handle(LeaderConnected& event, Instant now, Actions& out);
    void handle(LeaderDialFailed& event, Instant now, Actions& out);
    void handle(LeaderPacket& event, Instant now, Actions& out);
    void handle(LeaderProgress& event, Instant now, Actions& out);
    void handle(LeaderSnapshot& event, Instant now, Actions& out);
    void handle(LeaderClosed& event, Instant now, Actions& out);
    void handle(SnapshotFinished& event, Instant now, Actions& out);
    void handle(TakeSnapshot& event, Instant now, Actions& out);
    void handle(storage::DiskEvent& event, Instant now, Actions& out);
    void handle(request::ToCore& event, Instant now, Actions& out);

    // core.cc again
    void look(Instant now, Actions& out);
    void note_config(const election::Notification& notification);
    void adopt_config_version(std::int64_t version);
    void run_election(const election::ElectionActions& actions, Instant now, Actions& out);
    void decided(ServerId leader, Instant now, Actions& out);
    void leave_role(const std::string& why, Instant now, Actions& out);
    void run_zab(Instant now, Actions& out);
    [[nodiscard]] std::optional<std::uint32_t> reads_come_before(const zab::Action& action) const;
    void finish_step(Instant now, Actions& out);
    [[nodiscard]] Role role() const;
    [[nodiscard]] prep::Policy policy();
    void begin_serving(Epoch epoch, Instant now, Actions& out);
    void stop_serving(Actions& out);
    void end_role();
    void begin_read_only(Instant now, Actions& out);
    void end_read_only(Actions& out);
    void take_sessions(const std::map<SessionId, std::int32_t>& sessions);
    void take_recovered(const storage::RecoveredState& recovered);
    zab::Settings zab_settings() const;

    void count(const zab::Action& action);
    void count_append(const zab::AppendTxn& append);
    void count_sync(zab::PacketType type);
    void count_load(const storage::LoadStatistics& load);
    void count_propagation(const jute::TxnHeader& header, metrics::Summary summary);
    void count_ack(ServerId sid, Zxid zxid, Instant now);
    void count_own_acks(Zxid up_to, Instant now);
    void count_writes(const std::vector<tree::Change>& changes);

    // What zab asks for; all run inside run_zab().
    void carry_out(zab::Action& action, Instant now, Actions& out);

    // requests.cc: clients and sessions
    void accept(request::OpenSession& request, Instant now, Actions& out);
    void accept(request::ReattachSession& request, Instant now, Actions& out);
    void accept(request::ClientRequest& request, Instant now, Actions& out);
    void accept(request::TouchSession& request, Instant now, Actions& out);
    void accept(request::ConnectionClosed& request, Instant now, Actions& out);
    void submit(QueuedRequest request, Instant now, Actions& out);
    void propose(QueuedRequest& request, Instant now, Actions& out);
    void propose_queued(Instant now, Actions& out);
    void order(QueuedRequest& request, Instant now, Actions& out);
    void tell_waiting_of_end(SessionId session, Actions& out);
    void shrink(jute::Txn& txn) const;
    void revalidated(SessionId session, bool valid, Actions& out);
    struct SessionCheck {
        ErrorCode any = ErrorCode::ok;
        ErrorCode of_ephemerals = ErrorCode::ok;  ///< of creates that make them
    };
    [[nodiscard]] SessionCheck check_session(const QueuedRequest& request) const;
    [[nodiscard]] jute::Txn prepare(const QueuedRequest& request,
                                    const SessionCheck& check,
                                    Zxid zxid);
    [[nodiscard]] Instant measured() const;
    bool upgrade(SessionId session, Instant now, Actions& out);
    void end_local_if_due(SessionId session, Actions& out);
    void expire_sessions(Instant now, Actions& out);
    void expire_local_sessions(Actions& out);
    void remove_left_over(Instant now, Actions& out);
    void touch(SessionId session);

    // apply.cc: committed txns
    void apply(Zxid zxid, const SharedBytes& bytes, Actions& out);
    void apply_sessions(const jute::Txn& txn);
    void answer(const jute::Txn& txn, const tree::ApplyResult& result, Actions& out);

    Settings settings_;
    const std::shared_ptr<ensemble::Membership> members_;
    Log log_;
    Database database_;
    session::SessionTracker sessions_;
    LocalSessions local_;
    prep::QuotaCheck quota_check_;
    std::optional<prep::Preparer> preparer_;  ///< one for each reign
    election::Election election_;
    std::unique_ptr<zab::Leader> leader_;
    std::unique_ptr<zab::Learner> learner_;
    std::unique_ptr<Alone> alone_;
    std::optional<Restore> to_restore_;
    zab::Actions zab_actions_;  ///< asked for and not yet taken up
    zab::Actions zab_current_;  ///< being carried out, up to zab_done_
    std::size_t zab_done_ = 0;
    std::optional<std::uint32_t> paused_for_;  ///< a client loop

    State state_ = State::looking;
    bool serving_ = false;
    bool read_only_ = false;         ///< clients may read, and it searches for a leader
    bool ask_for_snapshot_ = false;  ///< the last TRUNC named a zxid that this log does not have
    WallMs wall_;
    Instant now_{};  ///< of the last step
    Instant serving_since_{};
    Instant election_began_{};
    Duration last_election_took_{};
    std::int64_t elections_ = 0;
    metrics::Metrics counts_;
    std::map<ServerId, metrics::Distribution> ack_times_ms_;  ///< for ack_latency
    metrics::SizeStatistics proposal_sizes_;                  ///< of all reigns since the start
    Epoch accepted_epoch_, current_epoch_;
    Epoch accepted_elsewhere_;  ///< the latest epoch that a voter was seen to have accepted
    Attempt attempt_ = 0;
    std::optional<ServerId> leader_sid_;
    ContainerSweep container_sweep_;  ///< at the leader
    SessionId next_session_;
    /// At the leader: sessions whose createSession is proposed and not applied. They may be used already, but are no part
    /// of the state: their txn may be cut off again.
    std::set<SessionId> opening_;
    std::map<SessionId, std::vector<WaitsForEnd>> waiting_for_end_;
    /// At a learner: timeouts, in ms, of sessions that have come here before the txn that opens them.
    std::map<SessionId, std::int32_t> reattached_early_;
    WorkingTime working_{kPauseMax};  ///< all times of sessions
    std::optional<Instant> abdicated_at_;
    ClientRequests requests_;
    std::deque<QueuedRequest> queued_;  ///< bounded by what the servers' frontends let in
    /// Proposed by this leader and not committed: applied when the role ends, as the log counts them.
    struct Proposed {
        zab::CommittedTxn txn;
        Instant at;
    };
    std::deque<Proposed> proposed_;
    UnsyncedTxns unsynced_;
    std::optional<Instant> unserved_since_;  ///< nothing is served since then
    std::optional<Instant> follows_since_;   ///< and is not in sync yet
};

}  // namespace zk::core
