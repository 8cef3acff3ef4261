#include "image/setup.h"

#include <algorithm>
#include <map>
#include <utility>

#include <fmt/core.h>

#include "base/numbers.h"
#include "ensemble/config_keys.h"
#include "ensemble/properties.h"

namespace zk::image {
namespace {

using ensemble::Property;
using Values = std::map<std::string, std::string>;

Error refused(std::string words) { return {Errc::refused, std::move(words)}; }

/// The last value of each key.
Result<Values> values_of(std::string_view text, std::string_view file) {
    ZK_TRY(const std::vector<Property> properties, ensemble::read_properties(text, file));
    Values values;
    for (const Property& property : properties) {
        values.insert_or_assign(property.key, property.value);
    }
    return values;
}

/// What counts where the file does not hold the key; nothing: nobody can say.
std::optional<std::string> standard_of(const std::string& key) {
    const ensemble::ConfigKey* const row = ensemble::find_config_key(key);
    if (row == nullptr || row->standing != ensemble::Standing::honoured) return std::nullopt;
    return ensemble::default_of(*row);
}

std::string what_counts(const Values& values, const std::string& key) {
    const auto found = values.find(key);
    if (found != values.end()) return "says " + ensemble::shown(key, found->second);
    return "does not say " + key;
}

/// Whether the file means the same as key=value.
bool agrees(const Values& values, const Property& said) {
    const auto found = values.find(said.key);
    if (found != values.end()) return found->second == said.value;
    return standard_of(said.key) == said.value;
}

Result<> check_silenced(const Wanted& wanted, const Values& values, const std::string& path) {
    std::string complaints;
    for (const Line& line : wanted.lines) {
        if (!line.given) continue;
        ZK_TRY(const std::vector<Property> read,
               ensemble::read_properties(line.text, line.variable));
        for (const Property& said : read) {
            if (agrees(values, said)) continue;
            complaints += fmt::format("\n  {} wants {}; the file {}",
                                      line.variable,
                                      ensemble::shown(said.key, said.value),
                                      what_counts(values, said.key));
        }
    }
    if (complaints.empty()) return ok();
    return refused(
        fmt::format("{} is there, so these variables would have no effect:{}\nremove the "
                    "variables, or write into the file what they say",
                    path,
                    complaints));
}

/// As in Apache's server a key of the file wins over the property; whoever gave another value would not notice.
Result<> check_properties(const Wanted& wanted, const Settings& settings, const Values& values) {
    for (const Property& property : wanted.properties) {
        const auto found = values.find(property.key);
        if (found == values.end() || found->second == property.value) continue;
        std::string way_out = "remove the flag, or the line";
        if (settings.generated) {
            way_out = "remove the flag";
            const std::string begin = property.key + "=";
            const auto line = std::ranges::find_if(
                wanted.lines, [&](const Line& one) { return one.text.starts_with(begin); });
            if (line != wanted.lines.end()) {
                way_out += fmt::format("; the variable for this is {}", line->variable);
            }
        }
        return refused(fmt::format("JVM flags want {}, but {} has {}, which wins; {}",
                                   ensemble::shown(property.key, property.value),
                                   settings.path,
                                   ensemble::shown(property.key, found->second),
                                   way_out));
    }
    return ok();
}

/// An error of a zoo.cfg that the environment made names its variable, not a line that nobody wrote.
Error with_variable(const Wanted& wanted, const std::string& path, const Error& error) {
    const std::size_t at = error.words.find(path + ":");
    if (at == std::string::npos) return error.with_context("the environment");
    std::string_view rest = std::string_view(error.words).substr(at + path.size() + 1);
    const auto number = parse_number<int>(rest.substr(0, rest.find(':')));
    const Line* const line = number ? line_at(wanted, *number) : nullptr;
    if (line == nullptr) return error.with_context("the environment");
    rest.remove_prefix(std::min(rest.size(), rest.find(':') + 2));
    return {error.code, fmt::format("{}: {}", line->variable, rest)};
}

bool is_below(std::string_view path, std::string_view mount_point) {
    if (mount_point == "/" || !path.starts_with(mount_point)) return false;
    return path.size() == mount_point.size() || path[mount_point.size()] == '/';
}

std::string members_source(const Settings& settings) {
    return settings.generated ? std::string("ZOO_SERVERS") : settings.path;
}

Result<ServerId> new_id(const Wanted& wanted, const Settings& settings) {
    if (wanted.my_id) return *wanted.my_id;
    const auto& members = settings.config.ensemble.members;
    if (members.size() > 1 || (members.size() == 1 && !members.contains(ServerId(1)))) {
        return refused(
            fmt::format("ZOO_MY_ID is not set, {}/myid is not there, and {} has {}; set "
                        "ZOO_MY_ID to the N of this server's server.N line",
                        settings.config.data_dir,
                        members_source(settings),
                        members.size() > 1 ? fmt::format("{} servers", members.size())
                                           : "server." + to_string(members.begin()->first)));
    }
    return ServerId(1);
}

/// That the server will find itself, and its clients it. Files of somebody's own have their own words for it.
Result<> check_own_line(const Settings& settings, ServerId id) {
    const ensemble::EnsembleConfig& ensemble = settings.config.ensemble;
    const ensemble::Member* const own = ensemble.find(id);
    if (own == nullptr) {
        return refused(
            fmt::format("this is server {} (ZOO_MY_ID, or the file myid in {}), but "
                        "ZOO_SERVERS has no server.{}; correct one of them",
                        id.value(),
                        settings.config.data_dir,
                        id.value()));
    }
    if (own->client || settings.config.client_port) return ok();
    return refused(
        fmt::format("ZOO_SERVERS: server.{} has no port for clients, so nobody could "
                    "reach it; write ;2181 behind it, or ZOO_CFG_EXTRA=clientPort=2181",
                    id.value()));
}

}  // namespace

Result<Settings> choose_config(const Wanted& wanted, const ConfigFile& file) {
    Settings settings;
    settings.path = file.path;
    if (file.named && !file.text) {
        return refused(file.path + " is not there; mount it, or name another one");
    }
    settings.generated = !file.text || (!file.mounted && !file.named && is_generated(*file.text));
    settings.text = settings.generated ? zoo_cfg_text(wanted) : *file.text;
    auto read =
        ensemble::read_zoo_cfg(settings.text, settings.path, settings.config, wanted.properties);
    if (!read.has_value()) {
        return settings.generated ? with_variable(wanted, settings.path, read.error())
                                  : read.error();
    }
    ZK_TRY(const Values values, values_of(settings.text, settings.path));
    if (!settings.generated) ZK_CHECK(check_silenced(wanted, values, settings.path));
    ZK_CHECK(check_properties(wanted, settings, values));
    return settings;
}

Result<> check_volumes(const Settings& settings,
                       const std::string& data_dir,
                       const std::string& log_dir,
                       const std::vector<std::string>& mount_points) {
    const auto lasts = [&](const std::string& path) {
        return std::ranges::any_of(mount_points, [&](const std::string& mount_point) {
            return is_below(path, mount_point);
        });
    };
    const bool data_lasts = lasts(data_dir);
    if (data_lasts && lasts(log_dir)) return ok();
    const std::string_view key = data_lasts ? "dataLogDir" : "dataDir";
    const std::string_view usual = data_lasts ? "/datalog" : "/data";
    const std::string& dir = data_lasts ? settings.config.log_dir() : settings.config.data_dir;

    return refused(
        fmt::format("{}={} is in no volume: what the server acknowledges would be gone with "
                    "the container. Write {}={}, which is one, or mount one: -v NAME:{}",
                    key,
                    dir,
                    key,
                    usual,
                    dir));
}

Result<Identity> choose_id(const Wanted& wanted,
                           Settings& settings,
                           const std::optional<std::string>& myid) {
    const std::string file = settings.config.data_dir + "/myid";
    Identity identity;
    if (myid) {
        ZK_TRY(identity.id, ensemble::parse_myid(*myid, file));
        if (wanted.my_id && *wanted.my_id != identity.id) {
            return refused(fmt::format(
                "ZOO_MY_ID is {}, but the volume at {} is that of server {} (its file myid). Give "
                "this container the volume of server {}, or set ZOO_MY_ID={}; only if these data "
                "are "
                "to be server {}'s from now on, remove the file myid from the volume",
                wanted.my_id->value(),
                settings.config.data_dir,
                identity.id.value(),
                wanted.my_id->value(),
                identity.id.value(),
                wanted.my_id->value()));
        }
    } else {
        ZK_TRY(identity.id, new_id(wanted, settings));
        identity.write = true;
    }
    if (settings.generated) ZK_CHECK(check_own_line(settings, identity.id));
    ZK_CHECK(ensemble::set_identity(settings.config, identity.id, settings.path));
    ZK_CHECK(ensemble::check_client_port(settings.config, identity.id, settings.path));
    return identity;
}

}  // namespace zk::image
