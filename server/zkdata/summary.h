// `zkdata summary`: counts, and what is large. Pure, over Disk.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "storage/disk.h"
#include "zkdata/dump.h"

namespace zk::zkdata {

/// A name with a number, of a list that is sorted by it, largest first.
struct Ranked {
    std::string name;
    std::uint64_t number = 0;
    friend bool operator==(const Ranked&, const Ranked&) = default;
};
struct Subtree {
    std::string path;
    std::uint64_t nodes = 0;  ///< itself included
    std::uint64_t bytes = 0;  ///< of data
    friend bool operator==(const Subtree&, const Subtree&) = default;
};
struct TreeSummary {
    std::uint64_t nodes = 0, data_bytes = 0, path_bytes = 0;
    std::uint64_t ephemerals = 0, containers = 0, ttl_nodes = 0;
    std::uint64_t sessions = 0, acls = 0;
    std::vector<Ranked> largest_nodes, most_children, session_ephemerals;
    /// Of nodes with children, without the root: by nodes, then by bytes.
    std::vector<Subtree> largest_subtrees;
};
/// Each list has at most `top` entries.
TreeSummary summarise(const Tree& tree, std::size_t top);

Result<> summary(storage::Disk& disk,
                 const Source& source,
                 const Options& options,
                 const Print& print);

}  // namespace zk::zkdata
