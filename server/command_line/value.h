// One value of an option, read as its type says. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/time.h"
#include "command_line/program.h"

namespace zk::command_line {

struct Value {
    std::string text;  ///< as it was given
    std::int64_t number = 0;
    milliseconds duration{0};
};

/// Errors begin with `spelled` ("-o", "--output", the name of a variable) and say what would be right.
Result<Value> read_value(const Option& option, const std::string& spelled, const std::string& text);
/// "5s", "2m", "500ms", "10" (seconds).
Result<milliseconds> parse_duration(std::string_view text);
/// "; did you mean \"apply\"?", or nothing.
std::string did_you_mean(std::string_view word, const std::vector<std::string_view>& names);

}  // namespace zk::command_line
