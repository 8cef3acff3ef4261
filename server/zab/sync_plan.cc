// The choice between DIFF, TRUNC and SNAP.
// Pure. Source: ZooKeeper LearnerHandler.syncFollower; docs/PROTOCOL.md 3.3, whose numbers the comments use.
//
// Why TRUNC is safe where it is chosen: transactions of an epoch e exist only after a quorum has taken the history that e
// began with, so every later leader has that history; the learner has it too, and after it e's transactions without a
// gap. So the last zxid of ours below the learner's last one is in the learner's history. It is in its *log* as well
// when both are of the same epoch and the counter is not 0; else it may be in a snapshot only, and SNAP is the answer.
// One case remains: a SNAP within that epoch, of exactly that zxid, and nothing committed since. Our learner looks into
// its snapshots, too, and refuses a TRUNC that it cannot do; Java's up to 3.9 keeps one txn too many there.
#include "zab/sync_plan.h"

#include <algorithm>

#include "base/check.h"

namespace zk::zab {
namespace {

/// What a DIFF behind `after` would take, by the mean size of the newest txns. Over epochs nobody knows the number of
/// txns, and a DIFF is tried.
bool too_much_after(Zxid after, const CommittedLog& log, std::size_t bytes_max) {
    if (log.empty() || after.epoch() != log.max().epoch()) return false;
    const auto count = static_cast<std::size_t>(log.max().value() - after.value());
    return count > bytes_max / std::max<std::size_t>(log.bytes() / log.size(), 1);
}

/// The last zxid of our history below `zxid`. REQUIRES: zxid > base().
Zxid last_below(Zxid zxid, const CommittedLog& log) {
    const std::size_t after = log.index_after(zxid);
    return after == 0 ? log.base() : log.entries()[after - 1].zxid;
}

}  // namespace

std::string_view to_string(SyncKind kind) {
    switch (kind) {
        case SyncKind::diff:
            return "DIFF";
        case SyncKind::trunc:
            return "TRUNC";
        case SyncKind::snap:
            return "SNAP";
    }
    return "";
}

SyncPlan plan_snapshot(const CommittedLog& log) {
    return {SyncKind::snap, log.last_processed(), log.max(), false};
}

SyncPlan plan_sync(Zxid peer_last, const CommittedLog& log, std::size_t diff_bytes_max) {
    const SyncPlan snap = plan_snapshot(log);
    const auto diff = [&](Zxid after) { return SyncPlan{SyncKind::diff, log.max(), after, false}; };
    const auto trunc = [&](Zxid to) { return SyncPlan{SyncKind::trunc, to, to, false}; };
    if (peer_last == log.last_processed()) {  // case 2
        return {SyncKind::diff, peer_last, log.max(), false};
    }
    if (peer_last <= log.max() && too_much_after(peer_last, log, diff_bytes_max)) {
        ZK_COVERED("sync.diff_too_large");
        return snap;
    }
    if (peer_last < log.base()) {  // cases 5, 6
        const bool in_files = peer_last > Zxid(0) && peer_last >= log.files_from();
        if (!in_files || peer_last.counter() == 0) return snap;
        return {SyncKind::diff, log.max(), peer_last, true};
    }
    if (log.contains(peer_last)) return diff(peer_last);  // case 4
    if (peer_last.counter() == 0) {
        // It led, or took a snapshot from the leader of, an epoch in which nothing had been proposed yet: its history
        // is ours below that epoch.
        if (peer_last > log.last_processed()) return snap;  // case 6
        ZK_COVERED("sync.peer_at_epoch_start");
        return diff(last_below(peer_last, log));
    }
    const Zxid common = last_below(peer_last, log);
    if (common.counter() == 0) return snap;
    if (common.epoch() == peer_last.epoch()) {  // cases 3, 4
        ZK_COVERED("sync.trunc");
        return trunc(common);
    }
    // Back over an epoch boundary: SNAP. Except when our label would lie below the end of the learner's log, as happens
    // before our epoch is established: a Java learner would keep that log and replay it over the snapshot.
    if (peer_last < log.last_processed()) {
        ZK_COVERED("sync.snap_over_epoch");
        return snap;
    }
    ZK_COVERED("sync.trunc_over_epoch");
    ZK_ASSERT(common == log.max());
    return trunc(common);  // case 3
}

}  // namespace zk::zab
