// The door to a disk: everything that storage asks of a file system, as an interface.
// Pure. disk/posix_disk is its real form, tests/sim/sim_disk its simulated one (a crash loses,
// keeps or tears what was not synced). One Disk is used by one thread at a time; the log thread and
// the snapshot thread each have their own. Promise of every form: what was written before a sync()
// that succeeded survives a crash; a created, renamed or removed name survives only after
// sync_dir() of its directory; rename is atomic.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"

namespace zk::storage {

/// A file open for writing. Writes go to its end ("position"), which moves on.
class DiskFile {
  public:
    virtual ~DiskFile() = default;
    /// Writes all of `bytes` at the position. A failure is final: the file may hold any part of
    /// them.
    virtual Result<> write(ByteView bytes) = 0;
    /// Grows the file to `size` bytes without moving the position (sparse: reads as zeros). Never
    /// shrinks.
    virtual Result<> extend(std::uint64_t size) = 0;
    /// Makes everything written so far durable (fdatasync). A failure is final: never retry and
    /// trust.
    virtual Result<> sync() = 0;
    /// Closes without syncing. The destructor closes too, but cannot report.
    virtual Result<> close() = 0;
};

/// A directory tree. Paths are absolute or relative to the process, with '/'.
class Disk {
  public:
    virtual ~Disk() = default;
    /// Names in `dir`, sorted bytewise, without "." and "..". Errc::not_found when there is no such
    /// directory.
    virtual Result<std::vector<std::string>> list(const std::string& dir) = 0;
    virtual Result<bool> exists(const std::string& path) = 0;
    virtual Result<std::uint64_t> size(const std::string& path) = 0;
    /// Up to `length` bytes from `offset`; fewer only at the end of the file.
    virtual Result<Bytes> read(const std::string& path,
                               std::uint64_t offset,
                               std::size_t length) = 0;
    /// Opens `path` for writing from the start: created when missing, emptied when there.
    virtual Result<std::unique_ptr<DiskFile>> create(const std::string& path) = 0;
    virtual Result<> rename(const std::string& from, const std::string& to) = 0;
    /// Removes a file. Errc::not_found when there is none.
    virtual Result<> remove(const std::string& path) = 0;
    /// Cuts the file to `size` bytes and syncs it.
    virtual Result<> truncate(const std::string& path, std::uint64_t size) = 0;
    /// Makes creations, renames and removals in `dir` durable.
    virtual Result<> sync_dir(const std::string& dir) = 0;
    /// Makes what `path` holds durable, whoever wrote it, and forgets what memory knows of it: the next read comes from
    /// the disk. What a process left behind that was killed, or stopped after a failed sync, is proven only so: the
    /// system may have dropped pages that it could not write and go on showing them.
    virtual Result<> settle(const std::string& path) = 0;
    /// Creates `dir` and its missing parents, and syncs each parent.
    virtual Result<> make_dirs(const std::string& dir) = 0;

    /// The whole file. Errc::invalid when it is larger than `size_max`.
    Result<Bytes> read_file(const std::string& path, std::size_t size_max);
    /// Replaces `dir/name` by `bytes`: writes `dir/temp_name`, syncs it, renames it, syncs the
    /// directory.
    Result<> replace_file(const std::string& dir,
                          const std::string& name,
                          const std::string& temp_name,
                          ByteView bytes);
};

/// Removes a file, which may be gone already: purge and a synchronisation with the leader run on threads of their own and
/// may want the same one gone.
Result<> remove_if_there(Disk& disk, const std::string& path);

}  // namespace zk::storage
