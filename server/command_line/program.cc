// Looking things up in a table, and what a table must not be.
#include "command_line/program.h"

#include <algorithm>
#include <set>

#include "command_line/value.h"

namespace zk::command_line {
namespace {

/// "lock" of "lock show"; a command of one word is its own first word.
std::string_view first_word(std::string_view name) { return name.substr(0, name.find(' ')); }

void add_twice(const std::vector<std::string>& names, std::vector<std::string>& found) {
    std::set<std::string> seen;
    for (const std::string& name : names) {
        if (!seen.insert(name).second) found.push_back(name + " is there twice");
    }
}

bool is_sentence_part(std::string_view text) { return !text.empty() && !text.ends_with(' '); }

void check_operands(const Command& command, std::vector<std::string>& found) {
    const std::string name(command.name);
    bool optional = false;
    bool several = false;
    for (const Operand& operand : command.operands) {
        const std::string where = name + " " + std::string(operand.name);
        if (operand.name.empty() || !is_sentence_part(operand.meaning)) {
            found.push_back(where + ": an operand without name or meaning");
        }
        if (operand.most < operand.least || operand.most == 0) found.push_back(where + ": count");
        // [A [B]] is filled from the left; [A...] [B] and [A] B leave open whose word one is.
        if (several || (optional && operand.least > 0)) {
            found.push_back(where + ": stands behind one that may be left out");
        }
        if (operand.least != operand.most) optional = true;
        if (operand.least != operand.most && operand.most > 1) several = true;
        if ((operand.type == Type::choice) == operand.choices.empty()) {
            found.push_back(where + ": choices");
        }
        if (operand.type == Type::flag) found.push_back(where + ": a flag is an option");
    }
}

void check_option(const Program& program, const Option& option, std::vector<std::string>& found) {
    const std::string where = "--" + std::string(option.name);
    if (option.name.size() < 2 || option.name.starts_with('-')) found.push_back(where + ": name");
    if (!is_sentence_part(option.meaning)) found.push_back(where + " has no meaning");
    if ((option.type == Type::choice) == option.choices.empty()) {
        found.push_back(where + ": choices");
    }
    const bool has_value = option.type != Type::flag;
    const bool shows_value = !option.value.empty() || !option.choices.empty();
    if (has_value != shows_value && option.type != Type::choice) {
        found.push_back(where + ": name of its value");
    }
    if (option.least > option.most) found.push_back(where + ": range");
    if (!option.standard.empty() && !read_value(option, where, std::string(option.standard))) {
        found.push_back(where + ": its own default is refused");
    }
    if (option.type == Type::flag && !(option.standard.empty() && option.environment.empty())) {
        found.push_back(where + ": a flag has no default");
    }
    for (const std::string_view command : option.commands) {
        if (program.find_command(command) == nullptr) {
            found.push_back(where + " names " + std::string(command) + ", which is no command");
        }
    }
}

}  // namespace

const Option kHelpOption = {.name = "help", .letter = 'h', .meaning = "this page"};
const Option kVersionOption = {.name = "version", .meaning = "the program's version"};

const Command* Program::find_command(std::string_view full_name) const {
    const auto found = std::ranges::find(commands, full_name, &Command::name);
    return found == commands.end() ? nullptr : &*found;
}

std::vector<std::string_view> Program::members_of(std::string_view group) const {
    std::vector<std::string_view> members;
    for (const Command& command : commands) {
        const std::size_t space = command.name.find(' ');
        if (space != std::string_view::npos && command.name.substr(0, space) == group) {
            members.push_back(command.name.substr(space + 1));
        }
    }
    return members;
}

std::vector<std::string_view> Program::first_words() const {
    std::vector<std::string_view> words;
    for (const Command& command : commands) {
        const std::string_view word = first_word(command.name);
        if (!word.empty() && std::ranges::find(words, word) == words.end()) words.push_back(word);
    }
    return words;
}

const Option* Program::find_option(std::string_view spelled) const {
    for (const Option* option : options_of(nullptr)) {
        const std::vector<std::string> names = spellings(*option);
        if (std::ranges::find(names, spelled) != names.end()) return option;
        if (!option->alias.empty() && spelled == "--" + std::string(option->alias)) return option;
    }
    return nullptr;
}

std::vector<const Option*> Program::options_of(const Command* command) const {
    std::vector<const Option*> found;
    for (const Option& option : options) {
        if (command == nullptr || takes(*command, option)) found.push_back(&option);
    }
    found.push_back(&kHelpOption);
    if (has_version && (command == nullptr || !has_commands())) found.push_back(&kVersionOption);
    return found;
}

bool takes(const Command& command, const Option& option) {
    return option.commands.empty() ||
           std::ranges::find(option.commands, command.name) != option.commands.end();
}

std::vector<std::string> spellings(const Option& option) {
    std::vector<std::string> all = {"--" + std::string(option.name)};
    if (option.letter != 0) all.push_back(std::string("-") + option.letter);
    return all;
}

std::string in_words(const std::vector<std::string_view>& names, std::string_view last) {
    std::string text;
    for (std::size_t i = 0; i < names.size(); ++i) {
        if (i > 0) text += i + 1 < names.size() ? ", " : " " + std::string(last) + " ";
        text += names[i];
    }
    return text;
}

std::string help_command(const Program& program, const Command* command) {
    std::string text(program.name);
    if (program.find_command("help") == nullptr) return text + " --help";
    text += " help";
    return command == nullptr ? text : text + " " + std::string(command->name);
}

std::vector<std::string> problems(const Program& program) {
    std::vector<std::string> found;
    if (program.commands.empty()) return {"no command"};
    if (program.name.empty() || !is_sentence_part(program.meaning)) found.emplace_back("its name");
    std::vector<std::string> names;
    for (const Command& command : program.commands) {
        names.emplace_back(command.name);
        if (command.name.empty() && program.commands.size() > 1) found.emplace_back("no name");
        if (command.name.find(' ') != std::string_view::npos &&
            program.find_command(first_word(command.name)) != nullptr) {
            found.push_back(std::string(command.name) + ": its group is a command, too");
        }
        if (!is_sentence_part(command.meaning) || command.meaning.find('\n') != std::string::npos) {
            found.push_back(std::string(command.name) + ": has no meaning in one line");
        }
        if (!command.help.empty() && !command.help.ends_with('\n')) {
            found.push_back(std::string(command.name) + ": the last line of its help has no end");
        }
        check_operands(command, found);
    }
    for (const Topic& topic : program.topics) names.emplace_back(topic.name);
    for (const std::string_view later : program.later_commands) names.emplace_back(later);
    for (const Option* option : program.options_of(nullptr)) {
        for (const std::string& name : spellings(*option)) names.push_back(name);
        if (!option->alias.empty()) names.push_back("--" + std::string(option->alias));
        if (option != &kHelpOption && option != &kVersionOption) {
            check_option(program, *option, found);
        }
    }
    add_twice(names, found);
    return found;
}

}  // namespace zk::command_line
