#include "sim_disk/sim_disk.h"

#include <algorithm>
#include <utility>

namespace zk::sim {
namespace {
std::string parent_of(const std::string& path) {
    const std::size_t slash = path.find_last_of('/');
    return slash == std::string::npos ? "." : path.substr(0, slash);
}
}  // namespace

class SimFile final : public storage::DiskFile {
  public:
    SimFile(SimDisk& disk, std::shared_ptr<SimDisk::Inode> inode, std::string path)
        : disk_(disk), inode_(std::move(inode)), path_(std::move(path)), boot_(disk.boot_) {}

    Result<> write(ByteView bytes) override { return put({position_, Bytes(bytes)}, bytes.size()); }
    Result<> extend(std::uint64_t size) override {
        if (size <= inode_->current.size()) return ok();
        return put({size - 1, Bytes(1, '\0')}, 0);
    }
    Result<> sync() override {
        ZK_CHECK(alive());
        return disk_.sync(*inode_, "sync", path_);
    }
    Result<> close() override { return alive(); }

  private:
    Result<> alive() const {
        if (boot_ == disk_.boot_) return ok();
        return Error(Errc::closed, path_ + " was opened before the crash");
    }
    Result<> put(SimDisk::Write write, std::size_t advance) {
        ZK_CHECK(alive());
        // Also a failing write leaves something behind, as far as anybody knows.
        const auto counted = disk_.count_call("write", path_);
        SimDisk::apply(inode_->current, write);
        inode_->unsynced.push_back(std::move(write));
        position_ += advance;
        return counted;
    }

