// A disk in memory with the crash behaviour of a real one: what was not synced may be lost, kept or
// torn. Pure. Model: writes of a file and changes of a directory are queues; sync() and sync_dir()
// empty them; a crash keeps a prefix of each queue (nothing, all, or a random part whose last write
// is cut anywhere). Deterministic by its seed.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "storage/disk.h"

namespace zk::sim {

enum class CrashMode { lose, keep, tear };

class SimDisk final : public storage::Disk {
  public:
    explicit SimDisk(std::uint64_t seed = 1) : random_(seed) {}

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

    /// Power loss. Open files are dead afterwards; the disk works again.
    void crash(CrashMode mode);
    /// The `count`th changing call from now on fails, and all after it, until crash() or
    /// never_fail(). The failing call may have left anything unsynced.
    void fail_after(std::uint64_t count) { calls_left_ = count; }
    void never_fail() { calls_left_ = kNever; }
    /// As after a failed sync: memory goes on showing what was not synced, but no later sync will write it.
    void drop_unsynced();
    /// Changing calls so far: writes, syncs, creations, renames, removals.
    [[nodiscard]] std::uint64_t calls() const { return calls_; }
    [[nodiscard]] std::uint64_t sync_count() const { return syncs_; }
    /// Puts a durable file there, or changes one behind everybody's back, for tests.
    void put(const std::string& path, ByteView bytes);
    /// Names of all directories together.
    [[nodiscard]] std::size_t file_count() const { return names_.size(); }

  private:
    friend class SimFile;
    static constexpr std::uint64_t kNever = ~std::uint64_t{0};
    struct Write {
        std::uint64_t offset = 0;
        Bytes bytes;
        bool cut = false;  // set the size to `offset` instead
    };
    struct Inode {
        Bytes durable, current;
        std::vector<Write> unsynced;
    };
    using Names = std::map<std::string, std::shared_ptr<Inode>>;
    struct NameChange {
        std::string from, to;  // created: from empty; removed: to empty
        std::shared_ptr<Inode> inode;
    };

    static void apply(Bytes& content, const Write& write);
    static void apply(Names& names, const NameChange& change);
    void change(const NameChange& name_change);
    Result<> count_call(const std::string& what);
    [[nodiscard]] Result<Inode*> find(const std::string& path) const;
    std::size_t kept(std::size_t queued, CrashMode mode);

    std::mt19937_64 random_;
    Names names_, durable_names_;
    std::set<std::string> dirs_{"", "."};
    std::map<std::string, std::vector<NameChange>> unsynced_names_;  // by directory
    std::uint64_t calls_ = 0, calls_left_ = kNever, syncs_ = 0, boot_ = 0;
};

}  // namespace zk::sim
