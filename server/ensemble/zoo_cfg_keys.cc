#include "ensemble/zoo_cfg_keys.h"

#include <algorithm>
#include <charconv>
#include <limits>

#include <fmt/core.h>

namespace zk::ensemble {
namespace {

std::string lower(std::string_view text) {
    std::string out(text);
    for (char& c : out) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    return out;
}

Error invalid(const Property& property, std::string_view what) {
    return {Errc::invalid, fmt::format("{}={}: {}", property.key, property.value, what)};
}
Error unsupported(const Property& property, std::string_view what) {
    return {Errc::unsupported, fmt::format("{}={}: {}", property.key, property.value, what)};
}

Result<std::int64_t> number(const Property& property, std::int64_t min, std::int64_t max) {
    std::int64_t value = 0;
    const char* const end = property.value.data() + property.value.size();
    const auto [parsed_to, error] = std::from_chars(property.value.data(), end, value);
    if (property.value.empty() || error != std::errc{} || parsed_to != end) {
        return invalid(property, "must be a whole number");
    }
    if (value < min || value > max) {
        return invalid(property, fmt::format("must be from {} to {}", min, max));
    }
    return value;
}

Result<int> integer(const Property& property, int min) {
    ZK_TRY(const std::int64_t value, number(property, min, std::numeric_limits<int>::max()));
    return static_cast<int>(value);
}

Result<milliseconds> millis(const Property& property, int min) {
    ZK_TRY(const int value, integer(property, min));
    return milliseconds(value);
}

Result<std::uint16_t> port(const Property& property) {
    ZK_TRY(const std::int64_t value, number(property, 0, 65535));
    return static_cast<std::uint16_t>(value);
}

Result<bool> boolean(const Property& property) {
    const std::string value = lower(property.value);
    if (value == "true") return true;
    if (value == "false") return false;
    return invalid(property, "choose 'true' or 'false'");
}

/// leaderServes: everything but the literal `no` is yes, as in Apache's server; we accept the two
/// words only.
Result<bool> yes_or_no(const Property& property) {
    if (property.value == "yes") return true;
    if (property.value == "no") return false;
    return invalid(property, "choose 'yes' or 'no'");
}

Result<std::string> text(const Property& property) {
    if (property.value.empty()) return invalid(property, "the value is missing");
    return property.value;
}

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

Result<> read_snap_retain(const Property& property, ServerConfig& config, std::string& warning) {
    ZK_TRY(const int kept, integer(property, std::numeric_limits<int>::min()));
    config.snapshots_kept = std::max(kept, 3);
    if (kept < 3) warning = "raised to 3, the smallest number of snapshots that is safe";
    return ok();
}

Result<> read_snap_count(const Property& property, ServerConfig& config, std::string& warning) {
    ZK_TRY(const std::int64_t count, number(property, 0, std::numeric_limits<int>::max()));
    config.snap_count = std::max<std::int64_t>(count, 2);
    if (count < 2) warning = "raised to 2";
    return ok();
}

Result<> read_commit_log_count(const Property& property,
                               ServerConfig& config,
                               std::string& warning) {
    ZK_TRY(const int count, integer(property, 0));
    config.committed_window = std::max(static_cast<std::size_t>(count), limits::kCommittedWindow);
    if (count < static_cast<int>(limits::kCommittedWindow)) warning = "raised to 500";
    return ok();
}

Result<> read_client_loops(const Property& property, ServerConfig& config, std::string&) {
    ZK_TRY(config.client_loops, integer(property, 0));
    if (config.client_loops != 0) {
        return unsupported(property, "this version serves clients on one loop; set 0 or remove it");
    }
    return ok();
}

Result<> read_election_alg(const Property& property, ServerConfig&, std::string&) {
    if (property.value == "3") return ok();
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

Result<> read_admin_enable(const Property& property, ServerConfig&, std::string&) {
    ZK_TRY(const bool enabled, boolean(property));
    if (!enabled) return ok();
    return unsupported(property, "this version has no admin server; set false or remove the line");
}

/// Java takes an IPv6 address with and without brackets.
Result<> read_client_address(const Property& property, ServerConfig& config, std::string&) {
    ZK_TRY(std::string host, text(property));
    if (host.size() > 2 && host.front() == '[' && host.back() == ']')
        host = host.substr(1, host.size() - 2);
    config.client_address = std::move(host);
    return ok();
}

Result<> read_words(const Property& property, ServerConfig& config, std::string&) {
    config.four_letter_words = comma_list(property.value);
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
    ZK_KEY("maxClientCnxns", client_connections_max, integer(property, 0)),
    ZK_KEY("maxCnxns", connections_max, integer(property, 0)),
    ZK_KEY("clientPortListenBacklog", client_backlog, integer(property, -1)),
    ZK_KEY("globalOutstandingLimit", outstanding_max, integer(property, 1)),
    ZK_KEY("jute.maxbuffer", jute_max_buffer, integer(property, 1024)),
    ZK_KEY("preAllocSize", log_grow_kib, number(property, 1, std::numeric_limits<int>::max())),
    ZK_KEY("autopurge.purgeInterval", purge_interval_hours, integer(property, 0)),
    ZK_KEY("db.autocreate", db_autocreate, boolean(property)),
    ZK_KEY("datadir.autocreate", data_dir_autocreate, boolean(property)),
    ZK_KEY("leaderServes", leader_serves, yes_or_no(property)),
    ZK_KEY("quorumListenOnAllIPs", listen_on_all_addresses, boolean(property)),
    ZK_KEY("standaloneEnabled", standalone_enabled, boolean(property)),
    ZK_KEY("electionPortBindRetry", election_bind_retries, integer(property, 0)),
    ZK_KEY("cnxTimeout", election_connect_timeout, millis(property, 1)),
    ZK_KEY("quorumCnxnTimeoutMs", election_handshake_timeout, millis(property, -1)),
    ZK_KEY("fastleader.minNotificationInterval", notification_interval_min, millis(property, 1)),
    ZK_KEY("fastleader.maxNotificationInterval", notification_interval_max, millis(property, 1)),
    {"clientPortAddress", read_client_address},
    {"autopurge.snapRetainCount", read_snap_retain},
    {"snapCount", read_snap_count},
    {"commitLogCount", read_commit_log_count},
    {"clientLoops", read_client_loops},
    {"electionAlg", read_election_alg},
    {"peerType", read_peer_type},
    {"admin.enableServer", read_admin_enable},
    {"4lw.commands.whitelist", read_words},
};
#undef ZK_KEY

/// Features that are refused when they are switched on. `off` is the value that leaves them off;
/// nullptr: any value switches them on. A name that ends in '.' stands for all keys that begin with
/// it.
struct Refused {
    std::string_view name;
    const char* off;
    std::string_view feature;
};
constexpr Refused kRefused[] = {
    {"dynamicConfigFile", nullptr, "dynamic configuration files; put the server.N lines here"},
    {"reconfigEnabled", "false", "dynamic reconfiguration; set false or remove the line"},
    {"secureClientPort", nullptr, "TLS; use clientPort"},
    {"secureClientPortAddress", nullptr, "TLS; use clientPortAddress"},
    {"sslQuorum", "false", "TLS between servers; set false or remove the line"},
    {"sslQuorumReloadCertFiles", "false", "TLS between servers; remove the line"},
    {"portUnification", "false", "TLS between servers; set false or remove the line"},
    {"client.portUnification", "false", "TLS; set false or remove the line"},
    {"ssl.", nullptr, "TLS; remove the line"},
    {"quorum.auth.enableSasl", "false", "SASL between servers; set false or remove the line"},
    {"quorum.auth.serverRequireSasl", "false", "SASL between servers; remove the line"},
    {"quorum.auth.learnerRequireSasl", "false", "SASL between servers; remove the line"},
    {"authProvider.",
     nullptr,
     "authentication providers beyond digest, ip and world; remove the line"},
    {"sessionRequireClientSASLAuth", "false", "SASL; set false or remove the line"},
    {"enforce.auth.enabled", "false", "enforced authentication; set false or remove the line"},
    {"DigestAuthenticationProvider.superDigest", nullptr, "a super user; remove the line"},
    {"DigestAuthenticationProvider.digestAlg", "SHA1", "digests other than SHA1; remove the line"},
    {"DigestAuthenticationProvider.enabled",
     "true",
     "switching the digest scheme off; remove the line"},
    {"superUser", nullptr, "a super user; remove the line"},
    {"X509AuthenticationProvider.superUser", nullptr, "a super user; remove the line"},
    {"skipACL", "no", "running without ACL checks; remove the line"},
    {"localSessionsEnabled", "false", "local sessions; set false or remove the line"},
    {"localSessionsUpgradingEnabled", "false", "local sessions; set false or remove the line"},
    {"extendedTypesEnabled", "false", "TTL nodes; set false or remove the line"},
    {"emulate353TTLNodes", "false", "TTL nodes; set false or remove the line"},
    {"observerMasterPort", "0", "observer masters; set 0 or remove the line"},
    {"multiAddress.enabled",
     "false",
     "several addresses for one server; set false or remove the line"},
    {"oraclePath", nullptr, "oracle quorums; remove the line"},
    {"readonlymode.enabled", "false", "read-only mode; set false or remove the line"},
    {"enforceQuota", "false", "enforced quotas; set false or remove the line"},
    {"audit.enable", "false", "audit logs; set false or remove the line"},
    {"snapshot.compression.method", "", "compressed snapshots; remove the line"},
    {"closeSessionTxn.enabled", "true", "the old form of closeSession; remove the line"},
    {"metricsProvider.className",
     "org.apache.zookeeper.metrics.impl.DefaultMetricsProvider",
     "a metrics endpoint; remove the line and use the word mntr"},
};

bool names(const Refused& refused, std::string_view key) {
    return refused.name.ends_with('.') ? key.starts_with(refused.name) : key == refused.name;
}

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
    for (const Refused& refused : kRefused) {
        if (!names(refused, property.key)) continue;
        if (refused.off != nullptr && lower(property.value) == lower(refused.off)) return ok();
        return unsupported(property,
                           fmt::format("this version does not support {}", refused.feature));
    }
    warning = ignored_because(property);
    return ok();
}

}  // namespace zk::ensemble
