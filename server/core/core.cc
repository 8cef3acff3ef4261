// Roles of a server and the way of every event. See core.h.
#include "core/core.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "election/notification.h"
#include "session/session_ids.h"

namespace zk::core {

Core::Core(Settings settings, storage::RecoveredState recovered, Log log)
    : settings_(std::move(settings)),
      log_(std::move(log)),
      tree_(std::move(recovered.tree)),
      sessions_(settings_.tick),
      committed_log_(settings_.committed_window),
      election_(settings_.my_id, settings_.config, log_, settings_.election),
      accepted_epoch_(recovered.accepted_epoch),
      current_epoch_(recovered.current_epoch),
      last_logged_(recovered.last_zxid),
      last_durable_(recovered.last_zxid),
      snapshot_after_(settings_.snap_count),
      random_state_(settings_.seed ^ static_cast<std::uint64_t>(settings_.my_id.value())),
      next_session_(session::first_session_id(settings_.my_id, settings_.monotonic_ms)) {
    for (const auto& [session, timeout_ms] : recovered.sessions) {
        sessions_.add(session, timeout_ms, Instant{});
    }
    fill_committed_log(recovered);
    tree_->set_config_node(to_string(settings_.config), Zxid(settings_.config.version));
}

void Core::start(WallMs wall, Instant now, Actions& out) {
    wall_ = wall;
    look(now, out);
}

void Core::step(Event event, Instant now, Actions& out) {
    ZK_ASSERT(!paused_);
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
    if (state_ == State::leading) {
        propose_queued(now, out);
        run_zab(now, out);
    }
    if (!paused_) maybe_snapshot(out);
}

// ---- election

void Core::look(Instant now, Actions& out) {
    state_ = State::looking;
    leader_sid_.reset();
    election_began_ = now;
    ++elections_;
    const Zxid last = last_logged_ == Zxid(-1) ? last_logged_
                                               : std::max(last_logged_, tree_->last_zxid());
    election::ElectionActions actions;
    election_.start(last, current_epoch_, now, actions);
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
              last_logged_,
              to_ms(last_election_took_));
    const Zxid last = std::max(last_logged_, tree_->last_zxid());
    if (leader == settings_.my_id) {
        state_ = State::leading;
        leader_ = std::make_unique<zab::Leader>(zab_settings(), log_);
        out.push_back(OpenLearnerPort{});
        leader_->start(std::max(accepted_epoch_, accepted_elsewhere_),
                       current_epoch_,
                       last,
                       last_durable_,
                       committed_log_,
                       now,
                       zab_actions_);
    } else {
        state_ = State::following;
        learner_ = std::make_unique<zab::Learner>(zab_settings(), log_);
        if (std::exchange(ask_for_snapshot_, false)) learner_->ask_for_snapshot();
        learner_->start(leader,
                        accepted_epoch_,
                        current_epoch_,
                        last_logged_ == Zxid(-1) ? last_logged_ : last,
                        now,
                        zab_actions_);
    }
}

zab::Settings Core::zab_settings() const {
    return {.my_id = settings_.my_id,
            .config = settings_.config,
            .tick = settings_.tick,
            .init_limit = settings_.init_limit,
            .sync_limit = settings_.sync_limit,
            .counter_limit = settings_.counter_limit};
}

void Core::handle(Tick& event, Instant now, Actions& out) {
    wall_ = event.wall;
    election::ElectionActions actions;
    election_.on_tick(now, actions);
    run_election(actions, now, out);
    if (leader_) leader_->on_tick(now, zab_actions_);
    if (learner_) learner_->on_tick(now, zab_actions_);
    run_zab(now, out);
    if (state_ == State::leading && serving_) expire_sessions(now, out);
}

void Core::handle(NotificationReceived& event, Instant now, Actions& out) {
    auto notification = election::decode_notification(event.body);
    if (!notification.has_value()) {
        log_.warn("election.bad_notification from={} why=\"{}\"",
                  event.from,
                  notification.error().message());
        return;
    }
    election::ElectionActions actions;
    election_.on_notification(event.from, *notification, now, actions);
    run_election(actions, now, out);
}

