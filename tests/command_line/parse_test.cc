#include "command_line/parse.h"

#include <gtest/gtest.h>

#include "sample.h"

namespace zk::command_line {
namespace {

Parsed good(const std::string& line, const Environment& environment = {}) {
    const auto parsed = parse(sample(), words_of(line), environment);
    EXPECT_TRUE(parsed.has_value()) << line << ": " << parsed.error().words;
    return parsed.has_value() ? *parsed : Parsed();
}

TEST(Parse, OptionsStandBeforeAndBehindTheCommand) {
    for (const char* const line : {"wall north -c red --coats 2 -q",
                                   "-c red wall --coats=2 north -q",
                                   "--colour red -q --coats 2 wall north",
                                   "wall -q --coats 2 --color=red -- north"}) {
        const Parsed parsed = good(line);
        EXPECT_EQ(parsed.command->name, "wall") << line;
        EXPECT_EQ(parsed.text("colour"), "red") << line;
        EXPECT_EQ(parsed.number("coats"), 2) << line;
        EXPECT_TRUE(parsed.flag("quick")) << line;
        EXPECT_EQ(parsed.operand("WALL"), "north") << line;
        EXPECT_EQ(parsed.operand("PLAN"), "") << line;
    }
}

TEST(Parse, WhatIsNotGivenComesFromTheEnvironmentOrByDefault) {
    EXPECT_EQ(good("wall x").text("colour"), "green");
    EXPECT_FALSE(good("wall x").given("colour"));
    EXPECT_TRUE(good("wall x").has("colour"));
    EXPECT_FALSE(good("wall x").has("coats"));
    EXPECT_EQ(good("wall x").duration("drying"), std::chrono::hours(2));
    EXPECT_EQ(good("wall x --drying 90m").duration("drying"), std::chrono::minutes(90));
    const Environment red = [](std::string_view name) -> std::string {
        return name == "PAINT_COLOUR" ? "red" : "";
    };
    EXPECT_EQ(good("wall x", red).text("colour"), "red");
    EXPECT_FALSE(good("wall x", red).given("colour"));
    EXPECT_EQ(good("wall x -c green", red).text("colour"), "green");
    const Environment wrong = [](std::string_view) -> std::string { return "blue"; };
    const auto parsed = parse(sample(), words_of("wall x"), wrong);
    ASSERT_FALSE(parsed.has_value());
    EXPECT_EQ(parsed.error().words, "PAINT_COLOUR must be red or green, found \"blue\"");
}

TEST(Parse, TheLastOneCountsOrAllDo) {
    EXPECT_EQ(good("wall x -c red -c green").text("colour"), "green");
    const Parsed parsed = good("wall x --tape door --tape=window");
    ASSERT_EQ(parsed.all("tape").size(), 2U);
    EXPECT_EQ(parsed.all("tape")[0].text, "door");
    EXPECT_EQ(parsed.all("tape")[1].text, "window");
}

TEST(Parse, CommandsOfTwoWordsAndOperandsThatAreCalledLikeCommands) {
    EXPECT_EQ(good("pot show --all").command->name, "pot show");
    EXPECT_EQ(good("pot -c red empty").command->name, "pot empty");
    EXPECT_EQ(good("wall wall pot").operand("WALL"), "wall");
    EXPECT_EQ(good("wall wall pot").operand("PLAN"), "pot");
    EXPECT_EQ(good("fence inner outer").operands("SIDE").size(), 2U);
    EXPECT_EQ(good("wall -- -q").operand("WALL"), "-q");
    EXPECT_EQ(good("wall - -l -").operand("WALL"), "-");
}

TEST(Parse, HelpWinsOverMistakes) {
    const auto topic = [](const std::string& line) {
        const Parsed parsed = good(line);
        EXPECT_EQ(parsed.asked, Asked::help) << line;
        return parsed.topic;
    };
    EXPECT_EQ(topic("--help"), "");
    EXPECT_EQ(topic("help"), "");
    EXPECT_EQ(topic("help --help"), "");
    EXPECT_EQ(topic("help wall"), "wall");
    EXPECT_EQ(topic("help pot show"), "pot show");
    EXPECT_EQ(topic("wall -h"), "wall");
    EXPECT_EQ(topic("pot empty --help"), "pot empty");
    EXPECT_EQ(topic("pot --help"), "pot");
    EXPECT_EQ(topic("wall x y z --nonsense --help"), "wall");
    EXPECT_EQ(topic("wall --coats --help"), "wall");
    EXPECT_EQ(topic("wlal --help"), "wlal");
    EXPECT_EQ(good("wall -- --help").operand("WALL"), "--help");
}

TEST(Parse, Version) {
    EXPECT_EQ(good("--version").asked, Asked::version);
    EXPECT_EQ(good("version").asked, Asked::version);
    EXPECT_EQ(good("--version -c red").text("colour"), "red");
    const auto plain = parse(plain_sample(), words_of("--version"));
    ASSERT_TRUE(plain.has_value());
    EXPECT_EQ(plain->asked, Asked::version);
}

TEST(Parse, AProgramWithoutCommands) {
    const auto parsed = parse(plain_sample(), words_of("--check help"));
    ASSERT_TRUE(parsed.has_value());
    EXPECT_TRUE(parsed->flag("check"));
    EXPECT_EQ(parsed->operand("FILE"), "help");
}

struct Wrong {
    const char* line;
    const char* words;
};

// Every error there is.
constexpr Wrong kWrong[] = {
    {"", "no command is given; see: paint help"},
    {"-c red", "no command is given; see: paint help"},
    {"wal x", "unknown command \"wal\"; did you mean \"wall\"?"},
    {"juggle", "unknown command \"juggle\"; see: paint help"},
    {"roof", "\"roof\" is not supported in this version; see: paint help"},
    {"pot", "pot needs show or empty, such as: paint pot show"},
    {"pot emty", "pot needs show or empty, found \"emty\"; did you mean \"empty\"?"},
    {"pot 7", "pot needs show or empty, found \"7\""},
    {"wall x --coat 2", "unknown option \"--coat\"; did you mean \"--coats\"?"},
    {"--cotas 2 wall x", "unknown option \"--cotas\"; did you mean \"--coats\"?"},
    {"wall x --zebra", "unknown option \"--zebra\"; see: paint help wall"},
    {"wall x -quick", "unknown option \"-quick\"; did you mean \"--quick\"?"},
    {"wall x -cred", "unknown option \"-cred\"; did you mean \"-c red\"?"},
    {"wall x -c=red", "unknown option \"-c=red\"; did you mean \"-c red\"?"},
    {"pot show --coats 2",
     "--coats is for wall and fence; pot show does not have it; see: paint help pot show"},
    {"fence inner -q", "-q is for wall; fence does not have it; see: paint help fence"},
    {"version --all",
     "--all is for pot show and pot empty; version does not have it; see: paint help version"},
    {"wall x --quick=1", "--quick takes no value"},
    {"wall x --coats", "--coats needs a value; see: paint help wall"},
    {"wall x --coats --quick",
     "--coats needs a value, and --quick is an option (--coats=--quick if it is meant); see: paint "
     "help wall"},
    {"wall x --tape -- y", "--tape needs a value; see: paint help wall"},
    {"wall x --coats 4", "--coats must be a whole number, 1 to 3; found \"4\""},
    {"wall x --coats 0", "--coats must be a whole number, 1 to 3; found \"0\""},
    {"wall x --coats two", "--coats must be a whole number, 1 to 3; found \"two\""},
    {"wall x --coats 2x", "--coats must be a whole number, 1 to 3; found \"2x\""},
    {"wall x --drops -1", "--drops must be a whole number, 0 or more; found \"-1\""},
    {"wall x --drops 9223372036854775808",
     "--drops must be a whole number, 0 or more; found \"9223372036854775808\""},
    {"wall x --drying soon",
     "--drying: a duration is a number with ms, s, m or h (30s), up to 24h; found \"soon\""},
    {"wall x -c blue", "-c must be red or green, found \"blue\""},
    {"wall x --colour=gren",
     "--colour must be red or green, found \"gren\"; did you mean \"green\"?"},
    {"wall x -c gold", "-c gold is not supported in this version; it must be red or green"},
    {"wall x --list=", "--list needs a file"},
    {"wall x --store=", "--store needs a directory"},
    {"wall x -l a -l b", "-l is given twice: a and b"},
    {"wall", "wall needs the wall's name, such as: paint wall north"},
    {"fence", "fence needs which side (SIDE); see: paint help fence"},
    {"fence left", "fence: SIDE must be inner or outer, found \"left\""},
    {"fence inner outer inner", "\"inner\" is one word too many; see: paint help fence"},
    {"wall x y z", "\"z\" is one word too many; see: paint help wall"},
    {"wall --version", "\"wall\" is one word too many; see: paint help version"},
};

TEST(Parse, MistakesNameTheWordAndTheWayOut) {
    for (const Wrong& each : kWrong) {
        const auto parsed = parse(sample(), words_of(each.line));
        ASSERT_FALSE(parsed.has_value()) << each.line;
        EXPECT_EQ(parsed.error().words, each.words) << each.line;
        EXPECT_EQ(parsed.error().code, make_error_code(Errc::invalid));
    }
    EXPECT_EQ(parse(sample(), {"wall", "x", ""}).error().words, "wall: PLAN needs a file");
    EXPECT_EQ(parse(sample(), {""}).error().words, "unknown command \"\"; see: paint help");
    EXPECT_EQ(parse(plain_sample(), {}).error().words, "dry needs a file (FILE); see: dry --help");
    EXPECT_EQ(parse(plain_sample(), words_of("a b")).error().words,
              "\"b\" is one word too many; see: dry --help");
    EXPECT_EQ(parse(plain_sample(), words_of("--chekc a")).error().words,
              "unknown option \"--chekc\"; did you mean \"--check\"?");
}

TEST(Parse, WhatAWrongCommandLineTells) {
    EXPECT_EQ(command_word(sample(), words_of("-c red --nonsense wlal x")), "wlal");
    EXPECT_EQ(command_word(sample(), words_of("--quick")), "");
    EXPECT_EQ(given_value(sample(), words_of("wlal -c red --color=blue"), "colour"), "blue");
    EXPECT_EQ(given_value(sample(), words_of("wlal -c"), "colour"), "");
}

TEST(Parse, Durations) {
    EXPECT_EQ(*parse_duration("10"), std::chrono::seconds(10));
    EXPECT_EQ(*parse_duration("250ms"), milliseconds(250));
    EXPECT_EQ(*parse_duration("24h"), std::chrono::hours(24));
    for (const char* const wrong :
         {"", "0", "-1s", "s", "1d", "25h", "1.5s", "99999999999999999999"}) {
        EXPECT_FALSE(parse_duration(wrong).has_value()) << wrong;
    }
}

}  // namespace
}  // namespace zk::command_line
