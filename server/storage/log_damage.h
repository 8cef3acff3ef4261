// What recovery does with a damaged end of the newest log. See docs/decisions/0004-damaged-logs.md.
// Pure, over Disk.
#pragma once

#include <string>

#include "base/result.h"
#include "storage/disk.h"
#include "storage/recovery.h"

namespace zk::storage {

/// Stands in the snapshot directory while this member's data are known to lack something that it may have acknowledged:
/// it starts without a vote until the leader's snapshot is installed.
inline constexpr const char* kNeedsSnapshotName = "needs_snapshot";

Result<bool> needs_snapshot(Disk& disk, const Paths& paths);
/// The leader's snapshot stands: what was damaged does not matter any longer.
Result<> forget_damage(Disk& disk, const Paths& paths);

}  // namespace zk::storage
