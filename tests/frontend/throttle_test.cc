// Clients and requests that are held back: Apache's throttles, and what one client's requests may cost in a turn.
#include "frontend/connection.h"
#include "frontend/connection_throttle.h"
#include "harness.h"

namespace zk::frontend {
namespace {

using Strings = std::vector<std::string>;
using std::chrono::seconds;
using Kind = ConnectionThrottle::Session;

constexpr Instant kStart{seconds(100)};

int admitted(ConnectionThrottle& throttle, int asked, Instant now, Kind kind = Kind::global) {
    int count = 0;
    for (int i = 0; i < asked; ++i) count += throttle.admit(kind, now) ? 1 : 0;
    return count;
}

TEST(ConnectionThrottle, WithoutTokensEverybodyMayConnect) {
    ConnectionThrottle throttle({.freeze_time = milliseconds(0), .drop_increase = 1});
    EXPECT_EQ(admitted(throttle, 1000, kStart), 1000);
    EXPECT_EQ(throttle.deficit(), 0);
}

TEST(ConnectionThrottle, TheBucketEmptiesAndFills) {
    ConnectionThrottle throttle({.tokens = 10, .fill_time = milliseconds(100), .fill_count = 2});
    EXPECT_EQ(admitted(throttle, 50, kStart), 10);
    EXPECT_EQ(throttle.deficit(), 10);
    EXPECT_EQ(admitted(throttle, 50, kStart + milliseconds(100)), 0) << "more than a fill_time";
    EXPECT_EQ(admitted(throttle, 50, kStart + milliseconds(150)), 3);
    EXPECT_EQ(admitted(throttle, 50, kStart + milliseconds(450)), 6);
    EXPECT_EQ(admitted(throttle, 50, kStart + seconds(1000)), 10) << "no more than it holds";
}

TEST(ConnectionThrottle, SessionsTakeTheirWeight) {
    const ConnectionThrottle::Settings settings{.tokens = 2, .weights = true};
    ConnectionThrottle global(settings), local(settings), renewed(settings),
        light({.tokens = 2,
               .weights = true,
               .global_weight = 1,
               .local_weight = 2,
               .renew_weight = 1});
    EXPECT_EQ(admitted(global, 50, kStart), 2);
    EXPECT_EQ(admitted(local, 50, kStart, Kind::local), 6);
    EXPECT_EQ(admitted(renewed, 50, kStart, Kind::renewed), 3);
    EXPECT_EQ(admitted(light, 50, kStart, Kind::renewed), 2) << "no less than a local one";
    ConnectionThrottle without({.tokens = 2});
    EXPECT_EQ(admitted(without, 50, kStart, Kind::renewed), 2);
}

// The chance rises when the bucket is found empty, one step in a freeze_time, and falls when it is full.
TEST(ConnectionThrottle, DropsByAChanceThatGrowsAndGoes) {
    ConnectionThrottle throttle({.tokens = 1,
                                 .fill_time = milliseconds(1000),
                                 .freeze_time = milliseconds(10),
                                 .drop_increase = 0.25,
                                 .drop_decrease = 0.5});
    EXPECT_TRUE(throttle.admit(Kind::global, kStart));
    Instant now = kStart;
    for (const double chance : {0.25, 0.5, 0.75, 1.0, 1.0}) {
        now += milliseconds(11);
        EXPECT_FALSE(throttle.admit(Kind::global, now));
        EXPECT_FALSE(throttle.admit(Kind::global, now)) << "no second step";
        EXPECT_EQ(throttle.drop_chance(), chance);
    }
    now += seconds(10);
    (void)throttle.admit(Kind::global, now);
    EXPECT_EQ(throttle.drop_chance(), 0.5);
}

TEST(ConnectionThrottle, TheChanceIsOne) {
    ConnectionThrottle other({.tokens = 1,
                              .fill_time = seconds(6),
                              .freeze_time = seconds(5),
                              .drop_increase = 0.5,
                              .drop_decrease = 0});
    EXPECT_TRUE(other.admit(Kind::global, kStart));
    EXPECT_FALSE(other.admit(Kind::global, kStart + milliseconds(5001)));
    EXPECT_EQ(other.drop_chance(), 0.5);
    int dropped = 0;  // of those who find a token
    for (int i = 1; i <= 400; ++i) {
        if (!other.admit(Kind::global, kStart + seconds(10 * i))) ++dropped;
    }
    EXPECT_GT(dropped, 150);
    EXPECT_LT(dropped, 250);
}

class Throttled : public Harness {
  protected:
    using Change = void (*)(Settings&);
    static Settings with(Change change) {
        Settings own = settings();
        change(own);
        return own;
    }
    explicit Throttled(Change change) : Harness(with(change)) {}
    static Bytes set_frame(std::int32_t xid, std::size_t bytes = 1) {
        return request_frame(
            xid, OpCode::set_data, jute::SetDataRequest{"/a", Bytes(bytes, 'x'), -1});
    }
    /// Requests that the core was given since the last call.
    std::size_t asked() {
        const std::size_t count = told_core<request::ClientRequest>().size();
        to_core.clear();
        return count;
    }
};

struct FewTokens : Throttled {
    FewTokens() : Throttled([](Settings& own) { own.connection_throttle.tokens = 2; }) {}
};

TEST_F(FewTokens, WhoComesTooLateIsClosed) {
    for (const ConnectionId id : {1U, 2U, 3U}) {
        open(id);
        feed(id, connect_frame());
    }
    EXPECT_EQ(told_core<request::OpenSession>().size(), 2U);
    EXPECT_EQ(orders[3].close, Close::at_once);
    EXPECT_TRUE(sent[3].empty());
    const Statistics statistics = frontend.statistics();
    EXPECT_EQ(statistics.counts.value(metrics::Counter::connection_request_count), 2);
    EXPECT_EQ(statistics.counts.value(metrics::Counter::connection_rejected), 1);
    EXPECT_EQ(statistics.counts.value(metrics::Summary::connection_token_deficit).max(), 2);
}

struct TwoRequests : Throttled {
    TwoRequests()
        : Throttled([](Settings& own) {
              own.request_throttle_max = 2;
              own.throttled_op_wait = seconds(5);
          }) {}
};

// Unlike globalOutstandingLimit, which always lets one request of a connection in.
TEST_F(TwoRequests, AlsoTheFirstOneOfAConnectionWaits) {
    create("/a");
    for (const ConnectionId id : {1U, 2U, 3U}) join(id, 8 + static_cast<std::int64_t>(id));
    feed(1, set_frame(1) + set_frame(2));
    EXPECT_EQ(asked(), 2U);
    feed(2, request_frame(1, OpCode::get_data, plain("/a")));
    feed(3, set_frame(1));
    EXPECT_EQ(asked(), 0U);
    EXPECT_TRUE(sent[2].empty()) << "reads wait, too";
    EXPECT_FALSE(orders[2].read);
    EXPECT_EQ(frontend.statistics().counts.value(metrics::Counter::request_throttle_wait_count), 2);
    say(reply(1, 9, 1, OpCode::set_data));
    EXPECT_EQ(story(2), (Strings{"1:0"}));
    EXPECT_EQ(asked(), 1U) << "in the order in which they came";
    EXPECT_TRUE(orders[2].read);
}

TEST_F(TwoRequests, WhoHasWaitedTooLongIsToldSo) {
    create("/a");
    join(1, 9);
    join(2, 10);
    join(3, 11);
    join(4, 12);
    feed(1, set_frame(1) + set_frame(2));
    feed(2, set_frame(1) + request_frame(2, OpCode::get_data, plain("/a")));
    feed(3, request_frame(1, OpCode::ping));
    pass(seconds(6));
    feed(4, request_frame(1, OpCode::get_data, plain("/a")));
    say(reply(1, 9, 1, OpCode::set_data), reply(1, 9, 2, OpCode::set_data));
    EXPECT_EQ(story(2), (Strings{"1:-127", "2:0"})) << "the second one comes only now";
    EXPECT_EQ(story(3), (Strings{"-2:0"})) << "a ping is a ping";
    EXPECT_EQ(story(4), (Strings{"1:0"})) << "it has not waited so long";
    EXPECT_EQ(frontend.statistics().counts.value(metrics::Counter::throttled_ops), 1);
    EXPECT_EQ(orders[2].close, Close::no);
}

TEST_F(TwoRequests, EachRequestTellsHowLongItWasHeldBack) {
    const auto told = [this] {
        return frontend.statistics().counts.value(metrics::Summary::request_throttle_queue_time_ms);
    };
    join(1, 9);
    join(2, 10);
    EXPECT_EQ(told().count(), 0) << "a handshake is no request";
    feed(1, set_frame(1) + set_frame(2));
    feed(2, set_frame(1));
    EXPECT_EQ(told().count(), 2);
    EXPECT_EQ(told().max(), 0);
    pass(seconds(3));
    say(reply(1, 9, 1, OpCode::set_data));
    EXPECT_EQ(told().count(), 3);
    EXPECT_EQ(told().max(), 3000);
}

TEST_F(TwoRequests, WhoAsksNothingIsNotHeldBack) {
    join(1, 9);
    join(2, 10);
    feed(1, set_frame(1) + set_frame(2));
    feed(2, from_hex("0000"));
    EXPECT_TRUE(orders[2].read);
    EXPECT_EQ(frontend.statistics().counts.value(metrics::Counter::request_throttle_wait_count), 0);
}

struct LargeRequests : Throttled {
    LargeRequests()
        : Throttled([](Settings& own) {
              own.large_request_threshold = 1000;
              own.large_request_bytes_max = 3000;
          }) {}
};

TEST_F(LargeRequests, BeyondTheirRoomTheConnectionEnds) {
    join(1, 9);
    join(2, 10);
    join(3, 11);
    feed(1, set_frame(1, 1500));
    feed(2, set_frame(1, 900) + set_frame(2, 900) + set_frame(3, 900));
    EXPECT_EQ(asked(), 4U) << "small ones do not count";
    feed(3, set_frame(1, 1600).substr(0, 30));
    EXPECT_EQ(orders[3].close, Close::at_once) << "its length tells";
    EXPECT_EQ(frontend.statistics().counts.value(metrics::Counter::large_requests_rejected), 1);
    say(reply(1, 9, 1, OpCode::set_data));
    join(4, 12);
    feed(4, set_frame(1, 1600));
    EXPECT_EQ(asked(), 1U) << "the first one has been answered";
}

TEST_F(LargeRequests, CountUntilTheyAreAnsweredThoughTheirClientHasGone) {
    join(1, 9);
    feed(1, set_frame(1, 2000));
    frontend.on_closed(1, out);
    collect();
    join(2, 10);
    feed(2, set_frame(1, 2000));
    EXPECT_EQ(orders[2].close, Close::at_once);
    say(reply(1, 9, 1, OpCode::set_data));
    join(3, 11);
    feed(3, set_frame(1, 2000));
    EXPECT_EQ(orders[3].close, Close::no);
}

/// Reads of a node whose list has very many entries.
struct Dear : Harness {
    Dear() {
        jute::AclList list;
        for (int i = 0; i < 5000; ++i) {
            list.push_back(acl(perms::kRead, "digest", "nobody:" + std::to_string(i)));
        }
        create("/dear", list);
        create("/a");
    }
    static Bytes reads(int count) {
        Bytes frames;
        for (int i = 1; i <= count; ++i)
            frames += request_frame(i, OpCode::get_data, plain("/dear"));
        return frames;
    }
    void resume() {
        frontend.resume(now, out);
        collect();
    }
};

TEST_F(Dear, OthersComeFirst) {
    join(1, 9);
    join(2, 10);
    feed(1, reads(10));
    EXPECT_EQ(story(1).size(), 4U);
    EXPECT_FALSE(orders[1].read) << "nothing more is read of it meanwhile";
    feed(2, request_frame(1, OpCode::get_data, plain("/a")));
    EXPECT_EQ(story(2), (Strings{"1:0"}));
    frontend.on_written(1, now, out);
    collect();
    EXPECT_TRUE(sent[1].empty()) << "not in this turn";
    EXPECT_TRUE(frontend.has_more());
    resume();
    EXPECT_EQ(story(1), (Strings{"5:-102", "6:-102", "7:-102", "8:-102"}));
    resume();
    EXPECT_EQ(story(1), (Strings{"9:-102", "10:-102"}));
    EXPECT_FALSE(frontend.has_more());
    EXPECT_TRUE(orders[1].read);
}

// A read may wait, but not beyond a later write of its client, which it would see.
TEST_F(Dear, ReadsBeforeAWriteDoNotWait) {
    join(1, 9);
    feed(1,
         request_frame(100, OpCode::set_data, jute::SetDataRequest{"/a", Bytes("1"), -1}) +
             reads(10) +
             request_frame(200, OpCode::set_data, jute::SetDataRequest{"/a", Bytes("2"), -1}));
    EXPECT_EQ(told_core<request::ClientRequest>().size(), 2U);
    say(reply(1, 9, 100, OpCode::set_data));
    EXPECT_EQ(story(1).size(), 11U);
    say(reply(1, 9, 200, OpCode::set_data));
    EXPECT_EQ(story(1), (Strings{"200:0"}));
}

TEST_F(Dear, WhoHasGoneIsForgotten) {
    join(1, 9);
    feed(1, reads(10));
    frontend.on_closed(1, out);
    collect();
    resume();
    EXPECT_FALSE(frontend.has_more());
}

}  // namespace
}  // namespace zk::frontend
