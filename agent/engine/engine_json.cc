#include "engine/engine_json.h"

#include <algorithm>
#include <utility>

#include <boost/json.hpp>

#include "base/numbers.h"

namespace zk::engine {
namespace {

namespace json = boost::json;
using agent_api::ContainerSpec;
using agent_api::NamedValue;
using agent_api::NetworkDriver;
using agent_api::SubnetFact;

/// Minor numbers of API 1.x between which nothing that is asked here differs.
constexpr std::uint32_t kApiLeast = 40;
constexpr std::uint32_t kApiMost = 44;

Result<json::value> parse_json(std::string_view text, const char* what) {
    boost::system::error_code code;
    json::value value = json::parse(json::string_view(text.data(), text.size()), code);
    if (code) {
        return Error(
            Errc::corrupt,
            std::string("the engine's word of ") + what + " is not JSON: " + code.message());
    }
    return value;
}

/// A member of an object; null where there is none.
const json::value& member(const json::value& value, std::string_view name) {
    static const json::value kNull;
    if (!value.is_object()) return kNull;
    const json::value* const found = value.get_object().if_contains(name);
    return found == nullptr ? kNull : *found;
}
std::string text_in(const json::value& value, std::string_view name) {
    const json::value& found = member(value, name);
    return found.is_string() ? std::string(found.get_string().c_str()) : std::string();
}
std::int64_t number_in(const json::value& value, std::string_view name) {
    const json::value& found = member(value, name);
    if (found.is_int64()) return found.get_int64();
    return found.is_uint64() ? static_cast<std::int64_t>(found.get_uint64()) : 0;
}

std::vector<std::uint16_t> host_ports_of(const json::value& host) {
    std::vector<std::uint16_t> ports;
    const json::value& bindings = member(host, "PortBindings");
    if (!bindings.is_object()) return ports;
    for (const auto& port : bindings.get_object()) {
        if (!port.value().is_array()) continue;
        for (const json::value& binding : port.value().get_array()) {
            const auto number = parse_number<std::uint16_t>(text_in(binding, "HostPort"));
            if (number) ports.push_back(*number);
        }
    }
    return ports;
}

/// The minor number of "1.41".
std::optional<std::uint32_t> minor_of(std::string_view version) {
    if (!version.starts_with("1.")) return std::nullopt;
    return parse_number<std::uint32_t>(version.substr(2));
}

json::object object_of(const std::vector<NamedValue>& values) {
    json::object object;
    for (const NamedValue& each : values) object[each.name] = each.value;
    return object;
}

json::object network_modes(const ContainerSpec& spec, json::object& host) {
    json::object endpoints;
    if (spec.network.driver == NetworkDriver::host) host["NetworkMode"] = "host";
    if (spec.network.driver != NetworkDriver::bridge) return endpoints;
    host["NetworkMode"] = spec.network.name;
    json::object address;
    address["IPv4Address"] = spec.address;
    json::object endpoint;
    endpoint["IPAMConfig"] = std::move(address);
    endpoints[spec.network.name] = std::move(endpoint);
    return endpoints;
}

json::object host_config(const ContainerSpec& spec) {
    json::object host;
    json::object policy;
    policy["Name"] = spec.restart;
    host["RestartPolicy"] = std::move(policy);
    json::object bindings;
    for (const agent_api::PublishedPort& port : spec.ports) {
        json::object binding;
        binding["HostPort"] = std::to_string(port.host_port);
        bindings[std::to_string(port.port) + "/tcp"] = json::array{std::move(binding)};
    }
    host["PortBindings"] = std::move(bindings);
    json::array mounts;
    for (const agent_api::BindSpec& bind : spec.binds) {
        json::object mount;
        mount["Type"] = "bind";
        mount["Source"] = bind.source;
        mount["Target"] = bind.target;
        mount["ReadOnly"] = bind.read_only;
        mounts.push_back(std::move(mount));
    }
    host["Mounts"] = std::move(mounts);
    host["ReadonlyRootfs"] = spec.read_only;
    host["Privileged"] = false;
    host["CapDrop"] = json::array{"ALL"};
    host["SecurityOpt"] = json::array{"no-new-privileges"};
    return host;
}

}  // namespace

std::string Container::label(std::string_view label_name) const {
    const auto found = labels.find(std::string(label_name));
    return found == labels.end() ? std::string() : found->second;
}

Result<Version> parse_version(std::string_view text) {
    ZK_TRY(const json::value value, parse_json(text, "its version"));
    return Version{
        text_in(value, "Version"), text_in(value, "ApiVersion"), text_in(value, "MinAPIVersion")};
}

Result<std::string> choose_api(const Version& version) {
    const auto most = minor_of(version.api);
    const std::uint32_t least = minor_of(version.api_least).value_or(0);
    if (!most || *most < kApiLeast || least > kApiMost) {
        return Error(Errc::unsupported,
                     "the engine speaks API " + version.api_least + " to " + version.api +
                         ", and zkprov 1." + std::to_string(kApiLeast) + " to 1." +
                         std::to_string(kApiMost) + "; take another version of the engine");
    }
    return "/v1." + std::to_string(std::min(*most, kApiMost));
}

Result<Container> parse_container(std::string_view text) {
    ZK_TRY(const json::value value, parse_json(text, "a container"));
    Container container;
    container.id = text_in(value, "Id");
    container.name = text_in(value, "Name");
    if (container.name.starts_with('/')) container.name.erase(0, 1);
    container.image_id = text_in(value, "Image");
    const json::value& state = member(value, "State");
    container.status = text_in(state, "Status");
    container.pid = number_in(state, "Pid");
    container.exit_code = number_in(state, "ExitCode");
    const json::value& memory = member(state, "OOMKilled");
    container.killed_for_memory = memory.is_bool() && memory.get_bool();
    container.restarts =
        static_cast<std::uint64_t>(std::max<std::int64_t>(number_in(value, "RestartCount"), 0));
    container.restart = text_in(member(member(value, "HostConfig"), "RestartPolicy"), "Name");
    container.host_ports = host_ports_of(member(value, "HostConfig"));
    container.image = text_in(member(value, "Config"), "Image");
    const json::value& labels = member(member(value, "Config"), "Labels");
    if (labels.is_object()) {
        for (const auto& label : labels.get_object()) {
            if (!label.value().is_string()) continue;
            container.labels[std::string(label.key())] = label.value().get_string().c_str();
        }
    }
    if (container.id.empty() || container.name.empty()) {
        return Error(Errc::corrupt, "the engine tells of a container without an id or a name");
    }
    return container;
}

Result<std::vector<SubnetFact>> parse_networks(std::string_view text) {
    ZK_TRY(const json::value value, parse_json(text, "its networks"));
    if (!value.is_array()) {
        return Error(Errc::corrupt, "the engine's word of its networks is no list");
    }
    std::vector<SubnetFact> networks;
    for (const json::value& network : value.get_array()) {
        const SubnetFact plain{text_in(network, "Name"), text_in(network, "Driver"), "", ""};
        const json::value& subnets = member(member(network, "IPAM"), "Config");
        if (!subnets.is_array() || subnets.get_array().empty()) {
            networks.push_back(plain);
            continue;
        }
        for (const json::value& subnet : subnets.get_array()) {
            SubnetFact fact = plain;
            fact.subnet = text_in(subnet, "Subnet");
            fact.gateway = text_in(subnet, "Gateway");
            networks.push_back(std::move(fact));
        }
    }
    return networks;
}

Result<std::string> parse_network_cluster(std::string_view text) {
    ZK_TRY(const json::value value, parse_json(text, "a network"));
    return text_in(member(value, "Labels"), agent_api::kClusterLabel);
}

Result<std::string> parse_image_id(std::string_view text) {
    ZK_TRY(const json::value value, parse_json(text, "an image"));
    std::string id = text_in(value, "Id");
    if (id.empty()) return Error(Errc::corrupt, "the engine tells of an image without an id");
    return id;
}

std::string failure_words(std::string_view text) {
    boost::system::error_code code;
    const json::value value = json::parse(json::string_view(text.data(), text.size()), code);
    std::string words = code ? std::string() : text_in(value, "message");
    if (words.empty()) words = text.substr(0, 500);
    while (!words.empty() && (words.back() == '\n' || words.back() == ' ')) words.pop_back();
    return words;
}

Result<> check_load(std::string_view lines) {
    while (!lines.empty()) {
        const std::size_t end = std::min(lines.find('\n'), lines.size());
        const std::string_view line = lines.substr(0, end);
        lines.remove_prefix(std::min(end + 1, lines.size()));
        if (line.find_first_not_of(" \r\t") == std::string_view::npos) continue;
        ZK_TRY(const json::value value, parse_json(line, "loading an image"));
        const std::string wrong = text_in(value, "error");
        if (!wrong.empty()) return Error(Errc::failed, wrong);
    }
    return ok();
}

std::string create_body(const ContainerSpec& spec, const std::string& generation) {
    json::object body;
    body["Image"] = spec.image;
    if (!spec.user.empty()) body["User"] = spec.user;
    json::array environment;
    for (const NamedValue& each : spec.environment) {
        environment.push_back(json::string(each.name + "=" + each.value));
    }
    body["Env"] = std::move(environment);
    json::object labels = object_of(spec.labels);
    labels[agent_api::kGenerationLabel] = generation;
    labels[agent_api::kSpecLabel] = hash_of(spec);
    body["Labels"] = std::move(labels);
    body["StopTimeout"] = spec.stop_s;
    json::object exposed;
    for (const agent_api::PublishedPort& port : spec.ports) {
        exposed[std::to_string(port.port) + "/tcp"] = json::object();
    }
    body["ExposedPorts"] = std::move(exposed);
    json::object host = host_config(spec);
    json::object endpoints = network_modes(spec, host);
    body["HostConfig"] = std::move(host);
    if (!endpoints.empty()) {
        json::object networking;
        networking["EndpointsConfig"] = std::move(endpoints);
        body["NetworkingConfig"] = std::move(networking);
    }
    return json::serialize(body);
}

std::string network_body(const ContainerSpec& spec) {
    json::object place;
    place["Subnet"] = spec.network.subnet;
    if (!spec.network.gateway.empty()) place["Gateway"] = spec.network.gateway;
    json::object addresses;
    addresses["Driver"] = "default";
    addresses["Config"] = json::array{std::move(place)};
    json::object labels;
    labels[agent_api::kClusterLabel] = spec.label(agent_api::kClusterLabel);
    json::object body;
    body["Name"] = spec.network.name;
    body["CheckDuplicate"] = true;
    body["Driver"] = agent_api::to_string(spec.network.driver);
    body["IPAM"] = std::move(addresses);
    body["Labels"] = std::move(labels);
    return json::serialize(body);
}

std::string restart_body(const std::string& policy, std::int64_t restarts_max) {
    json::object restart;
    restart["Name"] = policy.empty() ? "no" : policy;
    restart["MaximumRetryCount"] = restarts_max;
    json::object body;
    body["RestartPolicy"] = std::move(restart);
    return json::serialize(body);
}

}  // namespace zk::engine
