// A disk in memory with the crash behaviour of a real one: what was not synced may be lost, kept or
// torn. Pure. Model: writes of a file and changes of a directory are queues; sync() and sync_dir()
// empty them; a power cut keeps a part of each queue. The end of a process (kill) keeps the cache:
// the next process reads what the disk may not have. A sync that fails leaves pages in the cache
// that nobody will ever write ("clean"), and that may vanish from the cache at any time; only
// settle() tells what the disk holds. Deterministic by its seed.
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

/// What a power cut leaves of the unsynced queues: nothing; all; a prefix whose last write is cut
/// anywhere; or any set of pages (of 512 or 4096 bytes), each as it once was, and of names.
enum class CrashMode { lose, keep, tear, pages };

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
    void never_fail() { calls_left_ = syncs_left_ = kNever; }
    /// The `count`th sync of a file from now on fails, once: any of its pages reached the disk, the
    /// others count as written.
    void fail_sync_after(std::uint64_t count) { syncs_left_ = count; }
    /// The process ends: open files are dead, the cache stays, the disk works again.
    void kill();
    /// The cache drops pages that are clean: those that a failed sync lost change back. True when
    /// there were any.
    bool drop_clean_pages();
    /// Another disk in its place: empty, with the same directories.
    void replace();
    /// As after failed syncs of all files: memory goes on showing what was not synced, but no later sync will write it.
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
        bool lost_pages = false;  ///< a failed sync: `current` shows what nobody will write
    };
    using Names = std::map<std::string, std::shared_ptr<Inode>>;
    struct NameChange {
        std::string from, to;  // created: from empty; removed: to empty
        std::shared_ptr<Inode> inode;
    };

    static void apply(Bytes& content, const Write& write);
    static void apply(Names& names, const NameChange& change);
    void change(const NameChange& name_change);
    Result<> count_call(const char* what, const std::string& path);
    Result<> sync(Inode& inode, const char* what, const std::string& path);
    [[nodiscard]] Result<Inode*> find(const std::string& path) const;
    std::size_t kept(std::size_t queued, CrashMode mode);
    void crash_names(const std::vector<NameChange>& changes, CrashMode mode);
    void crash_file(Inode& inode, CrashMode mode);
    void keep_some_pages(Inode& inode);

    std::mt19937_64 random_;
    Names names_, durable_names_;
    std::set<std::string> dirs_{"", "."};
    std::map<std::string, std::vector<NameChange>> unsynced_names_;  // by directory
    std::uint64_t calls_ = 0, calls_left_ = kNever;
    std::uint64_t syncs_ = 0, syncs_left_ = kNever, boot_ = 0;
};

}  // namespace zk::sim
