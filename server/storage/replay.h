// Brings a loaded snapshot forward by the log.
// Pure, over Disk. Used by recovery only.
#pragma once

#include <string>

#include "base/log.h"
#include "base/result.h"
#include "storage/disk.h"
#include "storage/recovery.h"
#include "storage/snapshot_file.h"

namespace zk::storage {

/// Applies every txn above the snapshot's zxid and not above `limit`. Compares digests once the
/// fuzzy part is passed: a difference right behind the beginning of an epoch is a hole in the log, Errc::corrupt; any
/// other is only logged, as in ZooKeeper, since old versions computed some of them differently.
Result<RecoveredState> replay_log(Disk& disk,
                                  const std::string& log_dir,
                                  LoadedSnapshot snapshot,
                                  Zxid limit,
                                  std::int32_t payload_max,
                                  const Log& log);

}  // namespace zk::storage
