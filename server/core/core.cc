// Roles of a server and the way of every event. See core.h.
#include "core/core.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "election/notification.h"
#include "session/session_ids.h"

namespace zk::core {
namespace {
/// In the ids of sessions that a server alone opens, whatever its myid is; Apache's does so.
constexpr ServerId kAloneSid{1};
}  // namespace

Core::Core(Settings settings, storage::RecoveredState recovered, Log log)
    : settings_(std::move(settings)),
      members_(std::make_shared<ensemble::Membership>(
          settings_.standalone ? ensemble::EnsembleConfig() : std::move(settings_.config))),
      log_(std::move(log)),
      database_({.snap_count = settings_.snap_count,
                 .snap_bytes = settings_.snap_bytes,
                 .committed_window = settings_.committed_window,
                 .seed = settings_.seed ^ static_cast<std::uint64_t>(settings_.my_id.value())},
                recovered,
                log_),
      sessions_(settings_.tick),
      election_(settings_.my_id, members_, log_, settings_.election),
      accepted_epoch_(recovered.accepted_epoch),
      current_epoch_(recovered.current_epoch),
      container_sweep_(settings_.sweep),
      next_session_(session::first_session_id(settings_.standalone ? kAloneSid : settings_.my_id,
                                              settings_.monotonic_ms)) {
    take_sessions(recovered.sessions);
    // A server alone leaves the node as it is: empty, or what an ensemble has left there.
    if (!settings_.standalone) database_.set_config(members_->text(), Zxid(members_->version()));
}

void Core::start(WallMs wall, Instant now, Actions& out) {
    wall_ = wall;
    working_.advance(now);
    if (settings_.standalone) return serve_alone(now, out);
    look(now, out);
}

void Core::step(Event event, Instant now, Actions& out) {
    ZK_ASSERT(!paused_);
    working_.advance(now);
    std::visit([&](auto& e) { handle(e, now, out); }, event);
    finish_step(now, out);
}

void Core::proceed(Instant now, Actions& out) {
    ZK_ASSERT(paused_);
    paused_ = false;
    finish_step(now, out);
}

void Core::finish_step(Instant now, Actions& out) {
    run_zab(now, out);
    if (paused_) return;
    if (makes_txns()) {
        propose_queued(now, out);
        run_zab(now, out);
    }
    if (!paused_ && serving_) database_.maybe_snapshot(out);
}

// ---- election

void Core::look(Instant now, Actions& out) {
    state_ = State::looking;
    leader_sid_.reset();
    election_began_ = now;
    ++elections_;
    election::ElectionActions actions;
    election_.start(database_.last(), current_epoch_, now, actions, wall_);
    run_election(actions, now, out);
}

void Core::run_election(const election::ElectionActions& actions, Instant now, Actions& out) {
    for (const auto& send : actions.sends) {
        out.push_back(SendNotification{send.to, election::encode(send.notification)});
    }
    if (actions.decided) decided(actions.decided->leader, now, out);
}

void Core::decided(ServerId leader, Instant now, Actions& out) {
    ZK_ASSERT(state_ == State::looking);
    last_election_took_ = now - election_began_;
    leader_sid_ = leader;
    log_.info("election.decided leader={} round={} epoch={} zxid={} took_ms={}",
              leader,
              election_.round(),
              current_epoch_,
              database_.last_logged(),
              to_ms(last_election_took_));
    const Zxid last = std::max(database_.last_logged(), tree().last_zxid());
    if (leader == settings_.my_id) {
        state_ = State::leading;
        leader_ = std::make_unique<zab::Leader>(zab_settings(), log_);
        out.push_back(OpenLearnerPort{});
        leader_->start(std::max(accepted_epoch_, accepted_elsewhere_),
                       current_epoch_,
                       last,
                       database_.last_durable(),
                       database_.committed(),
                       now,
                       zab_actions_);
    } else {
        state_ = State::following;
        learner_ = std::make_unique<zab::Learner>(zab_settings(), log_);
        if (std::exchange(ask_for_snapshot_, false)) {
            const election::Vote& vote = election_.current_vote();
            learner_->ask_for_snapshot(std::pair(current_epoch_, last) <=
                                       std::pair(vote.peer_epoch, vote.zxid));
        }
        learner_->start(
            leader, accepted_epoch_, current_epoch_, database_.last(), now, zab_actions_);
    }
}

zab::Settings Core::zab_settings() const {
    return {.my_id = settings_.my_id,
            .members = members_,
            .tick = settings_.tick,
            .init_limit = settings_.init_limit,
            .sync_limit = settings_.sync_limit,
            .counter_limit = settings_.counter_limit,
            .bounds = settings_.bounds};
}

void Core::handle(Tick& event, Instant now, Actions& out) {
    wall_ = event.wall;
    if (!alone_) {
        election::ElectionActions actions;
        election_.on_tick(now, actions);
        run_election(actions, now, out);
    }
    if (leader_) {
        leader_->allow_abdication(!abdicated_at_ || now - *abdicated_at_ >= kAbdicationPause);
        leader_->on_tick(now, zab_actions_);
    }
    if (learner_) learner_->on_tick(now, zab_actions_);
    run_zab(now, out);
    if (makes_txns() && serving_) {
        expire_sessions(now, out);
        remove_left_over(now, out);
    }
}

void Core::handle(NotificationReceived& event, Instant now, Actions& out) {
    if (alone_) return;
    auto notification = election::decode_notification(event.body);
    if (!notification.has_value()) {
        log_.warn("election.bad_notification from={} why=\"{}\"",
                  event.from,
                  notification.error().message());
        return;
    }
    note_config(*notification);
    election::ElectionActions actions;
    election_.on_notification(event.from, *notification, now, actions, event.origin);
    run_election(actions, now, out);
}

// Apache's server with reconfigEnabled gives the first configuration a version, and then follows nobody with a lower one.
// With the same members that is no reconfiguration: the version is ours as well. A version beyond all epochs is not one.
void Core::note_config(const election::Notification& notification) {
    if (notification.config_text.empty()) return;
    const auto other = ensemble::parse_ensemble_config(notification.config_text, "notification");
    if (!other.has_value() || other->version <= members_->version()) return;
    if (other->voters() != members_->quorum().voters()) return;
    const Epoch known =
        std::max({accepted_epoch_, current_epoch_, database_.last_logged().epoch()});
    if (Zxid(other->version).epoch().value() > known.value() + limits::kEpochStep) return;
    adopt_config_version(other->version);
}

void Core::adopt_config_version(std::int64_t version) {
    if (version <= members_->version()) return;
    ZK_COVERED("core.config_version_adopted");
    log_.info("config.version version={} was={}", version, members_->version());
    members_->adopt_version(version);
    database_.set_config(members_->text(), Zxid(version));
}

// ---- roles

void Core::begin_serving(Epoch epoch, Instant now, Actions& out) {
    if (makes_txns()) {
        preparer_.emplace(tree(), settings_.extended_types);
        container_sweep_.begin(now);
        sessions_.restart_all(working_.now());
    }
    if (leader_) database_.begin_epoch(epoch);
    serving_ = true;
    if (!alone_) election_.serving(epoch, now);
    log_.info("server.serving role={} leader={} epoch={} zxid={} znodes={}",
              to_string(role()),
              leader_sid_.value_or(ServerId(-1)),
              epoch,
              tree().last_zxid(),
              tree().node_count());
    out.push_back(request::ToFrontend(request::Serving{true}));
}

void Core::stop_serving(Actions& out) {
    if (serving_) out.push_back(request::ToFrontend(request::Serving{false}));
    serving_ = false;
    requests_.clear();
    queued_.clear();
    waiting_for_end_.clear();
    preparer_.reset();
}

void Core::leave_role(const std::string& why, Instant now, Actions& out) {
    log_.info("role.left role={} why=\"{}\"", to_string(role()), why);
    election_.role_ended(why, now);
    std::vector<zab::CommittedTxn> pending;
    if (leader_) {
        out.push_back(CloseLearnerPort{});
        accepted_elsewhere_ = std::max(accepted_elsewhere_, leader_->highest_accepted());
        if (leader_->abdicated()) abdicated_at_ = now;
        pending.assign(proposed_.begin(), proposed_.end());
        proposed_.clear();
    }
    if (learner_) {
        out.push_back(CloseLeader{});
        pending = learner_->take_pending();
        ask_for_snapshot_ = learner_->needs_snapshot();
        ++attempt_;
    }
    stop_serving(out);
    leader_.reset();
    learner_.reset();
    zab_actions_.clear();  // the role ended: what it still wanted is void
    zab_current_.clear();
    zab_done_ = 0;
    leader_sid_.reset();
    if (database_.role_ended(out)) {
        state_ = State::reloading;
        return;
    }
    // The log holds them and so does this server's vote; whether they stay is for the next leader to say.
    for (const zab::CommittedTxn& txn : pending) apply(txn.zxid, txn.bytes, out);
    look(now, out);
}

// ---- views

std::map<SessionId, std::int32_t> Core::session_timeouts() const {
    std::map<SessionId, std::int32_t> timeouts;
    for (const auto& [session, timeout_ms] : sessions_.all()) {
        if (!opening_.contains(session)) timeouts[session] = timeout_ms;
    }
    return timeouts;
}

const char* to_string(Role role) {
    switch (role) {
        case Role::looking:
            return "looking";
        case Role::following:
            return "follower";
        case Role::leading:
            return "leader";
        case Role::observing:
            return "observer";
        case Role::standalone:
            return "standalone";
    }
    return "looking";
}

Role Core::role() const {
    if (alone_) return Role::standalone;
    return leader_ ? Role::leading : learner_ ? Role::following : Role::looking;
}

StatusPage Core::status() const {
    StatusPage page;
    page.my_id = settings_.my_id;
    page.role = role();
    page.serving = serving_;
    page.leader = leader_sid_;
    page.accepted_epoch = accepted_epoch_;
    page.current_epoch = current_epoch_;
    page.last_zxid = tree().last_zxid();
    page.last_logged = database_.last_logged();
    const election::Vote& vote = election_.current_vote();
    page.round = election_.round().value();
    page.vote_leader = vote.leader;
    page.vote_zxid = vote.zxid;
    page.vote_epoch = vote.peer_epoch;
    page.znode_count = tree().node_count();
    page.ephemeral_count = tree().ephemeral_count();
    page.session_count = sessions_.size();
    page.approximate_data_bytes = tree().approximate_bytes();
    page.outstanding = requests_.size();
    page.proposals_pending = alone_ ? alone_->in_flight() : proposed_.size();
    if (leader_) {
        for (const zab::LearnerView& view : leader_->learners()) {
            page.learners.push_back({.sid = view.sid,
                                     .synced = view.synced,
                                     .voter = true,
                                     .last_acked = view.last_acked});
        }
    }
    page.elections = elections_;
    page.last_election_took = last_election_took_;
    return page;
}

}  // namespace zk::core
