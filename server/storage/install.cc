#include "storage/install.h"

#include <optional>
#include <string_view>

#include "base/check.h"
#include "storage/file_name.h"
#include "storage/log_damage.h"
#include "storage/snapshot_file.h"
#include "storage/txn_log.h"

namespace zk::storage {
namespace {
constexpr std::string_view kInstallPrefix = "install.snapshot.";
constexpr std::string_view kStagedPrefix = "tmp.staged.snapshot.";

// Logs before snapshots would do as well: install.snapshot.* stands, and recovery takes nothing else.
Result<> remove_database(Disk& disk, const Paths& paths) {
    ZK_TRY(const std::vector<SnapshotName> snapshots, list_snapshots(disk, paths.snapshots()));
    for (const SnapshotName& file : snapshots) {
        ZK_CHECK(remove_if_there(disk, paths.snapshots() + "/" + file.name));
    }
    ZK_TRY(const std::vector<LogFile> logs, list_logs(disk, paths.logs()));
    for (const LogFile& file : logs) {
        ZK_CHECK(remove_if_there(disk, paths.logs() + "/" + file.name));
    }
    ZK_CHECK(disk.sync_dir(paths.snapshots()));
    return disk.sync_dir(paths.logs());
}

Result<> complete(Disk& disk, const Paths& paths, Zxid zxid) {
    const std::string dir = paths.snapshots();
    ZK_CHECK(remove_database(disk, paths));
    ZK_CHECK(forget_damage(disk, paths));
    ZK_CHECK(disk.rename(dir + "/" + std::string(kInstallPrefix) + hex_name(zxid),
                         dir + "/" + snapshot_name(zxid)));
    return disk.sync_dir(dir);
}
}  // namespace

std::string staged_name(Zxid zxid) { return std::string(kStagedPrefix) + hex_name(zxid); }

Result<> install_snapshot(Disk& disk, const Paths& paths, Zxid zxid) {
    const std::string dir = paths.snapshots();
    // One that a failed installation left would be completed after a crash, in place of this one.
    ZK_CHECK(complete_install(disk, paths));
    ZK_CHECK(disk.rename(dir + "/" + staged_name(zxid),
                         dir + "/" + std::string(kInstallPrefix) + hex_name(zxid)));
    ZK_CHECK(disk.sync_dir(dir));
    ZK_CHECK(complete(disk, paths, zxid));
    return remove_staged(disk, paths);
}

Result<bool> complete_install(Disk& disk, const Paths& paths) {
    ZK_TRY(const std::vector<std::string> names, disk.list(paths.snapshots()));
    std::optional<Zxid> found;
    for (const std::string& name : names) {
        if (!name.starts_with(kInstallPrefix)) continue;
        const auto zxid = parse_hex_name(std::string_view(name).substr(kInstallPrefix.size()));
        if (!zxid) continue;
        if (found) {
            return Error(Errc::corrupt,
                         paths.snapshots() + " has two snapshots to install, of " +
                             to_string(*found) + " and " + to_string(*zxid) +
                             ": remove the one that does not belong there");
        }
        found = zxid;
    }
    if (!found) return false;
    ZK_COVERED("storage.install_completed");
    // The rename that decided it may not have reached the disk yet.
    ZK_CHECK(disk.settle(paths.snapshots() + "/" + std::string(kInstallPrefix) + hex_name(*found)));
    ZK_CHECK(disk.sync_dir(paths.snapshots()));
    ZK_CHECK(complete(disk, paths, *found));
    return true;
}

Result<> remove_staged(Disk& disk, const Paths& paths) {
    ZK_TRY(const std::vector<std::string> names, disk.list(paths.snapshots()));
    for (const std::string& name : names) {
        if (name.starts_with(kStagedPrefix))
            ZK_CHECK(remove_if_there(disk, paths.snapshots() + "/" + name));
    }
    return ok();
}

}  // namespace zk::storage
