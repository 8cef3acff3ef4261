#include "disk/posix_disk.h"

#include <algorithm>
#include <cerrno>
#include <dirent.h>
#include <fcntl.h>
#include <limits>
#include <unistd.h>
#include <utility>

#include <sys/file.h>
#include <sys/stat.h>

namespace zk::disk {
namespace {

constexpr mode_t kFileMode = 0644;
constexpr mode_t kDirectoryMode = 0755;

Error system_error(const std::string& what, const std::string& path, int error = errno) {
    const std::string words = what + " " + path;
    if (error == ENOENT) return {Errc::not_found, words + ": no such file or directory"};
    return {boost::system::error_code(error, boost::system::system_category()), words};
}

class Descriptor {
  public:
    explicit Descriptor(int value) : value_(value) {}
    ~Descriptor() {
        if (value_ >= 0) ::close(value_);
    }
    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;
    [[nodiscard]] int get() const { return value_; }
    [[nodiscard]] bool valid() const { return value_ >= 0; }
    int release() { return std::exchange(value_, -1); }

  private:
    int value_;
};

int open_file(const std::string& path, int flags) {
    int descriptor = -1;
    do {
        descriptor = ::open(path.c_str(), flags | O_CLOEXEC, kFileMode);
    } while (descriptor < 0 && errno == EINTR);
    return descriptor;
}

Result<> sync_and_close(Descriptor& descriptor, const std::string& path) {
    if (::fsync(descriptor.get()) != 0) return system_error("fsync", path);
    if (::close(descriptor.release()) != 0) return system_error("close", path);
    return ok();
}

class PosixFile final : public storage::DiskFile {
  public:
    PosixFile(int descriptor, std::string path) : descriptor_(descriptor), path_(std::move(path)) {}

    Result<> write(ByteView bytes) override {
        while (!bytes.empty()) {
            const ssize_t count = ::pwrite(
                descriptor_.get(), bytes.data(), bytes.size(), static_cast<off_t>(position_));
            if (count < 0 && errno == EINTR) continue;
            if (count < 0) return system_error("write", path_);
            bytes.remove_prefix(static_cast<std::size_t>(count));
            position_ += static_cast<std::uint64_t>(count);
        }
        size_ = std::max(size_, position_);
        return ok();
    }

    Result<> extend(std::uint64_t size) override {
        if (size <= size_) return ok();
        const char zero = '\0';
        ssize_t count = 0;
        do {
            count = ::pwrite(descriptor_.get(), &zero, 1, static_cast<off_t>(size - 1));
        } while (count < 0 && errno == EINTR);
        if (count != 1) return system_error("extend", path_);
        size_ = size;
        return ok();
    }

    // Not repeated on EINTR: after a failed sync the kernel may have dropped the dirty pages.
    Result<> sync() override {
        if (::fdatasync(descriptor_.get()) != 0) return system_error("fdatasync", path_);
        return ok();
    }

    Result<> close() override {
        if (descriptor_.valid() && ::close(descriptor_.release()) != 0)
            return system_error("close", path_);
        return ok();
    }

  private:
    Descriptor descriptor_;
    std::string path_;
    std::uint64_t position_ = 0;
    std::uint64_t size_ = 0;
};

}  // namespace

Result<std::vector<std::string>> PosixDisk::list(const std::string& dir) {
    DIR* stream = ::opendir(dir.c_str());
    if (stream == nullptr) return system_error("list", dir);
    std::vector<std::string> names;
    errno = 0;
    // Each stream is used by one thread only, which is what readdir asks for.
    while (const dirent* entry = ::readdir(stream)) {  // NOLINT(concurrency-mt-unsafe)
        const std::string name = entry->d_name;
        if (name != "." && name != "..") names.push_back(name);
        errno = 0;
    }
    const int error = errno;
    ::closedir(stream);
    if (error != 0) return system_error("list", dir, error);
    std::sort(names.begin(), names.end());
    return names;
}

Result<bool> PosixDisk::exists(const std::string& path) {
    struct stat status {};
    if (::stat(path.c_str(), &status) == 0) return true;
    if (errno == ENOENT || errno == ENOTDIR) return false;
    return system_error("stat", path);
}

Result<std::uint64_t> PosixDisk::size(const std::string& path) {
    struct stat status {};
    if (::stat(path.c_str(), &status) != 0) return system_error("stat", path);
    return static_cast<std::uint64_t>(status.st_size);
}

Result<Bytes> PosixDisk::read(const std::string& path, std::uint64_t offset, std::size_t length) {
    const Descriptor descriptor(open_file(path, O_RDONLY));
    if (!descriptor.valid()) return system_error("open", path);
    Bytes bytes(length, '\0');
    std::size_t done = 0;
    while (done < length) {
        const ssize_t count = ::pread(descriptor.get(),
                                      bytes.data() + done,
                                      length - done,
                                      static_cast<off_t>(offset + done));
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) return system_error("read", path);
        if (count == 0) break;
        done += static_cast<std::size_t>(count);
    }
    bytes.resize(done);
    return bytes;
}

