#include "tarball/tarball.h"

#include <algorithm>
#include <archive.h>
#include <archive_entry.h>
#include <array>
#include <cerrno>
#include <fcntl.h>
#include <memory>
#include <optional>
#include <set>
#include <string_view>
#include <unistd.h>
#include <vector>

#include <sys/stat.h>

namespace zk::tarball {
namespace {

constexpr std::size_t kBlockBytes = 64 * 1024;
constexpr std::size_t kPathLengthMax = 512;
constexpr std::size_t kNameLengthMax = 200;
constexpr std::size_t kVersionLengthMax = 40;
constexpr std::uint64_t kRatioFrom = 1ULL << 20;

struct CloseArchive {
    void operator()(archive* reader) const { archive_read_free(reader); }
};
using Reader = std::unique_ptr<archive, CloseArchive>;

Error invalid(std::string words) { return {Errc::invalid, std::move(words)}; }

/// A path within an error: on one line, and not endless.
std::string quoted(std::string_view path) {
    std::string text = "\"";
    for (const char c : path.substr(0, 100)) {
        text += static_cast<unsigned char>(c) < ' ' || c == 0x7f ? '?' : c;
    }
    return text + (path.size() > 100 ? "...\"" : "\"");
}

std::string why(archive* reader) {
    const char* const words = archive_error_string(reader);
    return words == nullptr ? "it cannot be read" : quoted(words);
}

Result<Reader> make_reader() {
    Reader reader(archive_read_new());
    if (reader == nullptr) return Error(Errc::failed, "no memory to read it");
    if (archive_read_support_filter_gzip(reader.get()) != ARCHIVE_OK ||
        archive_read_support_format_tar(reader.get()) != ARCHIVE_OK) {
        return Error(Errc::failed, why(reader.get()));
    }
    return reader;
}

/// The names in a path, without those that mean nothing ("./", a slash at the end). Errors: it leads out, or is no path.
Result<std::vector<std::string>> names_of(std::string_view path) {
    if (path.empty()) return invalid("an entry has no name");
    if (path.size() > kPathLengthMax) return invalid("the path " + quoted(path) + " is too long");
    if (path.starts_with('/')) return invalid("the path " + quoted(path) + " is absolute");
    std::vector<std::string> names;
    std::string_view rest = path;
    while (!rest.empty()) {
        const std::string_view name = rest.substr(0, rest.find('/'));
        rest.remove_prefix(std::min(name.size() + 1, rest.size()));
        if (name.empty() || name == ".") continue;
        if (name == "..") return invalid("the path " + quoted(path) + " leads out of it");
        if (name.size() > kNameLengthMax) {
            return invalid("the path " + quoted(path) + " has a name that is too long");
        }
        const bool plain = std::all_of(name.begin(), name.end(), [](char c) {
            return static_cast<unsigned char>(c) >= ' ' && c != 0x7f;
        });
        if (!plain) return invalid("the path " + quoted(path) + " has a control character");
        names.emplace_back(name);
    }
    return names;
}

/// Of "zookeeper-3.8.4.jar"; nothing: another jar (zookeeper-jute-3.8.4.jar).
std::optional<std::string> version_in(std::string_view name) {
    constexpr std::string_view kBegin = "zookeeper-";
    constexpr std::string_view kEnd = ".jar";
    if (!name.starts_with(kBegin) || !name.ends_with(kEnd)) return std::nullopt;
    if (name.size() < kBegin.size() + kEnd.size()) return std::nullopt;
    name.remove_prefix(kBegin.size());
    name.remove_suffix(kEnd.size());
    const auto plain = [](char c) {
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
               c == '.' || c == '-' || c == '_';
    };
    if (name.empty() || name.size() > kVersionLengthMax || name[0] < '0' || name[0] > '9' ||
        !std::all_of(name.begin(), name.end(), plain)) {
        return std::nullopt;
    }
    return std::string(name);
}

std::string joined(const std::vector<std::string>& names) {
    std::string path;
    for (const std::string& name : names) path += (path.empty() ? "" : "/") + name;
    return path;
}

/// What an entry is for the one who takes it: below the directory on top.
struct Entry {
    std::vector<std::string> names;  ///< empty: the directory on top itself
    bool directory = false;
    bool program = false;
};

/// Where entries go; of a check: nowhere.
class Taker {
  public:
    Taker() = default;
    Taker(const Taker&) = delete;
    Taker& operator=(const Taker&) = delete;
    virtual ~Taker() = default;
    virtual Result<> begin(const Entry& entry) = 0;
    virtual Result<> bytes(ByteView bytes) = 0;
    virtual Result<> end() = 0;
};

class Nowhere final : public Taker {
  public:
    Result<> begin(const Entry& /*entry*/) override { return ok(); }
    Result<> bytes(ByteView /*bytes*/) override { return ok(); }
    Result<> end() override { return ok(); }
};

/// The rules, entry by entry.
class Walk {
  public:
    Walk(archive* reader, std::uint64_t packed_bytes, const Limits& limits, Taker& taker)
        : reader_(reader), packed_bytes_(packed_bytes), limits_(limits), taker_(taker) {}

