#include "command_line/completion.h"

#include <algorithm>
#include <vector>

#include "command_line/parse.h"

namespace zk::command_line {
namespace {

constexpr std::size_t kPlacesMax = 8;  ///< of an operand that may stand several times

std::string name_of(std::string_view view) { return std::string(view); }

std::string listed(const std::vector<std::string_view>& names) {
    std::string text;
    for (const std::string_view name : names) text += (text.empty() ? "" : " ") + name_of(name);
    return text;
}

std::string spelled(const Option& option, std::string_view between) {
    std::string text;
    for (const std::string& each : spellings(option)) {
        if (!text.empty()) text += between;
        text += each;
    }
    return text;
}

/// For what has been typed: also the spelling that nobody is offered.
std::string pattern(const Option& option, std::string_view between) {
    std::string text = spelled(option, between);
    if (!option.alias.empty()) text += name_of(between) + "--" + name_of(option.alias);
    return text;
}

// ---- bash, and zsh, which can run bash's

/// What stands in a place: choices, files, directories, or nothing that could be listed.
std::string bash_values(Type type, const std::vector<std::string_view>& choices) {
    if (type == Type::choice) return "words='" + listed(choices) + "'";
    if (type == Type::file) return "files=f";
    if (type == Type::directory) return "files=d";
    return ":";
}

std::string bash_options(const Program& program, const Command* command) {
    std::string words;
    for (const Option* option : program.options_of(command)) {
        words += (words.empty() ? "" : " ") + spelled(*option, " ");
    }
    return words;
}

/// Of options with a value: `case` lines that set what may stand there.
std::string bash_value_cases(const Program& program) {
    std::string cases;
    for (const Option& option : program.options) {
        if (option.type == Type::flag) continue;
        cases += "        " + pattern(option, "|") + ") " +
                 bash_values(option.type, option.choices) + " ;;\n";
    }
    return cases;
}

/// "help" takes the names of pages; other operands say themselves what they are.
std::string bash_operand_cases(const Program& program) {
    std::string cases = "        :0) words='" + listed(program.first_words()) + "' ;;\n";
    std::vector<std::string_view> groups;
    for (const std::string_view word : program.first_words()) {
        const auto members = program.members_of(word);
        if (!members.empty()) {
            cases += "        " + name_of(word) + ":0) words='" + listed(members) + "' ;;\n";
        }
    }
    for (const Command& command : program.commands) {
        if (command.name == "help") {
            std::vector<std::string_view> pages = program.first_words();
            for (const Topic& topic : program.topics) pages.push_back(topic.name);
            cases += "        help:0) words='" + listed(pages) + "' ;;\n";
            continue;
        }
        std::size_t place = 0;
        for (const Operand& operand : command.operands) {
            const std::string values = bash_values(operand.type, operand.choices);
            for (std::size_t i = 0; i < std::min(operand.most, kPlacesMax); ++i) {
                cases += "        '" + name_of(command.name) + ":" + std::to_string(place++) +
                         "') " + values + " ;;\n";
            }
        }
    }
    return cases;
}

std::string replaced(std::string text, const std::string& what, const std::string& by) {
    for (std::size_t at = 0; (at = text.find(what, at)) != std::string::npos; at += by.size()) {
        text.replace(at, what.size(), by);
    }
    return text;
}

constexpr std::string_view kBash = R"(_@FUNCTION@() {
    local cur=${COMP_WORDS[COMP_CWORD]} option=${COMP_WORDS[COMP_CWORD-1]}
    local command= operands=0 words= files=none before= i word
    COMPREPLY=()
    # --output=js comes as three words, --output, =, js, or as one, as COMP_WORDBREAKS and the shell have it.
    if [[ $cur == --*=* ]]; then
        option=${cur%%=*}
        before=$option=
        cur=${cur#*=}
    elif [[ $cur == = ]]; then
        cur=
    elif [[ $option == = ]]; then
        option=${COMP_WORDS[COMP_CWORD-2]}
    fi
    for ((i = 1; i < COMP_CWORD; i++)); do
        word=${COMP_WORDS[i]}
        case $word in
        @VALUED@)
            i=$((i + 1))
            if [[ ${COMP_WORDS[i]} == = ]]; then i=$((i + 1)); fi
            ;;
        -* | =) ;;
        *)
            case "${command:+$command }$word" in
            @COMMANDS@) command="${command:+$command }$word" ;;
            *) operands=$((operands + 1)) ;;
            esac
            ;;
        esac
    done
    case $option in
@VALUE_CASES@        *) option= ;;
    esac
    if [[ -z $option && $cur == -* ]]; then
        case $command in
@OPTION_CASES@        esac
    elif [[ -z $option ]]; then
        case "$command:$operands" in
@OPERAND_CASES@        esac
    fi
    local IFS=$' \t\n'
    if [[ $files == none ]]; then
        COMPREPLY=($(compgen -W "$words" -- "$cur"))
    else
        IFS=$'\n'
        COMPREPLY=($(compgen "-$files" -- "$cur"))
        type compopt >/dev/null 2>&1 && compopt -o filenames 2>/dev/null
    fi
    COMPREPLY=("${COMPREPLY[@]/#/$before}")
    return 0
}
complete -F _@FUNCTION@ @PROGRAM@
)";

