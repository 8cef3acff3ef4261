// Everything that can happen to a server, as one variant.
// Pure values. Shells and the simulator make them; Core::step() takes them one at a time.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/time.h"
#include "election/mistrust.h"
#include "request/request.h"
#include "storage/disk_command.h"
#include "tree/data_tree.h"
#include "zab/actions.h"
#include "zab/packet.h"

namespace zk::core {

/// Number of an attempt to follow a leader; events of older attempts are ignored.
using Attempt = std::uint64_t;

/// Time has passed. Wanted at least every Core::kTickPeriod.
struct Tick {
    WallMs wall;
};
/// A frame of the election port.
struct NotificationReceived {
    ServerId from;
    Bytes body;
    election::Origin origin = election::Origin::own;
};

// A leader's learners.
struct LearnerConnected {
    zab::LinkId link = 0;
    /// Members whose configured address the link comes from: several on one host, none for a stranger, behind an address
    /// translation, or while a name does not resolve.
    std::vector<ServerId> members_there{};
};
struct LearnerPacket {
    zab::LinkId link = 0;
    zab::Packet packet;
};
struct LearnerClosed {
    zab::LinkId link = 0;
};
/// The answer to AwaitRoom: little is queued on the link, a snapshot stream included (zab::SendQueueLimits::low_water).
struct LearnerRoom {
    zab::LinkId link = 0;
};
/// AwaitRoom is not answered yet, but the learner takes what it is sent. At most every SendQueueLimits::progress_every.
struct LearnerProgress {
    zab::LinkId link = 0;
};

// A learner's leader.
struct LeaderConnected {
    Attempt attempt = 0;
};
struct LeaderDialFailed {
    Attempt attempt = 0;
    std::string why;
};
struct LeaderPacket {
    Attempt attempt = 0;
    zab::Packet packet;
};
/// Bytes of the stream that follows a SNAP packet have come. At most every net::kStreamProgress, so that a stream may take
/// any time on a slow link.
struct LeaderProgress {
    Attempt attempt = 0;
};
/// The stream that followed a SNAP packet, parsed into a fresh tree.
struct LeaderSnapshot {
    Attempt attempt = 0;
    std::unique_ptr<tree::DataTree> tree;
    std::map<SessionId, std::int32_t> sessions;
};
struct LeaderClosed {
    Attempt attempt = 0;
    std::string why;
};

/// The snapshot that StartSnapshot asked for is on disk, under its final name or staged, or was given up.
struct SnapshotFinished {
    Zxid zxid;
    bool saved = false;  ///< false: cancelled
};

// What an operator wants. Each is answered by one OperatorNews.

/// A snapshot file of the state as it is now, whatever was written since the last. Answered by SnapshotTaken. One at a time.
struct TakeSnapshot {};
/// A server alone goes on with this tree, on its disk as well, instead of its own. Its last zxid is set. Answered by
/// Restored.
struct Restore {
    std::unique_ptr<tree::DataTree> tree;
    std::map<SessionId, std::int32_t> sessions;  ///< timeouts in ms
};

using Event = std::variant<Tick,
                           NotificationReceived,
                           LearnerConnected,
                           LearnerPacket,
                           LearnerClosed,
                           LearnerRoom,
                           LearnerProgress,
                           LeaderConnected,
                           LeaderDialFailed,
                           LeaderPacket,
                           LeaderProgress,
                           LeaderSnapshot,
                           LeaderClosed,
                           storage::DiskEvent,
                           SnapshotFinished,
                           TakeSnapshot,
                           Restore,
                           request::ToCore>;

}  // namespace zk::core
