// A leader through its reign, as scripted scenarios with their golden minutes.
// Server 1 leads; tick 1000 ms, initLimit 10, syncLimit 5; link 10 is server 2, link 20 server 3 unless said otherwise.
#include <gtest/gtest.h>

#include "base/check.h"
#include "leader_scene.h"

namespace zk::zab {
namespace {

TEST(Leader, DiscoveryAndSynchronisationStepByStep) {
    LeaderScene scene;
    const std::string text = R"(
history 0.0 1.1 1.2
start accepted=1 current=1
connect 10
connect 20
# The largest accepted epoch of a quorum, plus 1. LEADERINFO waits for the disk.
packet 10 FOLLOWERINFO sid=2 accepted=4
  save_accepted_epoch 5
# Too late to have a say.
packet 20 FOLLOWERINFO sid=3 accepted=3
accepted_saved 5
  send link=10 LEADERINFO zxid=5.0 data=5
  send link=20 LEADERINFO zxid=5.0 data=5
packet 10 ACKEPOCH current=1 last=1.2
  save_current_epoch 5
  send link=10 DIFF zxid=1.2
  send link=10 NEWLEADER zxid=5.0 data=90
packet 20 ACKEPOCH current=0 last=1.1
  send link=20 DIFF zxid=1.2
  send link=20 PROPOSAL zxid=1.2 data=36
  send link=20 COMMIT zxid=1.2
  send link=20 NEWLEADER zxid=5.0 data=90
# A quorum of followers is not enough while our own epoch is not on disk.
packet 10 ACK 5.0
packet 20 ACK 5.0
current_saved 5
  epoch_changed 5
  established epoch=5
  send link=10 UPTODATE zxid=-1
  send link=20 UPTODATE zxid=-1
# Acks of UPTODATE.
packet 10 ACK 5.0
packet 20 ACK 5.0
)";
    EXPECT_EQ(scene.play(text), text);
    EXPECT_TRUE(scene.leader().established());
    EXPECT_EQ(scene.leader().next_zxid(), Zxid(Epoch(5), 1));
}

TEST(Leader, OneVoterNeedsNobody) {
    LeaderScene scene({1});
    const std::string text = R"(
start accepted=0 current=0
  save_accepted_epoch 1
accepted_saved 1
  save_current_epoch 1
current_saved 1
  epoch_changed 1
  established epoch=1
propose
  append 1.1
durable 1.1
  committed 1.1
after 20000
)";
    EXPECT_EQ(scene.play(text), text);
}

TEST(Leader, CommitsInOrderWithAQuorumOfDurableCopies) {
    LeaderScene scene;
    scene.play(kEstablish);
    const std::string text = R"(
propose
  send link=10 PROPOSAL zxid=2.1 data=36
  append 2.1
propose
  send link=10 PROPOSAL zxid=2.2 data=36
  append 2.2
propose
  send link=10 PROPOSAL zxid=2.3 data=36
  append 2.3
# The second alone does not help.
packet 10 ACK 2.2
durable 2.2
packet 10 ACK 2.1
  send link=10 COMMIT zxid=2.1
  committed 2.1
  send link=10 COMMIT zxid=2.2
  committed 2.2
# Late, double and unknown ones.
packet 10 ACK 2.1
packet 10 ACK 2.9
packet 10 ACK 1.2
packet 10 ACK 2.3
durable 2.3
  send link=10 COMMIT zxid=2.3
  committed 2.3
)";
    EXPECT_EQ(scene.play(text), text);
}

TEST(Leader, CutsALearnerBack) {
    LeaderScene scene;
    scene.play(kEstablish);
    const std::string text = R"(
connect 20
packet 20 FOLLOWERINFO sid=3
  send link=20 LEADERINFO zxid=2.0 data=5
packet 20 ACKEPOCH last=1.5
  send link=20 TRUNC zxid=1.2
  send link=20 NEWLEADER zxid=2.0 data=90
packet 20 ACK 2.0
  send link=20 UPTODATE zxid=-1
)";
    EXPECT_EQ(scene.play(text), text);
}

