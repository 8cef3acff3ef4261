// Everything a Leader or a Learner can ask of the core. Carried out in order, all of them before the next event.
// Pure values.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "base/bytes.h"
#include "base/ids.h"
#include "jute/codes.h"
#include "jute/protocol.h"
#include "zab/packet.h"

namespace zk::zab {

/// One accepted learner connection at the leader; never reused.
using LinkId = std::uint64_t;

// --- Leader: its learners. Everything to one link is one FIFO.
struct SendToLearner {
    LinkId link = 0;
    Packet packet;
};
/// A PROPOSAL; its bytes are shared by all links, the log and the window of commits.
struct SendProposal {
    LinkId link = 0;
    Zxid zxid;
    SharedBytes bytes;
};
/// Answered by on_learner_room as soon as next to nothing is queued on the link, a snapshot's stream included, and
/// meanwhile by on_learner_progress whenever bytes have left. At most one is pending for a link.
struct AwaitRoom {
    LinkId link = 0;
};
/// Txns of the log files right behind `after`, none above `up_to`, at most `bytes_max` but one at least.
/// Answered by on_history_read.
struct ReadHistory {
    LinkId link = 0;
    Zxid after;
    Zxid up_to;
    std::size_t bytes_max = 0;
};
/// Stream the tree as it is now, right behind the SNAP packet that was sent before; ends with "BenWasHere".
struct SendSnapshot {
    LinkId link = 0;
};
/// The leader has forgotten this link already.
struct CloseLearner {
    LinkId link = 0;
    std::string why;
};

// --- Learner: its leader.
/// Answered by on_connected or on_dial_failed.
struct DialLeader {
    ServerId leader;
};
struct SendToLeader {
    Packet packet;
};
/// Whether packets of the leader are wanted at all: false while the disk has enough to do.
struct ReadLeader {
    bool on = true;
};
/// The leader's configuration has the members of ours and this version, which is higher: it is ours from now on.
struct ConfigVersion {
    std::int64_t version = 0;
};
/// Always followed by GiveUp or Fatal.
struct CloseLeader {
    std::string why;
};

// --- Both: disk. One FIFO; completions are events.
/// Answered by on_log_durable (one answer may cover many).
struct AppendTxn {
    Zxid zxid;
    SharedBytes bytes;
};
struct SaveAcceptedEpoch {
    Epoch epoch;
};
struct SaveCurrentEpoch {
    Epoch epoch;
};
/// TRUNC: remove newer snapshots, then every log record above `zxid`, durably; reload memory from disk.
/// Answered by on_truncated or on_truncate_failed.
struct TruncateLog {
    Zxid zxid;
};
/// SNAP seen: the shell parses the stream that follows, the core swaps the tree in, then calls on_snapshot_loaded.
struct LoadSnapshot {
    Zxid zxid;
};
/// At NEWLEADER after SNAP (a TRUNC needs none: later txns are logged): write the tree in memory durably. It is the
/// whole database from now on. Answered by on_snapshot_saved.
struct SaveSnapshot {
    Zxid zxid;
};

// --- Both: outcomes.
/// Apply now; comes in zxid order.
struct Committed {
    Zxid zxid;
    SharedBytes bytes;
};
/// Leader: a quorum follows; start serving, lastProcessed = epoch<<32 (CommittedLog::begin_epoch). Learner: UPTODATE.
struct Established {
    Epoch epoch;
};
/// The peerEpoch of our vote becomes `epoch`.
struct EpochChanged {
    Epoch epoch;
};

// --- Leader: what learners ask for.
/// A sync is given back by request_sync_of when its turn has come.
struct ForwardedRequest {
    LinkId link = 0;
    ServerId from;
    SessionId session;
    Xid cxid;
    OpCode op{};
    Bytes body;  ///< the client's request record, without its header
    std::vector<jute::AuthId> auth;
};
/// Sessions of clients that said something to this learner, with their timeouts in ms.
struct LearnerTouched {
    LinkId link = 0;
    std::vector<std::pair<SessionId, std::int32_t>> sessions;
};
/// Answered by Leader::revalidated.
struct LearnerRevalidates {
    LinkId link = 0;
    SessionId session;
    std::int32_t timeout_ms = 0;
};

// --- Learner: the leader's answers.
struct RevalidateAnswered {
    SessionId session;
    bool valid = false;
};
/// Both sides: every txn that was proposed before the request of this token has been applied.
struct SyncAnswered {
    std::uint64_t token = 0;
};

// --- Both: the end.
/// Memory is not what the disk holds: reload before the next vote. Followed by GiveUp.
struct DiscardDatabase {};
/// Back to LOOKING. Everything is closed; the object ignores all later events.
struct GiveUp {
    std::string why;
};
/// The process must end, with these words as its last. (No case in this version.)
struct Fatal {
    std::string why;
};

using Action = std::variant<SendToLearner,
                            SendProposal,
                            AwaitRoom,
                            ReadHistory,
                            SendSnapshot,
                            CloseLearner,
                            DialLeader,
                            SendToLeader,
                            ReadLeader,
                            ConfigVersion,
                            CloseLeader,
                            AppendTxn,
                            SaveAcceptedEpoch,
                            SaveCurrentEpoch,
                            TruncateLog,
                            LoadSnapshot,
                            SaveSnapshot,
                            Committed,
                            Established,
                            EpochChanged,
                            ForwardedRequest,
                            LearnerTouched,
                            LearnerRevalidates,
                            RevalidateAnswered,
                            SyncAnswered,
                            DiscardDatabase,
                            GiveUp,
                            Fatal>;
using Actions = std::vector<Action>;

/// One line, for trace logs and for scenario tests.
std::string to_string(const Action& action);

}  // namespace zk::zab
