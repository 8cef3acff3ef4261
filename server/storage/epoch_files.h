// acceptedEpoch and currentEpoch: one decimal number each, replaced atomically.
// Pure, over Disk. -1 is legal: an empty database that may not vote.
// Source: ZooKeeper QuorumPeer, AtomicFileWritingIdiom; the rule for a left-over currentEpoch.tmp
// is ZOOKEEPER-4269.
#pragma once

#include <optional>
#include <string>

#include "base/ids.h"
#include "base/result.h"
#include "storage/disk.h"

namespace zk::storage {

inline constexpr const char* kAcceptedEpochName = "acceptedEpoch";
inline constexpr const char* kCurrentEpochName = "currentEpoch";

/// The number in `dir/name`; nullopt when there is no such file; Errc::corrupt when it holds
/// anything but a number on its first line.
Result<std::optional<Epoch>> read_epoch(Disk& disk,
                                        const std::string& dir,
                                        const std::string& name);
/// Writes name.tmp, syncs, renames, syncs the directory.
Result<> write_epoch(Disk& disk, const std::string& dir, const std::string& name, Epoch epoch);

}  // namespace zk::storage
