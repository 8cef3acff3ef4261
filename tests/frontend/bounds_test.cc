// Bytes that wait: what one connection and all of a loop may hold, and who comes next.
#include "frontend/connection.h"
#include "harness.h"

namespace zk::frontend {
namespace {

using std::chrono::seconds;
using Strings = std::vector<std::string>;

constexpr std::size_t kLarge = 10'000;  // data of a large write

class Bounds : public Harness {
  protected:
    Bounds() : Harness(tight()) {}
    static Settings tight() {
        Settings tight = settings();
        tight.connection_bytes_max = 25'000;
        tight.loop_bytes_max = 45'000;
        tight.small_bytes_max = 1'000;
        tight.loop_output_bytes_max = 100'000;
        return tight;
    }
    static Bytes write(std::int32_t xid, std::size_t bytes = kLarge) {
        return request_frame(
            xid, OpCode::set_data, jute::SetDataRequest{"/a", Bytes(bytes, 'd'), -1});
    }
    static Bytes writes(std::int32_t first, std::int32_t last) {
        Bytes all;
        for (std::int32_t xid = first; xid <= last; ++xid) all += write(xid);
        return all;
    }
    void join_all(ConnectionId count) {
        for (ConnectionId id = 1; id <= count; ++id) join(id, session_of(id));
    }
    static std::int64_t session_of(ConnectionId id) { return static_cast<std::int64_t>(100 + id); }
    /// "connection:xid" of the requests that the core got since the last call.
    Strings asked() {
        Strings all;
        for (const auto& one : told_core<request::ClientRequest>()) {
            all.push_back(std::to_string(one.origin.connection) + ":" +
                          std::to_string(one.xid.value()));
        }
        to_core.clear();
        return all;
    }
    void answer(ConnectionId id, std::int32_t xid) {
        say(reply(id, session_of(id), xid, OpCode::set_data));
    }
    /// Four connections with a large write each: the loop is full.
    void fill() {
        join_all(8);
        for (ConnectionId id = 1; id <= 4; ++id) feed(id, write(1));
        ASSERT_EQ(asked().size(), 4U);
        ASSERT_GT(frontend.held_bytes(), 40'000U);
    }
};

TEST_F(Bounds, OneRequestIsAlwaysLetIn) {
    join(1, 101);
    feed(1, write(1, 200'000));
    EXPECT_EQ(asked(), (Strings{"1:1"})) << "larger than both bounds";
    feed(1, write(2, 1));
    EXPECT_EQ(asked(), Strings{});
    EXPECT_FALSE(orders[1].read);
    answer(1, 1);
    EXPECT_EQ(asked(), (Strings{"1:2"}));
    EXPECT_TRUE(orders[1].read);
    answer(1, 2);
    EXPECT_EQ(frontend.held_bytes(), 0U);
}

TEST_F(Bounds, PipelineOfLargeWritesWaitsInItsSocket) {
    join(1, 101);
    feed(1, writes(1, 5));
    EXPECT_EQ(asked(), (Strings{"1:1", "1:2"}));
    EXPECT_FALSE(orders[1].read);
    EXPECT_LE(frontend.held_bytes(), 25'000U);
    for (std::int32_t xid = 1; xid <= 5; ++xid) {
        answer(1, xid);
        EXPECT_EQ(asked(), xid <= 3 ? Strings{"1:" + std::to_string(xid + 2)} : Strings{});
    }
    EXPECT_TRUE(orders[1].read);
    EXPECT_EQ(story(1), (Strings{"1:0", "2:0", "3:0", "4:0", "5:0"}));
    EXPECT_EQ(frontend.held_bytes(), 0U);
}

TEST_F(Bounds, SmallRequestsDoNotNoticeAFullLoop) {
    create("/a");
    fill();
    feed(5, write(1));
    EXPECT_EQ(asked(), Strings{}) << "a fifth large one waits";
    EXPECT_FALSE(orders[5].read);
    feed(6, write(1, 10) + request_frame(2, OpCode::exists, plain("/a")));
    EXPECT_EQ(asked(), (Strings{"6:1"}));
    feed(7, request_frame(-2, OpCode::ping));
    EXPECT_EQ(story(7), (Strings{"-2:0"}));
    EXPECT_TRUE(orders[6].read);
    EXPECT_TRUE(orders[7].read);
}

TEST_F(Bounds, WhoWaitsLongestIsLetInFirstAndOneAtATime) {
    fill();
    feed(6, writes(1, 2));
    feed(5, writes(1, 2));
    feed(7, writes(1, 2));
    EXPECT_EQ(asked(), Strings{});
    for (ConnectionId id = 1; id <= 4; ++id) answer(id, 1);
    EXPECT_EQ(asked(), (Strings{"6:1", "5:1", "7:1", "6:2"}));
    EXPECT_LE(frontend.held_bytes(), 45'000U);
    answer(7, 1);
    EXPECT_EQ(asked(), (Strings{"5:2"}));
    answer(5, 1);
    EXPECT_EQ(asked(), (Strings{"7:2"}));
}

TEST_F(Bounds, RoomIsPromisedWithTheLengthWord) {
    fill();
    answer(4, 1);
    feed(5, write(1).substr(0, 500));
    EXPECT_TRUE(orders[5].read);
    EXPECT_GT(frontend.held_bytes(), 40'000U) << "the whole frame counts";
    feed(6, write(1).substr(0, 500));
    EXPECT_FALSE(orders[6].read) << "its first bytes stay, its rest waits in the socket";
    feed(5, write(1).substr(500));
    EXPECT_EQ(asked(), (Strings{"5:1"}));
    answer(5, 1);
    EXPECT_TRUE(orders[6].read);
    frontend.on_closed(6, out);
    collect();
    feed(7, write(1));
    EXPECT_EQ(asked(), (Strings{"7:1"})) << "a promise ends with its connection";
}

TEST_F(Bounds, PromiseThatIsNotUsedIsTakenBackWhenOthersWait) {
    join_all(8);
    for (ConnectionId id = 1; id <= 4; ++id) feed(id, write(1).substr(0, 500));
    const auto others_go_on = [this](int time) {
        for (int i = 0; i < time; ++i) {
            for (ConnectionId id = 2; id <= 4; ++id) feed(id, "x");
            pass(seconds(1));
        }
    };
    others_go_on(5);
    feed(5, write(1));
    EXPECT_FALSE(orders[5].read);
    others_go_on(10);
    EXPECT_EQ(orders[1].close, Close::no) << "it may be slow";
    others_go_on(1);
    EXPECT_EQ(orders[1].close, Close::at_once);
    EXPECT_EQ(asked(), (Strings{"5:1"}));
    for (ConnectionId id = 2; id <= 4; ++id) EXPECT_EQ(orders[id].close, Close::no) << id;
    others_go_on(15);
    pass(seconds(15));
    EXPECT_EQ(orders[2].close, Close::no) << "nobody waits";
}

TEST_F(Bounds, RequestsOfALostConnectionCountUntilTheyAreAnswered) {
    fill();
    for (ConnectionId id = 1; id <= 4; ++id) {
        frontend.on_closed(id, out);
        collect();
    }
    EXPECT_GT(frontend.held_bytes(), 40'000U);
    feed(5, write(1));
    EXPECT_EQ(asked(), Strings{}) << "the core has them still";
    answer(2, 1);
    EXPECT_EQ(asked(), (Strings{"5:1"}));
    say(request::SessionGone{SessionId(session_of(1))});
    answer(3, 1);
    answer(4, 1);
    answer(5, 1);
    EXPECT_EQ(frontend.held_bytes(), 0U);
}

TEST_F(Bounds, LostRequestsAreForgottenInTheEnd) {
    fill();
    for (ConnectionId id = 1; id <= 3; ++id) frontend.on_closed(id, out);
    collect();
    pass(seconds(61));
    EXPECT_LT(frontend.held_bytes(), 11'000U);
    frontend.on_closed(4, out);
    collect();
    say(request::Serving{false});
    EXPECT_EQ(frontend.held_bytes(), 0U);
}

TEST_F(Bounds, SessionThatWaitsForRoomIsKeptAlive) {
    fill();
    feed(5, write(1));
    to_core.clear();
    pass(seconds(1));
    const auto touched = told_core<request::TouchSession>();
    ASSERT_EQ(touched.size(), 1U) << "its pings lie unread";
    EXPECT_EQ(touched[0].session, SessionId(session_of(5)));
    pass(seconds(30));
    EXPECT_EQ(orders[5].close, Close::no);
    answer(1, 1);
    pass(seconds(5));
    EXPECT_EQ(orders[5].close, Close::no) << "its silence counts anew";
}

TEST_F(Bounds, ClientsThatTakeNoAnswersShareABound) {
    create("/big", tree::open_acl_list(), Bytes(40'000, 'b'));
    join_all(4);
    hold_output = true;
    Bytes reads;
    for (std::int32_t xid = 1; xid <= 50; ++xid) {
        reads += request_frame(xid, OpCode::get_data, plain("/big"));
    }
    for (ConnectionId id = 1; id <= 4; ++id) feed(id, reads);
    for (ConnectionId id = 1; id <= 4; ++id) {
        Bytes bytes;
        frontend.take(id, bytes);
        EXPECT_LT(bytes.size(), id == 1 ? kOutputHigh + 50'000 : 41'000U) << id;
        sent[id] += bytes;
    }
    // Each goes on by itself.
    for (int round = 0; round < 200; ++round) {
        for (ConnectionId id = 1; id <= 4; ++id) {
            frontend.on_written(id, now, out);
            take(id);
        }
    }
    for (ConnectionId id = 1; id <= 4; ++id) EXPECT_EQ(frames(id).size(), 50U) << id;
}

// Thousands of clients that only ping must not each keep what their largest answer once took.
TEST_F(Bounds, AConnectionThatIsSilentGivesItsBuffersBack) {
    create("/a");
    join(1, session_of(1));
    hold_output = true;
    const auto answer_to_a_read = [&] {
        feed(1, request_frame(1, OpCode::get_data, plain("/a")));
        Bytes bytes;
        frontend.take(1, bytes);
        EXPECT_FALSE(bytes.empty());
        frontend.on_written(1, now, out);
        return bytes.capacity();
    };
    Bytes large;
    large.reserve(200'000);
    frontend.take(1, large);
    EXPECT_GE(answer_to_a_read(), 200'000U) << "a busy one goes on with the buffer that it has";
    large = Bytes();
    large.reserve(200'000);
    frontend.take(1, large);
    pass(seconds(3));
    static_assert(kRestsAfter < seconds(3));
    EXPECT_LT(answer_to_a_read(), 1000U);
}

// What is no longer counted is no longer there, though others wait behind it.
TEST(SessionGate, AnAnsweredRequestLeavesItsMemory) {
    SessionGate gate;
    for (int i = 0; i < 2; ++i) {
        ParkedRequest request;
        request.bytes = Bytes(100'000, 'x');
        gate.park(std::move(request));
    }
    const ParkedRequest& first = gate.head();
    EXPECT_GE(first.bytes.capacity(), 100'000U);
    gate.pop();
    EXPECT_LT(first.bytes.capacity(), 100U);
    EXPECT_EQ(gate.head().bytes.size(), 100'000U);
}

// Ten clients that take nothing, and what the others notice of it.
class SlowReaders : public Bounds {
  protected:
    static constexpr std::size_t kBig = 40'000;
    SlowReaders() {
        create("/big", tree::open_acl_list(), Bytes(kBig, 'b'));
        create("/small", tree::open_acl_list(), "s");
        join_all(10);
        for (ConnectionId id = 1; id <= 10; ++id) frontend.on_written(id, now, out);
        collect();
        hold_output = true;
    }
    void ask(ConnectionId id, const std::string& path = "/big") {
        feed(id, request_frame(1, OpCode::get_data, plain(path)));
    }
    /// Bytes that the socket is given now.
    std::size_t given(ConnectionId id) {
        const std::size_t before = sent[id].size();
        take(id);
        return sent[id].size() - before;
    }
    void written(ConnectionId id) {
        frontend.on_written(id, now, out);
        collect();
    }
};

TEST_F(SlowReaders, LargeAnswersWaitForRoomAndTheLongestWaitsFirst) {
    for (ConnectionId id = 1; id <= 6; ++id) ask(id);
    for (ConnectionId id = 1; id <= 3; ++id) EXPECT_GT(given(id), kBig) << id;
    for (ConnectionId id = 4; id <= 6; ++id) EXPECT_EQ(given(id), 0U) << id;
    EXPECT_LT(frontend.untaken_bytes(), 100'000 + kBig + 200);
    ask(7, "/small");
    EXPECT_GT(given(7), 0U) << "a small one does not wait";
    written(7);
    feed(5, request_frame(2, OpCode::ping));
    EXPECT_EQ(given(5), 0U) << "it has its place behind the large one";
    written(1);
    EXPECT_GT(given(4), kBig);
    EXPECT_EQ(given(5), 0U);
    ask(8);
    EXPECT_EQ(given(8), 0U);
    written(2);
    EXPECT_GT(given(5), kBig) << "5 has waited longer than 8";
    EXPECT_EQ(given(8), 0U);
    for (const ConnectionId id : {3, 4, 5}) written(id);
    for (const ConnectionId id : {6, 8}) EXPECT_GT(given(id), kBig) << id;
    for (const ConnectionId id : {6, 8}) written(id);
    EXPECT_EQ(given(5), 20U) << "the ping";
    written(5);
    EXPECT_EQ(frames(5).size(), 2U);
    EXPECT_EQ(frontend.untaken_bytes(), 0U);
}

TEST_F(SlowReaders, WhoTakesNothingIsCutOnlyWhenOthersWaitForIt) {
    for (ConnectionId id = 1; id <= 3; ++id) {
        ask(id);
        given(id);
    }
    const auto keep = [&](seconds time) {
        for (std::int64_t i = 0; i < time.count(); ++i) {
            for (ConnectionId id = 1; id <= 10; ++id) {
                feed(id, request_frame(9, OpCode::ping));
                if (id <= 3) continue;  // who takes nothing
                given(id);
                written(id);
            }
            pass(seconds(1));
        }
    };
    keep(seconds(60));
    EXPECT_EQ(frontend.closing(1), Close::no) << "nobody needs its room";
    sent[4].clear();
    ask(4);
    to_core.clear();
    keep(seconds(9));
    EXPECT_EQ(sent[4].size(), 0U);
    EXPECT_EQ(frontend.closing(1), Close::no);
    bool touched = false;
    for (const auto& one : told_core<request::TouchSession>())
        touched |= one.session == SessionId(session_of(4));
    EXPECT_TRUE(touched) << "its waiting does not cost the session";
    keep(seconds(4));
    for (ConnectionId id = 1; id <= 3; ++id) EXPECT_EQ(frontend.closing(id), Close::at_once) << id;
    for (ConnectionId id = 1; id <= 3; ++id) {
        frontend.on_closed(id, out);
        collect();
    }
    keep(seconds(2));
    EXPECT_GT(sent[4].size(), kBig);
    EXPECT_EQ(frontend.closing(4), Close::no);
}

TEST_F(SlowReaders, ALargeReadBehindAWriteWaitsToo) {
    for (ConnectionId id = 1; id <= 3; ++id) ask(id);
    create("/a");
    feed(4, write(1, 10) + request_frame(2, OpCode::get_data, plain("/big")) + write(3, 10));
    EXPECT_EQ(asked(), Strings{"4:1"});
    answer(4, 1);
    EXPECT_LT(given(4), 1000U);
    written(4);
    EXPECT_EQ(asked(), Strings()) << "what is behind the read waits with it";
    for (ConnectionId id = 1; id <= 3; ++id) {
        given(id);
        written(id);
    }
    EXPECT_GT(given(4), kBig);
    written(4);
    EXPECT_EQ(asked(), Strings{"4:3"});
}

TEST_F(SlowReaders, OneThatIsLostLeavesTheQueue) {
    for (ConnectionId id = 1; id <= 6; ++id) ask(id);
    for (ConnectionId id = 1; id <= 3; ++id) given(id);
    frontend.on_closed(4, out);
    written(1);
    EXPECT_GT(given(5), kBig);
    for (const ConnectionId id : {2, 3, 5}) frontend.on_closed(id, out);
    pass(seconds(1));
    EXPECT_GT(given(6), kBig);
    written(6);
    EXPECT_EQ(frontend.untaken_bytes(), 0U);
}

// Events cannot wait: in the end those who have left most of them go.
TEST(UntakenEvents, ThoseWhoLeaveMostAreCutAndTheOthersHearAll) {
    Settings settings;
    settings.loop_output_bytes_end = 20'000;
    tree::DataTree tree;
    Frontend frontend(settings, tree, Log());
    Out out;
    Instant now{};
    const auto say = [&](request::ToFrontend message) {
        std::vector<request::ToFrontend> all = {std::move(message)};
        frontend.on_core(all, now, out);
    };
    say(request::Serving{true});
    for (ConnectionId id = 1; id <= 4; ++id) {
        frontend.on_open(id, Peer{"10.0.0.1", 4000}, now);
        Bytes frame;
        jute::ConnectRequest connect;
        connect.timeout_ms = 10'000;
        connect.password = Bytes(16, '\0');
        jute::append_frame(frame, jute::encode(connect));
        frontend.on_bytes(id, frame, now, out);
        say(request::SessionOpened{
            {0, id}, SessionId(static_cast<std::int64_t>(id)), 10'000, Bytes(16, 'p')});
        // One waits for everything, the others for one node.
        Bytes watch;
        jute::append_frame(watch,
                           jute::encode(jute::RequestHeader{Xid(1), OpCode::add_watch}) +
                               jute::encode(jute::AddWatchRequest{
                                   id == 1 ? "/" : "/n1", AddWatchMode::persistent_recursive}));
        frontend.on_bytes(id, watch, now, out);
    }
    std::int64_t zxid = 0;
    const auto change = [&](const std::string& path) {
        auto changes = std::make_shared<const std::vector<tree::Change>>(
            std::vector<tree::Change>{{tree::Change::Kind::created, path, nullptr, nullptr}});
        say(request::Changed{Zxid(++zxid), std::move(changes)});
    };
    change("/n1");
    for (int i = 0; i < 1000 && frontend.closing(1) == Close::no; ++i) {
        EXPECT_LE(frontend.untaken_bytes(), settings.loop_output_bytes_end);
        change("/other" + std::to_string(i));
    }
    EXPECT_EQ(frontend.closing(1), Close::at_once);
    EXPECT_LE(frontend.untaken_bytes(), settings.loop_output_bytes_end / 2);
    for (const ConnectionId id : {2, 3, 4}) EXPECT_EQ(frontend.closing(id), Close::no) << id;
}

// A client that takes nothing, and requests whose answers fill its output before a later write of its own is done.
class FullOutput : public Bounds {
  protected:
    FullOutput() {
        create("/a", tree::open_acl_list(), "old");
        join(1, 101);
        hold_output = true;
    }
    static Bytes get(std::int32_t xid, const std::string& path) {
        return request_frame(xid, OpCode::get_data, plain(path));
    }
    /// The client's write `xid` of "/a" is applied and answered.
    void done(std::int32_t xid, const std::string& value) {
        const auto changed = set_data("/a", value);
        say(changed, reply(1, 101, xid, OpCode::set_data));
    }
    /// The client takes all that comes until nothing more does; told as "xid" and, of a read, the data's beginning.
    Strings drain() {
        for (int round = 0; round < 100; ++round) {
            const std::size_t before = sent[1].size();
            take(1);
            if (sent[1].size() == before) break;
            frontend.on_written(1, now, out);
            collect();
        }
        Strings all;
        std::int64_t last = 0;
        for (const Frame& frame : frames(1)) {
            EXPECT_GE(frame.header.zxid.value(), last)
                << "time goes back at xid " << frame.header.xid.value();
            last = frame.header.zxid.value();
            std::string told = std::to_string(frame.header.xid.value());
            if (frame.body.size() > 70) {
                jute::InputArchive archive(frame.body);
                told += " " + archive.get<jute::Buffer>().value_or("").substr(0, 3);
            }
            all.push_back(told);
        }
        return all;
    }
};

TEST_F(FullOutput, AReadNeverSeesALaterWriteOfItsOwnClient) {
    create("/big", tree::open_acl_list(), Bytes(kOutputHigh, 'b'));
    feed(1, write(1, 10) + get(2, "/big") + get(3, "/a") + write(4, 10));
    done(1, "new");
    for (const std::string& xid : asked()) {
        if (xid == "1:4") done(4, "far too new");
    }
    const Strings first = drain();
    if (first.size() < 4) {
        ASSERT_EQ(asked(), Strings{"1:4"});
        done(4, "far too new");
    }
    Strings all = first;
    for (const std::string& more : drain()) all.push_back(more);
    EXPECT_EQ(all, (Strings{"1", "2 bbb", "3 new", "4"}));
}

TEST_F(FullOutput, AReadNeverSeesALaterWriteThoughOthersMakeTheAnswersLarge) {
    create("/big");
    feed(1, write(1, 10) + get(2, "/big") + get(3, "/a") + write(4, 10));
    ASSERT_EQ(asked(), (Strings{"1:1", "1:4"}));
    say(set_data("/big", Bytes(kOutputHigh, 'b')));
    done(1, "new");
    done(4, "far too new");
    EXPECT_EQ(drain(), (Strings{"1", "2 bbb", "3 new", "4"}));
}

TEST_F(FullOutput, AnswersToWaitingReadsHaveTheirRoomBefore) {
    create("/big", tree::open_acl_list(), Bytes(300'000, 'b'));
    Bytes frames = write(1, 10);
    for (std::int32_t xid = 2; xid <= 50; ++xid) frames += get(xid, "/big");
    feed(1, frames + write(51, 10));
    EXPECT_EQ(asked(), (Strings{"1:1"}))
        << "the reads in front of the second write have too much to say";
    done(1, "new");
    Bytes bytes;
    frontend.take(1, bytes);
    EXPECT_LT(bytes.size(), kOutputHigh + 310'000);
}

TEST_F(FullOutput, WhatAWriteMakesLargeCountsBefore) {
    Bytes frames = write(1, 15'000);
    for (std::int32_t xid = 2; xid <= 21; ++xid) frames += get(xid, "/a");
    feed(1, frames + write(22, 10));
    EXPECT_EQ(asked(), (Strings{"1:1"}));
}

TEST_F(FullOutput, AClientThatLeavesFarTooMuchIsCut) {
    create("/big");
    Bytes frames = write(1, 10);
    for (std::int32_t xid = 2; xid <= 90; ++xid) frames += get(xid, "/big");
    feed(1, frames + write(91, 10));
    ASSERT_EQ(asked(), (Strings{"1:1", "1:91"}));
    say(set_data("/big", Bytes(kOutputHigh, 'b')));
    done(1, "new");
    EXPECT_EQ(frontend.closing(1), Close::at_once);
}

}  // namespace
}  // namespace zk::frontend
