// What is to be done after a turn: see turn.h. Pure values; whoever drives a turn empties and reuses them.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/bytes.h"
#include "base/ids.h"
#include "core/actions.h"
#include "request/outcome.h"
#include "storage/disk_command.h"
#include "storage/snapshot.h"
#include "storage/snapshot_file.h"
#include "tree/data_tree.h"

namespace zk::core {

/// SendSnapshot, with the walk that was begun in its place among the txns.
struct StreamSnapshot {
    zab::LinkId link = 0;
    storage::SnapshotSerializer tree;
};
/// For the election and the quorum port.
using LinkEffect = std::variant<SendNotification,
                                OpenLearnerPort,
                                CloseLearnerPort,
                                SendToLearner,
                                SendProposal,
                                AwaitRoom,
                                StreamSnapshot,
                                CloseLearner,
                                DialLeader,
                                SendToLeader,
                                CloseLeader,
                                ReadLeader>;

// For whoever writes snapshot files, one at a time.
struct BeginSnapshot {
    Zxid zxid;
    storage::SnapshotRole role{};
};
struct WriteSnapshot {
    Bytes chunk;
};
/// The file is whole and may get its name. Answered by SnapshotFinished{zxid, true}.
struct NameSnapshot {};
/// The file will not get its name, and its bytes go. Answered by SnapshotFinished{zxid, false}, at once if you like.
struct AbandonSnapshot {
    Zxid zxid;
};
using SnapshotEffect = std::variant<BeginSnapshot, WriteSnapshot, NameSnapshot, AbandonSnapshot>;

/// Each list in its order; between the lists: `tree`, then `frontends`, then whoever waits for them may read; `retired`
/// when every frontend and every link has got what is here.
struct Effects {
    std::vector<LinkEffect> links;
    std::vector<storage::DiskCommand> disk;
    /// Frontends read this one from now on; null: the same as before.
    const tree::DataTree* tree = nullptr;
    std::vector<request::ToFrontend> frontends;
    std::vector<std::unique_ptr<tree::DataTree>> retired;  ///< freeing a large one takes seconds
    std::vector<SnapshotEffect> snapshot;
    std::vector<OperatorNews> told;    ///< behind all the others
    std::optional<std::string> fatal;  ///< the process must end, with these words as its last
};

}  // namespace zk::core
