// Keys that tune what Apache's server has inside, or what this server does not have at all: a file may hold them.
#include <array>

#include "ensemble/config_key_rows.h"
#include "ensemble/zoo_cfg_values.h"

namespace zk::ensemble {
namespace {

constexpr std::string_view kInside = "tunes the inside of Apache's server; it has no effect";
constexpr std::string_view kAdmin = "tunes what this admin server does not have; it has no effect";
constexpr std::string_view kNoMetrics = "tunes the inside of Apache's provider; it has no effect";
constexpr std::string_view kNoTls = "this version has no TLS; the key has no effect";
constexpr std::string_view kSasl = "this version has no SASL; the key has no effect";
constexpr std::string_view kAudit = "this version has no audit log; the key has no effect";
constexpr std::string_view kObservers = "this version has no observers; the key has no effect";
constexpr std::string_view kLoops =
    "this server has no such threads, only clientLoops; the key has no effect";
constexpr std::string_view kThrottle =
    "requests that are held back wait in their sockets here; the key has no effect";
constexpr std::string_view kSync =
    "this server always syncs before it acknowledges; the key has no effect";
// Where an operator or a client would notice.
constexpr std::string_view kTrustEmpty =
    "transactions without the snapshot that they build on are refused all the same, since some may "
    "be lost: let Apache's server start with this key once, it writes one; the key has no effect";
constexpr std::string_view kDigests =
    "digests of the tree are always written and compared here; the key has no effect";
constexpr std::string_view kExtra =
    "beyond the longest request there is room for as many bytes more here, whatever servers add; "
    "the key has no effect";
constexpr std::string_view kPeersKeptAlive =
    "connections between servers are always kept alive here, and their end is seen within seconds; "
    "the key has no effect";
constexpr std::string_view kNotEager =
    "permissions of a write are checked by the leader only, and a refusal takes a zxid; the key "
    "has no effect";
constexpr std::string_view kCommandLine =
    "Apache's server takes it from the command line only; it has no effect";
constexpr std::string_view kNobody = "nothing reads it, not even Apache's server; it has no effect";

constexpr std::string_view kNetty = "NettyServerCnxnFactory";

using enum KeyType;
struct Kind {
    KeyType type = number;
    std::string_view unit{};
};
constexpr Kind kCount{};
constexpr Kind kMs{number, "ms"};
constexpr Kind kSeconds{number, "s"};
constexpr Kind kBytes{number, "bytes"};
constexpr Kind kFlag{property_flag};
constexpr Kind kParserFlag{boolean};
constexpr Kind kWord{word};
constexpr Kind kText{text};
constexpr Kind kPath{path};
constexpr Kind kHost{host};
constexpr Kind kClass{class_name};

constexpr ConfigKey inert(std::string_view name,
                          Kind kind,
                          std::string_view standard,
                          std::string_view words,
                          std::string_view source,
                          std::string_view other_names = "") {
    return {.name = name,
            .prefix = name.ends_with('*') ? name.substr(0, name.size() - 1) : std::string_view(),
            .other_names = other_names,
            .type = kind.type,
            .unit = kind.unit,
            .standard = standard,
            .standing = Standing::without_effect,
            .words = words,
            .source = source};
}

constexpr std::array kWithoutEffect = {
    // Storage.
    inert("forceSync", {yes_no}, "yes", kSync, "FileTxnLog"),
    inert("flushDelay", kMs, "0", kInside, "ZooKeeperServer"),
    inert("maxWriteQueuePollTime", kMs, "flushDelay / 3", kInside, "ZooKeeperServer"),
    inert("maxBatchSize", kCount, "1000", kInside, "ZooKeeperServer"),
    inert("snapshotSizeFactor", {text}, "0.33", kInside, "ZKDatabase"),
    inert("snapshot.trust.empty", kFlag, "false", kTrustEmpty, "FileTxnSnapLog"),
    inert("forceSnapshotSync", kFlag, "false", kInside, "LearnerHandler"),
    inert("serializeLastProcessedZxid.enabled", kFlag, "true", kInside, "ZooKeeperServer"),
    inert("digest.enabled", kFlag, "true", kDigests, "ZooKeeperServer"),
    // Limits.
    inert("jute.maxbuffer.extrasize", kBytes, "jute.maxbuffer", kExtra, "BinaryInputArchive"),
    inert("request_throttle_stall_time",
          kMs,
          "100",
          kThrottle,
          "RequestThrottler",
          "requestThrottleStallTime"),
    inert("request_throttle_drop_stale",
          kFlag,
          "true",
          kThrottle,
          "RequestThrottler",
          "requestThrottleDropStale"),
    inert("request_throttler.shutdownTimeout", kMs, "10000", kThrottle, "RequestThrottler"),
    inert("request_stale_connection_check",
          kFlag,
          "true",
          kThrottle,
          "Request",
          "requestStaleConnectionCheck"),
    inert("request_stale_latency_check",
          kFlag,
          "false",
          kThrottle,
          "Request",
          "requestStaleLatencyCheck"),
    inert("maxResponseCacheSize", kCount, "400", kInside, "ResponseCache"),
    inert("maxGetChildrenResponseCacheSize", kCount, "400", kInside, "ResponseCache"),
    // Between servers.
    inert("syncEnabled", kParserFlag, "true", kObservers, "QuorumPeerConfig"),
    inert("observer.*", kMs, "", kObservers, "Observer"),
    inert("observerMaster.sizeLimit", kBytes, "33554432", kObservers, "ObserverMaster"),
    inert("quorum.cnxn.threads.size", kCount, "20", kLoops, "QuorumPeerConfig"),
    inert("multiAddress.*",
          kText,
          "",
          "each server has one address; the key has no effect",
          "QuorumPeerConfig"),
    inert("tcpKeepAlive", kFlag, "false", kPeersKeptAlive, "QuorumCnxManager"),
    inert("leader.maxTimeToWaitForEpoch",
          kMs,
          "-1 (off)",
          kInside,
          "Leader",
          "maxTimeToWaitForEpoch"),
    inert("leader.maxConcurrentSnapSyncs",
          kCount,
          "10",
          kInside,
          "LearnerMaster",
          "maxConcurrentSnapSyncs"),
    inert("leader.maxConcurrentDiffSyncs",
          kCount,
          "100",
          kInside,
          "LearnerMaster",
          "maxConcurrentDiffSyncs"),
    inert("leader.ackLoggingFrequency", kCount, "1000", kInside, "Leader"),
    inert("leader.closeSocketAsync", kFlag, "false", kInside, "LearnerHandler"),
    inert("learner.closeSocketAsync", kFlag, "false", kInside, "Learner"),
    inert("learner.asyncSending", kFlag, "false", kInside, "Learner"),
    inert("leaderConnectDelayDuringRetryMs", kMs, "100", kInside, "Learner"),
    inert("forward_learner_requests_to_commit_processor_disabled",
          kFlag,
          "false",
          kInside,
          "ProposalRequestProcessor"),
    inert("follower.skipLearnerRequestToNextProcessor",
          kFlag,
          "false",
          kObservers,
          "FollowerRequestProcessor"),
    inert("leader.nodelay", kFlag, "true", kCommandLine, "Leader"),
    inert("follower.nodelay", kFlag, "true", kCommandLine, "Learner"),
    // Threads and connections.
    inert("serverCnxnFactory", kClass, "NIOServerCnxnFactory", kInside, "ServerCnxnFactory"),
    inert("nio.*", kCount, "", kLoops, "NIOServerCnxnFactory"),
    inert("netty.advancedFlowControl.enabled",
          kFlag,
          "false",
          kLoops,
          kNetty,
          "advancedFlowControlEnabled"),
    inert("netty.server.outstandingHandshake.limit",
          kCount,
          "-1 (off)",
          kLoops,
          kNetty,
          "outstandingHandshake.limit"),
    inert("netty.*", kText, "", kLoops, kNetty),
    inert("commitProcessor.*", kCount, "", kLoops, "CommitProcessor"),
    inert("jvm.pause.*", kText, "", "there is no JVM; the key has no effect", "QuorumPeerConfig"),
    // Watches, tracing, containers.
    inert("watchManagerName", kClass, "WatchManager", kInside, "WatchManagerFactory"),
    inert("watcherCleanThreadsNum", kCount, "2", kInside, "WatcherCleaner"),
    inert("watcherCleanThreshold", kCount, "1000", kInside, "WatcherCleaner"),
    inert("watcherCleanIntervalInSeconds", kSeconds, "600", kInside, "WatcherCleaner"),
    inert("maxInProcessingDeadWatchers", kCount, "-1", kInside, "WatcherCleaner"),
    inert("bitHashCacheSize", kCount, "10", kInside, "BitHashSet"),
    inert("messageTracker.*", kText, "", kInside, "MessageTracker"),
    inert("pathStats.*", kText, "", kInside, "RequestPathMetricsCollector"),
    inert("znode.container.*", kCount, "", kCommandLine, "ContainerManager"),
    inert("enableEagerACLCheck", kFlag, "false", kNotEager, "ZooKeeperServer"),
    // The admin server, metrics, audit.
    inert("admin.*", kText, "", kAdmin, "JettyAdminServer"),
    inert("metricsProvider.*", kText, "", kNoMetrics, "PrometheusMetricsProvider"),
    inert("audit.impl.class", kClass, "Slf4jAuditLogger", kAudit, "ZKAuditProvider"),
    // TLS, SASL and identities.
    inert("client.certReload", kFlag, "false", kNoTls, kNetty),
    inert("fips-mode", kFlag, "true from 3.9", kNoTls, "X509Util"),
    inert("quorum.auth.*", kText, "", kSasl, "QuorumPeerConfig"),
    inert("sasl.serverconfig", kWord, "Server", kSasl, "ServerCnxnFactory"),
    inert("java.security.auth.login.config", kPath, "", kCommandLine, "ServerCnxnFactory"),
    inert("kerberos.*", kText, "", kSasl, "KerberosName"),
    inert("allowSaslFailedClients", kFlag, "false", kSasl, "ZooKeeperServer"),
    inert("letAnySaslUserDoX", kText, "", kSasl, "SASLAuthenticationProvider"),
    inert("ensembleAuthName", kText, "", kInside, "EnsembleAuthenticationProvider"),
    inert("IPAuthenticationProvider.usexforwardedfor",
          kFlag,
          "false",
          kAdmin,
          "IPAuthenticationProvider"),
    inert("requireClientAuthScheme", kWord, "", kNobody, "none"),
    inert("jaasLoginRenew", kMs, "", kNobody, "none"),
};

}  // namespace

std::span<const ConfigKey> keys_without_effect() { return kWithoutEffect; }

}  // namespace zk::ensemble
