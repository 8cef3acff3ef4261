// A server alone: when its clients hear that something is done, and what its zxids are.
#include "core/alone.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/check.h"
#include "one_server.h"

namespace zk::core {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

SharedBytes txn_bytes(std::size_t size = 1) { return std::make_shared<const Bytes>(size, 'x'); }

/// What is asked for, as to_string(zab::Action) has it, without what the txns are.
std::vector<std::string> told(zab::Actions& actions) {
    std::vector<std::string> words;
    for (const zab::Action& action : actions) {
        if (const auto* a = std::get_if<zab::AppendTxn>(&action))
            words.push_back("append " + to_string(a->zxid));
        else if (const auto* c = std::get_if<zab::Committed>(&action))
            words.push_back("commit " + to_string(c->zxid));
        else if (const auto* s = std::get_if<zab::SyncAnswered>(&action))
            words.push_back("sync " + std::to_string(s->token));
        else
            words.push_back(to_string(action));
    }
    actions.clear();
    return words;
}

Settings alone_settings() {
    Settings settings = settings_of({1});
    settings.standalone = true;
    settings.my_id = ServerId(0);
    return settings;
}

TEST(Alone, CommitsWhatIsDurableInOneGo) {
    Alone alone({}, Zxid(0), Epoch(0), Epoch(0), {});
    zab::Actions out;
    for (int i = 1; i <= 3; ++i) alone.propose(Zxid(i), txn_bytes(), out);
    EXPECT_THAT(told(out), ElementsAre("append 0x1", "append 0x2", "append 0x3"));
    EXPECT_EQ(alone.in_flight(), 3U);
    alone.on_log_durable(Zxid(0), out);  // of the recovery
    EXPECT_THAT(told(out), IsEmpty());
    alone.on_log_durable(Zxid(2), out);
    EXPECT_THAT(told(out), ElementsAre("commit 0x1", "commit 0x2"));
    alone.on_log_durable(Zxid(2), out);
    EXPECT_THAT(told(out), IsEmpty());
    alone.on_log_durable(Zxid(3), out);
    EXPECT_THAT(told(out), ElementsAre("commit 0x3"));
    EXPECT_EQ(alone.in_flight(), 0U);
}

TEST(Alone, ASyncHasItsPlaceBehindTheWritesBeforeIt) {
    Alone alone({}, Zxid(7), Epoch(0), Epoch(0), {});
    zab::Actions out;
    alone.request_sync(1, out);
    EXPECT_THAT(told(out), ElementsAre("sync 1")) << "nothing is in flight";
    alone.propose(Zxid(8), txn_bytes(), out);
    alone.request_sync(2, out);
    alone.request_sync(3, out);
    alone.propose(Zxid(9), txn_bytes(), out);
    alone.request_sync(4, out);
    EXPECT_THAT(told(out), ElementsAre("append 0x8", "append 0x9"));
    alone.on_log_durable(Zxid(9), out);
    EXPECT_THAT(told(out), ElementsAre("commit 0x8", "sync 2", "sync 3", "commit 0x9", "sync 4"));
}

TEST(Alone, ItsWindowCountsTxnsAndBytes) {
    Alone alone({.bounds = {.proposals_max = 4, .proposal_bytes_max = 10}},
                Zxid(0),
                Epoch(0),
                Epoch(0),
                {});
    zab::Actions out;
    alone.propose(Zxid(1), txn_bytes(9), out);
    EXPECT_FALSE(alone.window_full());
    alone.propose(Zxid(2), txn_bytes(1), out);
    EXPECT_TRUE(alone.window_full()) << "ten bytes";
    alone.on_log_durable(Zxid(1), out);
    EXPECT_FALSE(alone.window_full());
    alone.propose(Zxid(3), txn_bytes(9), out);
    EXPECT_TRUE(alone.window_full()) << "ten bytes again";
    alone.on_log_durable(Zxid(3), out);
    for (int i = 4; i <= 6; ++i) alone.propose(Zxid(i), txn_bytes(), out);
    EXPECT_FALSE(alone.window_full());
    alone.propose(Zxid(7), txn_bytes(), out);
    EXPECT_TRUE(alone.window_full()) << "four txns";
}

TEST(Alone, GoesOnInTheEpochOfTheLastTxn) {
    // An ensemble has left it: the last txn is of epoch 3, this member knows of epoch 5.
    const Alone alone({}, Zxid(Epoch(3), 10), Epoch(5), Epoch(5), {});
    EXPECT_EQ(alone.next_zxid(), Zxid(Epoch(3), 11));
    // A leader's snapshot of an epoch without a txn.
    EXPECT_EQ(Alone({}, Zxid(Epoch(4), 0), Epoch(4), Epoch(4), {}).next_zxid(), Zxid(Epoch(4), 1));
}

TEST(Alone, BehindAUsedUpCounterAnEpochBeginsThatNobodyKnows) {
    Alone alone({.counter_limit = 5}, Zxid(Epoch(3), 3), Epoch(5), Epoch(4), {});
    zab::Actions out;
    EXPECT_EQ(alone.next_zxid(), Zxid(Epoch(3), 4));
    alone.propose(Zxid(Epoch(3), 4), txn_bytes(), out);
    EXPECT_EQ(alone.next_zxid(), Zxid(Epoch(6), 1)) << "not 4 or 5: others may have led them";
    EXPECT_THAT(told(out), ElementsAre("append 0x300000004"));
    alone.propose(Zxid(Epoch(6), 1), txn_bytes(), out);
    ASSERT_EQ(out.size(), 3U);
    // The files first, the accepted epoch before the current one.
    EXPECT_EQ(std::get<zab::SaveAcceptedEpoch>(out[0]).epoch, Epoch(6));
    EXPECT_EQ(std::get<zab::SaveCurrentEpoch>(out[1]).epoch, Epoch(6));
    EXPECT_EQ(std::get<zab::AppendTxn>(out[2]).zxid, Zxid(Epoch(6), 1));
    out.clear();
    alone.on_log_durable(Zxid(Epoch(6), 1), out);
    EXPECT_THAT(told(out), ElementsAre("commit 0x300000004", "commit 0x600000001"));
    EXPECT_EQ(alone.next_zxid(), Zxid(Epoch(6), 2));
    // Apache's server may have left the very last one.
    EXPECT_EQ(Alone({}, Zxid(0xffffffff), Epoch(0), Epoch(0), {}).next_zxid(), Zxid(Epoch(1), 1));
}

// ---- as a whole server

TEST(ServerAlone, ServesFromItsFirstTurnOn) {
    OneServer server(alone_settings());
    EXPECT_TRUE(server.core().serving());
    const StatusPage page = server.core().status();
    EXPECT_EQ(page.role, Role::standalone);
    EXPECT_EQ(page.my_id, ServerId(0));
    EXPECT_EQ(page.leader, std::nullopt);
    EXPECT_EQ(page.elections, 0);
    EXPECT_EQ(page.last_zxid, Zxid(0));
    const SessionId session = server.open();
    EXPECT_EQ(session.value() >> 56, 1) << "as Apache's server alone";
    EXPECT_EQ(server.core().tree().last_zxid(), Zxid(1));
    EXPECT_EQ(server.ask(session, OpCode::create, create("/a")).zxid, Zxid(2));
    // The node of an ensemble's configuration is there, and says nothing.
    const tree::Node* const config = server.core().tree().find("/zookeeper/config");
    ASSERT_NE(config, nullptr);
    EXPECT_EQ(Bytes(config->data().value_or("")), "");
}

TEST(ServerAlone, NobodyIsToldOfAWriteBeforeItIsDurable) {
    OneServer server(alone_settings());
    const SessionId session = server.open();
    server.hold_disk();
    EXPECT_EQ(server.ask(session, OpCode::create, create("/a")).zxid, Zxid(0));
    server.wait(milliseconds(200));
    EXPECT_FALSE(server.has("/a"));
    EXPECT_TRUE(server.replies().empty());
    EXPECT_EQ(server.core().status().proposals_pending, 1U);
    server.release_disk();
    EXPECT_TRUE(server.has("/a"));
    ASSERT_EQ(server.replies().size(), 1U);
    EXPECT_EQ(server.replies().front().error, ErrorCode::ok);
    EXPECT_EQ(server.core().status().proposals_pending, 0U);
}

// Also one that failed has its txn: its zxid is in the log, or the next one would leave a hole.
TEST(ServerAlone, WritesAreCountedByNamespace) {
    OneServer server(alone_settings());
    const SessionId session = server.open();
    const auto open_acl = jute::AclList{{.perms = perms::kAll, .id = {"world", "anyone"}}};
    const auto with_data = [&](const std::string& path, CreateMode mode) {
        return jute::encode(jute::CreateRequest{path, Bytes("data"), open_acl, mode});
    };
    server.ask(session, OpCode::create, with_data("/app", CreateMode::persistent));
    server.ask(session, OpCode::create, with_data("/app/mine", CreateMode::ephemeral));
    server.ask(session, OpCode::create, with_data("/app", CreateMode::persistent));  // it is there
    server.ask(
        session, OpCode::set_data, jute::encode(jute::SetDataRequest{"/app", Bytes("d"), -1}));
    server.ask(session, OpCode::set_data, jute::encode(jute::SetDataRequest{"/", Bytes("d"), -1}));
    server.ask(session, OpCode::close_session);
    ASSERT_FALSE(server.has("/app/mine"));
    const metrics::Metrics counts = server.core().counts();
    const auto& names = counts.value(metrics::SummarySet::write_per_namespace).by_key();
    ASSERT_EQ(names.size(), 1U);
    // The path and the data; of a node that goes the path alone.
    EXPECT_EQ(names.at("app").count(), 4);
    EXPECT_EQ(names.at("app").sum(), (4 + 4) + (9 + 4) + (4 + 1) + 9);
}

TEST(ServerAlone, TellsWhatLoadingItsDataAndEndingSessionsTook) {
    using enum metrics::Summary;
    using Counted = std::pair<std::int64_t, std::int64_t>;
    Settings settings = alone_settings();
    settings.stopwatch = [at = Instant{}]() mutable { return at += milliseconds(3); };
    OneServer server(settings);
    const auto counted = [&](metrics::Summary summary) {
        const metrics::Metrics counts = server.core().counts();
        return Counted(counts.value(summary).count(), counts.value(summary).max());
    };
    EXPECT_EQ(counted(startup_snap_load_time), Counted(1, 0)) << "there was nothing";
    EXPECT_EQ(counted(startup_txns_loaded), Counted(1, 0));
    const SessionId session = server.open();
    server.ask(session, OpCode::create, create("/a"));
    server.ask(session, OpCode::create, create("/b"));
    EXPECT_EQ(counted(close_session_prep_time), Counted(0, 0));
    server.ask(session, OpCode::close_session);
    EXPECT_EQ(counted(close_session_prep_time), Counted(1, 3));
    server.restart(sim::CrashMode::lose);
    EXPECT_EQ(counted(startup_snap_load_time), Counted(1, 3));
    EXPECT_EQ(counted(startup_txns_load_time), Counted(1, 3));
    EXPECT_EQ(counted(startup_txns_loaded), Counted(1, 4));
}

TEST(ServerAlone, CountsWhatOneSyncMakesDurable) {
    OneServer server(alone_settings());
    const SessionId session = server.open();
    server.hold_disk();
    server.ask(session, OpCode::create, create("/a"));
    server.ask(session, OpCode::create, create("/b"));
    server.ask(session, OpCode::create, create("/c"));
    server.release_disk();
    const metrics::Metrics counts = server.core().counts();
    const metrics::Distribution& batches =
        counts.value(metrics::Summary::sync_processor_batch_size);
    EXPECT_EQ(batches.count(), 2);
    EXPECT_EQ(batches.min(), 1) << "the session";
    EXPECT_EQ(batches.max(), 3);
    EXPECT_EQ(counts.value(metrics::Summary::proposal_ack_creation_latency).count(), 0)
        << "nobody is told";
}

TEST(ServerAlone, WhatFailsIsInTheLogAsWell) {
    OneServer server(alone_settings());
    const SessionId session = server.open();
    server.hold_disk();
    server.ask(session, OpCode::create, create("/no/parent"));
    EXPECT_TRUE(server.replies().empty());
    server.release_disk();
    ASSERT_EQ(server.replies().size(), 1U);
    EXPECT_EQ(server.replies().front().error, ErrorCode::no_node);
    EXPECT_EQ(server.core().tree().last_zxid(), Zxid(2));
    server.restart(sim::CrashMode::lose);
    EXPECT_EQ(server.core().tree().last_zxid(), Zxid(2));
}

TEST(ServerAlone, WhatWasAnsweredOutlivesAPowerCut) {
    OneServer server(alone_settings());
    const SessionId session = server.open();
    server.ask(session, OpCode::create, create("/kept"));
    server.ask(session, OpCode::create, create("/ephemeral", CreateMode::ephemeral));
    server.hold_disk();
    server.ask(session, OpCode::create, create("/lost"));
    server.restart(sim::CrashMode::lose);
    EXPECT_TRUE(server.core().serving());
    EXPECT_TRUE(server.has("/kept"));
    EXPECT_TRUE(server.has("/ephemeral"));
    EXPECT_FALSE(server.has("/lost"));
    EXPECT_EQ(server.core().tree().last_zxid(), Zxid(3));
    EXPECT_TRUE(server.knows(session));
    EXPECT_EQ(server.reattach(session), session);
    // Its zxid is given anew: nobody ever saw it.
    EXPECT_EQ(server.ask(session, OpCode::create, create("/again")).zxid, Zxid(4));
    // A session that nobody claims has its whole timeout from the start on.
    server.restart(sim::CrashMode::lose);
    server.wait(milliseconds(3900));
    EXPECT_TRUE(server.knows(session));
    server.wait(milliseconds(2200));
    EXPECT_FALSE(server.knows(session));
    EXPECT_FALSE(server.has("/ephemeral"));
}

TEST(ServerAlone, ASyncIsAnsweredBehindTheWriteBeforeIt) {
    OneServer server(alone_settings());
    const SessionId session = server.open();
    const auto sync = [&] {
        return server.ask(session, OpCode::sync, jute::encode(jute::SyncRequest{"/"}));
    };
    EXPECT_EQ(sync().error, ErrorCode::ok);
    EXPECT_EQ(server.replies().size(), 1U);
    server.hold_disk();
    server.ask(session, OpCode::create, create("/a"));
    sync();
    EXPECT_EQ(server.replies().size(), 1U);
    server.release_disk();
    ASSERT_EQ(server.replies().size(), 3U);
    EXPECT_EQ(server.replies()[1].op, OpCode::create);
    EXPECT_EQ(server.replies()[2].op, OpCode::sync);
    EXPECT_EQ(server.replies()[2].zxid, Zxid(2));
    EXPECT_TRUE(covered_marks().contains("alone.sync_behind_a_write"));
}

TEST(ServerAlone, RequestsWaitForRoomInTheirOrder) {
    Settings settings = alone_settings();
    settings.bounds.proposals_max = 2;
    OneServer server(settings);
    const SessionId session = server.open();
    server.hold_disk();
    for (const char* path : {"/a", "/a/b", "/a/b/c", "/a/b/c/d"})
        server.ask(session, OpCode::create, create(path));
    EXPECT_EQ(server.core().status().proposals_pending, 2U);
    server.release_disk();
    ASSERT_EQ(server.replies().size(), 4U);
    for (const request::Reply& reply : server.replies()) EXPECT_EQ(reply.error, ErrorCode::ok);
    EXPECT_TRUE(server.has("/a/b/c/d"));
}

TEST(ServerAlone, AnEpochEndsWithoutAPause) {
    Settings settings = alone_settings();
    settings.counter_limit = 4;
    OneServer server(settings);
    EXPECT_EQ(server.file("currentEpoch"), "no such file");
    const SessionId session = server.open();
    server.ask(session, OpCode::create, create("/a"));
    server.ask(session, OpCode::create, create("/b"));
    EXPECT_EQ(server.core().tree().last_zxid(), Zxid(3));
    EXPECT_EQ(server.ask(session, OpCode::create, create("/c")).zxid, Zxid(Epoch(1), 1));
    EXPECT_TRUE(server.core().serving());
    EXPECT_EQ(server.file("acceptedEpoch"), "1");
    EXPECT_EQ(server.file("currentEpoch"), "1");
    EXPECT_EQ(server.core().status().current_epoch, Epoch(1));
    server.restart(sim::CrashMode::lose);
    EXPECT_TRUE(server.has("/c"));
    EXPECT_EQ(server.reattach(session), session);
    EXPECT_EQ(server.ask(session, OpCode::create, create("/d")).zxid, Zxid(Epoch(1), 2));
    EXPECT_TRUE(covered_marks().contains("alone.rollover"));
}

TEST(ServerAlone, WritesSnapshotFiles) {
    Settings settings = alone_settings();
    settings.snap_count = 3;
    OneServer server(settings);
    const SessionId session = server.open();
    for (const char* path : {"/a", "/b", "/c"}) server.ask(session, OpCode::create, create(path));
    ASSERT_TRUE(server.snapshot_wanted().has_value());
    EXPECT_EQ(server.snapshot_wanted()->role, storage::SnapshotRole::periodic);
}

std::optional<Zxid> taken(const OneServer& server) {
    return std::get<SnapshotTaken>(server.news().back()).zxid;
}
std::optional<Zxid> restored(const OneServer& server) {
    return std::get<Restored>(server.news().back()).zxid;
}

class ServerRestored : public testing::Test {
  protected:
    ServerRestored() {
        session = server.open();
        server.ask(session, OpCode::create, create("/kept"));
        server.step(TakeSnapshot{});
        server.finish_snapshot();
        server.ask(session, OpCode::create, create("/later"));
    }
    OneServer server{alone_settings()};
    SessionId session;
};

TEST_F(ServerRestored, IsWhatItWasAndGoesOnFromThere) {
    ASSERT_EQ(taken(server), Zxid(2));
    server.step(Restore(server.snapshot(Zxid(2))));
    EXPECT_FALSE(server.takes_clients()) << "those that it has are to go";
    EXPECT_EQ(server.ask(session, OpCode::create, create("/meanwhile")).zxid, Zxid(0));
    EXPECT_EQ(server.open(), SessionId(0));
    EXPECT_EQ(server.news().size(), 1U) << "not before it is on disk";
    server.wait(milliseconds(100));
    server.finish_snapshot();
    ASSERT_EQ(server.news().size(), 2U);
    EXPECT_EQ(restored(server), Zxid(2));
    const auto is_as_it_was = [&] {
        EXPECT_TRUE(server.core().serving());
        EXPECT_TRUE(server.takes_clients());
        EXPECT_EQ(server.core().status().role, Role::standalone);
        EXPECT_TRUE(server.has("/kept"));
        EXPECT_FALSE(server.has("/later"));
        EXPECT_EQ(server.core().tree().last_zxid(), Zxid(2));
        EXPECT_EQ(server.reattach(session), session);
    };
    is_as_it_was();
    server.restart(sim::CrashMode::lose);
    is_as_it_was();
    EXPECT_EQ(server.ask(session, OpCode::create, create("/new")).zxid, Zxid(3));
    server.restart(sim::CrashMode::lose);
    EXPECT_TRUE(server.has("/new"));
}

TEST_F(ServerRestored, IsWhatItWasBeforeIfThePowerGoesFirst) {
    server.hold_disk();
    server.ask(session, OpCode::create, create("/in-flight"));
    server.step(Restore(server.snapshot(Zxid(2))));
    server.release_disk();
    EXPECT_FALSE(server.has("/later")) << "memory is the new one";
    server.restart(sim::CrashMode::lose);
    EXPECT_TRUE(server.core().serving());
    EXPECT_TRUE(server.has("/later"));
    EXPECT_EQ(server.core().tree().last_zxid(), Zxid(4)) << "it was in the log";
}

TEST_F(ServerRestored, IsReadByNobodyWhileItsTreeIsExchanged) {
    server.hold_disk();
    server.step(Restore(server.snapshot(Zxid(2))));
    EXPECT_FALSE(server.takes_clients());
    EXPECT_TRUE(server.has("/later")) << "first frontends hear that nothing is served";
    server.release_disk();
    EXPECT_FALSE(server.has("/later"));
}

TEST_F(ServerRestored, ItsEpochFilesAreNotBehindItsTxns) {
    Restore of_an_ensemble = server.snapshot(Zxid(2));
    Restore older = server.snapshot(Zxid(2));
    of_an_ensemble.tree->set_last_zxid(Zxid(Epoch(3), 9));
    server.step(std::move(of_an_ensemble));
    server.finish_snapshot();
    EXPECT_EQ(restored(server), Zxid(Epoch(3), 9));
    EXPECT_EQ(server.file("acceptedEpoch"), "3");
    EXPECT_EQ(server.file("currentEpoch"), "3");
    EXPECT_EQ(server.ask(session, OpCode::create, create("/new")).zxid, Zxid(Epoch(3), 10));
    // And they never go back.
    server.step(std::move(older));
    server.finish_snapshot();
    EXPECT_EQ(restored(server), Zxid(2));
    EXPECT_EQ(server.file("currentEpoch"), "3");
}

TEST_F(ServerRestored, OneAfterTheOther) {
    server.step(Restore(server.snapshot(Zxid(2))));
    server.step(Restore(server.snapshot(Zxid(2))));
    EXPECT_EQ(restored(server), std::nullopt);
    server.step(TakeSnapshot{});
    EXPECT_EQ(taken(server), std::nullopt) << "nothing is served";
    server.finish_snapshot();
    EXPECT_EQ(restored(server), Zxid(2));
}

TEST(Member, IsNotRestoredButTakesSnapshots) {
    OneServer server;
    server.step(TakeSnapshot{});
    server.finish_snapshot();
    ASSERT_EQ(server.news().size(), 1U);
    ASSERT_TRUE(taken(server).has_value());
    server.step(Restore(server.snapshot(*taken(server))));
    EXPECT_EQ(restored(server), std::nullopt);
    EXPECT_TRUE(server.core().serving());
    EXPECT_TRUE(server.takes_clients());
}

// Nobody talks to it: what comes all the same is no reason to fall over.
TEST(ServerAlone, HasNoEarForOthers) {
    OneServer server(alone_settings());
    server.step(NotificationReceived{ServerId(2), Bytes("vote for me")});
    server.step(LearnerConnected{5, {}});
    server.step(LeaderConnected{1});
    EXPECT_TRUE(server.core().serving());
    EXPECT_EQ(server.core().status().role, Role::standalone);
}

}  // namespace
}  // namespace zk::core
