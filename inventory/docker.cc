#include "inventory/docker.h"

#include <algorithm>
#include <array>
#include <map>
#include <utility>

#include "agent_api/subnet.h"
#include "inventory/inventory.h"
#include "inventory/ranges.h"
#include "inventory/section.h"
#include "inventory/settings.h"

namespace zk::inventory {
namespace {

using agent_api::ContainerSpec;
using agent_api::NetworkDriver;

/// Of the official image and of ours, and so the owner of what the server writes.
constexpr std::string_view kContainerUser = "1000:1000";
constexpr std::string_view kDirectory = "/data/zookeeper/";
constexpr std::size_t kNameBytesMax = 63;

/// As engines have it: two characters at least.
bool is_container_name(std::string_view name) {
    const auto good = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '_' || c == '-' || c == '.';
    };
    return name.size() >= 2 && name.size() <= kNameBytesMax && std::ranges::all_of(name, good) &&
           name.front() != '-' && name.front() != '.' && name.front() != '_';
}

/// "registry:5000/team/zkserver:1.0", also by digest.
bool is_image_name(std::string_view name) {
    const auto good = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               std::string_view("_-./:@").find(c) != std::string_view::npos;
    };
    return !name.empty() && name.size() <= 255 && std::ranges::all_of(name, good) &&
           name.find("..") == std::string_view::npos && name.front() != '/' && name.front() != '-';
}

void read_image(Section& docker,
                const std::string& working_dir,
                Diagnostics& diagnostics,
                DockerSettings& settings) {
    if (docker.find("image") == nullptr) {
        diagnostics.error(docker.mark(),
                          docker.path_of("image"),
                          "is missing; name the image, such as image: zkserver:latest");
    } else if (const auto image = docker.text("image")) {
        settings.image = *image;
        if (!is_image_name(*image)) {
            diagnostics.error(docker.mark_of("image"),
                              docker.path_of("image"),
                              "is no name of an image: \"" + *image + "\"");
        }
    }
    if (const auto archive = docker.text("archive")) {
        settings.archive = archive->starts_with('/') ? *archive : working_dir + "/" + *archive;
    }
}

void read_subnet(Section& network, Diagnostics& diagnostics, agent_api::NetworkSpec& spec) {
    const auto text = network.text("subnet");
    if (!text) {
        if (network.find("subnet") != nullptr) return;
        diagnostics.error(network.mark(),
                          network.path_of("subnet"),
                          "is missing; a bridge needs one, such as subnet: 172.18.0.0/16");
        return;
    }
    const auto subnet = agent_api::parse_subnet(*text);
    if (!subnet) {
        diagnostics.error(network.mark_of("subnet"),
                          network.path_of("subnet"),
                          "must be an IPv4 network such as 172.18.0.0/16, without bits behind its "
                          "prefix, found \"" +
                              *text + "\"");
        return;
    }
    spec.subnet = *text;
    const auto gateway = network.text("gateway");
    if (!gateway) return;
    const auto address = agent_api::parse_ipv4(*gateway);
    spec.gateway = *gateway;
    if (address && subnet->contains(*address) && !subnet->reserves(*address)) return;
    diagnostics.error(
        network.mark_of("gateway"),
        network.path_of("gateway"),
        "must be an address in " + *text + " that a host can have, found \"" + *gateway + "\"");
}

