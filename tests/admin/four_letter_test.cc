#include "admin/four_letter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "admin/mntr.h"

namespace zk::admin {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class FourLetter : public ::testing::Test {
  protected:
    FourLetter() {
        config = ensemble::parse_zoo_cfg(
                     "dataDir=/d\ndataLogDir=/l\nclientPort=22311\ntickTime=2000\ninitLimit=10\n"
                     "syncLimit=5\n4lw.commands.whitelist=*\n"
                     "server.1=127.0.0.1:22321:22331:participant;127.0.0.1:22311\n"
                     "server.2=127.0.0.1:22322:22332:participant;127.0.0.1:22312\n"
                     "server.3=127.0.0.1:22323:22333:participant;127.0.0.1:22313\n",
                     "zoo.cfg")
                     .value();
        facts.status.my_id = ServerId(1);
        facts.status.role = core::Role::following;
        facts.status.serving = true;
        facts.status.leader = ServerId(3);
        facts.status.last_zxid = Zxid(0x100000390);
        facts.status.znode_count = 10;
        facts.traffic.packets_received = 312;
        facts.traffic.packets_sent = 311;
        facts.traffic.connections = 2;
        facts.traffic.latency = {.count = 9, .total_ms = 526, .min_ms = 0, .max_ms = 230};
        facts.client_port = 22311;
        facts.uptime = std::chrono::seconds(12);
        facts.version = full_version("0.1.0", "2026-01-31 12:00 UTC");
    }
    std::string ask(std::string_view word) { return answer(word, facts, config); }

