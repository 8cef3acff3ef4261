#include "admin/session_words.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace zk::admin {
namespace {

using std::chrono::seconds;
using ::testing::HasSubstr;
using ::testing::Not;

class SessionWords : public ::testing::Test {
  protected:
    SessionWords() {
        facts.now = Instant(seconds(1388));
        facts.wall = WallMs(1795330212000);  // 06:50:12 UTC
        frontend::ConnectionStatistics client;
        client.address = "127.0.0.1:57986";
        client.session = SessionId(0x100001494cb0000);
        client.established = facts.now - seconds(19);
        client.timeout_ms = 20000;
        client.ends_in = seconds(28);
        client.activity.received = client.activity.sent = 309;
        client.activity.answered(
            OpCode::get_data, Xid(0x134), Zxid(0x100000390), 5, Instant(milliseconds(1387121)));
        frontend::ConnectionStatistics own;
        own.address = "127.0.0.1:56230";
        own.activity.received = 1;
        own.asked = true;
        own.ends_in = seconds(9);
        facts.connections = {own, client};
    }
    Facts facts;
};

TEST_F(SessionWords, ConsTellsWhatASessionDidLast) {
    EXPECT_EQ(cons(facts),
              " /127.0.0.1:56230[0](queued=0,recved=1,sent=0)\n"
              " /127.0.0.1:57986[1](queued=0,recved=309,sent=309,sid=0x100001494cb0000,lop=GETD,"
              "est=1795330193000,to=20000,lcxid=0x134,lzxid=0x100000390,lresp=1387121,llat=5,"
              "minlat=5,avglat=5,maxlat=5)\n"
              "\n");
}

TEST_F(SessionWords, ConsAfterCrst) {
    facts.connections[1].activity = {};
    EXPECT_THAT(cons(facts),
                HasSubstr("(queued=0,recved=0,sent=0,sid=0x100001494cb0000,lop=NA,"
                          "est=1795330193000,to=20000,lzxid=0xffffffffffffffff,lresp=0,llat=0,"
                          "minlat=0,avglat=0,maxlat=0)\n"));
}

TEST_F(SessionWords, PingsLeaveTheLastCxid) {
    frontend::Activity& did = facts.connections[1].activity;
    did.answered(OpCode::ping, Xid(-2), Zxid(0x100000391), 0, facts.now);
    EXPECT_THAT(cons(facts), HasSubstr(",lop=PING,"));
    EXPECT_THAT(cons(facts), HasSubstr(",lcxid=0x134,lzxid=0x100000391,"));
    EXPECT_THAT(cons(facts), HasSubstr(",llat=0,minlat=0,avglat=2,maxlat=5)"));
}

TEST_F(SessionWords, DumpOfWhoExpiresSessions) {
    facts.sessions.expires = true;
    facts.sessions.buckets = {{.in = seconds(2), .sessions = {SessionId(1), SessionId(0x20)}},
                              {.in = seconds(60), .sessions = {SessionId(3)}}};
    facts.sessions.all = {{SessionId(1), 4000}, {SessionId(3), 60000}, {SessionId(0x20), 4000}};
    facts.sessions.ephemerals = {{SessionId(3), {"/app/a", "/app/b"}}};
    EXPECT_EQ(dump(facts),
              "SessionTracker dump:\n"
              "Session Sets (2)/(3):\n"
              "2 expire at Sun Nov 22 06:50:14 UTC 2026:\n"
              "\t0x1\n\t0x20\n"
              "1 expire at Sun Nov 22 06:51:12 UTC 2026:\n"
              "\t0x3\n"
              "ephemeral nodes dump:\n"
              "Sessions with Ephemerals (1):\n"
              "0x3:\n\t/app/a\n\t/app/b\n"
              "Connections dump:\n"
              "Connections Sets (2)/(2):\n"
              "1 expire at Sun Nov 22 06:50:24 UTC 2026:\n"
              "\tip: /127.0.0.1:56230 sessionId: 0x0\n"
              "1 expire at Sun Nov 22 06:50:44 UTC 2026:\n"
              "\tip: /127.0.0.1:57986 sessionId: 0x100001494cb0000\n");
}

TEST_F(SessionWords, DumpOfALearnerNamesTimeouts) {
    facts.sessions.all = {{SessionId(1), 4000}, {SessionId(0x20), 60000}};
    EXPECT_THAT(dump(facts),
                HasSubstr("SessionTracker dump:\nGlobal Sessions(2):\n0x1\t4000ms\n"
                          "0x20\t60000ms\nephemeral nodes dump:\n"
                          "Sessions with Ephemerals (0):\nConnections dump:\n"));
    EXPECT_THAT(dump(facts), Not(HasSubstr("Session Sets")));
}

TEST_F(SessionWords, WatchesByBothEnds) {
    EXPECT_EQ(watches_by_session(facts), "\n");
    EXPECT_EQ(watches_by_path(facts), "\n");
    EXPECT_EQ(watch_summary(facts), "0 connections watching 0 paths\nTotal watches:0\n");
    facts.watched = {{"/a", {SessionId(2), SessionId(1)}}, {"/b", {SessionId(1)}}};
    EXPECT_EQ(watches_by_session(facts), "0x1\n\t/a\n\t/b\n0x2\n\t/a\n\n");
    EXPECT_EQ(watches_by_path(facts), "/a\n\t0x2\n\t0x1\n/b\n\t0x1\n\n");
    EXPECT_EQ(watch_summary(facts), "2 connections watching 2 paths\nTotal watches:3\n");
}

}  // namespace
}  // namespace zk::admin
