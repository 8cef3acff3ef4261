#include "engine/running_json.h"

#include <algorithm>
#include <array>
#include <initializer_list>
#include <optional>

#include <boost/json.hpp>

#include "agent_api/container_spec.h"
#include "base/numbers.h"

namespace zk::engine {
namespace {

namespace json = boost::json;
using agent_api::ContainerSurvey;
using agent_api::RunningContainer;

/// A member of a member of ...; null where one is missing.
const json::value& at(const json::value& value, std::initializer_list<std::string_view> path) {
    static const json::value kNothing;
    const json::value* here = &value;
    for (const std::string_view name : path) {
        here = here->is_object() ? here->get_object().if_contains(name) : nullptr;
        if (here == nullptr) return kNothing;
    }
    return *here;
}
std::string words_at(const json::value& value, std::initializer_list<std::string_view> path) {
    const json::value& found = at(value, path);
    return found.is_string() ? std::string(found.get_string().c_str()) : std::string();
}
std::int64_t count_at(const json::value& value, std::initializer_list<std::string_view> path) {
    const json::value& found = at(value, path);
    if (found.is_uint64()) return static_cast<std::int64_t>(found.get_uint64());
    return found.is_int64() ? found.get_int64() : 0;
}
bool holds_at(const json::value& value, std::initializer_list<std::string_view> path) {
    const json::value& found = at(value, path);
    if (found.is_array()) return !found.get_array().empty();
    return found.is_object() ? !found.get_object().empty() : found.is_bool() && found.get_bool();
}
std::vector<std::string> list_at(const json::value& value,
                                 std::initializer_list<std::string_view> path) {
    std::vector<std::string> words;
    const json::value& found = at(value, path);
    if (!found.is_array()) return words;
    for (const json::value& each : found.get_array()) {
        if (each.is_string()) words.emplace_back(each.get_string().c_str());
    }
    return words;
}

std::string plain_name(std::string name) {
    if (name.starts_with('/')) name.erase(0, 1);
    return name;
}

void read_place(const json::value& value, ContainerSurvey& told) {
    told.network = words_at(value, {"HostConfig", "NetworkMode"});
    const json::value& networks = at(value, {"NetworkSettings", "Networks"});
    if (!networks.is_object()) return;
    for (const auto& each : networks.get_object()) {
        const std::string name(each.key());
        const bool own = name == told.network || (told.network == "default" && name == "bridge");
        if (!own) {
            told.other_networks.push_back(name);
            continue;
        }
        told.address = words_at(each.value(), {"IPAddress"});
        const std::string fixed = words_at(each.value(), {"IPAMConfig", "IPv4Address"});
        told.fixed_address = !fixed.empty();
        if (told.fixed_address) told.address = fixed;
        told.aliases = list_at(each.value(), {"Aliases"});
    }
}

void read_ports(const json::value& value, ContainerSurvey& told) {
    const json::value& bindings = at(value, {"HostConfig", "PortBindings"});
    if (!bindings.is_object()) return;
    for (const auto& each : bindings.get_object()) {
        const std::string key(each.key());
        const std::size_t slash = key.find('/');
        if (slash != std::string::npos && key.substr(slash) != "/tcp") continue;
        const auto port = parse_number<std::uint16_t>(key.substr(0, slash));
        if (!port || !each.value().is_array()) continue;
        for (const json::value& binding : each.value().get_array()) {
            const auto host = parse_number<std::uint16_t>(words_at(binding, {"HostPort"}));
            std::string address = words_at(binding, {"HostIp"});
            if (address == "0.0.0.0" || address == "::") address.clear();
            if (host) told.ports.push_back({std::move(address), *host, *port});
        }
    }
}

void read_mounts(const json::value& value, ContainerSurvey& told) {
    const json::value& mounts = at(value, {"Mounts"});
    if (!mounts.is_array()) return;
    for (const json::value& each : mounts.get_array()) {
        agent_api::MountSurvey mount;
        mount.type = words_at(each, {"Type"});
        mount.name = words_at(each, {"Name"});
        mount.source = words_at(each, {"Source"});
        mount.target = words_at(each, {"Destination"});
        const json::value& writable = at(each, {"RW"});
        mount.read_only = writable.is_bool() && !writable.get_bool();
        while (mount.source.size() > 1 && mount.source.ends_with('/')) mount.source.pop_back();
        told.mounts.push_back(std::move(mount));
    }
    std::ranges::sort(told.mounts, {}, &agent_api::MountSurvey::target);
}

/// What an inventory has no key for. Of what zkprov's containers are denied, too: it is worth knowing that it goes.
void read_more(const json::value& value, ContainerSurvey& told) {
    struct Row {
        std::string_view name;
        std::string_view words;
    };
    constexpr std::array kFlags = {
        Row{"Privileged", "it is privileged; zkprov's containers are not"},
        Row{"CapAdd", "it has capabilities that were added; zkprov's have none"},
        Row{"Devices", "it has devices of the host; zkprov's have none"},
        Row{"Ulimits", "it has limits of its own (--ulimit)"},
        Row{"ExtraHosts", "it has names of hosts of its own (--add-host)"},
        Row{"Dns", "it has name servers of its own (--dns)"},
        Row{"Sysctls", "it has kernel settings of its own (--sysctl)"},
    };
    constexpr std::array kNumbers = {
        Row{"Memory", "its memory is limited (--memory)"},
        Row{"NanoCpus", "its processors are limited (--cpus)"},
        Row{"CpuShares", "it has a share of the processors (--cpu-shares)"},
        Row{"CpuQuota", "its processors are limited (--cpu-quota)"},
    };
    for (const Row& row : kFlags) {
        if (holds_at(value, {"HostConfig", row.name})) told.more.emplace_back(row.words);
    }
    for (const Row& row : kNumbers) {
        if (count_at(value, {"HostConfig", row.name}) != 0) told.more.emplace_back(row.words);
    }
}

void read_environment(const json::value& value, RunningContainer& container) {
    for (const std::string& each : list_at(value, {"Config", "Env"})) {
        const std::size_t equals = each.find('=');
        if (equals == std::string::npos) continue;
        container.environment[each.substr(0, equals)] = each.substr(equals + 1);
    }
}

Result<json::value> parsed(std::string_view text) {
    boost::system::error_code code;
    json::value value = json::parse(json::string_view(text.data(), text.size()), code);
    if (!code) return value;
    return Error(Errc::corrupt,
                 "the engine's word of containers that run is not JSON: " + code.message());
}

}  // namespace

Result<std::vector<Listed>> parse_list(std::string_view text) {
    ZK_TRY(const json::value value, parsed(text));
    if (!value.is_array()) {
        return Error(Errc::corrupt, "the engine's word of containers that run is no list");
    }
    std::vector<Listed> all;
    for (const json::value& each : value.get_array()) {
        Listed listed;
        listed.id = words_at(each, {"Id"});
        const auto names = list_at(each, {"Names"});
        if (!names.empty()) listed.name = plain_name(names.front());
        const json::value& mounts = at(each, {"Mounts"});
        if (mounts.is_array()) {
            for (const json::value& mount : mounts.get_array()) {
                const json::value& writable = at(mount, {"RW"});
                if (!writable.is_bool() || !writable.get_bool()) continue;
                listed.written.push_back(words_at(mount, {"Source"}));
            }
        }
        if (!listed.id.empty()) all.push_back(std::move(listed));
    }
    return all;
}

Result<RunningContainer> parse_running(std::string_view text) {
    ZK_TRY(const json::value value, parsed(text));
    RunningContainer container;
    ContainerSurvey& told = container.told;
    container.id = words_at(value, {"Id"});
    told.name = plain_name(words_at(value, {"Name"}));
    told.image = words_at(value, {"Config", "Image"});
    told.pid = count_at(value, {"State", "Pid"});
    told.user = words_at(value, {"Config", "User"});
    told.restart = words_at(value, {"HostConfig", "RestartPolicy", "Name"});
    told.restarts_max = count_at(value, {"HostConfig", "RestartPolicy", "MaximumRetryCount"});
    told.cluster = words_at(value, {"Config", "Labels", agent_api::kClusterLabel});
    told.sid = words_at(value, {"Config", "Labels", agent_api::kSidLabel});
    container.words = list_at(value, {"Args"});
    container.words.insert(container.words.begin(), words_at(value, {"Path"}));
    read_place(value, told);
    read_ports(value, told);
    read_mounts(value, told);
    read_more(value, told);
    read_environment(value, container);
    if (container.id.empty() || told.name.empty()) {
        return Error(Errc::corrupt, "the engine tells of a container without an id or a name");
    }
    return container;
}

}  // namespace zk::engine
