#include "zkdata/options.h"

#include <algorithm>
#include <array>

#include "base/check.h"
#include "base/limits.h"
#include "base/numbers.h"
#include "command_line/parse.h"

namespace zk::zkdata {

using command_line::Asked;
using command_line::Command;
using command_line::Parsed;
using command_line::Program;
using command_line::Type;

namespace {

constexpr std::string_view kExitCodes = R"(
Exit codes
    0  done, and nothing is wrong
    1  something is wrong with the data (compare: they differ)
    2  command line
    3  cannot be read, is refused, or a server uses it
)";

/// What help says of --jute-maxbuffer.
constexpr std::string_view kJuteMaxBufferText = "1048575";
static_assert(limits::kJuteMaxBuffer == 1048575);

struct VerbName {
    std::string_view name;
    Verb verb;
};
constexpr std::array<VerbName, 8> kVerbs = {{{"check", Verb::check},
                                             {"dump", Verb::dump},
                                             {"compare", Verb::compare},
                                             {"summary", Verb::summary},
                                             {"repair", Verb::repair},
                                             {"completion", Verb::completion},
                                             {"help", Verb::help},
                                             {"version", Verb::version}}};

std::string with_exit_codes(std::string_view text) {
    return std::string(text) + std::string(kExitCodes);
}

// Pages of commands. They are made once, since a table holds views.
const std::string kCheckHelp = with_exit_codes(
    R"(A DIRECTORY is a server's dataDir (or the version-2 in it), a FILE a log, a snapshot, an epoch file or
myid, by whatever name. Everything is read: checksums, order of transactions, digests, and what a
server would start with. Each line says file, offset and reason, and what can be done.

    error    data are damaged, or a server would not start or would start from less than was there
    warning  a server helps itself, or the other kind of server does not take it
    note     good to know

A transaction that is whole is read however large it is. One whose end is missing was torn by a
crash only if it is no longer than a server writes; where jute.maxbuffer is larger than the default,
--jute-maxbuffer must say so, or such an end passes for damage.

Nothing is changed. While a server runs, what it is just writing may look torn.
)");
const std::string kDumpHelp = with_exit_codes(
    R"(Of a log a line for each transaction; of a snapshot its sessions and nodes; of a directory the tree that
a server would start with, or had when --at was its last transaction. Damage ends a log's dump with
an error that names the place. The data of nodes are left out without --data. --json prints one
object a line. A transaction that stands in a log twice is marked "again" the second time.
)");
const std::string kCompareHelp = with_exit_codes(
    R"(LEFT and RIGHT are snapshots or directories of any server. Two directories are compared at the last
transaction that both have, or at --at. A snapshot was written while transactions went on, so it may
hold parts of later ones: two snapshots of one zxid may differ where two directories do not.
Only the data of /zookeeper/config are compared: each server keeps its own.
)");
const std::string kSummaryHelp = with_exit_codes(
    R"(Of a directory or snapshot: nodes, bytes, sessions with their ephemeral nodes, the largest nodes, the
nodes with most children, the largest subtrees. Of a log: transactions by type, their bytes, the
largest ones; each once, also where it stands there twice.
)");
const std::string kRepairHelp = with_exit_codes(
    R"(Cuts off what a power cut left of an unfinished write at the end of the newest log: bytes that were
never synced, so that nobody was told of them. Apache's server does not start from some of such
ends, or from an empty last log. The whole file is kept beside, as backup.log.ZXID. Where servers
have a jute.maxbuffer above the default, --jute-maxbuffer must say so, or a large one is refused.

All else is refused: other damage may be in transactions that were acknowledged. So is a directory
that a server uses: zkserver holds a lock on it; for Apache's, which takes none, /proc is searched
for processes that have a file below it open, or were started with it. Processes of other hosts
and containers are not seen.
)");

Program make_program() {
    const std::vector<std::string_view> reads = {"dump", "summary"};
    const command_line::Operand source = {
        .name = "PATH", .meaning = "the file or directory", .type = Type::file};
    Program table = {
        .name = "zkdata",
        .meaning =
            "looks at ZooKeeper's files without a server: logs, snapshots, whole directories.",
        .commands =
            {{.name = "check",
              .meaning = "say whether files or directories are whole",
              .help = kCheckHelp,
              .operands = {{.name = "PATH",
                            .meaning = "a file or directory",
                            .type = Type::file,
                            .most = 1000}},
              .examples = {"zkdata check /var/lib/zookeeper",
                           "zkdata check version-2/log.100000001"}},
             {.name = "dump",
              .meaning = "print transactions, or sessions and nodes",
              .help = kDumpHelp,
              .operands = {source},
              .examples = {"zkdata dump version-2/log.100000001",
                           "zkdata dump --json --data version-2/snapshot.100000a2b"}},
             {.name = "compare",
              .meaning = "say which nodes differ between two snapshots or directories",
              .help = kCompareHelp,
              .operands = {{.name = "LEFT", .meaning = "the one side", .type = Type::file},
                           {.name = "RIGHT", .meaning = "the other side", .type = Type::file}},
              .examples = {"zkdata compare node-1/data node-2/data"}},
             {.name = "summary",
              .meaning = "count, and find what is large",
              .help = kSummaryHelp,
              .operands = {source},
              .examples = {"zkdata summary --top 20 /var/lib/zookeeper"}},
             {.name = "repair",
              .meaning = "cut off the torn end of the newest log, and keep a backup",
              .help = kRepairHelp,
              .operands = {source},
              .examples = {"zkdata repair --dry-run /var/lib/zookeeper"}},
             {.name = "completion",
              .meaning = "print a script that completes command lines",
              .help = "bash: put   source <(zkdata completion bash)   into ~/.bashrc\n",
              .operands = {{.name = "SHELL",
                            .meaning = "the shell",
                            .type = Type::choice,
                            .choices = {"bash", "zsh", "fish"}}},
              .examples = {"zkdata completion bash"}},
             {.name = "version", .meaning = "print the version"},
             {.name = "help",
              .meaning = "print this, or the page on a command",
              .operands = {{.name = "TOPIC", .meaning = "a command", .least = 0}}}},
        .options =
            {{.name = "log-dir",
              .type = Type::directory,
              .value = "DIR",
              .meaning = "dataLogDir, where it is not the directory itself",
              .commands = {"check", "dump", "summary", "repair"}},
             {.name = "jute-maxbuffer",
              .type = Type::number,
              .value = "BYTES",
              .meaning = "jute.maxbuffer of the server whose files these are",
              .least = 1024,
              .most = limits::kJuteMaxBufferMost,
              .standard = kJuteMaxBufferText,
              .commands = {"check", "dump", "compare", "summary", "repair"}},
             {.name = "json",
              .meaning = "print objects",
              .commands = {"check", "dump", "compare", "summary"}},
             {.name = "data", .meaning = "print the data of nodes too", .commands = {"dump"}},
             {.name = "from",
              .type = Type::text,
              .value = "ZXID",
              .meaning = "of a log: transactions from this one on",
              .commands = {"dump"}},
             {.name = "to",
              .type = Type::text,
              .value = "ZXID",
              .meaning = "of a log: transactions up to this one",
              .commands = {"dump"}},
             {.name = "at",
              .type = Type::text,
              .value = "ZXID",
              .meaning = "of a directory: as it was after this transaction",
              .commands = {"dump", "compare", "summary"}},
             {.name = "top",
              .type = Type::number,
              .value = "COUNT",
              .meaning = "how many of the largest",
              .least = 1,
              .most = 100000,
              .standard = "10",
              .commands = {"summary"}},
             {.name = "dry-run", .meaning = "say what would be done", .commands = {"repair"}}},
    };
    return table;
}

Result<std::optional<Zxid>> zxid_option(const Parsed& parsed, const std::string& name) {
    if (!parsed.given(name)) return std::optional<Zxid>();
    ZK_TRY(const Zxid zxid, parse_zxid(parsed.text(name), "--" + name));
    return std::optional<Zxid>(zxid);
}

// As the server takes it: a limit below the default says nothing of what was written before.
std::int32_t payload_max_for(std::int64_t jute_max_buffer) {
    ZK_ASSERT(jute_max_buffer > 0 && jute_max_buffer <= limits::kJuteMaxBufferMost);
    return std::max(storage::kLogPayloadMax,
                    limits::with_jute_extra(static_cast<std::int32_t>(jute_max_buffer)));
}

command_line::Shell shell_called(const std::string& name) {
    if (name == "zsh") return command_line::Shell::zsh;
    return name == "fish" ? command_line::Shell::fish : command_line::Shell::bash;
}

}  // namespace