TEST(Leader, SendsTheTreeToALearnerThatIsTooFarBehind) {
    LeaderScene scene;
    scene.play(kEstablish);
    scene.committed().reset(Zxid(Epoch(1), 2));
    scene.committed().begin_epoch(Epoch(2));
    const std::string text = R"(
propose
  send link=10 PROPOSAL zxid=2.1 data=36
  append 2.1
connect 20
packet 20 FOLLOWERINFO sid=3
  send link=20 LEADERINFO zxid=2.0 data=5
packet 20 ACKEPOCH current=0 last=0.0
  send link=20 SNAP zxid=2.0
  send_snapshot link=20
  await_room link=20
room 20
  send link=20 PROPOSAL zxid=2.1 data=36
  send link=20 NEWLEADER zxid=2.0 data=90
# Live proposals go out at once, commits wait for UPTODATE.
propose
  send link=10 PROPOSAL zxid=2.2 data=36
  send link=20 PROPOSAL zxid=2.2 data=36
  append 2.2
packet 10 ACK 2.1
durable 2.1
  send link=10 COMMIT zxid=2.1
  committed 2.1
packet 20 ACK 2.0
  send link=20 UPTODATE zxid=-1
  send link=20 COMMIT zxid=2.1
packet 20 ACK 2.0
packet 20 ACK 2.1
packet 20 ACK 2.2
durable 2.2
  send link=10 COMMIT zxid=2.2
  send link=20 COMMIT zxid=2.2
  committed 2.2
)";
    EXPECT_EQ(scene.play(text), text);
    EXPECT_TRUE(covered_marks().contains("leader.commit_held"));
}

TEST(Leader, AckBeforeTheAckOfNewLeaderCountsFromThatOn) {
    LeaderScene scene;
    scene.play(kEstablish);
    const std::string text = R"(
propose
  send link=10 PROPOSAL zxid=2.1 data=36
  append 2.1
durable 2.1
connect 20
packet 20 FOLLOWERINFO sid=3
  send link=20 LEADERINFO zxid=2.0 data=5
packet 20 ACKEPOCH last=1.2
  send link=20 DIFF zxid=1.2
  send link=20 PROPOSAL zxid=2.1 data=36
  send link=20 NEWLEADER zxid=2.0 data=90
packet 20 ACK 2.1
packet 20 ACK 2.0
  send link=20 UPTODATE zxid=-1
  send link=10 COMMIT zxid=2.1
  send link=20 COMMIT zxid=2.1
  committed 2.1
)";
    EXPECT_EQ(scene.play(text), text);
    EXPECT_TRUE(covered_marks().contains("leader.early_ack"));
}

TEST(Leader, ForgetsWhatALearnerAcknowledgedBeforeItSynchronisedAnew) {
    LeaderScene scene;
    scene.play(kEstablish);
    const std::string text = R"(
propose
  send link=10 PROPOSAL zxid=2.1 data=36
  append 2.1
packet 10 ACK 2.1
closed 10
connect 11
packet 11 FOLLOWERINFO sid=2 accepted=2
  send link=11 LEADERINFO zxid=2.0 data=5
# Its log is cut, so what it had does not count any more.
packet 11 ACKEPOCH current=-1 last=2.1
  send link=11 TRUNC zxid=1.2
  send link=11 PROPOSAL zxid=2.1 data=36
  send link=11 NEWLEADER zxid=2.0 data=90
durable 2.1
packet 11 ACK 2.0
  send link=11 UPTODATE zxid=-1
packet 11 ACK 2.1
  send link=11 COMMIT zxid=2.1
  committed 2.1
)";
    EXPECT_EQ(scene.play(text), text);
}

TEST(Leader, AcksOfALostLinkStillCount) {
    LeaderScene scene;
    scene.play(kEstablish);
    const std::string text = R"(
propose
  send link=10 PROPOSAL zxid=2.1 data=36
  append 2.1
packet 10 ACK 2.1
closed 10
packet 10 ACK 2.1
durable 2.1
  committed 2.1
)";
    EXPECT_EQ(scene.play(text), text);
}

TEST(Leader, RefusesAFollowerAheadUntilEstablished) {
    LeaderScene scene;
    const std::string text = R"(
history 0.0 1.1 1.2
start accepted=1 current=1
connect 10
packet 10 FOLLOWERINFO sid=2
  save_accepted_epoch 2
accepted_saved 2
  send link=10 LEADERINFO zxid=2.0 data=5
packet 10 ACKEPOCH current=1 last=1.3
  close link=10 why=follower is ahead: epoch 1 zxid 1.3
connect 11
packet 11 FOLLOWERINFO sid=2 accepted=2
  send link=11 LEADERINFO zxid=2.0 data=5
# It had promised before: no new promise, so no vote for this epoch.
packet 11 ACKEPOCH current=-1 last=1.3
connect 20
packet 20 FOLLOWERINFO sid=3
  send link=20 LEADERINFO zxid=2.0 data=5
packet 20 ACKEPOCH current=1 last=1.2
  save_current_epoch 2
  send link=11 TRUNC zxid=1.2
  send link=11 NEWLEADER zxid=2.0 data=90
  send link=20 DIFF zxid=1.2
  send link=20 NEWLEADER zxid=2.0 data=90
)";
    EXPECT_EQ(scene.play(text), text);
    EXPECT_TRUE(covered_marks().contains("leader.follower_ahead"));
}

