// Command lines that start a server, Apache's or ours: with which configuration, and with which settings of its JVM. Pure.
// Source: QuorumPeerMain (zoo.cfg), ZooKeeperServerMain (zoo.cfg, or port and dataDir); zkServer.sh, zkEnv.sh.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace zk::server_commands {

struct ServerCommand {
    std::string config_file;  ///< empty: none; else of the process' own working directory
    std::string data_dir;     ///< given on the command line itself
    std::string program;      ///< the first word
    /// Words between the program and its main class, but for the class path.
    std::vector<std::string> flags;
    std::string class_path;
};
/// Nothing for the command lines of other programs.
std::optional<ServerCommand> apache_server(const std::vector<std::string>& words);
/// The same of zkserver: its file is its one operand.
std::optional<ServerCommand> own_server(const std::vector<std::string>& words);

/// The words of /proc/PID/cmdline, which end in zeros.
std::vector<std::string> words_of(std::string_view cmdline);

/// dataDir and dataLogDir of a zoo.cfg, as it has them; what is no zoo.cfg has none.
std::vector<std::string> directories_of(std::string_view zoo_cfg);

/// Of a class path, the version in the name of the server's jar ("/opt/zk/lib/zookeeper-3.8.4.jar": 3.8.4). Empty: it does
/// not say.
std::string version_in(std::string_view class_path);

}  // namespace zk::server_commands
