// runtime docker: servers in containers of Docker engines, ours or the official image.
// Pure. On the way of an apply (docs/ARCHITECTURE.md). An agent makes, and `zkprov compose` prints, what these keys give.
// Source: docs/IMAGE.md; docs/decisions/0013.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "agent_api/container_spec.h"
#include "base/result.h"
#include "inventory/yaml_reader.h"

namespace zk::inventory {

class Section;
struct Inventory;
struct Node;

/// What all containers of an ensemble share.
struct DockerSettings {
    std::string engine = "/run/docker.sock";  ///< the engine's socket, on its host
    std::string image;
    std::string archive;    ///< on this machine, absolute: a file that holds the image; empty: none
    std::string directory;  ///< on the engine's host: holds those of the nodes, zk<id>
    agent_api::NetworkSpec network;
    std::string restart = "unless-stopped";
    std::uint16_t host_port = 2181;  ///< of the first node; each next one has the next
    friend bool operator==(const DockerSettings&, const DockerSettings&) = default;
};

/// What a node's entry says of its containers; a list is as long as its ids, or empty: not given.
struct ContainerKeys {
    std::vector<std::string> addresses;
    std::vector<std::string> names;
    std::vector<std::string> directories;
    std::optional<std::uint16_t> host_port;  ///< of its first
};

/// Reads `runtime`, and `docker` where that is the runtime; nothing: servers run on their hosts, or something is wrong.
std::optional<DockerSettings> read_docker_settings(Section& top,
                                                   const std::string& cluster,
                                                   const std::string& working_dir,
                                                   Diagnostics& diagnostics);
/// `count` ids stand in the entry.
ContainerKeys read_container_keys(Section& node,
                                  const DockerSettings& docker,
                                  std::size_t count,
                                  Diagnostics& diagnostics);
/// Lays the keys of the entry's member `at` over the settings. `index`: how many nodes come before it. Ports of the
/// server are those within its container.
void resolve_container(const DockerSettings& docker,
                       const ContainerKeys& keys,
                       std::size_t at,
                       std::size_t index,
                       Diagnostics& diagnostics,
                       Node& node);
/// Addresses, names, published ports and hosts of all containers.
void check_containers(const Inventory& inventory, Diagnostics& diagnostics);

/// Whether the nodes are containers in a bridge, and so all on one host, each with its own address.
bool in_bridge(const Inventory& inventory);
/// The container of a node. REQUIRES: runtime docker.
agent_api::ContainerSpec container_of(const Inventory& inventory, const Node& node);

}  // namespace zk::inventory