    Result<Contents> run() {
        for (;;) {
            archive_entry* entry = nullptr;
            const int code = archive_read_next_header(reader_, &entry);
            if (code == ARCHIVE_EOF) break;
            if (code != ARCHIVE_OK) return damaged();
            // Otherwise any gzip, or any text, would be an archive without entries.
            if (archive_filter_code(reader_, 0) != ARCHIVE_FILTER_GZIP ||
                archive_filter_code(reader_, 1) != ARCHIVE_FILTER_NONE) {
                return invalid("it is not compressed by gzip, once");
            }
            ZK_CHECK(take(entry));
        }
        ZK_CHECK(check_whole());
        return contents_;
    }

  private:
    Error damaged() const {
        return {Errc::corrupt, "it is damaged, or no tar.gz: " + why(reader_)};
    }

    Result<> take(archive_entry* raw) {
        if (++entries_ > limits_.entries) {
            return invalid("it has more than " + std::to_string(limits_.entries) + " entries");
        }
        const char* const path = archive_entry_pathname(raw);
        if (path == nullptr) return invalid("an entry's name cannot be read");
        ZK_CHECK(check_kind(raw, path));
        ZK_TRY(auto names, names_of(path));
        Entry entry;
        entry.directory = archive_entry_filetype(raw) == AE_IFDIR;
        entry.program = (archive_entry_perm(raw) & 0100U) != 0;
        if (names.empty()) {  // "./" before all others
            if (entry.directory) return ok();
            return invalid("the path " + quoted(path) + " names no file");
        }
        ZK_CHECK(check_top(names, entry.directory));
        entry.names.assign(names.begin() + 1, names.end());
        ZK_CHECK(check_new(entry, path));
        if (entry.directory) return taker_.begin(entry);
        note_file(entry);
        ZK_CHECK(taker_.begin(entry));
        ZK_CHECK(read_data());
        return taker_.end();
    }

    Result<> check_kind(archive_entry* raw, std::string_view path) const {
        const bool hard = archive_entry_hardlink(raw) != nullptr;
        const auto type = archive_entry_filetype(raw);
        if (hard || type == AE_IFLNK) {
            const char* target = hard ? archive_entry_hardlink(raw) : archive_entry_symlink(raw);
            return invalid(quoted(path) + " is a link to " +
                           quoted(target == nullptr ? "" : target) +
                           "; a release has files and directories only");
        }
        if (type == AE_IFREG || type == AE_IFDIR) return ok();
        return invalid(quoted(path) + " is a device, a pipe or a socket");
    }

