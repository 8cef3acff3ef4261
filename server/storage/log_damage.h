// What recovery does with a damaged end of the newest log: docs/decisions/0004-damaged-logs.md.
// Pure, over Disk.
//
// A power cut during a write leaves any of its 512-byte sectors and not the others, so whole sectors of zeros where
// records should be ("torn"). Nothing of that write was ever acknowledged, and nothing behind it was. Other wrong bytes
// are rot: they may have been acknowledged.
#pragma once

#include <cstdint>
#include <string>

#include "base/ids.h"
#include "base/log.h"
#include "base/result.h"
#include "storage/disk.h"
#include "storage/recovery.h"

namespace zk::storage {

/// Stands in the snapshot directory while this member's data are known to lack something that it may have acknowledged:
/// it starts without a vote until the leader's snapshot is installed.
inline constexpr const char* kNeedsSnapshotName = "needs_snapshot";

/// How the records of a log file end.
struct LogEnd {
    enum class Kind {
        clean,  ///< nothing, or zeros to the end of the file
        torn,   ///< an unfinished write
        rot     ///< anything else
    };
    Kind kind = Kind::clean;
    std::uint64_t offset = 0;    ///< just behind the last record before the damage
    std::uint64_t used_end = 0;  ///< behind the last byte that is not zero
    /// Behind the last whole record that follows the damage; 0: none does.
    std::uint64_t good_end = 0;
    Zxid good_zxid;  ///< of that record
    /// Torn as every reader of logs expects it: no more than a last record that is cut.
    bool plain = false;
    std::string what;  ///< in words, with the place
};
/// Reads the file whole. What cannot be a log at all (a wrong header) counts as clean here: whoever reads it will
/// refuse.
Result<LogEnd> examine_log_end(Disk& disk,
                               const std::string& dir,
                               const std::string& name,
                               std::int32_t payload_max);

/// Looks at the end of the newest log. Torn: cuts it off, and keeps what it cuts as damaged.<name> unless it is plain.
/// Rot: moves the file to damaged.<name>, so that this member needs the leader's snapshot; true then, or when it did
/// before. Errc::corrupt, and nothing is changed, when whole records follow further behind than `torn_max`: that is
/// not the end of the log.
Result<bool> repair_newest_log(Disk& disk,
                               const Paths& paths,
                               const RecoveryOptions& options,
                               const Log& log);

Result<bool> needs_snapshot(Disk& disk, const Paths& paths);
/// The leader's snapshot stands: what was damaged does not matter any longer.
Result<> forget_damage(Disk& disk, const Paths& paths);

}  // namespace zk::storage
