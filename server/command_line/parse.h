// From the words of a command line to typed values. Pure: words and environment in, values or an error out.
//
// --name VALUE, --name=VALUE, -n VALUE; options stand before or behind the command and its operands. After "--" every
// word is an operand. "-" alone is an operand or a value. --help anywhere wins, also over mistakes.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "command_line/program.h"
#include "command_line/value.h"

namespace zk::command_line {

/// The value of a variable, or nothing.
using Environment = std::function<std::string(std::string_view name)>;

enum class Asked { run, help, version };

class Parsed {
  public:
    Asked asked = Asked::run;
    /// Of the table. Null: help on no command, or --version of a program without commands.
    const Command* command = nullptr;
    std::string topic;  ///< Asked::help: for help(); what was typed, so it may not exist

    // REQUIRES of all that follow: the table has the option, and it is of that type.
    /// Whether it stands on the command line.
    [[nodiscard]] bool given(std::string_view option) const;
    /// Whether it has a value, also from the environment or by default.
    [[nodiscard]] bool has(std::string_view option) const;
    [[nodiscard]] bool flag(std::string_view option) const { return given(option); }
    /// Also of files, directories and choices. Empty: it has no value.
    [[nodiscard]] std::string text(std::string_view option) const;
    /// REQUIRES: has(option).
    [[nodiscard]] std::int64_t number(std::string_view option) const;
    /// REQUIRES: has(option).
    [[nodiscard]] milliseconds duration(std::string_view option) const;
    /// All values of an option that collects.
    [[nodiscard]] const std::vector<Value>& all(std::string_view option) const;
    /// The words of an operand of the command: none where it is left out.
    [[nodiscard]] std::vector<std::string> operands(std::string_view operand) const;
    /// The one word of an operand; empty where it is left out.
    [[nodiscard]] std::string operand(std::string_view operand) const;

  private:
    friend class Parser;
    struct Slot {
        bool given = false;
        std::vector<Value> values;
    };
    [[nodiscard]] const Slot& slot(std::string_view option) const;
    [[nodiscard]] const Value& value(std::string_view option, Type type) const;

    const Program* program_ = nullptr;
    std::vector<Slot> slots_;  ///< one for each option of the table
    std::vector<std::pair<std::string, std::string>> operands_;
};

/// Reads the words after the program's name. Errors name the word and the way out.
/// REQUIRES: the table outlives what is returned.
Result<Parsed> parse(const Program& program,
                     const std::vector<std::string>& words,
                     const Environment& environment = {});

/// Of a command line that may be wrong, for the report on it: the first word that is neither an option nor the value
/// of one.
std::string command_word(const Program& program, const std::vector<std::string>& words);
/// Likewise: the last value given for an option, whether it is right or not.
std::string given_value(const Program& program,
                        const std::vector<std::string>& words,
                        std::string_view option);

}  // namespace zk::command_line
