// How a learner catches up: with the txns it lacks (DIFF), after cutting what it has too much (TRUNC), or with the
// whole tree (SNAP).
// Pure. Source: ZooKeeper LearnerHandler.syncFollower; quorum-protocol facts 3.3.
#pragma once

#include <string_view>
#include <vector>

#include "base/ids.h"
#include "zab/committed_log.h"

namespace zk::zab {

enum class SyncKind { diff, trunc, snap };
/// "DIFF", "TRUNC" or "SNAP".
std::string_view to_string(SyncKind kind);

struct SyncPlan {
    SyncKind kind = SyncKind::snap;
    Zxid zxid;                       ///< of the DIFF, TRUNC or SNAP packet
    std::vector<CommittedTxn> txns;  ///< to be sent behind it, each as PROPOSAL and COMMIT
};

/// `peer_last` is the last zxid in the learner's log (or epoch<<32, if it led an epoch without txns).
/// Never fails; when memory cannot bridge the gap the answer is SNAP (log files are not read).
/// TRUNC names the last zxid that our history and the learner's have in common.
SyncPlan plan_sync(Zxid peer_last, const CommittedLog& log);

}  // namespace zk::zab
