// Order of replies, identities, back-pressure, and what happens to requests that nobody knows.
#include "frontend/connection.h"
#include "harness.h"

namespace zk::frontend {
namespace {

using std::chrono::seconds;
using Strings = std::vector<std::string>;

class Requests : public Harness {
  protected:
    static Bytes set_frame(std::int32_t xid, const std::string& path, const std::string& data) {
        return request_frame(xid, OpCode::set_data, jute::SetDataRequest{path, data, -1});
    }
    static Bytes auth_frame(std::int32_t xid, const std::string& scheme, jute::Buffer credential) {
        return request_frame(
            xid, OpCode::auth, jute::AuthRequest{0, scheme, std::move(credential)});
    }
};

TEST_F(Requests, PingIsAnsweredByteForByte) {
    create("/a");
    join(1, 9);
    feed(1, from_hex("00000008 fffffffe 0000000b"));
    EXPECT_EQ(hex(sent[1]), hex(from_hex("00000010 fffffffe 0000000000000001 00000000")));
    EXPECT_EQ(told_core<request::TouchSession>().size(), 1U);
    sent[1].clear();
    feed(1, request_frame(5, OpCode::ping));
    EXPECT_EQ(story(1), (Strings{"-2:0"})) << "always -2";
}

TEST_F(Requests, WriteGoesToTheCoreWithItsIdentities) {
    join(1, 9, "10.1.2.3");
    feed(1, auth_frame(-4, "digest", "u:p") + set_frame(1, "/a", "d"));
    const auto asked = told_core<request::ClientRequest>();
    ASSERT_EQ(asked.size(), 1U);
    EXPECT_EQ(asked[0].session, SessionId(9));
    EXPECT_EQ(asked[0].xid, Xid(1));
    EXPECT_EQ(asked[0].op, OpCode::set_data);
    EXPECT_EQ(asked[0].body, jute::encode(jute::SetDataRequest{"/a", "d", -1}));
    EXPECT_EQ(asked[0].auth,
              (std::vector<jute::AuthId>{{"ip", "10.1.2.3"},
                                         {"digest", "u:Jq7wMyA/w2Vd5WIDAKdu4OIIFEQ="}}));
}

TEST_F(Requests, ReadWaitsForOwnEarlierWrite) {
    create("/a");
    join(1, 9);
    feed(1,
         set_frame(1, "/a", "new") + request_frame(2, OpCode::get_data, plain("/a")) +
             request_frame(-2, OpCode::ping) + request_frame(3, OpCode::exists, plain("/a")));
    EXPECT_TRUE(sent[1].empty());
    auto changed = set_data("/a", "new");
    say(changed, reply(1, 9, 1, OpCode::set_data));
    const auto all = frames(1);
    ASSERT_EQ(all.size(), 4U);
    EXPECT_EQ(all[0].header.xid, Xid(1));
    EXPECT_EQ(all[1].header.xid, Xid(2));
    EXPECT_EQ(all[1].body.substr(0, 7), from_hex("00000003") + "new");
    EXPECT_EQ(all[2].header.xid, Xid(-2));
    EXPECT_EQ(all[3].header.xid, Xid(3));
}

TEST_F(Requests, OtherSessionsDoNotWait) {
    create("/a");
    join(1, 9);
    join(2, 10);
    feed(1, set_frame(1, "/a", "new"));
    feed(2, request_frame(1, OpCode::get_data, plain("/a")));
    EXPECT_EQ(story(2), (Strings{"1:0"}));
    EXPECT_TRUE(sent[1].empty());
}

TEST_F(Requests, RepliesKeepTheOrderOfRequests) {
    create("/a");
    join(1, 9);
    feed(1,
         set_frame(1, "/a", "1") + request_frame(2, OpCode::sync, jute::PathRequest{"/a"}) +
             request_frame(3, OpCode::get_data, plain("/a")) + set_frame(4, "/a", "2"));
    say(reply(1, 9, 2, OpCode::sync, ErrorCode::ok, jute::encode(jute::PathRequest{"/a"})));
    EXPECT_TRUE(sent[1].empty()) << "the sync is behind the write";
    auto changed1 = set_data("/a", "1");
    auto reply1 = reply(1, 9, 1, OpCode::set_data);
    auto changed2 = set_data("/a", "2");
    say(changed1, reply1, changed2, reply(1, 9, 4, OpCode::set_data));
    EXPECT_EQ(story(1), (Strings{"1:0", "2:0", "3:0", "4:0"}));
}

TEST_F(Requests, EqualXidsAreAnsweredInOrder) {
    join(1, 9);
    feed(1, set_frame(5, "/a", "1") + set_frame(5, "/b", "2"));
    say(reply(1, 9, 5, OpCode::set_data, ErrorCode::no_node));
    say(reply(1, 9, 5, OpCode::set_data, ErrorCode::bad_version));
    EXPECT_EQ(story(1), (Strings{"5:-101", "5:-103"}));
    say(reply(1, 9, 5, OpCode::set_data));
    EXPECT_TRUE(sent[1].empty()) << "nobody waits for a third one";
}

TEST_F(Requests, EventOfALaterTxnPrecedesTheReadThatSeesIt) {
    create("/a");
    create("/b");
    join(1, 9);
    feed(1, request_frame(1, OpCode::get_data, watch("/b")));
    feed(1, set_frame(2, "/a", "1") + request_frame(3, OpCode::get_data, plain("/b")));
    sent[1].clear();
    auto changed1 = set_data("/a", "1");
    auto reply1 = reply(1, 9, 2, OpCode::set_data);
    auto changed2 = set_data("/b", "seen");
    say(changed1, reply1, changed2);
    EXPECT_EQ(story(1), (Strings{"2:0", "E3:/b", "3:0"}));
}

TEST_F(Requests, ErrorsHaveNoBody) {
    join(1, 9);
    feed(1, set_frame(1, "/a", "1"));
    say(reply(1, 9, 1, OpCode::set_data, ErrorCode::no_node, "must not be sent"));
    EXPECT_EQ(sent[1].size(), 20U);
}

TEST_F(Requests, UnknownOperationIsRefusedAndTheConnectionCloses) {
    for (const std::int32_t op : {0, 10, 13, 23, 99, 108, -1, -10}) {
        const auto id = static_cast<ConnectionId>(op + 1000);
        join(id, op + 5000);
        feed(id, request_frame(7, static_cast<OpCode>(op)) + request_frame(-2, OpCode::ping));
        EXPECT_EQ(hex(sent[id]),
                  "00000010"
                  "00000007"
                  "ffffffffffffffff"
                  "fffffffa")
            << op;
        EXPECT_EQ(orders[id].close, Close::after_flush) << op;
        EXPECT_TRUE(told_core<request::ClientRequest>().empty()) << op;
    }
}

TEST_F(Requests, UnknownOperationIsRefusedInItsTurn) {
    join(1, 9);
    feed(1,
         set_frame(1, "/a", "1") + request_frame(2, static_cast<OpCode>(108)) +
             set_frame(3, "/a", "2"));
    EXPECT_TRUE(sent[1].empty());
    EXPECT_EQ(told_core<request::ClientRequest>().size(), 1U);
    say(reply(1, 9, 1, OpCode::set_data));
    EXPECT_EQ(story(1), (Strings{"1:0", "2:-6"}));
    EXPECT_EQ(orders[1].close, Close::after_flush);
}

// Whoever could ask for deleteContainer could delete without a permission.
TEST_F(Requests, WhatIsRefusedToEveryClientKeepsTheConnection) {
    join(1, 9);
    feed(1,
         set_frame(1, "/a", "1") + request_frame(2, OpCode::reconfig) +
             request_frame(3, OpCode::delete_container, plain("/a")) +
             request_frame(-2, OpCode::ping));
    EXPECT_TRUE(sent[1].empty()) << "each in its turn";
    say(reply(1, 9, 1, OpCode::set_data));
    EXPECT_EQ(story(1), (Strings{"1:0", "2:-123", "3:-6", "-2:0"}));
    EXPECT_EQ(orders[1].close, Close::no);
    EXPECT_EQ(told_core<request::ClientRequest>().size(), 1U);
}

TEST_F(Requests, ContainersAndTtlNodesAreForTheCore) {
    join(1, 9);
    feed(1, request_frame(1, OpCode::create_container) + request_frame(2, OpCode::create_ttl));
    const auto asked = told_core<request::ClientRequest>();
    ASSERT_EQ(asked.size(), 2U);
    EXPECT_EQ(asked[0].op, OpCode::create_container);
    EXPECT_EQ(asked[1].op, OpCode::create_ttl);
}

TEST_F(Requests, ShortHeaderClosesSilently) {
    for (const std::string& payload : {std::string(), std::string(4, '\0'), std::string(7, '\0')}) {
        const ConnectionId id = 100 + payload.size();
        join(id, static_cast<std::int64_t>(id));
        feed(id, framed(payload));
        EXPECT_EQ(orders[id].close, Close::at_once);
        EXPECT_TRUE(sent[id].empty());
    }
}

TEST_F(Requests, UndecodableBodiesAreAnswered) {
    join(1, 9);
    for (const OpCode op : {OpCode::exists,
                            OpCode::get_data,
                            OpCode::get_children,
                            OpCode::get_children2,
                            OpCode::get_acl,
                            OpCode::get_ephemerals,
                            OpCode::get_all_children_number,
                            OpCode::multi_read,
                            OpCode::sync,
                            OpCode::add_watch,
                            OpCode::check_watches,
                            OpCode::remove_watches,
                            OpCode::set_watches,
                            OpCode::set_watches2}) {
        const Bytes header = jute::encode(jute::RequestHeader{Xid(1), op});
        feed(1,
             framed(header) + framed(header + from_hex("00000009 2f61")) +
                 framed(header + from_hex("80000000")));
        EXPECT_EQ(story(1), (Strings{"1:-5", "1:-5", "1:-5"})) << to_string(op);
    }
    EXPECT_TRUE(told_core<request::ClientRequest>().empty());
    EXPECT_EQ(orders[1].close, Close::no);
}

TEST_F(Requests, NullPathIsAMarshallingErrorButSyncEchoesIt) {
    join(1, 9);
    feed(1, framed(from_hex("00000001 00000004 ffffffff 00")));
    EXPECT_EQ(story(1), (Strings{"1:-5"}));
    feed(1, framed(from_hex("00000002 00000009 ffffffff")));
    ASSERT_EQ(told_core<request::ClientRequest>().size(), 1U);
}

TEST_F(Requests, AuthIsAnsweredByteForByteAndInTurn) {
    join(1, 9);
    feed(1, from_hex("0000001d fffffffc 00000064 00000000 00000006 646967657374 00000003 753a70"));
    EXPECT_EQ(hex(sent[1]), hex(from_hex("00000010 fffffffc 0000000000000000 00000000")));
    sent[1].clear();
    feed(1, set_frame(1, "/a", "1") + auth_frame(77, "digest", "v:q") + set_frame(2, "/a", "2"));
    EXPECT_TRUE(sent[1].empty()) << "the answer waits for the write";
    const auto asked = told_core<request::ClientRequest>();
    ASSERT_EQ(asked.size(), 2U);
    EXPECT_EQ(asked[0].auth.size(), 2U);
    EXPECT_EQ(asked[1].auth.size(), 3U) << "the new identity counts from the next request on";
    say(reply(1, 9, 1, OpCode::set_data), reply(1, 9, 2, OpCode::set_data));
    EXPECT_EQ(story(1), (Strings{"1:0", "77:0", "2:0"})) << "the request's xid is echoed";
}

TEST_F(Requests, SameIdentityCountsOnce) {
    join(1, 9);
    feed(1,
         auth_frame(-4, "digest", "u:p") + auth_frame(-4, "digest", "u:p") +
             auth_frame(-4, "ip", "") + set_frame(1, "/a", "d"));
    EXPECT_EQ(told_core<request::ClientRequest>().at(0).auth.size(), 2U);
}

TEST_F(Requests, SuperDigestGivesSuper) {
    join(1, 9);
    feed(1, auth_frame(-4, "digest", "super:secret") + set_frame(1, "/a", "d"));
    const auto auth = told_core<request::ClientRequest>().at(0).auth;
    ASSERT_EQ(auth.size(), 3U);
    EXPECT_EQ(auth[1], (jute::AuthId{"super", ""}));
    join(2, 10);
    feed(2, auth_frame(-4, "digest", "super:wrong") + set_frame(1, "/a", "d"));
    EXPECT_EQ(told_core<request::ClientRequest>().at(0).auth.size(), 2U);
}

TEST_F(Requests, FailedAuthClosesTheConnectionOnly) {
    ConnectionId id = 1;
    for (const std::string scheme : {"world", "auth", "super", "sasl", "kerberos", ""}) {
        join(id, static_cast<std::int64_t>(id));
        feed(id, auth_frame(-4, scheme, "anyone") + request_frame(-2, OpCode::ping));
        EXPECT_EQ(hex(sent[id]),
                  "00000010"
                  "fffffffc"
                  "0000000000000000"
                  "ffffff8d")
            << scheme;
        EXPECT_EQ(orders[id].close, Close::after_flush);
        EXPECT_EQ(told_core<request::ConnectionClosed>().size(), 1U);
        EXPECT_TRUE(told_core<request::ClientRequest>().empty()) << "the session is not closed";
        ++id;
    }
    join(id, 99);
    feed(id, auth_frame(-4, "digest", std::nullopt));
    EXPECT_EQ(story(id), (Strings{"-4:-115"}));
    EXPECT_EQ(frontend.statistics().auth_failures, 7);
}

// Any text is a digest identity, so nothing but a limit keeps a client from proving for ever.
TEST_F(Requests, IdentitiesOfAConnectionHaveALimit) {
    join(1, 9);
    const std::string user(kIdentityBytesMax / 4, 'u');
    for (char last = '1'; last <= '3'; ++last) feed(1, auth_frame(-4, "digest", user + last));
    EXPECT_EQ(story(1), (Strings{"-4:0", "-4:0", "-4:0"}));
    feed(1, auth_frame(-4, "digest", user + '4') + request_frame(-2, OpCode::ping));
    EXPECT_EQ(story(1), (Strings{"-4:-115"}));
    EXPECT_EQ(orders[1].close, Close::after_flush);
    EXPECT_EQ(frontend.statistics().auth_failures, 1);
}

TEST_F(Requests, BadAuthBodyClosesSilently) {
    join(1, 9);
    feed(1, request_frame(-4, OpCode::auth));
    EXPECT_EQ(orders[1].close, Close::at_once);
    EXPECT_TRUE(sent[1].empty());
}

TEST_F(Requests, SaslWithoutConfigurationProvesNothing) {
    join(1, 9);
    feed(1, request_frame(1, OpCode::sasl, jute::Buffer("")) + set_frame(2, "/a", "d"));
    EXPECT_EQ(hex(sent[1]),
              "00000014"
              "00000001"
              "0000000000000000"
              "00000000"
              "ffffffff");
    EXPECT_EQ(told_core<request::ClientRequest>().at(0).auth.size(), 1U);
    join(2, 10);
    feed(2, request_frame(1, OpCode::sasl));
    EXPECT_EQ(orders[2].close, Close::at_once);
}

TEST_F(Requests, AuthDoesNotKeepASessionAlive) {
    join(1, 9);
    feed(1, auth_frame(-4, "digest", "u:p"));
    EXPECT_TRUE(told_core<request::TouchSession>().empty());
    feed(1,
         request_frame(1, OpCode::exists, plain("/a")) +
             request_frame(2, OpCode::exists, plain("/a")));
    EXPECT_EQ(told_core<request::TouchSession>().size(), 1U) << "one for all requests of a turn";
}

TEST_F(Requests, CloseSessionIsAnsweredThenTheConnectionCloses) {
    join(1, 9);
    feed(1, request_frame(8, OpCode::close_session) + set_frame(9, "/a", "lost"));
    ASSERT_EQ(told_core<request::ClientRequest>().size(), 1U) << "what comes behind vanishes";
    zxid = 6;
    say(reply(1, 9, 8, OpCode::close_session));
    EXPECT_EQ(hex(sent[1]), hex(from_hex("00000010 00000008 0000000000000006 00000000")));
    EXPECT_EQ(orders[1].close, Close::after_flush);
}

TEST_F(Requests, CloseSessionIsAnsweredAlsoWhenTheSessionIsGoneFirst) {
    create("/a");
    join(1, 9);
    feed(1, request_frame(8, OpCode::close_session));
    say(request::SessionGone{SessionId(9)}, reply(1, 9, 8, OpCode::close_session));
    EXPECT_EQ(story(1), (Strings{"8:0"}));
    EXPECT_EQ(orders[1].close, Close::after_flush);
}

TEST_F(Requests, OwnEphemeralsEventsPrecedeTheCloseReply) {
    apply(OpCode::create, jute::CreateTxn{"/e", "x", tree::open_acl_list(), true, -1}, 9);
    join(1, 9);
    feed(1, request_frame(1, OpCode::exists, watch("/e")));
    feed(1, request_frame(2, OpCode::close_session));
    sent[1].clear();
    auto changed =
        apply(OpCode::close_session, jute::CloseSessionTxn{std::vector<std::string>{"/e"}}, 9);
    say(changed, reply(1, 9, 2, OpCode::close_session), request::SessionGone{SessionId(9)});
    EXPECT_EQ(story(1), (Strings{"E2:/e", "2:0"}));
}

TEST_F(Requests, ExpiredSessionIsClosedWithoutAReply) {
    join(1, 9);
    feed(1, set_frame(1, "/a", "1"));
    say(request::SessionGone{SessionId(9)});
    EXPECT_TRUE(sent[1].empty());
    EXPECT_EQ(orders[1].close, Close::after_flush);
    EXPECT_EQ(frontend.statistics().outstanding, 0);
}

TEST_F(Requests, MovedSessionIsClosedWithoutAReply) {
    join(1, 9);
    feed(1, set_frame(1, "/a", "1"));
    say(reply(1, 9, 1, OpCode::set_data, ErrorCode::session_moved));
    EXPECT_TRUE(sent[1].empty());
    EXPECT_EQ(orders[1].close, Close::at_once);
    EXPECT_EQ(told_core<request::ConnectionClosed>().size(), 1U);
}

TEST_F(Requests, ReplyForALostConnectionIsDropped) {
    join(1, 9);
    feed(1, set_frame(1, "/a", "1"));
    frontend.on_closed(1, out);
    collect();
    EXPECT_EQ(frontend.statistics().outstanding, 0);
    say(reply(1, 9, 1, OpCode::set_data));
    EXPECT_TRUE(sent[1].empty());
    EXPECT_EQ(told_core<request::ConnectionClosed>().size(), 1U);
}

TEST_F(Requests, FloodOfParkedRequestsStopsReading) {
    join(1, 9);
    Bytes flood = set_frame(1, "/a", "1");
    for (std::size_t i = 0; i < kParkedMax + 200; ++i) flood += request_frame(-2, OpCode::ping);
    feed(1, flood);
    EXPECT_FALSE(orders[1].read);
    say(reply(1, 9, 1, OpCode::set_data));
    EXPECT_EQ(frames(1).size(), kParkedMax + 201) << "all run, also those still in the decoder";
    EXPECT_TRUE(orders[1].read);
}

TEST_F(Requests, LongReadsBehindAWriteStopReadingEarly) {
    join(1, 9);
    feed(1, set_frame(1, "/a", "1"));
    const std::string path(900'000, 'p');
    feed(1, request_frame(2, OpCode::exists, plain(path)));
    feed(1, request_frame(3, OpCode::exists, plain(path)));
    EXPECT_TRUE(orders[1].read);
    feed(1, request_frame(4, OpCode::exists, plain(path)));
    EXPECT_FALSE(orders[1].read);
    say(reply(1, 9, 1, OpCode::set_data));
    EXPECT_EQ(story(1), (Strings{"1:0", "2:-101", "3:-101", "4:-101"}));
    EXPECT_TRUE(orders[1].read);
    feed(1, set_frame(5, "/a", "1") + request_frame(6, OpCode::exists, plain(path)));
    EXPECT_TRUE(orders[1].read) << "what was answered counts no more";
}

TEST_F(Requests, GlobalLimitIsSharedEvenlyByThoseWhoAsk) {
    join(1, 9);
    join(2, 10);
    for (int i = 0; i < 1001; ++i) feed(1, set_frame(i, "/a", "1"));
    EXPECT_FALSE(orders[1].read);
    for (int i = 0; i < 499; ++i) feed(2, set_frame(i, "/a", "1"));
    EXPECT_TRUE(orders[2].read) << "has less than its half";
    feed(2, set_frame(499, "/a", "1"));
    EXPECT_FALSE(orders[2].read);
    EXPECT_EQ(told_core<request::ClientRequest>().size(), 1500U);
    for (int i = 0; i < 500; ++i) say(reply(1, 9, i, OpCode::set_data));
    EXPECT_EQ(told_core<request::ClientRequest>().size(), 1500U)
        << "whoever had all of it waits until it has its half";
    say(reply(1, 9, 500, OpCode::set_data));
    EXPECT_EQ(told_core<request::ClientRequest>().size(), 1501U);
    EXPECT_FALSE(orders[1].read);
    say(reply(1, 9, 501, OpCode::set_data));
    EXPECT_TRUE(orders[1].read);
}

TEST_F(Requests, GlobalLimitLetsOneOfEachIn) {
    for (ConnectionId id = 1; id <= 1100; ++id) join(id, static_cast<std::int64_t>(id));
    to_core.clear();
    for (ConnectionId id = 1; id <= 1100; ++id) {
        feed(id, set_frame(1, "/a", "1") + set_frame(2, "/a", "1"));
        EXPECT_FALSE(orders[id].read && id > 1000);
    }
    EXPECT_GE(told_core<request::ClientRequest>().size(), 1100U);
    say(reply(1100, 1100, 1, OpCode::set_data));
    EXPECT_EQ(told_core<request::ClientRequest>().back().session, SessionId(1100))
        << "its next one";
}

TEST_F(Requests, SlowReaderStopsItsOwnReadsOnly) {
    create("/big", tree::open_acl_list(), Bytes(400'000, 'b'));
    join(1, 9);
    hold_output = true;
    Bytes reads;
    for (int i = 1; i <= 20; ++i) reads += request_frame(i, OpCode::get_data, plain("/big"));
    feed(1, reads);
    int rounds = 0;
    for (std::size_t before = 0; rounds < 20; ++rounds) {
        take(1);
        EXPECT_LT(sent[1].size() - before, kOutputHigh + 500'000);
        if (sent[1].size() == before) break;
        before = sent[1].size();
        frontend.on_written(1, now, out);
        out.clear();
    }
    EXPECT_EQ(rounds, 7) << "three replies fill the buffer";
    EXPECT_EQ(frames(1).size(), 20U);
    EXPECT_TRUE(orders[1].read);
}

TEST_F(Requests, ClientThatNeverReadsItsEventsIsCutOff) {
    const auto path = [](int i) { return "/" + std::to_string(i) + std::string(60'000, 'p'); };
    join(1, 9);
    for (int i = 0; i < 300; ++i) feed(1, request_frame(1, OpCode::exists, watch(path(i))));
    EXPECT_EQ(frontend.statistics().watches, 300);
    hold_output = true;
    for (int i = 0; i < 200; ++i) say(create(path(i)));
    take(1);
    EXPECT_EQ(orders[1].close, Close::no) << "12 MB of events are kept for a slow client";
    for (int i = 200; i < 300; ++i) say(create(path(i)));
    EXPECT_EQ(frontend.statistics().watches, 0);
    sent[1].clear();
    take(1);
    EXPECT_EQ(orders[1].close, Close::no) << "counted anew after each take";
    for (int i = 0; i < 300; ++i) feed(1, request_frame(1, OpCode::get_data, watch(path(i))));
    take(1);
    for (int i = 0; i < 300; ++i) say(set_data(path(i), "y"));
    take(1);
    EXPECT_EQ(orders[1].close, Close::at_once);
    EXPECT_EQ(frontend.statistics().watches, 0);
}

TEST_F(Requests, SilentConnectionIsClosedLongAfterItsTimeout) {
    join(1, 9);
    pass(seconds(19));
    EXPECT_EQ(orders[1].close, Close::no);
    pass(seconds(2));
    EXPECT_EQ(orders[1].close, Close::at_once);
}

TEST_F(Requests, StopOfThisProcessIsNobodysSilence) {
    join(1, 9);
    pass(seconds(15));
    now += seconds(60);
    frontend.on_tick(now, out);
    collect();
    EXPECT_EQ(orders[1].close, Close::no);
    pass(seconds(5));
    EXPECT_EQ(orders[1].close, Close::at_once) << "the stop counts as two ticks";
}

TEST_F(Requests, StatisticsCountPacketsAndLatency) {
    join(1, 9, "::1");
    const auto before = frontend.statistics();
    feed(1, set_frame(1, "/a", "1"));
    EXPECT_EQ(frontend.statistics().outstanding, 1);
    EXPECT_EQ(frontend.connections().at(0).queued, 1);
    now += std::chrono::milliseconds(25);
    say(reply(1, 9, 1, OpCode::set_data));
    const auto after = frontend.statistics();
    EXPECT_EQ(after.packets_received - before.packets_received, 1);
    EXPECT_EQ(after.packets_sent - before.packets_sent, 1);
    EXPECT_EQ(after.latency.max_ms, 25);
    EXPECT_EQ(after.outstanding, 0);
    EXPECT_EQ(frontend.connections().at(0).address, "[::1]:4000");
    EXPECT_EQ(frontend.connections().at(0).activity.received, 2);
    EXPECT_EQ(frontend.connections().at(0).activity.sent, 2);
}

TEST_F(Requests, AnotherTreeAnswersAfterASnapshot) {
    create("/a");
    join(1, 9);
    feed(1, request_frame(1, OpCode::exists, plain("/a")));
    EXPECT_EQ(story(1), (Strings{"1:0"}));
    tree::DataTree other;
    frontend.set_tree(other);
    feed(1, request_frame(2, OpCode::exists, plain("/a")));
    EXPECT_EQ(story(1), (Strings{"2:-101"}));
    frontend.set_tree(tree);
}

// Of a local session: what its reads have seen before must not be newer than its end.
TEST_F(Requests, AnEndWithoutATxnIsToldAtTheTree) {
    join(1, 9);
    feed(1,
         request_frame(1, OpCode::sync, jute::SyncRequest{"/"}) +
             request_frame(2, OpCode::exists, plain("/b")) +
             request_frame(3, OpCode::close_session));
    request::Reply end = reply(1, 9, 3, OpCode::close_session);
    end.zxid = Zxid(0);
    say(end);
    say(create("/a"));
    say(reply(1, 9, 1, OpCode::sync));
    const std::vector<Frame> answers = frames(1);
    ASSERT_EQ(answers.size(), 3U);
    EXPECT_EQ(answers[1].header.zxid, tree.last_zxid());
    EXPECT_EQ(answers[2].header.zxid, tree.last_zxid());
    EXPECT_EQ(orders[1].close, Close::after_flush);
}

TEST_F(Requests, AnEndWithoutATxnIsToldBehindTheEventsOfItsTurn) {
    create("/a");
    join(1, 9);
    feed(1,
         request_frame(1, OpCode::exists, watch("/a")) + request_frame(2, OpCode::close_session));
    request::Reply end = reply(1, 9, 2, OpCode::close_session);
    end.zxid = Zxid(0);
    sent[1].clear();
    say(end, set_data("/a", "2"));
    EXPECT_EQ(story(1), (Strings{"E3:/a", "2:0"}));
}

/// Against a server in read-only mode.
class ReadOnlyRequests : public Requests {
  protected:
    ReadOnlyRequests() {
        say(request::Serving{false}, request::Serving{.serving = true, .read_only = true});
        create("/a");
        open(1);
        Bytes hello = connect_frame();
        hello.back() = '\1';
        feed(1, hello);
        say(request::SessionOpened{{3, 1}, SessionId(9), 10000, Bytes(16, 'p')});
        sent[1].clear();
        to_core.clear();
    }
};

TEST_F(ReadOnlyRequests, ChangesAreRefusedUnseen) {
    std::int32_t xid = 0;
    for (const OpCode op : {OpCode::create,
                            OpCode::create2,
                            OpCode::create_container,
                            OpCode::create_ttl,
                            OpCode::remove,
                            OpCode::delete_container,
                            OpCode::set_data,
                            OpCode::set_acl,
                            OpCode::multi,
                            OpCode::check,
                            OpCode::sync,
                            OpCode::reconfig}) {
        feed(1, request_frame(++xid, op));
        const std::vector<Frame> answers = frames(1);
        ASSERT_EQ(answers.size(), 1U) << xid;
        EXPECT_EQ(answers[0].header.xid, Xid(xid));
        EXPECT_EQ(answers[0].header.error, ErrorCode::not_read_only) << xid;
        EXPECT_EQ(answers[0].header.zxid, tree.last_zxid());
        EXPECT_EQ(orders[1].close, Close::no);
    }
    EXPECT_TRUE(told_core<request::ClientRequest>().empty());
    EXPECT_FALSE(told_core<request::TouchSession>().empty()) << "it lives all the same";
}

TEST_F(ReadOnlyRequests, ReadsWatchesAndTheEndAreServed) {
    feed(1,
         request_frame(1, OpCode::get_data, watch("/a")) + request_frame(2, OpCode::who_am_i) +
             request_frame(3, OpCode::ping) + request_frame(4, OpCode::create) +
             request_frame(5, OpCode::exists, plain("/b")));
    EXPECT_EQ(story(1), (Strings{"1:0", "2:0", "-2:0", "4:-119", "5:-101"}));
    feed(1, request_frame(6, OpCode::close_session));
    ASSERT_EQ(told_core<request::ClientRequest>().size(), 1U);
    say(reply(1, 9, 6, OpCode::close_session));
    EXPECT_EQ(story(1), (Strings{"6:0"}));
    EXPECT_EQ(orders[1].close, Close::after_flush);
}

TEST_F(ReadOnlyRequests, EndWhenTheServerFindsALeader) {
    say(request::Serving{false});
    EXPECT_EQ(orders[1].close, Close::after_flush);
    say(request::Serving{true});
    join(2, 10);
    feed(2, set_frame(1, "/a", "1"));
    EXPECT_EQ(told_core<request::ClientRequest>().size(), 1U);
}

}  // namespace
}  // namespace zk::frontend
