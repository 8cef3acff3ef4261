#include "image/setup.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace zk::image {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

constexpr std::string_view kThree =
    "server.1=172.18.0.2:2888:3888;2181 server.2=172.18.0.3:2888:3888;2181 "
    "server.3=172.18.0.4:2888:3888;2181";
/// The guide's, of one container.
const std::string kOwn = "dataDir=/data\ndataLogDir=/logs\nclientPort=2181\ntickTime=2000\n";
const std::string kPath = "/conf/zoo.cfg";

Wanted said_by(const Environment& environment) {
    auto wanted = read_environment(environment);
    EXPECT_TRUE(wanted.has_value()) << wanted.error().words;
    return wanted.has_value() ? *std::move(wanted) : Wanted();
}

ConfigFile no_file() { return {.path = kPath, .text = std::nullopt}; }
ConfigFile own_file(const std::string& text) { return {.path = kPath, .text = text}; }

Settings chosen(const Environment& environment, const ConfigFile& file) {
    auto settings = choose_config(said_by(environment), file);
    EXPECT_TRUE(settings.has_value()) << settings.error().words;
    return settings.has_value() ? *std::move(settings) : Settings();
}
std::string not_chosen(const Environment& environment, const ConfigFile& file) {
    const auto settings = choose_config(said_by(environment), file);
    EXPECT_FALSE(settings.has_value());
    return settings.has_value() ? "" : settings.error().words;
}

std::string identity_of(const Environment& environment,
                        const ConfigFile& file,
                        const std::optional<std::string>& myid) {
    Settings settings = chosen(environment, file);
    const auto identity = choose_id(said_by(environment), settings, myid);
    if (!identity.has_value()) return identity.error().words;
    return to_string(identity->id) + (identity->write ? " written" : " kept");
}

TEST(SetupConfig, WithoutAFileTheEnvironmentCounts) {
    const Settings settings = chosen({{"ZOO_TICK_TIME", "500"}}, no_file());
    EXPECT_TRUE(settings.generated);
    EXPECT_EQ(settings.config.tick_time, milliseconds(500));
    EXPECT_EQ(settings.config.data_dir, "/data");
    EXPECT_EQ(settings.path, kPath);
}

// Variables count at each start, not only when a container is made.
TEST(SetupConfig, AFileOfOursIsWrittenAnew) {
    const std::string old_text = zoo_cfg_text(said_by({{"ZOO_TICK_TIME", "500"}}));
    const Settings settings = chosen({{"ZOO_TICK_TIME", "700"}}, own_file(old_text));
    EXPECT_TRUE(settings.generated);
    EXPECT_EQ(settings.config.tick_time, milliseconds(700));
    // Once it is mounted, or named, it is somebody's own.
    ConfigFile mounted = own_file(old_text);
    mounted.mounted = true;
    EXPECT_FALSE(chosen({}, mounted).generated);
    EXPECT_THAT(not_chosen({{"ZOO_TICK_TIME", "700"}}, mounted),
                HasSubstr("ZOO_TICK_TIME wants tickTime=700; the file says tickTime=500"));
    ConfigFile named = own_file(old_text);
    named.named = true;
    EXPECT_FALSE(chosen({}, named).generated);
}

TEST(SetupConfig, SomebodysOwnFileCounts) {
    const Settings settings = chosen({{"ZOO_MY_ID", "3"}}, own_file(kOwn));
    EXPECT_FALSE(settings.generated);
    EXPECT_EQ(settings.text, kOwn);
    EXPECT_EQ(settings.config.client_port, 2181);
    ConfigFile missing{.path = "/conf/other.cfg", .text = std::nullopt, .named = true};
    EXPECT_THAT(not_chosen({}, missing), HasSubstr("/conf/other.cfg is not there"));
}

TEST(SetupConfig, VariablesThatTheFileSilencesAreRefused) {
    EXPECT_THAT(not_chosen({{"ZOO_TICK_TIME", "3000"},
                            {"ZOO_SERVERS", std::string(kThree)},
                            {"ZOO_4LW_COMMANDS_WHITELIST", "*"},
                            {"ZOO_STANDALONE_ENABLED", "true"}},
                           own_file(kOwn)),
                AllOf(HasSubstr("/conf/zoo.cfg is there, so these variables would have no effect:"),
                      HasSubstr("ZOO_TICK_TIME wants tickTime=3000; the file says tickTime=2000"),
                      HasSubstr("ZOO_SERVERS wants server.2=172.18.0.3:2888:3888;2181; the file "
                                "does not say server.2"),
                      HasSubstr("ZOO_4LW_COMMANDS_WHITELIST wants 4lw.commands.whitelist=*"),
                      Not(HasSubstr("ZOO_STANDALONE_ENABLED")),
                      HasSubstr("remove the variables, or write into the file what they say")));
    EXPECT_THAT(not_chosen({{"ZOO_ADMINSERVER_ENABLED", "true"}}, own_file(kOwn)),
                HasSubstr("does not say admin.enableServer"));
    EXPECT_THAT(not_chosen({{"ZOO_CFG_EXTRA", "DigestAuthenticationProvider.superDigest=super:x"}},
                           own_file(kOwn)),
                AllOf(HasSubstr("superDigest=***"), Not(HasSubstr("super:x"))));
}

