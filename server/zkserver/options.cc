#include "zkserver/options.h"

#include <limits>

#include "base/check.h"
#include "base/numbers.h"
#include "command_line/parse.h"
#include "image/java_flags.h"

namespace zk::zkserver {

using command_line::Asked;
using command_line::Parsed;
using command_line::Program;
using command_line::Type;

namespace {

constexpr std::string_view kDataDir = "DATADIR";
constexpr std::string_view kTickTime = "TICKTIME";
constexpr std::string_view kConnectionsMax = "MAXCNXNS";

Result<int> number(std::string_view name, std::string_view text, int least, int most) {
    const auto value = parse_number<int>(text);
    if (value && *value >= least && *value <= most) return *value;
    return Error(Errc::invalid,
                 std::string(name) + " must be a whole number, " + std::to_string(least) + " to " +
                     std::to_string(most) + "; found \"" + std::string(text) + "\"");
}

Result<AloneArguments> read_alone(const Parsed& parsed, const std::string& port) {
    constexpr int kMost = std::numeric_limits<int>::max();
    AloneArguments alone;
    ZK_TRY(const int client_port, number("PORT, when a DATADIR follows,", port, 0, 65535));
    alone.client_port = static_cast<std::uint16_t>(client_port);
    alone.data_dir = parsed.operand(kDataDir);
    if (const std::string tick = parsed.operand(kTickTime); !tick.empty()) {
        ZK_TRY(alone.tick_ms, number(kTickTime, tick, 1, kMost));
    }
    if (const std::string most = parsed.operand(kConnectionsMax); !most.empty()) {
        ZK_TRY(alone.connections_max, number(kConnectionsMax, most, 0, kMost));
    }
    return alone;
}

/// Flags first: a property that is given by itself counts.
Result<> read_java_flag_options(const Parsed& parsed, Options& options) {
    image::JavaFlags flags;
    for (const command_line::Value& value : parsed.all("java-flags")) {
        const std::string_view text = value.text;
        const std::size_t equals = text.find('=');
        if (equals == 0 || equals == std::string_view::npos || text.front() == '-') {
            return Error(Errc::invalid,
                         "--java-flags \"" + value.text +
                             "\" is no VARIABLE=FLAGS, such as "
                             "SERVER_JVMFLAGS=-Dzookeeper.snapCount=50000");
        }
        image::read_java_flags(text.substr(equals + 1), text.substr(0, equals), flags);
    }
    options.properties = std::move(flags.properties);
    options.warnings = std::move(flags.warnings);
    if (flags.log_level && !parsed.given("log-level")) options.level = *flags.log_level;
    return ok();
}

Result<> read_property_options(const Parsed& parsed, std::vector<ensemble::Property>& properties) {
    for (const command_line::Value& value : parsed.all("property")) {
        const std::size_t equals = value.text.find('=');
        if (equals == 0 || equals == std::string::npos) {
            return Error(
                Errc::invalid,
                "--property \"" + value.text + "\" is no KEY=VALUE, such as snapCount=50000");
        }
        ensemble::Property property{value.text.substr(0, equals), value.text.substr(equals + 1), 0};
        std::erase_if(properties, [&](const auto& other) { return other.key == property.key; });
        properties.push_back(std::move(property));
    }
    return ok();
}

}  // namespace

const Program& program() {
    static const Program kProgram = {
        .name = "zkserver",
        .meaning = "serves one member of a ZooKeeper ensemble, or alone, in the foreground.",
        .commands =
            {{.name = {},
              .meaning = "serve",
              .help =
                  R"(Logs to stderr. Ends at SIGTERM and SIGINT. docs/CONFIG.md lists the keys of zoo.cfg.

With one word it is a zoo.cfg; with two to four a server alone, without one. So is a server whose
zoo.cfg has at most one server.N line (standaloneEnabled).

Exit codes
    0  ended by SIGTERM or SIGINT
    1  could not go on: client port taken, disk failed and so on
    2  command line, zoo.cfg or myid
    3  dataDir or dataLogDir in use, not writable, missing or damaged
   14  quorum or election port cannot be opened
)",
              .operands = {{.name = "ZOO_CFG|PORT",
                            .meaning =
                                "the configuration file, or a port for clients, with a DATADIR",
                            .type = Type::file},
                           {.name = kDataDir,
                            .meaning = "the directory of snapshots and logs",
                            .type = Type::directory,
                            .least = 0},
                           {.name = kTickTime, .meaning = "ms, 3000 without it", .least = 0},
                           {.name = kConnectionsMax,
                            .meaning = "connections of one client address, unlimited without it",
                            .least = 0}}}},
        .options =
            {{.name = "check", .meaning = "read the configuration and say whether it can be used"},
             {.name = "log-level",
              .type = Type::choice,
              .value = "LEVEL",
              .meaning = "the least that is logged",
              .choices = {"trace", "debug", "info", "warn", "error", "off"},
              .standard = "info"},
             {.name = "property",
              .type = Type::text,
              .value = "KEY=VALUE",
              .meaning = "a key of zoo.cfg that counts where the file does not hold it, as a "
                         "Java property does; may be given again",
              .repeat = command_line::Repeat::collects},
             {.name = "java-flags",
              .type = Type::text,
              .value = "VARIABLE=FLAGS",
              .meaning = "flags of Apache's server by the name of their variable: properties "
                         "among them (-Dzookeeper.KEY=VALUE) count as --property, of the rest "
                         "it is said that it has no effect",
              .repeat = command_line::Repeat::collects}},
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
    const std::string first = parsed.operand("ZOO_CFG|PORT");
    const bool known = parse_log_level(parsed.text("log-level"), options.level);
    ZK_ASSERT(known);
    ZK_CHECK(read_java_flag_options(parsed, options));
    ZK_CHECK(read_property_options(parsed, options.properties));
    if (parsed.operand(kDataDir).empty()) {
        options.config_path = first;
    } else {
        if (!options.properties.empty()) {
            return Error(
                Errc::invalid,
                "--property and --java-flags need a ZOO_CFG; with PORT DATADIR there is none");
        }
        ZK_TRY(options.alone, read_alone(parsed, first));
    }
    return options;
}

}  // namespace zk::zkserver
