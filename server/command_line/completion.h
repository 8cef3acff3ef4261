// What a shell needs to complete a program's command lines, from the table. Pure.
#pragma once

#include <string>

#include "command_line/program.h"

namespace zk::command_line {

enum class Shell { bash, zsh, fish };

/// A script to be sourced: commands, options, choices, files. REQUIRES: the program has commands.
std::string completion(const Program& program, Shell shell);

}  // namespace zk::command_line
