#include "zkdata/repair.h"

#include <algorithm>
#include <memory>

#include "storage/log_damage.h"
#include "storage/log_reader.h"

namespace zk::zkdata {
namespace {

using Kind = Source::Kind;
using Step = RepairPlan::Step;

constexpr std::size_t kCopyBytes = std::size_t{4} << 20;

Error not_repaired(const std::string& why) {
    return {Errc::refused, why + "; nothing was changed"};
}

Result<std::string> backup_name(storage::Disk& disk,
                                const std::string& dir,
                                const std::string& name) {
    for (int number = 1;; ++number) {
        std::string wanted = "backup." + name + (number == 1 ? "" : "." + std::to_string(number));
        ZK_TRY(const bool taken, disk.exists(dir + "/" + wanted));
        if (!taken) return wanted;
    }
}

Result<RepairPlan> find_newest(storage::Disk& disk, const Source& source) {
    RepairPlan plan;
    if (source.kind != Kind::directory && source.kind != Kind::log)
        return not_repaired(source.path + " is no log: only the end of a log can be repaired");
    plan.dir = source.kind == Kind::directory ? source.paths.logs() : source.dir;
    ZK_TRY(const std::vector<storage::LogFile> files, storage::list_logs(disk, plan.dir));
    if (files.empty()) return Error(Errc::not_found, plan.dir + " has no logs");
    plan.name = files.back().name;
    if (source.kind == Kind::log && source.name != plan.name) {
        return not_repaired(source.path + " is not the newest log of its directory, which is " +
                            plan.name + ": only there a crash leaves an unfinished write");
    }
    return plan;
}

}  // namespace

std::string RepairPlan::words() const {
    const std::string path = dir + "/" + name;
    switch (step) {
        case Step::nothing:
            return path + ": its end is whole, there is nothing to repair";
        case Step::cut:
            return what + "; cut to " + std::to_string(offset) + " bytes, the file as it was is " +
                   dir + "/" + backup;
        case Step::set_aside:
            return path + ": not even its head was written; moved to " + dir + "/" + backup;
    }
    return {};
}

Result<RepairPlan> plan_repair(storage::Disk& disk, const Source& source) {
    ZK_TRY(RepairPlan plan, find_newest(disk, source));
    const std::string path = plan.dir + "/" + plan.name;
    ZK_TRY(plan.size, disk.size(path));
    ZK_TRY(plan.backup, backup_name(disk, plan.dir, plan.name));
    storage::LogFileReader reader(disk, plan.dir, plan.name, source.payload_max);
    const auto first = reader.next();
    if (reader.headerless()) {
        plan.step = Step::set_aside;
        return plan;
    }
    if (!first.has_value() && reader.offset() < storage::kLogHeaderBytes)
        return first.error().code == Errc::corrupt ? not_repaired(first.error().words)
                                                   : first.error();
    ZK_TRY(const storage::LogEnd end,
           storage::examine_log_end(disk, plan.dir, plan.name, source.payload_max));
    if (end.kind == storage::LogEnd::Kind::clean) return plan;
    if (end.kind == storage::LogEnd::Kind::rot) {
        return not_repaired(end.what +
                            ": transactions that were acknowledged may be damaged. Restore the "
                            "file from a backup, or let this member copy the leader's data");
    }
    if (end.good_end > end.offset + storage::kTornMax) {
        return not_repaired(end.what +
                            ": this is not the end of the log. Restore the file from a "
                            "backup, or let this member copy the leader's data");
    }
    plan.step = Step::cut;
    plan.offset = end.offset;
    plan.what = end.what;
    return plan;
}

Result<> carry_out(storage::Disk& disk, const RepairPlan& plan) {
    const std::string path = plan.dir + "/" + plan.name;
    const std::string backup = plan.dir + "/" + plan.backup;
    if (plan.step == Step::nothing) return ok();
    if (plan.step == Step::set_aside) {
        ZK_CHECK(disk.rename(path, backup));
        return disk.sync_dir(plan.dir);
    }
    ZK_TRY(const std::unique_ptr<storage::DiskFile> copy, disk.create(backup));
    for (std::uint64_t at = 0;;) {
        ZK_TRY(const Bytes bytes, disk.read(path, at, kCopyBytes));
        if (bytes.empty()) break;
        ZK_CHECK(copy->write(bytes));
        at += bytes.size();
    }
    ZK_CHECK(copy->sync());
    ZK_CHECK(copy->close());
    ZK_CHECK(disk.sync_dir(plan.dir));
    return disk.truncate(path, plan.offset);
}

storage::Paths server_paths(const Source& source) {
    if (source.kind == Kind::directory) return source.paths;
    // Of a file in DIR/version-2 a server would hold DIR.
    constexpr std::string_view kVersion = "version-2";
    std::string dir = source.dir;
    if (dir == kVersion) dir = ".";
    if (dir.ends_with("/" + std::string(kVersion)))
        dir.resize(std::max<std::size_t>(dir.size() - kVersion.size() - 1, 1));
    return {dir, dir};
}

}  // namespace zk::zkdata
