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

Core::Core(Settings settings,
           storage::RecoveredState recovered,
           Log log,
           std::function<void()> before_change)
    : settings_(std::move(settings)),
      members_(std::make_shared<ensemble::Membership>(
          settings_.standalone ? ensemble::EnsembleConfig() : std::move(settings_.config))),
      log_(std::move(log)),
      database_({.snap_count = settings_.snap_count,
                 .snap_bytes = settings_.snap_bytes,
                 .committed_window = settings_.committed_window,
                 .seed = settings_.seed ^ static_cast<std::uint64_t>(settings_.my_id.value())},
                recovered,
                log_,
                std::move(before_change)),
      sessions_(settings_.tick),
      local_(settings_.standalone ? LocalSessionMode::off : settings_.local_sessions,
             settings_.tick),
      quota_check_(log_),
      election_(settings_.my_id, members_, log_, settings_.election),
      accepted_epoch_(recovered.accepted_epoch),
      current_epoch_(recovered.current_epoch),
      container_sweep_(settings_.sweep),
      next_session_(session::first_session_id(settings_.standalone ? kAloneSid : settings_.my_id,
                                              settings_.monotonic_ms)) {
    take_sessions(recovered.sessions);
    count_load(recovered.load);
    // A server alone leaves the node as it is: empty, or what an ensemble has left there.
    if (!settings_.standalone) database_.set_config(members_->text(), Zxid(members_->version()));
}

void Core::start(WallMs wall, Instant now, Actions& out) {
    wall_ = wall;
    working_.advance(now);
    now_ = now;
    if (settings_.standalone) return serve_alone(now, out);
    look(now, out);
}

void Core::step(Event event, Instant now, Actions& out) {
    ZK_ASSERT(!more());
    working_.advance(now);
    now_ = now;
    std::visit([&](auto& e) { handle(e, now, out); }, event);
    finish_step(now, out);
}

void Core::proceed(Instant now, Actions& out) {
    ZK_ASSERT(more());
    paused_for_.reset();
    finish_step(now, out);
}

void Core::finish_step(Instant now, Actions& out) {
    run_zab(now, out);
    if (more()) return;
    if (makes_txns()) {
        propose_queued(now, out);
        run_zab(now, out);
    }
    if (!more() && serving_) database_.maybe_snapshot(out);
}

// ---- election

