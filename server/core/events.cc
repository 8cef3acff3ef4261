// What links and the disk tell, on its way to the role, and what the role asks for. See core.h.
#include <optional>
#include <type_traits>
#include <utility>

#include "base/check.h"
#include "core/core.h"

namespace zk::core {
namespace {

/// What zab asks of links is asked of them as it is.
template <class T>
inline constexpr bool kPassedOn =
    std::is_same_v<T, SendToLearner> || std::is_same_v<T, SendProposal> ||
    std::is_same_v<T, AwaitRoom> || std::is_same_v<T, SendSnapshot> ||
    std::is_same_v<T, CloseLearner> || std::is_same_v<T, SendToLeader> ||
    std::is_same_v<T, ReadLeader> || std::is_same_v<T, CloseLeader>;

}  // namespace

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
    if (!leader_) return;
    if (event.packet.type == zab::PacketType::ack) {
        if (const auto voter = leader_->voter_at(event.link))
            count_ack(*voter, event.packet.zxid, now);
    }
    leader_->on_packet(event.link, event.packet, now, zab_actions_);
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
    if (!learner_ || event.attempt != attempt_ || !database_.is_streaming()) return;
    ZK_COVERED("core.snapshot_received");
    const Zxid zxid = database_.take_stream(std::move(event.tree), out);
    take_sessions(event.sessions);
    log_.info("learner.snapshot_loaded zxid={} znodes={}", zxid, tree().node_count());
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
            core.count_own_acks(e.up_to, now);
            core.unsynced_.durable(e.up_to, core.wall_, core.counts_);
            core.database_.durable(e.up_to);
            if (core.alone_) core.alone_->on_log_durable(e.up_to, core.zab_actions_);
            if (core.leader_) core.leader_->on_log_durable(e.up_to, now, core.zab_actions_);
            if (core.learner_) core.learner_->on_log_durable(e.up_to, now, core.zab_actions_);
        }
        void operator()(storage::AcceptedEpochSaved& e) {
            core.accepted_epoch_ = e.epoch;
            if (core.to_restore_) core.restore_now(out);
            if (core.leader_)
                core.leader_->on_accepted_epoch_saved(e.epoch, now, core.zab_actions_);
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
            if (!core.database_.is_cutting()) return;
            ZK_COVERED("core.log_truncated");
            core.database_.cut_done(e.state, out);
            core.take_recovered(e.state);
            core.learner_->on_truncated(e.zxid, now, core.zab_actions_);
        }
        void operator()(storage::TruncateFailed& e) {
            if (!core.database_.is_cutting()) return;
            ZK_COVERED("core.truncate_failed");
            core.learner_->on_truncate_failed(e.why, now, core.zab_actions_);
        }
        void operator()(storage::SnapshotInstalled& e) {
            if (!core.database_.installed(e.zxid)) return;
            if (core.state_ == State::restoring) return core.restored(now, out);
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
            if (!core.database_.reloaded(e.state, out)) return;
            core.take_recovered(e.state);
            core.look(now, out);
        }
        void operator()(storage::DiskFailed& e) { out.push_back(Fatal{e.words}); }
    };
    std::visit(Handler{*this, now, out}, event);
}

void Core::handle(SnapshotFinished& event, Instant, Actions& out) {
    database_.file_finished(event.zxid, event.saved, out);
}

void Core::handle(TakeSnapshot&, Instant, Actions& out) {
    if (!serving_) return out.push_back(OperatorNews(SnapshotTaken{}));
    database_.take_snapshot(out);
}

// Of a database that was read again.
void Core::take_recovered(const storage::RecoveredState& recovered) {
    take_sessions(recovered.sessions);
    count_load(recovered.load);
    accepted_epoch_ = recovered.accepted_epoch;
    current_epoch_ = recovered.current_epoch;
}

void Core::take_sessions(const std::map<SessionId, std::int32_t>& sessions) {
    ZK_ASSERT(!serving_);
    sessions_.clear();
    for (const auto& [session, timeout_ms] : sessions)
        sessions_.add(session, timeout_ms, working_.now());
}

