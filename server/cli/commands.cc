#include "cli/commands.h"

#include <algorithm>
#include <utility>

#include "base/nearest_name.h"
#include "base/numbers.h"

namespace zk::cli {
namespace {

constexpr auto kPath = Operands::path;
constexpr auto kOther = Operands::other;
constexpr CommandOption kStat{"s"};
constexpr CommandOption kWatch{"w"};
constexpr CommandOption kVersion{"v", true};

const std::vector<CommandSpec> kTable = {
    {Verb::add_watch,
     "addWatch",
     "[-m PERSISTENT|PERSISTENT_RECURSIVE] path",
     "a watch that lasts: every change of a node, or (as it is without -m) of all below it",
     {{"m", true}},
     1,
     1,
     kPath},
    {Verb::add_auth,
     "addauth",
     "scheme auth",
     "proves who you are, to all servers of this session",
     {},
     1,
     2,
     kOther},
    {Verb::close, "close", "", "ends the session", {}, 0, 1, Operands::none, false},
    {Verb::config,
     "config",
     "[-c] [-w] [-s]",
     "the ensemble's configuration; -c: as clients want it",
     {{"c"}, kWatch, kStat},
     0,
     1},
    {Verb::connect,
     "connect",
     "[host:port]",
     "ends the session and opens another one",
     {},
     0,
     1,
     kOther,
     false},
    {Verb::create,
     "create",
     "[-s] [-e] [-c] [-t ttl] path [data] [acl]",
     "-s sequential, -e ephemeral, -c container, -t with a time to live in ms",
     {kStat, {"e"}, {"c"}, {"t", true}},
     1,
     3,
     kPath},
    {Verb::remove,
     "delete",
     "[-v version] path",
     "a node without children",
     {kVersion},
     1,
     2,
     kPath},
    {Verb::remove_all,
     "deleteall",
     "path [-b batch size]",
     "a node and all below it, as many in one go as -b says",
     {{"b", true}},
     1,
     1,
     kPath},
    {Verb::remove_quota,
     "delquota",
     "[-n|-b|-N|-B] path",
     "one limit of a quota, or all of it",
     {{"n"}, {"b"}, {"N"}, {"B"}},
     1,
     1,
     kPath,
     true,
     {"n", "b", "N", "B"}},
    {Verb::get,
     "get",
     "[-s] [-w] [-b] [-x] path",
     "data; -s with stat, -w with a watch, -b in base64, -x in hexadecimal",
     {kStat, kWatch, {"b"}, {"x"}},
     1,
     2,
     kPath,
     true,
     {"b", "x"}},
    {Verb::get_acl, "getAcl", "[-s] path", "who may do what", {kStat}, 1, 1, kPath},
    {Verb::get_all_children_number,
     "getAllChildrenNumber",
     "path",
     "how many nodes are below",
     {},
     1,
     1,
     kPath},
    {Verb::get_ephemerals,
     "getEphemerals",
     "[path]",
     "this session's, below a path",
     {},
     0,
     1,
     kPath},
    {Verb::help, "help", "[command]", "this list, or one command", {}, 0, 1, kOther, false},
    {Verb::history, "history", "", "the last eleven commands", {}, 0, 1, Operands::none, false},
    {Verb::list_quota, "listquota", "path", "a quota and what is used", {}, 1, 1, kPath},
    {Verb::ls,
     "ls",
     "[-s] [-w] [-R] path",
     "children; -s with stat, -w with a watch, -R all below",
     {kStat, kWatch, {"R"}},
     1,
     2,
     kPath},
    {Verb::print_watches,
     "printwatches",
     "on|off",
     "whether events are printed",
     {},
     0,
     1,
     kOther,
     false},
    {Verb::quit, "quit", "", "ends the session and the program", {}, 0, 1, Operands::none, false},
    {Verb::reconfig,
     "reconfig",
     "[-s] [-v version] [-file path | -members server.N=h:p:p;p,...] | "
     "[-add server.N=h:p:p;p,...] [-remove N,...]",
     "changes the members of the ensemble",
     {kStat, kVersion, {"file", true}, {"members", true}, {"add", true}, {"remove", true}},
     0,
     0},
    {Verb::redo, "redo", "cmdno", "a command of the history once more", {}, 1, 1, kOther, false},
    {Verb::remove_watches,
     "removewatches",
     "path [-c|-d|-a|-p|-r] [-l]",
     "children's, data's, all, persistent, recursive ones; -l also without a server",
     {{"c"}, {"d"}, {"a"}, {"p"}, {"r"}, {"l"}},
     1,
     1,
     kPath,
     true,
     {"c", "d", "a", "p", "r"}},
    {Verb::set,
     "set",
     "[-s] [-v version] [-b] path data",
     "data; -s shows the stat, -v only if the version is this one, -b: data is base64",
     {kStat, kVersion, {"b"}},
     2,
     2,
     kPath},
    {Verb::set_acl,
     "setAcl",
     "[-s] [-v version] [-R] path acl",
     "scheme:id:perms,...; perms are letters of cdrwa; -R all below, too",
     {kStat, kVersion, {"R"}},
     2,
     2,
     kPath},
    {Verb::set_quota,
     "setquota",
     "-n|-b|-N|-B val path",
     "-n nodes and -b bytes are warned about; -N and -B are refused by servers with "
     "enforceQuota",
     {{"n", true}, {"b", true}, {"N", true}, {"B", true}},
     1,
     1,
     kPath,
     true,
     {"n", "b", "N", "B"}},
    {Verb::stat, "stat", "[-w] path", "numbers of a node", {kWatch}, 1, 2, kPath},
    {Verb::sync, "sync", "path", "later reads see what was committed until now", {}, 1, 1, kPath},
    {Verb::version, "version", "", "of this program", {}, 0, 0, Operands::none, false},
    {Verb::who_am_i, "whoami", "", "who the server takes you for", {}, 0, 1},
};

const CommandOption* option_of(const CommandSpec& spec, std::string_view name) {
    const auto found = std::find_if(spec.options.begin(),
                                    spec.options.end(),
                                    [name](const auto& option) { return option.name == name; });
    return found == spec.options.end() ? nullptr : &*found;
}

class Reader {
  public:
    Reader(const CommandSpec& spec, const std::vector<std::string>& words) : words_(words) {
        command_.spec = &spec;
    }
    Result<Command> read() {
        bool options_ended = false;
        while (++at_ < words_.size()) {
            const std::string& word = words_[at_];
            const bool option = word.size() > 1 && word[0] == '-' && !options_ended;
            if (option && word == "--") {
                options_ended = true;
            } else if (option && !parse_number(word)) {
                ZK_CHECK(read_option(word));
            } else {
                command_.operands.push_back(word);
            }
        }
        if (command_.operands.size() < command_.spec->least ||
            command_.operands.size() > command_.spec->most) {
            return Error(Errc::invalid, command_.spec->usage());
        }
        return std::move(command_);
    }

