// The command line of zkserver: its table, and what it means. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/log.h"
#include "base/result.h"
#include "command_line/program.h"
#include "ensemble/properties.h"

namespace zk::zkserver {

/// A server alone without a zoo.cfg, in the words of Apache's ZooKeeperServerMain.
struct AloneArguments {
    std::uint16_t client_port = 0;  ///< 0: the kernel picks
    std::string data_dir;
    std::optional<int> tick_ms;          ///< at least 1
    std::optional<int> connections_max;  ///< per client address; 0, as without it: no limit
};

struct Options {
    enum class What { serve, check, help, version };
    What what = What::serve;
    std::string config_path;              ///< with `alone`: empty
    std::optional<AloneArguments> alone;  ///< instead of a file
    LogLevel level = LogLevel::info;
    /// Keys that count where the file does not hold them: of --java-flags, then of --property.
    std::vector<ensemble::Property> properties;
    std::vector<std::string> warnings;  ///< what of --java-flags has no effect, and why
};

const command_line::Program& program();
/// Reads the words after the program's name.
Result<Options> parse_options(const std::vector<std::string>& words);

}  // namespace zk::zkserver
