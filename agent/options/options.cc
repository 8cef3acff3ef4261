#include "agent_options/options.h"

#include "command_line/parse.h"

namespace zk::agent_options {

using command_line::Asked;
using command_line::Parsed;
using command_line::Program;
using command_line::Type;

// Controllers of other versions write `connect --stdio --state-dir DIR`, and unit files `run --state-dir DIR`: those stay.
const Program& program() {
    static const Program kProgram = {
        .name = "zkprov-agent",
        .meaning = "looks after one node of an ensemble.",
        .commands =
            {{.name = "run",
              .meaning = "watch the server, and answer on the state directory's socket",
              .help = "What systemd starts. Ends at SIGTERM.\n"},
             {.name = "connect",
              .meaning = "serve one controller on standard input and output",
              .help = "What zkprov starts over SSH. Not for people: both ends speak in frames.\n",
              .examples = {"zkprov-agent connect --stdio"}},
             {.name = "status",
              .meaning = "print what this node says of itself",
              .help = "Ends with 0 also when it is ill: zkprov status judges.\n",
              .examples = {"zkprov-agent status", "zkprov-agent status --json"}},
             {.name = "version", .meaning = "print the version"},
             {.name = "help",
              .meaning = "tell about a command",
              .operands = {{.name = "COMMAND",
                            .meaning = "a command; left out: all of them",
                            .least = 0}}}},
        .options = {{.name = "stdio",
                     .meaning = "standard input and output; must be given",
                     .commands = {"connect"}},
                    {.name = "json",
                     .meaning = "one line of JSON, with the whole election history",
                     .commands = {"status"}},
                    {.name = "state-dir",
                     .type = Type::directory,
                     .value = "DIR",
                     .meaning = "where the agent keeps its state",
                     .standard = "/var/lib/zkprov",
                     .commands = {"run", "connect", "status"}}},
    };
    return kProgram;
}

Result<Options> parse_options(const std::vector<std::string>& words) {
    ZK_TRY(const Parsed parsed, command_line::parse(program(), words));
    Options options;
    options.help_topic = parsed.topic;
    if (parsed.asked == Asked::version) options.verb = Verb::version;
    if (parsed.asked != Asked::run) return options;
    const std::string_view command = parsed.command->name;
    options.verb = command == "run"       ? Verb::run
                   : command == "connect" ? Verb::connect
                                          : Verb::status;
    if (options.verb == Verb::connect && !parsed.flag("stdio")) {
        return Error(Errc::invalid, "connect needs --stdio; see: zkprov-agent help connect");
    }
    options.json = parsed.flag("json");
    options.state_dir = parsed.text("state-dir");
    while (options.state_dir.size() > 1 && options.state_dir.ends_with('/')) {
        options.state_dir.pop_back();
    }
    if (options.state_dir.starts_with('/')) return options;
    return Error(Errc::invalid, "--state-dir needs an absolute path");
}

}  // namespace zk::agent_options