TEST(SetupConfig, VariablesThatSayTheSameAreNot) {
    const Settings settings = chosen({{"ZOO_TICK_TIME", "2000"},
                                      {"ZOO_DATA_DIR", "/data"},
                                      {"ZOO_MAX_CLIENT_CNXNS", "60"},
                                      {"ZOO_ADMINSERVER_ENABLED", "false"},
                                      {"ZOO_CFG_EXTRA", "clientPort=2181"},
                                      {"ZOO_CONF_DIR", "/conf"},
                                      {"ZOO_LOG_DIR", "/logs"}},
                                     own_file(kOwn));
    EXPECT_EQ(settings.text, kOwn);
}

TEST(SetupConfig, ErrorsNameTheVariable) {
    EXPECT_THAT(not_chosen({{"ZOO_TICK_TIME", "soon"}}, no_file()),
                testing::StartsWith("ZOO_TICK_TIME: tickTime"));
    EXPECT_THAT(not_chosen({{"ZOO_STANDALONE_ENABLED", "yes"}}, no_file()),
                testing::StartsWith("ZOO_STANDALONE_ENABLED: standaloneEnabled"));
    EXPECT_THAT(not_chosen({{"ZOO_SERVERS", "server.1=a:2888"}}, no_file()),
                testing::StartsWith("ZOO_SERVERS: server.1"));
    EXPECT_THAT(not_chosen({{"ZOO_CFG_EXTRA", "a=1 reconfigEnabled=true"}}, no_file()),
                AllOf(testing::StartsWith("ZOO_CFG_EXTRA: reconfigEnabled"),
                      HasSubstr("does not support dynamic reconfiguration")));
    // Rules between keys have no line.
    EXPECT_THAT(not_chosen({{"ZOO_SERVERS", "server.1=a:2888:3888:observer;2181"}}, no_file()),
                AllOf(testing::StartsWith("the environment: "), HasSubstr("observers")));
    // In a file of somebody's own it is the line.
    EXPECT_THAT(not_chosen({}, own_file("dataDir=/data\ntickTime=x\n")),
                testing::StartsWith("/conf/zoo.cfg:2: "));
}

TEST(SetupConfig, PropertiesCountWhereTheFileIsSilent) {
    const Settings settings =
        chosen({{"JVMFLAGS", "-Dzookeeper.4lw.commands.whitelist=ruok,srvr"}}, own_file(kOwn));
    EXPECT_THAT(settings.config.four_letter_words, testing::ElementsAre("ruok", "srvr"));
    EXPECT_EQ(settings.text, kOwn);
}

// In Apache's server the file wins without a word.
TEST(SetupConfig, PropertiesThatTheFileSilencesAreRefused) {
    EXPECT_THAT(not_chosen({{"JVMFLAGS", "-Dzookeeper.admin.enableServer=false"}}, no_file()),
                AllOf(HasSubstr("JVM flags want admin.enableServer=false, but /conf/zoo.cfg has "
                                "admin.enableServer=true, which wins"),
                      HasSubstr("the variable for this is ZOO_ADMINSERVER_ENABLED")));
    EXPECT_THAT(
        not_chosen({{"JVMFLAGS", "-Dzookeeper.snapCount=5"}}, own_file(kOwn + "snapCount=6\n")),
        HasSubstr("remove the flag, or the line"));
    EXPECT_FALSE(chosen({{"JVMFLAGS", "-Dzookeeper.snapCount=6"}}, own_file(kOwn + "snapCount=6\n"))
                     .generated);
    EXPECT_THAT(
        not_chosen({{"JVMFLAGS", "-Dzookeeper.skipACL=maybe -Dzookeeper.audit.enable=true"}},
                   no_file()),
        AllOf(HasSubstr("command line: audit.enable"), HasSubstr("audit logs")));
}

std::string volumes(const Settings& settings, const std::vector<std::string>& mount_points) {
    const auto checked =
        check_volumes(settings, settings.config.data_dir, settings.config.log_dir(), mount_points);
    return checked.has_value() ? "" : checked.error().words;
}

TEST(SetupVolumes, DataThatWouldGoWithTheContainerAreRefused) {
    const Settings settings = chosen({}, no_file());
    EXPECT_EQ(volumes(settings, {"/", "/proc", "/data", "/datalog"}), "");
    EXPECT_EQ(volumes(settings, {"/data/", "/", "/datalog"}).empty(), false);
    EXPECT_THAT(volumes(settings, {"/", "/data"}),
                HasSubstr("dataLogDir=/datalog is in no volume"));
    EXPECT_THAT(volumes(settings, {"/", "/datalog", "/dat", "/database"}),
                HasSubstr("dataDir=/data is in no volume"));
    // Apache's zoo_sample.cfg.
    const Settings sample = chosen({}, own_file("dataDir=/tmp/zookeeper\nclientPort=2181\n"));
    EXPECT_THAT(volumes(sample, {"/", "/data"}),
                AllOf(HasSubstr("dataDir=/tmp/zookeeper is in no volume"),
                      HasSubstr("Write dataDir=/data"),
                      HasSubstr("-v NAME:/tmp/zookeeper")));
    EXPECT_EQ(volumes(sample, {"/", "/tmp"}), "");
    EXPECT_EQ(volumes(sample, {"/tmp/zookeeper"}), "");
}

