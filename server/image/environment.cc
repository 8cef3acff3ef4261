#include "image/environment.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <utility>

#include <fmt/core.h>

#include "base/nearest_name.h"
#include "ensemble/config_keys.h"
#include "ensemble/ensemble_config.h"
#include "image/java_flags.h"

namespace zk::image {
namespace {

constexpr std::string_view kHeader =
    "# Written by zkserver-entry from the container's environment at each start: changes made here "
    "are lost.\n"
    "# To use a zoo.cfg of your own, mount it in this file's place (docs/IMAGE.md).\n";
constexpr int kHeaderLines = 2;

constexpr std::string_view kServers = "ZOO_SERVERS";
constexpr std::string_view kWhitelist = "ZOO_4LW_COMMANDS_WHITELIST";
constexpr std::string_view kExtra = "ZOO_CFG_EXTRA";

/// A variable that makes one line, in the order of the official image.
struct Setting {
    std::string_view variable;
    std::string_view key;
    std::string_view standard;
};
constexpr std::array kSettings = {
    Setting{"ZOO_DATA_DIR", "dataDir", "/data"},
    Setting{"ZOO_DATA_LOG_DIR", "dataLogDir", "/datalog"},
    Setting{"ZOO_TICK_TIME", "tickTime", "2000"},
    Setting{"ZOO_INIT_LIMIT", "initLimit", "5"},
    Setting{"ZOO_SYNC_LIMIT", "syncLimit", "2"},
    Setting{"ZOO_AUTOPURGE_SNAPRETAINCOUNT", "autopurge.snapRetainCount", "3"},
    Setting{"ZOO_AUTOPURGE_PURGEINTERVAL", "autopurge.purgeInterval", "0"},
    Setting{"ZOO_MAX_CLIENT_CNXNS", "maxClientCnxns", "60"},
    Setting{"ZOO_STANDALONE_ENABLED", "standaloneEnabled", "true"},
    Setting{"ZOO_ADMINSERVER_ENABLED", "admin.enableServer", "true"},
};

/// Variables of Apache's scripts and older images that mean nothing here.
struct WithoutEffect {
    std::string_view variable;
    std::string_view words;
};
constexpr std::string_view kNoJava = "for the Java machine, and there is none; it has no effect";
constexpr std::string_view kNoJmx =
    "there is no JMX; metrics are told by mntr, the admin server and "
    "metricsProvider.className; it has no effect";
constexpr std::array kWithoutEffect = {
    WithoutEffect{"ZK_SERVER_HEAP", kNoJava},
    WithoutEffect{"JMXPORT", kNoJmx},
    WithoutEffect{"ZOO_LOG_FILE", "logs go to stderr (docker logs); it has no effect"},
    WithoutEffect{"ZOO_USER",
                  "the server runs as zookeeper (1000), or as --user says; it has no effect"},
    WithoutEffect{"ZOO_PORT",
                  "not of this image since 3.5: the port for clients stands behind ';' in "
                  "ZOO_SERVERS; it has no effect"},
};
/// Also known, so that nobody is told they are misspelt.
constexpr std::array<std::string_view, 11> kOthers = {kServers,
                                                      kWhitelist,
                                                      kExtra,
                                                      "SERVER_JVMFLAGS",
                                                      "JVMFLAGS",
                                                      "ZOO_MY_ID",
                                                      "ZOO_CONF_DIR",
                                                      "ZOO_LOG_DIR",
                                                      "ZOO_LOG4J_PROP",
                                                      "ZOO_DATADIR_AUTOCREATE_DISABLE",
                                                      "ZK_CLIENT_HEAP"};

/// Nothing: the variable is not set. An empty one is.
std::optional<std::string_view> find(const Environment& environment, std::string_view name) {
    const auto found = environment.find(name);
    if (found == environment.end()) return std::nullopt;
    return std::string_view(found->second);
}
/// An empty one counts as not set, as `[ -z "$NAME" ]` has it.
std::optional<std::string_view> find_filled(const Environment& environment, std::string_view name) {
    const auto value = find(environment, name);
    return value && value->empty() ? std::nullopt : value;
}

Error refusal(std::string_view variable, std::string_view words) {
    return {Errc::invalid, fmt::format("{}: {}", variable, words)};
}

/// What would not stay one line.
Result<> check_line(const Line& line) {
    const auto is_control = [](char c) { return static_cast<unsigned char>(c) < ' ' && c != '\t'; };
    if (std::ranges::any_of(line.text, is_control)) {
        return refusal(line.variable, "has a line break or another control character in its value");
    }
    const std::size_t last = line.text.find_last_not_of('\\');
    const std::size_t backslashes = line.text.size() - (last == std::string::npos ? 0 : last + 1);
    if (backslashes % 2 == 0) return ok();
    return refusal(line.variable,
                   fmt::format("'{}' ends with a backslash, which would join the next line of "
                               "zoo.cfg to it; write \\\\ for one",
                               line.text));
}

Result<> check_directory(std::string_view variable, std::string_view value) {
    if (value.starts_with('/')) return ok();
    return refusal(variable, fmt::format("'{}' is no absolute path, such as /data", value));
}

class Reader {
  public:
    explicit Reader(const Environment& environment) : environment_(environment) {}

    Result<Wanted> read() {
        ZK_CHECK(read_directories());
        ZK_CHECK(read_my_id());
        for (const Setting& setting : kSettings) add(setting);
        ZK_CHECK(read_servers());
        if (const auto words = find_filled(environment_, kWhitelist)) {
            wanted_.lines.push_back(
                {fmt::format("4lw.commands.whitelist={}", *words), kWhitelist, true});
        }
        ZK_CHECK(read_extra());
        for (const Line& line : wanted_.lines) ZK_CHECK(check_line(line));
        read_flags();
        warn();
        return std::move(wanted_);
    }

