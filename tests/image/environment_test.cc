#include "image/environment.h"

#include <fstream>
#include <iterator>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "ensemble/zoo_cfg.h"

namespace zk::image {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

Wanted wanted_of(const Environment& environment) {
    auto wanted = read_environment(environment);
    EXPECT_TRUE(wanted.has_value()) << wanted.error().words;
    return wanted.has_value() ? *std::move(wanted) : Wanted();
}

std::string refused(const Environment& environment) {
    const auto wanted = read_environment(environment);
    EXPECT_FALSE(wanted.has_value());
    return wanted.has_value() ? "" : wanted.error().words;
}

/// Without the comment in front: what the official image's entry point writes.
std::string zoo_cfg_of(const Environment& environment) {
    const std::string text = zoo_cfg_text(wanted_of(environment));
    return text.substr(text.find("\ndataDir=") + 1);
}

/// docker-entrypoint.sh of 3.8.6 and 3.9.4 without any variable.
constexpr std::string_view kContract =
    "dataDir=/data\n"
    "dataLogDir=/datalog\n"
    "tickTime=2000\n"
    "initLimit=5\n"
    "syncLimit=2\n"
    "autopurge.snapRetainCount=3\n"
    "autopurge.purgeInterval=0\n"
    "maxClientCnxns=60\n"
    "standaloneEnabled=true\n"
    "admin.enableServer=true\n"
    "server.1=localhost:2888:3888;2181\n";

std::string contract_with(std::string_view old, std::string_view now) {
    std::string text(kContract);
    const std::size_t at = text.find(old);
    EXPECT_NE(at, std::string::npos);
    return text.replace(at, old.size(), now);
}

TEST(Environment, NothingSetIsTheOfficialImagesFile) {
    EXPECT_EQ(zoo_cfg_of({}), kContract);
    const Wanted wanted = wanted_of({});
    EXPECT_EQ(wanted.conf_dir, "/conf");
    EXPECT_EQ(wanted.log_dir, "/logs");
    EXPECT_FALSE(wanted.my_id);
    EXPECT_FALSE(wanted.log_level);
    EXPECT_THAT(wanted.properties, IsEmpty());
    EXPECT_THAT(wanted.warnings, IsEmpty());
}

struct Row {
    const char* variable;
    const char* value;
    const char* old_text;
    const char* new_text;
};

TEST(Environment, EachVariableChangesItsLineAsInTheOfficialImage) {
    const Row rows[] = {
        {"ZOO_DATA_DIR", "/var/zk", "dataDir=/data\n", "dataDir=/var/zk\n"},
        {"ZOO_DATA_LOG_DIR", "/var/log", "dataLogDir=/datalog", "dataLogDir=/var/log"},
        {"ZOO_TICK_TIME", "3000", "tickTime=2000", "tickTime=3000"},
        {"ZOO_INIT_LIMIT", "10", "initLimit=5", "initLimit=10"},
        {"ZOO_SYNC_LIMIT", "4", "syncLimit=2", "syncLimit=4"},
        {"ZOO_AUTOPURGE_SNAPRETAINCOUNT", "9", "snapRetainCount=3", "snapRetainCount=9"},
        {"ZOO_AUTOPURGE_PURGEINTERVAL", "24", "purgeInterval=0", "purgeInterval=24"},
        {"ZOO_MAX_CLIENT_CNXNS", "0", "maxClientCnxns=60", "maxClientCnxns=0"},
        {"ZOO_STANDALONE_ENABLED", "false", "standaloneEnabled=true", "standaloneEnabled=false"},
        {"ZOO_ADMINSERVER_ENABLED", "false", "enableServer=true", "enableServer=false"},
        {"ZOO_4LW_COMMANDS_WHITELIST",
         "srvr, mntr",
         ";2181\n",
         ";2181\n4lw.commands.whitelist=srvr, mntr\n"},
        {"ZOO_SERVERS",
         "server.1=a:2888:3888;2181  server.2=b:2888:3888\n\tserver.3=c:2888:3888:observer;2181 ",
         "server.1=localhost:2888:3888;2181\n",
         "server.1=a:2888:3888;2181\nserver.2=b:2888:3888\nserver.3=c:2888:3888:observer;2181\n"},
        {"ZOO_CFG_EXTRA",
         "snapCount=5000  clientPort=2181\nmaxSessionTimeout:60000",
         ";2181\n",
         ";2181\nsnapCount=5000\nclientPort=2181\nmaxSessionTimeout:60000\n"},
    };
    for (const Row& row : rows) {
        EXPECT_EQ(zoo_cfg_of({{row.variable, row.value}}),
                  contract_with(row.old_text, row.new_text))
            << row.variable;
    }
}

TEST(Environment, TheWhitelistStandsBetweenServersAndExtra) {
    EXPECT_EQ(zoo_cfg_of({{"ZOO_CFG_EXTRA", "snapCount=5000"},
                          {"ZOO_4LW_COMMANDS_WHITELIST", "*"},
                          {"ZOO_SERVERS", "server.7=a:2888:3888;2181"}}),
              contract_with("server.1=localhost:2888:3888;2181\n",
                            "server.7=a:2888:3888;2181\n4lw.commands.whitelist=*\n"
                            "snapCount=5000\n"));
}

TEST(Environment, EmptyOnesCountAsTheOfficialScriptHasThem) {
    // `[ -z "$ZOO_SERVERS" ]` and its like: as if not set.
    EXPECT_EQ(zoo_cfg_of({{"ZOO_SERVERS", ""},
                          {"ZOO_4LW_COMMANDS_WHITELIST", ""},
                          {"ZOO_CFG_EXTRA", ""},
                          {"ZOO_MY_ID", ""}}),
              kContract);
    // The others are written as they are, and refused for their value.
    EXPECT_EQ(zoo_cfg_of({{"ZOO_TICK_TIME", ""}}), contract_with("tickTime=2000", "tickTime="));
}

TEST(Environment, TheFileIsOneForTheServer) {
    const auto config = ensemble::parse_zoo_cfg(
        zoo_cfg_text(wanted_of(
            {{"ZOO_SERVERS", "server.1=a:2888:3888;2181 server.2=b:2888:3888 server.3=c:2888:3888"},
             {"ZOO_TICK_TIME", "500"}})),
        "zoo.cfg");
    ASSERT_TRUE(config.has_value()) << config.error().words;
    EXPECT_EQ(config->tick_time, milliseconds(500));
    EXPECT_EQ(config->ensemble.members.size(), 3U);
    EXPECT_TRUE(config->admin_enabled);
    EXPECT_THAT(config->warnings, IsEmpty());
}

TEST(Environment, AFileOfOursIsKnownAgain) {
    EXPECT_TRUE(is_generated(zoo_cfg_text(wanted_of({}))));
    EXPECT_TRUE(is_generated(zoo_cfg_text(wanted_of({{"ZOO_TICK_TIME", "1"}}))));
    EXPECT_FALSE(is_generated(kContract));
    EXPECT_FALSE(is_generated(""));
}

TEST(Environment, ALineKnowsItsVariable) {
    const Wanted wanted = wanted_of({{"ZOO_TICK_TIME", "7"}, {"ZOO_CFG_EXTRA", "snapCount=5"}});
    std::string text = zoo_cfg_text(wanted);
    for (int number = 1; !text.empty(); ++number) {
        const std::string line = text.substr(0, text.find('\n'));
        text.erase(0, line.size() + 1);
        const Line* const found = line_at(wanted, number);
        ASSERT_EQ(found == nullptr, line.starts_with('#')) << line;
        if (found == nullptr) continue;
        EXPECT_EQ(found->text, line);
        EXPECT_EQ(found->given, line == "tickTime=7" || line == "snapCount=5");
    }
    EXPECT_EQ(line_at(wanted, 0), nullptr);
    EXPECT_EQ(line_at(wanted, -5), nullptr);
    EXPECT_EQ(line_at(wanted, 100), nullptr);
}

TEST(Environment, Identity) {
    EXPECT_EQ(wanted_of({{"ZOO_MY_ID", "12"}}).my_id, ServerId(12));
    EXPECT_THAT(refused({{"ZOO_MY_ID", "zk-1"}}), HasSubstr("ZOO_MY_ID: 'zk-1' is no server id"));
    EXPECT_THAT(refused({{"ZOO_MY_ID", " 1"}}), HasSubstr("ZOO_MY_ID: ' 1' is no server id"));
}

TEST(Environment, DirectoriesAreAbsolute) {
    EXPECT_EQ(wanted_of({{"ZOO_CONF_DIR", "/etc/zk"}}).conf_dir, "/etc/zk");
    EXPECT_EQ(wanted_of({{"ZOO_LOG_DIR", "/l"}}).log_dir, "/l");
    for (const char* variable :
         {"ZOO_CONF_DIR", "ZOO_LOG_DIR", "ZOO_DATA_DIR", "ZOO_DATA_LOG_DIR"}) {
        EXPECT_THAT(refused({{variable, "data"}}),
                    HasSubstr(std::string(variable) + ": 'data' is no absolute path"));
    }
    EXPECT_THAT(refused({{"ZOO_DATA_DIR", ""}}), HasSubstr("ZOO_DATA_DIR: '' is no absolute path"));
}

TEST(Environment, WhatWouldBecomeSomethingElseIsRefused) {
    // The official script makes two lines of it, the second one a key that nobody knows.
    EXPECT_THAT(refused({{"ZOO_CFG_EXTRA", "4lw.commands.whitelist=srvr, ruok"}}),
                HasSubstr("ZOO_CFG_EXTRA: 'ruok' is no key=value: words end at blanks"));
    EXPECT_THAT(refused({{"ZOO_CFG_EXTRA", "#snapCount=5"}}), HasSubstr("'#snapCount=5'"));
    EXPECT_THAT(refused({{"ZOO_SERVERS", "zk1:2888:3888 zk2:2888:3888"}}),
                HasSubstr("ZOO_SERVERS: 'zk1:2888:3888' is no server.N=host"));
    EXPECT_THAT(refused({{"ZOO_SERVERS", "server.1"}}), HasSubstr("'server.1' is no server.N="));
    EXPECT_THAT(refused({{"ZOO_TICK_TIME", "2000\nskipACL=yes"}}),
                HasSubstr("ZOO_TICK_TIME: has a line break"));
    EXPECT_THAT(refused({{"ZOO_4LW_COMMANDS_WHITELIST", "srvr\r"}}),
                HasSubstr("ZOO_4LW_COMMANDS_WHITELIST: has a line break"));
    EXPECT_THAT(refused({{"ZOO_DATA_DIR", "/data\\"}}),
                HasSubstr("ZOO_DATA_DIR: 'dataDir=/data\\' ends with a backslash"));
    EXPECT_EQ(zoo_cfg_of({{"ZOO_CFG_EXTRA", "a=b\\\\"}}),
              contract_with(";2181\n", ";2181\na=b\\\\\n"));
}

TEST(Environment, JvmFlagsInTheOrderOfTheScripts) {
    const Wanted wanted = wanted_of(
        {{"JVMFLAGS", "-Dzookeeper.snapCount=2 -Dzookeeper.preAllocSize=64"},
         {"SERVER_JVMFLAGS", "-Dzookeeper.snapCount=1 -Dzookeeper.globalOutstandingLimit=9"}});
    ASSERT_EQ(wanted.properties.size(), 3U);
    EXPECT_EQ(wanted.properties[0].key, "globalOutstandingLimit");
    EXPECT_EQ(wanted.properties[1].key, "snapCount");
    EXPECT_EQ(wanted.properties[1].value, "2");
    EXPECT_EQ(wanted.properties[2].key, "preAllocSize");
    EXPECT_THAT(wanted.warnings, IsEmpty());
    EXPECT_EQ(zoo_cfg_text(wanted), zoo_cfg_text(wanted_of({})));  // none of them is in the file
}

TEST(Environment, DirectoriesThatMustBeThere) {
    const Wanted wanted = wanted_of({{"ZOO_DATADIR_AUTOCREATE_DISABLE", "1"}});
    ASSERT_EQ(wanted.properties.size(), 1U);
    EXPECT_EQ(wanted.properties[0].key, "datadir.autocreate");
    EXPECT_EQ(wanted.properties[0].value, "false");
}

TEST(Environment, Level) {
    EXPECT_EQ(wanted_of({{"ZOO_LOG4J_PROP", "DEBUG,CONSOLE"}}).log_level, LogLevel::debug);
    EXPECT_EQ(wanted_of({{"JVMFLAGS", "-Dzookeeper.root.logger=WARN,CONSOLE"}}).log_level,
              LogLevel::warn);
    EXPECT_THAT(
        wanted_of({{"ZOO_LOG4J_PROP", "CONSOLE"}}).warnings,
        ElementsAre("ZOO_LOG4J_PROP=CONSOLE: begins with no level of log4j; it has no effect"));
}

TEST(Environment, WhatHasNoEffectIsSaid) {
    const Row rows[] = {
        {"ZK_SERVER_HEAP", "512", "ZK_SERVER_HEAP=512: for the Java machine", ""},
        {"JMXPORT", "9999", "JMXPORT=9999: there is no JMX", ""},
        {"ZOO_LOG_FILE", "x", "ZOO_LOG_FILE=x: logs go to stderr", ""},
        {"ZOO_USER", "zk", "ZOO_USER=zk: the server runs as zookeeper", ""},
        {"ZOO_PORT", "2182", "ZOO_PORT=2182: not of this image since 3.5", ""},
        {"ZOO_MYID", "2", "ZOO_MYID is no variable of this image; did you mean ZOO_MY_ID?", ""},
        {"ZOO_SERVER", "x", "did you mean ZOO_SERVERS?", ""},
        {"JVMFLAGS", "-Xmx1g", "JVMFLAGS: -Xmx1g: for the Java machine", ""},
    };
    for (const Row& row : rows) {
        EXPECT_THAT(wanted_of({{row.variable, row.value}}).warnings,
                    ElementsAre(HasSubstr(row.old_text)))
            << row.variable;
        EXPECT_THAT(wanted_of({{row.variable, "tcp://10.0.0.1:2181"}}).warnings,
                    testing::Each(testing::Not(HasSubstr("did you mean"))));
    }
    // Of an orchestrator, of other images, of nobody.
    EXPECT_THAT(wanted_of({{"ZOO_PORT", "tcp://10.0.0.1:2181"},
                           {"ZOO_SERVICE_HOST_OF_SOMETHING_ELSE", "10.0.0.1"},
                           {"ZK_CLIENT_HEAP", "256"},
                           {"ZOO_USER", ""},
                           {"PATH", "/bin"}})
                    .warnings,
                IsEmpty());
}

TEST(Environment, EachVariableIsInTheDocument) {
    std::ifstream file(ZK_DOCS_DIR "/IMAGE.md");
    const std::string page{std::istreambuf_iterator<char>(file), {}};
    for (const std::string& variable : known_variables()) {
        EXPECT_THAT(page, HasSubstr("`" + variable + "`"));
    }
}

}  // namespace
}  // namespace zk::image
