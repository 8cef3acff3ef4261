#include "sim/options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sim/shapes.h"

namespace zk::sim {
namespace {

using testing::HasSubstr;

Options good(const std::vector<std::string>& words) {
    const auto options = parse_options(words);
    EXPECT_TRUE(options.has_value()) << options.error().words;
    return options.has_value() ? *options : Options();
}
std::string bad(const std::vector<std::string>& words) {
    const auto options = parse_options(words);
    EXPECT_FALSE(options.has_value());
    return options.has_value() ? "" : options.error().words;
}

TEST(SimOptions, TheTableIsSound) {
    EXPECT_THAT(command_line::problems(program()), testing::IsEmpty());
}

TEST(SimOptions, Seeds) {
    EXPECT_EQ(good({}).seed, 1U);
    EXPECT_EQ(good({}).count, 1U);
    const Options options =
        good({"--seed", "7", "--count", "12", "--go-on", "--marks", "--twice", "--trace"});
    EXPECT_EQ(options.seed, 7U);
    EXPECT_EQ(options.count, 12U);
    EXPECT_TRUE(options.go_on && options.marks && options.twice && options.trace);
    EXPECT_EQ(options.as_words, "") << "none of these changes a seed's run";
    EXPECT_EQ(good({"--list"}).what, Options::What::list);
    EXPECT_EQ(good({"--require-marks", "marks.txt"}).required_marks, "marks.txt");
}

TEST(SimOptions, WhatChangesARunIsRepeated) {
    const Options options = good({"--seconds",
                                  "10",
                                  "--servers=5",
                                  "--stream",
                                  "--seed",
                                  "3",
                                  "--without",
                                  "reset",
                                  "--without",
                                  "pause"});
    EXPECT_EQ(options.servers, 5);
    EXPECT_EQ(options.seconds, 10);
    EXPECT_EQ(options.clients, std::nullopt);
    EXPECT_TRUE(options.stream);
    EXPECT_THAT(options.without, testing::ElementsAre(FaultKind::pause, FaultKind::reset));
    EXPECT_EQ(options.as_words,
              " --servers 5 --seconds 10 --stream --without reset --without pause");
    for (const std::string_view shape : shape_names()) {
        EXPECT_EQ(good({"--shape", std::string(shape)}).as_words, " --shape " + std::string(shape));
    }
}

TEST(SimOptions, Faults) {
    EXPECT_EQ(good({"--faults", "none"}).without.size(), kFaultKinds);
    EXPECT_EQ(good({"--faults", "old"}).without.size(), kFaultKinds - 6);
    EXPECT_EQ(good({"--faults", "old", "--without", "reset"}).without.size(), kFaultKinds - 5);
}

TEST(SimOptions, Mistakes) {
    EXPECT_THAT(bad({"--seed", "x"}), HasSubstr("--seed must be a whole number"));
    EXPECT_THAT(bad({"--sed", "7"}), HasSubstr("did you mean \"--seed\"?"));
    EXPECT_THAT(bad({"--shape", "round"}), HasSubstr("--shape must be "));
    EXPECT_THAT(bad({"--without", "rest"}), HasSubstr("did you mean \"reset\"?"));
    EXPECT_THAT(bad({"7"}), HasSubstr("one word too many"));
    EXPECT_THAT(bad({"--version"}), HasSubstr("unknown option"));
}

}  // namespace
}  // namespace zk::sim
