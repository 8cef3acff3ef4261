// What a path of the command line is, and the tree that it holds.
// Pure, over Disk; changes nothing on it.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "base/ids.h"
#include "base/log.h"
#include "base/result.h"
#include "storage/disk.h"
#include "storage/recovery.h"
#include "storage/snapshot_file.h"
#include "storage/txn_log.h"

namespace zk::zkdata {

struct Source {
    enum class Kind { directory, log, snapshot, epoch, myid };
    Kind kind{};
    std::string path;                ///< as it was given
    std::string dir;                 ///< of a file
    std::string name;                ///< of a file
    storage::Paths paths;            ///< of a directory
    storage::SnapshotName snapshot;  ///< of a snapshot
    /// Of the server whose files these are: storage::RecoveryOptions::payload_max. It decides on torn ends only: whole
    /// records are read however large they are.
    std::int32_t payload_max = storage::kLogPayloadMax;
};

/// By its content, and where that says nothing by its name: copies have any name. `log_dir` empty: the directory itself.
/// Errc::invalid for what is none of these, Errc::not_found.
Result<Source> look_at(storage::Disk& disk,
                       const std::string& path,
                       const std::string& log_dir,
                       std::int32_t payload_max = storage::kLogPayloadMax);

struct Tree {
    std::unique_ptr<tree::DataTree> tree;
    storage::SessionTable sessions;
    Zxid zxid;                                      ///< last transaction that is certainly in it
    std::optional<storage::SnapshotDigest> digest;  ///< of a snapshot, where it has a section
    /// A snapshot by itself, which may hold parts of transactions up to here.
    Zxid may_hold;
};
/// The tree of a snapshot, or of a directory as a server would start with it, or as of `at`: then Errc::not_found when
/// exactly that transaction cannot be reached. A walk gives all its nodes. `log` gets what a server would warn of.
Result<Tree> load(storage::Disk& disk,
                  const Source& source,
                  std::optional<Zxid> at,
                  const Log& log = {});

}  // namespace zk::zkdata