// ---- links

void Core::handle(LearnerConnected& event, Instant now, Actions& out) {
    if (leader_) {
        leader_->on_learner_connected(event.link, now, zab_actions_);
    } else {
        out.push_back(CloseLearner{event.link, "not leading"});
    }
}

void Core::handle(LearnerPacket& event, Instant now, Actions&) {
    if (leader_) leader_->on_packet(event.link, event.packet, now, zab_actions_);
}

void Core::handle(LearnerClosed& event, Instant now, Actions&) {
    if (leader_) leader_->on_link_closed(event.link, now, zab_actions_);
}

void Core::handle(LearnerRoom&, Instant, Actions&) {}

void Core::handle(LearnerProgress&, Instant, Actions&) {}

void Core::handle(LeaderConnected& event, Instant now, Actions&) {
    if (learner_ && event.attempt == attempt_) learner_->on_connected(now, zab_actions_);
}

void Core::handle(LeaderDialFailed& event, Instant now, Actions&) {
    if (learner_ && event.attempt == attempt_) {
        learner_->on_dial_failed(event.why, now, zab_actions_);
    }
}

void Core::handle(LeaderPacket& event, Instant now, Actions&) {
    if (learner_ && event.attempt == attempt_) {
        learner_->on_packet(event.packet, now, zab_actions_);
    }
}

void Core::handle(LeaderSnapshot& event, Instant now, Actions& out) {
    if (!learner_ || event.attempt != attempt_ || !snapshot_loading_) return;
    ZK_COVERED("core.snapshot_received");
    const Zxid zxid = *snapshot_loading_;
    snapshot_loading_.reset();
    event.tree->set_last_zxid(zxid);
    replace_tree(std::move(event.tree), event.sessions, now, out);
    committed_log_.reset(zxid);
    must_reload_ = true;  // until the snapshot is on disk
    last_logged_ = zxid;
    log_.info("learner.snapshot_loaded zxid={} znodes={}", zxid, tree_->node_count());
    learner_->on_snapshot_loaded(zxid, now, zab_actions_);
}

void Core::handle(LeaderClosed& event, Instant now, Actions&) {
    if (learner_ && event.attempt == attempt_) {
        learner_->on_disconnected(event.why, now, zab_actions_);
    }
}

// ---- disk

void Core::handle(storage::DiskEvent& event, Instant now, Actions& out) {
    struct Handler {
        Core& core;
        Instant now;
        Actions& out;
        void operator()(storage::LogDurable& e) {
            core.last_durable_ = e.up_to;
            if (core.leader_) core.leader_->on_log_durable(e.up_to, now, core.zab_actions_);
            if (core.learner_) core.learner_->on_log_durable(e.up_to, now, core.zab_actions_);
        }
        void operator()(storage::AcceptedEpochSaved& e) {
            core.accepted_epoch_ = e.epoch;
            if (core.leader_) core.leader_->on_accepted_epoch_saved(e.epoch, now, core.zab_actions_);
            if (core.learner_) {
                core.learner_->on_accepted_epoch_saved(e.epoch, now, core.zab_actions_);
            }
        }
        void operator()(storage::CurrentEpochSaved& e) {
            core.current_epoch_ = e.epoch;
            if (core.leader_) core.leader_->on_current_epoch_saved(e.epoch, now, core.zab_actions_);
            if (core.learner_) {
                core.learner_->on_current_epoch_saved(e.epoch, now, core.zab_actions_);
            }
        }
        void operator()(storage::LogTruncated& e) {
            if (core.state_ != State::following) return;
            ZK_COVERED("core.log_truncated");
            core.take_recovered(std::move(e.state), now, out);
            core.must_reload_ = false;
            core.learner_->on_truncated(e.zxid, now, core.zab_actions_);
        }
        void operator()(storage::TruncateFailed& e) {
            if (core.state_ != State::following) return;
            ZK_COVERED("core.truncate_failed");
            core.learner_->on_truncate_failed(e.why, now, core.zab_actions_);
        }
        void operator()(storage::SnapshotInstalled& e) {
            if (core.state_ != State::following || !core.install_snapshot_) return;
            ZK_ASSERT(e.zxid == core.install_zxid_);
            core.install_snapshot_ = false;
            core.must_reload_ = false;
            core.txns_since_snapshot_ = 0;
            core.last_durable_ = e.zxid;
            core.learner_->on_snapshot_saved(e.zxid, now, core.zab_actions_);
        }
        void operator()(storage::LogRead&) {}
        void operator()(storage::Reloaded& e) {
            if (core.state_ != State::reloading) return;
            ZK_COVERED("core.reloaded");
            core.take_recovered(std::move(e.state), now, out);
            core.must_reload_ = false;
            core.look(now, out);
        }
        void operator()(storage::DiskFailed& e) { out.push_back(Fatal{e.words}); }
    };
    std::visit(Handler{*this, now, out}, event);
}

