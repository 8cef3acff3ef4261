// A learner's way to the leader's history: DIFF, TRUNC or SNAP, then what has committed since, then what is in flight.
// Pure. Source: ZooKeeper LearnerHandler.syncFollower; docs/PROTOCOL.md 3.3 and 3.5.
//
// The history goes out in pieces, each when the one before has nearly left, from memory or else from the log files. What
// is proposed meanwhile waits there, not in the queue of the link: so however long a snapshot takes on a slow link, no
// bound is met, and the learner gets in as soon as its link carries more than clients write.
#include <algorithm>
#include <utility>

#include "base/check.h"
#include "zab/leader.h"
#include "zab/sync_plan.h"

namespace zk::zab {

void Leader::synchronize(LinkId id, Link& link, Instant now, Actions& out) {
    ZK_ASSERT(phase_ >= Phase::synchronization && phase_ != Phase::gone);
    // A TRUNC or SNAP may take from its log what it acknowledged on an earlier link.
    proposals_.forget(link.sid);
    const SyncPlan plan =
        link.wants_snapshot
            ? plan_snapshot(*committed_)
            : plan_sync(link.peer_last, *committed_, settings_.bounds.diff_bytes_max);
    log_.info("leader.sync sid={} peer_last={} {} zxid={} after={} from_files={}",
              link.sid,
              link.peer_last,
              to_string(plan.kind),
              plan.zxid,
              plan.after,
              plan.from_files);
    link.stage = Stage::catching_up;
    link.sync_by = SyncBy::txns;
    link.sent = plan.after;
    note_progress(link, now);
    if (plan.from_files) {
        link.waiting = Waiting::decision;
        out.push_back(
            ReadHistory{id, link.sent, committed_->max(), settings_.bounds.history_piece_bytes});
        return;
    }
    if (plan.kind == SyncKind::snap) return begin_snapshot(id, link, out);
    const PacketType type = plan.kind == SyncKind::diff ? PacketType::diff : PacketType::trunc;
    out.push_back(SendToLearner{id, {type, plan.zxid, {}, {}}});
    catch_up(id, link, now, out);
}

void Leader::begin_snapshot(LinkId id, Link& link, Actions& out) {
    const SyncPlan plan = plan_snapshot(*committed_);
    link.sync_by = SyncBy::snapshot;
    link.sent = plan.after;
    out.push_back(SendToLearner{id, {PacketType::snap, plan.zxid, {}, {}}});
    out.push_back(SendSnapshot{id});
    link.waiting = Waiting::room;
    out.push_back(AwaitRoom{id});
}

void Leader::catch_up(LinkId id, Link& link, Instant now, Actions& out) {
    ZK_ASSERT(link.stage == Stage::catching_up);
    link.waiting = Waiting::nothing;
    if (link.sent < committed_->base()) {
        link.waiting = Waiting::history;
        out.push_back(
            ReadHistory{id, link.sent, committed_->max(), settings_.bounds.history_piece_bytes});
        return;
    }
    std::size_t bytes = 0;
    for (std::size_t i = committed_->index_after(link.sent); i < committed_->size(); ++i) {
        if (bytes >= settings_.bounds.history_piece_bytes) {
            ZK_COVERED("leader.history_in_pieces");
            link.waiting = Waiting::room;
            out.push_back(AwaitRoom{id});
            return;
        }
        const CommittedTxn& txn = committed_->entries()[i];
        bytes += txn.bytes->size();
        send_history(id, link, txn, out);
    }
    finish_catching_up(id, link, now, out);
}

void Leader::send_history(LinkId id, Link& link, const CommittedTxn& txn, Actions& out) {
    out.push_back(SendProposal{id, txn.zxid, txn.bytes});
    out.push_back(SendToLearner{id, {PacketType::commit, txn.zxid, {}, {}}});
    link.sent = txn.zxid;
}

/// What is in flight, then NEWLEADER. From here on it gets all that is live.
void Leader::finish_catching_up(LinkId id, Link& link, Instant now, Actions& out) {
    for (const Proposals::Proposal& proposal : proposals_.in_flight()) {
        const CommittedTxn& txn = proposal.txn;
        ZK_ASSERT(txn.zxid > committed_->max());
        out.push_back(SendProposal{id, txn.zxid, txn.bytes});
    }
    out.push_back(SendToLearner{
        id, {PacketType::new_leader, Zxid(epoch_, 0), settings_.members->text(), {}}});
    link.stage = Stage::syncing;
    link.deadline = now + settings_.init_timeout();
}

void Leader::on_learner_room(LinkId id, Instant now, Actions& out) {
    const auto it = links_.find(id);
    if (it == links_.end() || it->second.waiting != Waiting::room) return;
    note_progress(it->second, now);
    catch_up(id, it->second, now, out);
}

void Leader::on_learner_progress(LinkId id, Instant now) {
    const auto it = links_.find(id);
    if (it == links_.end() || it->second.waiting != Waiting::room) return;
    note_progress(it->second, now);
}

void Leader::on_history_read(LinkId id,
                             Zxid after,
                             bool found,
                             const std::vector<CommittedTxn>& txns,
                             Instant now,
                             Actions& out) {
    const auto it = links_.find(id);
    if (it == links_.end()) return;
    Link& link = it->second;
    const bool undecided = link.waiting == Waiting::decision;
    if ((!undecided && link.waiting != Waiting::history) || after != link.sent) return;
    note_progress(link, now);
    if (!found || txns.empty()) {
        if (!undecided) {
            // Purged since the learner began: it comes back, and is told anew what it lacks.
            ZK_COVERED("leader.history_lost");
            return close(id, "the log files do not hold what follows " + to_string(after), out);
        }
        ZK_COVERED("leader.no_diff_in_files");
        log_.info("leader.sync sid={} SNAP why=\"the log files do not hold what follows {}\"",
                  link.sid,
                  after);
        return begin_snapshot(id, link, out);
    }
    ZK_COVERED("leader.history_from_files");
    if (undecided) out.push_back(SendToLearner{id, {PacketType::diff, committed_->max(), {}, {}}});
    for (const CommittedTxn& txn : txns) send_history(id, link, txn, out);
    link.waiting = Waiting::room;
    out.push_back(AwaitRoom{id});
}

std::size_t Leader::syncs_in_flight(SyncBy means) const {
    const auto count = std::ranges::count_if(links_, [means](const auto& entry) {
        const Link& link = entry.second;
        return link.sync_by == means && link.stage >= Stage::catching_up &&
               link.stage < Stage::serving && link.waiting != Waiting::decision;
    });
    return static_cast<std::size_t>(count);
}

/// A learner that gets on keeps its place, and the quorum that waits for it.
void Leader::note_progress(Link& link, Instant now) {
    link.deadline = now + settings_.init_timeout();
    if (phase_ == Phase::synchronization) phase_deadline_ = *link.deadline;
}

}  // namespace zk::zab