  private:
    [[nodiscard]] Error wrong(const std::string& what) const {
        return {Errc::invalid, what + "\n" + command_.spec->usage()};
    }
    Result<> read_option(const std::string& word) {
        const auto spelled = std::string_view(word).substr(word.rfind("--", 0) == 0 ? 2 : 1);
        const auto equals = spelled.find('=');
        const auto name = spelled.substr(0, equals);
        if (const auto* option = option_of(*command_.spec, name)) {
            if (!option->takes_value && equals != std::string_view::npos) {
                return wrong("Option -" + std::string(name) + " takes no value");
            }
            if (equals == std::string_view::npos) return take(*option);
            return put(*option, std::string(spelled.substr(equals + 1)));
        }
        // Letters of flags together; the last one may bring its value.
        for (std::size_t i = 0; i < spelled.size(); ++i) {
            const auto* letter = option_of(*command_.spec, spelled.substr(i, 1));
            if (!letter) break;
            if (letter->takes_value && i + 1 < spelled.size()) {
                return put(*letter, std::string(spelled.substr(i + 1)));
            }
            if (letter->takes_value) return take(*letter);
            ZK_CHECK(put(*letter, {}));
            if (i + 1 == spelled.size()) return ok();
        }
        return wrong("Unrecognized option: " + word +
                     " (behind \"--\" a word may begin with a dash)");
    }
    Result<> take(const CommandOption& option) {
        if (!option.takes_value) return put(option, {});
        if (at_ + 1 >= words_.size()) {
            return wrong("Missing argument for option: " + std::string(option.name));
        }
        return put(option, words_[++at_]);
    }
    Result<> put(const CommandOption& option, std::string value) {
        const auto& one_of = command_.spec->one_of;
        if (std::find(one_of.begin(), one_of.end(), option.name) != one_of.end()) {
            for (const auto name : one_of) {
                if (name == option.name || !command_.has(name)) continue;
                return wrong("The option '" + std::string(option.name) + "' cannot stand beside '" +
                             std::string(name) + "'");
            }
        }
        const std::string name(option.name);
        if (name == "add" && command_.has(name)) {
            command_.options[name] += "," + value;  // may be given again and again
        } else {
            command_.options[name] = std::move(value);
        }
        return ok();
    }

