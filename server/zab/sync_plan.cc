// The choice between DIFF, TRUNC and SNAP.
// Pure. Source: ZooKeeper LearnerHandler.syncFollower; quorum-protocol facts 3.3, whose numbers the comments use.
//
// Why TRUNC is safe where it is chosen: transactions of an epoch e exist only after a quorum has taken the history that e
// began with, so every later leader has that history; the learner has it too, and after it e's transactions without a
// gap. So the last zxid of ours below the learner's last one is in the learner's history. It is in its *log* as well
// when both are of the same epoch and the counter is not 0; else it may be in a snapshot only, and SNAP is the answer.
// One case remains: a SNAP within that epoch, of exactly that zxid, and nothing committed since. Our learner looks into
// its snapshots, too, and refuses a TRUNC that it cannot do; Java's up to 3.9 keeps one txn too many there.
#include "zab/sync_plan.h"

#include "base/check.h"

namespace zk::zab {
namespace {

SyncPlan with_txns_after(SyncKind kind, Zxid packet_zxid, Zxid after, const CommittedLog& log) {
    SyncPlan plan{kind, packet_zxid, {}};
    for (std::size_t i = log.index_after(after); i < log.size(); ++i) {
        plan.txns.push_back(log.entries()[i]);
    }
    return plan;
}

/// More than this is cheaper as a snapshot, and would overfill the queue of a link.
constexpr std::size_t kDiffBytesMax = std::size_t{32} << 20;

bool too_much_after(Zxid after, const CommittedLog& log) {
    std::size_t bytes = 0;
    for (std::size_t i = log.index_after(after); i < log.size(); ++i) {
        bytes += log.entries()[i].bytes->size();
    }
    return bytes > kDiffBytesMax;
}

/// The last zxid of our history below `zxid`. REQUIRES: zxid > base().
Zxid last_below(Zxid zxid, const CommittedLog& log) {
    const std::size_t after = log.index_after(zxid);
    return after == 0 ? log.base() : log.entries()[after - 1].zxid;
}

}  // namespace

std::string_view to_string(SyncKind kind) {
    switch (kind) {
        case SyncKind::diff: return "DIFF";
        case SyncKind::trunc: return "TRUNC";
        case SyncKind::snap: return "SNAP";
    }
    return "";
}

SyncPlan plan_sync(Zxid peer_last, const CommittedLog& log) {
    const SyncPlan snap{SyncKind::snap, log.last_processed(), {}};
    if (peer_last == log.last_processed()) return {SyncKind::diff, peer_last, {}};  // case 2
    if (peer_last < log.base()) return snap;                                        // cases 5, 6
    if (peer_last <= log.max() && too_much_after(peer_last, log)) {
        ZK_COVERED("sync.diff_too_large");
        return snap;
    }
    if (log.contains(peer_last)) {                                                  // case 4
        return with_txns_after(SyncKind::diff, log.max(), peer_last, log);
    }
    if (peer_last.counter() == 0) {
        // It led, or took a snapshot from the leader of, an epoch in which nothing had been proposed yet: its history
        // is ours below that epoch.
        if (peer_last > log.last_processed()) return snap;  // case 6
        ZK_COVERED("sync.peer_at_epoch_start");
        return with_txns_after(SyncKind::diff, log.max(), peer_last, log);
    }
    const Zxid common = last_below(peer_last, log);
    if (common.counter() == 0) return snap;
    if (common.epoch() == peer_last.epoch()) {  // cases 3, 4
        ZK_COVERED("sync.trunc");
        return with_txns_after(SyncKind::trunc, common, common, log);
    }
    // Back over an epoch boundary: SNAP. Except when our label would lie below the end of the learner's log, as happens
    // before our epoch is established: a Java learner would keep that log and replay it over the snapshot.
    if (peer_last < log.last_processed()) {
        ZK_COVERED("sync.snap_over_epoch");
        return snap;
    }
    ZK_COVERED("sync.trunc_over_epoch");
    ZK_ASSERT(common == log.max());
    return with_txns_after(SyncKind::trunc, common, common, log);  // case 3
}

}  // namespace zk::zab
