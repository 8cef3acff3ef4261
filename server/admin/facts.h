// Everything that a word or a command may tell of a server, gathered by whoever asks for it (zkserver/facts).
// Pure values; nothing here reaches back into the server.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/ids.h"
#include "base/time.h"
#include "core/status_page.h"
#include "frontend/statistics.h"
#include "metrics/metrics.h"
#include "tree/data_tree.h"
#include "tree/quotas.h"

namespace zk::admin {

/// What the operating system says of this process and its files; absent means not known.
struct ProcessFacts {
    std::optional<std::int64_t> data_bytes;      ///< size of the files in dataDir
    std::optional<std::int64_t> log_bytes;       ///< size of the files in dataLogDir
    std::optional<std::int64_t> open_files;      ///< open file descriptors
    std::optional<std::int64_t> open_files_max;  ///< their limit
    std::optional<double> cpu_seconds;           ///< of this process so far
    std::optional<double> started_seconds;       ///< when it began, since 1970
    std::optional<std::int64_t> virtual_bytes;   ///< of its memory
    std::optional<std::int64_t> resident_bytes;  ///< of these, in memory
};

/// How syncing the log went since the server began.
struct LogFacts {
    std::int64_t syncs = 0;
    Duration total{};
    Duration shortest{};
    Duration longest{};
    Duration pending{};     ///< the one that goes on now; 0: none
    std::int64_t slow = 0;  ///< that took longer than fsync.warningthresholdms
};

/// Keys and values of `envi`, in its order.
using Environment = std::vector<std::pair<std::string, std::string>>;

/// Facts that cost something: who asks says which it wants.
struct Wanted {
    bool process = false;
    bool log = false;
    bool connections = false;
    bool watches = false;
    bool sessions = false;
    bool digests = false;
    bool elections = false;
    bool environment = false;
    bool configuration = false;
    bool properties = false;
    bool snapshot = false;
    bool quotas = false;
};

/// The newest snapshot file.
struct SnapshotFacts {
    Zxid zxid = Zxid(-1);
    std::int64_t modified_s = -1;  ///< since 1970
};

struct Facts {
    core::StatusPage status;
    frontend::Statistics traffic;
    ProcessFacts process;                                     ///< Wanted::process
    LogFacts log;                                             ///< Wanted::log
    std::vector<frontend::ConnectionStatistics> connections;  ///< Wanted::connections
    std::vector<frontend::WatchedPath> watched;               ///< Wanted::watches
    core::SessionsPage sessions;                              ///< Wanted::sessions
    std::vector<tree::DataTree::DigestAt> digests;            ///< Wanted::digests
    metrics::Metrics counts;                                  ///< Wanted::log: of all rooms
    std::string elections;      ///< Wanted::elections: election::to_text
    Environment environment;    ///< Wanted::environment
    std::string configuration;  ///< Wanted::configuration: the file, without_secrets()
    Environment properties;     ///< Wanted::properties
    SnapshotFacts snapshot;     ///< Wanted::snapshot
    std::map<std::string, tree::QuotaUsage> quotas;      ///< Wanted::quotas
    std::map<std::string, std::int64_t> quota_refusals;  ///< Wanted::quotas
    std::uint16_t client_port = 0;                       ///< as bound
    std::int64_t trace_mask = 0;
    Duration uptime{};
    Instant now{};  ///< when these facts were gathered, by both clocks
    WallMs wall;
    std::string version;  ///< full_version()
    // Of what only some may ask for: see transfers.h.
    bool authorized = true;
    bool busy = false;  ///< another one of these goes on
    std::optional<Zxid>
        done_at;  ///< the zxid of the snapshot that was taken, or of the tree that was restored
};

/// Apache's until somebody sets another: nothing is traced here, whatever it says.
inline constexpr std::int64_t kTraceMask = 306;

}  // namespace zk::admin
