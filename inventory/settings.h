// The settings that may be given for all nodes (server, ssh) and again for one node: read as "given
// or not", then laid over each other. Pure. Internal to this room.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "inventory/inventory.h"
#include "inventory/section.h"

namespace zk::inventory {

/// A text as it was written, for errors found only after resolving.
struct Written {
    std::string text;
    Mark mark;
    std::string path;
};

/// What a `server` mapping or a node entry may say about the server.
struct ServerSettings {
    std::optional<std::uint16_t> client_port;
    std::optional<std::uint16_t> peer_port;
    std::optional<std::uint16_t> election_port;
    std::optional<Written> install_dir;
    std::optional<Written> data_dir;
    std::optional<Written> log_dir;
    std::map<std::string, std::string> config;
};
struct SshSettings {
    std::optional<std::string> host;  ///< node only; may be a range
    std::optional<std::uint16_t> port;
    std::optional<std::string> user;
    std::vector<std::string> keys;
    std::optional<std::string> known_hosts;
    std::optional<Sudo> sudo;
    std::optional<SshClient> client;
    std::optional<std::string> jump;
    std::optional<std::string> config;
    std::optional<Written> agent_dir;
};

/// What an `agent` mapping may say.
struct AgentSettings {
    /// off, loopback, node (the node's own address) or an IP address in its one form.
    std::optional<Written> listen;
    std::optional<std::uint16_t> port;
};

/// Reads the keys of ServerSettings from `section` (which may hold more keys) and checks each
/// alone.
ServerSettings read_server_settings(Section& section, Diagnostics& diagnostics);
/// Reads a whole `ssh` mapping. `of_node`: the key host is allowed.
SshSettings read_ssh_settings(const Value& value,
                              const std::string& path,
                              bool of_node,
                              Diagnostics& diagnostics);

/// Reads the mapping under the key `agent` of `section`; nothing given when there is none.
AgentSettings read_agent_settings(Section& section, Diagnostics& diagnostics);
/// Where this node's agent answers, by its own settings before the common ones. `index` counts the nodes that share one
/// machine.
AgentHttp resolve_http(const AgentSettings& common,
                       const AgentSettings& own,
                       const std::string& host,
                       std::size_t index,
                       Diagnostics& diagnostics);

/// A directory path that can stand in zoo.cfg and in a unit file: absolute, plain characters, no
/// "..", not a system directory. Returns the path without doubled or trailing slashes.
std::optional<std::string> check_directory(const Written& written, Diagnostics& diagnostics);

}  // namespace zk::inventory