  private:
    void add(const Setting& setting) {
        const auto value = find(environment_, setting.variable);
        wanted_.lines.push_back(
            {fmt::format("{}={}", setting.key, value.value_or(setting.standard)),
             setting.variable,
             value.has_value()});
    }
    Result<> read_directories() {
        wanted_.conf_dir = find_filled(environment_, "ZOO_CONF_DIR").value_or("/conf");
        wanted_.log_dir = find_filled(environment_, "ZOO_LOG_DIR").value_or("/logs");
        ZK_CHECK(check_directory("ZOO_CONF_DIR", wanted_.conf_dir));
        ZK_CHECK(check_directory("ZOO_LOG_DIR", wanted_.log_dir));
        for (const std::string_view variable : {"ZOO_DATA_DIR", "ZOO_DATA_LOG_DIR"}) {
            ZK_CHECK(check_directory(variable, find(environment_, variable).value_or("/")));
        }
        return ok();
    }
    Result<> read_my_id() {
        const auto text = find_filled(environment_, "ZOO_MY_ID");
        if (!text) return ok();
        const auto id = ensemble::parse_server_id(*text);
        if (!id.has_value()) {
            return refusal("ZOO_MY_ID",
                           fmt::format("'{}' is no server id; write the N of this server's "
                                       "server.N in ZOO_SERVERS, for example 1",
                                       *text));
        }
        wanted_.my_id = *id;
        return ok();
    }
    Result<> read_servers() {
        const auto given = find_filled(environment_, kServers);
        for (const std::string_view word :
             words_of(given.value_or("server.1=localhost:2888:3888;2181"))) {
            if (!word.starts_with("server.") || word.find('=') == std::string_view::npos) {
                return refusal(kServers,
                               fmt::format("'{}' is no server.N=host:2888:3888;2181; servers stand "
                                           "one behind the other with blanks between them",
                                           word));
            }
            wanted_.lines.push_back({std::string(word), kServers, given.has_value()});
        }
        return ok();
    }
    Result<> read_extra() {
        for (const std::string_view word :
             words_of(find(environment_, kExtra).value_or(std::string_view()))) {
            if (word.find_first_of("=:") == std::string_view::npos || word.starts_with('#')) {
                return refusal(kExtra,
                               fmt::format("'{}' is no key=value: words end at blanks, so a value "
                                           "has none (write key=a,b for key=a, b)",
                                           word));
            }
            wanted_.lines.push_back({std::string(word), kExtra, true});
        }
        return ok();
    }
    /// In the order of zkServer.sh: a later one counts.
    void read_flags() {
        JavaFlags flags;
        for (const std::string_view variable : {"SERVER_JVMFLAGS", "JVMFLAGS"}) {
            read_java_flags(
                find(environment_, variable).value_or(std::string_view()), variable, flags);
        }
        if (find_filled(environment_, "ZOO_DATADIR_AUTOCREATE_DISABLE")) {
            flags.properties.push_back({"datadir.autocreate", "false", 0});
        }
        wanted_.properties = std::move(flags.properties);
        wanted_.log_level = flags.log_level;
        wanted_.warnings = std::move(flags.warnings);
        const auto level = find_filled(environment_, "ZOO_LOG4J_PROP");
        if (!level) return;
        wanted_.log_level = log4j_level(*level);
        if (wanted_.log_level) return;
        wanted_.warnings.push_back(fmt::format(
            "ZOO_LOG4J_PROP={}: begins with no level of log4j; it has no effect", *level));
    }
    void warn() {
        const std::vector<std::string> known = known_variables();
        for (const auto& [name, value] : environment_) {
            const auto row = std::ranges::find(kWithoutEffect, name, &WithoutEffect::variable);
            // An orchestrator gives a service of the name "zoo" such a variable: tcp://10.0.0.1:2181.
            const bool of_a_service = value.starts_with("tcp://");
            if (row != kWithoutEffect.end() && !value.empty() && !of_a_service) {
                wanted_.warnings.push_back(fmt::format("{}={}: {}", name, value, row->words));
            }
            if (!name.starts_with("ZOO_") || of_a_service) continue;
            if (std::ranges::find(known, name) != known.end()) continue;
            const std::string meant = nearest_name(name, known);
            if (meant.empty()) continue;
            wanted_.warnings.push_back(
                fmt::format("{} is no variable of this image; did you mean {}?", name, meant));
        }
    }

    const Environment& environment_;
    Wanted wanted_;
};

}  // namespace

std::vector<std::string> known_variables() {
    std::vector<std::string> known;
    for (const Setting& setting : kSettings) known.emplace_back(setting.variable);
    for (const std::string_view other : kOthers) known.emplace_back(other);
    for (const WithoutEffect& row : kWithoutEffect) known.emplace_back(row.variable);
    return known;
}

Result<Wanted> read_environment(const Environment& environment) {
    return Reader(environment).read();
}

std::string zoo_cfg_text(const Wanted& wanted) {
    std::string text(kHeader);
    for (const Line& line : wanted.lines) text += line.text + "\n";
    return text;
}

bool is_generated(std::string_view zoo_cfg) {
    return zoo_cfg.starts_with(kHeader.substr(0, kHeader.find(" from")));
}

const Line* line_at(const Wanted& wanted, int number) {
    const auto index = static_cast<std::size_t>(number - kHeaderLines - 1);
    return number > kHeaderLines && index < wanted.lines.size() ? &wanted.lines[index] : nullptr;
}

}  // namespace zk::image
