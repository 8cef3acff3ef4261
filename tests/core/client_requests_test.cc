// Which answer belongs to whom, and what must wait for reads. See core/client_requests.h.
#include "core/client_requests.h"

#include <gtest/gtest.h>

#include "jute/archive.h"
#include "jute/protocol.h"

namespace zk::core {
namespace {

constexpr SessionId kSession{7};

request::ClientRequest request_of(std::int32_t xid,
                                  OpCode op,
                                  bool behind_read = false,
                                  SessionId session = kSession) {
    request::ClientRequest request;
    request.origin = {1, static_cast<std::uint64_t>(xid)};
    request.session = session;
    request.xid = Xid(xid);
    request.op = op;
    request.body = jute::encode(jute::SyncRequest{"/p"});
    request.behind_read = behind_read;
    return request;
}

TEST(ClientRequests, TheOldestOfASessionIsAnsweredByItsTxn) {
    ClientRequests requests;
    for (const std::int32_t xid : {1, 2, 3}) requests.asked(request_of(xid, OpCode::create));
    requests.asked(request_of(1, OpCode::remove, false, SessionId(8)));
    EXPECT_EQ(requests.size(), 4U);
    EXPECT_FALSE(requests.answered_by(kSession, Xid(2), false))
        << "another server's request of a session that moved";
    const auto first = requests.answered_by(kSession, Xid(1), false);
    ASSERT_TRUE(first);
    EXPECT_EQ(first->origin.connection, 1U);
    EXPECT_EQ(first->op, OpCode::create);
    EXPECT_TRUE(requests.answered_by(kSession, Xid(2), false));
    EXPECT_EQ(requests.answered_by(SessionId(8), Xid(1), false)->op, OpCode::remove);
    EXPECT_FALSE(requests.answered_by(SessionId(9), Xid(1), false));
}

// The leader ends a session by itself with cxid 0; a client may have used that, too.
TEST(ClientRequests, TheEndOfASessionAnswersOnlyACloseSession) {
    ClientRequests requests;
    requests.asked(request_of(0, OpCode::create));
    EXPECT_FALSE(requests.answered_by(kSession, Xid(0), true));
    requests.forget(kSession);
    EXPECT_EQ(requests.size(), 0U);
    requests.asked(request_of(5, OpCode::close_session));
    EXPECT_TRUE(requests.answered_by(kSession, Xid(5), true));
}

TEST(ClientRequests, WaitForReadsInFrontOfThemUntilTheAnswersAreHeard) {
    ClientRequests requests;
    requests.asked(request_of(1, OpCode::create));
    requests.asked(request_of(2, OpCode::create, true));
    requests.asked(request_of(2, OpCode::create, true, SessionId(8)));
    EXPECT_FALSE(requests.any_unheard());
    ASSERT_TRUE(requests.answered_by(kSession, Xid(1), false));
    EXPECT_TRUE(requests.any_unheard());
    EXPECT_EQ(requests.waits_for_reads(kSession, Xid(2)), 1U);
    EXPECT_FALSE(requests.waits_for_reads(kSession, Xid(3))) << "not ours";
    EXPECT_FALSE(requests.waits_for_reads(SessionId(8), Xid(2)))
        << "its answers have all been heard";
    requests.heard(1);
    EXPECT_FALSE(requests.waits_for_reads(kSession, Xid(2)));
}

// A loop that lags behind does not make the clients of the others wait, and what one has heard says nothing of another.
TEST(ClientRequests, WhatIsNotHeardIsToldApartByLoop) {
    const auto of_loop = [](std::uint32_t loop, request::ClientRequest request) {
        request.origin.loop = loop;
        return request;
    };
    constexpr SessionId kOther{8};
    ClientRequests requests;
    requests.asked(of_loop(0, request_of(1, OpCode::create)));
    requests.asked(of_loop(0, request_of(2, OpCode::create, true)));
    requests.asked(of_loop(2, request_of(1, OpCode::create, false, kOther)));
    requests.asked(of_loop(2, request_of(2, OpCode::create, true, kOther)));
    ASSERT_TRUE(requests.answered_by(kSession, Xid(1), false));
    ASSERT_TRUE(requests.answered_by(kOther, Xid(1), false));
    EXPECT_EQ(requests.waits_for_reads(kSession, Xid(2)), 0U);
    EXPECT_EQ(requests.waits_for_reads(kOther, Xid(2)), 2U);
    requests.heard(0);
    requests.heard(1);
    EXPECT_FALSE(requests.waits_for_reads(kSession, Xid(2)));
    EXPECT_EQ(requests.waits_for_reads(kOther, Xid(2)), 2U);
    EXPECT_TRUE(requests.any_unheard());
    requests.heard(2);
    EXPECT_FALSE(requests.waits_for_reads(kOther, Xid(2)));
    EXPECT_FALSE(requests.any_unheard());
}

// Its reads wait at the connection that asks now; what an older connection of it has not heard does not matter to them.
TEST(ClientRequests, ASessionThatHasChangedTheLoopWaitsForItsNewOne) {
    ClientRequests requests;
    requests.asked(request_of(1, OpCode::create));
    request::ClientRequest next = request_of(2, OpCode::create, true);
    next.origin.loop = 3;
    requests.asked(next);
    ASSERT_TRUE(requests.answered_by(kSession, Xid(1), false));
    EXPECT_FALSE(requests.waits_for_reads(kSession, Xid(2)));
}

TEST(ClientRequests, AConnectionThatItsSessionHasLeftComesTooLate) {
    ClientRequests requests;
    const request::ClientRequest old = request_of(1, OpCode::create);
    request::ClientRequest fresh = request_of(2, OpCode::create);
    fresh.origin = {0, old.origin.connection};  // of another loop
    EXPECT_FALSE(requests.comes_too_late(old));
    requests.goes_on_at(kSession, fresh.origin);
    EXPECT_TRUE(requests.comes_too_late(old));
    EXPECT_FALSE(requests.comes_too_late(fresh));
    EXPECT_FALSE(requests.comes_too_late(request_of(1, OpCode::create, false, SessionId(8))));
    requests.goes_on_at(kSession, old.origin);
    EXPECT_FALSE(requests.comes_too_late(old)) << "it has come back";
    EXPECT_TRUE(requests.comes_too_late(fresh));
    requests.forget(kSession);
    EXPECT_FALSE(requests.comes_too_late(fresh));
}

TEST(ClientRequests, ASyncIsAnsweredByItsTokenAndWaitsForReadsToo) {
    ClientRequests requests;
    const std::uint64_t first = requests.sync_asked(request_of(1, OpCode::sync));
    const std::uint64_t second = requests.sync_asked(request_of(2, OpCode::sync, true));
    EXPECT_FALSE(requests.sync_waits_for_reads(second));
    const auto reply = requests.synced(first, Zxid(9));
    ASSERT_TRUE(reply);
    EXPECT_EQ(reply->xid, Xid(1));
    EXPECT_EQ(reply->zxid, Zxid(9));
    EXPECT_EQ(jute::decode<jute::SyncRequest>(reply->body)->path, "/p");
    EXPECT_EQ(requests.sync_waits_for_reads(second), 1U);
    requests.heard(1);
    EXPECT_FALSE(requests.sync_waits_for_reads(second));
    EXPECT_FALSE(requests.synced(first, Zxid(9))) << "once";
}

TEST(ClientRequests, SessionsThatAreOpenedOrTakenUpAgain) {
    ClientRequests requests;
    requests.open_asked(kSession, {{1, 4}, 4000});
    EXPECT_EQ(requests.size(), 1U);
    EXPECT_EQ(requests.opened(kSession)->connection, 4U);
    EXPECT_FALSE(requests.opened(kSession));
    requests.reattach_asked({{1, 5}, kSession, 4000, {}});
    requests.reattach_asked({{1, 6}, kSession, 5000, {}});
    EXPECT_EQ(requests.reattached(kSession)->origin.connection, 5U);
    EXPECT_EQ(requests.reattached(kSession)->timeout_ms, 5000);
    EXPECT_FALSE(requests.reattached(kSession));
}

TEST(ClientRequests, NothingIsAnsweredAfterTheRole) {
    ClientRequests requests;
    requests.asked(request_of(1, OpCode::create));
    requests.open_asked(kSession, {{1, 4}, 4000});
    requests.reattach_asked({{1, 5}, kSession, 4000, {}});
    const std::uint64_t sync = requests.sync_asked(request_of(2, OpCode::sync));
    requests.clear();
    EXPECT_EQ(requests.size(), 0U);
    EXPECT_FALSE(requests.answered_by(kSession, Xid(1), false));
    EXPECT_FALSE(requests.opened(kSession));
    EXPECT_FALSE(requests.reattached(kSession));
    EXPECT_FALSE(requests.synced(sync, Zxid(1)));
}

// Memory is used again: a session that always has some under way, and one that asks and is answered.
TEST(RequestQueue, IsFirstInFirstOut) {
    RequestQueue<int> queue;
    int in = 0, next = 0;
    for (int round = 0; round < 200; ++round) {
        for (int i = 0; i < 1 + round % 7; ++i) queue.push(in++);
        for (int i = 0; i < 1 + round % 5 && !queue.empty(); ++i) {
            ASSERT_EQ(queue.front(), next++);
            queue.pop();
        }
        ASSERT_EQ(queue.size(), static_cast<std::size_t>(in - next));
    }
    while (!queue.empty()) {
        ASSERT_EQ(queue.front(), next++);
        queue.pop();
    }
    EXPECT_EQ(next, in);
}

TEST(RequestQueue, KeepsLittleMemoryWhenItIsEmpty) {
    RequestQueue<int> queue;
    for (int i = 0; i < 1000; ++i) queue.push(i);
    while (!queue.empty()) queue.pop();
    EXPECT_LE(queue.capacity(), RequestQueue<int>::kKept);
    queue.push(1);
    queue.pop();
    EXPECT_GE(queue.capacity(), 1U) << "one that asks and is answered keeps its own";
}

}  // namespace
}  // namespace zk::core
