// The order of a turn: what is heard before what, where it stops, and when a snapshot file gets its name.
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "peers.h"

namespace zk::core {
namespace {

using std::chrono::milliseconds;

/// A create, or a sync of "/", that stands behind a read of its session.
void asks_behind_read(OneServer& server, SessionId session, OpCode op, const std::string& path) {
    Bytes body = op == OpCode::sync ? jute::encode(jute::SyncRequest{path}) : create(path);
    request::ClientRequest request = server.request_of(session, op, std::move(body));
    request.behind_read = true;
    server.ask(std::move(request));
}

/// What was applied when each reply was heard, in txns since the first reply.
std::vector<std::int64_t> applied(const OneServer& server) {
    std::vector<std::int64_t> counts;
    for (const Zxid zxid : server.applied_at_replies()) {
        counts.push_back(zxid.value() - server.replies().front().zxid.value());
    }
    return counts;
}

TEST(Turn, WithoutReadsInBetweenAllAnswersAreHeardAtItsEnd) {
    OneServer server;
    const SessionId session = server.open();
    server.hold_disk();
    for (const char* path : {"/a", "/b", "/c"}) server.ask(session, OpCode::create, create(path));
    server.release_disk();  // all of them are durable at once
    EXPECT_EQ(applied(server), (std::vector<std::int64_t>{2, 2, 2}));
}

// A read between two writes of a session sees the first, and not yet the second. Others do not matter to it.
TEST(Turn, AReadIsServedBeforeTheNextWriteOfItsSessionIsApplied) {
    OneServer server;
    const SessionId session = server.open();
    const SessionId other = server.open();
    server.hold_disk();
    server.ask(session, OpCode::create, create("/a"));
    asks_behind_read(
        server, other, OpCode::create, "/other");  // its read waited for nothing of this turn
    asks_behind_read(server, session, OpCode::create, "/b");
    asks_behind_read(server, other, OpCode::create, "/other2");
    server.release_disk();
    EXPECT_EQ(applied(server), (std::vector<std::int64_t>{1, 1, 3, 3}));
    EXPECT_EQ(server.replies().size(), 4U);
}

TEST(Turn, AStopIsForTheLoopOfTheSessionWhoseReadWaits) {
    OneServer server;
    const SessionId session = server.open();
    const SessionId other = server.open();
    server.hold_disk();
    for (const auto& [who, loop] : {std::pair(session, 2U), std::pair(other, 0U)}) {
        for (const bool behind_read : {false, true}) {
            const std::string path = "/" + std::to_string(loop) + (behind_read ? "b" : "a");
            request::ClientRequest request = server.request_of(who, OpCode::create, create(path));
            request.origin.loop = loop;
            request.behind_read = behind_read;
            server.ask(std::move(request));
        }
    }
    server.release_disk();
    EXPECT_EQ(server.readers(), (std::vector<std::uint32_t>{2, 0}));
    EXPECT_EQ(applied(server), (std::vector<std::int64_t>{0, 2, 2, 3}));
}

// For those who share the tree with other threads.
TEST(Turn, SaysBeforeItChangesTheTree) {
    OneServer server;
    const SessionId session = server.open();
    std::vector<Zxid> before;
    server.turn().before_change = [&] { before.push_back(server.core().tree().last_zxid()); };
    const Zxid last = server.core().tree().last_zxid();
    server.ask(session, OpCode::sync, jute::encode(jute::SyncRequest{"/"}));
    server.hold_disk();
    server.ask(session, OpCode::create, create("/a"));
    EXPECT_TRUE(before.empty()) << "asking and logging change nothing";
    server.release_disk();
    EXPECT_EQ(before, std::vector{last});
}

// Also a sync's answer says at which zxid it was given: what comes before it may not be answered at a later one.
TEST(Turn, AReadIsServedBeforeTheNextSyncOfItsSessionIsAnswered) {
    OneServer server;
    const SessionId session = server.open();
    const SessionId other = server.open();
    server.hold_disk();
    server.ask(session, OpCode::create, create("/a"));
    asks_behind_read(server, session, OpCode::sync, "/");
    server.ask(other, OpCode::create, create("/other"));
    asks_behind_read(server, session, OpCode::create, "/b");
    server.release_disk();
    ASSERT_EQ(server.replies().size(), 4U);
    EXPECT_EQ(applied(server), (std::vector<std::int64_t>{0, 1, 1, 2}));
    EXPECT_EQ(server.replies()[1].op, OpCode::sync);
    EXPECT_EQ(server.replies()[1].zxid, server.replies()[0].zxid);
}

// After a stop of the process: the touch lay in the socket when the time was not looked at.
TEST(Turn, WhatCameIsHeardBeforeTheTime) {
    // How long one lives that says nothing.
    Duration lives{};
    OneServer silent;
    const SessionId doomed = silent.open();
    for (silent.wait(Core::kTickPeriod); silent.knows(doomed); silent.wait(Core::kTickPeriod))
        lives += Core::kTickPeriod;

    OneServer server;
    const SessionId session = server.open();
    server.wait(lives);
    ASSERT_TRUE(server.knows(session));
    server.pass(Core::kTickPeriod * 2);  // now it would be over
    server.post(Tick{WallMs(1)});
    server.post(request::ToCore(request::TouchSession{session}));
    server.run();
    server.wait(Core::kTickPeriod * 2);
    EXPECT_TRUE(server.knows(session));
}

TEST(Turn, ALateOneHasATickOfItsOwn) {
    OneServer server;
    const SessionId session = server.open();
    for (int i = 0; i < 200; ++i) {
        server.pass(Core::kTickPeriod * 2);
        server.step(request::ToCore(request::TouchSession{SessionId(1)}));  // of nobody
    }
    EXPECT_FALSE(server.knows(session)) << "nobody looked at the time";
}

TEST(Turn, NothingHappensBehindAFatalError) {
    OneServer server;
    const SessionId session = server.open();
    server.hold_disk();
    server.ask(session, OpCode::create, create("/a"));
    server.post(storage::DiskEvent(storage::DiskFailed{"no space"}));
    server.post(storage::DiskEvent(storage::LogDurable{server.core().status().last_logged}));
    server.run();
    EXPECT_EQ(server.fatal(), "no space");
    EXPECT_TRUE(server.replies().empty());
    EXPECT_FALSE(server.has("/a"));
}

// ---- snapshot files

Settings snapshots_often(const std::vector<int>& voters) {
    Settings settings = settings_of(voters);
    settings.snap_count = 2;
    return settings;
}
template <class Effect>
bool wanted(const OneServer& server) {
    for (const SnapshotEffect& effect : server.snapshot_effects()) {
        if (std::holds_alternative<Effect>(effect)) return true;
    }
    return false;
}
/// Server 1 follows, and others have made durable what its own disk is slow with: the walk over the tree reaches beyond
/// its log.
void walks_ahead_of_the_log(OneServer& server) {
    const Epoch epoch(1);
    begins_to_follow(server, 2, epoch);
    server.from_leader({zab::PacketType::diff, Zxid(0), {}, {}});
    is_up_to_date(server, epoch);
    server.hold_disk();
    for (std::uint32_t counter = 1; !server.snapshot_wanted(); ++counter) {
        txn_commits(server,
                    session_txn(OpCode::create_session, Zxid(epoch, counter), SessionId(counter)));
    }
    const Zxid next(epoch, server.snapshot_wanted()->zxid.counter() + 1);
    txn_commits(server, session_txn(OpCode::create_session, next, SessionId(1000)));
    ASSERT_EQ(server.core().status().last_zxid, next);
}

TEST(Turn, ASnapshotIsNamedWhenTheLogHoldsAllThatItsWalkMayHaveSeen) {
    OneServer server(snapshots_often({1, 2, 3}));
    walks_ahead_of_the_log(server);
    server.write_snapshot();
    EXPECT_FALSE(server.turn().has_snapshot_chunk());
    EXPECT_FALSE(wanted<NameSnapshot>(server));
    server.wait(milliseconds(100));
    EXPECT_FALSE(wanted<NameSnapshot>(server)) << "named ahead of the log";
    server.release_disk();
    EXPECT_TRUE(wanted<NameSnapshot>(server));
}

TEST(Turn, ASnapshotIsGivenUpWithTheRoleUntilItHasItsName) {
    OneServer server(snapshots_often({1, 2, 3}));
    walks_ahead_of_the_log(server);
    server.write_snapshot();
    server.leader_is_lost();
    EXPECT_TRUE(wanted<AbandonSnapshot>(server));

    OneServer other(snapshots_often({1, 2, 3}));
    walks_ahead_of_the_log(other);
    other.write_snapshot();
    other.release_disk();
    other.leader_is_lost();
    EXPECT_TRUE(wanted<NameSnapshot>(other));
    EXPECT_FALSE(wanted<AbandonSnapshot>(other)) << "it has its name already";
}

TEST(Turn, ASnapshotWithoutTxnsDuringItsWalkNeedsNoLog) {
    OneServer server(snapshots_often({1}));
    const SessionId session = server.open();
    while (!server.snapshot_wanted())
        server.ask(session, OpCode::create, create("/n", CreateMode::persistent_sequential));
    EXPECT_FALSE(wanted<NameSnapshot>(server));
    server.write_snapshot();
    EXPECT_TRUE(wanted<WriteSnapshot>(server));
    EXPECT_TRUE(wanted<NameSnapshot>(server));
    EXPECT_FALSE(server.turn().has_snapshot_chunk());
}

}  // namespace
}  // namespace zk::core
