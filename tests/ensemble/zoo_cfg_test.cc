#include "ensemble/zoo_cfg.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace zk::ensemble {
namespace {

using testing::HasSubstr;

constexpr std::string_view kThree =
    "# an ensemble of three\n"
    "tickTime=2000\n"
    "initLimit=10\n"
    "syncLimit=5\n"
    "dataDir=/var/zk\n"
    "clientPort=2181\n"
    "server.1=zk1:2888:3888\n"
    "server.2=zk2:2888:3888\n"
    "server.3=[::1]:2888:3888\n";

ServerConfig parsed(std::string_view text) {
    auto config = parse_zoo_cfg(text, "zoo.cfg");
    EXPECT_TRUE(config.has_value()) << config.error().message();
    return config.has_value() ? *config : ServerConfig{};
}

std::string error_of(std::string_view text) {
    auto config = parse_zoo_cfg(text, "zoo.cfg");
    return config.has_value() ? "" : config.error().message();
}

std::string three_with(std::string_view line) { return std::string(kThree) + std::string(line); }

TEST(ZooCfg, ReadsAnEnsembleAndKnowsApachesDefaults) {
    const ServerConfig config = parsed(kThree);
    EXPECT_EQ(config.ensemble.voters().size(), 3U);
    EXPECT_TRUE(config.replicated());
    EXPECT_EQ(config.client_port, 2181);
    EXPECT_EQ(config.init_limit(), milliseconds(20000));
    EXPECT_EQ(config.sync_limit(), milliseconds(10000));
    EXPECT_EQ(config.handshake_timeout(), milliseconds(10000));
    EXPECT_EQ(config.session_timeout_lowest(), milliseconds(4000));
    EXPECT_EQ(config.session_timeout_highest(), milliseconds(40000));
    EXPECT_EQ(config.client_connections_max, 60);
    EXPECT_EQ(config.snap_count, 100000);
    EXPECT_EQ(config.log_dir(), "/var/zk");
    EXPECT_EQ(config.four_letter_words, std::vector<std::string>{"srvr"});
    EXPECT_TRUE(config.db_autocreate);
    EXPECT_TRUE(config.warnings.empty()) << config.warnings[0];
}

TEST(ZooCfg, ReadsEveryKey) {
    const ServerConfig config =
        parsed(three_with("dataLogDir=/var/zklog\n"
                          "clientPortAddress=127.0.0.1\n"
                          "minSessionTimeout=5000\n"
                          "maxSessionTimeout=6000\n"
                          "maxClientCnxns=0\n"
                          "maxCnxns=9\n"
                          "autopurge.snapRetainCount=4\n"
                          "autopurge.purgeInterval=12\n"
                          "snapCount=1\n"
                          "preAllocSize=64\n"
                          "4lw.commands.whitelist=stat, ruok ,mntr\n"
                          "db.autocreate=False\n"
                          "jute.maxbuffer=65536\n"
                          "clientLoops=3\n"
                          "leaderServes=yes\n"
                          "quorumListenOnAllIPs=true\n"
                          "admin.enableServer=false\n"
                          "electionAlg=3\n"
                          "reconfigEnabled=false\n"
                          "skipACL=no\n"));
    EXPECT_EQ(config.log_dir(), "/var/zklog");
    EXPECT_EQ(config.client_address, "127.0.0.1");
    EXPECT_EQ(config.session_timeout_lowest(), milliseconds(5000));
    EXPECT_EQ(config.session_timeout_highest(), milliseconds(6000));
    EXPECT_EQ(config.client_connections_max, 0);
    EXPECT_EQ(config.connections_max, 9);
    EXPECT_EQ(config.snapshots_kept, 4);
    EXPECT_EQ(config.purge_interval_hours, 12);
    EXPECT_EQ(config.snap_count, 2);
    EXPECT_EQ(config.log_grow_kib, 64);
    EXPECT_EQ(config.four_letter_words, (std::vector<std::string>{"stat", "ruok", "mntr"}));
    EXPECT_FALSE(config.db_autocreate);
    EXPECT_EQ(config.jute_max_buffer, 65536);
    EXPECT_TRUE(config.listen_on_all_addresses);
    ASSERT_EQ(config.warnings.size(), 2U);
    EXPECT_EQ(config.warnings[0], "zoo.cfg:18: snapCount=1: raised to 2");
    EXPECT_TRUE(config.warnings[1].starts_with("zoo.cfg:22: jute.maxbuffer=65536: "))
        << config.warnings[1];
}

TEST(ZooCfg, ClientAddressMayHaveBracketsAsInJava) {
    EXPECT_EQ(parsed(three_with("clientPortAddress=[::1]\n")).client_address, "::1");
    EXPECT_EQ(parsed(three_with("clientPortAddress=::1\n")).client_address, "::1");
}

// As a system property of Java does: the file wins where it has the key, however it has it.
TEST(ZooCfg, WhatStandsBesideCountsWhereTheFileIsSilent) {
    const std::vector<Property> beside = {
        {"tickTime", "900", 0}, {"snapCount", "7000", 0}, {"forceSync", "no", 0}};
    ServerConfig config;
    const auto read = read_zoo_cfg(kThree, "zoo.cfg", config, beside);
    ASSERT_TRUE(read.has_value()) << read.error().message();
    EXPECT_EQ(config.tick_time, milliseconds(2000));
    EXPECT_EQ(config.snap_count, 7000);
    ASSERT_EQ(config.warnings.size(), 1U);
    EXPECT_TRUE(config.warnings[0].starts_with("command line: forceSync=no: "));
    ServerConfig refused;
    const auto wrong = read_zoo_cfg(kThree, "zoo.cfg", refused, {{"sslQuorum", "true", 0}});
    ASSERT_FALSE(wrong.has_value());
    EXPECT_TRUE(wrong.error().message().starts_with("command line: sslQuorum"))
        << wrong.error().message();
}

TEST(ZooCfg, ConnectLimitIsTheInitLimitUnlessItIsSet) {
    EXPECT_EQ(parsed(kThree).connect_limit(), milliseconds(20000));
    EXPECT_EQ(parsed(three_with("connectToLearnerMasterLimit=3\n")).connect_limit(),
              milliseconds(6000));
}

TEST(ZooCfg, RendersWhatItReads) {
    const std::string text = three_with(
        "dataLogDir=/var/zklog\nmaxSessionTimeout=90000\nsnapCount=5000\n"
        "4lw.commands.whitelist=*\nmaxClientCnxns=0\nstandaloneEnabled=false\nserver.4=h:1:2:"
        "observer;77\n");
    const std::string rendered = render_zoo_cfg(parsed(text));
    EXPECT_EQ(rendered,
              "tickTime=2000\n"
              "initLimit=10\n"
              "syncLimit=5\n"
              "dataDir=/var/zk\n"
              "dataLogDir=/var/zklog\n"
              "clientPort=2181\n"
              "maxSessionTimeout=90000\n"
              "maxClientCnxns=0\n"
              "snapCount=5000\n"
              "standaloneEnabled=false\n"
              "4lw.commands.whitelist=*\n"
              "server.1=zk1:2888:3888:participant\n"
              "server.2=zk2:2888:3888:participant\n"
              "server.3=[0:0:0:0:0:0:0:1]:2888:3888:participant\n"
              "server.4=h:1:2:observer;0.0.0.0:77\n");
    EXPECT_EQ(render_zoo_cfg(parsed(rendered)), rendered);
}

TEST(ZooCfg, NamesFileLineKeyAndTheWayOut) {
    EXPECT_EQ(error_of("clientPort=1\n"), "zoo.cfg: dataDir is not set; add dataDir=/path/to/data");
    EXPECT_EQ(error_of(three_with("tickTime=0\n")),
              "zoo.cfg:10: tickTime=0: must be from 1 to 2147483647");
    EXPECT_EQ(error_of(three_with("tickTime=\n")), "zoo.cfg:10: tickTime=: must be a whole number");
    EXPECT_EQ(error_of(three_with("initLimit=2s\n")),
              "zoo.cfg:10: initLimit=2s: must be a whole number");
    EXPECT_EQ(error_of(three_with("clientPort=70000\n")),
              "zoo.cfg:10: clientPort=70000: must be from 0 to 65535");
    EXPECT_EQ(error_of(three_with("standaloneEnabled=yes\n")),
              "zoo.cfg:10: standaloneEnabled=yes: choose 'true' or 'false'");
    EXPECT_EQ(error_of(three_with("minSessionTimeout=50000\n")),
              "zoo.cfg: minSessionTimeout (50000 ms) must not be larger than maxSessionTimeout "
              "(40000 ms)");
    EXPECT_EQ(error_of(three_with("peerType=boss\n")),
              "zoo.cfg:10: peerType=boss: choose 'participant' or 'observer'");
    EXPECT_EQ(error_of(three_with("electionAlg=0\n")),
              "zoo.cfg:10: electionAlg=0: only 3 (fast leader election) exists; remove the line");
    EXPECT_EQ(error_of(three_with("server.4=h:1\n")),
              "zoo.cfg:10: server.4: 'h:1' does not have the form "
              "host:quorumPort:electionPort[:participant|:observer][;[clientHost:]clientPort]");
    EXPECT_EQ(error_of(three_with("server.4=zk1:2888:4888\n")),
              "zoo.cfg: server.1 and server.4 both have the address zk1:2888");
    EXPECT_EQ(error_of("dataDir=/d\nclientPortAddress=h\n"),
              "zoo.cfg: clientPortAddress is set but clientPort is not");
}

TEST(ZooCfg, RefusesMembershipsThatApacheRefuses) {
    const std::string base = "dataDir=/d\nclientPort=1\n";
    const std::string limits = base + "initLimit=1\nsyncLimit=1\n";
    const std::string two = "server.1=a:1:2\nserver.2=b:1:2\n";
    EXPECT_EQ(error_of(base + two), "zoo.cfg: initLimit is not set; add initLimit=10 (ticks)");
    EXPECT_EQ(error_of(base + "initLimit=1\n" + two),
              "zoo.cfg: syncLimit is not set; add syncLimit=5 (ticks)");
    EXPECT_EQ(error_of(limits + "server.1=a:1:2:observer\n"),
              "zoo.cfg: there are observers but no participant; a participant must exist");
    EXPECT_EQ(error_of(limits + "server.1=a:1:2\nserver.2=b:1:2:observer\n"),
              "zoo.cfg: one participant with observers needs standaloneEnabled=false, or two more "
              "participants");
    EXPECT_EQ(error_of(limits + "standaloneEnabled=false\n"),
              "zoo.cfg: standaloneEnabled=false needs at least one participant (server.N line)");
    EXPECT_EQ(
        parsed(limits + two).warnings,
        std::vector<std::string>{"zoo.cfg: with 2 voter(s) no server failure is tolerated; use 3"});
}

TEST(ZooCfg, StandaloneLikeApache) {
    EXPECT_FALSE(parsed("dataDir=/d\nclientPort=1\n").replicated());
    EXPECT_FALSE(parsed("dataDir=/d\nclientPort=1\nserver.1=a:1:2\n").replicated());
    EXPECT_TRUE(parsed("dataDir=/d\nclientPort=1\nserver.1=a:1:2\nstandaloneEnabled=false\n"
                       "initLimit=1\nsyncLimit=1\n")
                    .replicated());
}

// Apache's takes the port of its one line only with a myid that names it, and says nothing when it has none at all.
TEST(ZooCfg, AServerAloneAndItsClientPort) {
    ServerConfig line = parsed("dataDir=/d\nserver.2=a:1:2;77\n");
    EXPECT_THAT(line.warnings, testing::ElementsAre(HasSubstr("is a server alone (standalone)")));
    EXPECT_EQ(
        check_client_port(line, ServerId(0), "zoo.cfg").error().message(),
        "zoo.cfg: no port for clients; add clientPort=2181 (of a single server.N line ';port' "
        "counts when the file myid in dataDir holds that N)");
    ASSERT_TRUE(set_identity(line, ServerId(2), "zoo.cfg").has_value());
    EXPECT_EQ(line.client_port, 77);
    EXPECT_TRUE(check_client_port(line, ServerId(2), "zoo.cfg").has_value());

    ServerConfig other = parsed("dataDir=/d\nclientPort=5\nserver.2=a:1:2;77\n");
    ASSERT_TRUE(set_identity(other, ServerId(9), "zoo.cfg").has_value());
    EXPECT_EQ(other.client_port, 5);
    EXPECT_THAT(other.warnings.back(), HasSubstr("myid is 9 but there is no server.9 line"));
    EXPECT_FALSE(set_identity(other, ServerId(2), "zoo.cfg").has_value()) << "two ports";

    ServerConfig none = parsed("dataDir=/d\n");
    EXPECT_TRUE(none.warnings.empty());
    EXPECT_TRUE(set_identity(none, ServerId(9), "zoo.cfg").has_value());
    EXPECT_TRUE(none.warnings.empty());
    EXPECT_EQ(check_client_port(none, ServerId(9), "zoo.cfg").error().message(),
              "zoo.cfg: no port for clients; add clientPort=2181");
}

TEST(ZooCfg, RefusesFeaturesItDoesNotHave) {
    for (const std::string_view line :
         {"dynamicConfigFile=/etc/zoo.dynamic",
          "reconfigEnabled=true",
          "secureClientPort=2182",
          "sslQuorum=true",
          "ssl.quorum.keyStore.location=/k",
          "quorum.auth.enableSasl=true",
          "authProvider.1=org.apache.zookeeper.server.auth.SASLAuthenticationProvider",
          "superUser=bob",
          "group.1=1:2:3",
          "weight.1=3",
          "server.4=a:1:2|b:1:2",
          "observerMasterPort=4000",
          "emulate353TTLNodes=true",
          "admin.forceHttps=true",
          "metricsProvider.httpsPort=7443"}) {
        auto config = parse_zoo_cfg(three_with(line), "zoo.cfg");
        ASSERT_FALSE(config.has_value()) << line;
        EXPECT_EQ(config.error().code, make_error_code(Errc::unsupported)) << line;
        EXPECT_TRUE(config.error().message().starts_with("zoo.cfg:10: "))
            << config.error().message();
    }
    EXPECT_EQ(error_of(three_with("sslQuorum=true")),
              "zoo.cfg:10: sslQuorum=true: this version does not support TLS between servers; set "
              "false or remove the line");
}

TEST(ZooCfg, WarnsOfKeysWithoutEffect) {
    const ServerConfig config =
        parsed(three_with("what.ever=1\n"
                          "zookeeper.snapCount=5\n"
                          "admin.httpVersion=11\n"
                          "autopurge.snapRetainCount=1\n"
                          "syncLimit=6\n"
                          "server.4=zk4:2888:3888\n"));
    EXPECT_EQ(config.sync_limit_ticks, 6);
    EXPECT_EQ(
        config.warnings,
        (std::vector<std::string>{
            "zoo.cfg:10: what.ever=1: not a setting of this server; it has no effect",
            "zoo.cfg:11: zookeeper.snapCount=5: in a file the key is 'snapCount'; as written it "
            "has no effect",
            "zoo.cfg:12: admin.httpVersion=11: tunes what this admin server does not have; it has "
            "no effect",
            "zoo.cfg:13: autopurge.snapRetainCount=1: raised to 3, the smallest number of "
            "snapshots that is safe",
            "zoo.cfg:14: syncLimit is set again (first in line 4); the last one counts",
            "zoo.cfg: 4 voters tolerate no more failures than 3"}));
}

TEST(ZooCfg, TellsBesideARefusalWhatWasFoundBefore) {
    ServerConfig config;
    const auto read =
        read_zoo_cfg(three_with("server.1=other:2888:3888\nwhat.ever=1\nsecureClientPort=1\n"),
                     "zoo.cfg",
                     config);
    ASSERT_FALSE(read.has_value());
    EXPECT_EQ(config.warnings,
              (std::vector<std::string>{
                  "zoo.cfg:10: server.1 is set again (first in line 7); the last one counts",
                  "zoo.cfg:11: what.ever=1: not a setting of this server; it has no effect"}));
}

TEST(ZooCfg, TakesTheClientAddressOfTheOwnLine) {
    constexpr std::string_view text =
        "dataDir=/d\ninitLimit=1\nsyncLimit=1\nserver.1=a:1:2;7001\nserver.2=b:1:2;b:7002\n";
    ServerConfig one = parsed(text);
    ASSERT_TRUE(set_identity(one, ServerId(1), "zoo.cfg").has_value());
    EXPECT_EQ(one.client_port, 7001);
    EXPECT_EQ(one.client_address, "");
    ServerConfig two = parsed(text);
    ASSERT_TRUE(set_identity(two, ServerId(2), "zoo.cfg").has_value());
    EXPECT_EQ(two.client_address, "b");

    ServerConfig both = parsed(std::string(text) + "clientPort=9\n");
    EXPECT_EQ(
        set_identity(both, ServerId(1), "zoo.cfg").error().message(),
        "zoo.cfg: clientPort says 0.0.0.0:9 but server.1 says 0.0.0.0:7001; keep one of them");
    ServerConfig same = parsed(std::string(text) + "clientPort=7002\n");
    EXPECT_TRUE(set_identity(same, ServerId(2), "zoo.cfg").has_value());
    EXPECT_EQ(same.client_address, "b");

    ServerConfig stranger = parsed(kThree);
    EXPECT_EQ(
        set_identity(stranger, ServerId(5), "zoo.cfg").error().message(),
        "zoo.cfg: this server's id (myid) is 5 but there is no server.5 line; correct the file "
        "myid or add the line");
    for (const char* sid : {"255", "300"}) {
        const std::string line = std::string("server.") + sid + "=c:2888:3888;2181\n";
        auto beyond = parse_zoo_cfg("dataDir=/d\ninitLimit=5\nsyncLimit=5\n" + line, "zoo.cfg");
        ASSERT_TRUE(beyond.has_value());
        const ServerId own = beyond->ensemble.members.begin()->first;
        EXPECT_THAT(set_identity(*beyond, own, "zoo.cfg").error().message(),
                    HasSubstr("give this server an id from 1 to 254"))
            << sid;
    }
}

TEST(ZooCfg, WhatApacheRunsAndThisVersionDoesNotIsRefusedWithTheWayOut) {
    const auto refusal = [](const ServerConfig& config) {
        const auto checked = check_supported(config, "zoo.cfg");
        return checked.has_value() ? "" : checked.error().message();
    };
    EXPECT_EQ(refusal(parsed(kThree)), "");
    EXPECT_EQ(refusal(parsed("dataDir=/d\nclientPort=1\nserver.1=a:1:2\n")), "");
    EXPECT_EQ(refusal(parsed(three_with("server.4=h:1:2:observer\n"))),
              "zoo.cfg: server.4 is an observer, which is not supported in this version; make it a "
              "participant or remove the line");
    ServerConfig no_port = parsed(kThree);
    EXPECT_TRUE(check_client_port(no_port, ServerId(1), "zoo.cfg").has_value());
    no_port.client_port.reset();
    EXPECT_EQ(check_client_port(no_port, ServerId(1), "zoo.cfg").error().message(),
              "zoo.cfg: no port for clients; add clientPort=2181, or ;2181 to the line server.1");
}

TEST(Myid, HoldsJustANumber) {
    EXPECT_EQ(*parse_myid("3\n", "myid"), ServerId(3));
    EXPECT_EQ(*parse_myid("12", "myid"), ServerId(12));
    EXPECT_EQ(*parse_myid("1\r\nrest", "myid"), ServerId(1));
    for (const std::string_view text :
         {"", " 1", "1 ", "one", "-1", "1.0", "99999999999999999999"}) {
        EXPECT_FALSE(parse_myid(text, "myid").has_value()) << text;
    }
    EXPECT_EQ(parse_myid(" 1\n", "/d/myid").error().message(),
              "/d/myid: ' 1' is not a server id; the file must hold just the N of this server's "
              "server.N line, for example: 1");
}

}  // namespace
}  // namespace zk::ensemble
