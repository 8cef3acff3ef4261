// The program's own command line: Apache's options, which have one dash, before the command. Pure.
// Source: ZooKeeperMain.MyCommandOptions.parseOptions. A mistyped option is refused; Apache's shell connects to
// localhost:2181 instead.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "base/result.h"

namespace zk::cli {

struct Options {
    enum class What { run, help, version };
    What what = What::run;
    std::string server = "localhost:2181";  ///< a connect string
    std::chrono::milliseconds timeout{30000};
    bool read_only = false;
    bool wait_for_connection = false;
    bool json = false;
    std::vector<std::string> command;  ///< empty: interactive
};

/// Errors: Errc::invalid, naming the word and what would be right.
Result<Options> read_options(const std::vector<std::string>& words);
std::string options_help();

}  // namespace zk::cli
