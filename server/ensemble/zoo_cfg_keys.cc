#include "ensemble/zoo_cfg_keys.h"

#include <algorithm>
#include <optional>
#include <utility>

#include <fmt/core.h>

#include "ensemble/zoo_cfg_refused.h"
#include "ensemble/zoo_cfg_values.h"

namespace zk::ensemble {
namespace {

std::vector<std::string> comma_list(std::string_view value) {
    std::vector<std::string> items;
    while (true) {
        const std::size_t comma = value.find(',');
        std::string_view item = value.substr(0, comma);
        while (item.starts_with(' ') || item.starts_with('\t')) item.remove_prefix(1);
        while (item.ends_with(' ') || item.ends_with('\t')) item.remove_suffix(1);
        if (!item.empty()) items.emplace_back(item);
        if (comma == std::string_view::npos) return items;
        value.remove_prefix(comma + 1);
    }
}

using ReadKey = Result<> (*)(const Property&, ServerConfig&, std::string& warning);
struct Key {
    std::string_view name;
    ReadKey read;
};

// ZK_KEY(name, member, reader): the key sets config.member to what the reader makes of it.
#define ZK_KEY(name, member, ...)                                                            \
    Key {                                                                                    \
        name, [](const Property& property, ServerConfig& config, std::string&) -> Result<> { \
            ZK_TRY(config.member, __VA_ARGS__);                                              \
            return ok();                                                                     \
        }                                                                                    \
    }
// The same for a reader that never refuses, and may warn.
#define ZK_PROPERTY(name, member, ...)                                                               \
    Key {                                                                                            \
        name, [](const Property& property, ServerConfig& config, std::string& warning) -> Result<> { \
            config.member = __VA_ARGS__;                                                             \
            return ok();                                                                             \
        }                                                                                            \
    }

// ---- the parser's own keys

Result<> read_client_connections(const Property& property, ServerConfig& config, std::string&) {
    ZK_TRY(const int count, integer(property, kIntMin));
    config.client_connections_max = std::max(count, 0);
    return ok();
}

Result<> read_backlog(const Property& property, ServerConfig& config, std::string&) {
    ZK_TRY(const int backlog, integer(property, kIntMin));
    config.client_backlog = backlog < 1 ? -1 : backlog;
    return ok();
}

Result<> read_snap_retain(const Property& property, ServerConfig& config, std::string& warning) {
    ZK_TRY(const int kept, integer(property, kIntMin));
    config.snapshots_kept = std::max(kept, 3);
    if (kept < 3) warning = "raised to 3, the smallest number of snapshots that is safe";
    return ok();
}

Result<> read_purge_interval(const Property& property, ServerConfig& config, std::string&) {
    ZK_TRY(const int hours, integer(property, kIntMin));
    config.purge_interval_hours = std::max(hours, 0);
    return ok();
}

Result<> read_election_alg(const Property& property, ServerConfig&, std::string&) {
    if (decimal(property.value) == 3) return ok();
    return invalid(property, "only 3 (fast leader election) exists; remove the line");
}

Result<> read_peer_type(const Property& property, ServerConfig& config, std::string&) {
    const std::string role = lower(property.value);
    if (role != "observer" && role != "participant") {
        return invalid(property, "choose 'participant' or 'observer'");
    }
    config.peer_type = role == "observer" ? Role::observer : Role::participant;
    return ok();
}

/// Java takes an IPv6 address with and without brackets.
Result<> read_client_address(const Property& property, ServerConfig& config, std::string&) {
    ZK_TRY(std::string host, text(property));
    if (host.size() > 2 && host.front() == '[' && host.back() == ']')
        host = host.substr(1, host.size() - 2);
    config.client_address = std::move(host);
    return ok();
}

// ---- properties

Result<> read_connections(const Property& property, ServerConfig& config, std::string& warning) {
    config.connections_max = std::max(or_default(decoded(property.value), 0, warning), 0);
    return ok();
}

/// Apache's server stops to read from a connection above the limit, ours at it; below 1 that is the same.
Result<> read_outstanding(const Property& property, ServerConfig& config, std::string& warning) {
    const int limit = or_default(decoded(property.value), ServerConfig().outstanding_max, warning);
    config.outstanding_max = std::max(limit, 1);
    if (limit < 1) warning = "each connection has one request under way at most";
    return ok();
}

/// In a file the key is another property for Apache's server (zookeeper.jute.maxbuffer), which nothing reads. Here it can
/// lower the limit.
Result<> read_jute_max_buffer(const Property& property, ServerConfig& config, std::string& warning) {
    const auto bytes = decoded(property.value);
    if (bytes && *bytes >= 1024 && *bytes <= limits::kJuteMaxBuffer) {
        config.jute_max_buffer = static_cast<std::int32_t>(*bytes);
        if (*bytes == limits::kJuteMaxBuffer) return ok();
        warning = "taken as this server's limit; Apache's takes it from the command line only";
    } else {
        warning = fmt::format("has no effect, as in Apache's server; the limit is {} bytes",
                              config.jute_max_buffer);
    }
    return ok();
}

Result<> read_snap_count(const Property& property, ServerConfig& config, std::string& warning) {
    const int standard = static_cast<int>(ServerConfig().snap_count);
    const int count = or_default(decoded(property.value), standard, warning);
    config.snap_count = std::max(count, 2);
    if (count < 2) warning = "raised to 2";
    return ok();
}

/// Below 1: log files are not made longer in advance.
Result<> read_log_growth(const Property& property, ServerConfig& config, std::string& warning) {
    const int standard = static_cast<int>(ServerConfig().log_grow_kib);
    config.log_grow_kib = std::max(or_default(decimal(property.value), standard, warning), 0);
    return ok();
}

Result<> read_commit_log_count(const Property& property,
                               ServerConfig& config,
                               std::string& warning) {
    constexpr int kLeast = static_cast<int>(limits::kCommittedWindow);
    const int count = or_default(decimal(property.value), kLeast, warning);
    config.committed_window = static_cast<std::size_t>(std::max(count, kLeast));
    if (count < kLeast) warning = fmt::format("raised to {}", kLeast);
    return ok();
}

/// Only the literal `no` keeps clients away from a leader.
Result<> read_leader_serves(const Property& property, ServerConfig&, std::string& warning) {
    if (property.value == "no") {
        return unsupported(property, "this version has no leader without clients; remove the line");
    }
    if (property.value != "yes") warning = "everything but 'no' is yes";
    return ok();
}

Result<> read_bind_retries(const Property& property, ServerConfig& config, std::string& warning) {
    const int standard = ServerConfig().election_bind_retries;
    const int retries = or_default(decoded(property.value), standard, warning);
    config.election_bind_retries = retries < 0 ? standard : retries;
    if (retries < 0) warning = fmt::format("below 0; the default {} counts", standard);
    return ok();
}

/// 0 is no limit in Java; ours always has one.
Result<> read_connect_timeout(const Property& property, ServerConfig& config, std::string& warning) {
    ZK_TRY(const milliseconds timeout, millis(property, 0));
    if (timeout.count() > 0) {
        config.election_connect_timeout = timeout;
    } else {
        config.election_connect_timeout = ServerConfig().election_connect_timeout;
        warning = fmt::format("no limit is not supported; {} ms count",
                              config.election_connect_timeout.count());
    }
    return ok();
}

Result<> read_interval(const Property& property, milliseconds& interval, std::string& warning) {
    const int standard = static_cast<int>(interval.count());
    const int count = or_default(decoded(property.value), standard, warning);
    if (count < 1) return invalid(property, "must be 1 or more");
    interval = milliseconds(count);
    return ok();
}
Result<> read_interval_min(const Property& property, ServerConfig& config, std::string& warning) {
    return read_interval(property, config.notification_interval_min, warning);
}
Result<> read_interval_max(const Property& property, ServerConfig& config, std::string& warning) {
    return read_interval(property, config.notification_interval_max, warning);
}

/// A side door for operators and no safety setting: that it is missing is no reason not to start.
Result<> read_admin_enable(const Property& property, ServerConfig&, std::string& warning) {
    if (lower(property.value) != "false") {
        warning = "this version has no admin server; use the four-letter words";
    }
    return ok();
}

Result<> read_words(const Property& property, ServerConfig& config, std::string&) {
    config.four_letter_words = comma_list(property.value);
    return ok();
}

Result<> read_client_loops(const Property& property, ServerConfig& config, std::string&) {
    ZK_TRY(config.client_loops, integer(property, 0));
    if (config.client_loops != 0) {
        return unsupported(property, "this version serves clients on one loop; set 0 or remove it");
    }
    return ok();
}

const Key kKeys[] = {
    ZK_KEY("dataDir", data_dir, text(property)),
    ZK_KEY("dataLogDir", data_log_dir, text(property)),
    ZK_KEY("clientPort", client_port, port(property)),
    ZK_KEY("tickTime", tick_time, millis(property, 1)),
    ZK_KEY("initLimit", init_limit_ticks, integer(property, 0)),
    ZK_KEY("syncLimit", sync_limit_ticks, integer(property, 0)),
    ZK_KEY("connectToLearnerMasterLimit", connect_limit_ticks, integer(property, 0)),
    ZK_KEY("minSessionTimeout", session_timeout_min, millis(property, -1)),
    ZK_KEY("maxSessionTimeout", session_timeout_max, millis(property, -1)),
    ZK_KEY("quorumListenOnAllIPs", listen_on_all_addresses, boolean(property)),
    ZK_KEY("standaloneEnabled", standalone_enabled, boolean(property)),
    {"clientPortAddress", read_client_address},
    {"clientPortListenBacklog", read_backlog},
    {"maxClientCnxns", read_client_connections},
    {"autopurge.snapRetainCount", read_snap_retain},
    {"autopurge.purgeInterval", read_purge_interval},
    {"electionAlg", read_election_alg},
    {"peerType", read_peer_type},
    // Properties of Apache's server.
    ZK_PROPERTY("db.autocreate", db_autocreate, property_boolean(property, warning)),
    ZK_PROPERTY("datadir.autocreate", data_dir_autocreate, property_boolean(property, warning)),
    ZK_PROPERTY("quorumCnxnTimeoutMs",
                election_handshake_timeout,
                milliseconds(or_default(decoded(property.value), -1, warning))),
    {"maxCnxns", read_connections},
    {"globalOutstandingLimit", read_outstanding},
    {"jute.maxbuffer", read_jute_max_buffer},
    {"snapCount", read_snap_count},
    {"preAllocSize", read_log_growth},
    {"commitLogCount", read_commit_log_count},
    {"leaderServes", read_leader_serves},
    {"electionPortBindRetry", read_bind_retries},
    {"cnxTimeout", read_connect_timeout},
    {"fastleader.minNotificationInterval", read_interval_min},
    {"fastleader.maxNotificationInterval", read_interval_max},
    {"admin.enableServer", read_admin_enable},
    {"4lw.commands.whitelist", read_words},
    // Ours.
    {"clientLoops", read_client_loops},
};
#undef ZK_KEY
#undef ZK_PROPERTY

Result<> read_member(const Property& property, EnsembleConfig& ensemble) {
    const auto place = [&](const Error& error) { return error.with_context(property.key); };
    auto sid = parse_server_id(std::string_view(property.key).substr(7));
    if (!sid.has_value()) return place(sid.error());
    auto member = parse_member(*sid, property.value);
    if (!member.has_value()) return place(member.error());
    ensemble.members.insert_or_assign(*sid, *std::move(member));
    return ok();
}

std::string ignored_because(const Property& property) {
    if (property.key.starts_with("admin.")) {
        return "this version has no admin server; the key has no effect";
    }
    if (property.key.starts_with("zookeeper.")) {
        return fmt::format("in a file the key is '{}'; as written it has no effect",
                           std::string_view(property.key).substr(10));
    }
    return "not a setting of this server; it has no effect";
}

}  // namespace

Result<> read_zoo_cfg_key(const Property& property, ServerConfig& config, std::string& warning) {
    if (property.key.starts_with("server.")) return read_member(property, config.ensemble);
    if (property.key.starts_with("group") || property.key.starts_with("weight")) {
        return unsupported(property,
                           "hierarchical quorums are not supported by this version; remove the "
                           "group and weight lines to use plain majorities");
    }
    for (const Key& key : kKeys) {
        if (key.name == property.key) return key.read(property, config, warning);
    }
    ZK_TRY(const bool is_off, leaves_feature_off(property, warning));
    if (!is_off) warning = ignored_because(property);
    return ok();
}

}  // namespace zk::ensemble
