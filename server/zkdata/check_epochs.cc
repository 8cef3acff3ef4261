#include "zkdata/check_epochs.h"

#include "ensemble/zoo_cfg.h"
#include "storage/epoch_files.h"

namespace zk::zkdata {
namespace {

constexpr std::size_t kSmallFileMax = 4096;

/// Nothing for a file that is missing or unreadable; the latter is a finding.
Result<std::optional<Epoch>> epoch_of(storage::Disk& disk,
                                      const std::string& dir,
                                      const std::string& name,
                                      Findings& findings) {
    const auto epoch = storage::read_epoch(disk, dir, name);
    if (epoch.has_value()) return *epoch;
    if (epoch.error().code != Errc::corrupt && epoch.error().code != Errc::invalid)
        return epoch.error();
    findings.add({Severity::error,
                  dir + "/" + name,
                  0,
                  "it does not hold an epoch (one decimal number)",
                  "restore it from a backup; else let this member start empty"});
    return std::optional<Epoch>();
}

void compare_with_zxid(const std::string& dir,
                       Epoch current,
                       std::optional<Epoch> accepted,
                       std::optional<Epoch> left_over,
                       Epoch of_zxid,
                       Findings& findings) {
    if (of_zxid <= current) return;
    const std::string file = dir + "/" + storage::kCurrentEpochName;
    const std::string reason = "it says epoch " + to_string(current) +
                               ", but transactions of epoch " + to_string(of_zxid) + " are stored";
    if (left_over && *left_over >= of_zxid) {
        findings.warning(file, reason, "servers take it from currentEpoch.tmp, which a crash left");
    } else if (accepted && *accepted >= of_zxid) {
        findings.warning(file,
                         reason,
                         "zkserver raises it, since acceptedEpoch says " + to_string(*accepted) +
                             "; Apache's does not start: write the number into the file");
    } else {
        findings.error(file,
                       reason + ": it was lost or replaced",
                       "restore it, or empty the directory to copy everything from the leader");
    }
}

}  // namespace

Result<> check_epochs(storage::Disk& disk,
                      const storage::Paths& paths,
                      std::optional<Zxid> last_zxid,
                      Findings& findings) {
    const std::string dir = paths.snapshots();
    ZK_TRY(const auto current, epoch_of(disk, dir, storage::kCurrentEpochName, findings));
    ZK_TRY(const auto accepted, epoch_of(disk, dir, storage::kAcceptedEpochName, findings));
    ZK_TRY(const auto left_over,
           epoch_of(disk, dir, std::string(storage::kCurrentEpochName) + ".tmp", findings));
    if (current && accepted && *accepted < *current) {
        findings.error(
            dir + "/" + storage::kAcceptedEpochName,
            "it says " + to_string(*accepted) + ", below currentEpoch with " + to_string(*current),
            "one of the files was lost or replaced: restore both");
    }
    if (current && last_zxid)
        compare_with_zxid(dir, *current, accepted, left_over, last_zxid->epoch(), findings);
    if (current || accepted) {
        findings.note(dir,
                      "currentEpoch " + (current ? to_string(*current) : std::string("missing")) +
                          ", acceptedEpoch " +
                          (accepted ? to_string(*accepted) : std::string("missing")));
    }
    const std::string myid = paths.data_dir + "/myid";
    ZK_TRY(const bool there, disk.exists(myid));
    return there ? check_myid(disk, myid, findings) : ok();
}

Result<> check_epoch(storage::Disk& disk,
                     const std::string& dir,
                     const std::string& name,
                     Findings& findings) {
    ZK_TRY(const auto epoch, epoch_of(disk, dir, name, findings));
    if (epoch) findings.note(dir + "/" + name, "epoch " + to_string(*epoch));
    return ok();
}

Result<> check_myid(storage::Disk& disk, const std::string& path, Findings& findings) {
    const auto text = disk.read_file(path, kSmallFileMax);
    if (!text.has_value() && text.error().code != Errc::invalid) return text.error();
    const auto id =
        text.has_value() ? ensemble::parse_myid(*text, path) : Result<ServerId>(text.error());
    if (id.has_value()) {
        findings.note(path, "server " + to_string(*id));
        return ok();
    }
    std::string reason = id.error().words;
    if (reason.starts_with(path + ": ")) reason.erase(0, path.size() + 2);
    findings.add(
        {Severity::error, path, 0, reason, "write the N of this server's line server.N into it"});
    return ok();
}

}  // namespace zk::zkdata