void Core::handle(SnapshotFinished& event, Instant now, Actions& out) {
    snapshot_running_ = false;
    const bool staged = std::exchange(install_started_, false) && event.saved;
    if (const auto zxid = std::exchange(truncate_after_snapshot_, std::nullopt)) {
        ZK_COVERED("core.truncate_waited");
        out.push_back(storage::DiskCommand(storage::TruncateLog{*zxid}));
        return;
    }
    if (state_ == State::reloading) return continue_after_role(now, out);
    if (!install_snapshot_ || !learner_) return;
    if (staged) {
        out.push_back(storage::DiskCommand(storage::InstallSnapshot{install_zxid_}));
    } else {
        start_install(out);  // an older snapshot had to end first
    }
}

void Core::start_install(Actions& out) {
    ZK_ASSERT(install_snapshot_ && !snapshot_running_);
    snapshot_running_ = true;
    install_started_ = true;
    out.push_back(StartSnapshot{.zxid = install_zxid_, .install = true});
}

void Core::take_recovered(storage::RecoveredState recovered, Instant now, Actions& out) {
    replace_tree(std::move(recovered.tree), recovered.sessions, now, out);
    accepted_epoch_ = recovered.accepted_epoch;
    current_epoch_ = recovered.current_epoch;
    last_logged_ = last_durable_ = recovered.last_zxid;
    fill_committed_log(recovered);
}

// What stands before the first replayed txn is not known, so that one serves as the base.
void Core::fill_committed_log(storage::RecoveredState& recovered) {
    committed_log_.reset(recovered.recent.empty() ? recovered.last_zxid
                                                  : recovered.recent.front().first);
    for (auto& [zxid, bytes] : recovered.recent) {
        if (zxid > committed_log_.max()) committed_log_.add(zxid, std::move(bytes));
    }
}

void Core::replace_tree(std::unique_ptr<tree::DataTree> tree,
                        const std::map<SessionId, std::int32_t>& sessions,
                        Instant now,
                        Actions& out) {
    ZK_ASSERT(!serving_);
    std::unique_ptr<tree::DataTree> old = std::exchange(tree_, std::move(tree));
    tree_->set_config_node(to_string(settings_.config), Zxid(settings_.config.version));
    sessions_.clear();
    for (const auto& [session, timeout_ms] : sessions) sessions_.add(session, timeout_ms, now);
    out.push_back(TreeReplaced{});
    out.push_back(RetireTree{std::move(old)});
}

// ---- zab

void Core::run_zab(Instant now, Actions& out) {
    while (!paused_) {
        if (zab_done_ == zab_current_.size()) {
            zab_current_.clear();
            zab_done_ = 0;
            if (zab_actions_.empty()) return;
            zab_current_.swap(zab_actions_);
        }
        zab::Action action = std::move(zab_current_[zab_done_++]);
        carry_out(action, now, out);
    }
}

