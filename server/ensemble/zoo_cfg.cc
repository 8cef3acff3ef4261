#include "ensemble/zoo_cfg.h"

#include <map>

#include <fmt/core.h>

#include "ensemble/zoo_cfg_keys.h"

namespace zk::ensemble {
namespace {

Error invalid(std::string_view file, std::string_view words) {
    return {Errc::invalid, fmt::format("{}: {}", file, words)};
}

/// Rules between keys.
Result<> check_settings(ServerConfig& config, std::string_view file) {
    if (config.data_dir.empty()) {
        return invalid(file, "dataDir is not set; add dataDir=/path/to/data");
    }
    for (const std::string* dir : {&config.data_dir, &config.data_log_dir}) {
        if (dir->empty() || dir->starts_with('/') || dir->starts_with("./")) continue;
        config.warnings.push_back(fmt::format(
            "{}: '{}' is relative to the working directory; write ./ or an absolute path",
            file,
            *dir));
    }
    if (!config.client_address.empty() && !config.client_port) {
        return invalid(file, "clientPortAddress is set but clientPort is not");
    }
    if (config.session_timeout_lowest() > config.session_timeout_highest()) {
        return invalid(file,
                       fmt::format("minSessionTimeout ({} ms) must not be larger than "
                                   "maxSessionTimeout ({} ms)",
                                   config.session_timeout_lowest().count(),
                                   config.session_timeout_highest().count()));
    }
    if (config.notification_interval_min > config.notification_interval_max) {
        return invalid(file,
                       "fastleader.minNotificationInterval must not be larger than "
                       "fastleader.maxNotificationInterval");
    }
    return ok();
}

Result<> check_members(const ServerConfig& config, std::string_view file) {
    const std::size_t voters = config.ensemble.voters().size();
    const std::size_t observers = config.ensemble.members.size() - voters;
    if (voters == 0 && observers > 0) {
        return invalid(file, "there are observers but no participant; a participant must exist");
    }
    if (voters == 0 && !config.standalone_enabled) {
        return invalid(file,
                       "standaloneEnabled=false needs at least one participant (server.N line)");
    }
    if (voters == 1 && observers > 0 && config.standalone_enabled) {
        return invalid(file,
                       "one participant with observers needs standaloneEnabled=false, or two more "
                       "participants");
    }
    if (!config.replicated()) return ok();
    if (config.init_limit_ticks == 0) {
        return invalid(file, "initLimit is not set; add initLimit=10 (ticks)");
    }
    if (config.sync_limit_ticks == 0) {
        return invalid(file, "syncLimit is not set; add syncLimit=5 (ticks)");
    }
    // Two members on one address would talk to themselves; Java starts and never elects.
    std::map<std::string, ServerId> addresses;
    for (const auto& [sid, member] : config.ensemble.members) {
        for (const HostPort& address : {member.quorum_address(), member.election_address()}) {
            const auto [at, added] = addresses.emplace(to_string(address), sid);
            if (added) continue;
            return invalid(file,
                           fmt::format("server.{} and server.{} both have the address {}",
                                       at->second.value(),
                                       sid.value(),
                                       at->first));
        }
    }
    return ok();
}

void warn_about_members(ServerConfig& config, std::string_view file) {
    const std::size_t voters = config.ensemble.voters().size();
    if (config.replicated() && voters <= 2) {
        config.warnings.push_back(fmt::format(
            "{}: with {} voter(s) no server failure is tolerated; use 3", file, voters));
    } else if (config.replicated() && voters % 2 == 0) {
        config.warnings.push_back(fmt::format(
            "{}: {} voters tolerate no more failures than {}", file, voters, voters - 1));
    }
    for (const auto& [sid, member] : config.ensemble.members) {
        if (sid.value() >= 1 && sid.value() <= 254) continue;
        config.warnings.push_back(
            fmt::format("{}: server.{}: ids should be from 1 to 254", file, sid.value()));
    }
}

class Renderer {
  public:
    template <class T>
    void add(std::string_view key, const T& value, const T& unless) {
        if (value != unless) text_ += fmt::format("{}={}\n", key, value);
    }
    void add(std::string_view key, milliseconds value, milliseconds unless) {
        add(key, value.count(), unless.count());
    }
    void raw(std::string_view line) { text_ += line; }
    std::string take() { return std::move(text_); }

