#include "agent_host/disks.h"

#include <algorithm>
#include <array>
#include <dirent.h>
#include <fcntl.h>
#include <filesystem>
#include <memory>
#include <vector>

#include <sys/stat.h>
#include <sys/statvfs.h>

#include "agent_host/posix.h"
#include "base/numbers.h"

namespace zk::agent_host {
namespace {

constexpr std::size_t kMountsBytesMax = 4UL << 20;
constexpr std::size_t kFilesMax = 20000;

/// A mount point's spelling has the blanks and backslashes of its path as octal numbers.
std::string unescaped(std::string_view text) {
    std::string plain;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const auto code = text[i] == '\\' && i + 3 < text.size()
                              ? parse_number<unsigned>(text.substr(i + 1, 3), 8)
                              : std::nullopt;
        if (!code) {
            plain += text[i];
            continue;
        }
        plain += static_cast<char>(*code);
        i += 3;
    }
    return plain;
}

bool has_option(std::string_view options, std::string_view name) {
    while (!options.empty()) {
        const std::size_t end = options.find(',');
        if (options.substr(0, end) == name) return true;
        options.remove_prefix(end == std::string_view::npos ? options.size() : end + 1);
    }
    return false;
}

struct Mount {
    std::string place;
    bool read_only = false;       ///< of this mount
    bool file_system_ro = false;  ///< of all mounts of its file system
};

/// "36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue"; man 5 proc.
std::optional<Mount> parse_mount(std::string_view line) {
    std::vector<std::string_view> words;
    while (!line.empty()) {
        const std::size_t end = line.find(' ');
        words.push_back(line.substr(0, end));
        line.remove_prefix(end == std::string_view::npos ? line.size() : end + 1);
    }
    const auto dash = std::find(words.begin(), words.end(), "-");
    if (words.size() < 6 || words.end() - dash < 4) return std::nullopt;
    const std::string_view super = dash[3];
    Mount mount;
    mount.place = unescaped(words[4]);
    mount.read_only = has_option(words[5], "ro");
    // Newer kernels do not turn a broken ext4 "ro" any more.
    mount.file_system_ro = has_option(super, "ro") || has_option(super, "emergency_ro");
    return mount;
}

std::optional<Mount> mount_of(std::string_view mountinfo, std::string_view path) {
    std::optional<Mount> best;
    while (!mountinfo.empty()) {
        const std::size_t end = mountinfo.find('\n');
        auto mount = parse_mount(mountinfo.substr(0, end));
        mountinfo.remove_prefix(end == std::string_view::npos ? mountinfo.size() : end + 1);
        if (!mount) continue;
        const std::string& place = mount->place;
        const bool holds =
            place == "/" || path == place || (path.starts_with(place) && path[place.size()] == '/');
        // Of two at one place the later one lies above.
        if (holds && (!best || place.size() >= best->place.size())) best = std::move(mount);
    }
    return best;
}

/// One that is still being written, or was set aside, has another ending.
bool is_whole(std::string_view name) {
    const std::size_t first = name.find('.');
    const std::size_t second = name.find('.', first + 1);
    return second == std::string_view::npos || name.substr(second) == ".gz" ||
           name.substr(second) == ".snappy";
}

struct CloseDirectory {
    void operator()(DIR* directory) const { ::closedir(directory); }
};

}  // namespace

std::optional<DiskSpace> read_disk(const std::string& path) {
    std::string at = path;
    struct statvfs status {};
    while (::statvfs(at.c_str(), &status) != 0) {
        if (at == "/" || at == ".") return std::nullopt;
        at = parent_of(at);
    }
    const auto block = static_cast<std::uint64_t>(status.f_frsize);
    DiskSpace disk;
    disk.free_bytes = block * status.f_bavail;
    disk.total_bytes = block * status.f_blocks;
    disk.inodes = status.f_files;
    disk.free_inodes = status.f_favail;
    disk.read_only = (status.f_flag & ST_RDONLY) != 0;
    struct stat file {};
    if (::stat(at.c_str(), &file) == 0) disk.device = file.st_dev;
    return disk;
}

bool is_read_only_there(std::string_view mountinfo, std::string_view path) {
    const auto mount = mount_of(mountinfo, path);
    return mount && (mount->read_only || mount->file_system_ro);
}

bool is_read_only_for(std::int64_t pid, const std::string& path) {
    std::error_code code;
    const std::string place = std::filesystem::weakly_canonical(path, code).string();
    if (code) return false;
    if (pid > 0) {
        const auto theirs =
            read_file("/proc/" + std::to_string(pid) + "/mountinfo", kMountsBytesMax);
        if (theirs.has_value() && !theirs->empty()) return is_read_only_there(*theirs, place);
    }
    const auto ours = read_file("/proc/self/mountinfo", kMountsBytesMax);
    if (!ours.has_value()) return false;
    const auto mount = mount_of(*ours, place);
    return mount && mount->file_system_ro;
}

std::optional<std::uint64_t> zxid_in_name(std::string_view name, std::string_view prefix) {
    if (!name.starts_with(prefix)) return std::nullopt;
    std::string_view digits = name.substr(prefix.size());
    digits = digits.substr(0, digits.find('.'));
    return parse_number<std::uint64_t>(digits, 16);
}

StorageFiles read_storage(const std::string& data_dir, const std::string& log_dir) {
    StorageFiles files;
    std::vector<std::uint64_t> logs;
    std::optional<std::uint64_t> newest;
    const auto look_into = [&](const std::string& directory) {
        const std::unique_ptr<DIR, CloseDirectory> open(::opendir(directory.c_str()));
        if (!open) return;
        std::size_t seen = 0;
        // NOLINTNEXTLINE(concurrency-mt-unsafe): this stream is ours alone
        while (const dirent* const entry = ::readdir(open.get())) {
            if (++seen > kFilesMax) break;
            const std::string_view name = entry->d_name;
            const auto snapshot = zxid_in_name(name, "snapshot.");
            const auto log = zxid_in_name(name, "log.");
            if ((!snapshot && !log) || !is_whole(name)) continue;
            struct stat status {};
            if (::fstatat(::dirfd(open.get()), entry->d_name, &status, 0) != 0) continue;
            files.bytes += static_cast<std::uint64_t>(status.st_blocks) * 512;
            if (log) logs.push_back(*log);
            if (!snapshot) continue;
            ++files.snapshots;
            if (newest && *snapshot < *newest) continue;
            newest = *snapshot;
            files.snapshot_written_s = status.st_mtim.tv_sec;
        }
    };
    look_into(data_dir + "/version-2");
    if (log_dir != data_dir) look_into(log_dir + "/version-2");
    files.logs = logs.size();
    files.logs_since = static_cast<std::uint64_t>(std::count_if(
        logs.begin(), logs.end(), [&](std::uint64_t zxid) { return zxid > newest.value_or(0); }));
    return files;
}

}  // namespace zk::agent_host
