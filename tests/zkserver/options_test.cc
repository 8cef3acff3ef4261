#include "zkserver/options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace zk::zkserver {
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

TEST(ServerOptions, TheTableIsSound) {
    EXPECT_THAT(command_line::problems(program()), testing::IsEmpty());
}

TEST(ServerOptions, OneFile) {
    EXPECT_EQ(good({"zoo.cfg"}).config_path, "zoo.cfg");
    EXPECT_EQ(good({"zoo.cfg"}).what, Options::What::serve);
    EXPECT_EQ(good({"zoo.cfg"}).level, LogLevel::info);
    EXPECT_EQ(good({"--check", "zoo.cfg"}).what, Options::What::check);
    EXPECT_EQ(good({"zoo.cfg", "--check"}).what, Options::What::check);
    EXPECT_EQ(good({"--log-level", "warn", "zoo.cfg"}).level, LogLevel::warn);
    EXPECT_EQ(good({"--log-level=off", "zoo.cfg"}).level, LogLevel::off);
    EXPECT_EQ(good({"--", "-zoo.cfg"}).config_path, "-zoo.cfg");
    EXPECT_EQ(good({"--version"}).what, Options::What::version);
    EXPECT_EQ(good({"-h"}).what, Options::What::help);
    EXPECT_EQ(good({"zoo.cfg", "--help"}).what, Options::What::help);
}

TEST(ServerOptions, Mistakes) {
    EXPECT_EQ(bad({}), "zkserver needs the configuration file (ZOO_CFG); see: zkserver --help");
    EXPECT_THAT(bad({"2181", "/data"}), HasSubstr("\"/data\" is one word too many"));
    EXPECT_THAT(bad({"--chekc", "zoo.cfg"}), HasSubstr("did you mean \"--check\"?"));
    EXPECT_THAT(bad({"--log-level", "all", "zoo.cfg"}), HasSubstr("--log-level must be trace"));
    EXPECT_THAT(bad({"--log-level"}), HasSubstr("needs a value"));
    EXPECT_THAT(bad({""}), HasSubstr("ZOO_CFG needs a file"));
}

}  // namespace
}  // namespace zk::zkserver
