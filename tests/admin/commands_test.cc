#include "admin/commands.h"

#include <random>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace zk::admin {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;
using Kind = AdminTarget::Kind;

class Commands : public ::testing::Test {
  protected:
    Commands() {
        config = ensemble::parse_zoo_cfg(
                     "dataDir=/d\nclientPort=22311\ntickTime=2000\ninitLimit=10\nsyncLimit=5\n"
                     "server.1=127.0.0.1:22321:22331:participant;127.0.0.1:22311\n"
                     "server.2=127.0.0.1:22322:22332:participant;127.0.0.1:22312\n",
                     "zoo.cfg")
                     .value();
        facts.status.my_id = ServerId(1);
        facts.status.role = core::Role::following;
        facts.status.serving = true;
        facts.status.leader = ServerId(2);
        facts.status.last_zxid = Zxid(0x100000099);
        facts.client_port = 22311;
        facts.version = "V";
    }
    std::string get(const std::string& command) const {
        return answer_command(read_target("/commands/" + command, "/commands"), facts, config);
    }

    Facts facts;
    ensemble::ServerConfig config;
};

TEST(AdminTarget, PathsBelowTheCommandUrl) {
    for (const std::string_view target : {"/commands", "/commands/", "/commands?x=1"})
        EXPECT_EQ(read_target(target, "/commands").kind, Kind::list) << target;
    for (const std::string_view target : {"/", "/nosuch", "/commandsx", "/Commands", "/command"})
        EXPECT_EQ(read_target(target, "/commands").kind, Kind::absent) << target;
    EXPECT_EQ(read_target("/commands/ruok/x", "/commands").command, "ruok/x");
    EXPECT_EQ(read_target("/zk/admin/ruok", "/zk/admin").command, "ruok");
    EXPECT_EQ(read_target("/commands/r%75ok", "/commands").command, "ruok");
}

TEST(AdminTarget, QueriesAreTakenApart) {
    const AdminTarget target =
        read_target("/commands/stmk?a=1&traceMask=%2B5&a=2&empty&=x&b=c+d%zz%4", "/commands");
    EXPECT_EQ(target.command, "stmk");
    EXPECT_EQ(target.parameter("a"), "1") << "the first";
    EXPECT_EQ(target.parameter("traceMask"), "+5");
    EXPECT_EQ(target.parameter("empty"), "");
    EXPECT_EQ(target.parameter("b"), "c d%zz%4");
    EXPECT_EQ(target.parameter("none"), std::nullopt);
}

TEST(AdminTarget, AnyBytesAreReadWithoutHarm) {
    std::mt19937 random(7);
    const std::string_view some = "/commands?&=%+stmk0fF\xff";
    for (int i = 0; i < 20000; ++i) {
        std::string target = "/commands/";
        for (std::size_t n = random() % 40; n > 0; --n)
            target.push_back(some[random() % some.size()]);
        const AdminTarget read = read_target(target, "/commands");
        if (read.kind != Kind::command) continue;
        if (question_of(read)) continue;
        EXPECT_THAT(answer_command(read, Facts(), ensemble::ServerConfig()), StartsWith("{\n"));
    }
}

TEST_F(Commands, EveryNameAndAliasIsKnownAndNamesTheCommand) {
    std::set<std::string_view> seen;
    for (const auto& names : command_names()) {
        for (const std::string_view name : names) {
            EXPECT_TRUE(seen.insert(name).second) << name;
            const std::string answer = get(std::string(name) + "?traceMask=1");
            EXPECT_THAT(answer, HasSubstr("\"command\" : \"" + std::string(names[0]) + "\""))
                << name;
            EXPECT_THAT(answer, Not(HasSubstr("Unknown"))) << name;
        }
    }
    EXPECT_EQ(command_names().size(), 28U);
    EXPECT_EQ(get("nosuch"),
              "{\n  \"command\" : \"nosuch\",\n  \"error\" : \"Unknown command: nosuch\"\n}");
    EXPECT_FALSE(question_of(read_target("/commands/nosuch", "/commands")));
}

TEST_F(Commands, ListNamesAllByName) {
    const std::string page = command_list("/commands");
    EXPECT_THAT(
        page,
        StartsWith("<a href=\"/commands/configuration\">configuration</a>\n<br/>\n"
                   "<a href=\"/commands/connection_stat_reset\">connection_stat_reset</a>\n"));
    EXPECT_THAT(page, ::testing::EndsWith("<a href=\"/commands/zabstate\">zabstate</a>\n<br/>\n"));
}

TEST_F(Commands, WhileNothingIsServed) {
    facts.status.serving = false;
    for (const auto& names : command_names()) {
        const std::string name(names[0]);
        const auto question = question_of(read_target("/commands/" + name, "/commands"));
        if (!question || !question->needs_service) continue;
        EXPECT_EQ(get(name),
                  "{\n  \"command\" : \"" + name +
                      "\",\n  \"error\" : \"This ZooKeeper instance is not currently serving "
                      "requests\"\n}");
    }
    EXPECT_THAT(get("zabstate"), HasSubstr("\"voting\" : false,\n  \"zabstate\" : \"\",\n"));
    EXPECT_THAT(get("gtmk"), HasSubstr("\"tracemask\" : 0,"));
}

