#include "inventory/inventory.h"

#include <algorithm>
#include <cctype>
#include <utility>

#include "inventory/ranges.h"
#include "inventory/section.h"
#include "inventory/settings.h"
#include "inventory/validate.h"

namespace zk::inventory {
namespace {

constexpr std::string_view kInstallDir = "/usr/local/zookeeper";
/// A unix socket's path has at most 107 characters; the longest is
/// <base_dir>/node-255/agent/agent.sock.
constexpr std::size_t kBaseDirLengthMax = 80;

/// Everything said once for all nodes.
struct Defaults {
    Transport transport = Transport::ssh;
    std::string base_dir;
    ServerSettings server;
    std::optional<ApacheSettings> apache;
    std::optional<DockerSettings> docker;
    SshSettings ssh;
    AgentSettings agent;
};

void read_schema(Section& top, Diagnostics& diagnostics) {
    const std::string wanted(kSchema);
    if (top.find("schema") == nullptr) {
        diagnostics.error(top.mark(), "schema", "is missing; write schema: " + wanted);
        return;
    }
    const auto schema = top.text("schema");
    if (schema && *schema != wanted) {
        diagnostics.error(top.mark_of("schema"),
                          "schema",
                          "this version reads " + wanted + ", found \"" + *schema + "\"");
    }
}

std::string read_cluster(Section& top, Diagnostics& diagnostics) {
    if (top.find("cluster") == nullptr) {
        diagnostics.error(top.mark(), "cluster", "is missing; give the ensemble a name");
        return {};
    }
    std::string name = top.text("cluster").value_or("");
    const auto good = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
    };
    if (!name.empty() && (!std::ranges::all_of(name, good) || name.size() > 40 ||
                          name.front() == '-' || name.back() == '-')) {
        diagnostics.error(top.mark_of("cluster"),
                          "cluster",
                          "must be up to 40 small letters, digits and '-', found \"" + name + "\"");
    }
    return name;
}

Transport read_transport(Section& top, Diagnostics& diagnostics) {
    const auto word = top.text("transport");
    if (!word || *word == "ssh") return Transport::ssh;
    if (*word == "local") return Transport::local;
    std::string words = "must be ssh or local, found \"" + *word + "\"";
    if (*word == "docker") words = "write runtime: docker beside it, and here ssh or local";
    if (*word == "cloud-init") {
        words = "write ssh; zkprov cloud-init prints the user-data of the same inventory's nodes";
    }
    diagnostics.error(top.mark_of("transport"), "transport", words);
    return Transport::ssh;
}

/// Joins and tidies a path for transport local, whose base_dir may be relative to the inventory's
/// directory.
std::string read_base_dir(Section& top,
                          Transport transport,
                          bool docker,
                          const std::string& working_dir,
                          Diagnostics& diagnostics) {
    const Value* const value = top.find("base_dir");
    if (docker) {
        if (value != nullptr) {
            diagnostics.error(
                value->mark, "base_dir", "is not used with runtime: docker; use docker.directory");
        }
        return {};
    }
    if (transport == Transport::ssh) {
        if (value != nullptr) {
            diagnostics.error(value->mark,
                              "base_dir",
                              "belongs to transport: local; for ssh use server.install_dir");
        }
        return {};
    }
    if (value == nullptr) {
        diagnostics.error(top.mark(),
                          "base_dir",
                          "is missing; transport local needs the directory that will hold the "
                          "nodes, such as base_dir: zkprov-local");
        return {};
    }
    auto text = top.text("base_dir");
    if (!text) return {};
    while (text->starts_with("./")) text->erase(0, 2);
    const std::string absolute = text->starts_with('/') ? *text : working_dir + "/" + *text;
    if (absolute.size() > kBaseDirLengthMax) {
        diagnostics.error(value->mark,
                          "base_dir",
                          "is " + std::to_string(absolute.size()) + " characters long (" +
                              absolute +
                              "), at most 80 leave room for the agents' sockets; name "
                              "a shorter absolute path");
        return {};
    }
    const Written written{absolute, value->mark, "base_dir"};
    return check_directory(written, diagnostics).value_or("");
}

void refuse_later_features(Section& top) {
    top.refuse("tls", "client, peer and election ports are plain TCP; remove the key");
    top.refuse("flavor", "write it under server");
    top.refuse("flavour", "write flavor, under server");
    top.refuse("auth", "remove the key");
    top.refuse("cloud_init",
               "remove the key: zkprov cloud-init prints the user-data of this inventory's nodes");
}

Defaults read_defaults(Section& top,
                       const std::string& cluster,
                       const std::string& working_dir,
                       Diagnostics& diagnostics) {
    static const Value kNothing;
    Defaults defaults;
    defaults.transport = read_transport(top, diagnostics);
    defaults.docker = read_docker_settings(top, cluster, working_dir, diagnostics);
    const bool docker = defaults.docker.has_value();
    defaults.base_dir = read_base_dir(top, defaults.transport, docker, working_dir, diagnostics);
    const Value* const server = top.find("server");
    Section section(server == nullptr ? kNothing : *server, "server", diagnostics);
    defaults.server = read_server_settings(section, diagnostics);
    defaults.apache = read_apache_settings(
        section, working_dir, docker ? ApacheFrom::image : ApacheFrom::tarball, diagnostics);
    section.finish();
    if (defaults.apache && !docker && defaults.transport == Transport::local) {
        diagnostics.error(section.mark_of("flavor"),
                          "server.flavor",
                          "apache needs systemd, and so transport: ssh; with transport: local the "
                          "server is always zkprov's own");
    }
    if (docker || defaults.transport == Transport::local) {
        refuse_directories(defaults.server, docker, diagnostics);
    }
    defaults.agent = read_agent_settings(top, diagnostics);
    const Value* const ssh = top.find("ssh");
    if (ssh == nullptr) return defaults;
    if (defaults.transport == Transport::local) {
        diagnostics.error(ssh->mark, "ssh", "is not used with transport: local; remove it");
    }
    defaults.ssh = read_ssh_settings(*ssh, "ssh", false, diagnostics);
    return defaults;
}

/// ids of one entry of `nodes`; empty when they are wrong.
std::vector<ServerId> read_ids(Section& section, Diagnostics& diagnostics) {
    if (section.find("id") == nullptr) {
        diagnostics.error(section.mark(),
                          section.path_of("id"),
                          "is missing; write the server's number, such as id: 1");
        return {};
    }
    const auto text = section.text("id");
    if (!text) return {};
    auto ids = expand_ids(*text);
    if (ids) return *std::move(ids);
    diagnostics.error(section.mark_of("id"), section.path_of("id"), ids.error().words);
    return {};
}

/// Addresses under `key` for `count` nodes; empty when they are wrong or (for a key that may miss)
/// not given.
std::vector<std::string> read_hosts(Section& section,
                                    std::string_view key,
                                    std::size_t count,
                                    Diagnostics& diagnostics) {
    std::vector<std::string> hosts;
    const Value* const value = section.find(key);
    if (value == nullptr) return hosts;
    for (const std::string& text : section.texts(key)) {
        auto expanded = expand_hosts(text);
        if (!expanded) {
            diagnostics.error(section.mark_of(key), section.path_of(key), expanded.error().words);
            return {};
        }
        hosts.insert(hosts.end(), expanded->begin(), expanded->end());
    }
    if (hosts.empty()) return hosts;
    for (std::string& host : hosts) {
        auto address = read_address(host);
        if (!address) {
            diagnostics.error(section.mark_of(key), section.path_of(key), address.error().words);
            return {};
        }
        host = *std::move(address);
    }
    if (hosts.size() != count) {
        diagnostics.error(section.mark_of(key),
                          section.path_of(key),
                          "names " + std::to_string(hosts.size()) + " host" +
                              (hosts.size() == 1 ? "" : "s") + " for " + std::to_string(count) +
                              " id" + (count == 1 ? "" : "s") +
                              "; make the two ranges equally long");
        return {};
    }
    return hosts;
}

void read_role(Section& section, Diagnostics& diagnostics) {
    const auto role = section.text("role");
    if (!role || *role == "participant" || *role == "voter") return;
    const bool observer = *role == "observer";
    diagnostics.error(section.mark_of("role"),
                      section.path_of("role"),
                      observer ? "observers are not supported in this version; every node votes, "
                                 "remove the key or the node"
                               : "must be participant, found \"" + *role + "\"");
}

/// Lays the node's settings over the defaults.
void resolve_server(const Defaults& defaults,
                    const ServerSettings& own,
                    std::size_t index,
                    Diagnostics& diagnostics,
                    Node& node) {
    const auto& common = defaults.server;
    const bool local = defaults.transport == Transport::local && !defaults.docker;
    // Containers in a network of their own have all ports for themselves.
    const bool shared_ports =
        defaults.transport == Transport::local &&
        (local || defaults.docker->network.driver == agent_api::NetworkDriver::host);
    const auto port = [&](std::optional<std::uint16_t> mine,
                          std::optional<std::uint16_t> shared,
                          std::uint16_t standard) {
        if (mine) return *mine;
        // Local nodes share one address, so each takes the next port.
        const std::size_t number = shared.value_or(standard) + (shared_ports ? index : 0);
        return static_cast<std::uint16_t>(std::min<std::size_t>(number, 65535));
    };
    node.ports.client = port(own.client_port, common.client_port, 2181);
    node.ports.peer = port(own.peer_port, common.peer_port, 2888);
    node.ports.election = port(own.election_port, common.election_port, 3888);

    const auto directory = [&](const std::optional<Written>& mine,
                               const std::optional<Written>& shared,
                               const std::string& standard) {
        const auto& written = mine ? mine : shared;
        if (!written) return standard;
        return check_directory(*written, diagnostics).value_or("");
    };
    if (local) {
        node.install_dir = defaults.base_dir + "/node-" + to_string(node.id);
        node.data_dir = node.install_dir + "/data";
        node.log_dir = node.install_dir + "/logs";
    } else {
        node.install_dir = directory(own.install_dir, common.install_dir, std::string(kInstallDir));
        node.data_dir = directory(own.data_dir, common.data_dir, node.install_dir + "/data");
        node.log_dir = directory(own.log_dir, common.log_dir, node.install_dir + "/logs");
    }
    node.config = common.config;
    for (const auto& [key, value] : own.config) node.config[key] = value;
}

void resolve_ssh(const SshSettings& common,
                 const SshSettings& own,
                 Diagnostics& diagnostics,
                 Node& node) {
    node.ssh.port = own.port.value_or(common.port.value_or(22));
    node.ssh.port_given = own.port || common.port;
    node.ssh.user = own.user.value_or(common.user.value_or(""));
    node.ssh.keys = own.keys.empty() ? common.keys : own.keys;
    node.ssh.known_hosts = own.known_hosts.value_or(common.known_hosts.value_or(""));
    node.ssh.sudo = own.sudo.value_or(common.sudo.value_or(Sudo::automatic));
    node.ssh.client = own.client.value_or(common.client.value_or(SshClient::automatic));
    node.ssh.jump = own.jump.value_or(common.jump.value_or(""));
    node.ssh.config = own.config.value_or(common.config.value_or(""));
    if (const auto& written = own.agent_dir ? own.agent_dir : common.agent_dir) {
        node.ssh.agent_dir = check_directory(*written, diagnostics).value_or("");
    }
}

void read_node(const Value& value,
               const std::string& path,
               const std::string& cluster,
               const Defaults& defaults,
               Diagnostics& diagnostics,
               std::vector<Node>& nodes) {
    Section section(value, path, diagnostics);
    if (!section.is_map()) {
        if (value.kind == Value::Kind::null) {
            diagnostics.error(value.mark, path, "is empty; write an id and a host");
        }
        return;
    }
    const bool local = defaults.transport == Transport::local;
    const bool docker = defaults.docker.has_value();
    const bool bridge =
        docker && defaults.docker->network.driver == agent_api::NetworkDriver::bridge;
    const std::vector<ServerId> ids = read_ids(section, diagnostics);
    const std::size_t count = std::max<std::size_t>(ids.size(), 1);
    std::vector<std::string> hosts;
    if (section.find("host") != nullptr) {
        // Without valid ids the number of hosts cannot be wrong. One engine has all containers of a bridge.
        if (!ids.empty()) hosts = read_hosts(section, "host", bridge ? 1 : count, diagnostics);
        if (bridge && hosts.size() == 1) hosts.assign(count, hosts.front());
    } else if (local) {
        hosts.assign(count, "127.0.0.1");
    } else {
        diagnostics.error(section.mark(),
                          section.path_of("host"),
                          docker ? "is missing; write the address of its Docker host, such as "
                                   "host: 192.168.6.137"
                                 : "is missing; write the node's address, such as host: "
                                   "192.168.6.137");
    }
    read_role(section, diagnostics);
    const ServerSettings server = read_server_settings(section, diagnostics);
    section.refuse("flavor", "all nodes run the same server; write it under server");
    if (local || docker) refuse_directories(server, docker, diagnostics);
    ContainerKeys container;
    if (docker) container = read_container_keys(section, *defaults.docker, count, diagnostics);
    const AgentSettings agent = read_agent_settings(section, diagnostics);
    SshSettings ssh;
    std::vector<std::string> ssh_hosts = hosts;
    if (const Value* const ssh_value = section.find("ssh")) {
        if (local) {
            diagnostics.error(ssh_value->mark,
                              section.path_of("ssh"),
                              "is not used with transport: local; remove it");
        }
        ssh = read_ssh_settings(*ssh_value, section.path_of("ssh"), true, diagnostics);
        if (ssh.host) {
            Section ssh_section(*ssh_value, section.path_of("ssh"), diagnostics);
            ssh_hosts = read_hosts(ssh_section, "host", count, diagnostics);
        }
    }
    section.finish();
    if (hosts.size() != ids.size() || ssh_hosts.size() != ids.size()) return;
    for (std::size_t i = 0; i < ids.size(); ++i) {
        Node node;
        node.id = ids[i];
        node.host = hosts[i];
        node.mark = value.mark;
        resolve_server(defaults, server, nodes.size(), diagnostics, node);
        if (docker) {
            node.container = cluster + "-" + to_string(node.id);
            resolve_container(*defaults.docker, container, i, nodes.size(), diagnostics, node);
        }
        resolve_ssh(defaults.ssh, ssh, diagnostics, node);
        // The agents of a bridge's containers are on its host, as those of one machine are.
        const std::size_t sharing = local || bridge ? nodes.size() : 0;
        node.http = resolve_http(defaults.agent, agent, hosts[i], sharing, diagnostics);
        node.ssh.host = ssh_hosts[i];
        nodes.push_back(std::move(node));
    }
}

std::vector<Node> read_nodes(Section& top,
                             const std::string& cluster,
                             const Defaults& defaults,
                             Diagnostics& diagnostics) {
    std::vector<Node> nodes;
    const Value* const value = top.find("nodes");
    if (value == nullptr || value->kind == Value::Kind::null ||
        (value->kind == Value::Kind::list && value->items.empty())) {
        diagnostics.error(value == nullptr ? top.mark() : value->mark,
                          "nodes",
                          "is missing; list the servers, such as - { id: 1-3, host: "
                          "\"192.168.6.[137-139]\" }");
        return nodes;
    }
    if (value->kind != Value::Kind::list) {
        diagnostics.error(
            value->mark,
            "nodes",
            "must be a list (lines that begin with \"- \"), found " + kind_name(*value));
        return nodes;
    }
    for (std::size_t i = 0; i < value->items.size(); ++i) {
        const std::string path = "nodes[" + std::to_string(i) + "]";
        read_node(value->items[i], path, cluster, defaults, diagnostics, nodes);
        if (nodes.size() > kNodesMax) {
            diagnostics.error(value->items[i].mark, "nodes", "lists more than 255 servers");
            return nodes;
        }
    }
    return nodes;
}

}  // namespace