    const std::vector<std::string>& words_;
    std::size_t at_ = 0;
    Command command_;
};

}  // namespace

const std::vector<CommandSpec>& commands() { return kTable; }

std::string CommandSpec::usage() const {
    return operands.empty() ? std::string(name) : std::string(name) + " " + std::string(operands);
}

const CommandSpec* find_command(std::string_view name) {
    if (name == "exit") name = "quit";
    for (const auto& spec : commands()) {
        if (spec.name == name) return &spec;
    }
    return nullptr;
}

std::string usage() {
    std::string text = "zkcli -server host:port cmd args\n";
    for (const auto& spec : commands()) text += "\t" + spec.usage() + "\n";
    return text;
}

Result<std::string> help(const std::string& command) {
    if (!command.empty()) {
        const auto* spec = find_command(command);
        if (!spec) return Error(Errc::not_found, "there is no command " + command);
        return spec->usage() + "\n    " + std::string(spec->meaning) + "\n";
    }
    std::string text;
    for (const auto& spec : commands()) {
        text += spec.usage() + "\n    " + std::string(spec.meaning) + "\n";
    }
    return text;
}

std::optional<std::string> Command::value(std::string_view option) const {
    const auto found = options.find(option);
    if (found == options.end()) return std::nullopt;
    return found->second;
}
std::optional<std::string> Command::operand(std::size_t place) const {
    if (place >= operands.size()) return std::nullopt;
    return operands[place];
}

Result<Command> read_command(const std::vector<std::string>& words) {
    const auto* spec = find_command(words.front());
    if (!spec) {
        std::vector<std::string> names;
        for (const auto& known : commands()) names.emplace_back(known.name);
        const auto near = nearest_name(words.front(), names);
        std::string text = usage() + "Command not found: Command not found " + words.front();
        if (!near.empty()) text += "\nDid you mean " + near + "?";
        return Error(Errc::not_found, std::move(text));
    }
    return Reader(*spec, words).read();
}

Result<std::optional<std::int64_t>> number_of(const Command& command,
                                              std::string_view option,
                                              std::int64_t least,
                                              std::int64_t most) {
    const auto text = command.value(option);
    if (!text) return std::optional<std::int64_t>();
    const auto number = parse_number(*text);
    if (!number || *number < least || *number > most) {
        return Error(Errc::invalid,
                     "-" + std::string(option) + " \"" + *text +
                         "\": it has to be a whole number from " + std::to_string(least) + " to " +
                         std::to_string(most));
    }
    return std::optional<std::int64_t>(*number);
}

}  // namespace zk::cli
