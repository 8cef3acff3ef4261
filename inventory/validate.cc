#include "inventory/validate.h"

#include <algorithm>
#include <array>
#include <map>
#include <utility>

#include "base/check.h"
#include "base/numbers.h"
#include "ensemble/config_keys.h"
#include "inventory/ranges.h"
#include "inventory/section.h"

namespace zk::inventory {
namespace {

std::string line_of(const Mark& mark) { return "line " + std::to_string(mark.line); }

void check_ids(const Inventory& inventory, Diagnostics& diagnostics) {
    std::map<ServerId, Mark> first;
    for (const Node& node : inventory.nodes) {
        const auto [at, is_new] = first.emplace(node.id, node.mark);
        if (is_new) continue;
        diagnostics.error(node.mark,
                          "nodes",
                          "id " + to_string(node.id) + " was given before, in " +
                              line_of(at->second) + "; every server needs its own id");
    }
}

void check_hosts(const Inventory& inventory, Diagnostics& diagnostics) {
    std::map<std::string, const Node*> first;
    for (const Node& node : inventory.nodes) {
        if (inventory.transport == Transport::local && !in_bridge(inventory)) {
            if (!is_loopback(node.host)) {
                diagnostics.error(node.mark,
                                  "nodes",
                                  "host " + node.host +
                                      " is not this machine; with transport: local leave host "
                                      "out, or use transport: ssh");
            }
            continue;
        }
        if (is_loopback(node.host) && inventory.nodes.size() > 1) {
            diagnostics.error(node.mark,
                              "nodes",
                              "host " + node.host +
                                  " is not reachable from the other nodes; write the node's own "
                                  "address, or use transport: local");
        }
        const auto [at, is_new] = first.emplace(node.host, &node);
        if (is_new) continue;
        diagnostics.error(node.mark,
                          "nodes",
                          "host " + node.host + " is node " + to_string(at->second->id) +
                              " already (" + line_of(at->second->mark) +
                              "); one host holds one server, several only with transport: local");
    }
}

void check_ports(const Inventory& inventory, Diagnostics& diagnostics) {
    std::map<std::pair<std::string, std::uint16_t>, std::pair<ServerId, std::string>> taken;
    for (const Node& node : inventory.nodes) {
        const std::array<std::pair<std::uint16_t, const char*>, 4> ports = {
            std::pair{node.ports.client, "client_port"},
            std::pair{node.ports.peer, "peer_port"},
            std::pair{node.ports.election, "election_port"},
            std::pair{node.http.port, "agent.http.port"}};
        for (const auto& [port, name] : ports) {
            if (port == 0) continue;  // the agent answers nowhere
            const auto [at, is_new] =
                taken.emplace(std::pair{node.host, port}, std::pair{node.id, std::string(name)});
            if (is_new) continue;
            const auto& [other, other_name] = at->second;
            if (other == node.id && other_name == name) continue;  // the same id twice: said before
            diagnostics.error(node.mark,
                              "nodes",
                              std::string(name) + " " + std::to_string(port) + " of node " +
                                  to_string(node.id) + " clashes with " + other_name + " of node " +
                                  to_string(other) + " on " + node.host + "; choose another port");
        }
    }
}

bool lies_in(const std::string& path, std::string_view directory) {
    return path.starts_with(directory) &&
           (path.size() == directory.size() || path[directory.size()] == '/');
}

/// What the unit's own /tmp and /dev hide from the server, and what does not outlive a reboot.
void check_places(const Node& node, Diagnostics& diagnostics) {
    for (const char* const place :
         {"/tmp", "/var/tmp", "/run", "/var/run", "/dev", "/proc", "/sys"}) {
        for (const std::string& directory : {node.install_dir, node.data_dir, node.log_dir}) {
            if (!lies_in(directory, place)) continue;
            diagnostics.error(node.mark,
                              "nodes",
                              "node " + to_string(node.id) + ": " + directory + " lies in " +
                                  place +
                                  ", which does not last or is hidden from services; choose a "
                                  "directory such as /usr/local/zookeeper");
            return;
        }
    }
}

void check_directories(const Inventory& inventory, Diagnostics& diagnostics) {
    for (const Node& node : inventory.nodes) {
        if (inventory.transport == Transport::ssh || inventory.docker) {
            check_places(node, diagnostics);
        }
        const std::string id = "node " + to_string(node.id) + ": ";
        if (node.data_dir.empty() || node.install_dir.empty() || node.log_dir.empty()) continue;
        if (node.data_dir == node.install_dir || node.log_dir == node.install_dir) {
            diagnostics.error(node.mark,
                              "nodes",
                              id + "data_dir and log_dir must not be install_dir itself; use " +
                                  node.install_dir + "/data and " + node.install_dir + "/logs");
        }
        for (const std::string& directory : {node.data_dir, node.log_dir}) {
            if (directory == node.install_dir || !lies_in(node.install_dir, directory)) continue;
            diagnostics.error(node.mark,
                              "nodes",
                              id + "install_dir " + node.install_dir + " lies in " + directory +
                                  ", which belongs to the server's user; choose directories that "
                                  "do not contain it");
        }
        for (const char* const used : {"/bin", "/conf", "/releases", "/current"}) {
            const std::string own = node.install_dir + used;
            for (const std::string& directory : {node.data_dir, node.log_dir}) {
                if (!lies_in(directory, own)) continue;
                diagnostics.error(node.mark,
                                  "nodes",
                                  id + directory +
                                      " is used for zkprov's own files; choose "
                                      "another directory");
            }
        }
    }
}

/// What a node's zoo.cfg will say of a key whose value is a number.
std::int64_t number_of(const Node& node, const std::string& name) {
    const ensemble::ConfigKey* const key = ensemble::find_config_key(name);
    ZK_ASSERT(key != nullptr);
    const auto given = node.config.find(name);
    const std::string value = given != node.config.end()    ? given->second
                              : !key->zkprov_writes.empty() ? std::string(key->zkprov_writes)
                                                            : default_of(*key);
    return parse_number(value).value_or(0);
}

void check_order(const Node& node,
                 std::pair<std::string, std::int64_t> least,
                 std::pair<std::string, std::int64_t> most,
                 Diagnostics& diagnostics) {
    if (least.second <= most.second) return;
    diagnostics.error(node.mark,
                      "nodes",
                      "node " + to_string(node.id) + ": " + least.first + " " +
                          std::to_string(least.second) + " is above " + most.first + " " +
                          std::to_string(most.second) + " (ms); exchange them");
}

/// Times of which one may not be above the other: the server would refuse its file.
void check_times(const Inventory& inventory, Diagnostics& diagnostics) {
    for (const Node& node : inventory.nodes) {
        const std::int64_t tick_ms = number_of(node, "tickTime");
        const auto session = [&](const std::string& name, std::int64_t ticks) {
            const std::int64_t given_ms = number_of(node, name);
            return std::pair(name, given_ms < 0 ? ticks * tick_ms : given_ms);
        };
        check_order(
            node, session("minSessionTimeout", 2), session("maxSessionTimeout", 20), diagnostics);
        const std::string shortest = "fastleader.minNotificationInterval";
        const std::string longest = "fastleader.maxNotificationInterval";
        check_order(node,
                    {shortest, number_of(node, shortest)},
                    {longest, number_of(node, longest)},
                    diagnostics);
    }
}

void check_voters(const Inventory& inventory, Diagnostics& diagnostics) {
    const std::size_t voters = inventory.nodes.size();
    if (voters == 0 || voters % 2 == 1) return;
    const Mark mark = inventory.nodes.back().mark;
    const std::size_t tolerated = (voters - 1) / 2;
    diagnostics.warn(mark,
                     "nodes",
                     std::to_string(voters) + " voters bear the loss of " +
                         std::to_string(tolerated) + ", no more than " +
                         std::to_string(voters - 1) + " would; an odd number is better");
}

}  // namespace

void refuse_directories(const ServerSettings& settings, bool docker, Diagnostics& diagnostics) {
    for (const auto* written : {&settings.install_dir, &settings.data_dir, &settings.log_dir}) {
        if (!*written) continue;
        diagnostics.error((*written)->mark,
                          (*written)->path,
                          docker ? "is not used with runtime: docker; write docker.directory, or a "
                                   "directory for each node"
                                 : "is not used with transport: local, whose nodes live under "
                                   "base_dir; remove it");
    }
}

void validate(const Inventory& inventory, Diagnostics& diagnostics) {
    check_ids(inventory, diagnostics);
    check_hosts(inventory, diagnostics);
    check_ports(inventory, diagnostics);
    check_directories(inventory, diagnostics);
    if (inventory.docker && !inventory.nodes.empty()) check_containers(inventory, diagnostics);
    check_times(inventory, diagnostics);
    if (!diagnostics.has_errors()) check_voters(inventory, diagnostics);
}

}  // namespace zk::inventory