void Core::carry_out(zab::Action& action, Instant now, Actions& out) {
    struct Handler {
        Core& core;
        Instant now;
        Actions& out;
        void operator()(zab::SendToLearner& a) {
            out.push_back(SendToLearner{a.link, std::move(a.packet)});
        }
        void operator()(zab::SendSnapshot& a) { out.push_back(SendSnapshot{a.link}); }
        void operator()(zab::CloseLearner& a) {
            out.push_back(CloseLearner{a.link, std::move(a.why)});
        }
        void operator()(zab::DialLeader& a) {
            out.push_back(DialLeader{++core.attempt_, a.leader});
        }
        void operator()(zab::SendToLeader& a) { out.push_back(SendToLeader{std::move(a.packet)}); }
        void operator()(zab::CloseLeader&) { out.push_back(CloseLeader{}); }
        void operator()(zab::AppendTxn& a) {
            core.last_logged_ = a.zxid;
            if (core.leader_) core.proposed_.push_back({a.zxid, a.bytes});
            out.push_back(storage::DiskCommand(storage::AppendTxn{a.zxid, std::move(a.bytes)}));
        }
        void operator()(zab::SaveAcceptedEpoch& a) {
            out.push_back(storage::DiskCommand(storage::SaveAcceptedEpoch{a.epoch}));
        }
        void operator()(zab::SaveCurrentEpoch& a) {
            out.push_back(storage::DiskCommand(storage::SaveCurrentEpoch{a.epoch}));
        }
        void operator()(zab::TruncateLog& a) {
            core.must_reload_ = true;  // memory holds what the disk is about to lose
            if (core.snapshot_running_) {
                core.truncate_after_snapshot_ = a.zxid;
            } else {
                out.push_back(storage::DiskCommand(storage::TruncateLog{a.zxid}));
            }
        }
        void operator()(zab::LoadSnapshot& a) { core.snapshot_loading_ = a.zxid; }
        void operator()(zab::SaveSnapshot& a) {
            core.install_snapshot_ = true;
            core.install_zxid_ = a.zxid;
            if (!core.snapshot_running_) core.start_install(out);
        }
        void operator()(zab::Committed& a) {
            if (!core.proposed_.empty()) {
                ZK_ASSERT(core.proposed_.front().zxid == a.zxid);
                core.proposed_.pop_front();
            }
            core.apply(a.zxid, a.bytes, now, out);
        }
        void operator()(zab::Established& a) { core.begin_serving(a.epoch, now, out); }
        void operator()(zab::EpochChanged& a) { core.election_.established(a.epoch); }
        void operator()(zab::ForwardedRequest& a) {
            if (!core.serving_) return;
            core.submit({.owner = static_cast<std::int64_t>(a.link),
                         .session = a.session,
                         .cxid = a.cxid,
                         .op = a.op,
                         .body = std::move(a.body),
                         .auth = std::move(a.auth)},
                        now,
                        out);
        }
        void operator()(zab::LearnerTouched& a) {
            for (const auto& [session, timeout_ms] : a.sessions) {
                if (core.sessions_.contains(session)) core.sessions_.touch(session, now);
            }
        }
        void operator()(zab::LearnerRevalidates& a) {
            const bool valid =
                core.sessions_.contains(a.session) && !core.sessions_.is_closing(a.session);
            if (valid) {
                core.sessions_.add(a.session, a.timeout_ms, now);
                core.sessions_.set_owner(a.session, static_cast<std::int64_t>(a.link));
            }
            core.leader_->revalidated(a.link, a.session, valid, core.zab_actions_);
        }
        void operator()(zab::RevalidateAnswered& a) { core.revalidated(a.session, a.valid, out); }
        void operator()(zab::SyncAnswered& a) { core.sync_answered(a.token, out); }
        void operator()(zab::DiscardDatabase&) { core.must_reload_ = true; }
        void operator()(zab::GiveUp& a) { core.leave_role(a.why, now, out); }
        void operator()(zab::Fatal& a) { out.push_back(Fatal{std::move(a.why)}); }
    };
    std::visit(Handler{*this, now, out}, action);
}

