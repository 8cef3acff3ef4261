#include "cli/options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace zk::cli {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST(CliOptions, StandBeforeTheCommand) {
    const auto options = read_options({"-server",
                                       "a:1,b:2/c",
                                       "-timeout",
                                       "4000",
                                       "-r",
                                       "-waitforconnection",
                                       "--json",
                                       "ls",
                                       "-s",
                                       "/"});
    ASSERT_TRUE(options.has_value());
    EXPECT_EQ(options->server, "a:1,b:2/c");
    EXPECT_EQ(options->timeout, std::chrono::milliseconds(4000));
    EXPECT_TRUE(options->read_only && options->wait_for_connection && options->json);
    EXPECT_THAT(options->command, ElementsAre("ls", "-s", "/"));
}

TEST(CliOptions, WithoutThemItIsTheLocalServer) {
    const auto options = read_options({});
    ASSERT_TRUE(options.has_value());
    EXPECT_EQ(options->server, "localhost:2181");
    EXPECT_EQ(options->timeout, std::chrono::seconds(30));
    EXPECT_TRUE(options->command.empty());
    EXPECT_EQ(read_options({"-help"})->what, Options::What::help);
    EXPECT_EQ(read_options({"--version"})->what, Options::What::version);
}

// Apache's shell goes to localhost:2181 when an option is mistyped or its value is missing.
TEST(CliOptions, MistakesAreNamed) {
    const auto words = [](const std::vector<std::string>& given) {
        const auto options = read_options(given);
        return options.has_value() ? std::string() : options.error().words;
    };
    EXPECT_THAT(words({"-sever", "a:1"}), HasSubstr("-sever"));
    EXPECT_THAT(words({"-server"}), HasSubstr("-server needs a value"));
    EXPECT_THAT(words({"-timeout", "x", "ls"}), HasSubstr("-timeout \"x\""));
    EXPECT_THAT(words({"-timeout", "0"}), HasSubstr("1 or more"));
    EXPECT_THAT(words({"-client-configuration", "f"}), HasSubstr("TLS"));
}

}  // namespace
}  // namespace zk::cli
