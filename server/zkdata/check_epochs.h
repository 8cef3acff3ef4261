// The small files: acceptedEpoch, currentEpoch and myid. Pure, over Disk. Rules: docs/STORAGE.md 4.
#pragma once

#include <optional>
#include <string>

#include "base/ids.h"
#include "base/result.h"
#include "storage/disk.h"
#include "storage/recovery.h"
#include "zkdata/findings.h"

namespace zk::zkdata {

/// Both epoch files against each other and against the last transaction, and myid. `last_zxid`: nothing when it is not
/// known.
Result<> check_epochs(storage::Disk& disk,
                      const storage::Paths& paths,
                      std::optional<Zxid> last_zxid,
                      Findings& findings);
/// One of the files by itself.
Result<> check_epoch(storage::Disk& disk,
                     const std::string& dir,
                     const std::string& name,
                     Findings& findings);
Result<> check_myid(storage::Disk& disk, const std::string& path, Findings& findings);

}  // namespace zk::zkdata
