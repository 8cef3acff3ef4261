#include "election/election.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "base/check.h"

namespace zk::election {
namespace {

constexpr std::int64_t kNone = std::numeric_limits<std::int64_t>::min();
constexpr std::size_t kConfigsWarnedOfMax = 16;
/// A config of a thousand members is smaller.
constexpr std::size_t kConfigBytesMax = std::size_t{64} << 10;

ElectionTiming within_bounds(ElectionTiming timing) {
    timing.resend_max = std::min(timing.resend_max, ElectionTiming::kResendMax);
    timing.resend_min = std::min(timing.resend_min, timing.resend_max);
    return timing;
}

/// What observers and non-members propose: worse than every vote, and nobody counts it.
constexpr Vote kNoVote{ServerId(kNone), Zxid(kNone), Round(0), Epoch(kNone)};

}  // namespace

Election::Election(ServerId my_id, ensemble::MembershipPtr members, Log log, ElectionTiming timing)
    : my_id_(my_id),
      members_(std::move(members)),
      voter_(members_->config().is_voter(my_id)),
      timing_(within_bounds(timing)),
      log_(std::move(log)),
      mistrust_(my_id) {}

void Election::start(
    Zxid last_zxid, Epoch current_epoch, Instant now, ElectionActions& out, WallMs wall) {
    ZK_ASSERT(!members_->quorum().voters().empty());
    const bool in_vain = started_ && state_ != PeerState::looking && !reigned_;
    mistrust_.begin(
        last_zxid, current_epoch, in_vain ? std::optional(vote_.leader) : std::nullopt, now);
    doubts_told_.clear();
    started_ = true;
    reigned_ = false;
    state_ = PeerState::looking;
    round_ = next_round(round_);
    initial_vote_ = voter_ ? Vote{my_id_, last_zxid, round_, current_epoch} : kNoVote;
    ballots_.clear();
    established_ballots_.clear();
    finalize_at_.reset();
    resend_interval_ = timing_.resend_min;
    log_.info("election.started round={} zxid={} epoch={} voter={}",
              round_,
              last_zxid,
              current_epoch,
              voter_);
    const bool votes = voter_ && may_vote();
    history_.begin({.zxid = last_zxid, .epoch = current_epoch, .votes = votes, .wall = wall}, now);
    propose(initial_vote_, now, out);
    if (votes) history_.cast(vote_, Moment::Reason::own, now);
    consider_finalizing(now);
}

void Election::on_notification(ServerId from,
                               const Notification& notification,
                               Instant now,
                               ElectionActions& out,
                               Origin origin) {
    if (!started_ || from == my_id_) return;
    note_config(from, notification);
    answer(from, notification, out);
    if (state_ != PeerState::looking) return;
    // Votes of observers and strangers, and votes for such, never count.
    if (!members_->quorum().is_voter(from) ||
        !members_->quorum().is_voter(notification.vote.leader))
        return;
    if (!believed(from, origin, notification, now)) return;
    look(from, notification, now, out);
}

bool Election::believed(ServerId from,
                        Origin origin,
                        const Notification& notification,
                        Instant now) {
    const Mistrust::Doubt doubt = mistrust_.doubt(from, origin, notification, now);
    if (doubt == Mistrust::Doubt::none) return true;
    if (doubts_told_.emplace(from, doubt).second) {
        log_.warn("election.not_believed from={} why={} {}",
                  from,
                  to_string(doubt),
                  to_string(notification));
        history_.doubted(from, notification, doubt, now);
    }
    return false;
}

/// The answers that a server gives at once, whatever its state.
void Election::answer(ServerId from, const Notification& notification, ElectionActions& out) const {
    // Java also answers when it is an observer, and strangers that do not look. Nobody counts the
    // one or needs the other, and each makes two servers answer each other for ever (an observer in
    // a higher round than a looking voter).
    if (!voter_ || notification.state != PeerState::looking) return;
    // Whoever has a leader, and whoever is asked by an observer or stranger, answers.
    bool wanted = true;
    if (members_->quorum().is_voter(from) && state_ == PeerState::looking) {
        wanted = notification.vote.round < round_ || missed_my_proposal(from, notification.vote);
    }
    if (wanted) out.sends.push_back({from, my_notification()});
}

/// A voter that repeats a vote worse than ours has not heard ours. Java waits for its own next
/// repetition, up to a minute; telling it at once costs one message.
bool Election::missed_my_proposal(ServerId from, const Vote& vote) const {
    const auto known = ballots_.find(from);
    return known != ballots_.end() && known->second.vote == vote && supersedes(vote_, vote);
}

void Election::look(ServerId from,
                    const Notification& notification,
                    Instant now,
                    ElectionActions& out) {
    history_.heard(from, notification, vote_, now);
    switch (notification.state) {
        case PeerState::looking:
            on_looking(from, notification.vote, now, out);
            break;
        case PeerState::following:
        case PeerState::leading:
            on_established(from, notification, now, out);
            break;
        case PeerState::observing:
            return;
    }
    if (state_ == PeerState::looking) consider_finalizing(now);
}

void Election::on_looking(ServerId from, const Vote& vote, Instant now, ElectionActions& out) {
    // An empty database that may be the remains of a lost disk must not take part in a decision,
    // and its vote must not help others to one.
    if (!may_vote() || vote.zxid == Zxid(-1)) {
        ZK_COVERED("election.empty_database_ignored");
        return;
    }
    if (vote.round < round_) return;
    if (mistrust_.flatters(vote)) {
        ZK_COVERED("election.flattered");
        restart_round(vote.round, now, out);
        history_.cast(vote_, Moment::Reason::overrated, from, std::nullopt, now);
        return;
    }
    if (vote.round > round_) {
        log_.debug("election.round_joined round={} from={}", vote.round, from);
        round_ = vote.round;
        ballots_.clear();
        finalize_at_.reset();
        propose(supersedes(vote, initial_vote_) ? vote : initial_vote_, now, out);
        history_.cast(vote_, Moment::Reason::round, from, better_by(vote, initial_vote_), now);
    } else if (supersedes(vote, vote_)) {
        finalize_at_.reset();
        const auto rule = better_by(vote, vote_);
        propose(vote, now, out);
        history_.cast(vote_, Moment::Reason::better, from, rule, now);
    }
    ballots_[from] = Ballot{vote, PeerState::looking, 0};
}

/// Somebody gives this server's vote more than it has: others must hear, in a round without that
/// vote, what it really has, or they would wait for a leader that cannot lead them.
void Election::restart_round(Round above, Instant now, ElectionActions& out) {
    round_ = next_round(std::max(round_, above));
    log_.info("election.overrated round={}", round_);
    ballots_.clear();
    finalize_at_.reset();
    propose(initial_vote_, now, out);
}

/// A server that follows or leads. It can end the search only together with a majority of its kind.
void Election::on_established(ServerId from,
                              const Notification& notification,
                              Instant now,
                              ElectionActions& out) {
    const Vote& vote = notification.vote;
    const Ballot ballot{vote, notification.state, notification.version};
    if (vote.round == round_) {
        // Decided in our own round: ballots of servers that still look count too. Version 0, as in
        // Java: the epoch of those that are through with synchronisation may differ from the
        // others'.
        ballots_[from] = Ballot{vote, notification.state, 0};
        if (has_quorum(ballots_, ballot) && leader_confirms(ballots_, vote)) {
            return decide(vote, now, out);
        }
    }
    established_ballots_[from] = ballot;
    if (has_quorum(established_ballots_, ballot) && leader_confirms(established_ballots_, vote)) {
        ZK_COVERED("election.joined_established");
        round_ = vote.round;
        decide(vote, now, out);
    }
}

/// With a majority behind the proposal the clock of the last chance for others runs; without one it
/// does not.
void Election::consider_finalizing(Instant now) {
    if (!may_vote() || !has_quorum(ballots_, Ballot{vote_, PeerState::looking, 0})) {
        finalize_at_.reset();
        history_.majority({}, vote_, now);
        return;
    }
    if (!finalize_at_) finalize_at_ = now + timing_.finalize_wait;
    const std::set<ServerId> who = agreeing(ballots_, Ballot{vote_, PeerState::looking, 0});
    history_.majority({who.begin(), who.end()}, vote_, now);
}

void Election::on_tick(Instant now, ElectionActions& out) {
    if (!started_ || state_ != PeerState::looking) return;
    if (finalize_at_) {
        if (now >= *finalize_at_) decide(vote_, now, out);
        return;
    }
    if (now < resend_at_) return;
    resend_interval_ = std::min(resend_interval_ * 2, timing_.resend_max);
    notify_voters(now, out);
}

std::optional<Instant> Election::deadline() const {
    if (!started_ || state_ != PeerState::looking) return std::nullopt;
    return finalize_at_ ? *finalize_at_ : resend_at_;
}

void Election::decide(const Vote& vote, Instant now, ElectionActions& out) {
    ZK_ASSERT(state_ == PeerState::looking);
    const PeerState learner = voter_ ? PeerState::following : PeerState::observing;
    state_ = vote.leader == my_id_ ? PeerState::leading : learner;
    vote_ = vote;
    finalize_at_.reset();
    ballots_.clear();
    established_ballots_.clear();
    log_.info("election.decided state={} {}", to_string(state_), to_string(vote_));
    history_.decided(state_, vote_, now);
    out.decided = vote_;
}

void Election::established(Epoch epoch) {
    ZK_ASSERT(state_ != PeerState::looking);
    reigned_ = true;
    vote_.peer_epoch = epoch;
}

void Election::propose(const Vote& vote, Instant now, ElectionActions& out) {
    vote_ = vote;
    vote_.round = round_;
    // The own ballot, which Java sends to itself. An observer has none, an empty database keeps it
    // back.
    if (voter_ && may_vote()) ballots_[my_id_] = Ballot{vote_, PeerState::looking, 0};
    notify_voters(now, out);
}

void Election::notify_voters(Instant now, ElectionActions& out) {
    for (const ServerId voter : members_->quorum().voters()) {
        if (voter != my_id_) out.sends.push_back({voter, my_notification()});
    }
    resend_at_ = now + resend_interval_;
}

Notification Election::my_notification() const {
    return {state_, vote_, kNotificationVersion, members_->text()};
}

bool Election::has_quorum(const Ballots& ballots, const Ballot& ballot) const {
    return members_->quorum().has_quorum(agreeing(ballots, ballot));
}

std::set<ServerId> Election::agreeing(const Ballots& ballots, const Ballot& ballot) const {
    std::set<ServerId> servers;
    for (const auto& [sid, other] : ballots) {
        if (agrees(ballot, other)) servers.insert(sid);
    }
    return servers;
}

/// Followers alone never convince: the leader must say itself that it leads. If it is me, it must
/// be this round's decision and not the memory of an earlier reign.
bool Election::leader_confirms(const Ballots& ballots, const Vote& vote) const {
    if (vote.leader == my_id_) return vote.round == round_;
    const auto leader = ballots.find(vote.leader);
    return leader != ballots.end() && leader->second.state == PeerState::leading;
}

/// Other members must have the same members as we; this version cannot take over a changed
/// ensemble.
void Election::note_config(ServerId from, const Notification& notification) {
    const std::string& text = notification.config_text;
    if (!members_->config().contains(from) || text.size() > kConfigBytesMax) return;
    if (text.empty() || text == members_->text() || configs_warned_of_.contains(text)) return;
    if (configs_warned_of_.size() >= kConfigsWarnedOfMax) return;
    configs_warned_of_.insert(text);
    const auto other = ensemble::parse_ensemble_config(text, "config");
    if (!other.has_value()) {
        log_.warn("election.config_unreadable from={} error=\"{}\"", from, other.error().message());
    } else if (other->voters() != members_->quorum().voters()) {
        log_.warn("election.config_differs from={} version={} voters_there={} voters_here={}",
                  from,
                  zk::to_hex(other->version),
                  other->voters().size(),
                  members_->quorum().voters().size());
    }
}

}  // namespace zk::election
