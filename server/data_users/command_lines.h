// Whether a command line starts one of Apache's servers, and with which directories or configuration. Pure.
// Source: QuorumPeerMain (zoo.cfg), ZooKeeperServerMain (zoo.cfg, or port and dataDir).
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace zk::data_users {

struct ServerCommand {
    std::string config_file;  ///< empty: none; else of the process' own working directory
    std::string data_dir;     ///< given on the command line itself
};
/// Nothing for the command lines of other programs.
std::optional<ServerCommand> apache_server(const std::vector<std::string>& words);

/// dataDir and dataLogDir of a zoo.cfg, as it has them; what is no zoo.cfg has none.
std::vector<std::string> directories_of(std::string_view zoo_cfg);

}  // namespace zk::data_users