// ---- zab

void Core::run_zab(Instant now, Actions& out) {
    while (!more()) {
        if (zab_done_ == zab_current_.size()) {
            zab_current_.clear();
            zab_done_ = 0;
            if (zab_actions_.empty()) return;
            zab_current_.swap(zab_actions_);
        }
        paused_for_ = reads_come_before(zab_current_[zab_done_]);
        if (more()) {
            ZK_COVERED("core.stops_at_a_read");
            return;
        }
        zab::Action action = std::move(zab_current_[zab_done_++]);
        count(action);
        carry_out(action, now, out);
    }
}

// A write or a sync of a client of this server, while a read of that client waits for an answer that is not heard yet.
std::optional<std::uint32_t> Core::reads_come_before(const zab::Action& action) const {
    if (!requests_.any_unheard()) return std::nullopt;
    if (const auto* sync = std::get_if<zab::SyncAnswered>(&action))
        return requests_.sync_waits_for_reads(sync->token);
    const auto* committed = std::get_if<zab::Committed>(&action);
    if (committed == nullptr) return std::nullopt;
    jute::InputArchive archive(*committed->bytes);
    const auto header = archive.get<jute::TxnHeader>();
    if (!archive.ok()) return std::nullopt;
    return requests_.waits_for_reads(header.session, header.cxid);
}

void Core::count(const zab::Action& action) {
    using metrics::Counter;
    if (const auto* append = std::get_if<zab::AppendTxn>(&action)) {
        count_append(*append);
    } else if (std::holds_alternative<zab::Committed>(action)) {
        if (leader_) counts_.add(Counter::commit_count);
        if (!learner_ || !serving_) return;
        counts_.add(Counter::learner_commit_received_count);
    } else if (const auto* sent = std::get_if<zab::SendToLearner>(&action)) {
        count_sync(sent->packet.type);
    } else if (std::holds_alternative<zab::LearnerRevalidates>(action)) {
        counts_.add(Counter::revalidate_count);
    }
}

void Core::count_append(const zab::AppendTxn& append) {
    using metrics::Counter;
    counts_.add(Counter::sync_processor_request_queued);
    // A server alone acknowledges to nobody; a learner what comes before UPTODATE all in one.
    const bool follows = learner_ && serving_;
    if (!leader_ && !follows) return unsynced_.appended(append.zxid, std::nullopt);
    jute::InputArchive archive(*append.bytes);
    const auto header = archive.get<jute::TxnHeader>();
    unsynced_.appended(append.zxid, archive.ok() ? std::optional(header.time) : std::nullopt);
    if (!follows) return;
    counts_.add(Counter::learner_proposal_received_count);
    if (archive.ok()) count_propagation(header, metrics::Summary::propagation_latency);
}

/// When a learner's synchronisation begins: how many there are now, this one among them. A TRUNC counts as a DIFF, as in
/// Apache's LearnerHandler.
void Core::count_sync(zab::PacketType type) {
    using zab::PacketType;
    const bool snapshot = type == PacketType::snap;
    if (!snapshot && type != PacketType::diff && type != PacketType::trunc) return;
    counts_.add(snapshot ? metrics::Counter::snap_count : metrics::Counter::diff_count);
    if (!leader_) return;
    const auto in_flight =
        leader_->syncs_in_flight(snapshot ? zab::SyncBy::snapshot : zab::SyncBy::txns);
    counts_.observe(
        snapshot ? metrics::Summary::inflight_snap_count : metrics::Summary::inflight_diff_count,
        static_cast<std::int64_t>(in_flight));
}

/// Each time when the database is read from disk: at the start, and behind a TRUNC or an aborted SNAP.
void Core::count_load(const storage::LoadStatistics& load) {
    counts_.observe(metrics::Summary::startup_snap_load_time, to_ms(load.snapshots));
    counts_.observe(metrics::Summary::startup_txns_load_time, to_ms(load.log));
    counts_.observe(metrics::Summary::startup_txns_loaded, load.txns);
}

