// The file systems under a node's directories, and the server's files on them. Shell. Any thread. Changes nothing.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace zk::agent_host {

struct DiskSpace {
    std::uint64_t device = 0;
    std::uint64_t total_bytes = 0;
    std::uint64_t free_bytes = 0;  ///< without what is kept for root: the server is another user
    std::uint64_t inodes = 0;      ///< 0: there is no fixed number
    std::uint64_t free_inodes = 0;
    bool read_only = false;  ///< as this process sees it; another one may see another mount
};
/// Of the file system that holds `path` or its nearest existing parent.
std::optional<DiskSpace> read_disk(const std::string& path);

/// Whether a process with this /proc/PID/mountinfo may not write below `path`, an absolute one without links. Pure.
bool is_read_only_there(std::string_view mountinfo, std::string_view path);
/// The same of a process; `read_disk()` knows only what this process may do. A process that cannot be asked is taken for
/// this one, and then only what holds for everybody counts: that the file system itself is read-only.
bool is_read_only_for(std::int64_t pid, const std::string& path);

/// The zxid in a name such as "log.100000001"; nothing for other names.
std::optional<std::uint64_t> zxid_in_name(std::string_view name, std::string_view prefix);

struct StorageFiles {
    std::uint64_t snapshots = 0;
    std::uint64_t logs = 0;
    std::uint64_t bytes = 0;
    std::uint64_t logs_since = 0;                    ///< logs that begin behind the newest snapshot
    std::optional<std::int64_t> snapshot_written_s;  ///< the newest one, in seconds since 1970
};
/// What lies in version-2 of both directories; they may be the same.
StorageFiles read_storage(const std::string& data_dir, const std::string& log_dir);

}  // namespace zk::agent_host
