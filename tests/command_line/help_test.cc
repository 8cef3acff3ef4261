#include "command_line/help.h"

#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sample.h"

namespace zk::command_line {
namespace {

using testing::HasSubstr;

TEST(Help, ThePageOnTheProgram) {
    EXPECT_EQ(*help(sample(), ""), R"(paint paints houses.

usage: paint COMMAND [OPTION]...

Commands
  wall WALL [PLAN]      paint a wall
  fence inner|outer...  paint a fence
  pot show              what is in the pots
  pot empty             empty the pots
  version               print the version
  help [TOPIC...]       tell about a command

Options
  -c, --colour red|green  of the paint (default: $PAINT_COLOUR, else green)
      --coats N           wall, fence: how many
      --drops N           that may fall
      --brush SIZE        how broad it is: small, wide or flat
      --drying 1h         wall: between two coats (default: 2h)
      --tape WHERE        leave a place free; may be given several times
  -l, --list FILE         a list of places
      --store DIR         of pots (default: the yard)
  -q, --quick             wall: be quick
      --all               pot show, pot empty: every pot
  -h, --help              this page
      --version           the program's version

More
  paint help COMMAND  what it does, what it takes, examples
  paint help colours  which there are
)");
}

TEST(Help, ThePageOnACommand) {
    EXPECT_EQ(*help(sample(), "wall"), R"(paint wall: paint a wall

usage: paint wall [OPTION]... WALL [PLAN]

With a brush.

Operands
  WALL  the wall's name
  PLAN  a plan

Options
  -c, --colour red|green  of the paint (default: $PAINT_COLOUR, else green)
      --coats N           how many
      --drops N           that may fall
      --brush SIZE        how broad it is: small, wide or flat
      --drying 1h         between two coats (default: 2h)
      --tape WHERE        leave a place free; may be given several times
  -l, --list FILE         a list of places
      --store DIR         of pots (default: the yard)
  -q, --quick             be quick
  -h, --help              this page

Examples
  paint wall north
  paint wall north plan.txt
)");
    EXPECT_THAT(*help(sample(), "pot"), HasSubstr("usage: paint pot empty"));
    EXPECT_EQ(*help(sample(), "colours"), "All colours.\n");
}

TEST(Help, AProgramWithoutCommands) {
    EXPECT_EQ(usage(plain_sample()), "usage: dry [--check] FILE\n       dry --version\n");
    EXPECT_EQ(*help(plain_sample(), ""), R"(dry waits.

usage: dry [--check] FILE
       dry --version

Operands
  FILE  a file

Options
      --check    only look
  -h, --help     this page
      --version  the program's version
)");
}

TEST(Help, NoSuchPage) {
    EXPECT_EQ(help(sample(), "wal").error().words,
              "there is no help on \"wal\"; did you mean \"wall\"?");
    EXPECT_EQ(help(sample(), "colour").error().words,
              "there is no help on \"colour\"; did you mean \"colours\"?");
    EXPECT_EQ(help(sample(), "juggling").error().words,
              "there is no help on \"juggling\"; besides the commands: colours; see: paint help");
}

TEST(Help, LinesFitAndNothingIsLost) {
    Program program = sample();
    const std::string meaning =
        "of all the walls that a house may have, the one that is to be painted first, and "
        "before all others, because the sun will shine on it in the afternoon";
    program.options[0].meaning = meaning;
    std::istringstream page(*help(program, ""));
    std::string all;
    for (std::string line; std::getline(page, line);) {
        EXPECT_LE(line.size(), 100U) << line;
        EXPECT_FALSE(line.ends_with(' ')) << line;
        std::istringstream words(line);
        for (std::string word; words >> word;) all += word + " ";
    }
    EXPECT_THAT(all, HasSubstr(meaning + " (default: $PAINT_COLOUR, else green)"));
}

}  // namespace
}  // namespace zk::command_line
