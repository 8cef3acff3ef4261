// The order of a client loop's turn: mail before reads, one write at a time.
#include "frontend/turn.h"

#include <array>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "harness.h"

namespace zk::frontend {
namespace {

class LoopTurn : public Harness {
  protected:
    LoopTurn() {
        tell({request::Serving{true}});
        turn.hear(now);
    }
    /// Into the mailbox.
    void tell(std::vector<request::ToFrontend> messages) { turn.post(nullptr, messages); }
    void joins(ConnectionId id, std::int64_t session) {
        turn.opened(id, Peer{"10.0.0.1", 4000}, now);
        turn.received(id, connect_frame(), now);
        tell({request::SessionOpened{{3, id}, SessionId(session), 10000, Bytes(16, 'p')}});
        turn.hear(now);
        turn.requests().clear();
        flush();
        sent.clear();
    }
    void asks(
        ConnectionId id, std::int32_t xid, OpCode op, const std::string& path, bool watch = false) {
        turn.received(id, request_frame(xid, op, jute::PathWatchRequest{path, watch}), now);
    }
    void flush() {
        while (const auto id = turn.next_socket()) {
            Bytes bytes;
            orders[*id] = turn.take(*id, bytes);
            sent[*id] += bytes;
            if (!bytes.empty()) turn.written(*id, now);
        }
    }
    std::vector<std::string> story_of(ConnectionId id) {
        flush();
        return story(id);
    }

    Turn turn{settings(), tree, Log()};
};

// The tree is ahead of what the loop has heard: the core has published, and another thread's turn comes later.
TEST_F(LoopTurn, TheEventComesBeforeTheReadThatShowsTheChange) {
    create("/a");
    joins(1, 10);
    asks(1, 1, OpCode::get_data, "/a", true);
    EXPECT_EQ(story_of(1), (std::vector<std::string>{"1:0"}));
    tell({set_data("/a", "new")});
    asks(1, 2, OpCode::get_data, "/a");
    EXPECT_EQ(story_of(1), (std::vector<std::string>{"E3:/a", "2:0"}));
}

TEST_F(LoopTurn, TheMailboxIsHeardBeforeAnythingElse) {
    create("/a");
    joins(1, 10);
    const auto watches = [&](std::int32_t xid) {
        asks(1, xid, OpCode::get_data, "/a", true);
        flush();
        sent.clear();
        tell({set_data("/a", "new")});
    };
    watches(1);
    turn.tick(now);
    EXPECT_EQ(story_of(1), (std::vector<std::string>{"E3:/a"}));
    watches(2);
    turn.written(1, now);
    EXPECT_EQ(story_of(1), (std::vector<std::string>{"E3:/a"}));
    watches(3);
    turn.closed(2, now);
    EXPECT_EQ(story_of(1), (std::vector<std::string>{"E3:/a"}));
    EXPECT_FALSE(turn.has_mail());
}

TEST_F(LoopTurn, AnotherTreeIsReadFromTheNextMailOn) {
    create("/a");
    joins(1, 10);
    tree::DataTree other;
    std::vector<request::ToFrontend> nothing;
    turn.post(&other, nothing);
    asks(1, 1, OpCode::exists, "/a");
    EXPECT_EQ(story_of(1), (std::vector<std::string>{"1:-101"}));
}

TEST_F(LoopTurn, WhatIsNotWrittenYetIsTheLastOneTaken) {
    create("/a");
    joins(1, 10);
    asks(1, 1, OpCode::get_data, "/a");
    ASSERT_EQ(turn.next_socket(), ConnectionId(1));
    Bytes bytes;
    (void)turn.take(1, bytes);
    asks(1, 2, OpCode::get_data, "/a");
    EXPECT_EQ(turn.next_socket(), std::nullopt);
    turn.written(1, now);
    EXPECT_EQ(story_of(1), (std::vector<std::string>{"2:0"}));

    asks(1, 3, OpCode::get_data, "/a");
    ASSERT_EQ(turn.next_socket(), ConnectionId(1));
    bytes.clear();
    (void)turn.take(1, bytes);
    turn.received(
        1, Bytes("\xff\xff\xff\xff", 4), now);  // no length: closes at once, whatever is under way
    ASSERT_EQ(turn.next_socket(), ConnectionId(1));
    EXPECT_EQ(turn.frontend().closing(1), Close::at_once);
}

// The core is told which writes have a read of their session before them.
TEST_F(LoopTurn, WritesSayWhetherAReadComesBeforeThem) {
    create("/a");
    joins(1, 10);
    const auto sets = [&](std::int32_t xid) {
        turn.received(
            1, request_frame(xid, OpCode::set_data, jute::SetDataRequest{"/a", "x", -1}), now);
    };
    asks(1, 1, OpCode::get_data, "/a");  // served at once
    sets(2);
    sets(3);
    asks(1, 4, OpCode::get_data, "/a");
    sets(5);
    sets(6);
    turn.received(1, request_frame(-2, OpCode::ping), now);  // its answer tells a zxid, too
    sets(7);
    std::vector<bool> behind;
    for (const request::ToCore& message : turn.requests()) {
        if (const auto* request = std::get_if<request::ClientRequest>(&message))
            behind.push_back(request->behind_read);
    }
    EXPECT_EQ(behind, (std::vector<bool>{false, false, true, false, true}));
}

// Another loop of this server has taken the session up: as if the connection were here.
TEST_F(LoopTurn, ASessionIsOnOneConnectionOfAllLoops) {
    joins(1, 10);
    joins(2, 20);
    tell({request::SessionOpened{{4, 1}, SessionId(), 0, {}},
          request::SessionOpened{{4, 2}, SessionId(10), 10000, {}}});
    turn.hear(now);
    flush();
    EXPECT_EQ(orders[1].close, Close::at_once);
    EXPECT_EQ(turn.frontend().closing(2), Close::no);
    EXPECT_TRUE(sent[2].empty());
}

// An answer goes to the loop that asked; of sessions, changes and service all are told.
TEST_F(LoopTurn, WhatTheCoreSaysGoesToTheLoopsThatItConcerns) {
    std::array<Turn, 3> loops = {Turn{settings(), tree, Log()},
                                 Turn{settings(), tree, Log()},
                                 Turn{settings(), tree, Log()}};
    const std::array all = {&loops[0], &loops[1], &loops[2]};
    const auto told = [&](std::vector<request::ToFrontend> messages,
                          const tree::DataTree* other = nullptr) {
        publish(all, other, messages);
        std::vector<bool> has_mail;
        for (Turn& loop : loops) {
            has_mail.push_back(loop.has_mail());
            loop.hear(now);
        }
        return has_mail;
    };
    const std::vector<bool> everybody(3, true);
    EXPECT_EQ(told({request::Reply{.origin = {1, 7},
                                   .session = SessionId(10),
                                   .xid = Xid(1),
                                   .op = OpCode::create,
                                   .zxid = Zxid(1),
                                   .body = {}}}),
              (std::vector<bool>{false, true, false}));
    EXPECT_EQ(told({create("/a")}), everybody);
    EXPECT_EQ(told({request::SessionOpened{{2, 1}, SessionId(), 0, {}}}), everybody);
    EXPECT_EQ(told({request::SessionGone{SessionId(10)}}), everybody);
    EXPECT_EQ(told({request::Serving{true}}), everybody);
    tree::DataTree other;
    EXPECT_EQ(told({}, &other), everybody);
    for (const Turn& loop : loops) EXPECT_TRUE(loop.frontend().serving());
}

}  // namespace
}  // namespace zk::frontend
