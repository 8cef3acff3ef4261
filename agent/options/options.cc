#include "agent_options/options.h"

#include <algorithm>
#include <array>

#include "command_line/parse.h"

namespace zk::agent_options {

using command_line::Asked;
using command_line::Parsed;
using command_line::Program;
using command_line::Type;

namespace {

constexpr std::string_view kSystemStateDir = "/var/lib/zkprov";

struct VerbName {
    std::string_view name;
    Verb verb;
};
/// Those that parsing leaves to be run.
constexpr std::array<VerbName, 6> kVerbs = {{
    {"run", Verb::run},
    {"connect", Verb::connect},
    {"status", Verb::status},
    {"may-start", Verb::may_start},
    {"join", Verb::join},
    {"join-status", Verb::join_status},
}};

}  // namespace

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
             {.name = "may-start",
              .meaning = "tell whether the server may start, or its node was replaced",
              .help =
                  R"(What systemd runs before each start of the server. Asks the agents of the other members. Ends with 9,
and says why, when a majority of them remembers that this node was made anew elsewhere; with 0 when
not, and also when they do not answer and did not say so before.
)",
              .examples = {"zkprov-agent may-start"}},
             {.name = "join",
              .meaning = "bring this host into its ensemble, with no controller",
              .help =
                  R"(For hosts that are born unattended (zkprov cloud-init). Finds out which server of the inventory this
host is, waits for the agents of all the others, forms the ensemble with them or joins the one that is
there, and installs and starts the server as zkprov apply would. It never forms over data, and refuses
where a person has to decide. A reboot at any point does no harm: run it again. The program zkserver
lies beside this one. Ends with 0 when the server serves, 4 when it refuses, 3 when the inventory is
wrong, 1 when it cannot go on.
)",
              .examples = {"zkprov-agent join --inventory /etc/zkprov/inventory.yaml",
                           "zkprov-agent join --inventory inventory.yaml --node 2"}},
             {.name = "join-status",
              .meaning = "tell how far join has come",
              .help =
                  "Ends with 0 when the node serves, 1 when join refused or ended, 3 while it goes "
                  "on.\n",
              .examples = {"zkprov-agent join-status", "zkprov-agent join-status --wait 10m"}},
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
                     .meaning = "one line of JSON, with all that there is to tell",
                     .commands = {"status", "join-status"}},
                    {.name = "inventory",
                     .letter = 'i',
                     .type = Type::file,
                     .value = "FILE",
                     .meaning = "the inventory; must be given",
                     .commands = {"join"}},
                    {.name = "node",
                     .type = Type::number,
                     .value = "N",
                     .meaning = "which server this host is, where its addresses do not tell",
                     .least = 0,
                     .most = 255,
                     .commands = {"join"}},
                    {.name = "patience",
                     .type = Type::duration,
                     .value = "DURATION",
                     .meaning = "give up after that time; left out: never",
                     .commands = {"join"}},
                    {.name = "wait",
                     .type = Type::duration,
                     .value = "DURATION",
                     .meaning = "follow it until it ends, or that time is over",
                     .commands = {"join-status"}},
                    {.name = "state-dir",
                     .type = Type::directory,
                     .value = "DIR",
                     .meaning = "where the agent keeps its state",
                     .standard = kSystemStateDir,
                     .commands = {"run", "connect", "status", "may-start", "join", "join-status"}}},
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
    options.verb = std::ranges::find(kVerbs, command, &VerbName::name)->verb;
    if (options.verb == Verb::connect && !parsed.flag("stdio")) {
        return Error(Errc::invalid, "connect needs --stdio; see: zkprov-agent help connect");
    }
    if (options.verb == Verb::join && !parsed.has("inventory")) {
        return Error(Errc::invalid, "join needs --inventory FILE; see: zkprov-agent help join");
    }
    options.inventory_file = parsed.text("inventory");
    if (parsed.has("node")) options.node = ServerId(parsed.number("node"));
    if (parsed.has("patience")) options.wait = parsed.duration("patience");
    if (parsed.has("wait")) options.wait = parsed.duration("wait");
    options.json = parsed.flag("json");
    options.state_dir = parsed.text("state-dir");
    options.state_dir_given = parsed.given("state-dir");
    while (options.state_dir.size() > 1 && options.state_dir.ends_with('/')) {
        options.state_dir.pop_back();
    }
    if (options.state_dir.starts_with('/')) return options;
    return Error(Errc::invalid, "--state-dir needs an absolute path");
}

}  // namespace zk::agent_options