    Facts facts;
    ensemble::ServerConfig config;
};

TEST_F(FourLetter, SrvrReadsLikeApaches) {
    EXPECT_EQ(ask("srvr"),
              "Zookeeper version: 3.8.0-zkprov-0.1.0, built on 2026-01-31 12:00 UTC\n"
              "Latency min/avg/max: 0/58.4444/230\n"
              "Received: 312\n"
              "Sent: 311\n"
              "Connections: 2\n"
              "Outstanding: 0\n"
              "Zxid: 0x100000390\n"
              "Mode: follower\n"
              "Node count: 10\n");
    facts.status.role = core::Role::leading;
    EXPECT_THAT(ask("srvr"), HasSubstr("\nMode: leader\n"));
}

TEST_F(FourLetter, StatListsConnections) {
    frontend::ConnectionStatistics client;
    client.address = "127.0.0.1:57986";
    client.activity.received = 309;
    client.activity.sent = 309;
    frontend::ConnectionStatistics own;
    own.address = "127.0.0.1:56214";
    own.activity.received = 1;
    own.asked = true;
    facts.connections = {client, own};
    EXPECT_THAT(ask("stat"),
                HasSubstr("UTC\nClients:\n"
                          " /127.0.0.1:57986[1](queued=0,recved=309,sent=309)\n"
                          " /127.0.0.1:56214[0](queued=0,recved=1,sent=0)\n"
                          "\n"
                          "Latency min/avg/max: "));
}

TEST_F(FourLetter, RuokAndIsroHaveNoNewline) {
    EXPECT_EQ(ask("ruok"), "imok");
    EXPECT_EQ(ask("isro"), "rw");
    facts.status.serving = false;
    EXPECT_EQ(ask("ruok"), "imok");
    EXPECT_EQ(ask("isro"), "null");
    for (const std::string_view word : {"srvr", "stat", "mntr", "conf"}) {
        EXPECT_EQ(ask(word), "This ZooKeeper instance is not currently serving requests\n");
    }
}

TEST_F(FourLetter, AReadOnlyServerSaysSo) {
    facts.status.role = core::Role::looking;
    facts.status.read_only = true;
    EXPECT_EQ(ask("isro"), "ro");
    EXPECT_THAT(ask("srvr"),
                HasSubstr("\nREAD-ONLY mode; serving only read-only clients\nLatency"));
    EXPECT_THAT(ask("srvr"), HasSubstr("\nMode: read-only\n"));
    EXPECT_THAT(ask("stat"),
                HasSubstr("\nREAD-ONLY mode; serving only read-only clients\nClients:"));
    EXPECT_THAT(ask("mntr"), HasSubstr("zk_server_state\tread-only\n"));
    EXPECT_THAT(ask("vote"), HasSubstr("zk_server_state\tlooking\n"));
    config.four_letter_words = {"srvr"};
    EXPECT_THAT(ask("isro"), HasSubstr("not in the whitelist"));
    config.read_only_mode = true;
    EXPECT_EQ(ask("isro"), "ro") << "clients look for a server that writes";
}

TEST_F(FourLetter, VoteIsToldInAnElectionToo) {
    facts.status.role = core::Role::looking;
    facts.status.serving = false;
    facts.status.leader.reset();
    facts.status.vote_leader = ServerId(2);
    facts.status.vote_zxid = Zxid(0x100000390);
    facts.status.vote_epoch = Epoch(1);
    facts.status.round = 7;
    facts.status.current_epoch = Epoch(1);
    EXPECT_EQ(ask("vote"),
              "zk_server_id\t1\nzk_server_state\tlooking\nzk_vote_leader\t2\n"
              "zk_vote_zxid\t0x100000390\nzk_vote_epoch\t1\nzk_election_round\t7\n"
              "zk_current_epoch\t1\n");
    config.four_letter_words = {"mntr"};
    EXPECT_EQ(ask("vote"), "vote is not executed because it is not in the whitelist.\n");
}

TEST_F(FourLetter, ElectionsAreToldWhileNothingIsServed) {
    facts.status.serving = false;
    facts.elections = "search number=1\n";
    EXPECT_EQ(ask("elec"), "elections form=1 server=1 uptime_ms=12000\nsearch number=1\n");
    config.four_letter_words = {"vote"};
    EXPECT_EQ(ask("elec"), "elec is not executed because it is not in the whitelist.\n");
}

TEST_F(FourLetter, WhitelistRules) {
    config.four_letter_words = {"srvr"};
    EXPECT_EQ(ask("ruok"), "ruok is not executed because it is not in the whitelist.\n");
    EXPECT_THAT(ask("srvr"), HasSubstr("Mode: follower"));
    config.four_letter_words = {"ruok"};
    EXPECT_EQ(ask("ruok"), "imok");
    EXPECT_THAT(ask("srvr"), HasSubstr("Mode: follower")) << "allowed whatever the list says";
    EXPECT_EQ(ask("stat"), "stat is not executed because it is not in the whitelist.\n");
    config.four_letter_words = {"ruok", "dump"};
    EXPECT_THAT(ask("dump"), HasSubstr("SessionTracker dump:\n"));
}

TEST_F(FourLetter, ConfReadsLikeApaches) {
    facts.process.data_bytes = 11;
    facts.process.log_bytes = 22;
    EXPECT_EQ(
        ask("conf"),
        "clientPort=22311\nsecureClientPort=-1\ndataDir=/d/version-2\ndataDirSize=11\n"
        "dataLogDir=/l/version-2\ndataLogSize=22\ntickTime=2000\nmaxClientCnxns=60\n"
        "minSessionTimeout=4000\nmaxSessionTimeout=40000\nclientPortListenBacklog=-1\nserverId=1\n"
        "initLimit=10\nsyncLimit=5\nelectionAlg=3\nelectionPort=22331\nquorumPort=22321\npeerType="
        "0\n"
        "membership: \n"
        "server.1=127.0.0.1:22321:22331:participant;127.0.0.1:22311\n"
        "server.2=127.0.0.1:22322:22332:participant;127.0.0.1:22312\n"
        "server.3=127.0.0.1:22323:22333:participant;127.0.0.1:22313\n"
        "version=0");
}

TEST_F(FourLetter, MntrLinesAreNameTabValue) {
    facts.status.session_count = 4;
    using std::chrono::microseconds;
    facts.log.pending = microseconds(1500);
    facts.counts.set(metrics::Summary::fsynctime, metrics::Distribution::summed(4, 50, 0, 30));
    facts.counts.add(metrics::Counter::looking_count, 2);
    for (const std::int64_t ms : {1, 2, 30})
        facts.counts.observe(metrics::Summary::readlatency, ms);
    facts.quotas["app"] = {.count_limit = 10, .bytes_limit = -1, .count = 3, .bytes = 200};
    facts.quota_refusals["app"] = 7;
    facts.counts.observe(metrics::SummarySet::write_per_namespace, "app", 12);
    facts.counts.observe(metrics::SummarySet::ack_latency, "2", 3);
    const std::string text = ask("mntr");
    EXPECT_EQ(text.substr(0, 64),
              "zk_version\t3.8.0-zkprov-0.1.0, built on 2026-01-31 12:00 UTC\nzk_");
    for (const std::string_view line : {"zk_server_state\tfollower",
                                        "zk_peer_state\tfollowing - broadcast",
                                        "zk_avg_latency\t58.4444",
                                        "zk_num_alive_connections\t2",
                                        "zk_znode_count\t10",
                                        "zk_global_sessions\t4",
                                        "zk_uptime\t12000",
                                        "zk_quorum_size\t3",
                                        "zk_open_file_descriptor_count\t-1",
                                        "zk_avg_fsynctime\t12.5",
                                        "zk_min_fsynctime\t0",
                                        "zk_max_fsynctime\t30",
                                        "zk_cnt_fsynctime\t4",
                                        "zk_sum_fsynctime\t50",
                                        "zk_fsync_pending_ms\t1",
                                        "zk_app_quota_count_limit_per_namespace\t10",
                                        "zk_app_quota_bytes_limit_per_namespace\t-1",
                                        "zk_app_quota_count_usage_per_namespace\t3",
                                        "zk_app_quota_bytes_usage_per_namespace\t200",
                                        "zk_app_quota_exceeded_error_per_namespace\t7",
                                        "zk_avg_app_write_per_namespace\t12.0",
                                        "zk_min_app_write_per_namespace\t12",
                                        "zk_max_app_write_per_namespace\t12",
                                        "zk_cnt_app_write_per_namespace\t1",
                                        "zk_sum_app_write_per_namespace\t12",
                                        "zk_cnt_2_ack_latency\t1",
                                        "zk_p999_2_ack_latency\t3",
                                        "zk_looking_count\t2",
                                        "zk_avg_readlatency\t11.0",
                                        "zk_sum_readlatency\t33",
                                        "zk_p50_readlatency\t2",
                                        "zk_p999_readlatency\t30",
                                        "zk_connection_drop_probability\t0.0",
                                        "zk_leader_id\t3",
                                        "zk_last_zxid\t0x100000390"}) {
        EXPECT_THAT(text, HasSubstr("\n" + std::string(line) + "\n"));
    }
    EXPECT_THAT(text, Not(HasSubstr("zk_synced_followers")));
    EXPECT_THAT(text, Not(HasSubstr("zk_p50_fsynctime"))) << "a basic one";
    std::size_t begin = 0;
    while (begin < text.size()) {
        const std::size_t end = text.find('\n', begin);
        ASSERT_NE(end, std::string::npos);
        const std::string line = text.substr(begin, end - begin);
        EXPECT_EQ(line.substr(0, 3), "zk_");
        EXPECT_EQ(std::count(line.begin(), line.end(), '\t'), 1) << line;
        begin = end + 1;
    }
}

TEST_F(FourLetter, AServerAloneReadsLikeApaches) {
    config =
        ensemble::parse_zoo_cfg(
            "dataDir=/d\nclientPort=22311\ntickTime=2000\n4lw.commands.whitelist=*\n", "zoo.cfg")
            .value();
    facts.status.my_id = ServerId(0);
    facts.status.role = core::Role::standalone;
    facts.status.leader.reset();
    facts.status.current_epoch = Epoch(1);
    facts.process.data_bytes = 11;
    facts.process.log_bytes = 22;
    EXPECT_THAT(ask("srvr"), HasSubstr("\nZxid: 0x100000390\nMode: standalone\nNode count: 10\n"));
    EXPECT_THAT(ask("srvr"), testing::EndsWith("Node count: 10\n"));
    EXPECT_THAT(ask("stat"), HasSubstr("\nMode: standalone\n"));
    EXPECT_EQ(ask("isro"), "rw");
    EXPECT_EQ(ask("conf"),
              "clientPort=22311\nsecureClientPort=-1\ndataDir=/d/version-2\ndataDirSize=11\n"
              "dataLogDir=/d/version-2\ndataLogSize=22\ntickTime=2000\nmaxClientCnxns=60\n"
              "minSessionTimeout=4000\nmaxSessionTimeout=40000\nclientPortListenBacklog=-1\n"
              "serverId=0\n");
    const std::string mntr = ask("mntr");
    EXPECT_THAT(mntr, HasSubstr("\nzk_server_state\tstandalone\n"));
    EXPECT_THAT(mntr, HasSubstr("\nzk_looking_count\t0\n"));
    for (const std::string_view absent : {"zk_peer_state",
                                          "zk_quorum_size",
                                          "zk_learners",
                                          "zk_synced_followers",
                                          "zk_pending_syncs",
                                          "zk_proposals_pending",
                                          "zk_leader_id",
                                          "zk_vote_",
                                          "zk_election_round",
                                          "zk_last_election_ms"}) {
        EXPECT_THAT(mntr, Not(HasSubstr(std::string(absent))));
    }
    EXPECT_EQ(ask("vote"), "zk_server_id\t0\nzk_server_state\tstandalone\nzk_current_epoch\t1\n");
}

TEST_F(FourLetter, LeaderCountsItsLearners) {
    facts.status.role = core::Role::leading;
    facts.status.learners = {
        {.sid = ServerId(2), .synced = true, .voter = true, .last_acked = Zxid(1)},
        {.sid = ServerId(3), .synced = false, .voter = true, .last_acked = Zxid(0)},
        {.sid = ServerId(4), .synced = true, .voter = false, .last_acked = Zxid(0)}};
    const std::string text = ask("mntr");
    EXPECT_THAT(text, HasSubstr("zk_server_state\tleader\nzk_peer_state\tleading - broadcast\n"));
    EXPECT_THAT(
        text,
        HasSubstr("zk_learners\t3\nzk_synced_followers\t1\nzk_synced_non_voting_followers\t0\n"
                  "zk_synced_observers\t1\nzk_pending_syncs\t1\n"));
    EXPECT_THAT(ask("srvr"), testing::EndsWith("\nProposal sizes last/min/max: -1/-1/-1\n"));
    facts.status.proposals = {.last = 95, .min = 36, .max = 116};
    EXPECT_THAT(ask("srvr"), testing::EndsWith("\nProposal sizes last/min/max: 95/36/116\n"));
    EXPECT_THAT(ask("mntr"), HasSubstr("\nzk_last_proposal_size\t95\nzk_min_proposal_size\t36\n"));
}

TEST_F(FourLetter, WordsThatNeedNoServiceAnswerWithoutIt) {
    facts.environment = {{"zookeeper.version", "3"}, {"os.name", "Linux"}};
    facts.trace_mask = kTraceMask;
    facts.status.serving = false;
    EXPECT_EQ(ask("envi"), "Environment:\nzookeeper.version=3\nos.name=Linux\n");
    EXPECT_EQ(ask("gtmk"), "306");
    EXPECT_EQ(ask("stmk"), "306");
    EXPECT_EQ(ask("hash"), "This ZooKeeper instance is not currently serving requests");
    for (const std::string_view word :
         {"cons", "crst", "dirs", "dump", "srst", "wchc", "wchp", "wchs"}) {
        EXPECT_TRUE(needs_service(word)) << word;
        EXPECT_EQ(ask(word), "This ZooKeeper instance is not currently serving requests\n");
    }
}

TEST_F(FourLetter, SizesAndDigestsReadLikeApaches) {
    facts.process.data_bytes = 67108880;
    facts.process.log_bytes = 701;
    EXPECT_EQ(ask("dirs"), "datadir_size: 67108880\nlogdir_size: 701\n");
    EXPECT_EQ(ask("hash"), "") << "fewer than 128 transactions";
    facts.digests = {{Zxid(0x100000080), 258247176179}, {Zxid(0x100000100), 0xfffffffffffffffe}};
    EXPECT_EQ(ask("hash"), "100000080: 258247176179\n100000100: -2\n");
}

TEST_F(FourLetter, OnlyThreeWordsChangeSomething) {
    EXPECT_EQ(deed_of("crst"), Deed::reset_connections);
    EXPECT_EQ(deed_of("srst"), Deed::reset_server);
    EXPECT_EQ(deed_of("stmk"), Deed::set_trace_mask);
    EXPECT_EQ(ask("crst"), "Connection stats reset.\n");
    EXPECT_EQ(ask("srst"), "Server stats reset.\n");
    for (const std::string_view word : {"cons", "dump", "gtmk", "ruok", "srvr", "wchp"})
        EXPECT_EQ(deed_of(word), Deed::none) << word;
}

TEST_F(FourLetter, AveragesHaveOneToFourDecimals) {
    EXPECT_EQ(average_text(0, 0), "0.0");
    EXPECT_EQ(average_text(0, 7), "0.0");
    EXPECT_EQ(average_text(3, 2), "1.5");
    EXPECT_EQ(average_text(10, 5), "2.0");
    EXPECT_EQ(average_text(1, 3), "0.3333");
    EXPECT_EQ(average_text(2, 3), "0.6667");
}

}  // namespace
}  // namespace zk::admin
