// Fast leader election: how servers that lost their leader agree on the one with the newest
// history.
//
// Each LOOKING server proposes itself, adopts any better proposal it hears of, and tells all
// voters. Once a majority proposes the same server, it waits a moment for something better and then
// decides. A server that comes late joins what an established majority says, if the leader itself
// says so too. An election only proposes: agreement on the history is the work of zab, which also
// survives two servers that both think they won.
//
// Pure; lives on the core loop. A deadline takes the place of every wait.
// Source: ZooKeeper FastLeaderElection (lookForLeader, WorkerReceiver);
// docs/PROTOCOL.md 2.5 to 2.7.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/ids.h"
#include "base/log.h"
#include "base/time.h"
#include "election/history.h"
#include "election/mistrust.h"
#include "election/notification.h"
#include "election/vote.h"
#include "ensemble/membership.h"
#include "ensemble/quorum_verifier.h"

namespace zk::election {

/// What an election asks for. The caller owns it, carries it out and clears it.
struct ElectionActions {
    struct Send {
        ServerId to;
        Notification notification;
    };
    std::vector<Send> sends;
    /// The search is over: follow, observe or be `decided->leader`. Election::state() says which.
    std::optional<Vote> decided;

    void clear() {
        sends.clear();
        decided.reset();
    }
};

struct ElectionTiming {
    /// How long a majority waits for a better vote before it decides. Not a setting in ZooKeeper
    /// either.
    Duration finalize_wait = milliseconds(200);
    /// First and longest silence after which an undecided server repeats itself; doubles each time.
    /// Never longer than kResendMax, whatever is set here.
    Duration resend_min = milliseconds(200);
    Duration resend_max = kResendMax;
    /// Java's may be a minute, and so long may its voters look for each other after an outage.
    static constexpr Duration kResendMax = milliseconds(1000);
};

/// One server's part in elections, over its whole life: also a server that has a leader answers
/// those that look.
class Election {
  public:
    Election(ServerId my_id,
             ensemble::MembershipPtr members,
             Log log = {},
             ElectionTiming timing = {});

    /// This server has no leader (any more): a new round begins. `last_zxid` is the last zxid of
    /// its history; -1 for an empty database that must not vote, which can only join an established
    /// majority. `wall`: for the history alone. REQUIRES: somebody votes.
    void start(Zxid last_zxid,
               Epoch current_epoch,
               Instant now,
               ElectionActions& out,
               WallMs wall = WallMs());

    /// A notification came from `from`. In any state; before the first start() it is ignored. What
    /// it says is believed within bounds (election/mistrust.h).
    void on_notification(ServerId from,
                         const Notification& notification,
                         Instant now,
                         ElectionActions& out,
                         Origin origin = Origin::own);

    /// Time has passed. Calls before the deadline do nothing.
    void on_tick(Instant now, ElectionActions& out);
    /// When on_tick() has something to do; nullopt when not looking.
    [[nodiscard]] std::optional<Instant> deadline() const;

    /// The decided leader's reign has begun here: a leader calls it before it serves, a learner
    /// after UPTODATE. Late comers are then told the new epoch. REQUIRES: state() != looking.
    void established(Epoch epoch);

    /// For the history alone: clients are served, and the role has ended.
    void serving(Epoch epoch, Instant now) { history_.serving(epoch, now); }
    void role_ended(std::string_view why, Instant now) { history_.ended(why, now); }
    [[nodiscard]] const History& history() const { return history_; }

    [[nodiscard]] PeerState state() const { return state_; }
    /// While looking: the current proposal. Then: the vote that won, with the epoch of
    /// established().
    [[nodiscard]] const Vote& current_vote() const { return vote_; }
    [[nodiscard]] Round round() const { return round_; }

  private:
    using Ballots = std::map<ServerId, Ballot>;

    void answer(ServerId from, const Notification& notification, ElectionActions& out) const;
    [[nodiscard]] bool missed_my_proposal(ServerId from, const Vote& vote) const;
    void look(ServerId from, const Notification& notification, Instant now, ElectionActions& out);
    bool believed(ServerId from, Origin origin, const Notification& notification, Instant now);
    void restart_round(Round above, Instant now, ElectionActions& out);
    void on_looking(ServerId from, const Vote& vote, Instant now, ElectionActions& out);
    void on_established(ServerId from,
                        const Notification& notification,
                        Instant now,
                        ElectionActions& out);
    void consider_finalizing(Instant now);
    void decide(const Vote& vote, Instant now, ElectionActions& out);
    void propose(const Vote& vote, Instant now, ElectionActions& out);
    void notify_voters(Instant now, ElectionActions& out);
    void note_config(ServerId from, const Notification& notification);
    [[nodiscard]] Notification my_notification() const;
    [[nodiscard]] bool may_vote() const { return initial_vote_.zxid != Zxid(-1); }
    [[nodiscard]] bool has_quorum(const Ballots& ballots, const Ballot& ballot) const;
    [[nodiscard]] std::set<ServerId> agreeing(const Ballots& ballots, const Ballot& ballot) const;
    [[nodiscard]] bool leader_confirms(const Ballots& ballots, const Vote& vote) const;

    const ServerId my_id_;
    const ensemble::MembershipPtr members_;
    const bool voter_;
    const ElectionTiming timing_;
    Log log_;

    Mistrust mistrust_;
    History history_;
    bool started_ = false;
    bool reigned_ = false;  // the decision of the last search became a reign
    PeerState state_ = PeerState::looking;
    Round round_;
    Vote vote_;          // proposal while looking, then the vote that won
    Vote initial_vote_;  // what this server proposes when it knows nothing better
    // Ballots of this round, own one included, and of servers that have a leader, of whatever
    // round.
    Ballots ballots_;
    Ballots established_ballots_;
    Duration resend_interval_{};
    Instant resend_at_{};
    std::optional<Instant> finalize_at_;
    std::set<std::string> configs_warned_of_;                     // bounded, see note_config
    std::set<std::pair<ServerId, Mistrust::Doubt>> doubts_told_;  // in this search
};

}  // namespace zk::election
