// The command line of zkprov-agent: its table, and what it means. Pure.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "command_line/program.h"

namespace zk::agent_options {

enum class Verb { run, connect, status, help, version };

struct Options {
    Verb verb = Verb::help;
    std::string state_dir;  ///< absolute, without a '/' at its end
    bool json = false;
    std::string help_topic;
};

const command_line::Program& program();
/// Reads the words after the program's name.
Result<Options> parse_options(const std::vector<std::string>& words);

}  // namespace zk::agent_options
