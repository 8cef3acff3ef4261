// `zkdata compare`: which nodes and sessions differ between two trees. Pure, over Disk.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "storage/disk.h"
#include "zkdata/dump.h"

namespace zk::zkdata {

struct Difference {
    enum class Where { only_left, only_right, differs };
    Where where{};
    std::string what;  ///< a path, or "session 0x1"
    /// differs: "data", "mzxid" and so on, with both values.
    std::vector<std::string> fields;
    friend bool operator==(const Difference&, const Difference&) = default;
};

/// Sessions, then paths, sorted. Of /zookeeper/config only the data count.
std::vector<Difference> differences(const Tree& left, const Tree& right);

/// Prints them. The number of differences; errors: one side cannot be loaded, or not as of one zxid.
Result<std::size_t> compare(storage::Disk& disk,
                            const Source& left,
                            const Source& right,
                            const Options& options,
                            const Print& print);

}  // namespace zk::zkdata
