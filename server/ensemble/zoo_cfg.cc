#include "ensemble/zoo_cfg.h"

#include <map>

#include <fmt/core.h>

#include "ensemble/config_keys.h"
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

/// Whom a server would have to ask for a proof, and cannot.
Result<> check_required_schemes(const ServerConfig& config, std::string_view file) {
    if (!config.enforce_auth) return ok();
    if (config.enforce_auth_schemes.empty()) {
        return invalid(file,
                       "enforce.auth.enabled=true needs a scheme; add enforce.auth.schemes=digest");
    }
    for (const std::string& scheme : config.enforce_auth_schemes) {
        if (scheme == "ip" || (scheme == "digest" && config.digest_enabled)) continue;
        return invalid(file,
                       fmt::format("enforce.auth.schemes: nobody can prove the scheme '{}' here; "
                                   "this version has digest and ip",
                                   scheme));
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
    if (voters == 1 && !config.replicated()) {
        config.warnings.push_back(
            fmt::format("{}: one server.N line with standaloneEnabled=true is a server alone "
                        "(standalone); for an ensemble of one say standaloneEnabled=false",
                        file));
    }
    for (const auto& [sid, member] : config.ensemble.members) {
        if (sid.value() >= 1 && sid.value() <= 254) continue;
        config.warnings.push_back(
            fmt::format("{}: server.{}: ids should be from 1 to 254", file, sid.value()));
    }
}

/// `place` is named by what is said of the entry.
Result<> read_at(const Property& property, const std::string& place, ServerConfig& config) {
    std::string warning;
    auto read = read_zoo_cfg_key(property, config, warning);
    if (!read.has_value()) return read.error().with_context(place);
    if (warning.empty()) return ok();
    config.warnings.push_back(
        fmt::format("{}: {}: {}", place, shown(property.key, property.value), warning));
    return ok();
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

Result<> read_zoo_cfg(std::string_view text,
                      std::string_view file,
                      ServerConfig& config,
                      const std::vector<Property>& beside) {
    ZK_TRY(const std::vector<Property> properties, read_properties(text, file));
    std::map<std::string, int> line_of;
    for (const Property& property : properties) {
        const std::string place = fmt::format("{}:{}", file, property.line);
        ZK_CHECK(read_at(property, place, config));
        const auto [first, added] = line_of.emplace(property.key, property.line);
        if (!added) {
            config.warnings.push_back(
                fmt::format("{}: {} is set again (first in line {}); the last one counts",
                            place,
                            property.key,
                            first->second));
        }
    }
    for (const Property& property : beside) {
        if (line_of.contains(property.key)) continue;
        ZK_CHECK(read_at(property, "command line", config));
    }
    ZK_CHECK(check_settings(config, file));
    ZK_CHECK(check_members(config, file));
    warn_about_members(config, file);
    return ok();
}

Result<> check_supported(const ServerConfig& config, std::string_view file) {
    ZK_CHECK(check_required_schemes(config, file));
    for (const auto& [sid, member] : config.ensemble.members) {
        if (member.role == Role::participant) continue;
        return Error(Errc::unsupported,
                     fmt::format("{}: server.{} is an observer, which is not supported in this "
                                 "version; make it a participant or remove the line",
                                 file,
                                 sid.value()));
    }
    return ok();
}

Result<> check_client_port(const ServerConfig& config, ServerId my_id, std::string_view file) {
    if (config.client_port) return ok();
    if (config.ensemble.members.empty()) {
        return invalid(file, "no port for clients; add clientPort=2181");
    }
    if (!config.replicated()) {
        return invalid(
            file,
            "no port for clients; add clientPort=2181 (of a single server.N line ';port' "
            "counts when the file myid in dataDir holds that N)");
    }
    return invalid(file,
                   fmt::format("no port for clients; add clientPort=2181, or ;2181 to the line "
                               "server.{}",
                               my_id.value()));
}

Result<> set_identity(ServerConfig& config, ServerId my_id, std::string_view file) {
    const Member* me = config.ensemble.find(my_id);
    if (me == nullptr && !config.replicated()) {
        if (config.ensemble.members.empty()) return ok();
        config.warnings.push_back(
            fmt::format("{}: myid is {} but there is no server.{} line; the server is alone, and "
                        "the line of the other one has no effect",
                        file,
                        my_id.value(),
                        my_id.value()));
        return ok();
    }
    if (me == nullptr) {
        return invalid(file,
                       fmt::format("this server's id (myid) is {} but there is no server.{} line; "
                                   "correct the file myid or add the line",
                                   my_id.value(),
                                   my_id.value()));
    }
    if (my_id.value() < 0 || my_id.value() > 254) {
        // Apache's server refuses it with extendedTypesEnabled.
        return invalid(
            file,
            fmt::format("server.{}: the owner of its sessions' ephemerals would look like "
                        "that of a TTL node; give this server an id from 1 to 254",
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
    std::string text;
    for (const ConfigKey* key : config_keys()) {
        const auto value = value_in(*key, config);
        if (!value || value == default_of(*key)) continue;
        text += fmt::format("{}={}\n", key->name, escaped(*value));
    }
    for (const auto& [sid, member] : config.ensemble.members) {
        text += fmt::format("server.{}={}\n", sid.value(), to_string(member));
    }
    return text;
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