    SimDisk& disk_;
    std::shared_ptr<SimDisk::Inode> inode_;
    std::string path_;
    std::uint64_t boot_;
    std::uint64_t position_ = 0;
};

void SimDisk::apply(Bytes& content, const Write& write) {
    if (write.cut) {
        content.resize(write.offset, '\0');
        return;
    }
    if (content.size() == write.offset) {
        content.append(write.bytes);
        return;
    }
    if (content.size() < write.offset + write.bytes.size())
        content.resize(write.offset + write.bytes.size(), '\0');
    content.replace(write.offset, write.bytes.size(), write.bytes);
}

void SimDisk::apply(Names& names, const NameChange& change) {
    if (!change.from.empty()) names.erase(change.from);
    if (!change.to.empty()) names[change.to] = change.inode;
}

void SimDisk::change(const NameChange& name_change) {
    apply(names_, name_change);
    unsynced_names_[parent_of(name_change.to.empty() ? name_change.from : name_change.to)]
        .push_back(name_change);
}

Result<> SimDisk::count_call(const char* what, const std::string& path) {
    ++calls_;
    if (calls_left_ == kNever) return ok();
    if (calls_left_ > 0) --calls_left_;
    if (calls_left_ > 0) return ok();
    return Error(Errc::failed, std::string(what) + " " + path + ": simulated failure");
}

Result<> SimDisk::sync(Inode& inode, const char* what, const std::string& path) {
    ZK_CHECK(count_call(what, path));
    ++syncs_;
    if (syncs_left_ != kNever && --syncs_left_ == 0) {
        syncs_left_ = kNever;
        keep_some_pages(inode);
        inode.unsynced.clear();
        inode.lost_pages = true;
        return Error(Errc::failed, std::string(what) + " " + path + ": simulated I/O error");
    }
    for (const Write& write : inode.unsynced) apply(inode.durable, write);
    inode.unsynced.clear();
    return ok();
}

Result<SimDisk::Inode*> SimDisk::find(const std::string& path) const {
    const auto found = names_.find(path);
    if (found == names_.end()) return Error(Errc::not_found, path + ": no such file");
    return found->second.get();
}

Result<std::vector<std::string>> SimDisk::list(const std::string& dir) {
    if (!dirs_.contains(dir)) return Error(Errc::not_found, dir + ": no such directory");
    std::vector<std::string> names;
    for (const auto& [path, inode] : names_) {
        if (parent_of(path) == dir) names.push_back(path.substr(dir.size() + 1));
    }
    for (const std::string& path : dirs_) {
        if (!path.empty() && path != "." && parent_of(path) == dir)
            names.push_back(path.substr(dir.size() + 1));
    }
    std::sort(names.begin(), names.end());
    return names;
}

Result<bool> SimDisk::exists(const std::string& path) {
    return names_.contains(path) || dirs_.contains(path);
}

Result<std::uint64_t> SimDisk::size(const std::string& path) {
    ZK_TRY(const Inode* inode, find(path));
    return std::uint64_t{inode->current.size()};
}

Result<Bytes> SimDisk::read(const std::string& path, std::uint64_t offset, std::size_t length) {
    ZK_TRY(const Inode* inode, find(path));
    if (offset >= inode->current.size()) return Bytes();
    return inode->current.substr(static_cast<std::size_t>(offset), length);
}

Result<std::unique_ptr<storage::DiskFile>> SimDisk::create(const std::string& path) {
    ZK_CHECK(count_call("create", path));
    if (!dirs_.contains(parent_of(path)))
        return Error(Errc::not_found, parent_of(path) + ": no such directory");
    const auto found = names_.find(path);
    std::shared_ptr<Inode> inode;
    if (found != names_.end()) {
        inode = found->second;
        const Write cut{0, {}, true};
        apply(inode->current, cut);
        inode->unsynced.push_back(cut);
    } else {
        inode = std::make_shared<Inode>();
        change({"", path, inode});
    }
    return std::unique_ptr<storage::DiskFile>(std::make_unique<SimFile>(*this, inode, path));
}

Result<> SimDisk::rename(const std::string& from, const std::string& to) {
    ZK_CHECK(count_call("rename", from));
    const auto found = names_.find(from);
    if (found == names_.end()) return Error(Errc::not_found, from + ": no such file");
    change({from, to, found->second});
    return ok();
}

Result<> SimDisk::remove(const std::string& path) {
    ZK_CHECK(count_call("remove", path));
    ZK_CHECK(find(path));
    change({path, "", nullptr});
    return ok();
}

Result<> SimDisk::truncate(const std::string& path, std::uint64_t size) {
    ZK_TRY(Inode * inode, find(path));
    const Write cut{size, {}, true};
    apply(inode->current, cut);
    inode->unsynced.push_back(cut);
    return sync(*inode, "truncate", path);
}

Result<> SimDisk::sync_dir(const std::string& dir) {
    ZK_CHECK(count_call("sync directory", dir));
    ++syncs_;
    for (const NameChange& queued : unsynced_names_[dir]) apply(durable_names_, queued);
    unsynced_names_.erase(dir);
    return ok();
}

Result<> SimDisk::settle(const std::string& path) {
    ZK_TRY(Inode * inode, find(path));
    ZK_CHECK(sync(*inode, "settle", path));
    inode->current = inode->durable;  // nothing that only the cache has
    inode->lost_pages = false;
    return ok();
}

Result<> SimDisk::make_dirs(const std::string& dir) {
    for (std::string path = dir; dirs_.insert(path).second;) path = parent_of(path);
    return ok();
}

void SimDisk::put(const std::string& path, ByteView bytes) {
    const auto inode = std::make_shared<Inode>();
    inode->durable = inode->current = Bytes(bytes);
    names_[path] = durable_names_[path] = inode;
    (void)make_dirs(parent_of(path)).has_value();
}

void SimDisk::drop_unsynced() {
    for (const auto& [path, inode] : names_) inode->unsynced.clear();
}

std::size_t SimDisk::kept(std::size_t queued, CrashMode mode) {
    switch (mode) {
        case CrashMode::lose:
            return 0;
        case CrashMode::keep:
            return queued;
        case CrashMode::tear:
        case CrashMode::pages:
            return random_() % (queued + 1);
    }
    return 0;
}

void SimDisk::crash_names(const std::vector<NameChange>& changes, CrashMode mode) {
    const std::size_t count = kept(changes.size(), mode);
    for (std::size_t i = 0; i < changes.size(); ++i) {
        const bool stays = mode == CrashMode::pages ? random_() % 2 == 0 : i < count;
        if (stays) apply(durable_names_, changes[i]);
    }
}

void SimDisk::crash_file(Inode& inode, CrashMode mode) {
    if (mode == CrashMode::pages) return keep_some_pages(inode);
    const std::size_t count = kept(inode.unsynced.size(), mode);
    for (std::size_t i = 0; i < count; ++i) apply(inode.durable, inode.unsynced[i]);
    if (mode != CrashMode::tear || count == inode.unsynced.size()) return;
    Write torn = inode.unsynced[count];
    if (!torn.bytes.empty()) torn.bytes.resize(random_() % torn.bytes.size());
    if (!torn.bytes.empty()) apply(inode.durable, torn);
}

// Each page is as some prefix of the writes to it left it. A cut of the file is no page: up to the
// last one, a prefix.
void SimDisk::keep_some_pages(Inode& inode) {
    std::size_t first = inode.unsynced.size();
    while (first > 0 && !inode.unsynced[first - 1].cut) --first;
    if (first > 0) {
        const bool whole = random_() % 2 == 0;
        const std::size_t count = whole ? first : random_() % first;
        for (std::size_t i = 0; i < count; ++i) apply(inode.durable, inode.unsynced[i]);
        if (!whole) return;
    }
    const std::size_t page_bytes = random_() % 2 == 0 ? 512 : 4096;
    std::map<std::size_t, std::vector<std::size_t>> writes_of;
    for (std::size_t i = first; i < inode.unsynced.size(); ++i) {
        const Write& write = inode.unsynced[i];
        if (write.bytes.empty()) continue;
        const std::size_t last = (write.offset + write.bytes.size() - 1) / page_bytes;
        for (std::size_t page = write.offset / page_bytes; page <= last; ++page) {
            writes_of[page].push_back(i);
        }
    }
    for (const auto& [page, writes] : writes_of) {
        const std::size_t count = random_() % (writes.size() + 1);
        for (std::size_t i = 0; i < count; ++i) {
            const Write& write = inode.unsynced[writes[i]];
            const std::uint64_t from = std::max<std::uint64_t>(write.offset, page * page_bytes);
            const std::uint64_t to =
                std::min<std::uint64_t>(write.offset + write.bytes.size(), (page + 1) * page_bytes);
            apply(inode.durable, {from, write.bytes.substr(from - write.offset, to - from)});
        }
    }
}

void SimDisk::crash(CrashMode mode) {
    for (const auto& [dir, changes] : unsynced_names_) crash_names(changes, mode);
    unsynced_names_.clear();
    std::set<Inode*> done;
    for (const auto& [path, inode] : durable_names_) {
        if (!done.insert(inode.get()).second) continue;
        if (!inode->unsynced.empty()) crash_file(*inode, mode);
        if (!inode->unsynced.empty() || inode->lost_pages) inode->current = inode->durable;
        inode->unsynced.clear();
        inode->lost_pages = false;
    }
    names_ = durable_names_;
    kill();
}

void SimDisk::kill() {
    never_fail();
    ++boot_;
}

void SimDisk::replace() {
    names_.clear();
    durable_names_.clear();
    unsynced_names_.clear();
    kill();
}

bool SimDisk::drop_clean_pages() {
    bool any = false;
    for (const auto& [path, inode] : names_) {
        if (!std::exchange(inode->lost_pages, false)) continue;
        any = true;
        inode->current = inode->durable;
        for (const Write& write : inode->unsynced) apply(inode->current, write);
    }
    return any;
}

}  // namespace zk::sim