TEST(SetupIdentity, WrittenOnceAndKept) {
    const Environment three{{"ZOO_SERVERS", std::string(kThree)}, {"ZOO_MY_ID", "2"}};
    EXPECT_EQ(identity_of(three, no_file(), std::nullopt), "2 written");
    EXPECT_EQ(identity_of(three, no_file(), "2\n"), "2 kept");
    EXPECT_EQ(identity_of({}, no_file(), std::nullopt), "1 written");
    EXPECT_EQ(identity_of({}, own_file(kOwn), std::nullopt), "1 written");
    // Without ZOO_MY_ID the volume knows.
    EXPECT_EQ(identity_of({{"ZOO_SERVERS", std::string(kThree)}}, no_file(), "3"), "3 kept");
}

TEST(SetupIdentity, AVolumeOfAnotherServerIsRefused) {
    EXPECT_THAT(
        identity_of({{"ZOO_SERVERS", std::string(kThree)}, {"ZOO_MY_ID", "1"}}, no_file(), "2\n"),
        AllOf(HasSubstr("ZOO_MY_ID is 1, but the volume at /data is that of server 2"),
              HasSubstr("set ZOO_MY_ID=2")));
    EXPECT_THAT(identity_of({{"ZOO_MY_ID", "1"}}, own_file(kOwn), "7"),
                HasSubstr("is that of server 7"));
    EXPECT_THAT(identity_of({}, no_file(), "one"),
                HasSubstr("/data/myid: 'one' is not a server id"));
}

// The official image makes every one of them server 1.
TEST(SetupIdentity, SeveralServersNeedOne) {
    EXPECT_THAT(identity_of({{"ZOO_SERVERS", std::string(kThree)}}, no_file(), std::nullopt),
                AllOf(HasSubstr("ZOO_MY_ID is not set"), HasSubstr("ZOO_SERVERS has 3 servers")));
    EXPECT_THAT(
        identity_of({{"ZOO_SERVERS", "server.5=a:2888:3888;2181"}}, no_file(), std::nullopt),
        HasSubstr("ZOO_SERVERS has server.5"));
    const std::string cluster =
        kOwn + "initLimit=5\nsyncLimit=2\nserver.1=a:2888:3888\nserver.2=b:2888:3888\n";
    EXPECT_THAT(identity_of({}, own_file(cluster), std::nullopt),
                HasSubstr("/conf/zoo.cfg has 2 servers"));
    EXPECT_EQ(identity_of({{"ZOO_MY_ID", "2"}}, own_file(cluster), std::nullopt), "2 written");
}

TEST(SetupIdentity, WhoIsNoMemberIsNotWrittenDown) {
    EXPECT_THAT(
        identity_of(
            {{"ZOO_SERVERS", std::string(kThree)}, {"ZOO_MY_ID", "4"}}, no_file(), std::nullopt),
        AllOf(HasSubstr("this is server 4"), HasSubstr("ZOO_SERVERS has no server.4")));
    EXPECT_THAT(identity_of({{"ZOO_MY_ID", "4"}}, no_file(), std::nullopt),
                HasSubstr("ZOO_SERVERS has no server.4"));
    const std::string cluster =
        kOwn + "initLimit=5\nsyncLimit=2\nserver.1=a:2888:3888\nserver.2=b:2888:3888\n";
    EXPECT_THAT(identity_of({{"ZOO_MY_ID", "3"}}, own_file(cluster), std::nullopt),
                HasSubstr("there is no server.3 line"));
}

// Lines as 3.4 had them: the official image takes them and serves nobody, unless the port is elsewhere.
TEST(SetupIdentity, ALineWithoutAPortForClients) {
    const std::string old_style = "server.1=a:2888:3888 server.2=b:2888:3888 server.3=c:2888:3888";
    EXPECT_THAT(
        identity_of({{"ZOO_SERVERS", old_style}, {"ZOO_MY_ID", "2"}}, no_file(), std::nullopt),
        AllOf(HasSubstr("ZOO_SERVERS: server.2 has no port for clients"),
              HasSubstr("ZOO_CFG_EXTRA=clientPort=2181")));
    EXPECT_EQ(
        identity_of(
            {{"ZOO_SERVERS", old_style}, {"ZOO_MY_ID", "2"}, {"ZOO_CFG_EXTRA", "clientPort=2181"}},
            no_file(),
            std::nullopt),
        "2 written");
    EXPECT_THAT(identity_of({{"ZOO_SERVERS", std::string(kThree)},
                             {"ZOO_MY_ID", "2"},
                             {"ZOO_CFG_EXTRA", "clientPort=2182"}},
                            no_file(),
                            std::nullopt),
                HasSubstr("keep one of them"));
}

}  // namespace
}  // namespace zk::image