/// By the wall clocks of two servers, as Apache's: it is as good as they agree.
void Core::count_propagation(const jute::TxnHeader& header, metrics::Summary summary) {
    counts_.observe(summary, wall_.value() - header.time.value());
}

/// How long a server took to acknowledge a proposal; nothing of those that have committed without it.
void Core::count_ack(ServerId sid, Zxid zxid, Instant now) {
    if (proposed_.empty()) return;
    const Zxid first = proposed_.front().txn.zxid;
    if (zxid < first || zxid > proposed_.back().txn.zxid) return;
    const auto place = static_cast<std::size_t>(zxid.value() - first.value());
    ack_times_ms_[sid].add(to_ms(now - proposed_[place].at));
}

void Core::count_own_acks(Zxid up_to, Instant now) {
    for (const Proposed& proposed : proposed_) {
        const Zxid zxid = proposed.txn.zxid;
        if (zxid > up_to) return;
        if (zxid > database_.last_durable()) count_ack(settings_.my_id, zxid, now);
    }
}

// NOLINTNEXTLINE(readability-function-size): one short function for each action
void Core::carry_out(zab::Action& action, Instant now, Actions& out) {
    struct Handler {
        Core& core;
        Instant now;
        Actions& out;
        void operator()(zab::ReadHistory& a) {
            out.push_back(storage::DiskCommand(storage::ReadLog{
                .reader = a.link, .after = a.after, .up_to = a.up_to, .bytes_max = a.bytes_max}));
        }
        void operator()(zab::DialLeader& a) {
            out.push_back(DialLeader{++core.attempt_, a.leader});
        }
        void operator()(zab::ConfigVersion& a) { core.adopt_config_version(a.version); }
        void operator()(zab::AppendTxn& a) {
            core.database_.appended(a.zxid);
            if (core.leader_) {
                core.proposed_.push_back({{a.zxid, a.bytes}, now});
            }
            out.push_back(storage::DiskCommand(storage::AppendTxn{a.zxid, std::move(a.bytes)}));
        }
        void operator()(zab::SaveAcceptedEpoch& a) {
            out.push_back(storage::DiskCommand(storage::SaveAcceptedEpoch{a.epoch}));
        }
        void operator()(zab::SaveCurrentEpoch& a) {
            out.push_back(storage::DiskCommand(storage::SaveCurrentEpoch{a.epoch}));
        }
        void operator()(zab::TruncateLog& a) { core.database_.cut(a.zxid, out); }
        void operator()(zab::LoadSnapshot& a) { core.database_.expect_stream(a.zxid); }
        void operator()(zab::SaveSnapshot& a) { core.database_.install(a.zxid, out); }
        void operator()(zab::Committed& a) {
            if (!core.proposed_.empty()) {
                ZK_ASSERT(core.proposed_.front().txn.zxid == a.zxid);
                const std::int64_t took_ms = to_ms(now - core.proposed_.front().at);
                core.proposed_.pop_front();
                core.counts_.observe(metrics::Summary::proposal_latency, took_ms);
                core.counts_.observe(metrics::Summary::quorum_ack_latency, took_ms);
            }
            core.apply(a.zxid, a.bytes, out);
        }
        void operator()(zab::Established& a) { core.begin_serving(a.epoch, now, out); }
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
        void operator()(zab::SyncAnswered& a) {
            if (auto reply = core.requests_.synced(a.token, core.tree().last_zxid())) {
                out.push_back(request::ToFrontend(*std::move(reply)));
            }
        }
        void operator()(zab::DiscardDatabase&) { core.database_.discard(); }
        void operator()(zab::GiveUp& a) { core.leave_role(a.why, now, out); }
        void operator()(zab::Fatal& a) { out.push_back(Fatal{std::move(a.why)}); }
    };
    std::visit(
        [&]<class T>(T& a) {
            if constexpr (kPassedOn<T>) {
                out.push_back(std::move(a));
            } else {
                Handler{*this, now, out}(a);
            }
        },
        action);
}

}  // namespace zk::core
