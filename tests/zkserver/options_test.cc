#include "zkserver/options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "zkserver/server.h"

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

TEST(ServerOptions, Properties) {
    const Options options = good(
        {"--property", "snapCount=5", "zoo.cfg", "--property=a=b=c", "--property=snapCount=6"});
    ASSERT_EQ(options.properties.size(), 2U);
    EXPECT_EQ(options.properties[0].key, "a");
    EXPECT_EQ(options.properties[0].value, "b=c");
    EXPECT_EQ(options.properties[1].key, "snapCount");
    EXPECT_EQ(options.properties[1].value, "6");
    EXPECT_THAT(bad({"--property", "snapCount", "zoo.cfg"}), HasSubstr("is no KEY=VALUE"));
    EXPECT_THAT(bad({"--property", "=5", "zoo.cfg"}), HasSubstr("is no KEY=VALUE"));
    EXPECT_THAT(bad({"--property", "a=b", "2181", "/data"}), HasSubstr("need a ZOO_CFG"));
}

TEST(ServerOptions, JavaFlags) {
    const Options options =
        good({"--java-flags",
              "SERVER_JVMFLAGS=-Xmx1g -Dzookeeper.snapCount=5 -Djute.maxbuffer=4194304",
              "--java-flags=JVMFLAGS=-Dzookeeper.snapCount=6 -Dzookeeper.root.logger=WARN,X",
              "zoo.cfg"});
    ASSERT_EQ(options.properties.size(), 2U);
    EXPECT_EQ(options.properties[0].key, "jute.maxbuffer");
    EXPECT_EQ(options.properties[0].value, "4194304");
    EXPECT_EQ(options.properties[1].key, "snapCount");
    EXPECT_EQ(options.properties[1].value, "6");
    EXPECT_EQ(options.level, LogLevel::warn);
    EXPECT_THAT(options.warnings,
                testing::ElementsAre(HasSubstr("SERVER_JVMFLAGS: -Xmx1g: for the Java machine")));
    EXPECT_EQ(
        good({"--log-level=debug", "--java-flags", "X=-Dzookeeper.root.logger=WARN", "zoo.cfg"})
            .level,
        LogLevel::debug);
    EXPECT_EQ(
        good({"--property", "snapCount=7", "--java-flags", "X=-Dzookeeper.snapCount=5", "zoo.cfg"})
            .properties[0]
            .value,
        "7")
        << "given by itself";
    EXPECT_THAT(good({"--java-flags", "X=", "zoo.cfg"}).warnings, testing::IsEmpty());
    EXPECT_THAT(bad({"--java-flags", "-Dzookeeper.snapCount=5", "zoo.cfg"}),
                HasSubstr("is no VARIABLE=FLAGS"));
    EXPECT_THAT(bad({"--java-flags", "snapCount", "zoo.cfg"}), HasSubstr("is no VARIABLE=FLAGS"));
    EXPECT_THAT(bad({"--java-flags", "=5", "zoo.cfg"}), HasSubstr("is no VARIABLE=FLAGS"));
    EXPECT_THAT(bad({"--java-flags", "X=-Dzookeeper.snapCount=5", "2181", "/data"}),
                HasSubstr("need a ZOO_CFG"));
}

// Apache's ZooKeeperServerMain: no limit of connections there, unlike in a zoo.cfg.
TEST(ServerOptions, AServerAlone) {
    const Options two = good({"2181", "/data"});
    EXPECT_TRUE(two.config_path.empty());
    ASSERT_TRUE(two.alone.has_value());
    const Configuration plain = configuration_of(*two.alone);
    EXPECT_TRUE(plain.standalone());
    EXPECT_EQ(plain.config.client_port, 2181);
    EXPECT_EQ(plain.config.data_dir, "/data");
    EXPECT_EQ(plain.config.log_dir(), "/data");
    EXPECT_EQ(plain.config.tick_time, milliseconds(3000));
    EXPECT_EQ(plain.config.client_connections_max, 0);
    const Options four = good({"--log-level", "warn", "0", "/data", "500", "7"});
    ASSERT_TRUE(four.alone.has_value());
    const Configuration full = configuration_of(*four.alone);
    EXPECT_EQ(full.config.client_port, 0);
    EXPECT_EQ(full.config.tick_time, milliseconds(500));
    EXPECT_EQ(full.config.session_timeout_lowest(), milliseconds(1000));
    EXPECT_EQ(full.config.client_connections_max, 7);
    EXPECT_FALSE(good({"2181"}).alone.has_value()) << "a file of that name";
}

TEST(ServerOptions, Mistakes) {
    EXPECT_THAT(bad({}), HasSubstr("zkserver needs the configuration file, or a port for clients"));
    EXPECT_THAT(bad({"2181", "/data", "2000", "60", "x"}), HasSubstr("\"x\" is one word too many"));
    EXPECT_THAT(bad({"--chekc", "zoo.cfg"}), HasSubstr("did you mean \"--check\"?"));
    EXPECT_THAT(bad({"--log-level", "all", "zoo.cfg"}), HasSubstr("--log-level must be trace"));
    EXPECT_THAT(bad({"--log-level"}), HasSubstr("needs a value"));
    EXPECT_THAT(bad({""}), HasSubstr("ZOO_CFG|PORT needs a file"));
    EXPECT_THAT(bad({"2181", ""}), HasSubstr("DATADIR needs a directory"));
    EXPECT_EQ(
        bad({"zoo.cfg", "/data"}),
        "PORT, when a DATADIR follows, must be a whole number, 0 to 65535; found \"zoo.cfg\"");
    EXPECT_THAT(bad({"65536", "/data"}), HasSubstr("0 to 65535; found \"65536\""));
    EXPECT_EQ(bad({"2181", "/data", "0"}),
              "TICKTIME must be a whole number, 1 to 2147483647; found \"0\"");
    EXPECT_EQ(bad({"2181", "/data", "2000", "many"}),
              "MAXCNXNS must be a whole number, 0 to 2147483647; found \"many\"");
}

}  // namespace
}  // namespace zk::zkserver
