// Pages of help in one form, from the table. Pure.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "command_line/program.h"

namespace zk::command_line {

/// "usage: " and one line for each command; of a program with many options without them.
std::string usage(const Program& program);
/// The page on a command, a group of commands or a topic; without a topic the page on the program.
/// Errors: there is no such page.
Result<std::string> help(const Program& program, std::string_view topic);

}  // namespace zk::command_line
