// Everything a core can ask for. The shell carries actions out in order and decides nothing.
// Pure values.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/bytes.h"
#include "base/ids.h"
#include "core/event.h"
#include "request/outcome.h"
#include "storage/disk_command.h"
#include "tree/data_tree.h"
#include "zab/actions.h"
#include "zab/packet.h"

namespace zk::core {

/// A frame for the election port of `to`. Only the newest one to a server matters.
struct SendNotification {
    ServerId to;
    Bytes body;
};

/// Open the quorum port; accepted connections become LearnerConnected.
struct OpenLearnerPort {};
/// Close the quorum port and every learner connection.
struct CloseLearnerPort {};

// For links of a leader and of a learner: zab's own words, passed on as they are.
using zab::AwaitRoom;
using zab::CloseLeader;
using zab::CloseLearner;
using zab::ReadLeader;
using zab::SendProposal;
using zab::SendSnapshot;
using zab::SendToLeader;
using zab::SendToLearner;

/// Answered by LeaderConnected or LeaderDialFailed of this attempt.
struct DialLeader {
    Attempt attempt = 0;
    ServerId leader;
};

/// Write a snapshot file of the tree and the sessions, in chunks between turns; ends with SnapshotFinished.
/// At most one is under way. install: the tree came from the leader by SNAP. Its file is only staged, so that the core
/// can have it installed (storage::InstallSnapshot) once it is whole; and as the leader's tree went on changing while
/// it was streamed, it is like no tree that ever was, and says no digest.
struct StartSnapshot {
    Zxid zxid;
    bool install = false;
};
/// Give the snapshot up, if one is under way; SnapshotFinished still comes.
struct CancelSnapshot {};

/// The core has another tree object: frontends and walks must let go of the old one, which comes next (RetireTree).
struct TreeReplaced {};
/// A tree that nobody uses once the TreeReplaced before has been carried out. Freeing a large one takes seconds: not on
/// the core's loop.
struct RetireTree {
    std::unique_ptr<tree::DataTree> tree;
};

// For whoever asked: the ends of TakeSnapshot and Restore.

struct SnapshotTaken {
    std::optional<Zxid>
        zxid;  ///< of the file's name; none: there is no file, as the server does not serve (any more)
};
struct Restored {
    std::optional<Zxid>
        zxid;  ///< of the tree; none: refused, this server is not alone or restores already
};
using OperatorNews = std::variant<SnapshotTaken, Restored>;

/// The process must end, with these words as its last.
struct Fatal {
    std::string why;
};

using Action = std::variant<SendNotification,
                            OpenLearnerPort,
                            CloseLearnerPort,
                            SendToLearner,
                            SendProposal,
                            AwaitRoom,
                            SendSnapshot,
                            CloseLearner,
                            DialLeader,
                            SendToLeader,
                            CloseLeader,
                            ReadLeader,
                            storage::DiskCommand,
                            StartSnapshot,
                            CancelSnapshot,
                            TreeReplaced,
                            RetireTree,
                            request::ToFrontend,
                            OperatorNews,
                            Fatal>;
/// Move-only because of retired trees.
using Actions = std::vector<Action>;

}  // namespace zk::core