void read_network(Section& docker, Diagnostics& diagnostics, DockerSettings& settings) {
    const Value* const value = docker.find("network");
    if (value == nullptr) return;
    Section network(*value, docker.path_of("network"), diagnostics);
    const std::string driver = network.text("driver").value_or("bridge");
    if (driver == "host") {
        settings.network.driver = NetworkDriver::host;
        for (const char* const key : {"name", "subnet", "gateway"}) {
            if (network.find(key) == nullptr) continue;
            diagnostics.error(network.mark_of(key),
                              network.path_of(key),
                              "belongs to driver: bridge; containers in the host's network have "
                              "the host's address");
        }
    } else if (driver == "bridge") {
        settings.network.driver = NetworkDriver::bridge;
        const auto name = network.text("name");
        settings.network.name = name.value_or(settings.network.name);
        if (name && (!is_container_name(*name) || *name == "bridge" || *name == "host" ||
                     *name == "none" || *name == "default")) {
            diagnostics.error(network.mark_of("name"),
                              network.path_of("name"),
                              "is no name of a network of its own: \"" + *name + "\"");
        }
        read_subnet(network, diagnostics, settings.network);
    } else {
        diagnostics.error(network.mark_of("driver"),
                          network.path_of("driver"),
                          "must be bridge or host, found \"" + driver + "\"");
    }
    network.finish();
    if (settings.network.driver != NetworkDriver::bridge) settings.network.name.clear();
}

void read_restart(Section& docker, Diagnostics& diagnostics, DockerSettings& settings) {
    const auto word = docker.text("restart");
    if (!word) return;
    constexpr std::array<std::string_view, 4> kPolicies = {
        "unless-stopped", "always", "on-failure", "no"};
    settings.restart = *word;
    if (std::ranges::find(kPolicies, *word) != kPolicies.end()) return;
    diagnostics.error(docker.mark_of("restart"),
                      docker.path_of("restart"),
                      "must be unless-stopped, always, on-failure or no, found \"" + *word + "\"");
}

/// One word for each id of the entry, by a range.
std::vector<std::string> read_range(Section& node,
                                    const char* key,
                                    std::size_t count,
                                    Diagnostics& diagnostics) {
    if (node.find(key) == nullptr) return {};
    const auto text = node.text(key);
    if (!text) return {};
    auto expanded = expand_hosts(*text);
    if (!expanded) {
        diagnostics.error(node.mark_of(key), node.path_of(key), expanded.error().words);
        return {};
    }
    if (expanded->size() == count) return *std::move(expanded);
    diagnostics.error(node.mark_of(key),
                      node.path_of(key),
                      "names " + std::to_string(expanded->size()) + " for " +
                          std::to_string(count) + " id" + (count == 1 ? "" : "s") +
                          "; make the two ranges equally long");
    return {};
}

std::string environment_of_java(const ApacheSettings& apache, const Node& node) {
    // An empty server may not vote for its empty database, unless it finds the marker initialize.
    std::string flags = "-Dzookeeper.db.autocreate=false -Xmx" + apache.heap;
    for (const auto& [key, value] : node.config) {
        if (is_property_only(key)) flags += " -D" + key + "=" + value;
    }
    for (const std::string& flag : apache.jvm_flags) flags += " " + flag;
    return flags;
}

void check_address(const DockerSettings& docker, const Node& node, Diagnostics& diagnostics) {
    const auto subnet = agent_api::parse_subnet(docker.network.subnet);
    const auto address = agent_api::parse_ipv4(node.host);
    if (!subnet || node.host.empty()) return;  // said before
    const std::string name = "the address " + node.host + " of node " + to_string(node.id);
    if (!address || !subnet->contains(*address) || subnet->reserves(*address)) {
        diagnostics.error(node.mark,
                          "nodes",
                          name + " is not one that a container can have in " +
                              docker.network.subnet + "; choose one in it");
    } else if (node.host == docker.network.gateway) {
        diagnostics.error(
            node.mark, "nodes", name + " is that of the network's gateway; choose another one");
    }
}

}  // namespace

