#include "survey/survey.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent_api/link.h"

namespace zk::survey {
namespace {

using agent_api::Flavor;
using agent_api::ServerSurvey;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

constexpr const char* kMain = "org.apache.zookeeper.server.quorum.QuorumPeerMain";

TEST(Survey, ACommandLineOfTheScript) {
    const auto survey = read_command({"java",
                                      "-Dzookeeper.log.dir=/zk/logs",
                                      "-XX:+HeapDumpOnOutOfMemoryError",
                                      "-XX:OnOutOfMemoryError=kill -9 %p",
                                      "-cp",
                                      "/zk/conf:/zk/lib/zookeeper-3.7.0.jar",
                                      "-Xmx1000m",
                                      "-Xmx2g",
                                      "-Djute.maxbuffer=2000000",
                                      kMain,
                                      "/zk/bin/../conf/zoo.cfg"});
    ASSERT_TRUE(survey);
    EXPECT_EQ(survey->flavor, Flavor::apache);
    EXPECT_EQ(survey->version, "3.7.0");
    EXPECT_EQ(survey->heap, "2g");
    EXPECT_EQ(survey->conf_path, "/zk/bin/../conf/zoo.cfg");
    EXPECT_THAT(survey->jvm_flags,
                ElementsAre("-Dzookeeper.log.dir=/zk/logs",
                            "-XX:+HeapDumpOnOutOfMemoryError",
                            "-XX:OnOutOfMemoryError=kill -9 %p",
                            "-Djute.maxbuffer=2000000"));
    ASSERT_EQ(survey->properties.size(), 2U);
    EXPECT_EQ(survey->properties[1].key, "jute.maxbuffer");
    EXPECT_EQ(survey->properties[1].value, "2000000");
    EXPECT_FALSE(read_command({"java", "Main"}));
    EXPECT_FALSE(read_command({}));
}

TEST(Survey, OurOwnServer) {
    const auto survey = read_command({"/x/bin/zkserver", "/x/conf/zoo.cfg"});
    ASSERT_TRUE(survey);
    EXPECT_EQ(survey->flavor, Flavor::zkserver);
    EXPECT_EQ(survey->conf_path, "/x/conf/zoo.cfg");
}

TEST(Survey, NoSecretGoesFurther) {
    auto survey = read_command({"java",
                                "-Dzookeeper.ssl.keyStore.password=hidden1",
                                "-Dzookeeper.DigestAuthenticationProvider.superDigest=hidden2",
                                "-Dmy.token=hidden3",
                                "-javaagent:/x.jar=password=hidden4",
                                kMain,
                                "zoo.cfg"});
    ASSERT_TRUE(survey);
    read_settings(
        "ssl.quorum.trustStore.password=hidden5\n"
        "DigestAuthenticationProvider.superDigest=super:hidden6\n"
        "tickTime=2000\n",
        "zoo.cfg",
        *survey);
    agent_api::HostSurvey host;
    host.servers.push_back(*survey);
    const std::string json = agent_api::to_json(host);
    EXPECT_THAT(json, Not(HasSubstr("hidden")));
    EXPECT_THAT(json, HasSubstr("ssl.quorum.trustStore.password"));
    EXPECT_THAT(json, HasSubstr("-Dmy.token=***"));
    ASSERT_NE(survey->setting("tickTime"), nullptr);
    EXPECT_EQ(survey->setting("tickTime")->value, "2000");
    EXPECT_EQ(survey->setting("tickTime")->line, 3);
    // All of it travels.
    const auto again = agent_api::parse_payload<agent_api::HostSurvey>(json);
    ASSERT_TRUE(again.has_value()) << again.error().message();
    EXPECT_EQ(*again, host);
}

TEST(Survey, OfAKeyThatIsThereTwiceTheLastCounts) {
    ServerSurvey survey;
    read_settings("clientPort=1\nclientPort=2\n", "zoo.cfg", survey);
    EXPECT_EQ(survey.setting("clientPort")->value, "2");
    EXPECT_EQ(survey.setting("dataDir"), nullptr);
    EXPECT_EQ(survey.conf_failure, "");
    read_settings("a=\\u12", "zoo.cfg", survey);
    EXPECT_THAT(survey.conf_failure, HasSubstr("zoo.cfg"));
}

TEST(Survey, AFileWithoutEndIsNoConfiguration) {
    std::string text;
    for (int i = 0; i < 2001; ++i) text += "a" + std::to_string(i) + "=1\n";
    ServerSurvey survey;
    read_settings(text, "zoo.cfg", survey);
    EXPECT_THAT(survey.conf_failure, HasSubstr("more entries"));
}

TEST(Survey, TheUnitIsInTheCgroup) {
    EXPECT_EQ(unit_in("0::/system.slice/zookeeper.service\n"), "zookeeper.service");
    EXPECT_EQ(unit_in("12:pids:/x.service\n1:name=systemd:/system.slice/zk@1.service\n0::/\n"),
              "zk@1.service");
    // A group of its own below the unit.
    EXPECT_EQ(unit_in("0::/system.slice/zk.service/payload\n"), "zk.service");
    EXPECT_EQ(unit_in("0::/user.slice/user-0.slice/session-4.scope\n"), "");
    EXPECT_EQ(unit_in("0::/user.slice/user-1.slice/user@1.service/app.slice/zk.service\n"), "");
    EXPECT_EQ(unit_in("0::/\n"), "");
    EXPECT_EQ(unit_in("nonsense\n:\n::"), "");
    EXPECT_EQ(unit_in(""), "");
}

TEST(Survey, ContainersAreKnownByTheirGroups) {
    EXPECT_TRUE(is_container("0::/system.slice/docker-0123abcd.scope\n"));
    EXPECT_TRUE(is_container("1:name=systemd:/docker/0123abcd\n"));
    EXPECT_TRUE(is_container("0::/machine.slice/libpod-12.scope/container\n"));
    EXPECT_FALSE(is_container("0::/system.slice/docker.service\n"));
    EXPECT_FALSE(is_container("0::/system.slice/zookeeper.service\n"));
}

TEST(Survey, MembersAreTheLastLinesOfEachId) {
    ServerSurvey survey;
    read_settings(
        "server.2=zk2:2888:3888\nserver.1=old:2888:3888\nserver.1=10.0.0.1:2888:3888;2181\n"
        "server.3=[fd00::3]:2888:3888:participant\nserver.x=zk:1:2\nserver.4=nonsense\n",
        "zoo.cfg",
        survey);
    EXPECT_THAT(members_of(survey),
                ElementsAre("1=10.0.0.1:2888:3888", "2=zk2:2888:3888", "3=[fd00::3]:2888:3888"));
    EXPECT_THAT(members_of(ServerSurvey()), IsEmpty());
}

}  // namespace
}  // namespace zk::survey
