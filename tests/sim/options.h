// The command line of the simulator. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/result.h"
#include "command_line/program.h"
#include "sim/faults.h"

namespace zk::sim {

struct Options {
    enum class What { run, list, help };
    What what = What::run;
    std::uint64_t seed = 1, count = 1;
    std::string shape;
    std::set<FaultKind> without;
    std::optional<std::int64_t> servers, clients, seconds;
    bool stream = false, trace = false, twice = false, go_on = false, marks = false;
    std::string required_marks;
    std::string as_words;  ///< all that changes a seed's run, to repeat it
};

const command_line::Program& program();
/// Reads the words after the program's name.
Result<Options> parse_options(const std::vector<std::string>& words);

}  // namespace zk::sim