std::optional<DockerSettings> read_docker_settings(Section& top,
                                                   const std::string& cluster,
                                                   const std::string& working_dir,
                                                   Diagnostics& diagnostics) {
    const auto runtime = top.text("runtime");
    if (!runtime || *runtime == "systemd") {
        if (const Value* const value = top.find("docker")) {
            diagnostics.error(value->mark, "docker", "belongs to runtime: docker; write that too");
        }
        return std::nullopt;
    }
    const Value* const value = top.find("docker");
    if (*runtime != "docker") {
        diagnostics.error(top.mark_of("runtime"),
                          "runtime",
                          "must be systemd or docker, found \"" + *runtime + "\"");
        return std::nullopt;
    }
    if (value == nullptr) {
        diagnostics.error(top.mark_of("runtime"),
                          "docker",
                          "is missing; runtime docker needs at least docker: {image: zkserver}");
        return std::nullopt;
    }
    DockerSettings settings;
    settings.network.name = cluster;
    settings.directory = std::string(kDirectory) + cluster;
    Section docker(*value, "docker", diagnostics);
    read_image(docker, working_dir, diagnostics, settings);
    read_network(docker, diagnostics, settings);
    if (settings.network.driver == NetworkDriver::standard) settings.network.name.clear();
    read_restart(docker, diagnostics, settings);
    if (const auto directory = docker.text("directory")) {
        const Written written{*directory, docker.mark_of("directory"), docker.path_of("directory")};
        settings.directory = check_directory(written, diagnostics).value_or("");
    }
    if (const auto engine = docker.text("engine")) {
        const Written written{*engine, docker.mark_of("engine"), docker.path_of("engine")};
        settings.engine = check_directory(written, diagnostics).value_or("");
    }
    if (const auto port = docker.number("host_port", 1, 65535)) {
        settings.host_port = static_cast<std::uint16_t>(*port);
    }
    docker.refuse("privileged", "no server needs it; remove the key");
    docker.finish();
    return settings;
}

ContainerKeys read_container_keys(Section& node,
                                  const DockerSettings& docker,
                                  std::size_t count,
                                  Diagnostics& diagnostics) {
    ContainerKeys keys;
    keys.names = read_range(node, "container", count, diagnostics);
    for (const std::string& name : keys.names) {
        if (is_container_name(name)) continue;
        diagnostics.error(node.mark_of("container"),
                          node.path_of("container"),
                          "is no name of a container: \"" + name + "\"");
    }
    keys.directories = read_range(node, "directory", count, diagnostics);
    for (std::string& directory : keys.directories) {
        const Written written{directory, node.mark_of("directory"), node.path_of("directory")};
        directory = check_directory(written, diagnostics).value_or("");
    }
    if (const auto port = node.number("host_port", 1, 65535)) {
        keys.host_port = static_cast<std::uint16_t>(*port);
    }
    const bool bridge = docker.network.driver == NetworkDriver::bridge;
    if (bridge) {
        keys.addresses = read_range(node, "address", count, diagnostics);
        if (node.find("address") == nullptr) {
            diagnostics.error(node.mark(),
                              node.path_of("address"),
                              "is missing; write the container's own in " + docker.network.subnet);
        }
    } else if (node.find("address") != nullptr) {
        diagnostics.error(node.mark_of("address"),
                          node.path_of("address"),
                          "belongs to a network with driver: bridge; remove it, or write "
                          "docker.network");
    }
    return keys;
}

void resolve_container(const DockerSettings& docker,
                       const ContainerKeys& keys,
                       std::size_t at,
                       std::size_t index,
                       Diagnostics& diagnostics,
                       Node& node) {
    const std::string id = to_string(node.id);
    node.install_dir =
        keys.directories.empty() ? docker.directory + "/zk" + id : keys.directories[at];
    node.data_dir = node.install_dir + "/data";
    node.log_dir = node.install_dir + "/datalog";
    if (!keys.names.empty()) node.container = keys.names[at];
    const std::size_t port = keys.host_port ? *keys.host_port + at : docker.host_port + index;
    node.host_port = static_cast<std::uint16_t>(std::min<std::size_t>(port, 65535));
    if (!keys.addresses.empty()) node.host = keys.addresses[at];
    if (docker.network.driver == NetworkDriver::host) {
        if (keys.host_port) {
            diagnostics.error(node.mark,
                              "nodes",
                              "node " + id +
                                  ": host_port belongs to a container that has its own network; "
                                  "in the host's write client_port");
        }
        node.host_port = 0;
    } else if (docker.network.driver == NetworkDriver::standard) {
        // Without a fixed address it is reached by the host's port alone, and says so itself.
        node.ports.client = node.host_port;
    }
}

