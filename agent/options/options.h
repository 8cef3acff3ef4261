// The command line of zkprov-agent: its table, and what it means. Pure.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "base/time.h"
#include "command_line/program.h"

namespace zk::agent_options {

enum class Verb { run, connect, status, may_start, join, join_status, help, version };

struct Options {
    Verb verb = Verb::help;
    std::string state_dir;  ///< absolute, without a '/' at its end
    bool state_dir_given = false;
    bool json = false;
    std::string inventory_file;    ///< join
    std::optional<ServerId> node;  ///< join: the user says who this host is
    /// join: then it gives up; join-status: so long it looks.
    std::optional<milliseconds> wait;
    std::string help_topic;
};

const command_line::Program& program();
/// Reads the words after the program's name.
Result<Options> parse_options(const std::vector<std::string>& words);

}  // namespace zk::agent_options