TEST(Leader, RefusesStrangersWithAReason) {
    LeaderScene scene;
    const std::string text = R"(
start accepted=1 current=1
connect 1
packet 1 OBSERVERINFO sid=4
  close link=1 why=observers are not supported by this version of the server
connect 2
packet 2 FOLLOWERINFO sid=1
  close link=2 why=it has our own server id
connect 3
packet 3 FOLLOWERINFO sid=2 version=1
  close link=3 why=servers older than ZooKeeper 3.4 are not supported
connect 4
packet 4 FOLLOWERINFO sid=2 config=0x100000000
  close link=4 why=its configuration is newer than ours
connect 5
packet 5 ACK 1.0
  close link=5 why=ACK zxid=1.0 instead of FOLLOWERINFO
# A server that is no voter may follow, but does not count.
connect 7
packet 7 FOLLOWERINFO sid=9
# Nothing may be asked before UPTODATE.
packet 7 REQUEST 1
  close link=7 why=REQUEST zxid=-1 data=20 auth=1 before UPTODATE
packet 7 REQUEST 1
)";
    EXPECT_EQ(scene.play(text), text);
}

// It has promised not to follow in ours, so only a later epoch brings the whole ensemble together again.
TEST(Leader, StartsALaterEpochForAVoterThatHasAcceptedOne) {
    LeaderScene scene;
    scene.play(kEstablish);
    const std::string text = R"(
# Of the same epoch, and a later one of a server that is no voter: neither matters.
connect 20
packet 20 FOLLOWERINFO sid=3 accepted=2
  send link=20 LEADERINFO zxid=2.0 data=5
connect 30
packet 30 FOLLOWERINFO sid=9 accepted=7
  send link=30 LEADERINFO zxid=2.0 data=5
connect 21
packet 21 FOLLOWERINFO sid=3 accepted=5
  close link=20 why=replaced by a newer connection of the same server
  give_up why=server 3 has accepted epoch 5 and cannot follow in epoch 2: a later one must start
)";
    EXPECT_EQ(scene.play(text), text);
    EXPECT_EQ(scene.leader().highest_accepted(), Epoch(5));
    // What the core then begins with, although the others have not heard of that epoch.
    LeaderScene next;
    const std::string again = R"(
history 0.0 1.1 1.2
start accepted=5 current=2
connect 10
packet 10 FOLLOWERINFO sid=2 accepted=2
  save_accepted_epoch 6
)";
    EXPECT_EQ(next.play(again), again);
}

TEST(Leader, OneLinkPerLearner) {
    LeaderScene scene;
    scene.play(kEstablish);
    const std::string text = R"(
connect 11
packet 11 FOLLOWERINFO sid=2 accepted=2
  close link=10 why=replaced by a newer connection of the same server
  send link=11 LEADERINFO zxid=2.0 data=5
packet 10 ACK 2.1
)";
    EXPECT_EQ(scene.play(text), text);
}

TEST(Leader, SyncFollowsTheLastProposalInFlightAtItsArrival) {
    LeaderScene scene;
    scene.play(kEstablish);
    const std::string text = R"(
propose
  send link=10 PROPOSAL zxid=2.1 data=36
  append 2.1
sync 71
  send link=10 PING zxid=2.1
# A learner's sync is a request like others until the core's turn comes to it.
packet 10 REQUEST 9
  forwarded link=10 from=2 session=0.7 cxid=3 op=sync body=4 auth=1
sync_of 10
propose
  send link=10 PROPOSAL zxid=2.2 data=36
  append 2.2
sync 72
packet 10 PING
  send link=10 PING zxid=2.2
packet 10 PING
packet 10 ACK 2.1
packet 10 ACK 2.2
durable 2.1
  send link=10 COMMIT zxid=2.1
  committed 2.1
  sync_answered token=71
  send link=10 SYNC zxid=0.0
durable 2.2
  send link=10 COMMIT zxid=2.2
  committed 2.2
  sync_answered token=72
)";
    EXPECT_EQ(scene.play(text), text);
}

TEST(Leader, PassesRequestsTouchesAndRevalidationsOn) {
    LeaderScene scene;
    scene.play(kEstablish);
    const std::string text = R"(
packet 10 REQUEST 1
  forwarded link=10 from=2 session=0.7 cxid=3 op=create body=4 auth=1
packet 10 PING
packet 10 PING 5 4000 6 8000
  touched link=10 0.5:4000 0.6:8000
packet 10 REVALIDATE 5
  revalidates link=10 session=0.5 timeout_ms=4000
revalidated 10 5 yes
  send link=10 REVALIDATE zxid=-1 data=9
revalidated 99 5 yes
packet 10 SHORT
  close link=10 why=malformed REQUEST
)";
    EXPECT_EQ(scene.play(text), text);
}

TEST(Leader, GivesUpWithoutAQuorumInDiscovery) {
    LeaderScene scene;
    const std::string text = R"(
start accepted=1 current=1
connect 10
after 9950
after 50
  give_up why=no quorum of followers connected within 10000 ms
connect 11
after 60000
)";
    EXPECT_EQ(scene.play(text), text);
}

