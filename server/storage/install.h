// Puts the leader's snapshot in place of everything that a member had stored.
// Pure, over Disk. Nothing old is removed before the new one stands under a name that recovery knows:
//
//   tmp.staged.snapshot.<hex>   being written, then whole and durable; worthless after a crash
//   install.snapshot.<hex>      decided: from here on every start completes the installation
//   snapshot.<hex>              the only snapshot; no log
#pragma once

#include <string>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "storage/disk.h"
#include "storage/recovery.h"

namespace zk::storage {

/// "tmp.staged.snapshot.5": written by SnapshotFile with SnapshotRole::install.
std::string staged_name(Zxid zxid);

/// Makes the staged snapshot of `zxid` the only database. Each step is durable before the next. REQUIRES: it was
/// finished; no log file is open.
Result<> install_snapshot(Disk& disk, const Paths& paths, Zxid zxid);

/// Carries an installation that a crash cut to its end. True when there was one.
Result<bool> complete_install(Disk& disk, const Paths& paths);

/// Removes staged snapshots that were not installed. REQUIRES: none is being written.
Result<> remove_staged(Disk& disk, const Paths& paths);

}  // namespace zk::storage
