// Processes by their pid and start time, as /proc tells them: a pid alone may belong to somebody
// else by now. Shell. Any thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"

namespace zk::agent_host {

/// A pid with the moment its process began, in clock ticks since boot.
struct ProcessId {
    std::int64_t pid = 0;
    std::uint64_t start_ticks = 0;
    friend bool operator==(const ProcessId&, const ProcessId&) = default;
};

struct ProcessInfo {
    ProcessId id;
    bool zombie = false;
    char state = 0;  ///< as in /proc/PID/stat: 'S', 'R', 'D', 'T', 't', …
    std::uint64_t uptime_ms = 0;
    std::uint64_t rss_bytes = 0;
    std::string name;
};

/// What runs under this pid now; nothing when none does.
std::optional<ProcessInfo> process_info(std::int64_t pid);
/// Whether one of its threads waits for the disk at this moment (state D). Looks at 64 threads at most.
bool waits_for_disk(std::int64_t pid);
struct OpenFiles {
    std::optional<std::uint64_t>
        open;  ///< nothing: this kernel does not count them, or we have not the right to ask
    std::optional<std::uint64_t> most;  ///< its limit
};
OpenFiles open_files(std::int64_t pid);
/// True while exactly this process runs (a zombie does not).
bool is_alive(const ProcessId& process);
/// Digest of the program it was started from, also when that file was replaced; empty when not
/// known.
std::string program_sha256(std::int64_t pid);

/// Pid files: "pid start_ticks".
Result<> write_pid_file(const std::string& path, const ProcessId& process);
std::optional<ProcessId> read_pid_file(const std::string& path);

/// The recorded process, or, when the record is missing or says another than what runs, the one of
/// this user that was started as `program`: its starter may have died before it wrote the record.
std::optional<ProcessId> running_process(const std::string& pid_file, const std::string& program);

/// SIGTERM, then SIGKILL after `patience`; returns when it has ended. Nothing to do when it does
/// not run.
Result<> end_process(const ProcessId& process, std::chrono::milliseconds patience);

/// Starts a program in a session of its own, with no terminal and `output` appended to by stdout
/// and stderr. The caller is its parent: it must be reaped (or the caller ends before it).
Result<ProcessId> start_detached(const std::vector<std::string>& arguments,
                                 const std::string& output);

}  // namespace zk::agent_host
