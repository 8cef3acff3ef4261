// What the user wants: one ensemble, its hosts and settings; read, resolved (defaults, ranges,
// overrides) and validated, so that whoever holds an Inventory holds one that can be carried out.
// Pure. On the way of an apply (docs/ARCHITECTURE.md). Used by the controller; by the agent for unattended
// installs later. All keys: `zkprov help inventory`; docs/PROVISIONING.md 4.3; the run book is docs/OPERATIONS.md.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "inventory/apache.h"
#include "inventory/docker.h"
#include "inventory/yaml_reader.h"

namespace zk::inventory {

/// The schema this version reads.
inline constexpr std::string_view kSchema = "zkprov/1";

/// How zkprov reaches the nodes.
enum class Transport {
    ssh,    ///< one host per node, systemd units, root or sudo
    local,  ///< all nodes on this machine under base_dir, supervised by their agents, no root
            ///< needed
};

enum class Sudo {
    automatic,  ///< sudo -n when the login user is not root
    never,      ///< the login user must be root
    always,     ///< sudo -n whoever the login user is
};

/// Which program speaks SSH.
enum class SshClient {
    automatic,  ///< libssh2, and the system's ssh where libssh2 is not enough
    libssh2,    ///< within zkprov; reads no ssh_config
    openssh,    ///< the system's ssh, with all that ssh_config says
};

/// By the names auto, libssh2 and openssh.
std::optional<SshClient> ssh_client_named(std::string_view name);

/// How to log in to one host. Empty text means: what the SSH room decides (own user name, ~/.ssh
/// keys and agent).
struct SshLogin {
    std::string host;  ///< address to connect to; the node's own address unless overridden
    std::uint16_t port = 22;
    bool port_given = false;  ///< not given: ssh_config may say another one
    std::string user;
    std::vector<std::string> keys;  ///< private key files, as written ("~" not expanded)
    std::string known_hosts;        ///< known_hosts file, as written
    Sudo sudo = Sudo::automatic;
    SshClient client = SshClient::automatic;
    std::string jump;    ///< jump hosts, first one first, as `ssh -J` takes them
    std::string config;  ///< ssh_config file, as written
    /// On the host, where the agent's program is put under bin/; empty: the state directory.
    std::string agent_dir;

    friend bool operator==(const SshLogin&, const SshLogin&) = default;
};

struct Ports {
    std::uint16_t client = 2181;
    std::uint16_t peer = 2888;
    std::uint16_t election = 3888;
    friend bool operator==(const Ports&, const Ports&) = default;
};

/// Where a node's agent answers HTTP, read-only.
struct AgentHttp {
    std::string address;     ///< an IP address of the node, or one that means all of them
    std::uint16_t port = 0;  ///< 0: nowhere
    friend bool operator==(const AgentHttp&, const AgentHttp&) = default;
};

/// One server of the ensemble with everything resolved.
struct Node {
    ServerId id;
    std::string host;  ///< address in server.N, for peers and, but for published ports, clients
    Ports ports;
    std::string install_dir;
    std::string data_dir;
    std::string log_dir;
    std::map<std::string, std::string>
        config;  ///< further zoo.cfg keys, without those zkprov writes itself
    SshLogin ssh;
    AgentHttp http;
    std::string container;  ///< runtime docker: its name; `host` is its address in a bridge
    std::uint16_t host_port =
        0;      ///< runtime docker: under which its host has the client port; 0: none
    Mark mark;  ///< of the entry in `nodes`

    friend bool operator==(const Node&, const Node&) = default;
};

struct Inventory {
    std::string cluster;
    Transport transport = Transport::ssh;
    std::string base_dir;  ///< transport local: holds node-<id> directories
    /// Flavor apache: all nodes run Apache's server; nothing: ours.
    std::optional<ApacheSettings> apache;
    /// Runtime docker: in containers; nothing: on the hosts themselves.
    std::optional<DockerSettings> docker;
    std::vector<Node> nodes;  ///< by id, all voters

    /// The node with this id, or nullptr.
    [[nodiscard]] const Node* find(ServerId id) const;
    friend bool operator==(const Inventory&, const Inventory&) = default;
};

/// Reads, resolves and validates. Problems go to `diagnostics`; with errors there is no inventory.
/// Warnings (an even number of voters) do not stop. `working_dir` is where a relative base_dir
/// starts (absolute path; the directory of the inventory file).
std::optional<Inventory> read_inventory(std::string_view text,
                                        const std::string& working_dir,
                                        Diagnostics& diagnostics);

}  // namespace zk::inventory