    Result<> check_top(const std::vector<std::string>& names, bool directory) {
        if (contents_.top.empty()) contents_.top = names.front();
        if (names.front() != contents_.top) {
            return invalid("it has " + quoted(contents_.top) + " and " + quoted(names.front()) +
                           " on top; a release has one directory there");
        }
        if (names.size() == 1 && !directory) {
            return invalid("it has the file " + quoted(names.front()) +
                           " on top; a release has one directory there");
        }
        return ok();
    }

    /// Twice the same file, a file below a file, or a file where a directory is.
    Result<> check_new(const Entry& entry, std::string_view path) {
        std::string parent;
        for (std::size_t i = 0; i + 1 < entry.names.size(); ++i) {
            parent += (i == 0 ? "" : "/") + entry.names[i];
            if (files_.contains(parent)) {
                return invalid(quoted(path) + " lies below " + quoted(parent) + ", a file");
            }
            directories_.insert(parent);
        }
        const std::string own = joined(entry.names);
        if (files_.contains(own) || (!entry.directory && directories_.contains(own))) {
            return invalid("it has " + quoted(path) + " twice");
        }
        (entry.directory ? directories_ : files_).insert(own);
        return ok();
    }

    void note_file(const Entry& entry) {
        ++contents_.files;
        if (entry.names.size() != 2 || entry.names[0] != "lib") return;
        if (auto version = version_in(entry.names[1])) versions_.insert(*std::move(version));
    }

    Result<> read_data() {
        std::array<char, kBlockBytes> block;
        for (;;) {
            const la_ssize_t size = archive_read_data(reader_, block.data(), block.size());
            if (size == 0) return ok();
            if (size < 0) return damaged();
            contents_.unpacked_bytes += static_cast<std::uint64_t>(size);
            ZK_CHECK(check_size());
            ZK_CHECK(taker_.bytes(ByteView(block.data(), static_cast<std::size_t>(size))));
        }
    }

    Result<> check_size() const {
        if (contents_.unpacked_bytes > limits_.unpacked_bytes) {
            return invalid("unpacked it is larger than " +
                           std::to_string(limits_.unpacked_bytes >> 20U) + " MiB");
        }
        if (contents_.unpacked_bytes > kRatioFrom &&
            contents_.unpacked_bytes / limits_.ratio > packed_bytes_) {
            return invalid("unpacked it is more than " + std::to_string(limits_.ratio) +
                           " times as large");
        }
        return ok();
    }

    Result<> check_whole() {
        if (entries_ == 0) return invalid("it holds nothing, or is no tar.gz");
        for (const char* const wanted : {"bin", "conf", "lib"}) {
            if (directories_.contains(wanted)) continue;
            return invalid("it has no " + quoted(contents_.top + "/" + wanted) +
                           "; is it the -bin tarball?");
        }
        if (versions_.size() != 1) {
            return invalid("it has " + std::string(versions_.empty() ? "no" : "more than one") +
                           " lib/zookeeper-<version>.jar; is it the -bin tarball?");
        }
        contents_.version = *versions_.begin();
        return ok();
    }

    archive* const reader_;
    const std::uint64_t packed_bytes_;
    const Limits& limits_;
    Taker& taker_;
    Contents contents_;
    std::uint64_t entries_ = 0;
    std::set<std::string> files_;
    std::set<std::string> directories_;
    std::set<std::string> versions_;
};

Result<> check_packed(std::uint64_t bytes, const Limits& limits) {
    if (bytes <= limits.packed_bytes) return ok();
    return invalid("it is larger than " + std::to_string(limits.packed_bytes >> 20U) + " MiB");
}

Error system_failure(const std::string& what) {
    return {std::error_code(errno, std::system_category()), what};
}

class OpenFile {
  public:
    explicit OpenFile(int fd) : fd_(fd) {}
    ~OpenFile() {
        if (fd_ >= 0) ::close(fd_);
    }
    OpenFile(const OpenFile&) = delete;
    OpenFile& operator=(const OpenFile&) = delete;
    [[nodiscard]] int get() const { return fd_; }
    int release() {
        const int fd = fd_;
        fd_ = -1;
        return fd;
    }

