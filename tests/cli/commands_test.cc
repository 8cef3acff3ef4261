#include "cli/commands.h"

#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/words.h"

namespace zk::cli {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

Result<Command> command_of(const std::string& line) { return read_command(*split_words(line)); }

std::string refusal_of(const std::string& line) {
    const auto command = command_of(line);
    EXPECT_FALSE(command.has_value()) << line;
    return command.has_value() ? "" : command.error().words;
}

TEST(Commands, OptionsStandAnywhere) {
    for (const char* line :
         {"get -s -w /a", "get /a -w -s", "get -sw /a", "get -s /a -w", "get --s -w -- /a"}) {
        const auto command = command_of(line);
        ASSERT_TRUE(command.has_value()) << line;
        EXPECT_EQ(command->spec->verb, Verb::get);
        EXPECT_TRUE(command->has("s") && command->has("w")) << line;
        EXPECT_FALSE(command->has("b"));
        EXPECT_THAT(command->operands, ElementsAre("/a")) << line;
    }
}

TEST(Commands, AValueStandsBehindItsOption) {
    for (const char* line : {"set -v 3 /a x",
                             "set -v=3 /a x",
                             "set -v3 /a x",
                             "set /a x -v 3",
                             "set -sv 3 /a x",
                             "set -sv3 /a x"}) {
        const auto command = command_of(line);
        ASSERT_TRUE(command.has_value()) << line;
        EXPECT_EQ(command->value("v"), "3") << line;
        EXPECT_THAT(command->operands, ElementsAre("/a", "x")) << line;
    }
    EXPECT_EQ(command_of("delete -v -1 /a")->value("v"), "-1");
    EXPECT_EQ(command_of("reconfig -members server.1=a:1:2 ")->value("members"), "server.1=a:1:2");
    EXPECT_EQ(command_of("reconfig -add a -add b,c -remove 3")->value("add"), "a,b,c");
}

TEST(Commands, NumbersAndWordsBehindTwoDashesAreOperands) {
    EXPECT_THAT(command_of("set /a -5")->operands, ElementsAre("/a", "-5"));
    EXPECT_THAT(command_of("set /a -")->operands, ElementsAre("/a", "-"));
    EXPECT_THAT(command_of("set /a -- -x")->operands, ElementsAre("/a", "-x"));
}

TEST(Commands, WhatIsWrongIsNamed) {
    EXPECT_EQ(refusal_of("get"), "get [-s] [-w] [-b] [-x] path");
    EXPECT_EQ(refusal_of("version x"), "version");
    EXPECT_EQ(refusal_of("sync /a /b"), "sync path");
    EXPECT_EQ(refusal_of("set /a two words"), "set [-s] [-v version] [-b] path data");
    EXPECT_THAT(refusal_of("get -z /a"), HasSubstr("Unrecognized option: -z"));
    EXPECT_THAT(refusal_of("get -sz /a"), HasSubstr("Unrecognized option: -sz"));
    EXPECT_THAT(refusal_of("reconfig -add"), HasSubstr("Missing argument for option: add"));
    EXPECT_THAT(refusal_of("get -s=1 /a"), HasSubstr("takes no value"));
    EXPECT_THAT(refusal_of("setquota -n 5 -b 6 /a"), HasSubstr("'b' cannot stand beside 'n'"));
}

TEST(Commands, AnUnknownOneIsNotFoundAndTheNearestIsNamed) {
    const auto command = command_of("getacl /a");
    ASSERT_FALSE(command.has_value());
    EXPECT_EQ(command.error().code, make_error_code(Errc::not_found));
    EXPECT_THAT(command.error().words, HasSubstr("Command not found: Command not found getacl"));
    EXPECT_THAT(command.error().words, HasSubstr("Did you mean getAcl?"));
    EXPECT_THAT(command.error().words, HasSubstr("\tdeleteall path [-b batch size]\n"));
}

TEST(Commands, ExitIsQuit) { EXPECT_EQ(command_of("exit")->spec->verb, Verb::quit); }

TEST(Commands, NumbersHaveBounds) {
    const auto number = [](const char* line) { return number_of(*command_of(line), "v", 0, 9); };
    EXPECT_EQ(*number("delete /a"), std::nullopt);
    EXPECT_EQ(*number("delete -v 9 /a"), 9);
    EXPECT_FALSE(number("delete -v 10 /a").has_value());
    EXPECT_FALSE(number("delete -v -1 /a").has_value());
    EXPECT_THAT(number("delete -v abc /a").error().words, HasSubstr("-v \"abc\""));
}

TEST(Commands, TheTableIsSound) {
    std::set<std::string_view> names;
    std::set<Verb> verbs;
    for (const auto& spec : commands()) {
        EXPECT_TRUE(names.insert(spec.name).second) << spec.name;
        EXPECT_TRUE(verbs.insert(spec.verb).second) << spec.name;
        EXPECT_FALSE(spec.meaning.empty()) << spec.name;
        EXPECT_LE(spec.least, spec.most) << spec.name;
        for (const auto& option : spec.options) {
            EXPECT_THAT(spec.usage(), HasSubstr("-" + std::string(option.name))) << spec.name;
        }
        for (const auto name : spec.one_of) {
            EXPECT_THAT(spec.usage(), HasSubstr("-" + std::string(name))) << spec.name;
        }
        EXPECT_TRUE(help(std::string(spec.name)).has_value());
    }
    EXPECT_EQ(verbs.size(), static_cast<std::size_t>(Verb::who_am_i) + 1);
    EXPECT_FALSE(help("bogus").has_value());
}

}  // namespace
}  // namespace zk::cli
