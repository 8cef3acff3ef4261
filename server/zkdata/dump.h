// `zkdata dump`: what a file or directory holds, line by line. Pure, over Disk.
#pragma once

#include <functional>
#include <string_view>

#include "base/result.h"
#include "storage/disk.h"
#include "zkdata/options.h"
#include "zkdata/source.h"

namespace zk::zkdata {

/// Where text goes.
using Print = std::function<void(std::string_view)>;

/// Errors: Errc::corrupt behind everything that could be printed of a damaged log; of a snapshot nothing is.
Result<> dump(storage::Disk& disk,
              const Source& source,
              const Options& options,
              const Print& print);

}  // namespace zk::zkdata