Result<std::unique_ptr<storage::DiskFile>> PosixDisk::create(const std::string& path) {
    const int descriptor = open_file(path, O_RDWR | O_CREAT | O_TRUNC);
    if (descriptor < 0) return system_error("create", path);
    return std::unique_ptr<storage::DiskFile>(std::make_unique<PosixFile>(descriptor, path));
}

Result<> PosixDisk::rename(const std::string& from, const std::string& to) {
    if (::rename(from.c_str(), to.c_str()) != 0) return system_error("rename", from + " to " + to);
    return ok();
}

Result<> PosixDisk::remove(const std::string& path) {
    if (::unlink(path.c_str()) != 0) return system_error("remove", path);
    return ok();
}

Result<> PosixDisk::truncate(const std::string& path, std::uint64_t size) {
    Descriptor descriptor(open_file(path, O_RDWR));
    if (!descriptor.valid()) return system_error("open", path);
    if (::ftruncate(descriptor.get(), static_cast<off_t>(size)) != 0)
        return system_error("truncate", path);
    return sync_and_close(descriptor, path);
}

Result<> PosixDisk::sync_dir(const std::string& dir) {
    Descriptor descriptor(open_file(dir, O_RDONLY | O_DIRECTORY));
    if (!descriptor.valid()) return system_error("open", dir);
    return sync_and_close(descriptor, dir);
}

// Only clean pages can be dropped, so first the sync. Pages that somebody maps or locks would stay; nobody does here.
Result<> PosixDisk::settle(const std::string& path) {
    Descriptor descriptor(open_file(path, O_RDONLY));
    if (!descriptor.valid()) return system_error("open", path);
    if (::fsync(descriptor.get()) != 0) return system_error("fsync", path);
    const int error = ::posix_fadvise(descriptor.get(), 0, 0, POSIX_FADV_DONTNEED);
    if (error != 0) return system_error("drop the cache of", path, error);
    if (::close(descriptor.release()) != 0) return system_error("close", path);
    return ok();
}

Result<> PosixDisk::make_dirs(const std::string& dir) {
    ZK_TRY(const bool there, exists(dir));
    if (there) return ok();
    const std::size_t slash = dir.find_last_of('/');
    const std::string parent =
        slash == std::string::npos ? "." : dir.substr(0, std::max<std::size_t>(slash, 1));
    if (slash != std::string::npos && slash + 1 == dir.size()) return make_dirs(parent);
    ZK_CHECK(make_dirs(parent));
    if (::mkdir(dir.c_str(), kDirectoryMode) != 0 && errno != EEXIST)
        return system_error("mkdir", dir);
    return sync_dir(parent);
}

DirectoryLock::~DirectoryLock() {
    for (const int descriptor : descriptors_) ::close(descriptor);
}

DirectoryLock::DirectoryLock(DirectoryLock&& other) noexcept
    : descriptors_(std::exchange(other.descriptors_, {})) {}

DirectoryLock& DirectoryLock::operator=(DirectoryLock&& other) noexcept {
    std::swap(descriptors_, other.descriptors_);
    return *this;
}

Result<DirectoryLock> DirectoryLock::acquire(const storage::Paths& paths) {
    DirectoryLock lock;
    PosixDisk disk;
    std::vector<std::string> dirs{paths.data_dir};
    if (paths.log_dir != paths.data_dir) dirs.push_back(paths.log_dir);
    struct stat first {};
    for (const std::string& dir : dirs) {
        ZK_CHECK(disk.make_dirs(dir));
        Descriptor descriptor(open_file(dir, O_RDONLY | O_DIRECTORY));
        if (!descriptor.valid()) return system_error("open", dir);
        struct stat status {};
        if (::fstat(descriptor.get(), &status) != 0) return system_error("stat", dir);
        if (!lock.descriptors_.empty() && status.st_dev == first.st_dev &&
            status.st_ino == first.st_ino) {
            return Error(Errc::refused,
                         "dataDir " + paths.data_dir + " and dataLogDir " + dir +
                             " are the same directory; write both alike, or leave dataLogDir out");
        }
        first = status;
        if (::flock(descriptor.get(), LOCK_EX | LOCK_NB) != 0) {
            if (errno != EWOULDBLOCK) return system_error("lock", dir);
            return Error(
                Errc::refused,
                dir +
                    " is used by another server process; two servers must never share a directory");
        }
        lock.descriptors_.push_back(descriptor.release());
    }
    return lock;
}

}  // namespace zk::disk