void check_containers(const Inventory& inventory, Diagnostics& diagnostics) {
    const DockerSettings& docker = *inventory.docker;
    const NetworkDriver driver = docker.network.driver;
    if (driver == NetworkDriver::standard && inventory.nodes.size() > 1) {
        diagnostics.error(inventory.nodes[1].mark,
                          "docker.network",
                          "is missing; several containers need fixed addresses (driver: bridge), "
                          "or each its host's (driver: host)");
    }
    std::map<std::string, ServerId> names;
    std::map<std::string, ServerId> directories;
    std::map<std::uint16_t, ServerId> ports;
    for (const Node& node : inventory.nodes) {
        const std::string own = "node " + to_string(node.id) + ": ";
        const std::string place = driver == NetworkDriver::host ? node.ssh.host + " " : "";
        const auto unique = [&](auto& known, const auto& key, const std::string& what) {
            const auto [found, is_new] = known.emplace(key, node.id);
            if (is_new || found->second == node.id) return;
            diagnostics.error(node.mark,
                              "nodes",
                              own + what + " is node " + to_string(found->second) + "'s already");
        };
        unique(names, place + node.container, "the container " + node.container);
        unique(directories, place + node.install_dir, "the directory " + node.install_dir);
        if (node.host_port != 0) {
            unique(ports, node.host_port, "host_port " + std::to_string(node.host_port));
        }
        if (driver == NetworkDriver::bridge) check_address(docker, node, diagnostics);
        if (driver != NetworkDriver::bridge || node.ssh.host == inventory.nodes[0].ssh.host)
            continue;
        diagnostics.error(node.mark,
                          "nodes",
                          own + "is on " + node.ssh.host + ", and node " +
                              to_string(inventory.nodes[0].id) + " on " +
                              inventory.nodes[0].ssh.host +
                              "; a bridge lies in one host: use driver: host for several");
    }
}

bool in_bridge(const Inventory& inventory) {
    return inventory.docker && inventory.docker->network.driver == NetworkDriver::bridge;
}

ContainerSpec container_of(const Inventory& inventory, const Node& node) {
    const DockerSettings& docker = *inventory.docker;
    ContainerSpec spec;
    spec.engine = docker.engine;
    spec.name = node.container;
    spec.image = docker.image;
    spec.network = docker.network;
    if (in_bridge(inventory)) spec.address = node.host;
    if (node.host_port != 0) spec.ports.push_back({node.host_port, node.ports.client});
    spec.binds = {{node.data_dir, "/data", false},
                  {node.log_dir, "/datalog", false},
                  {node.install_dir + "/logs", "/logs", false},
                  {node.install_dir + "/conf", "/conf", true}};
    spec.environment = {{"ZOO_MY_ID", to_string(node.id)}};
    if (inventory.apache) {
        spec.environment.push_back({std::string(agent_api::kJvmFlagsVariable),
                                    environment_of_java(*inventory.apache, node)});
    }
    const agent_api::Flavor flavor =
        inventory.apache ? agent_api::Flavor::apache : agent_api::Flavor::zkserver;
    spec.labels = {{std::string(agent_api::kClusterLabel), inventory.cluster},
                   {std::string(agent_api::kSidLabel), to_string(node.id)},
                   {std::string(agent_api::kFlavorLabel), std::string(to_string(flavor))}};
    spec.user = kContainerUser;
    spec.restart = docker.restart;
    // A JVM writes to /tmp, and the official entry point beside its programs.
    spec.read_only = !inventory.apache;
    return spec;
}

}  // namespace zk::inventory
