#include "agent_options/options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace zk::agent_options {
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

TEST(AgentOptions, TheTableIsSound) {
    EXPECT_THAT(command_line::problems(program()), testing::IsEmpty());
}

// As unit files and controllers of other versions call it.
TEST(AgentOptions, WhatOthersWrite) {
    EXPECT_EQ(good({"run", "--state-dir", "/s"}).verb, Verb::run);
    EXPECT_EQ(good({"run", "--state-dir", "/s"}).state_dir, "/s");
    EXPECT_EQ(good({"connect", "--stdio"}).verb, Verb::connect);
    EXPECT_EQ(good({"connect", "--stdio"}).state_dir, "/var/lib/zkprov");
    EXPECT_EQ(good({"connect", "--stdio", "--state-dir", "/s//"}).state_dir, "/s");
    EXPECT_EQ(good({"--state-dir", "/", "status", "--json"}).state_dir, "/");
    EXPECT_TRUE(good({"status", "--json"}).json);
    EXPECT_EQ(good({"--version"}).verb, Verb::version);
    EXPECT_EQ(good({"--help"}).verb, Verb::help);
    EXPECT_EQ(good({"status", "--help"}).help_topic, "status");
}

TEST(AgentOptions, Joining) {
    const Options join = good({"join", "-i", "/i.yaml", "--node", "2", "--patience", "90s"});
    EXPECT_EQ(join.verb, Verb::join);
    EXPECT_EQ(join.inventory_file, "/i.yaml");
    EXPECT_EQ(join.node, ServerId(2));
    EXPECT_EQ(join.wait, milliseconds(90000));
    EXPECT_FALSE(join.state_dir_given);
    EXPECT_TRUE(good({"join", "-i", "i", "--state-dir", "/s"}).state_dir_given);
    EXPECT_FALSE(good({"join", "--inventory", "i"}).wait);
    EXPECT_THAT(bad({"join"}), HasSubstr("join needs --inventory FILE"));
    EXPECT_THAT(bad({"join", "-i", "i", "--node", "256"}), HasSubstr("--node"));
    EXPECT_EQ(good({"join-status", "--wait", "1500ms"}).verb, Verb::join_status);
    EXPECT_EQ(good({"join-status", "--wait", "1500ms"}).wait, milliseconds(1500));
    EXPECT_TRUE(good({"join-status", "--json"}).json);
}

TEST(AgentOptions, Mistakes) {
    EXPECT_THAT(bad({"connect"}), HasSubstr("connect needs --stdio"));
    EXPECT_THAT(bad({"run", "--state-dir", "s"}), HasSubstr("absolute path"));
    EXPECT_THAT(bad({"run", "--state-dir"}), HasSubstr("needs a value"));
    EXPECT_THAT(bad({"run", "--json"}), HasSubstr("--json is for status"));
    EXPECT_THAT(bad({"stauts"}), HasSubstr("did you mean \"status\"?"));
    EXPECT_THAT(bad({"--json"}), HasSubstr("no command is given"));
}

}  // namespace
}  // namespace zk::agent_options
