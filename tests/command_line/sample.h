// A table that has one of everything.
#pragma once

#include <string>
#include <vector>

#include "command_line/program.h"

namespace zk::command_line {

inline std::string colours_page() { return "All colours.\n"; }

inline const Program& sample() {
    static const Program kProgram = {
        .name = "paint",
        .meaning = "paints houses.",
        .commands =
            {{.name = "wall",
              .meaning = "paint a wall",
              .help = "With a brush.\n",
              .operands = {{.name = "WALL", .meaning = "the wall's name"},
                           {.name = "PLAN", .meaning = "a plan", .type = Type::file, .least = 0}},
              .examples = {"paint wall north", "paint wall north plan.txt"}},
             {.name = "fence",
              .meaning = "paint a fence",
              .operands = {{.name = "SIDE",
                            .meaning = "which side",
                            .type = Type::choice,
                            .choices = {"inner", "outer"},
                            .most = 2}}},
             {.name = "pot show", .meaning = "what is in the pots"},
             {.name = "pot empty", .meaning = "empty the pots"},
             {.name = "version", .meaning = "print the version"},
             {.name = "help",
              .meaning = "tell about a command",
              .operands = {{.name = "TOPIC", .meaning = "of what", .least = 0, .most = 2}}}},
        .options =
            {{.name = "colour",
              .letter = 'c',
              .alias = "color",
              .type = Type::choice,
              .meaning = "of the paint",
              .choices = {"red", "green"},
              .later_choices = {"gold"},
              .standard = "green",
              .environment = "PAINT_COLOUR"},
             {.name = "coats",
              .type = Type::number,
              .value = "N",
              .meaning = "how many",
              .least = 1,
              .most = 3,
              .commands = {"wall", "fence"}},
             {.name = "drops", .type = Type::number, .value = "N", .meaning = "that may fall"},
             {.name = "brush",
              .type = Type::choice,
              .value = "SIZE",
              .meaning = "how broad it is",
              .choices = {"small", "wide", "flat"}},
             {.name = "drying",
              .type = Type::duration,
              .value = "1h",
              .meaning = "between two coats",
              .standard = "2h",
              .commands = {"wall"}},
             {.name = "tape",
              .type = Type::text,
              .value = "WHERE",
              .meaning = "leave a place free",
              .repeat = Repeat::collects},
             {.name = "list",
              .letter = 'l',
              .type = Type::file,
              .value = "FILE",
              .meaning = "a list of places",
              .repeat = Repeat::refused},
             {.name = "store",
              .type = Type::directory,
              .value = "DIR",
              .meaning = "of pots",
              .otherwise = "the yard"},
             {.name = "quick", .letter = 'q', .meaning = "be quick", .commands = {"wall"}},
             {.name = "all", .meaning = "every pot", .commands = {"pot show", "pot empty"}}},
        .topics = {{"colours", "which there are", colours_page}},
        .later_commands = {"roof"},
    };
    return kProgram;
}

/// Of a program without commands.
inline const Program& plain_sample() {
    static const Program kProgram = {
        .name = "dry",
        .meaning = "waits.",
        .commands = {{.name = {},
                      .meaning = "wait",
                      .operands = {{.name = "FILE", .meaning = "a file", .type = Type::file}}}},
        .options = {{.name = "check", .meaning = "only look"}},
    };
    return kProgram;
}

inline std::vector<std::string> words_of(const std::string& line) {
    std::vector<std::string> words;
    std::string word;
    for (const char c : line + " ") {
        if (c != ' ') {
            word += c;
        } else if (!word.empty()) {
            words.push_back(std::move(word));
            word.clear();
        }
    }
    return words;
}

}  // namespace zk::command_line
