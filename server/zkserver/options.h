// The command line of zkserver: its table, and what it means. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/log.h"
#include "base/result.h"
#include "command_line/program.h"

namespace zk::zkserver {

struct Options {
    enum class What { serve, check, help, version };
    What what = What::serve;
    std::string config_path;
    LogLevel level = LogLevel::info;
};

const command_line::Program& program();
/// Reads the words after the program's name.
Result<Options> parse_options(const std::vector<std::string>& words);

}  // namespace zk::zkserver
