#include "storage/log_damage.h"

namespace zk::storage {

Result<bool> needs_snapshot(Disk& disk, const Paths& paths) {
    return disk.exists(paths.snapshots() + "/" + kNeedsSnapshotName);
}

Result<> forget_damage(Disk& disk, const Paths& paths) {
    ZK_TRY(const bool there, needs_snapshot(disk, paths));
    if (!there) return ok();
    ZK_CHECK(disk.remove(paths.snapshots() + "/" + kNeedsSnapshotName));
    return disk.sync_dir(paths.snapshots());
}

}  // namespace zk::storage