const Program& program() {
    static const Program kProgram = make_program();
    return kProgram;
}

Result<Zxid> parse_zxid(const std::string& text, const std::string& option) {
    std::string_view digits = text;
    if (digits.starts_with("0x")) digits.remove_prefix(2);
    const auto value = parse_number<std::uint64_t>(digits, 16);
    if (value) return Zxid(static_cast<std::int64_t>(*value));
    return Error(
        Errc::invalid,
        option + " must be a zxid in hexadecimal, such as 0x100000001; found \"" + text + "\"");
}

Result<Options> parse_options(const std::vector<std::string>& words) {
    ZK_TRY(const Parsed parsed, command_line::parse(program(), words));
    Options options;
    options.topic = parsed.topic;
    if (parsed.asked == Asked::version) options.verb = Verb::version;
    if (parsed.asked != Asked::run) return options;
    const Command& command = *parsed.command;
    const auto named = std::ranges::find(kVerbs, command.name, &VerbName::name);
    options.verb = named->verb;
    for (const std::string_view operand : {"PATH", "LEFT", "RIGHT"}) {
        const bool there = std::ranges::any_of(
            command.operands, [&](const auto& one) { return one.name == operand; });
        if (!there) continue;
        for (std::string& word : parsed.operands(operand)) options.paths.push_back(std::move(word));
    }
    if (options.verb == Verb::completion) options.shell = shell_called(parsed.operand("SHELL"));
    options.log_dir = parsed.text("log-dir");
    if (parsed.has("jute-maxbuffer"))
        options.payload_max = payload_max_for(parsed.number("jute-maxbuffer"));
    options.json = parsed.flag("json");
    options.data = parsed.flag("data");
    options.dry_run = parsed.flag("dry-run");
    if (parsed.has("top")) options.top = static_cast<std::size_t>(parsed.number("top"));
    ZK_TRY(options.from, zxid_option(parsed, "from"));
    ZK_TRY(options.to, zxid_option(parsed, "to"));
    ZK_TRY(options.at, zxid_option(parsed, "at"));
    return options;
}

}  // namespace zk::zkdata
