#include "command_line/help.h"

#include <algorithm>

#include "command_line/value.h"

namespace zk::command_line {
namespace {

constexpr std::size_t kColumns = 100;
constexpr std::size_t kMostMargin = 34;  ///< before a meaning

std::string joined(const std::vector<std::string_view>& names, std::string_view between) {
    std::string text;
    for (const std::string_view name : names) {
        if (!text.empty()) text += between;
        text += name;
    }
    return text;
}

/// "--output table|json".
std::string with_value(const Option& option, const std::string& spelled) {
    if (option.type == Type::flag) return spelled;
    return spelled + " " +
           (option.value.empty() ? joined(option.choices, "|") : std::string(option.value));
}

std::string form_of(const Operand& operand) {
    std::string name =
        operand.choices.empty() ? std::string(operand.name) : joined(operand.choices, "|");
    if (operand.most > 1) name += "...";
    return operand.least == 0 ? "[" + name + "]" : name;
}

std::string form_of(const Option& option) {
    std::string text = "[" + with_value(option, spellings(option).back()) + "]";
    return option.repeat == Repeat::collects ? text + "..." : text;
}

/// "zkprov replace-node [OPTION]... NODE [INVENTORY]", with the options by name where they fit on the line.
std::string usage_of(const Program& program, const Command& command, std::size_t room) {
    std::string text(program.name);
    if (!command.name.empty()) text += " " + std::string(command.name);
    std::string operands;
    for (const Operand& operand : command.operands) operands += " " + form_of(operand);
    std::string options;
    for (const Option& option : program.options) {
        if (takes(command, option)) options += " " + form_of(option);
    }
    if (text.size() + options.size() + operands.size() > room) options = " [OPTION]...";
    return text + options + operands;
}

/// A row of two columns; what does not fit on the line goes on under the second one.
void add_row(std::string& page, const std::string& left, std::size_t margin, std::string right) {
    std::string line = left;
    if (left.size() + 2 > margin) {
        page += left + "\n";
        line.clear();
    }
    line.resize(margin, ' ');
    bool empty = true;
    right += ' ';
    for (std::size_t from = 0, space = 0; (space = right.find(' ', from)) != std::string::npos;
         from = space + 1) {
        const std::string word = right.substr(from, space - from);
        if (!empty && line.size() + 1 + word.size() > kColumns) {
            page += line + "\n";
            line.assign(margin, ' ');
            empty = true;
        }
        line += (empty ? "" : " ") + word;
        empty = false;
    }
    page += line + "\n";
}

using Rows = std::vector<std::pair<std::string, std::string>>;

void add_rows(std::string& page, const std::string& title, const Rows& rows) {
    if (rows.empty()) return;
    std::size_t margin = 0;
    for (const auto& [left, right] : rows) {
        if (left.size() + 2 <= kMostMargin) margin = std::max(margin, left.size() + 2);
    }
    if (margin == 0) margin = kMostMargin;
    page += "\n" + title + "\n";
    for (const auto& [left, right] : rows) add_row(page, left, margin, right);
}

/// "(default: $ZKPROV_INVENTORY, else inventory.yaml)".
std::string default_of(const Option& option) {
    std::string words;
    if (!option.environment.empty()) words = "$" + std::string(option.environment);
    for (const std::string_view each : {option.standard, option.otherwise}) {
        if (!each.empty()) words += (words.empty() ? "" : ", else ") + std::string(each);
    }
    return words.empty() ? words : " (default: " + words + ")";
}

std::string meaning_of(const Option& option) {
    std::string text(option.meaning);
    if (!option.value.empty() && !option.choices.empty()) {
        text += ": " + in_words(option.choices, "or");
    }
    if (option.repeat == Repeat::collects) text += "; may be given several times";
    return text + default_of(option);
}

/// On the page on a program the commands that take an option are named, where they are few.
std::string for_commands(const Option& option) {
    constexpr std::size_t kFew = 4;
    if (option.commands.empty() || option.commands.size() > kFew) return {};
    return joined(option.commands, ", ") + ": ";
}

Rows option_rows(const Program& program, const Command* command) {
    Rows rows;
    for (const Option* option : program.options_of(command)) {
        const std::string letter =
            option->letter == 0 ? "    " : std::string("-") + option->letter + ", ";
        rows.emplace_back("  " + letter + with_value(*option, spellings(*option).front()),
                          (command == nullptr ? for_commands(*option) : "") + meaning_of(*option));
    }
    return rows;
}

std::string page_on(const Program& program, const Command& command) {
    std::string page = std::string(program.name) + " " + std::string(command.name) + ": " +
                       std::string(command.meaning) +
                       "\n\nusage: " + usage_of(program, command, kColumns - 7) + "\n";
    if (!command.help.empty()) page += "\n" + std::string(command.help);
    Rows operands;
    for (const Operand& operand : command.operands) {
        operands.emplace_back("  " + std::string(operand.name), operand.meaning);
    }
    add_rows(page, "Operands", operands);
    add_rows(page, "Options", option_rows(program, &command));
    if (!command.examples.empty()) page += "\nExamples\n";
    for (const std::string_view example : command.examples) {
        page += "  " + std::string(example) + "\n";
    }
    return page;
}

/// Of a program without commands its only one is the program.
std::string page_on(const Program& program) {
    std::string page = std::string(program.name) + " " + std::string(program.meaning) + "\n\n";
    if (!program.has_commands()) {
        const Command& command = program.commands.front();
        page += usage(program);
        if (!command.help.empty()) page += "\n" + std::string(command.help);
        Rows operands;
        for (const Operand& operand : command.operands) {
            operands.emplace_back("  " + std::string(operand.name), operand.meaning);
        }
        add_rows(page, "Operands", operands);
        add_rows(page, "Options", option_rows(program, nullptr));
        return page;
    }
    page += "usage: " + std::string(program.name) + " COMMAND [OPTION]...\n";
    Rows commands;
    for (const Command& command : program.commands) {
        std::string left = "  " + std::string(command.name);
        for (const Operand& operand : command.operands) left += " " + form_of(operand);
        commands.emplace_back(left, command.meaning);
    }
    add_rows(page, "Commands", commands);
    add_rows(page, "Options", option_rows(program, nullptr));
    Rows topics;
    if (program.find_command("help") != nullptr) {
        const std::string help_on = "  " + std::string(program.name) + " help ";
        topics.emplace_back(help_on + "COMMAND", "what it does, what it takes, examples");
        for (const Topic& topic : program.topics) {
            topics.emplace_back(help_on + std::string(topic.name), topic.meaning);
        }
    }
    add_rows(page, "More", topics);
    return page;
}

}  // namespace

std::string usage(const Program& program) {
    std::string text;
    for (const Command& command : program.commands) {
        const std::string head = text.empty() ? "usage: " : "       ";
        text += head + usage_of(program, command, kColumns - head.size()) + "\n";
    }
    if (program.has_version && program.find_command("version") == nullptr) {
        text += "       " + std::string(program.name) + " --version\n";
    }
    return text;
}

Result<std::string> help(const Program& program, std::string_view topic) {
    if (topic.empty()) return page_on(program);
    if (const Command* const command = program.find_command(topic)) {
        return page_on(program, *command);
    }
    std::string pages;
    for (const std::string_view member : program.members_of(topic)) {
        const std::string name = std::string(topic) + " " + std::string(member);
        pages += (pages.empty() ? "" : "\n\n") + page_on(program, *program.find_command(name));
    }
    if (!pages.empty()) return pages;
    std::vector<std::string_view> names = program.first_words();
    std::vector<std::string_view> topics;
    for (const Topic& each : program.topics) {
        if (each.name == topic) return each.text();
        names.push_back(each.name);
        topics.push_back(each.name);
    }
    const std::string meant = did_you_mean(topic, names);
    std::string words = "there is no help on \"" + std::string(topic) + "\"";
    if (!meant.empty()) return Error(Errc::invalid, words + meant);
    if (!topics.empty()) words += "; besides the commands: " + joined(topics, ", ");
    return Error(Errc::invalid, words + "; see: " + help_command(program, nullptr));
}

}  // namespace zk::command_line