void Core::look(Instant now, Actions& out) {
    state_ = State::looking;
    leader_sid_.reset();
    election_began_ = now;
    ++elections_;
    counts_.add(metrics::Counter::looking_count);
    if (!unserved_since_) unserved_since_ = now;
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
    end_read_only(out);
    last_election_took_ = now - election_began_;
    counts_.observe(metrics::Summary::election_time, to_ms(last_election_took_));
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
        follows_since_ = now;
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
    if (settings_.read_only_mode && state_ == State::looking && !read_only_ &&
        now - election_began_ >= std::max(kReadOnlyAfter, settings_.tick)) {
        begin_read_only(now, out);
    }
    if (has_clients()) expire_local_sessions(out);
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

prep::Policy Core::policy() {
    return {.extended_types = settings_.extended_types,
            .quotas = settings_.enforce_quota ? &quota_check_ : nullptr,
            .access = settings_.access,
            .close_session_names_nodes = settings_.close_session_names_nodes,
            .jute_max_buffer = settings_.jute_max_buffer};
}

void Core::begin_serving(Epoch epoch, Instant now, Actions& out) {
    if (makes_txns()) {
        preparer_.emplace(tree(), policy());
        container_sweep_.begin(now);
        sessions_.restart_all(working_.now());
    }
    if (leader_) database_.begin_epoch(epoch);
    local_.begin_serving(false, working_.now());
    serving_ = true;
    serving_since_ = now;
    if (unserved_since_) {
        const std::int64_t out_ms = to_ms(now - *std::exchange(unserved_since_, std::nullopt));
        counts_.observe(metrics::Summary::unavailable_time, out_ms);
        if (leader_) counts_.observe(metrics::Summary::leader_unavailable_time, out_ms);
    }
    if (learner_ && follows_since_)
        counts_.observe(metrics::Summary::follower_sync_time,
                        to_ms(now - *std::exchange(follows_since_, std::nullopt)));
    if (!alone_) election_.serving(epoch, now);
    log_.info("server.serving role={} leader={} epoch={} zxid={} znodes={}",
              to_string(role()),
              leader_sid_.value_or(ServerId(-1)),
              epoch,
              tree().last_zxid(),
              tree().node_count());
    const bool takes_clients = !leader_ || settings_.leader_serves;
    if (!takes_clients) log_.info("server.takes_no_clients leaderServes=no");
    out.push_back(request::ToFrontend(request::Serving{takes_clients}));
}

// What clients see may be old, and may hold txns that never committed: this is for those that ask for it.
void Core::begin_read_only(Instant now, Actions& out) {
    ZK_COVERED("core.read_only");
    read_only_ = true;
    local_.begin_serving(true, working_.now());
    log_.warn("server.read_only zxid={} znodes={} searching_ms={}",
              tree().last_zxid(),
              tree().node_count(),
              to_ms(now - election_began_));
    out.push_back(request::ToFrontend(request::Serving{.serving = true, .read_only = true}));
}

void Core::end_read_only(Actions& out) {
    if (!std::exchange(read_only_, false)) return;
    requests_.clear();
    out.push_back(request::ToFrontend(request::Serving{false}));
}

void Core::stop_serving(Actions& out) {
    if (serving_) out.push_back(request::ToFrontend(request::Serving{false}));
    serving_ = false;
    requests_.clear();
    queued_.clear();
    waiting_for_end_.clear();
    reattached_early_.clear();
    preparer_.reset();
}

// What it still wanted is void.
void Core::end_role() {
    leader_.reset();
    learner_.reset();
    alone_.reset();
    unsynced_.clear();
    zab_actions_.clear();
    zab_current_.clear();
    zab_done_ = 0;
    leader_sid_.reset();
}

void Core::leave_role(const std::string& why, Instant now, Actions& out) {
    log_.info("role.left role={} why=\"{}\"", to_string(role()), why);
    election_.role_ended(why, now);
    std::vector<zab::CommittedTxn> pending;
    if (leader_) {
        out.push_back(CloseLearnerPort{});
        accepted_elsewhere_ = std::max(accepted_elsewhere_, leader_->highest_accepted());
        if (leader_->abdicated()) abdicated_at_ = now;
        for (Proposed& proposed : proposed_) pending.push_back(std::move(proposed.txn));
        proposed_.clear();
    }
    if (learner_) {
        out.push_back(CloseLeader{});
        pending = learner_->take_pending();
        ask_for_snapshot_ = learner_->needs_snapshot();
        ++attempt_;
    }
    stop_serving(out);
    end_role();
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

metrics::Metrics Core::counts() const {
    metrics::Metrics all = counts_;
    for (const auto& [sid, times] : ack_times_ms_)
        all.merge(metrics::SummarySet::ack_latency, to_string(sid), times);
    return all;
}

StatusPage Core::status() const {
    StatusPage page;
    page.my_id = settings_.my_id;
    page.role = role();
    page.serving = has_clients();
    page.read_only = read_only_;
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
    page.local_session_count = local_.size();
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
    page.digest_mismatches = database_.digest_mismatches();
    if (leader_) {
        page.proposals = proposal_sizes_;
        page.leads_for = now_ - serving_since_;
    }
    page.last_election_took = last_election_took_;
    return page;
}

SessionsPage Core::sessions_page() const {
    const auto buckets_of = [this](const session::SessionTracker& tracker) {
        std::vector<SessionsPage::Bucket> buckets;
        for (const auto& [deadline, sessions] : tracker.buckets()) {
            buckets.push_back(
                {.in = deadline - working_.now(), .sessions = {sessions.begin(), sessions.end()}});
        }
        return buckets;
    };
    SessionsPage page;
    page.expires = makes_txns();
    if (page.expires) page.buckets = buckets_of(sessions_);
    if (local_.wanted()) page.local = buckets_of(local_.tracker());
    page.all = sessions_.all();
    for (const SessionId session : tree().ephemeral_sessions())
        page.ephemerals.emplace_back(session, tree().ephemerals(session));
    return page;
}

}  // namespace zk::core
