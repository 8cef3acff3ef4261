// zoo.cfg, the file that an operator writes for one server, and the file myid.
// Pure: text in, settings out. A key of Apache's server that switches on something this server does
// not have is refused with file, line and the way out; a key that only tunes Apache's inside is
// accepted with a warning. Source: ZooKeeper QuorumPeerConfig; docs/PROVISIONING.md 1.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "base/limits.h"
#include "base/result.h"
#include "base/time.h"
#include "ensemble/ensemble_config.h"
#include "ensemble/properties.h"

namespace zk::ensemble {

inline constexpr std::string_view kDefaultMetricsProvider =
    "org.apache.zookeeper.metrics.impl.DefaultMetricsProvider";
inline constexpr std::string_view kNullMetricsProvider =
    "org.apache.zookeeper.metrics.impl.NullMetricsProvider";
inline constexpr std::string_view kPrometheusMetricsProvider =
    "org.apache.zookeeper.metrics.prometheus.PrometheusMetricsProvider";
/// snapshot.compression.method: how periodic snapshots are written. All are read, by their names.
enum class SnapshotCompression { none, gz, snappy };

/// Settings of one server. Defaults are Apache's unless a comment says otherwise.
struct ServerConfig {
    std::string data_dir;      ///< dataDir: snapshots, epoch files, myid
    std::string data_log_dir;  ///< dataLogDir: transaction logs; empty: dataDir
    /// clientPort; none or 0: see set_identity; 0 without a port there: the kernel picks.
    std::optional<std::uint16_t> client_port;
    std::string client_address;    ///< clientPortAddress; empty: all addresses
    milliseconds tick_time{3000};  ///< tickTime
    int init_limit_ticks = 0;      ///< initLimit: a learner's time to connect and synchronise
    int sync_limit_ticks = 0;      ///< syncLimit: longest silence between leader and learner
    int connect_limit_ticks = 0;   ///< connectToLearnerMasterLimit; 0: initLimit
    milliseconds session_timeout_min{-1};  ///< minSessionTimeout; -1: 2 ticks
    milliseconds session_timeout_max{-1};  ///< maxSessionTimeout; -1: 20 ticks
    int client_connections_max = 60;       ///< maxClientCnxns: per client address; 0: no limit
    int connections_max = 0;               ///< maxCnxns: in total; 0: no limit
    int client_backlog = -1;               ///< clientPortListenBacklog; -1: the system's default
    /// nio.sessionlessCnxnTimeout: a connection without a session ends after it.
    milliseconds sessionless_timeout{10'000};
    bool client_keep_alive = false;  ///< clientTcpKeepAlive
    int outstanding_max = 1000;      ///< globalOutstandingLimit
    /// clientLoops: 1: the server's own loop serves clients, too; more: so many threads beside it. Ours.
    int client_loops = 1;
    std::int32_t jute_max_buffer = limits::kJuteMaxBuffer;  ///< jute.maxbuffer, bytes
    std::int64_t snap_count = 100000;  ///< snapCount: txns between snapshots, at least 2
    /// snapSizeLimitInKb: of log between snapshots; 0 and less: it does not count.
    std::int64_t snap_size_kib = 4'194'304;
    /// txnLogSizeLimitInKb: a log file beyond it is the last of its name; 0 and less: no limit.
    std::int64_t log_size_kib = -1;
    /// preAllocSize: log files grow in these steps; 0: they do not.
    std::int64_t log_grow_kib = 65536;
    milliseconds slow_sync{1000};  ///< fsync.warningthresholdms: a longer one is logged and counted
    /// commitLogCount: txns kept for DIFF.
    std::size_t committed_window = limits::kCommittedWindow;
    SnapshotCompression snapshot_compression = SnapshotCompression::none;
    int snapshots_kept = 3;        ///< autopurge.snapRetainCount, at least 3
    int purge_interval_hours = 0;  ///< autopurge.purgeInterval; 0: never
    /// db.autocreate: may an empty disk vote without the file `initialize`.
    bool db_autocreate = true;
    bool data_dir_autocreate = true;                ///< datadir.autocreate
    bool extended_types = false;                    ///< extendedTypesEnabled: TTL nodes
    bool local_sessions = false;                    ///< localSessionsEnabled
    bool local_sessions_upgrading = false;          ///< localSessionsUpgradingEnabled
    bool read_only_mode = false;                    ///< readonlymode.enabled
    bool enforce_quota = false;                     ///< enforceQuota: hard limits refuse writes
    bool skip_acl = false;                          ///< skipACL: nobody is asked for a permission
    bool leader_serves = true;                      ///< leaderServes: a leader has clients
    bool enforce_auth = false;                      ///< enforce.auth.enabled
    std::vector<std::string> enforce_auth_schemes;  ///< enforce.auth.schemes: one has to be proven
    bool digest_enabled = true;                     ///< DigestAuthenticationProvider.enabled
    std::string digest_algorithm = "SHA1";          ///< DigestAuthenticationProvider.digestAlg
    std::string super_digest;  ///< DigestAuthenticationProvider.superDigest; empty: nobody is super
    int request_throttle_max = 0;       ///< request_throttle_max_requests; 0: no limit
    milliseconds throttled_op_wait{0};  ///< throttled_op_wait_time; 0: they wait
    int large_request_threshold = -1;   ///< largeRequestThreshold, bytes; -1: none is
    int large_request_bytes_max = 100 * 1024 * 1024;  ///< largeRequestMaxBytes
    int connection_tokens = 0;                   ///< connection_throttle_tokens; 0: no throttle
    milliseconds connection_fill_time{1};        ///< connection_throttle_fill_time
    int connection_fill_count = 1;               ///< connection_throttle_fill_count
    milliseconds connection_freeze_time{-1};     ///< connection_throttle_freeze_time; -1: off
    double connection_drop_increase = 0.02;      ///< connection_throttle_drop_increase
    double connection_drop_decrease = 0.002;     ///< connection_throttle_drop_decrease
    double connection_decrease_ratio = 0;        ///< connection_throttle_decrease_ratio
    bool connection_weights = false;             ///< connection_throttle_weight_enabled
    int global_session_weight = 3;               ///< connection_throttle_global_session_weight
    int local_session_weight = 1;                ///< connection_throttle_local_session_weight
    int renew_session_weight = 2;                ///< connection_throttle_renew_session_weight
    bool close_session_names_nodes = true;       ///< closeSessionTxn.enabled
    milliseconds container_interval{60'000};     ///< znode.container.checkIntervalMs
    int container_removals_per_minute = 10'000;  ///< znode.container.maxPerMinute
    bool listen_on_all_addresses = false;        ///< quorumListenOnAllIPs
    /// standaloneEnabled: one voter alone runs without quorum ports.
    bool standalone_enabled = true;
    int election_bind_retries = 3;                ///< electionPortBindRetry; 0: for ever
    milliseconds election_connect_timeout{5000};  ///< cnxTimeout
    /// quorumCnxnTimeoutMs; below 1: tickTime * syncLimit.
    milliseconds election_handshake_timeout{-1};
    milliseconds notification_interval_min{200};    ///< fastleader.minNotificationInterval
    milliseconds notification_interval_max{60000};  ///< fastleader.maxNotificationInterval
    std::optional<Role> peer_type;  ///< peerType; the server list wins when they disagree
    /// 4lw.commands.whitelist; "*" allows all.
    std::vector<std::string> four_letter_words{"srvr"};
    /// admin.enableServer. Apache's is on unless told otherwise up to 3.9, and off from 3.10 on.
    bool admin_enabled = false;
    int admin_port = 8080;                        ///< admin.serverPort; 0: the kernel picks
    std::string admin_address = "0.0.0.0";        ///< admin.serverAddress
    std::string admin_command_url = "/commands";  ///< admin.commandURL
    milliseconds admin_idle_timeout{30000};       ///< admin.idleTimeout
    bool admin_snapshot = true;                   ///< admin.snapshot.enabled
    bool admin_restore = true;                    ///< admin.restore.enabled
    milliseconds admin_rate_interval{300000};     ///< admin.rateLimiterIntervalInMS
    std::string metrics_provider{kDefaultMetricsProvider};  ///< metricsProvider.className
    std::string metrics_host = "0.0.0.0";                   ///< metricsProvider.httpHost
    int metrics_port = 7000;         ///< metricsProvider.httpPort; 0: the kernel picks
    bool metrics_of_process = true;  ///< metricsProvider.exportJvmInfo
    EnsembleConfig
        ensemble;  ///< server.N lines; with none, or one, a server may be alone: replicated()

    /// Accepted but without effect, one sentence each with file and line; for the log.
    std::vector<std::string> warnings;

    /// True when this server takes part in elections; false: it serves alone.
    [[nodiscard]] bool replicated() const {
        return !standalone_enabled || ensemble.voters().size() > 1;
    }
    [[nodiscard]] milliseconds init_limit() const { return tick_time * init_limit_ticks; }
    [[nodiscard]] milliseconds connect_limit() const {
        return connect_limit_ticks > 0 ? tick_time * connect_limit_ticks : init_limit();
    }
    [[nodiscard]] milliseconds sync_limit() const { return tick_time * sync_limit_ticks; }
    [[nodiscard]] milliseconds session_timeout_lowest() const {
        return session_timeout_min.count() < 0 ? tick_time * 2 : session_timeout_min;
    }
    [[nodiscard]] milliseconds session_timeout_highest() const {
        return session_timeout_max.count() < 0 ? tick_time * 20 : session_timeout_max;
    }
    [[nodiscard]] milliseconds handshake_timeout() const {
        return election_handshake_timeout.count() < 1 ? sync_limit() : election_handshake_timeout;
    }
    /// Metrics are told over HTTP.
    [[nodiscard]] bool metrics_endpoint() const {
        return metrics_provider == kPrometheusMetricsProvider;
    }
    [[nodiscard]] const std::string& log_dir() const {
        return data_log_dir.empty() ? data_dir : data_log_dir;
    }
};

/// Reads the text of a zoo.cfg; `file` names it in errors ("zoo.cfg:12: ...").
Result<ServerConfig> parse_zoo_cfg(std::string_view text, std::string_view file);
/// The same into a fresh `config`. After a refusal its warnings are those found before: the true
/// cause may be one of them, such as a server line that a second one of that id has replaced.
/// `beside` are keys from elsewhere (the command line), which count where the text does not hold them, as Java's
/// system properties do.
Result<> read_zoo_cfg(std::string_view text,
                      std::string_view file,
                      ServerConfig& config,
                      const std::vector<Property>& beside = {});

/// Refuses what Apache's server runs and this version's does not: observers, schemes that nobody can prove here.
Result<> check_supported(const ServerConfig& config, std::string_view file);

/// Applies who this server is: it must be a member, and the client address of its own server line
/// takes effect. A client address in both places must be the same one, as in Apache's server. A
/// server alone need not be a member; a line of another id is of no use to it then, with a warning.
Result<> set_identity(ServerConfig& config, ServerId my_id, std::string_view file);

/// After set_identity(): refuses a server without a port for clients, which Apache's may be.
Result<> check_client_port(const ServerConfig& config, ServerId my_id, std::string_view file);

/// Writes a zoo.cfg that parses to the same settings: all that differs from the defaults, members
/// last.
std::string render_zoo_cfg(const ServerConfig& config);

/// Reads the file myid: a decimal number on the first line, no blanks.
Result<ServerId> parse_myid(std::string_view text, std::string_view file);

}  // namespace zk::ensemble
