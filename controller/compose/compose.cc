#include "compose/compose.h"

#include <fmt/core.h>

#include "inventory/docker.h"

namespace zk::compose {
namespace {

using agent_api::BindSpec;
using agent_api::ContainerSpec;
using agent_api::NamedValue;
using agent_api::NetworkDriver;
using agent_api::PublishedPort;

/// In double quotes, as YAML and compose both leave it alone: compose puts variables in the place of what follows a "$".
std::string quoted(std::string_view text) {
    std::string out = "\"";
    for (const char c : text) {
        if (c == '"' || c == '\\') out += '\\';
        if (c == '$') out += '$';
        out += c;
    }
    return out + '"';
}

std::string map_lines(std::string_view key, const std::vector<NamedValue>& values) {
    if (values.empty()) return {};
    std::string text = fmt::format("    {}:\n", key);
    for (const NamedValue& each : values) {
        text += fmt::format("      {}: {}\n", quoted(each.name), quoted(each.value));
    }
    return text;
}

std::string network_lines(const ContainerSpec& spec) {
    if (spec.network.driver == NetworkDriver::host) return "    network_mode: host\n";
    if (spec.network.driver != NetworkDriver::bridge) return "    network_mode: bridge\n";
    return fmt::format("    networks:\n      {}:\n        ipv4_address: {}\n",
                       quoted(spec.network.name),
                       quoted(spec.address));
}

std::string service(const ContainerSpec& spec) {
    std::string text = fmt::format("  {}:\n", quoted(spec.name));
    text += fmt::format("    container_name: {}\n", quoted(spec.name));
    text += fmt::format("    image: {}\n", quoted(spec.image));
    text += fmt::format("    user: {}\n", quoted(spec.user));
    text += fmt::format("    restart: {}\n", quoted(spec.restart));
    text += fmt::format("    stop_grace_period: {}s\n", spec.stop_s);
    text += fmt::format("    read_only: {}\n", spec.read_only);
    text += "    cap_drop: [\"ALL\"]\n    security_opt: [\"no-new-privileges\"]\n";
    text += network_lines(spec);
    if (!spec.ports.empty()) text += "    ports:\n";
    for (const PublishedPort& port : spec.ports) {
        text += fmt::format("      - \"{}:{}\"\n", port.host_port, port.port);
    }
    text += "    volumes:\n";
    for (const BindSpec& bind : spec.binds) {
        text += fmt::format("      - type: bind\n        source: {}\n        target: {}\n",
                            quoted(bind.source),
                            quoted(bind.target));
        if (bind.read_only) text += "        read_only: true\n";
        // Not create_host_path: false, which the first docker-compose does not know.
    }
    return text + map_lines("environment", spec.environment) + map_lines("labels", spec.labels);
}

std::string network(const ContainerSpec& spec) {
    std::string text = fmt::format("networks:\n  {}:\n", quoted(spec.network.name));
    text += fmt::format("    name: {}\n    driver: bridge\n", quoted(spec.network.name));
    text += fmt::format("    ipam:\n      config:\n        - subnet: {}\n",
                        quoted(spec.network.subnet));
    if (!spec.network.gateway.empty()) {
        text += fmt::format("          gateway: {}\n", quoted(spec.network.gateway));
    }
    return text + map_lines("labels",
                            {{std::string(agent_api::kClusterLabel),
                              std::string(spec.label(agent_api::kClusterLabel))}});
}

}  // namespace

std::string compose_text(const std::vector<std::string>& comment,
                         const std::vector<ContainerSpec>& containers) {
    std::string text;
    for (const std::string& line : comment) text += "# " + line + "\n";
    text += "services:\n";
    for (const ContainerSpec& spec : containers) text += service(spec);
    for (const ContainerSpec& spec : containers) {
        if (spec.network.driver == NetworkDriver::bridge) return text + network(spec);
    }
    return text;
}

Result<std::string> compose_file(const inventory::Inventory& inventory,
                                 std::optional<ServerId> only) {
    if (!inventory.docker) {
        return Error(Errc::invalid,
                     "the servers of this inventory run on their hosts; a compose file needs "
                     "runtime: docker");
    }
    std::vector<ContainerSpec> containers;
    std::string host;
    for (const inventory::Node& node : inventory.nodes) {
        if (only && node.id != *only) continue;
        if (!containers.empty() && node.ssh.host != host) {
            return Error(Errc::invalid,
                         "the nodes are on several Docker hosts, and each needs a file of its own; "
                         "name a node: --node " +
                             to_string(inventory.nodes.front().id));
        }
        host = node.ssh.host;
        containers.push_back(container_of(inventory, node));
    }
    return compose_text(
        {inventory.cluster + ": the containers as zkprov apply makes them.",
         "Their directories, with zoo.cfg, myid and the marker with which an ensemble is formed,",
         "zkprov apply makes: no container starts without them, and an empty one waits for it."},
        containers);
}

}  // namespace zk::compose