std::string bash_completion(const Program& program) {
    std::string valued;
    for (const Option& option : program.options) {
        if (option.type != Type::flag) {
            valued += (valued.empty() ? "" : " | ") + pattern(option, " | ");
        }
    }
    std::string commands;
    std::string options = "        '') words='" + bash_options(program, nullptr) + "' ;;\n";
    const auto add_command = [&commands](std::string_view name) {
        commands += (commands.empty() ? "'" : " | '") + name_of(name) + "'";
    };
    for (const std::string_view word : program.first_words()) {
        if (!program.members_of(word).empty()) {
            add_command(word);
            options += "        '" + name_of(word) + "') words='" + bash_options(program, nullptr) +
                       "' ;;\n";
        }
    }
    for (const Command& command : program.commands) {
        add_command(command.name);
        options += "        '" + name_of(command.name) + "') words='" +
                   bash_options(program, &command) + "' ;;\n";
    }
    std::string text(kBash);
    text = replaced(text, "@VALUED@", valued);
    text = replaced(text, "@COMMANDS@", commands);
    text = replaced(text, "@VALUE_CASES@", bash_value_cases(program));
    text = replaced(text, "@OPTION_CASES@", options);
    text = replaced(text, "@OPERAND_CASES@", bash_operand_cases(program));
    text = replaced(text, "@FUNCTION@", replaced(name_of(program.name), "-", "_"));
    return replaced(text, "@PROGRAM@", name_of(program.name));
}

// ---- fish

std::string fish_quoted(std::string_view text) {
    return "'" + replaced(replaced(name_of(text), "\\", "\\\\"), "'", "\\'") + "'";
}

std::string fish_values(Type type, const std::vector<std::string_view>& choices) {
    if (type == Type::choice) return " -x -a " + fish_quoted(listed(choices));
    if (type == Type::file) return " -r -F";
    if (type == Type::directory) return " -x -a '(__fish_complete_directories)'";
    return type == Type::flag ? "" : " -x";
}

/// "__fish_seen_subcommand_from lock; and __fish_seen_subcommand_from show".
std::string fish_seen(std::string_view command) {
    const std::size_t space = command.find(' ');
    std::string text = "__fish_seen_subcommand_from " + name_of(command.substr(0, space));
    if (space != std::string_view::npos) text += "; and " + fish_seen(command.substr(space + 1));
    return text;
}

std::string fish_completion(const Program& program) {
    const std::string head = "complete -c " + name_of(program.name);
    const std::string none = "not __fish_seen_subcommand_from " + listed(program.first_words());
    std::string text = head + " -f\n";
    for (const std::string_view word : program.first_words()) {
        const auto members = program.members_of(word);
        const Command* const command = program.find_command(word);
        text += head + " -n " + fish_quoted(none) + " -a " + name_of(word) + " -d " +
                fish_quoted(command == nullptr ? std::string_view("") : command->meaning) + "\n";
        const std::string open =
            fish_seen(word) + "; and not __fish_seen_subcommand_from " + listed(members);
        for (const std::string_view member : members) {
            const Command& full = *program.find_command(name_of(word) + " " + name_of(member));
            text += head + " -n " + fish_quoted(open) + " -a " + name_of(member) + " -d " +
                    fish_quoted(full.meaning) + "\n";
        }
    }
    for (const Command& command : program.commands) {
        const std::string where = " -n " + fish_quoted(fish_seen(command.name));
        for (const Operand& operand : command.operands) {
            if (operand.type == Type::file) text += head + where + " -F\n";
            if (operand.type != Type::choice) continue;
            text += head + where + " -a " + fish_quoted(listed(operand.choices)) + "\n";
        }
        if (command.name == "help") {
            for (const Topic& topic : program.topics) {
                text += head + where + " -a " + name_of(topic.name) + " -d " +
                        fish_quoted(topic.meaning) + "\n";
            }
            text += head + where + " -a " + fish_quoted(listed(program.first_words())) + "\n";
        }
        for (const Option* option : program.options_of(&command)) {
            text += head + where;
            if (option->letter != 0) text += std::string(" -s ") + option->letter;
            text += " -l " + name_of(option->name) + fish_values(option->type, option->choices) +
                    " -d " + fish_quoted(option->meaning) + "\n";
        }
    }
    return text;
}

}  // namespace

std::string completion(const Program& program, Shell shell) {
    const std::string name(program.name);
    const auto written = [&name](const std::string& in) {
        return "# Completion of " + name + " in " + in + ". Written by: " + name + " completion " +
               in + "\n";
    };
    switch (shell) {
        case Shell::bash:
            return written("bash") + bash_completion(program);
        case Shell::zsh:
            return "#compdef " + name + "\n" + written("zsh") +
                   "autoload -U +X bashcompinit && bashcompinit\n" + bash_completion(program);
        case Shell::fish:
            return written("fish") + fish_completion(program);
    }
    return {};
}

}  // namespace zk::command_line
