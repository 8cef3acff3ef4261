#include "frontend/connection.h"
#include "harness.h"

namespace zk::frontend {
namespace {

using std::chrono::seconds;
using Strings = std::vector<std::string>;

class Handshake : public Harness {};

// The captured frames of a stock server: client-protocol facts, appendix A.
TEST_F(Handshake, AnswersByteForByte) {
    open(1);
    feed(1,
         from_hex("0000002d 00000000 0000000000000000 00002710 0000000000000000 00000010"
                  "00000000000000000000000000000000 00"));
    const auto asked = told_core<request::OpenSession>();
    ASSERT_EQ(asked.size(), 1U);
    EXPECT_EQ(asked[0].origin, (request::Origin{3, 1}));
    EXPECT_EQ(asked[0].timeout_ms, 10000);
    EXPECT_FALSE(orders[1].read) << "the socket waits for the session";
    say(request::SessionOpened{{3, 1},
                               SessionId(0x0100004309560000),
                               10000,
                               from_hex("288b8e6495612ca74636eee066485a1c")});
    EXPECT_EQ(hex(sent[1]),
              hex(from_hex("00000025 00000000 00002710 0100004309560000 00000010"
                           "288b8e6495612ca74636eee066485a1c 00")));
    EXPECT_TRUE(orders[1].read);
    EXPECT_EQ(orders[1].close, Close::no);
}

TEST_F(Handshake, ReadOnlyByteIsOnlyEchoed) {
    open(1);
    feed(1, connect_frame({}, {}, 10000, false));
    say(request::SessionOpened{{3, 1}, SessionId(7), 10000, Bytes(16, 'p')});
    EXPECT_EQ(sent[1].size(), 4U + 36U);
}

TEST_F(Handshake, TimeoutIsClamped) {
    const std::vector<std::pair<int, int>> cases = {
        {-5, 4000}, {1, 4000}, {4000, 4000}, {40001, 40000}};
    ConnectionId id = 1;
    for (const auto& [asked, given] : cases) {
        open(id);
        feed(id++, connect_frame({}, {}, asked));
        EXPECT_EQ(told_core<request::OpenSession>().back().timeout_ms, given) << asked;
    }
}

TEST_F(Handshake, ByteByByteAndWithRequestsBehind) {
    create("/a");
    open(1);
    const Bytes all = connect_frame() + request_frame(1, OpCode::get_data, plain("/a")) +
                      request_frame(-2, OpCode::ping);
    for (const char byte : all) feed(1, ByteView(&byte, 1));
    EXPECT_EQ(told_core<request::OpenSession>().size(), 1U);
    EXPECT_EQ(sent[1].size(), 0U);
    say(request::SessionOpened{{3, 1}, SessionId(7), 10000, Bytes(16, 'p')});
    sent[1].erase(0, 41);
    EXPECT_EQ(story(1), (Strings{"1:0", "-2:0"}));
}

TEST_F(Handshake, ClientFromTheFutureIsClosedSilently) {
    create("/a");
    open(1);
    feed(1, connect_frame({}, Zxid(2)));
    EXPECT_EQ(orders[1].close, Close::at_once);
    EXPECT_TRUE(sent[1].empty());
    EXPECT_TRUE(to_core.empty());
    open(2);
    feed(2, connect_frame({}, Zxid(1)));
    EXPECT_EQ(told_core<request::OpenSession>().size(), 1U) << "equal is fine";
}

// Whoever comes back with a session has seen another server's tree, and must not see an older one here.
TEST_F(Handshake, AReturningClientFromTheFutureIsClosedSilently) {
    create("/a");
    open(1);
    feed(1, connect_frame(SessionId(9), Zxid(2)));
    EXPECT_EQ(orders[1].close, Close::at_once);
    EXPECT_TRUE(sent[1].empty());
    EXPECT_TRUE(to_core.empty());
    open(2);
    feed(2, connect_frame(SessionId(9), Zxid(1)));
    EXPECT_EQ(told_core<request::ReattachSession>().size(), 1U) << "equal is fine";
}

TEST_F(Handshake, ReattachCarriesThePassword) {
    open(1);
    feed(1, connect_frame(SessionId(9), {}, 5000, true, "sixteen bytes..."));
    const auto asked = told_core<request::ReattachSession>();
    ASSERT_EQ(asked.size(), 1U);
    EXPECT_EQ(asked[0].session, SessionId(9));
    EXPECT_EQ(asked[0].password, "sixteen bytes...");
    EXPECT_EQ(asked[0].timeout_ms, 5000);
}

TEST_F(Handshake, ExpiredSessionIsToldWithZerosThenClosed) {
    open(1);
    feed(1, connect_frame(SessionId(9)));
    say(request::SessionOpened{{3, 1}, SessionId(), 0, {}});
    EXPECT_EQ(hex(sent[1]),
              hex(from_hex("00000025 00000000 00000000 0000000000000000 00000010"
                           "00000000000000000000000000000000 00")));
    EXPECT_EQ(orders[1].close, Close::after_flush);
    frontend.on_closed(1, out);
    EXPECT_EQ(frontend.statistics().connections, 0);
}

TEST_F(Handshake, ReattachOnTheSameServerEndsTheOldConnection) {
    join(1, 9);
    open(2);
    feed(2, connect_frame(SessionId(9)));
    EXPECT_EQ(orders[1].close, Close::no) << "not before the password was found right";
    say(request::SessionOpened{{3, 2}, SessionId(9), 10000, Bytes(16, 'p')});
    EXPECT_EQ(orders[1].close, Close::at_once);
    EXPECT_EQ(orders[2].close, Close::no);
    const auto closed = told_core<request::ConnectionClosed>();
    ASSERT_EQ(closed.size(), 1U);
    EXPECT_EQ(closed[0].origin.connection, 1U);
    frontend.on_closed(1, out);
    say(request::SessionGone{SessionId(9)});
    EXPECT_EQ(orders[2].close, Close::after_flush) << "the session belongs to the new connection";
}

TEST_F(Handshake, GarbageIsClosedSilently) {
    const std::vector<std::string> cases = {
        "ffffffff",           // negative length
        "00100000",           // one more than jute.maxbuffer
        "00000004 00000000",  // too short for a ConnectRequest
        "00000000",           // empty
        "0000001c 00000000 0000000000000000 00002710 0000000000000000 00000010",  // password
                                                                                  // missing
        "52554f4b",  // "RUOK": upper case is no word
    };
    ConnectionId id = 1;
    for (const std::string& bytes : cases) {
        open(id);
        feed(id, from_hex(bytes));
        EXPECT_EQ(orders[id].close, Close::at_once) << bytes;
        EXPECT_TRUE(sent[id].empty()) << bytes;
        ++id;
    }
    EXPECT_TRUE(to_core.empty());
}

TEST_F(Handshake, LargestFrameIsAccepted) {
    open(1);
    feed(1, from_hex("000fffff"));
    EXPECT_EQ(orders[1].close, Close::no);
}

TEST_F(Handshake, NotServingClosesButAnswersWords) {
    say(request::Serving{false});
    open(1);
    feed(1, connect_frame());
    EXPECT_EQ(orders[1].close, Close::at_once);
    open(2);
    feed(2, "ru");
    feed(2, "ok\n");
    ASSERT_EQ(words.size(), 1U);
    EXPECT_EQ(words[0].word, "ruok");
    frontend.answer_four_letter(2, "imok", out);
    collect();
    EXPECT_EQ(sent[2], "imok");
    EXPECT_EQ(orders[2].close, Close::after_flush);
}

TEST_F(Handshake, StopServingClosesEverybody) {
    join(1, 9);
    open(2);
    feed(2, connect_frame());
    say(request::Serving{false});
    EXPECT_EQ(orders[1].close, Close::after_flush);
    EXPECT_EQ(orders[2].close, Close::after_flush);
    EXPECT_EQ(told_core<request::ConnectionClosed>().size(), 2U);
    // A late answer of the core does no harm.
    say(request::SessionOpened{{3, 2}, SessionId(7), 10000, Bytes(16, 'p')});
    EXPECT_TRUE(sent[2].empty());
}

TEST_F(Handshake, WordsAfterTheHandshakeAreLengths) {
    join(1, 9);
    feed(1, "ruok");
    EXPECT_TRUE(words.empty());
    EXPECT_EQ(orders[1].close, Close::at_once);
}

TEST_F(Handshake, SilentNewcomerIsClosed) {
    open(1);
    feed(1, "r");
    pass(seconds(9));
    EXPECT_EQ(orders[1].close, Close::no);
    pass(seconds(2));
    EXPECT_EQ(orders[1].close, Close::at_once);
    EXPECT_EQ(frontend.statistics().sessionless_expired, 1);
}

struct ImpatientHandshake : Harness {
    static Settings impatient() {
        Settings own = settings();
        own.sessionless_max = milliseconds(2500);
        return own;
    }
    ImpatientHandshake() : Harness(impatient()) {}
};

// nio.sessionlessCnxnTimeout
TEST_F(ImpatientHandshake, HowLongANewcomerMayBeSilentIsASetting) {
    open(1);
    join(2, 9);
    pass(seconds(2));
    EXPECT_EQ(orders[1].close, Close::no);
    pass(seconds(1));
    EXPECT_EQ(orders[1].close, Close::at_once);
    EXPECT_EQ(frontend.statistics().sessionless_expired, 1);
    EXPECT_EQ(orders[2].close, Close::no) << "it has a session";
}

TEST_F(Handshake, WhoGoesByItselfIsCountedAndNotWhoIsSentAway) {
    const auto dropped = [this] {
        return frontend.statistics().counts.value(metrics::Counter::connection_drop_count);
    };
    open(1);
    feed(1, "r");
    frontend.on_closed(1, out);
    EXPECT_EQ(dropped(), 1);
    join(2, 9);
    frontend.on_closed(2, out);
    EXPECT_EQ(dropped(), 2);
    open(3);
    feed(3, connect_frame(SessionId(10)));
    say(request::SessionOpened{{3, 3}, SessionId(), 0, {}});  // has expired
    frontend.on_closed(3, out);
    frontend.on_closed(3, out);
    EXPECT_EQ(dropped(), 2);
}

TEST_F(Handshake, WaitingForTheCoreIsNotSilence) {
    open(1);
    feed(1, connect_frame());
    pass(seconds(60));
    EXPECT_EQ(orders[1].close, Close::no);
}

TEST_F(Handshake, ClientThatDoesNotReadItsEndIsCut) {
    open(1);
    feed(1, connect_frame(SessionId(9)));
    hold_output = true;
    say(request::SessionOpened{{3, 1}, SessionId(), 0, {}});
    pass(seconds(12));
    take(1);
    EXPECT_EQ(orders[1].close, Close::at_once);
}

TEST_F(Handshake, ConnectionLostWhileJoiningIsToldToTheCore) {
    open(1);
    feed(1, connect_frame());
    frontend.on_closed(1, out);
    collect();
    ASSERT_EQ(told_core<request::ConnectionClosed>().size(), 1U);
    EXPECT_EQ(told_core<request::ConnectionClosed>()[0].session, SessionId());
    say(request::SessionOpened{{3, 1}, SessionId(7), 10000, Bytes(16, 'p')});
    frontend.on_closed(1, out);
}

TEST_F(Handshake, UnknownConnectionsAreIgnored) {
    feed(77, "abc");
    frontend.on_written(77, now, out);
    Bytes bytes;
    EXPECT_EQ(frontend.take(77, bytes).close, Close::at_once);
}

/// A handshake whose client takes a server that may not write.
Bytes read_only_frame(Bytes frame, char byte) {
    frame.back() = byte;
    return frame;
}

TEST_F(Handshake, AReadOnlyServerTakesWhoAsksForIt) {
    say(request::Serving{false}, request::Serving{.serving = true, .read_only = true});
    open(1);
    feed(1, connect_frame({}, {}, 10000, false));
    EXPECT_EQ(orders[1].close, Close::at_once) << "an old client";
    open(2);
    feed(2, connect_frame());
    EXPECT_EQ(orders[2].close, Close::at_once);
    EXPECT_TRUE(sent[1].empty() && sent[2].empty());
    EXPECT_TRUE(to_core.empty());
    open(3);
    feed(3, read_only_frame(connect_frame(), '\1'));
    ASSERT_EQ(told_core<request::OpenSession>().size(), 1U);
    say(request::SessionOpened{{3, 3}, SessionId(7), 10000, Bytes(16, 'p')});
    EXPECT_EQ(sent[3].size(), 4U + 37U);
    EXPECT_EQ(sent[3].back(), '\1');
}

TEST_F(Handshake, AServerThatWritesTakesReadOnlyClientsToo) {
    open(1);
    feed(1, read_only_frame(connect_frame(), '\1'));
    say(request::SessionOpened{{3, 1}, SessionId(7), 10000, Bytes(16, 'p')});
    EXPECT_EQ(sent[1].size(), 4U + 37U);
    EXPECT_EQ(sent[1].back(), '\0') << "what the server is, not what was asked";
}

TEST_F(Handshake, ASessionThatNobodyHereKnowsIsNotCalledExpired) {
    say(request::Serving{.serving = true, .read_only = true});
    open(1);
    feed(1, read_only_frame(connect_frame(SessionId(9)), '\1'));
    ASSERT_EQ(told_core<request::ReattachSession>().size(), 1U);
    say(request::SessionOpened{.origin = {3, 1}, .unknown = true});
    EXPECT_EQ(orders[1].close, Close::at_once);
    EXPECT_TRUE(sent[1].empty());
}

}  // namespace
}  // namespace zk::frontend