TEST_F(Commands, AReadOnlyServerSaysSo) {
    EXPECT_THAT(get("isro"), HasSubstr("\"read_only\" : false,"));
    EXPECT_THAT(get("srvr"), HasSubstr("\"read_only\" : false,"));
    facts.status.read_only = true;
    facts.status.role = core::Role::looking;
    facts.status.leader.reset();
    EXPECT_THAT(get("isro"), HasSubstr("\"read_only\" : true,"));
    EXPECT_THAT(get("srvr"), HasSubstr("\"read_only\" : true,"));
    EXPECT_THAT(get("srvr"), HasSubstr("\"server_state\" : \"read-only\","));
    EXPECT_THAT(get("leader"), StartsWith("{\n  \"error\" : \"server is not initialized\","));
    EXPECT_THAT(get("zabstate"), HasSubstr("\"voting\" : false,\n  \"zabstate\" : \"\",\n"));
}

TEST_F(Commands, DeedsAreThoseOfTheFourThatDoSomething) {
    const auto deed = [](const std::string& command) {
        const auto question = question_of(read_target("/commands/" + command, "/commands"));
        return question ? question->deed : Deed::none;
    };
    EXPECT_EQ(deed("crst"), Deed::reset_connections);
    EXPECT_EQ(deed("stat_reset"), Deed::reset_server);
    EXPECT_EQ(deed("stmk?traceMask=-12"), Deed::set_trace_mask);
    EXPECT_EQ(question_of(read_target("/commands/stmk?traceMask=-12", "/commands"))->trace_mask,
              -12);
    for (const auto& names : command_names()) {
        const std::string name(names[0]);
        if (name == "snapshot") {
            EXPECT_EQ(deed(name), Deed::take_snapshot);
        } else if (name.find("reset") == std::string::npos || name.starts_with("observer")) {
            EXPECT_EQ(deed(name), Deed::none) << name;
        }
    }
}

TEST_F(Commands, TraceMaskHasToBeANumber) {
    facts.trace_mask = 12;
    EXPECT_EQ(
        get("stmk?traceMask=12"),
        "{\n  \"tracemask\" : 12,\n  \"command\" : \"set_trace_mask\",\n  \"error\" : null\n}");
    EXPECT_EQ(get("stmk"),
              "{\n  \"error\" : \"setTraceMask requires long traceMask argument\",\n"
              "  \"command\" : \"set_trace_mask\"\n}");
    for (const std::string wrong : {"zz", "", "1x", "9223372036854775808", "+-1"}) {
        EXPECT_FALSE(question_of(read_target("/commands/stmk?traceMask=" + wrong, "/commands")));
    }
    EXPECT_THAT(get("stmk?traceMask=zz"), HasSubstr("long traceMask argument, got zz\","));
}

TEST_F(Commands, LeaderIsNamedByAddress) {
    EXPECT_EQ(
        get("leader"),
        "{\n  \"is_leader\" : false,\n  \"leader_id\" : 2,\n  \"leader_ip\" : \"127.0.0.1\",\n"
        "  \"command\" : \"leader\",\n  \"error\" : null\n}");
    facts.status.role = core::Role::standalone;
    EXPECT_EQ(get("leader"),
              "{\n  \"error\" : \"server is not initialized\",\n  \"command\" : \"leader\"\n}");
}

TEST_F(Commands, VotingViewAndZabStateTellMembers) {
    EXPECT_THAT(get("voting_view"),
                HasSubstr("    \"2\" : {\n"
                          "      \"server_addresses\" : [ \"127.0.0.1:22322\" ],\n"
                          "      \"election_addresses\" : [ \"127.0.0.1:22332\" ],\n"
                          "      \"client_address\" : \"127.0.0.1:22312\",\n"
                          "      \"learner_type\" : \"participant\"\n    }\n"));
    const std::string state = get("zabstate");
    EXPECT_THAT(state, StartsWith("{\n  \"myid\" : 1,\n  \"is_leader\" : false,\n"));
    EXPECT_THAT(state,
                HasSubstr("\"last_zxid\" : \"0x100000099\",\n  \"zab_epoch\" : 1,\n"
                          "  \"zab_counter\" : 153,\n  \"zabstate\" : \"broadcast\",\n"));
}

TEST_F(Commands, SnapshotFilesAreNamedInHex) {
    facts.snapshot = {.zxid = Zxid(0x10000000a), .modified_s = 1795992474};
    EXPECT_THAT(get("lsnp"), HasSubstr("\"zxid\" : \"10000000a\",\n  \"timestamp\" : 1795992474,"));
    facts.snapshot = {};
    EXPECT_THAT(get("lsnp"), HasSubstr("\"zxid\" : \"ffffffffffffffff\",\n  \"timestamp\" : -1,"));
}

TEST(WithoutSecrets, ValuesOfTellingKeysAreStars) {
    EXPECT_EQ(without_secrets("dataDir=/d\n"
                              "ssl.keyStore.password=hidden1\n"
                              "  DigestAuthenticationProvider.superDigest : super:hidden2\n"
                              "# ssl.trustStore.password = hidden3\n"
                              "ssl.quorum.keyStore.passwordPath hidden4\n"
                              "some.password=hidden5\\\n"
                              "    hidden6\\\n"
                              "    hidden7\n"
                              "tickTime=2000\\\n"
                              "0"),
              "dataDir=/d\n"
              "ssl.keyStore.password=***\n"
              "  DigestAuthenticationProvider.superDigest :***\n"
              "# ssl.trustStore.password =***\n"
              "ssl.quorum.keyStore.passwordPath ***\n"
              "some.password=***\n"
              "tickTime=2000\\\n"
              "0");
    EXPECT_EQ(without_secrets(""), "");
    EXPECT_EQ(without_secrets("DigestAuthenticationProvider.digestAlg=SHA1\ndigest.enabled=true\n"),
              "DigestAuthenticationProvider.digestAlg=SHA1\ndigest.enabled=true\n");
}

}  // namespace
}  // namespace zk::admin