  private:
    int fd_;
};

Result<> sync_at(const std::string& path) {
    const OpenFile file(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (file.get() < 0 || ::fsync(file.get()) != 0) return system_failure("sync " + path);
    return ok();
}

/// Into a directory that nobody else writes to. Nothing that is there is followed or overwritten.
class OntoDisk final : public Taker {
  public:
    explicit OntoDisk(const std::string& directory) : directory_(directory) {
        made_.insert(directory_);
    }
    ~OntoDisk() override {
        if (fd_ >= 0) ::close(fd_);
    }
    OntoDisk(const OntoDisk&) = delete;
    OntoDisk& operator=(const OntoDisk&) = delete;

    Result<> begin(const Entry& entry) override {
        std::string path = directory_;
        const std::size_t directories = entry.names.size() - (entry.directory ? 0 : 1);
        for (std::size_t i = 0; i < directories; ++i) {
            path += "/" + entry.names[i];
            if (!made_.insert(path).second) continue;
            if (::mkdir(path.c_str(), 0755) != 0 || ::chmod(path.c_str(), 0755) != 0) {
                return system_failure("create " + path);
            }
        }
        if (entry.directory) return ok();
        path_ = path + "/" + entry.names.back();
        fd_ = ::open(path_.c_str(),
                     O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
                     entry.program ? 0755 : 0644);
        if (fd_ < 0 || ::fchmod(fd_, entry.program ? 0755 : 0644) != 0) {
            return system_failure("create " + path_);
        }
        return ok();
    }

    Result<> bytes(ByteView bytes) override {
        while (!bytes.empty()) {
            const ssize_t size = ::write(fd_, bytes.data(), bytes.size());
            if (size < 0 && errno == EINTR) continue;
            if (size < 0) return system_failure("write " + path_);
            bytes.remove_prefix(static_cast<std::size_t>(size));
        }
        return ok();
    }

    Result<> end() override {
        OpenFile file(fd_);
        fd_ = -1;
        if (::fsync(file.get()) != 0) return system_failure("sync " + path_);
        if (::close(file.release()) != 0) return system_failure("close " + path_);
        return ok();
    }

    Result<> sync_directories() {
        for (auto path = made_.rbegin(); path != made_.rend(); ++path) ZK_CHECK(sync_at(*path));
        return ok();
    }

  private:
    const std::string& directory_;
    std::set<std::string> made_;
    std::string path_;
    int fd_ = -1;
};

}  // namespace

Result<Contents> check(ByteView bytes, const Limits& limits) {
    ZK_CHECK(check_packed(bytes.size(), limits));
    ZK_TRY(const Reader reader, make_reader());
    if (archive_read_open_memory(reader.get(), bytes.data(), bytes.size()) != ARCHIVE_OK) {
        return Error(Errc::corrupt, "it is no tar.gz: " + why(reader.get()));
    }
    Nowhere nowhere;
    return Walk(reader.get(), bytes.size(), limits, nowhere).run();
}

Result<Contents> unpack(const std::string& path,
                        const std::string& directory,
                        const Limits& limits) {
    const OpenFile file(::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
    struct stat status {};
    if (file.get() < 0 || ::fstat(file.get(), &status) != 0) return system_failure("open " + path);
    ZK_CHECK(check_packed(static_cast<std::uint64_t>(status.st_size), limits));
    ZK_TRY(const Reader reader, make_reader());
    if (archive_read_open_fd(reader.get(), file.get(), kBlockBytes) != ARCHIVE_OK) {
        return Error(Errc::corrupt, "it is no tar.gz: " + why(reader.get()));
    }
    OntoDisk disk(directory);
    Walk walk(reader.get(), static_cast<std::uint64_t>(status.st_size), limits, disk);
    ZK_TRY(auto contents, walk.run());
    ZK_CHECK(disk.sync_directories());
    return contents;
}

}  // namespace zk::tarball
