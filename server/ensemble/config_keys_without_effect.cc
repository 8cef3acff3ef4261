// Keys that tune what Apache's server has inside, or what this server does not have at all: a file may hold them.
#include <array>

#include "ensemble/config_key_rows.h"
#include "ensemble/zoo_cfg_values.h"

namespace zk::ensemble {
namespace {

constexpr std::string_view kInside = "tunes the inside of Apache's server; it has no effect";
constexpr std::string_view kAdmin = "this version has no admin server; the key has no effect";
constexpr std::string_view kNoMetrics =
    "this version has no metrics endpoint; the key has no effect";
constexpr std::string_view kNoTls = "this version has no TLS; the key has no effect";
constexpr std::string_view kSasl = "this version has no SASL; the key has no effect";
constexpr std::string_view kAudit = "this version has no audit log; the key has no effect";
constexpr std::string_view kObservers = "this version has no observers; the key has no effect";
constexpr std::string_view kLoops =
    "this server has one loop and no such threads; the key has no effect";
constexpr std::string_view kThrottle = "this version has no such throttle; the key has no effect";
constexpr std::string_view kSync =
    "this server always syncs before it acknowledges; the key has no effect";
constexpr std::string_view kCommandLine =
    "Apache's server takes it from the command line only; it has no effect";
constexpr std::string_view kNotEnforced =
    "it counts with enforce.auth.enabled only; it has no effect";
constexpr std::string_view kNobody = "nothing reads it, not even Apache's server; it has no effect";

/// A side door for operators and no safety setting: that it is missing is no reason not to start.
constexpr Switch kAdminServer{
    [](std::string_view value) { return lower(value) == "false" ? Effect::off : Effect::on; },
    "false",
    "true",
    "false"};

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
    inert("fsync.warningthresholdms", kMs, "1000", kInside, "FileTxnLog"),
    inert("flushDelay", kMs, "0", kInside, "ZooKeeperServer"),
    inert("maxWriteQueuePollTime", kMs, "flushDelay / 3", kInside, "ZooKeeperServer"),
    inert("maxBatchSize", kCount, "1000", kInside, "ZooKeeperServer"),
    inert("snapshotSizeFactor", {text}, "0.33", kInside, "ZKDatabase"),
    inert("snapshot.trust.empty", kFlag, "false", kInside, "FileTxnSnapLog"),
    inert("forceSnapshotSync", kFlag, "false", kInside, "LearnerHandler"),
    inert("serializeLastProcessedZxid.enabled", kFlag, "true", kInside, "ZooKeeperServer"),
    inert("digest.enabled", kFlag, "true", kInside, "ZooKeeperServer"),
    // Limits.
    inert("jute.maxbuffer.extrasize", kBytes, "jute.maxbuffer", kInside, "BinaryInputArchive"),
    inert("largeRequestMaxBytes", kBytes, "104857600", kThrottle, "ZooKeeperServer"),
    inert("largeRequestThreshold", kBytes, "-1 (off)", kThrottle, "ZooKeeperServer"),
    inert("request_throttle_max_requests",
          kCount,
          "0 (off)",
          kThrottle,
          "RequestThrottler",
          "requestThrottleLimit"),
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
    inert("throttled_op_wait_time",
          kMs,
          "0 (off)",
          kThrottle,
          "ZooKeeperServer",
          "throttledOpWaitTime"),
    inert("connection_throttle_tokens",
          kCount,
          "0 (off)",
          kThrottle,
          "BlueThrottle",
          "connectionMaxTokens"),
    inert("connection_throttle_fill_time",
          kMs,
          "1",
          kThrottle,
          "BlueThrottle",
          "connectionTokenFillTime"),
    inert("connection_throttle_fill_count",
          kCount,
          "1",
          kThrottle,
          "BlueThrottle",
          "connectionTokenFillCount"),
    inert("connection_throttle_freeze_time",
          kMs,
          "-1",
          kThrottle,
          "BlueThrottle",
          "connectionFreezeTime"),
    inert("connection_throttle_drop_increase",
          kText,
          "0.02",
          kThrottle,
          "BlueThrottle",
          "connectionDropIncrease"),
    inert("connection_throttle_drop_decrease",
          kText,
          "0.002",
          kThrottle,
          "BlueThrottle",
          "connectionDropDecrease"),
    inert("connection_throttle_decrease_ratio",
          kText,
          "0",
          kThrottle,
          "BlueThrottle",
          "connectionDecreaseRatio"),
    inert("connection_throttle_*", kText, "", kThrottle, "BlueThrottle"),
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
    inert("tcpKeepAlive", kFlag, "false", kInside, "QuorumCnxManager"),
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
    inert("readonlymode.enabled", kFlag, "false", kCommandLine, "QuorumPeer"),
    // Threads and connections.
    inert("serverCnxnFactory", kClass, "NIOServerCnxnFactory", kInside, "ServerCnxnFactory"),
    inert("nio.sessionlessCnxnTimeout", kMs, "10000", kInside, "NIOServerCnxnFactory"),
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
    inert("clientTcpKeepAlive", kFlag, "false", kInside, "NIOServerCnxn"),
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
    inert("enableEagerACLCheck", kFlag, "false", kInside, "ZooKeeperServer"),
    // The admin server, metrics, audit.
    ConfigKey{.name = "admin.enableServer",
              .type = property_flag,
              .standard = "true up to 3.9, then false",
              .standing = Standing::without_effect,
              .set_by = SetBy::zkprov,
              .words = "this version has no admin server; use the four-letter words",
              .feature = &kAdminServer,
              .why_not = "zkprov writes false: the admin server comes later",
              .zkprov_writes = "false",
              .source = "AdminServerFactory"},
    inert("admin.serverPort", kCount, "8080", kAdmin, "JettyAdminServer"),
    inert("admin.serverAddress", kHost, "0.0.0.0", kAdmin, "JettyAdminServer"),
    inert("admin.*", kText, "", kAdmin, "JettyAdminServer"),
    inert("metricsProvider.httpPort",
          kCount,
          "7000 up to 3.9, then none",
          kNoMetrics,
          "PrometheusMetricsProvider"),
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
    inert("enforce.auth.schemes", kText, "", kNotEnforced, "AuthenticationHelper"),
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
