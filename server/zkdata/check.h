// `zkdata check`: whether files, and a directory as a whole, are what servers need. Pure, over Disk; changes nothing.
#pragma once

#include "base/result.h"
#include "storage/disk.h"
#include "zkdata/findings.h"
#include "zkdata/source.h"

namespace zk::zkdata {

/// Reads all of `source`. Errors: the disk's own; what is wrong with the data are findings.
Result<> check(storage::Disk& disk, const Source& source, Findings& findings);

}  // namespace zk::zkdata
