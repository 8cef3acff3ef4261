// What one look at the server, its process and its files found: all that node_judge decides from.
// Pure.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "base/time.h"
#include "clock_offset/clock_offset.h"

namespace zk::node_judge {

/// The file myid as it lies in the data directory now. At most one of both; neither: not looked at.
struct MyIdFile {
    std::optional<ServerId> sid;
    /// Why there is no id, as the rest of a sentence that begins with its path.
    std::string failure;
};

/// A process that listens on a port of the node and is not the node's server.
struct PortHolder {
    std::uint16_t port = 0;
    std::int64_t pid = 0;  ///< 0: not known
    std::string program;
};

/// The file system that holds one of the server's directories. What is not known is nothing.
struct DiskLook {
    std::string directory;
    std::uint64_t device = 0;  ///< equal numbers: the same file system; 0: not known
    std::optional<std::uint64_t> free_bytes;
    std::optional<std::uint64_t> inodes;  ///< nothing also where there is no fixed number of them
    std::optional<std::uint64_t> free_inodes;
    bool read_only = false;  ///< as the server sees it
};

/// A file or directory that gave no answer yet: its file system hangs.
struct SilentDisk {
    std::string path;
    std::uint64_t for_s = 0;
};

/// The server's files, counted now and then.
struct StorageLook {
    std::uint64_t snapshots = 0;
    std::uint64_t logs = 0;
    std::uint64_t bytes = 0;                      ///< of both
    std::optional<std::uint64_t> snapshot_age_s;  ///< of the newest
    std::uint64_t logs_since = 0;                 ///< logs that begin behind the newest snapshot
    bool purges = false;                          ///< autopurge is on
};

/// A file that zkprov wrote and that is not as it wrote it.
struct Drift {
    std::string path;
    std::string words;  ///< the rest of a sentence that begins with the path
};

/// The host's memory, and what the server may have of it. What is not known is nothing.
struct MemoryLook {
    std::optional<std::uint64_t> total_bytes;
    std::optional<std::uint64_t> available_bytes;  ///< without swapping
    /// Hundredths of a percent of the last minute in which no process of the host could go on for want of memory.
    std::optional<std::uint64_t> stalled_parts;
    /// Of the cgroup of the server's process, or of one around it: the one with the least left.
    std::optional<std::uint64_t> limit_bytes;
    std::optional<std::uint64_t>
        limited_bytes;     ///< used there, without what the kernel can take back
    std::string limit_at;  ///< which cgroup has that limit
};

/// The server's unit, as systemd told it last.
struct UnitLook {
    std::string name;
    std::string active;
    std::string sub;
    bool enabled = true;
};

struct Probe {
    WallMs wall_ms;
    Instant now;

    bool process = false;  ///< it runs
    /// Whether anybody has looked: of a server on another host nobody can.
    bool process_known = true;
    std::int64_t pid = 0;
    /// As in /proc/PID/stat: 'R', 'S', 'D' (waits for the disk), 'T' (stopped), 't' (held by a debugger); 0: not known.
    char process_state = 0;
    bool waits_for_disk = false;  ///< it, or one of its threads; looked at only when it is silent
    std::uint64_t process_uptime_s = 0;
    std::uint64_t rss_bytes = 0;
    std::uint64_t restarts = 0;
    std::optional<std::uint64_t>
        next_start_ms;  ///< it is down, and will be started again in so long
    bool stopped_on_purpose = false;
    std::string outside;  ///< its process is not the unit's: what it is instead; empty: it is
    std::optional<UnitLook> unit;
    std::optional<std::uint64_t> open_files;  ///< as the system counts them
    std::optional<std::uint64_t> open_files_max;

    bool answered = false;  ///< somebody said something on its client port
    bool serving = false;   ///< and that was not "not currently serving requests"
    std::string failure;    ///< when nobody did: why
    bool unheard = false;   ///< it takes connections, but left two questions unanswered
    std::map<std::string, std::string> srvr;  ///< as client::parse_srvr gives it, or empty
    std::map<std::string, std::string> mntr;  ///< as client::parse_mntr gives it, or empty
    std::map<std::string, std::string> conf;  ///< as client::parse_conf gives it, or empty

    /// Whether the data directory that `conf` names is this node's; nothing: not known.
    std::optional<bool> own_data_dir;
    MyIdFile myid;
    /// On the client port, or, when nobody answers there, on any of the node's three.
    std::optional<PortHolder> stranger;

    std::optional<Epoch> current_epoch;  ///< of the file in the data directory
    DiskLook data_disk;
    DiskLook log_disk;
    std::optional<SilentDisk> silent_disk;  ///< then nothing else is known of files
    std::optional<StorageLook> storage;
    std::vector<Drift> drifts;
    std::optional<Drift> agent_drift;  ///< the file of the agent's own program
    MemoryLook memory;
    std::vector<clock_offset::HeardClock> clocks;  ///< the other nodes', by this one's
};

/// A decimal number, or one after "0x"; what is behind a point is left out. Nothing for other text.
std::optional<std::int64_t> number(std::string_view text);
using Values = std::map<std::string, std::string>;
/// The value of `name`, or empty.
std::string_view find(const Values& values, const std::string& name);
std::optional<std::int64_t> number_in(const Values& values, const std::string& name);
/// One that is not below 0: Apache's server says -1 for what it does not know.
std::optional<std::uint64_t> count_in(const Values& values, const std::string& name);

}  // namespace zk::node_judge