TEST(Leader, GivesUpWithoutAQuorumOfPromises) {
    LeaderScene scene;
    const std::string text = R"(
start accepted=1 current=1
connect 10
packet 10 FOLLOWERINFO sid=2
  save_accepted_epoch 2
after 5000
accepted_saved 2
  send link=10 LEADERINFO zxid=2.0 data=5
after 9950
after 50
  give_up why=no quorum of followers accepted the epoch within 10000 ms
)";
    EXPECT_EQ(scene.play(text), text);
}

TEST(Leader, GivesUpWithoutASynchronisedQuorum) {
    LeaderScene scene;
    const std::string text = R"(
start accepted=1 current=1
connect 10
packet 10 FOLLOWERINFO sid=2
  save_accepted_epoch 2
accepted_saved 2
  send link=10 LEADERINFO zxid=2.0 data=5
packet 10 ACKEPOCH last=0.0
  save_current_epoch 2
  send link=10 DIFF zxid=0.0
  send link=10 NEWLEADER zxid=2.0 data=90
closed 10
after 9950
after 50
  give_up why=no quorum was synchronised within 10000 ms
)";
    EXPECT_EQ(scene.play(text), text);
}

TEST(Leader, ClosesASilentLearnerAndLeavesWithoutAQuorum) {
    LeaderScene scene;
    scene.play(kEstablish);
    const std::string text = R"(
after 450
after 50
  send link=10 PING zxid=2.0
after 500
  send link=10 PING zxid=2.0
packet 10 PING
after 4950
  send link=10 PING zxid=2.0
  send link=10 PING zxid=2.0
  send link=10 PING zxid=2.0
  send link=10 PING zxid=2.0
  send link=10 PING zxid=2.0
  send link=10 PING zxid=2.0
  send link=10 PING zxid=2.0
  send link=10 PING zxid=2.0
  send link=10 PING zxid=2.0
after 50
  close link=10 why=nothing heard from it in time
  give_up why=followers are no quorum any more
)";
    EXPECT_EQ(scene.play(text), text);
}

TEST(Leader, ClosesALearnerThatLeavesAProposalUnacknowledged) {
    LeaderScene scene({1, 2});
    scene.play(kEstablish);
    const std::string text = R"(
after 300
propose
  send link=10 PROPOSAL zxid=2.1 data=36
  append 2.1
after 4000
  send link=10 PING zxid=2.1
  send link=10 PING zxid=2.1
  send link=10 PING zxid=2.1
  send link=10 PING zxid=2.1
  send link=10 PING zxid=2.1
  send link=10 PING zxid=2.1
  send link=10 PING zxid=2.1
  send link=10 PING zxid=2.1
packet 10 PING
after 1150
  send link=10 PING zxid=2.1
  send link=10 PING zxid=2.1
after 50
  close link=10 why=a proposal was not acknowledged in time
)";
    EXPECT_EQ(scene.play(text), text);
}

TEST(Leader, ClosesLearnersThatStopInTheHandshake) {
    LeaderScene scene;
    scene.play(kEstablish);
    std::string minutes = scene.play(R"(
connect 20
connect 30
packet 30 FOLLOWERINFO sid=3
)");
    for (int i = 0; i < 10; ++i) {
        minutes += scene.play("packet 10 PING\nafter 1000");
    }
    EXPECT_NE(minutes.find("close link=20 why=nothing heard from it in time"), std::string::npos);
    EXPECT_NE(minutes.find("close link=30 why=nothing heard from it in time"), std::string::npos);
    EXPECT_EQ(minutes.find("give_up"), std::string::npos);
}

TEST(Leader, ANewEpochStartsWhenTheCounterIsUsedUp) {
    LeaderScene scene({1}, 3);
    const std::string text = R"(
start accepted=0 current=0
  save_accepted_epoch 1
accepted_saved 1
  save_current_epoch 1
current_saved 1
  epoch_changed 1
  established epoch=1
propose
  append 1.1
propose
  append 1.2
propose
  give_up why=the counter of epoch 1 is used up: a new epoch must start
durable 1.2
)";
    EXPECT_EQ(scene.play(text), text);
    EXPECT_FALSE(scene.leader().established());
}

TEST(Leader, CompletionsOfAnEarlierRoleDoNoHarm) {
    LeaderScene scene;
    const std::string text = R"(
history 0.0 1.1
start accepted=1 current=1
accepted_saved 7
current_saved 7
durable 1.1
connect 10
packet 10 FOLLOWERINFO sid=2
  save_accepted_epoch 2
accepted_saved 1
current_saved 2
)";
    EXPECT_EQ(scene.play(text), text);
}

}  // namespace
}  // namespace zk::zab
