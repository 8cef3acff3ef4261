// `zkdata repair`: a torn end of the newest log is cut off, with a backup beside it. Pure, over Disk.
// What counts as torn, and why nothing else may be cut: docs/decisions/0004-damaged-logs.md.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"
#include "storage/disk.h"
#include "zkdata/source.h"

namespace zk::zkdata {

/// What is to be done with one log file.
struct RepairPlan {
    enum class Step {
        nothing,  ///< its end is whole
        cut,      ///< everything behind `offset`
        set_aside,  ///< the file has no head: an empty one, which older servers of Apache's do not start with
    };
    Step step = Step::nothing;
    std::string dir;
    std::string name;
    std::uint64_t offset = 0;
    std::uint64_t size = 0;  ///< of the file
    std::string what;        ///< is wrong, in words
    std::string backup;      ///< name of the copy, in the same directory

    /// What is or was done, a line.
    [[nodiscard]] std::string words() const;
};
/// For a directory its newest log; for a log that it is the newest of its directory. Errc::refused for damage of other
/// kinds, for a log that is not the newest, and for what is no log; Errc::not_found when there is none.
Result<RepairPlan> plan_repair(storage::Disk& disk, const Source& source);
/// Carries it out: the backup is durable before the file is changed. REQUIRES: no server uses the directory.
Result<> carry_out(storage::Disk& disk, const RepairPlan& plan);

/// The directories that a server would hold while it uses what is repaired.
storage::Paths server_paths(const Source& source);

}  // namespace zk::zkdata