  private:
    std::string text_;
};

std::string joined(const std::vector<std::string>& words) {
    std::string text;
    for (const std::string& word : words) text += text.empty() ? word : ", " + word;
    return text;
}

std::string escaped(std::string_view value) {
    std::string text;
    for (const char c : value) text += c == '\\' ? std::string("\\\\") : std::string(1, c);
    return text;
}

}  // namespace

Result<ServerConfig> parse_zoo_cfg(std::string_view text, std::string_view file) {
    ServerConfig config;
    ZK_CHECK(read_zoo_cfg(text, file, config));
    return config;
}

Result<> read_zoo_cfg(std::string_view text, std::string_view file, ServerConfig& config) {
    ZK_TRY(const std::vector<Property> properties, read_properties(text, file));
    std::map<std::string, int> line_of;
    for (const Property& property : properties) {
        std::string warning;
        auto read = read_zoo_cfg_key(property, config, warning);
        const std::string place = fmt::format("{}:{}", file, property.line);
        if (!read.has_value()) return read.error().with_context(place);
        if (!warning.empty()) {
            config.warnings.push_back(
                fmt::format("{}: {}={}: {}", place, property.key, property.value, warning));
        }
        const auto [first, added] = line_of.emplace(property.key, property.line);
        if (!added) {
            config.warnings.push_back(
                fmt::format("{}: {} is set again (first in line {}); the last one counts",
                            place,
                            property.key,
                            first->second));
        }
    }
    ZK_CHECK(check_settings(config, file));
    ZK_CHECK(check_members(config, file));
    warn_about_members(config, file);
    return ok();
}

Result<> set_identity(ServerConfig& config, ServerId my_id, std::string_view file) {
    const Member* me = config.ensemble.find(my_id);
    if (me == nullptr) {
        return invalid(file,
                       fmt::format("this server's id (myid) is {} but there is no server.{} line; "
                                   "correct the file myid or add the line",
                                   my_id.value(),
                                   my_id.value()));
    }
    if (config.peer_type && *config.peer_type != me->role) {
        config.warnings.push_back(
            fmt::format("{}: peerType={} but server.{} is a {}; the line counts",
                        file,
                        to_string(*config.peer_type),
                        my_id.value(),
                        to_string(me->role)));
    }
    if (!me->client) return ok();
    if (config.client_port.value_or(0) == 0) {
        config.client_port = me->client->port;
        config.client_address = me->client->host == "0.0.0.0" ? "" : me->client->host;
        return ok();
    }
    const bool wildcard = config.client_address.empty() || config.client_address == "0.0.0.0";
    const bool same_host = wildcard || config.client_address == me->client->host;
    if (*config.client_port != me->client->port || !same_host) {
        return invalid(file,
                       fmt::format("clientPort says {}:{} but server.{} says {}; keep one of them",
                                   wildcard ? "0.0.0.0" : config.client_address,
                                   *config.client_port,
                                   my_id.value(),
                                   to_string(*me->client)));
    }
    config.client_address = me->client->host == "0.0.0.0" ? "" : me->client->host;
    return ok();
}

std::string render_zoo_cfg(const ServerConfig& config) {
    const ServerConfig defaults;
    Renderer out;
    out.add("tickTime", config.tick_time, milliseconds(0));
    out.add("initLimit", config.init_limit_ticks, 0);
    out.add("syncLimit", config.sync_limit_ticks, 0);
    out.add("dataDir", escaped(config.data_dir), std::string());
    out.add("dataLogDir", escaped(config.data_log_dir), std::string());
    if (config.client_port) out.raw(fmt::format("clientPort={}\n", *config.client_port));
    out.add("clientPortAddress", config.client_address, std::string());
    out.add("connectToLearnerMasterLimit", config.connect_limit_ticks, 0);
    out.add("minSessionTimeout", config.session_timeout_min, milliseconds(-1));
    out.add("maxSessionTimeout", config.session_timeout_max, milliseconds(-1));
    out.add("maxClientCnxns", config.client_connections_max, defaults.client_connections_max);
    out.add("maxCnxns", config.connections_max, 0);
    out.add("clientPortListenBacklog", config.client_backlog, -1);
    out.add("globalOutstandingLimit", config.outstanding_max, defaults.outstanding_max);
    out.add("jute.maxbuffer", config.jute_max_buffer, defaults.jute_max_buffer);
    out.add("snapCount", config.snap_count, defaults.snap_count);
    out.add("preAllocSize", config.log_grow_kib, defaults.log_grow_kib);
    out.add("commitLogCount", config.committed_window, defaults.committed_window);
    out.add("autopurge.snapRetainCount", config.snapshots_kept, defaults.snapshots_kept);
    out.add("autopurge.purgeInterval", config.purge_interval_hours, 0);
    out.add("db.autocreate", config.db_autocreate, true);
    out.add("datadir.autocreate", config.data_dir_autocreate, true);
    out.add("quorumListenOnAllIPs", config.listen_on_all_addresses, false);
    out.add("standaloneEnabled", config.standalone_enabled, true);
    out.add("electionPortBindRetry", config.election_bind_retries, 3);
    out.add("cnxTimeout", config.election_connect_timeout, defaults.election_connect_timeout);
    out.add("quorumCnxnTimeoutMs", config.election_handshake_timeout, milliseconds(-1));
    out.add("fastleader.minNotificationInterval",
            config.notification_interval_min,
            defaults.notification_interval_min);
    out.add("fastleader.maxNotificationInterval",
            config.notification_interval_max,
            defaults.notification_interval_max);
    out.add("clientLoops", config.client_loops, 0);
    if (config.peer_type) out.raw(fmt::format("peerType={}\n", to_string(*config.peer_type)));
    out.add("4lw.commands.whitelist",
            joined(config.four_letter_words),
            joined(defaults.four_letter_words));
    for (const auto& [sid, member] : config.ensemble.members) {
        out.raw(fmt::format("server.{}={}\n", sid.value(), to_string(member)));
    }
    return out.take();
}

Result<ServerId> parse_myid(std::string_view text, std::string_view file) {
    const std::string_view line = text.substr(0, text.find_first_of("\r\n"));
    auto sid = parse_server_id(line);
    if (sid.has_value()) return *sid;
    return invalid(file,
                   fmt::format("'{}' is not a server id; the file must hold just the N of this "
                               "server's server.N line, for example: 1",
                               line));
}

}  // namespace zk::ensemble
