// What the environment of a container says, in the variables of ZooKeeper's official image: the lines of the zoo.cfg that
// its entry point would write, the server's id, and the Java properties among its JVM flags.
// Pure: variables in, settings out. What means nothing to a server without a Java machine is told as a warning; what cannot
// be written down without becoming something else is refused. Contract: docs/IMAGE.md.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "base/log.h"
#include "base/result.h"
#include "ensemble/properties.h"

namespace zk::image {

using Environment = std::map<std::string, std::string, std::less<>>;

/// One line of the zoo.cfg that the environment makes.
struct Line {
    std::string text;
    std::string_view variable;  ///< that it comes from
    bool given = false;         ///< the variable is set; else this is its default
};

struct Wanted {
    std::string conf_dir;  ///< ZOO_CONF_DIR
    std::string log_dir;   ///< ZOO_LOG_DIR
    /// ZOO_MY_ID; nothing: it is not set, or empty.
    std::optional<ServerId> my_id;
    std::vector<Line> lines;  ///< in the order of the official image
    /// -Dzookeeper.KEY=VALUE: each key once, the last one that was given; `line` says nothing.
    std::vector<ensemble::Property> properties;
    std::optional<LogLevel> log_level;  ///< ZOO_LOG4J_PROP
    std::vector<std::string> warnings;
};

/// All that read_environment() looks at, also those that have no effect; zkServer.sh has two more.
std::vector<std::string> known_variables();

/// Errors begin with the variable's name.
Result<Wanted> read_environment(const Environment& environment);

/// The zoo.cfg: a comment that says who wrote it, then the lines.
std::string zoo_cfg_text(const Wanted& wanted);
/// Whether a zoo.cfg was written by zoo_cfg_text(), from whatever environment.
bool is_generated(std::string_view zoo_cfg);
/// Which line of `wanted` stands in line `number` (from 1) of its zoo.cfg; null: none.
const Line* line_at(const Wanted& wanted, int number);

}  // namespace zk::image
