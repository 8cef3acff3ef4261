#include "zkserver/options.h"

#include "base/check.h"
#include "command_line/parse.h"

namespace zk::zkserver {

using command_line::Asked;
using command_line::Parsed;
using command_line::Program;
using command_line::Type;

const Program& program() {
    static const Program kProgram = {
        .name = "zkserver",
        .meaning = "serves one member of a ZooKeeper ensemble, in the foreground.",
        .commands =
            {{.name = {},
              .meaning = "serve",
              .help =
                  R"(Logs to stderr. Ends at SIGTERM and SIGINT. docs/CONFIG.md lists the keys of zoo.cfg.

Exit codes
    0  ended by SIGTERM or SIGINT
    1  could not go on: client port taken, disk failed and so on
    2  command line, zoo.cfg or myid
    3  dataDir or dataLogDir in use, not writable, missing or damaged
   14  quorum or election port cannot be opened
)",
              .operands =
                  {{.name = "ZOO_CFG", .meaning = "the configuration file", .type = Type::file}}}},
        .options = {{.name = "check",
                     .meaning = "read the configuration and say whether it can be used"},
                    {.name = "log-level",
                     .type = Type::choice,
                     .value = "LEVEL",
                     .meaning = "the least that is logged",
                     .choices = {"trace", "debug", "info", "warn", "error", "off"},
                     .standard = "info"}},
    };
    return kProgram;
}

Result<Options> parse_options(const std::vector<std::string>& words) {
    ZK_TRY(const Parsed parsed, command_line::parse(program(), words));
    Options options;
    if (parsed.asked == Asked::help) options.what = Options::What::help;
    if (parsed.asked == Asked::version) options.what = Options::What::version;
    if (parsed.asked != Asked::run) return options;
    if (parsed.flag("check")) options.what = Options::What::check;
    options.config_path = parsed.operand("ZOO_CFG");
    const bool known = parse_log_level(parsed.text("log-level"), options.level);
    ZK_ASSERT(known);
    return options;
}

}  // namespace zk::zkserver
