// What links and the disk tell, on its way to the role, and what the role asks for. See core.h.
#include <algorithm>
#include <utility>

#include "base/check.h"
#include "core/core.h"

namespace zk::core {

// ---- links

void Core::handle(LearnerConnected& event, Instant now, Actions& out) {
    if (leader_) {
        leader_->on_learner_connected(event.link,
                                      {event.members_there.begin(), event.members_there.end()},
                                      now,
                                      zab_actions_);
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

void Core::handle(LearnerRoom& event, Instant now, Actions&) {
    if (leader_) leader_->on_learner_room(event.link, now, zab_actions_);
}

void Core::handle(LearnerProgress& event, Instant now, Actions&) {
    if (leader_) leader_->on_learner_progress(event.link, now);
}

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

void Core::handle(LeaderProgress& event, Instant now, Actions&) {
    if (learner_ && event.attempt == attempt_) learner_->on_snapshot_progress(now);
}

void Core::handle(LeaderSnapshot& event, Instant now, Actions& out) {
    if (!learner_ || event.attempt != attempt_ || !snapshot_loading_) return;
    ZK_COVERED("core.snapshot_received");
    const Zxid zxid = *snapshot_loading_;
    snapshot_loading_.reset();
    event.tree->set_last_zxid(zxid);
    replace_tree(std::move(event.tree), event.sessions, out);
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
            core.take_recovered(std::move(e.state), out);
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
        void operator()(storage::LogRead& e) {
            if (!core.leader_) return;
            std::vector<zab::CommittedTxn> txns;
            txns.reserve(e.txns.size());
            for (auto& [zxid, bytes] : e.txns) txns.push_back({zxid, std::move(bytes)});
            core.leader_->on_history_read(e.reader, e.after, e.found, txns, now, core.zab_actions_);
        }
        void operator()(storage::Reloaded& e) {
            if (core.state_ != State::reloading) return;
            ZK_COVERED("core.reloaded");
            core.take_recovered(std::move(e.state), out);
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

void Core::take_recovered(storage::RecoveredState recovered, Actions& out) {
    replace_tree(std::move(recovered.tree), recovered.sessions, out);
    accepted_epoch_ = recovered.accepted_epoch;
    current_epoch_ = recovered.current_epoch;
    last_logged_ = last_durable_ = recovered.last_zxid;
    fill_committed_log(recovered);
}

// What stands before the first replayed txn is not known, so that one serves as the base.
void Core::fill_committed_log(storage::RecoveredState& recovered) {
    committed_log_.reset(
        recovered.recent.empty() ? recovered.last_zxid : recovered.recent.front().first,
        recovered.replayed_from);
    for (auto& [zxid, bytes] : recovered.recent) {
        if (zxid > committed_log_.max()) committed_log_.add(zxid, std::move(bytes));
    }
}

void Core::replace_tree(std::unique_ptr<tree::DataTree> tree,
                        const std::map<SessionId, std::int32_t>& sessions,
                        Actions& out) {
    ZK_ASSERT(!serving_);
    std::unique_ptr<tree::DataTree> old = std::exchange(tree_, std::move(tree));
    tree_->set_config_node(to_string(settings_.config), Zxid(settings_.config.version));
    sessions_.clear();
    for (const auto& [session, timeout_ms] : sessions) {
        sessions_.add(session, timeout_ms, working_.now());
    }
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
        if (reads_come_before(zab_current_[zab_done_])) {
            ZK_COVERED("core.stops_at_a_read");
            paused_ = true;
            return;
        }
        zab::Action action = std::move(zab_current_[zab_done_++]);
        carry_out(action, now, out);
    }
}

// A write or a sync of a client of this server, while a read of that client waits for an answer that is not heard yet.
bool Core::reads_come_before(const zab::Action& action) const {
    if (answered_.empty()) return false;
    if (const auto* sync = std::get_if<zab::SyncAnswered>(&action)) {
        const auto found = pending_syncs_.find(sync->token);
        return found != pending_syncs_.end() && found->second.behind_read && answered_.contains(found->second.session);
    }
    const auto* committed = std::get_if<zab::Committed>(&action);
    if (committed == nullptr) return false;
    jute::InputArchive archive(*committed->bytes);
    const auto header = archive.get<jute::TxnHeader>();
    if (!archive.ok() || !answered_.contains(header.session)) return false;
    const auto queue = pending_.find(header.session);
    if (queue == pending_.end() || queue->second.empty()) return false;
    const PendingRequest& next = queue->second.front();
    return next.behind_read && next.xid == header.cxid;
}

void Core::carry_out(zab::Action& action, Instant now, Actions& out) {
    struct Handler {
        Core& core;
        Instant now;
        Actions& out;
        void operator()(zab::SendToLearner& a) {
            out.push_back(SendToLearner{a.link, std::move(a.packet)});
        }
        void operator()(zab::SendProposal& a) {
            out.push_back(SendProposal{a.link, a.zxid, std::move(a.bytes)});
        }
        void operator()(zab::AwaitRoom& a) { out.push_back(AwaitRoom{a.link}); }
        void operator()(zab::ReadHistory& a) {
            out.push_back(storage::DiskCommand(storage::ReadLog{
                .reader = a.link, .after = a.after, .up_to = a.up_to, .bytes_max = a.bytes_max}));
        }
        void operator()(zab::SendSnapshot& a) { out.push_back(SendSnapshot{a.link}); }
        void operator()(zab::CloseLearner& a) {
            out.push_back(CloseLearner{a.link, std::move(a.why)});
        }
        void operator()(zab::DialLeader& a) {
            out.push_back(DialLeader{++core.attempt_, a.leader});
        }
        void operator()(zab::SendToLeader& a) { out.push_back(SendToLeader{std::move(a.packet)}); }
        void operator()(zab::ReadLeader& a) { out.push_back(ReadLeader{a.on}); }
        void operator()(zab::ConfigVersion& a) { core.adopt_config_version(a.version); }
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
            core.apply(a.zxid, a.bytes, out);
        }
        void operator()(zab::Established& a) { core.begin_serving(a.epoch, out); }
        void operator()(zab::EpochChanged& a) { core.election_.established(a.epoch); }
        void operator()(zab::ForwardedRequest& a) {
            if (!core.serving_) return;
            core.touch(a.session);
            core.submit({.owner = static_cast<std::int64_t>(a.link),
                         .session = a.session,
                         .cxid = a.cxid,
                         .op = a.op,
                         .body = std::move(a.body),
                         .auth = std::move(a.auth),
                         .sync_token = 0},
                        now,
                        out);
        }
        void operator()(zab::LearnerTouched& a) {
            for (const auto& [session, timeout_ms] : a.sessions) {
                core.touch(session);
            }
        }
        void operator()(zab::LearnerRevalidates& a) {
            if (core.sessions_.is_closing(a.session)) {
                core.waiting_for_end_[a.session].push_back({std::nullopt, a.link});
                return;
            }
            const bool valid = core.sessions_.contains(a.session);
            if (valid) {
                core.sessions_.add(a.session, a.timeout_ms, core.working_.now());
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

}  // namespace zk::core
