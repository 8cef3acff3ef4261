// Sessions of a leader: who may write for them, what keeps them alive, what goes with them. The leader is an ensemble of
// its own; a learner without a vote is played by hand.
#include <gtest/gtest.h>

#include "base/check.h"
#include "one_server.h"

namespace zk::core {
namespace {

using std::chrono::milliseconds;

constexpr int kLearner = 9;  ///< no voter

TEST(Sessions, WhoHasMovedWritesOnlyFromTheNewPlace) {
    OneServer leader;
    leader.learner_joins(kLearner);
    const SessionId session = leader.open();
    ASSERT_NE(session, SessionId(0));
    leader.ask(session, OpCode::create, create("/before"));
    EXPECT_TRUE(leader.has("/before"));

    leader.session_moves_to_learner(kLearner, session);
    leader.ask(session, OpCode::create, create("/old_place"));
    EXPECT_FALSE(leader.has("/old_place"));
    EXPECT_TRUE(leader.told_gone(session));
    leader.learner_forwards(kLearner, session, OpCode::create, create("/new_place"));
    EXPECT_TRUE(leader.has("/new_place"));

    leader.reattach(session);
    leader.learner_forwards(kLearner, session, OpCode::create, create("/left_again"));
    EXPECT_FALSE(leader.has("/left_again"));
}

// Another loop has taken the session up, and that of the old connection has not heard of it yet: its client was told that
// the connection is lost, and may have written since.
TEST(Sessions, TheConnectionThatASessionHasLeftWritesNoMore) {
    OneServer leader;
    const SessionId session = leader.open();
    const auto from_old = [&](OpCode op, Bytes body) {
        request::ClientRequest request = leader.request_of(session, op, std::move(body));
        request.origin = {.loop = 1, .connection = 5};
        return leader.ask(std::move(request));
    };
    EXPECT_EQ(from_old(OpCode::create, create("/before")).error, ErrorCode::ok);
    EXPECT_TRUE(leader.has("/before"));
    EXPECT_EQ(leader.reattach(session), session);
    const std::size_t replies = leader.replies().size();
    from_old(OpCode::create, create("/late"));
    from_old(OpCode::sync, jute::encode(jute::SyncRequest{"/"}));
    from_old(OpCode::close_session, {});
    EXPECT_FALSE(leader.has("/late"));
    EXPECT_EQ(leader.replies().size(), replies);
    EXPECT_TRUE(leader.knows(session));
    leader.ask(session, OpCode::create, create("/now"));
    EXPECT_TRUE(leader.has("/now"));
    leader.ask(session, OpCode::close_session);
    EXPECT_FALSE(leader.knows(session));
}

TEST(Sessions, LiveOnByWhatALearnerTells) {
    OneServer leader;
    leader.learner_joins(kLearner);
    const SessionId session = leader.open();
    leader.session_moves_to_learner(kLearner, session);
    leader.wait(milliseconds(3000));
    leader.learner_pings(kLearner, session);
    leader.wait(milliseconds(3500));
    EXPECT_TRUE(leader.knows(session));
    leader.wait(milliseconds(3000));
    EXPECT_FALSE(leader.knows(session));
}

TEST(Sessions, TakeTheirEphemeralsWithThem) {
    OneServer leader;
    const SessionId expires = leader.open();
    leader.ask(expires, OpCode::create, create("/expires", CreateMode::ephemeral));
    const SessionId closes = leader.open();
    leader.ask(closes, OpCode::create, create("/closes", CreateMode::ephemeral));
    EXPECT_TRUE(leader.has("/expires"));
    EXPECT_TRUE(leader.has("/closes"));
    leader.ask(closes, OpCode::close_session);
    EXPECT_FALSE(leader.has("/closes"));
    leader.wait(milliseconds(7000));
    EXPECT_FALSE(leader.knows(expires));
    EXPECT_FALSE(leader.has("/expires"));
}

// The list of them in the txn would be more than what a follower of Apache's, or the reader of a log, takes. Without it
// every server deletes what it knows the session to own.
TEST(Sessions, TakeMoreEphemeralsWithThemThanATxnCanName) {
    OneServer leader;
    leader.learner_joins(kLearner);
    const SessionId session = leader.open();
    std::vector<std::string> paths;
    for (int i = 0; i < 22; ++i) {
        paths.push_back("/" + std::string(50'000, 'e') + std::to_string(i));
        leader.ask(session, OpCode::create, create(paths.back(), CreateMode::ephemeral));
        ASSERT_TRUE(leader.has(paths.back()));
    }
    leader.ask(session, OpCode::close_session);
    EXPECT_FALSE(leader.knows(session));
    for (const std::string& path : paths) EXPECT_FALSE(leader.has(path));
    EXPECT_LE(leader.longest_txn(), static_cast<std::size_t>(limits::kJuteMaxBuffer));
    const auto end = jute::decode_txn(*leader.core().committed().entries().back().bytes);
    ASSERT_TRUE(end.has_value());
    ASSERT_EQ(end->header.type, OpCode::close_session);
    EXPECT_TRUE(std::get<jute::CloseSessionTxn>(end->body).paths->empty());
    EXPECT_TRUE(covered_marks().contains("core.close_session_shrunk"));
}

// The end is on its way, and nobody knows yet how the tree will be behind it.
TEST(Sessions, WriteNothingBehindTheirEnd) {
    OneServer leader;
    const SessionId session = leader.open();
    leader.hold_disk();
    leader.ask(session, OpCode::close_session);
    leader.ask(session, OpCode::create, create("/behind", CreateMode::ephemeral));
    leader.release_disk();
    EXPECT_FALSE(leader.knows(session));
    EXPECT_FALSE(leader.has("/behind"));
}

// What it asked at the old place is still on its way when it asks at the new one.
TEST(Sessions, ATxnAnswersTheRequestThatItWasMadeFor) {
    OneServer leader;
    leader.learner_joins(kLearner);
    const SessionId session = leader.open();
    leader.session_moves_to_learner(kLearner, session);
    leader.hold_disk();
    leader.learner_forwards(kLearner, session, OpCode::create, create("/old_place"));
    leader.reattach(session);
    leader.ask(session, OpCode::create, create("/new_place"));
    leader.release_disk();
    EXPECT_TRUE(leader.has("/old_place"));
    EXPECT_TRUE(leader.has("/new_place"));
    ASSERT_EQ(leader.replies().size(), 1U);
    EXPECT_EQ(leader.replies()[0].body, jute::encode(std::string("/new_place")));
}

// Nobody can touch them while there is no leader, and a new one cannot know how long they have been silent.
TEST(Sessions, HaveTheirWholeTimeoutAtTheBeginningOfAReign) {
    Settings settings = settings_of({1});
    settings.counter_limit = 4;
    OneServer leader(settings);
    const SessionId session = leader.open();
    leader.wait(milliseconds(3800));
    for (int i = 0; leader.core().serving(); ++i) {
        ASSERT_LT(i, 4);
        leader.open();  // until the counter is used up
    }
    leader.wait(milliseconds(3900));
    EXPECT_TRUE(leader.core().serving());
    EXPECT_TRUE(leader.knows(session));
    leader.wait(milliseconds(3000));
    EXPECT_FALSE(leader.knows(session));
}

}  // namespace
}  // namespace zk::core
