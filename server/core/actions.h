// Everything a core can ask for. The shell carries actions out in order and decides nothing.
// Pure values.
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "base/bytes.h"
#include "base/ids.h"
#include "core/event.h"
#include "request/outcome.h"
#include "storage/disk_command.h"
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
struct SendToLearner {
    zab::LinkId link = 0;
    zab::Packet packet;
};
/// Stream the tree as it is from now on (storage::SnapshotSerializer, wire form), behind what is queued on the link.
struct SendSnapshot {
    zab::LinkId link = 0;
};
struct CloseLearner {
    zab::LinkId link = 0;
    std::string why;
};

struct DialLeader {
    Attempt attempt = 0;
    ServerId leader;
};
struct SendToLeader {
    zab::Packet packet;
};
struct CloseLeader {};

/// Write a snapshot file of the tree and the sessions, in chunks between turns; ends with SnapshotFinished.
/// At most one is under way.
struct StartSnapshot {
    Zxid zxid;
};
/// Give the snapshot up, if one is under way; SnapshotFinished still comes.
struct CancelSnapshot {};

/// The core has another tree object: frontends and walks must let go of the old one, which lives until the end of
/// this turn's actions.
struct TreeReplaced {};

/// The process must end, with these words as its last.
struct Fatal {
    std::string why;
};

using Action = std::variant<SendNotification,
                            OpenLearnerPort,
                            CloseLearnerPort,
                            SendToLearner,
                            SendSnapshot,
                            CloseLearner,
                            DialLeader,
                            SendToLeader,
                            CloseLeader,
                            storage::DiskCommand,
                            StartSnapshot,
                            CancelSnapshot,
                            TreeReplaced,
                            request::ToFrontend,
                            Fatal>;
using Actions = std::vector<Action>;

}  // namespace zk::core
