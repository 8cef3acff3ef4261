#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent_api/link.h"
#include "survey/container.h"

namespace zk::survey {
namespace {

using agent_api::RunningContainer;
using agent_api::ServerSurvey;
using testing::HasSubstr;
using testing::Not;

/// A guide's line: the official image with its variables.
RunningContainer guides() {
    RunningContainer container;
    container.id = "abc";
    container.told.name = "zookeeper_node02";
    container.told.pid = 4711;
    container.told.mounts = {{"bind", "", "/zk2/data", "/data", false},
                             {"bind", "", "/zk2/datalog", "/datalog", false}};
    container.words = {"/docker-entrypoint.sh", "zkServer.sh", "start-foreground"};
    container.environment = {
        {"ZOO_MY_ID", "2"},
        {"ZOO_SERVERS", "server.1=172.18.0.2:2888:3888;2181 server.2=172.18.0.3:2888:3888;2181"},
        {"ZOO_CONF_DIR", "/conf"}};
    return container;
}
ServerSurvey process() {
    ServerSurvey survey;
    survey.pid = 4711;
    survey.program = "java";
    survey.conf_path = "/conf/zoo.cfg";
    survey.heap = "1000m";
    survey.version = "3.9.4";
    survey.jvm_flags = {"-XX:+UseG1GC"};
    return survey;
}
RunningContainer read(RunningContainer container, const Beside& beside = {}) {
    read_container(beside, container);
    return container;
}
std::string value_of(const RunningContainer& container, std::string_view key) {
    const auto* const found = container.told.server.setting(key);
    return found == nullptr ? "-" : found->value;
}

TEST(SurveyContainer, TheVariablesAreTheSettings) {
    const auto read_it = read(guides());
    const auto& server = read_it.told.server;
    EXPECT_EQ(value_of(read_it, "server.2"), "172.18.0.3:2888:3888;2181");
    EXPECT_EQ(value_of(read_it, "autopurge.purgeInterval"), "0");
    EXPECT_EQ(value_of(read_it, "clientPort"), "-");
    EXPECT_EQ(server.setting("tickTime")->line, -1);
    EXPECT_EQ(read_it.told.my_id, ServerId(2));
    EXPECT_EQ(server.data_dir, "/zk2/data");
    EXPECT_EQ(server.log_dir, "/zk2/datalog");
    EXPECT_EQ(server.flavor, agent_api::Flavor::apache);
    EXPECT_EQ(server.conf_failure, "");
    EXPECT_EQ(read_it.told.unknown_layout, "");
    EXPECT_TRUE(server.container);
}

TEST(SurveyContainer, TheProcessSaysHowItsMachineRuns) {
    const auto there = process();
    const auto read_it = read(guides(), {.process = &there, .zoo_cfg = std::nullopt});
    EXPECT_EQ(read_it.told.server.heap, "1000m");
    EXPECT_EQ(read_it.told.server.version, "3.9.4");
    EXPECT_THAT(read_it.told.server.jvm_flags, testing::ElementsAre("-XX:+UseG1GC"));
    // Without it the variables do.
    auto container = guides();
    container.environment["ZK_SERVER_HEAP"] = "512";
    container.environment["JVMFLAGS"] = "-XX:+UseG1GC -Dmy.password=hidden";
    container = read(container);
    EXPECT_EQ(container.told.server.heap, "512m");
    EXPECT_THAT(container.told.server.jvm_flags,
                testing::ElementsAre("-XX:+UseG1GC", "-Dmy.password=***"));
}

TEST(SurveyContainer, AFileOfItsOwnCounts) {
    const std::string own = "dataDir=/data\nclientPort=2281\ntickTime=3000\n";
    auto read_it = read(guides(), {.process = nullptr, .zoo_cfg = own});
    EXPECT_EQ(value_of(read_it, "tickTime"), "3000");
    EXPECT_EQ(value_of(read_it, "server.2"), "-");
    EXPECT_EQ(read_it.told.server.log_dir, "/zk2/data");
    EXPECT_EQ(read_it.told.server.setting("tickTime")->line, 3);
    // One that our image's start wrote says what the variables say.
    read_it = read(guides(),
                   {.process = nullptr,
                    .zoo_cfg = "# Written by zkserver-entry from the container's environment\n"
                               "tickTime=1\n"});
    EXPECT_EQ(value_of(read_it, "tickTime"), "2000");
}

TEST(SurveyContainer, VariablesThatCannotBeReadAreToldUnlessAFileCounts) {
    auto container = guides();
    container.environment["ZOO_CFG_EXTRA"] = "nonsense";
    EXPECT_THAT(read(container).told.server.conf_failure, HasSubstr("ZOO_CFG_EXTRA: 'nonsense'"));
    const Beside beside{.process = nullptr, .zoo_cfg = "dataDir=/data\n"};
    EXPECT_EQ(read(container, beside).told.server.conf_failure, "");
}

TEST(SurveyContainer, OfOurImageThePropertiesCountToo) {
    auto container = guides();
    container.words = {"zkserver-entry", "zkServer.sh", "start-foreground"};
    container.environment["JVMFLAGS"] =
        "-Dzookeeper.snapCount=5000 -Dzookeeper.tickTime=1 -Dp=hidden";
    container.environment["ZK_SERVER_HEAP"] = "512";
    container = read(container);
    EXPECT_EQ(container.told.server.flavor, agent_api::Flavor::zkserver);
    EXPECT_EQ(value_of(container, "snapCount"), "5000");
    EXPECT_EQ(value_of(container, "tickTime"), "2000");
    EXPECT_THAT(container.told.more, testing::ElementsAre(HasSubstr("ZK_SERVER_HEAP=512")));
    agent_api::HostSurvey host;
    host.containers.push_back(container.told);
    const std::string json = agent_api::to_json(host);
    EXPECT_THAT(json, Not(HasSubstr("hidden")));
    const auto again = agent_api::parse_payload<agent_api::HostSurvey>(json);
    ASSERT_TRUE(again.has_value()) << again.error().message();
    EXPECT_EQ(*again, host);
}

TEST(SurveyContainer, WhichContainersAreServers) {
    const auto there = process();
    RunningContainer other;
    other.words = {"nginx"};
    EXPECT_FALSE(runs_server(other, {}));
    EXPECT_TRUE(runs_server(other, {.process = &there, .zoo_cfg = std::nullopt}));
    EXPECT_TRUE(runs_server(other, {.process = nullptr, .zoo_cfg = "dataDir=/data\n"}));
    other.environment["ZOO_MY_ID"] = "1";
    EXPECT_TRUE(runs_server(other, {}));
    other = RunningContainer();
    other.words = {"/docker-entrypoint.sh", "zkServer.sh", "start-foreground"};
    EXPECT_TRUE(runs_server(other, {}));
    other.words = {"/docker-entrypoint.sh", "zkCli.sh", "-server", "zk1"};
    other.environment["ZOO_SERVERS"] = "server.1=a:1:2";
    EXPECT_FALSE(runs_server(other, {}));
    other.told.cluster = "demo";
    EXPECT_TRUE(runs_server(other, {}));
}

TEST(SurveyContainer, AnotherLayoutIsNamed) {
    auto there = process();
    there.conf_path = "/opt/bitnami/zookeeper/conf/zoo.cfg";
    auto read_it = read(guides(), {.process = &there, .zoo_cfg = std::nullopt});
    EXPECT_THAT(read_it.told.unknown_layout, HasSubstr("/opt/bitnami/zookeeper/conf/zoo.cfg"));
    auto container = guides();
    container.words = {"/opt/run.sh"};
    EXPECT_THAT(read(container).told.unknown_layout, HasSubstr("started by /opt/run.sh"));
}

}  // namespace
}  // namespace zk::survey
