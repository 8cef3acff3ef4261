// Every key whose value Apache's server takes for "off" or "default" though it looks like nonsense: a file that starts
// Apache's server starts ours, with the same meaning. Checked against 3.8.0: its configuration parser run on each line
// of the parser's own keys, its byte code read for those that are Java properties.
#include <sstream>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "ensemble/zoo_cfg.h"

namespace zk::ensemble {
namespace {

using testing::HasSubstr;

const std::string kThreeVoters =
    "tickTime=2000\ninitLimit=10\nsyncLimit=5\ndataDir=/d\nclientPort=2181\n"
    "server.1=a:2888:3888\nserver.2=b:2888:3888\nserver.3=c:2888:3888\n";

struct Row {
    std::string line;
    std::string means;    ///< what render_zoo_cfg() writes for it; empty: a default
    std::string warning;  ///< some of its words; empty: none
};

std::vector<std::string> lines_of(const std::string& text) {
    std::vector<std::string> lines;
    std::istringstream in(text);
    for (std::string line; std::getline(in, line);) lines.push_back(line);
    return lines;
}

/// What a configuration says that kThreeVoters alone does not.
std::string meaning_of(const ServerConfig& config) {
    const std::string standard = render_zoo_cfg(*parse_zoo_cfg(kThreeVoters, "z"));
    std::string more;
    for (const std::string& line : lines_of(render_zoo_cfg(config))) {
        if (standard.find(line + "\n") == std::string::npos)
            more += (more.empty() ? "" : " ") + line;
    }
    return more;
}

void expect_taken(const std::vector<Row>& rows) {
    for (const Row& row : rows) {
        SCOPED_TRACE(row.line);
        const auto config = parse_zoo_cfg(kThreeVoters + row.line + "\n", "z");
        if (!config.has_value()) {
            ADD_FAILURE() << config.error().message();
            continue;
        }
        EXPECT_EQ(meaning_of(*config), row.means);
        EXPECT_EQ(config->warnings.size(), row.warning.empty() ? 0U : 1U);
        if (!config->warnings.empty()) {
            EXPECT_THAT(config->warnings[0], HasSubstr(row.warning));
            EXPECT_THAT(config->warnings[0], HasSubstr("z:9: "));
        }
    }
}

void expect_refused(const std::vector<std::string>& lines) {
    for (const std::string& line : lines) {
        EXPECT_FALSE(parse_zoo_cfg(kThreeVoters + line + "\n", "z").has_value()) << line;
    }
}

TEST(ZooCfgValues, NumbersThatTheParserReadsItself) {
    expect_taken({{"maxClientCnxns=-1", "maxClientCnxns=0", ""},
                  {"maxClientCnxns=+7", "maxClientCnxns=7", ""},
                  {"autopurge.purgeInterval=-1", "", ""},
                  {"clientPortListenBacklog=-5", "", ""},
                  {"clientPortListenBacklog=0", "", ""},
                  {"clientPortListenBacklog=9", "clientPortListenBacklog=9", ""},
                  {"autopurge.snapRetainCount=-4", "", "raised to 3"},
                  {"minSessionTimeout=-1", "", ""},
                  {"maxSessionTimeout=-1", "", ""},
                  {"connectToLearnerMasterLimit=0", "", ""},
                  {"electionAlg=03", "", ""},
                  {"electionAlg=+3", "", ""},
                  {"observerMasterPort=-1", "", ""},
                  {"observerMasterPort=00", "", ""},
                  {"secureClientPort=0", "", ""}});
    expect_refused({"maxClientCnxns=",
                    "maxClientCnxns=0x10",
                    "maxClientCnxns=+-1",
                    "maxClientCnxns=99999999999",
                    "autopurge.purgeInterval=1x",
                    "clientPortListenBacklog=many",
                    "electionAlg=2",
                    "observerMasterPort=x",
                    "observerMasterPort=4000",
                    "secureClientPort=1",
                    "secureClientPort=",
                    "tickTime=0x7d0"});
}

TEST(ZooCfgValues, NumbersThatAreJavaProperties) {
    expect_taken(
        {{"snapCount=-1", "snapCount=2", "raised to 2"},
         {"snapCount=lots", "", "the default 100000 counts"},
         {"snapCount=0x100", "snapCount=256", ""},
         {"preAllocSize=64M", "", "the default 65536 counts"},
         {"preAllocSize=", "", "the default 65536 counts"},
         {"preAllocSize=0x10", "", "the default 65536 counts"},
         {"preAllocSize=0", "preAllocSize=0", ""},
         {"preAllocSize=-1", "preAllocSize=0", ""},
         {"globalOutstandingLimit=0", "globalOutstandingLimit=1", "one request under way"},
         {"globalOutstandingLimit=-3", "globalOutstandingLimit=1", "one request under way"},
         {"globalOutstandingLimit=x", "", "the default 1000 counts"},
         {"maxCnxns=-1", "", ""},
         {"maxCnxns=none", "", "the default 0 counts"},
         {"maxCnxns=#ff", "maxCnxns=255", ""},
         {"commitLogCount=-1", "", "raised to 500"},
         {"commitLogCount=all", "", "the default 500 counts"},
         {"electionPortBindRetry=-1", "", "the default 3 counts"},
         {"electionPortBindRetry=x", "", "the default 3 counts"},
         {"electionPortBindRetry=010", "electionPortBindRetry=8", ""},
         {"quorumCnxnTimeoutMs=-7", "quorumCnxnTimeoutMs=-7", ""},
         {"quorumCnxnTimeoutMs=5s", "", "the default -1 counts"},
         {"cnxTimeout=0", "", "5000 ms count"},
         {"fastleader.minNotificationInterval=0xc9", "fastleader.minNotificationInterval=201", ""},
         {"znode.container.checkIntervalMs=500", "znode.container.checkIntervalMs=500", ""},
         {"znode.container.checkIntervalMs=1m", "", "the default 60000 counts"},
         {"znode.container.maxPerMinute=1", "znode.container.maxPerMinute=1", ""},
         {"fsync.warningthresholdms=20", "fsync.warningthresholdms=20", ""},
         {"fsync.warningthresholdms=0", "fsync.warningthresholdms=0", ""},
         {"fsync.warningthresholdms=-1", "fsync.warningthresholdms=-1", ""},
         {"fsync.warningthresholdms=1s", "", "the default 1000 counts"},
         {"nio.sessionlessCnxnTimeout=0x100", "nio.sessionlessCnxnTimeout=256", ""},
         {"nio.sessionlessCnxnTimeout=soon", "", "the default 10000 counts"},
         {"nio.numSelectorThreads=2", "", "only clientLoops"},
         {"fastleader.maxNotificationInterval=1m", "", "the default 60000 counts"}});
    expect_refused({"znode.container.checkIntervalMs=0",
                    "znode.container.maxPerMinute=0",
                    "cnxTimeout=x",
                    "nio.sessionlessCnxnTimeout=0",
                    "nio.sessionlessCnxnTimeout=-1",
                    "cnxTimeout=-1",
                    "fastleader.minNotificationInterval=0"});
}

// The key is none of Apache's in a file; with the command line it is another matter.
TEST(ZooCfgValues, JuteMaxbufferOfAFileIsNoneOfApaches) {
    expect_taken({{"jute.maxbuffer=4194304", "jute.maxbuffer=4194304", "this server's limit"},
                  {"jute.maxbuffer=0xffffff", "jute.maxbuffer=16777215", "this server's limit"},
                  {"jute.maxbuffer=67108864", "jute.maxbuffer=67108864", "this server's limit"},
                  {"jute.maxbuffer=1024", "jute.maxbuffer=1024", "this server's limit"},
                  {"jute.maxbuffer=67108865", "", "not from 1024 to 67108864"},
                  {"jute.maxbuffer=1023", "", "not from 1024 to 67108864"},
                  {"jute.maxbuffer=4M", "", "not from 1024 to 67108864"},
                  {"jute.maxbuffer=-1", "", "not from 1024 to 67108864"},
                  {"jute.maxbuffer=0", "", "not from 1024 to 67108864"},
                  {"jute.maxbuffer=99999999999", "", "not from 1024 to 67108864"},
                  {"jute.maxbuffer=0xfffff", "", ""},
                  {"jute.maxbuffer=1048575", "", ""},
                  {"jute.maxbuffer=0x8000", "jute.maxbuffer=32768", "this server's limit"}});
    EXPECT_THAT(parse_zoo_cfg(kThreeVoters + "jute.maxbuffer=128000000\n", "z")->warnings[0],
                HasSubstr("the default of 1048575 bytes counts"));
    EXPECT_EQ(parse_zoo_cfg(kThreeVoters + "jute.maxbuffer=4194304\n", "z")->jute_max_buffer,
              4'194'304);
}

TEST(ZooCfgValues, WordsThatAreJavaProperties) {
    expect_taken(
        {{"leaderServes=yes", "", ""},
         {"leaderServes=true", "", "everything but 'no' is yes"},
         {"leaderServes=Yes", "", "everything but 'no' is yes"},
         {"leaderServes=No", "", "everything but 'no' is yes"},
         {"leaderServes=no", "leaderServes=no", ""},
         {"skipACL=no", "", ""},
         {"skipACL=false", "", ""},
         {"skipACL=true", "", "does not switch it on"},
         {"skipACL=Yes", "", "does not switch it on"},
         {"skipACL=yes", "skipACL=yes", ""},
         {"closeSessionTxn.enabled=no", "closeSessionTxn.enabled=false", "everything but 'true'"},
         {"DigestAuthenticationProvider.enabled=TRUE", "", ""},
         {"DigestAuthenticationProvider.enabled=false",
          "DigestAuthenticationProvider.enabled=false",
          ""},
         {"db.autocreate=no", "db.autocreate=false", "everything but 'true' is false"},
         {"db.autocreate=TRUE", "", ""},
         {"extendedTypesEnabled=True", "extendedTypesEnabled=true", ""},
         {"extendedTypesEnabled=yes", "", "everything but 'true' is false"},
         {"readonlymode.enabled=TRUE", "readonlymode.enabled=true", ""},
         {"readonlymode.enabled=yes", "", "everything but 'true' is false"},
         {"enforceQuota=TRUE", "enforceQuota=true", ""},
         {"enforceQuota=on", "", "everything but 'true' is false"},
         {"datadir.autocreate=FALSE", "datadir.autocreate=false", ""},
         {"datadir.autocreate=0", "datadir.autocreate=false", "everything but 'true' is false"},
         {"admin.enableServer=true", "admin.enableServer=true", ""},
         {"admin.enableServer=maybe", "", "everything but 'true' is false"},
         {"admin.enableServer=false", "", ""},
         {"admin.serverPort=8081", "admin.serverPort=8081", ""},
         {"admin.serverPort=x", "", "the default 8080 counts"},
         {"clientTcpKeepAlive=True", "clientTcpKeepAlive=true", ""},
         {"clientTcpKeepAlive=1", "", "everything but 'true' is false"},
         {"metricsProvider.exportJvmInfo=false", "metricsProvider.exportJvmInfo=false", ""},
         {"4lw.commands.whitelist=", "4lw.commands.whitelist=", ""}});
}

// What these do in Apache's server somebody notices: the warning says what there is instead.
TEST(ZooCfgValues, WhatOperatorsAndClientsWouldMissIsSaid) {
    expect_taken({{"tcpKeepAlive=true", "", "always kept alive"},
                  {"enableEagerACLCheck=true", "", "by the leader only"},
                  {"digest.enabled=false", "", "always written and compared"},
                  {"jute.maxbuffer.extrasize=4096", "", "as many bytes more"},
                  {"snapshot.trust.empty=true", "", "refused all the same"}});
}

TEST(ZooCfgValues, DigestsByJavasNames) {
    const std::string key = "DigestAuthenticationProvider.digestAlg=";
    expect_taken({{key + "sha-1", "", ""},
                  {key + "SHA", "", ""},
                  {key + "sha-256", key + "SHA-256", ""},
                  {key + "Sha3-512", key + "SHA3-512", ""},
                  {key + "md5", key + "MD5", ""}});
    expect_refused({key + "SHA256", key, key + "MD2"});
}

TEST(ZooCfgValues, WhoHasToProveSomething) {
    const std::string on = "enforce.auth.enabled=true\n";
    const auto refusal = [](const std::string& lines) {
        const auto config = parse_zoo_cfg(kThreeVoters + lines, "z");
        if (!config.has_value()) return config.error().message();
        const auto supported = check_supported(*config, "z");
        return supported.has_value() ? std::string() : supported.error().message();
    };
    EXPECT_EQ(refusal(on + "enforce.auth.schemes=digest, ip\n"), "");
    EXPECT_EQ(refusal("enforce.auth.schemes=sasl\n"), "") << "not switched on";
    EXPECT_THAT(refusal(on), HasSubstr("needs a scheme"));
    EXPECT_THAT(refusal(on + "enforce.auth.schemes=,\n"), HasSubstr("needs a scheme"));
    for (const std::string scheme : {"sasl", "x509", "super", "world", "Digest", "digest,sasl"}) {
        EXPECT_THAT(refusal(on + "enforce.auth.schemes=" + scheme + "\n"),
                    HasSubstr("nobody can prove the scheme"));
    }
    EXPECT_THAT(refusal(on + "enforce.auth.schemes=digest\n"
                             "DigestAuthenticationProvider.enabled=false\n"),
                HasSubstr("nobody can prove the scheme 'digest'"));
}

// Neither a warning nor an error shows one, wherever the key stands.
TEST(ZooCfgValues, SecretsAreNotShown) {
    for (const std::string line : {"zookeeper.DigestAuthenticationProvider.superDigest=super:hush",
                                   "superDigest=super:hush",
                                   "my.Password=hush",
                                   "DigestAuthenticationProvider.superDigest=super:hush\n"
                                   "DigestAuthenticationProvider.superDigest=super:hush"}) {
        const auto config = parse_zoo_cfg(kThreeVoters + line + "\n", "z");
        ASSERT_TRUE(config.has_value()) << line;
        ASSERT_FALSE(config->warnings.empty());
        for (const std::string& warning : config->warnings) {
            EXPECT_THAT(warning, testing::Not(HasSubstr("hush")));
        }
    }
    const auto refused = parse_zoo_cfg(kThreeVoters + "ssl.keyStore.password=hush\n", "z");
    ASSERT_FALSE(refused.has_value());
    EXPECT_THAT(refused.error().message(), HasSubstr("ssl.keyStore.password=***"));
    EXPECT_THAT(refused.error().message(), testing::Not(HasSubstr("hush")));
}

TEST(ZooCfgValues, FeaturesThatStayOff) {
    const std::string metrics = "metricsProvider.className=org.apache.zookeeper.metrics.impl.";
    const std::string provider = "authProvider.1=org.apache.zookeeper.server.auth.";
    expect_taken({{"sslQuorum=FALSE", "", ""},
                  {"portUnification=False", "", ""},
                  {"client.portUnification=no", "", ""},
                  {"client.portUnification=1", "", "does not switch it on"},
                  {"ssl.clientAuth=none", "", ""},
                  {"ssl.crl=false", "", ""},
                  {"ssl.quorum.ocsp=false", "", ""},
                  {"ssl.hostnameVerification=true", "", ""},
                  {"ssl.keyStore.location=", "", ""},
                  {"reconfigEnabled=False", "", ""},
                  {"sessionRequireClientSASLAuth=no", "", ""},
                  {"emulate353TTLNodes=no", "", ""},
                  {"audit.enable=no", "", ""},
                  {metrics + "DefaultMetricsProvider", "", ""},
                  {metrics + "NullMetricsProvider", metrics + "NullMetricsProvider", ""},
                  {provider + "DigestAuthenticationProvider", "", ""}});
    expect_refused({"sslQuorum=no",
                    "sslQuorum=true",
                    "client.portUnification=True",
                    "ssl.clientAuth=need",
                    "ssl.keyStore.location=/k",
                    "reconfigEnabled=no",
                    "sessionRequireClientSASLAuth=TRUE",
                    "audit.enable=true",
                    metrics + "OtherProvider",
                    "metricsProvider.className=",
                    provider + "SASLAuthenticationProvider"});
}

// Apache's parser takes 0 for a port that is not set.
TEST(ZooCfgValues, ClientPort0LeavesTheServerLineItsPort) {
    auto config = parse_zoo_cfg(kThreeVoters + "clientPort=0\nserver.1=a:2888:3888;7001\n", "z");
    ASSERT_TRUE(config.has_value());
    ASSERT_TRUE(set_identity(*config, ServerId(1), "z").has_value());
    EXPECT_EQ(config->client_port, 7001);
}

}  // namespace
}  // namespace zk::ensemble
