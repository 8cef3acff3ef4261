// A member of an ensemble of three. The two others are played by hand.
#include <gtest/gtest.h>

#include "base/check.h"
#include "peers.h"

namespace zk::core {
namespace {

using zab::PacketType;

// Also of those that a server, which is not among the first to follow the next time, has promised.
TEST(Member, ALaterReignBeginsAboveEveryEpochThatItHasLearntOf) {
    OneServer server(settings_of({1, 2, 3}));
    is_elected(server);
    server.learner_joins(2);
    ASSERT_TRUE(server.core().serving());
    EXPECT_EQ(server.core().status().current_epoch, Epoch(1));
    server.learner_connects(3, Epoch(7));  // cannot follow in epoch 1
    EXPECT_FALSE(server.core().serving());

    is_elected(server);
    server.learner_connects(2, Epoch(1));
    ASSERT_FALSE(server.to_learners().empty());
    EXPECT_EQ(server.to_learners().back().type, PacketType::leader_info);
    EXPECT_EQ(server.to_learners().back().zxid, Zxid(Epoch(8), 0));
}

// leaderServes=no is a leader's, and nobody else's.
TEST(Member, ALeaderMayTakeNoClients) {
    Settings settings = settings_of({1, 2, 3});
    settings.leader_serves = false;
    OneServer leader(settings);
    is_elected(leader);
    leader.learner_joins(2);
    EXPECT_TRUE(leader.core().serving());
    EXPECT_FALSE(leader.takes_clients());

    OneServer follower(settings);
    begins_to_follow(follower, 2, Epoch(1));
    follower.from_leader({PacketType::diff, Zxid(0), {}, {}});
    is_up_to_date(follower, Epoch(1));
    EXPECT_TRUE(follower.takes_clients());

    settings.leader_serves = true;
    OneServer other(settings);
    is_elected(other);
    other.learner_joins(2);
    EXPECT_TRUE(other.takes_clients());
}

TEST(Member, ALeaderTimesAcknowledgementsUntilAQuorumHasThem) {
    OneServer server(settings_of({1, 2, 3}));
    is_elected(server);
    server.learner_joins(2);
    server.learner_joins(3);
    ASSERT_TRUE(server.core().serving());
    const auto counted = [&](const std::string& sid) {
        const metrics::Metrics counts = server.core().counts();
        const auto& by_sid = counts.value(metrics::SummarySet::ack_latency).by_key();
        const auto found = by_sid.find(sid);
        return found == by_sid.end() ? std::pair<std::int64_t, std::int64_t>(0, 0)
                                     : std::pair(found->second.count(), found->second.sum());
    };
    using Counted = std::pair<std::int64_t, std::int64_t>;
    server.hold_disk();
    server.step(request::ToCore(request::OpenSession{{}, OneServer::kTimeoutMs}));
    const Zxid zxid = server.core().status().last_logged;
    ASSERT_EQ(zxid, Zxid(Epoch(1), 1));
    server.pass(milliseconds(5));
    server.from_learner(3, {PacketType::ack, zxid, {}, {}});
    EXPECT_EQ(counted("3"), Counted(1, 5));
    server.pass(milliseconds(2));
    server.release_disk();
    EXPECT_EQ(counted("1"), Counted(1, 7)) << "its own";
    server.from_learner(2, {PacketType::ack, zxid, {}, {}});
    EXPECT_EQ(counted("2"), Counted(0, 0)) << "it has committed without";
    server.from_learner(2, {PacketType::ack, Zxid(INT64_MAX), {}, {}});
    server.from_learner(2, {PacketType::ack, Zxid(INT64_MIN), {}, {}});
    EXPECT_EQ(counted("2"), Counted(0, 0));
}

/// How many values, and the largest.
std::pair<std::int64_t, std::int64_t> counted(const OneServer& server, metrics::Summary summary) {
    const metrics::Metrics counts = server.core().counts();
    return {counts.value(summary).count(), counts.value(summary).max()};
}
using Counted = std::pair<std::int64_t, std::int64_t>;

TEST(Member, ALeaderCountsTheSynchronisationsUnderWay) {
    using enum metrics::Summary;
    OneServer server(settings_of({1, 2, 3}));
    is_elected(server);
    server.learner_connects(2);
    server.learner_connects(3);
    server.learner_acks_epoch(2, Zxid(0));
    EXPECT_EQ(counted(server, inflight_diff_count), Counted(1, 1));
    server.learner_acks_epoch(3, Zxid(0));
    EXPECT_EQ(counted(server, inflight_diff_count), Counted(2, 2));
    server.from_learner(2, {PacketType::ack, Zxid(Epoch(1), 0), {}, {}});
    server.from_learner(3, {PacketType::ack, Zxid(Epoch(1), 0), {}, {}});
    ASSERT_TRUE(server.core().serving());
    server.open();
    server.from_learner(2, {PacketType::ack, Zxid(Epoch(1), 1), {}, {}});

    server.step(LearnerClosed{3});
    server.learner_connects(3, Epoch(1));
    server.learner_acks_epoch(3, Zxid(0), Bytes(1, zab::kSnapshotWanted));
    EXPECT_EQ(counted(server, inflight_snap_count), Counted(1, 1));
    EXPECT_EQ(counted(server, inflight_diff_count), Counted(2, 2));

    server.step(LearnerClosed{3});
    server.learner_connects(3, Epoch(1));
    server.learner_acks_epoch(3, Zxid(Epoch(1), 9));
    EXPECT_EQ(counted(server, inflight_diff_count), Counted(3, 2)) << "a TRUNC is one, too";
    const metrics::Metrics counts = server.core().counts();
    EXPECT_EQ(counts.value(metrics::Counter::diff_count), 3);
    EXPECT_EQ(counts.value(metrics::Counter::snap_count), 1);
}

TEST(Member, AcknowledgementsAreAsOldAsTheirTxns) {
    using enum metrics::Summary;
    OneServer follower(settings_of({1, 2, 3}));
    begins_to_follow(follower, 2, Epoch(1));
    follower.from_leader({PacketType::diff, Zxid(0), {}, {}});
    is_up_to_date(follower, Epoch(1));
    follower.set_wall(WallMs(31));
    follower.wait(Core::kTickPeriod);
    proposal_comes(follower, node_txn(Zxid(Epoch(1), 1), "/a", 1));
    EXPECT_EQ(counted(follower, proposal_ack_creation_latency), Counted(1, 30));
    EXPECT_EQ(counted(follower, sync_processor_batch_size), Counted(1, 1));

    OneServer leader(settings_of({1, 2, 3}));
    is_elected(leader);
    leader.learner_joins(2);
    leader.hold_disk();
    leader.step(request::ToCore(request::OpenSession{{}, OneServer::kTimeoutMs}));
    leader.set_wall(WallMs(8));
    leader.wait(Core::kTickPeriod);
    EXPECT_EQ(counted(leader, proposal_ack_creation_latency), Counted(0, 0));
    leader.release_disk();
    EXPECT_EQ(counted(leader, proposal_ack_creation_latency), Counted(1, 7)) << "its own";
    EXPECT_EQ(counted(leader, sync_processor_batch_size), Counted(1, 1));
}

TEST(Member, ItsElectionsAreRemembered) {
    OneServer server(settings_of({1, 2, 3}));
    is_elected(server);
    server.learner_joins(2);
    server.learner_connects(3, Epoch(7));  // has accepted a later epoch: this reign ends
    const auto& searches = server.core().elections().searches();
    ASSERT_EQ(searches.size(), 2U);
    EXPECT_EQ(searches[0].why, "the server has started");
    EXPECT_EQ(searches[0].began, WallMs(1));
    ASSERT_TRUE(searches[0].decided && searches[0].serving && searches[0].ended);
    EXPECT_EQ(searches[0].decided->state, election::PeerState::leading);
    EXPECT_EQ(searches[0].serving->epoch, Epoch(1));
    EXPECT_GE(searches[0].serving->after, searches[0].decided->after);
    EXPECT_GE(searches[0].ended->after, searches[0].serving->after);
    EXPECT_FALSE(searches[0].ended->why.empty());
    EXPECT_EQ(searches[1].why, searches[0].ended->why);
    EXPECT_FALSE(searches[1].decided.has_value());
}

TEST(Member, AfterATruncMemoryIsWhatTheShorterLogSays) {
    OneServer server(settings_of({1, 2, 3}));
    const Epoch first(1);
    begins_to_follow(server, 2, first);
    server.from_leader({PacketType::diff, Zxid(0), {}, {}});
    is_up_to_date(server, first);
    const SessionId kept(0x100);
    const SessionId cut(0x200);
    txn_commits(server, session_txn(OpCode::create_session, Zxid(first, 1), kept));
    txn_commits(server, node_txn(Zxid(first, 2), "/kept", 1));
    proposal_comes(server, node_txn(Zxid(first, 3), "/cut", 2));
    proposal_comes(server, session_txn(OpCode::create_session, Zxid(first, 4), cut));
    server.leader_is_lost();
    EXPECT_TRUE(server.has("/cut"));
    EXPECT_TRUE(server.knows(cut));

    begins_to_follow(server, 3, Epoch(2));
    server.from_leader({PacketType::trunc, Zxid(first, 2), {}, {}});
    is_up_to_date(server, Epoch(2));
    EXPECT_TRUE(server.has("/kept"));
    EXPECT_TRUE(server.knows(kept));
    EXPECT_FALSE(server.has("/cut"));
    EXPECT_FALSE(server.knows(cut));
    EXPECT_EQ(server.core().status().last_zxid, Zxid(first, 2));
    EXPECT_EQ(server.core().committed().max(), Zxid(first, 2));
}

/// A follower of server 2 in epoch 1 whose log ends at 1.4; "/kept" is 1.2 and "/cut" 1.4. Server 2 is lost then.
void has_a_history(OneServer& server) {
    const Epoch first(1);
    begins_to_follow(server, 2, first);
    server.from_leader({PacketType::diff, Zxid(0), {}, {}});
    is_up_to_date(server, first);
    txn_commits(server, session_txn(OpCode::create_session, Zxid(first, 1), SessionId(0x100)));
    txn_commits(server, node_txn(Zxid(first, 2), "/kept", 1));
    txn_commits(server, node_txn(Zxid(first, 3), "/kept/child", 1));
    proposal_comes(server, node_txn(Zxid(first, 4), "/cut", 2));
    server.leader_is_lost();
    ASSERT_TRUE(server.has("/cut"));
}

// Whose log cannot be cut where the leader says must not go on with what it has: that would be a second history. It keeps
// what it has, leaves, and has the next leader send everything.
TEST(Member, ATruncToAZxidThatTheLogDoesNotHaveIsFollowedByASnapshot) {
    OneServer server(settings_of({1, 2, 3}));
    has_a_history(server);
    begins_to_follow(server, 3, Epoch(2));
    server.from_leader({PacketType::trunc, Zxid(Epoch(1), 9), {}, {}});
    EXPECT_EQ(server.core().status().role, Role::looking);
    EXPECT_TRUE(server.has("/kept"));
    EXPECT_TRUE(server.has("/cut"));
    EXPECT_EQ(server.core().status().last_zxid, Zxid(Epoch(1), 4));

    begins_to_follow(server, 3, Epoch(3));
    EXPECT_EQ(server.to_leaders().back().type, PacketType::ack_epoch);
    EXPECT_EQ(server.to_leaders().back().zxid, Zxid(0));  // as one without a history
    EXPECT_TRUE(covered_marks().contains("core.truncate_failed"));
}

// The snapshot file is written by another thread, and the log must not be cut under it: the file may end up with a name
// above the end of the log.
TEST(Member, ATruncWaitsForASnapshotThatIsBeingWritten) {
    Settings settings = settings_of({1, 2, 3});
    settings.snap_count = 2;
    OneServer server(settings);
    has_a_history(server);
    ASSERT_TRUE(server.snapshot_wanted());

    begins_to_follow(server, 3, Epoch(2));
    server.from_leader({PacketType::trunc, Zxid(Epoch(1), 2), {}, {}});
    EXPECT_TRUE(server.has("/cut"));
    server.from_leader({PacketType::new_leader, Zxid(Epoch(2), 0), Bytes(), {}});
    EXPECT_NE(server.to_leaders().back().type, PacketType::ack);

    server.step(SnapshotFinished{server.snapshot_wanted()->zxid, false});
    EXPECT_FALSE(server.has("/cut"));
    EXPECT_EQ(server.core().status().last_zxid, Zxid(Epoch(1), 2));
    EXPECT_EQ(server.to_leaders().back().type, PacketType::ack);
    EXPECT_EQ(server.to_leaders().back().zxid, Zxid(Epoch(2), 0));
    EXPECT_TRUE(covered_marks().contains("core.truncate_waited"));
}

// A tree that is not the leader's is said once, and is no reason to stop: who would serve then?
TEST(Member, ADigestOfAnotherTreeIsSaidOnceAndTheServerGoesOn) {
    OneServer server(settings_of({1, 2, 3}));
    begins_to_follow(server, 2, Epoch(1));
    server.from_leader({PacketType::diff, Zxid(0), {}, {}});
    is_up_to_date(server, Epoch(1));
    jute::Txn txn = node_txn(Zxid(Epoch(1), 1), "/a", 1);
    tree::DataTree leaders;
    leaders.set_config_node(to_string(settings_of({1, 2, 3}).config), Zxid());
    leaders.apply(txn);
    txn.digest = jute::TxnDigest{2, leaders.digest()};
    txn_commits(server, txn);
    EXPECT_TRUE(server.errors().empty());

    txn = node_txn(Zxid(Epoch(1), 2), "/b", 2);
    txn.digest = jute::TxnDigest{2, leaders.digest() + 1};
    txn_commits(server, txn);
    ASSERT_EQ(server.errors().size(), 1U);
    EXPECT_NE(server.errors()[0].find("tree.digest_mismatch zxid=0x100000002 type=create"),
              std::string::npos);
    txn = node_txn(Zxid(Epoch(1), 3), "/c", 3);
    txn.digest = jute::TxnDigest{2, leaders.digest() + 1};
    txn_commits(server, txn);
    EXPECT_EQ(server.errors().size(), 1U);
    EXPECT_TRUE(server.has("/b"));
    EXPECT_TRUE(server.has("/c"));
    EXPECT_TRUE(server.core().serving());
    EXPECT_TRUE(covered_marks().contains("core.digest_mismatch"));
}

TEST(Member, ASessionHasEndedOnAFollowerWhenItsEndHasCommitted) {
    OneServer server(settings_of({1, 2, 3}));
    begins_to_follow(server, 2, Epoch(1));
    server.from_leader({PacketType::diff, Zxid(0), {}, {}});
    is_up_to_date(server, Epoch(1));
    const SessionId session(0x100);
    txn_commits(server, session_txn(OpCode::create_session, Zxid(Epoch(1), 1), session));
    EXPECT_TRUE(server.knows(session));
    const jute::Txn end = session_txn(OpCode::close_session, Zxid(Epoch(1), 2), session);
    proposal_comes(server, end);
    EXPECT_TRUE(server.knows(session));
    server.from_leader({PacketType::commit, end.header.zxid, {}, {}});
    EXPECT_FALSE(server.knows(session));
    EXPECT_TRUE(server.told_gone(session));
}

}  // namespace
}  // namespace zk::core