const Node* Inventory::find(ServerId id) const {
    const auto found = std::ranges::find(nodes, id, &Node::id);
    return found == nodes.end() ? nullptr : &*found;
}

std::optional<Inventory> read_inventory(std::string_view text,
                                        const std::string& working_dir,
                                        Diagnostics& diagnostics) {
    const Value root = parse_yaml(text, diagnostics);
    if (diagnostics.has_errors()) return std::nullopt;
    if (root.kind == Value::Kind::null) {
        diagnostics.error({}, {}, "the file is empty; see inventory/examples/three-node.yaml");
        return std::nullopt;
    }
    Section top(root, "", diagnostics);
    if (!top.is_map()) return std::nullopt;
    Inventory inventory;
    read_schema(top, diagnostics);
    inventory.cluster = read_cluster(top, diagnostics);
    refuse_later_features(top);
    const Defaults defaults = read_defaults(top, inventory.cluster, working_dir, diagnostics);
    inventory.transport = defaults.transport;
    inventory.base_dir = defaults.base_dir;
    inventory.apache = defaults.apache;
    inventory.docker = defaults.docker;
    inventory.nodes = read_nodes(top, inventory.cluster, defaults, diagnostics);
    top.finish();
    validate(inventory, diagnostics);
    if (diagnostics.has_errors()) return std::nullopt;
    std::ranges::sort(inventory.nodes, {}, &Node::id);
    return inventory;
}

}  // namespace zk::inventory
