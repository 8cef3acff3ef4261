// Disk over the kernel. Shell; one object per thread that uses it, or shared: it has no state.
// Errors carry the errno and the path in words.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "storage/disk.h"
#include "storage/recovery.h"

namespace zk::disk {

class PosixDisk final : public storage::Disk {
  public:
    Result<std::vector<std::string>> list(const std::string& dir) override;
    Result<bool> exists(const std::string& path) override;
    Result<std::uint64_t> size(const std::string& path) override;
    Result<Bytes> read(const std::string& path, std::uint64_t offset, std::size_t length) override;
    Result<std::unique_ptr<storage::DiskFile>> create(const std::string& path) override;
    Result<> rename(const std::string& from, const std::string& to) override;
    Result<> remove(const std::string& path) override;
    Result<> truncate(const std::string& path, std::uint64_t size) override;
    Result<> sync_dir(const std::string& dir) override;
    Result<> settle(const std::string& path) override;
    Result<> make_dirs(const std::string& dir) override;
};

/// Keeps a second server out of the data directories for as long as it lives.
class DirectoryLock {
  public:
    DirectoryLock() = default;
    ~DirectoryLock();
    DirectoryLock(DirectoryLock&& other) noexcept;
    DirectoryLock& operator=(DirectoryLock&& other) noexcept;

    /// Locks dataDir and dataLogDir (flock on the directories themselves: no file is left, a crash
    /// frees it), creating them when missing. Errc::refused when another process holds one of them.
    static Result<DirectoryLock> acquire(const storage::Paths& paths);

  private:
    std::vector<int> descriptors_;
};

}  // namespace zk::disk
