// From a data directory to the state a server starts with.
// Pure, over Disk. Runs before the loops start, and again on the log thread after a truncation.
// Source: ZooKeeper FileTxnSnapLog.restore, QuorumPeer.loadDataBase.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/log.h"
#include "base/result.h"
#include "base/time.h"
#include "storage/disk.h"
#include "storage/snapshot_file.h"
#include "storage/txn_log.h"
#include "tree/data_tree.h"

namespace zk::storage {

/// dataDir and dataLogDir as in zoo.cfg, without version-2. Both the same when the log has no
/// directory of its own.
struct Paths {
    std::string data_dir;
    std::string log_dir;
    [[nodiscard]] std::string snapshots() const { return data_dir + "/version-2"; }
    [[nodiscard]] std::string logs() const { return log_dir + "/version-2"; }
    /// Empty flag file that lets an empty directory become a new database; beside version-2 of the
    /// log directory.
    [[nodiscard]] std::string initialize_marker() const { return log_dir + "/initialize"; }
};

inline constexpr std::uint64_t kTornMax = std::uint64_t{8} << 20;

struct RecoveryOptions {
    /// zookeeper.db.autocreate: an empty directory becomes a new database even without the marker.
    bool autocreate = true;
    /// A server alone: it has no epochs, so the epoch files are neither made nor compared with the zxids, only read. Nor
    /// has it a leader to copy from: what an ensemble's member would get from there is a reason not to start.
    bool standalone = false;
    /// Removes temporary files of a crashed predecessor. Only at the start of a process: later they
    /// may be in use.
    bool remove_temporary = true;
    /// The length of a larger record is believed only when all of it is there: limits::with_jute_extra(jute.maxbuffer).
    std::int32_t payload_max = kLogPayloadMax;
    /// Whole records may follow a torn one in the newest log when all of it lies within so many bytes, as one write
    /// that was never synced. Above what DiskExecutor leaves unsynced. 0: none may follow.
    std::uint64_t torn_max = kTornMax;
    /// Tells the time while a database is loaded; empty: that takes none.
    std::function<Instant()> stopwatch{};
};

/// Of one loading. Source: ZooKeeper FileTxnSnapLog, STARTUP_SNAP_LOAD_TIME and the next ones of ServerMetrics.
struct LoadStatistics {
    Duration snapshots{};   ///< reading them, also those that were not usable
    Duration log{};         ///< reading and applying what follows the snapshot
    std::int64_t txns = 0;  ///< that were applied
};

struct RecoveredState {
    std::unique_ptr<tree::DataTree> tree;
    SessionTable sessions;
    Zxid last_zxid;  ///< -1: an empty database that may not vote
    Epoch accepted_epoch;
    Epoch current_epoch;
    /// The last replayed txns (at most limits::kCommittedWindow), oldest first, without a gap.
    std::vector<std::pair<Zxid, SharedBytes>> recent;
    bool fresh = false;  ///< a new database was made by this call
    Zxid snapshot;       ///< the snapshot it was built from
    /// The first replayed txn, last_zxid when there was none: from here on the log is known to have no gap.
    Zxid replayed_from;
    LoadStatistics load;
};

/// Loads the newest valid snapshot and replays the log; makes a new database in empty directories
/// when allowed; checks and completes the epoch files. Fails rather than start from less than was
/// once there; the words name the file, and what can be done. What a crash may leave half-made (temporary files, a last
/// log file without header) is removed; for a damaged end of the newest log see log_damage.h.
/// Everything that the state was built from is durable when this returns, and was read from the disk, not from what
/// memory may still show of a predecessor that was killed.
Result<RecoveredState> recover(Disk& disk,
                               const Paths& paths,
                               const RecoveryOptions& options,
                               const Log& log = {});

/// Snapshot and log only, without anything above `limit`: tree, sessions, last_zxid, recent.
/// Changes nothing on disk. Errc::not_found when there is no snapshot at or below `limit`.
Result<RecoveredState> restore(Disk& disk,
                               const Paths& paths,
                               Zxid limit,
                               const RecoveryOptions& options,
                               const Log& log = {});

/// Forgets everything above `state.last_zxid`, which restore() has just reached: snapshots that are newer than the one
/// it used, then the log's end. At each step the old state or the new one stands, and the step is durable. Completes
/// the epochs of `state`. REQUIRES: no log file is open.
Result<> cut_to(Disk& disk, const Paths& paths, RecoveredState& state);

/// autopurge, first half: the `retain` newest valid snapshots (at least 3), newest first; empty when there are fewer
/// and so nothing may go. Reads them whole to verify them, so it takes its time. Changes nothing; may run beside the
/// log thread.
Result<std::vector<Zxid>> find_kept(Disk& disk, const Paths& paths, int retain);
/// autopurge, second half: removes snapshots older than all of `kept`, and the logs that only they need. Removes
/// nothing when `kept` is empty or one of it is gone. On the log thread only.
Result<> purge(Disk& disk, const Paths& paths, const std::vector<Zxid>& kept);

}  // namespace zk::storage
