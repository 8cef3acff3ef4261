#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "command_line/program.h"
#include "sample.h"

namespace zk::command_line {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

/// What is said of the sample after `spoil`.
template <class Spoil>
std::vector<std::string> problems_after(Spoil spoil) {
    Program program = sample();
    spoil(program);
    return problems(program);
}

TEST(Table, ASoundOneHasNoProblems) {
    EXPECT_THAT(problems(sample()), IsEmpty());
    EXPECT_THAT(problems(plain_sample()), IsEmpty());
    EXPECT_THAT(problems(Program{.name = "x", .meaning = "y", .commands = {}, .options = {}}),
                ElementsAre("no command"));
}

TEST(Table, NamesStandForOneThing) {
    EXPECT_THAT(problems_after([](Program& p) { p.commands.push_back(p.commands[0]); }),
                ElementsAre("wall is there twice"));
    EXPECT_THAT(problems_after([](Program& p) { p.later_commands = {"colours"}; }),
                ElementsAre("colours is there twice"));
    EXPECT_THAT(problems_after([](Program& p) { p.options[1].letter = 'c'; }),
                ElementsAre("-c is there twice"));
    EXPECT_THAT(problems_after([](Program& p) { p.options[2].alias = "tape"; }),
                ElementsAre("--tape is there twice"));
    EXPECT_THAT(problems_after([](Program& p) { p.options[8].letter = 'h'; }),
                ElementsAre("-h is there twice"));
    EXPECT_THAT(problems_after(
                    [](Program& p) { p.commands.push_back({.name = "pot", .meaning = "a pot"}); }),
                ElementsAre("pot show: its group is a command, too",
                            "pot empty: its group is a command, too"));
}

TEST(Table, EverythingSaysWhatItIs) {
    EXPECT_THAT(problems_after([](Program& p) { p.commands[0].meaning = {}; }),
                ElementsAre("wall: has no meaning in one line"));
    EXPECT_THAT(problems_after([](Program& p) { p.commands[0].help = "no end"; }),
                ElementsAre("wall: the last line of its help has no end"));
    EXPECT_THAT(problems_after([](Program& p) { p.options[0].meaning = {}; }),
                ElementsAre("--colour has no meaning"));
    EXPECT_THAT(problems_after([](Program& p) { p.options[1].value = {}; }),
                ElementsAre("--coats: name of its value"));
    EXPECT_THAT(problems_after([](Program& p) { p.commands[0].operands[0].meaning = {}; }),
                ElementsAre("wall WALL: an operand without name or meaning"));
}

TEST(Table, RulesOfOptionsAndOperands) {
    EXPECT_THAT(problems_after([](Program& p) { p.options[0].choices = {}; }),
                ElementsAre("--colour: choices", "--colour: its own default is refused"));
    EXPECT_THAT(problems_after([](Program& p) { p.options[4].standard = "2 weeks"; }),
                ElementsAre("--drying: its own default is refused"));
    EXPECT_THAT(problems_after([](Program& p) { p.options[1].least = 5; }),
                ElementsAre("--coats: range"));
    EXPECT_THAT(problems_after([](Program& p) { p.options[8].standard = "yes"; }),
                ElementsAre("--quick: a flag has no default"));
    EXPECT_THAT(problems_after([](Program& p) { p.options[8].commands = {"pot"}; }),
                ElementsAre("--quick names pot, which is no command"));
    EXPECT_THAT(problems_after([](Program& p) { p.options[8].name = "q"; }),
                ElementsAre("--q: name"));
    EXPECT_THAT(problems_after([](Program& p) {
                    std::swap(p.commands[0].operands[0], p.commands[0].operands[1]);
                }),
                ElementsAre("wall WALL: stands behind one that may be left out"));
    EXPECT_THAT(problems_after([](Program& p) { p.commands[1].operands[0].most = 0; }),
                ElementsAre("fence SIDE: count"));
    EXPECT_THAT(problems_after([](Program& p) { p.commands[1].operands[0].choices = {}; }),
                ElementsAre("fence SIDE: choices"));
    EXPECT_THAT(problems_after([](Program& p) { p.commands[0].operands[0].type = Type::flag; }),
                ElementsAre("wall WALL: a flag is an option"));
}

}  // namespace
}  // namespace zk::command_line