void Core::begin_serving(Epoch epoch, Instant now, Actions& out) {
    if (leader_) {
        preparer_.emplace(*tree_);
        tree_->set_last_zxid(Zxid(epoch, 0));
        committed_log_.begin_epoch(epoch);
        sessions_.restart_all(now);
    }
    serving_ = true;
    log_.info("server.serving role={} leader={} epoch={} zxid={} znodes={}",
              leader_ ? "leader" : "follower",
              leader_sid_.value_or(ServerId(-1)),
              epoch,
              tree_->last_zxid(),
              tree_->node_count());
    out.push_back(request::ToFrontend(request::Serving{true}));
}

void Core::stop_serving(Actions& out) {
    if (serving_) out.push_back(request::ToFrontend(request::Serving{false}));
    serving_ = false;
    pending_.clear();
    pending_opens_.clear();
    pending_reattaches_.clear();
    pending_syncs_.clear();
    queued_.clear();
    preparer_.reset();
}

void Core::leave_role(const std::string& why, Instant now, Actions& out) {
    log_.info("role.left role={} why=\"{}\"", leader_ ? "leader" : "follower", why);
    std::vector<zab::CommittedTxn> pending;
    if (leader_) {
        out.push_back(CloseLearnerPort{});
        accepted_elsewhere_ = std::max(accepted_elsewhere_, leader_->highest_accepted());
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
    snapshot_loading_.reset();
    install_snapshot_ = false;
    install_started_ = false;
    truncate_after_snapshot_.reset();
    leader_sid_.reset();
    if (snapshot_running_) out.push_back(CancelSnapshot{});
    if (must_reload_) {
        state_ = State::reloading;
        reload_sent_ = false;
        return continue_after_role(now, out);
    }
    // The log holds them and so does this server's vote; whether they stay is for the next leader to say.
    for (const zab::CommittedTxn& txn : pending) apply(txn.zxid, txn.bytes, now, out);
    look(now, out);
}

void Core::continue_after_role(Instant, Actions& out) {
    if (snapshot_running_ || reload_sent_) return;
    reload_sent_ = true;
    out.push_back(storage::DiskCommand(storage::Reload{}));
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
        case Role::looking: return "looking";
        case Role::following: return "follower";
        case Role::leading: return "leader";
        case Role::observing: return "observer";
        case Role::standalone: return "standalone";
    }
    return "looking";
}

StatusPage Core::status() const {
    StatusPage page;
    page.my_id = settings_.my_id;
    page.role = leader_ ? Role::leading : learner_ ? Role::following : Role::looking;
    page.serving = serving_;
    page.leader = leader_sid_;
    page.accepted_epoch = accepted_epoch_;
    page.current_epoch = current_epoch_;
    page.last_zxid = tree_->last_zxid();
    page.last_logged = last_logged_;
    const election::Vote& vote = election_.current_vote();
    page.round = election_.round().value();
    page.vote_leader = vote.leader;
    page.vote_zxid = vote.zxid;
    page.vote_epoch = vote.peer_epoch;
    page.znode_count = tree_->node_count();
    page.ephemeral_count = tree_->ephemeral_count();
    page.session_count = sessions_.size();
    page.approximate_data_bytes = tree_->approximate_bytes();
    for (const auto& [session, queue] : pending_) page.outstanding += queue.size();
    page.outstanding += pending_opens_.size() + pending_syncs_.size();
    page.proposals_pending = proposed_.size();
    if (leader_) {
        for (const zab::LearnerView& view : leader_->learners()) {
            page.learners.push_back(
                {.sid = view.sid, .synced = view.synced, .voter = true, .last_acked = view.last_acked});
        }
    }
    page.elections = elections_;
    page.last_election_took = last_election_took_;
    return page;
}

}  // namespace zk::core
