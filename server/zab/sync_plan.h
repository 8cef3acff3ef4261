// How a learner catches up: with the txns it lacks (DIFF), after cutting what it has too much (TRUNC), or with the
// whole tree (SNAP).
// Pure. Source: ZooKeeper LearnerHandler.syncFollower; docs/PROTOCOL.md 3.3.
#pragma once

#include <cstddef>
#include <string_view>

#include "base/ids.h"
#include "zab/committed_log.h"

namespace zk::zab {

enum class SyncKind { diff, trunc, snap };
/// "DIFF", "TRUNC" or "SNAP".
std::string_view to_string(SyncKind kind);

struct SyncPlan {
    SyncKind kind = SyncKind::snap;
    Zxid zxid;  ///< of the DIFF, TRUNC or SNAP packet
    /// Our txns above it are to be sent behind that packet, each as PROPOSAL and COMMIT.
    Zxid after;
    /// DIFF, if the log files hold everything above `after` without a gap; else SNAP.
    bool from_files = false;
};

/// `peer_last` is the last zxid in the learner's log (or epoch<<32, if it led an epoch without txns).
/// Never fails. A DIFF that is estimated at more than `diff_bytes_max` is a SNAP.
/// TRUNC names the last zxid that our history and the learner's have in common.
SyncPlan plan_sync(Zxid peer_last, const CommittedLog& log, std::size_t diff_bytes_max);
/// SNAP of the tree as it is now.
SyncPlan plan_snapshot(const CommittedLog& log);

}  // namespace zk::zab
