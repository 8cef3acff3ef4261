// The commands of the shell as one table, and a line's words read by it. Pure.
// Options stand anywhere behind the command: "-s -w" or "-sw", a value as "-v 3", "-v=3" or "-v3"; "--" ends them. Words
// such as "-5" are operands. Source: the usage lines of Apache's zkCli.sh 3.8 and 3.9; commons-cli's way with options.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace zk::cli {

enum class Verb {
    add_auth,
    add_watch,
    close,
    config,
    connect,
    create,
    remove,
    remove_all,
    remove_quota,
    get,
    get_acl,
    get_all_children_number,
    get_ephemerals,
    help,
    history,
    list_quota,
    ls,
    print_watches,
    quit,
    reconfig,
    redo,
    remove_watches,
    set,
    set_acl,
    set_quota,
    stat,
    sync,
    version,
    who_am_i,
};

struct CommandOption {
    std::string_view name;  ///< "v" or "members", without dash
    bool takes_value = false;
};

/// What an operand is, for completion.
enum class Operands { none, path, other };

struct CommandSpec {
    Verb verb{};
    std::string_view name;
    std::string_view operands;  ///< "[-v version] path": what usage says behind the name
    std::string_view meaning;
    std::vector<CommandOption> options = {};
    std::size_t least = 0;  ///< operands
    std::size_t most = 0;
    Operands kind = Operands::none;
    bool needs_session = true;
    std::vector<std::string_view> one_of = {};  ///< options that exclude each other
    [[nodiscard]] std::string usage() const;
};

const std::vector<CommandSpec>& commands();
/// By its name, or by another one ("exit").
const CommandSpec* find_command(std::string_view name);
/// Apache's list of commands, one in a line.
std::string usage();
/// The page of one command, or of all.
Result<std::string> help(const std::string& command);

struct Command {
    const CommandSpec* spec = nullptr;
    std::map<std::string, std::string, std::less<>> options;  ///< value empty for a flag
    std::vector<std::string> operands;

    [[nodiscard]] bool has(std::string_view option) const { return options.contains(option); }
    [[nodiscard]] std::optional<std::string> value(std::string_view option) const;
    /// The operand at the place, or nothing.
    [[nodiscard]] std::optional<std::string> operand(std::size_t place) const;
};

/// REQUIRES: words is not empty.
/// Errors: Errc::not_found: no such command; Errc::invalid: options or operands. The words are what is to be printed.
Result<Command> read_command(const std::vector<std::string>& words);

/// The value of an option that is a whole number. Errors name the option.
Result<std::optional<std::int64_t>> number_of(const Command& command,
                                              std::string_view option,
                                              std::int64_t least,
                                              std::int64_t most);

}  // namespace zk::cli
