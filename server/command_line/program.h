// The command line of a program as one table: its commands, what they take, its options and pages of help.
// Pure. parse() reads words with it, help() and completion() write from it; the program itself adds nothing but
// what the words mean. Tables: options.cc of controller/zkprov, agent/options, server/zkserver, server/zkdata, tests/sim.
#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

namespace zk::command_line {

/// What a value is: how it is read, what an error says of it, what a shell completes.
enum class Type {
    flag,  ///< no value
    text,
    file,       ///< not empty
    directory,  ///< not empty
    number,     ///< whole, from `least` to `most`
    duration,   ///< "500ms", "30s", "2m", "1h"; "30" are seconds. Above 0, up to 24 hours
    choice,     ///< one of `choices`
};

/// What an option means that is given more than once.
enum class Repeat { last_counts, refused, collects };

struct Option {
    std::string_view name;        ///< "inventory": --inventory FILE or --inventory=FILE
    char letter = 0;              ///< 'i': also -i FILE
    std::string_view alias = {};  ///< another spelling, which help does not show: "colour"
    Type type = Type::flag;
    /// What help calls the value: "FILE". Choices without one are listed in its place, else behind the meaning.
    std::string_view value = {};
    std::string_view meaning = {};
    std::vector<std::string_view> choices = {};
    std::vector<std::string_view> later_choices = {};  ///< known, for a later version
    std::int64_t least = 0;
    std::int64_t most = std::numeric_limits<std::int64_t>::max();
    std::string_view standard = {};     ///< counts where nothing else is given; empty: nothing does
    std::string_view environment = {};  ///< the variable that counts before `standard`
    std::string_view otherwise = {};    ///< without any of these, in words: "beside the program"
    Repeat repeat = Repeat::last_counts;
    std::vector<std::string_view> commands = {};  ///< that take it; empty: all
};

/// A word without a dash, in its place.
struct Operand {
    std::string_view name;  ///< "NODE"
    std::string_view
        meaning;  ///< "the node's id": an error says "replace-node needs the node's id"
    Type type = Type::text;
    std::vector<std::string_view> choices = {};
    std::size_t least = 1;
    std::size_t most = 1;
};

struct Command {
    std::string_view
        name;  ///< "apply"; of a group both words: "lock show". Empty: the program has no commands
    std::string_view meaning;    ///< one line
    std::string_view help = {};  ///< whole paragraphs for its own page, in lines of 100 columns
    std::vector<Operand> operands = {};
    std::vector<std::string_view> examples =
        {};  ///< whole command lines; the first one is named by errors
};

/// A page of help that is about no command.
struct Topic {
    std::string_view name;
    std::string_view meaning;
    std::string (*text)();
};

/// Where a table has a command "help" or "version", the options --help and --version mean it, too.
struct Program {
    std::string_view name;
    std::string_view meaning;  ///< one sentence, to stand behind the name
    std::vector<Command> commands;
    std::vector<Option> options;
    std::vector<Topic> topics = {};
    std::vector<std::string_view> later_commands = {};  ///< known, for a later version
    bool has_version = true;                            ///< takes --version

    [[nodiscard]] bool has_commands() const { return !commands.front().name.empty(); }
    [[nodiscard]] const Command* find_command(std::string_view full_name) const;
    /// The second words of a group: of "lock" show and break. Empty: there is no such group.
    [[nodiscard]] std::vector<std::string_view> members_of(std::string_view group) const;
    /// What may stand first, in the order of the table: commands of one word, and groups.
    [[nodiscard]] std::vector<std::string_view> first_words() const;
    /// By one of its spellings, dashes included; --help and --version are found, too.
    [[nodiscard]] const Option* find_option(std::string_view spelled) const;
    /// What a command takes, in the order of the table; without `command`, all. --help and --version are last.
    [[nodiscard]] std::vector<const Option*> options_of(const Command* command) const;
};

/// --help and --version, which no table needs to have.
extern const Option kHelpOption;
extern const Option kVersionOption;

bool takes(const Command& command, const Option& option);
/// "--output" and, where it has a letter, "-o".
std::vector<std::string> spellings(const Option& option);
/// "a, b and c", with `last` before the last one.
std::string in_words(const std::vector<std::string_view>& names, std::string_view last);
/// "zkprov help apply", or "zkserver --help".
std::string help_command(const Program& program, const Command* command);
/// What is wrong with a table, for its test: names that are there twice, commands without help and so on.
std::vector<std::string> problems(const Program& program);

}  // namespace zk::command_line
