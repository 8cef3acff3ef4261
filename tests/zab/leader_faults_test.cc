// What must not end a reign, keep a learner out or fill the memory: absurd numbers, impostors, links that are slow, gaps
// that only the log files bridge.

#include <gtest/gtest.h>

#include "base/check.h"
#include "leader_scene.h"

namespace zk::zab {
namespace {

// One packet of anybody who names a voter ended the ensemble: the leader adopted that epoch, and all were refused then.
TEST(LeaderFaults, AnEpochThatNoElectionCanHaveMadeChangesNothing) {
    LeaderScene scene;
    scene.play(kEstablish);
    const std::string text = R"(
connect 20 home=3
packet 20 FOLLOWERINFO sid=3 accepted=0x7ffffff0
  send link=20 LEADERINFO zxid=2.0 data=5
)";
    EXPECT_EQ(scene.play(text), text);
    EXPECT_EQ(scene.leader().highest_accepted(), Epoch(2 - 1));
    EXPECT_TRUE(covered_marks().contains("leader.absurd_epoch"));
    EXPECT_TRUE(covered_marks().contains("leader.later_epoch_ignored"));
}

// Members are never refused for a number; a reign begins above what is believable.
TEST(LeaderFaults, AnAbsurdEpochInDiscoveryIsNotAdopted) {
    LeaderScene scene;
    const std::string text = R"(
history 0.0 1.1 1.2
start accepted=1 current=1
connect 10
packet 10 FOLLOWERINFO sid=2 accepted=0x7fffffff
  save_accepted_epoch 2
accepted_saved 2
  send link=10 LEADERINFO zxid=2.0 data=5
packet 10 ACKEPOCH current=1 last=1.2
  save_current_epoch 2
  send link=10 DIFF zxid=1.2
  send link=10 NEWLEADER zxid=2.0 data=90
)";
    EXPECT_EQ(scene.play(text), text);
}

TEST(LeaderFaults, ItsOwnAbsurdEpochIsNotBuiltOn) {
    LeaderScene scene({1});
    const std::string text = R"(
history 0.0 1.1 1.2
start accepted=0x7ffffff0 current=1
  save_accepted_epoch 2
)";
    EXPECT_EQ(scene.play(text), text);
}

TEST(LeaderFaults, OnlyAMemberAtItsOwnAddressEndsAReignAndOnlyWhenAllowed) {
    const std::string ignored = R"(
connect 20 home=2
packet 20 FOLLOWERINFO sid=3 accepted=5
  send link=20 LEADERINFO zxid=2.0 data=5
)";
    LeaderScene elsewhere;
    elsewhere.play(kEstablish);
    EXPECT_EQ(elsewhere.play(ignored), ignored);
    EXPECT_FALSE(elsewhere.leader().abdicated());

    const std::string at_home = R"(
connect 20 home=3
packet 20 FOLLOWERINFO sid=3 accepted=5
  send link=20 LEADERINFO zxid=2.0 data=5
)";
    LeaderScene too_soon;
    too_soon.play(kEstablish);
    too_soon.leader().allow_abdication(false);
    EXPECT_EQ(too_soon.play(at_home), at_home);
    EXPECT_EQ(too_soon.leader().highest_accepted(), Epoch(5));

    LeaderScene allowed;
    allowed.play(kEstablish);
    allowed.play(at_home);
    EXPECT_TRUE(allowed.leader().abdicated());
}

TEST(LeaderFaults, AnImpostorDoesNotReplaceAMember) {
    LeaderScene scene;
    scene.play(kEstablish);  // link 10 is server 2, from its own address
    const std::string text = R"(
connect 11 home=3
packet 11 FOLLOWERINFO sid=2
  close link=11 why=server 2 is connected from its own address, this one comes from another
connect 12 home=2
packet 12 FOLLOWERINFO sid=2
  close link=10 why=replaced by a newer connection of the same server
  send link=12 LEADERINFO zxid=2.0 data=5
)";
    EXPECT_EQ(scene.play(text), text);
}

TEST(LeaderFaults, LearnersThatAreNoVotersAreBounded) {
    LeaderScene scene;
    scene.play(kEstablish);
    for (int i = 0; i < static_cast<int>(Leader::kStrangersMax); ++i) {
        const std::string link = std::to_string(100 + i);
        scene.play("connect " + link + "\npacket " + link + " FOLLOWERINFO sid=" + link + "\n");
    }
    const std::string text = R"(
connect 90
packet 90 FOLLOWERINFO sid=90
  close link=90 why=too many servers that are no voters
connect 20
packet 20 FOLLOWERINFO sid=3
  send link=20 LEADERINFO zxid=2.0 data=5
)";
    EXPECT_EQ(scene.play(text), text);
}

// A leader whose DIFF has a hole still needs this follower for its quorum.
TEST(LeaderFaults, WhoWantsASnapshotCounts) {
    LeaderScene scene;
    const std::string text = R"(
history 0.0 1.1 1.2
start accepted=1 current=1
connect 10
packet 10 FOLLOWERINFO sid=2
  save_accepted_epoch 2
accepted_saved 2
  send link=10 LEADERINFO zxid=2.0 data=5
packet 10 ACKEPOCH current=1 last=1.1 snapshot=1
  save_current_epoch 2
  send link=10 SNAP zxid=1.2
  send_snapshot link=10
  await_room link=10
)";
    EXPECT_EQ(scene.play(text), text);
}

/// Pieces of two txns, a window of two.
Bounds small_pieces() {
    Bounds bounds;
    bounds.history_piece_bytes = 60;
    return bounds;
}

// However long the stream takes: nothing is queued behind it, and what was proposed meanwhile follows in pieces.
TEST(LeaderFaults, WhatIsProposedDuringASnapshotWaitsInTheLog) {
    LeaderScene scene({1, 2, 3}, 0xffffffff, small_pieces(), 2);
    scene.play(kEstablish);
    const std::string text = R"(
connect 20
packet 20 FOLLOWERINFO sid=3
  send link=20 LEADERINFO zxid=2.0 data=5
packet 20 ACKEPOCH current=0 last=-1
  send link=20 SNAP zxid=2.0
  send_snapshot link=20
  await_room link=20
propose
  send link=10 PROPOSAL zxid=2.1 data=36
  append 2.1
propose
  send link=10 PROPOSAL zxid=2.2 data=36
  append 2.2
propose
  send link=10 PROPOSAL zxid=2.3 data=36
  append 2.3
packet 10 ACK 2.1
packet 10 ACK 2.2
packet 10 ACK 2.3
durable 2.3
  send link=10 COMMIT zxid=2.1
  committed 2.1
  send link=10 COMMIT zxid=2.2
  committed 2.2
  send link=10 COMMIT zxid=2.3
  committed 2.3
propose
  send link=10 PROPOSAL zxid=2.4 data=36
  append 2.4
# Memory holds 2.2 and 2.3 only.
room 20
  read_history link=20 after=1.2 up_to=2.3
read 20 after=1.2 2.1
  send link=20 PROPOSAL zxid=2.1 data=36
  send link=20 COMMIT zxid=2.1
  await_room link=20
room 20
  send link=20 PROPOSAL zxid=2.2 data=36
  send link=20 COMMIT zxid=2.2
  send link=20 PROPOSAL zxid=2.3 data=36
  send link=20 COMMIT zxid=2.3
  send link=20 PROPOSAL zxid=2.4 data=36
  send link=20 NEWLEADER zxid=2.0 data=90
propose
  send link=10 PROPOSAL zxid=2.5 data=36
  send link=20 PROPOSAL zxid=2.5 data=36
  append 2.5
packet 20 ACK 2.0
  send link=20 UPTODATE zxid=-1
)";
    EXPECT_EQ(scene.play(text), text);
}

constexpr const char* kLongHistory = R"(
history 0.0 1.1 1.2 1.3 1.4 1.5 1.6
start accepted=1 current=1
connect 10
packet 10 FOLLOWERINFO sid=2
accepted_saved 2
packet 10 ACKEPOCH current=1 last=1.6
current_saved 2
packet 10 ACK 2.0
connect 20
packet 20 FOLLOWERINFO sid=3
)";

TEST(LeaderFaults, ADiffComesFromTheLogFilesPieceByPiece) {
    LeaderScene scene({1, 2, 3}, 0xffffffff, small_pieces(), 2);
    scene.play(kLongHistory);
    const std::string text = R"(
packet 20 ACKEPOCH current=1 last=1.1
  read_history link=20 after=1.1 up_to=1.6
read 20 after=1.1 1.2 1.3
  send link=20 DIFF zxid=1.6
  send link=20 PROPOSAL zxid=1.2 data=36
  send link=20 COMMIT zxid=1.2
  send link=20 PROPOSAL zxid=1.3 data=36
  send link=20 COMMIT zxid=1.3
  await_room link=20
# Nobody asked for that.
read 20 after=1.1 1.2 1.3
room 20
  read_history link=20 after=1.3 up_to=1.6
read 20 after=1.3 1.4
  send link=20 PROPOSAL zxid=1.4 data=36
  send link=20 COMMIT zxid=1.4
  await_room link=20
room 20
  send link=20 PROPOSAL zxid=1.5 data=36
  send link=20 COMMIT zxid=1.5
  send link=20 PROPOSAL zxid=1.6 data=36
  send link=20 COMMIT zxid=1.6
  send link=20 NEWLEADER zxid=2.0 data=90
)";
    EXPECT_EQ(scene.play(text), text);
}

TEST(LeaderFaults, AGapInTheLogFilesMakesItASnapshot) {
    LeaderScene scene({1, 2, 3}, 0xffffffff, small_pieces(), 2);
    scene.play(kLongHistory);
    const std::string text = R"(
packet 20 ACKEPOCH current=1 last=1.1
  read_history link=20 after=1.1 up_to=1.6
read 20 after=1.1 none
  send link=20 SNAP zxid=2.0
  send_snapshot link=20
  await_room link=20
)";
    EXPECT_EQ(scene.play(text), text);
    LeaderScene purged({1, 2, 3}, 0xffffffff, small_pieces(), 2);
    purged.play(kLongHistory);
    const std::string midway = R"(
packet 20 ACKEPOCH current=1 last=1.1
  read_history link=20 after=1.1 up_to=1.6
read 20 after=1.1 1.2
  send link=20 DIFF zxid=1.6
  send link=20 PROPOSAL zxid=1.2 data=36
  send link=20 COMMIT zxid=1.2
  await_room link=20
room 20
  read_history link=20 after=1.2 up_to=1.6
read 20 after=1.2 none
  close link=20 why=the log files do not hold what follows 1.2
)";
    EXPECT_EQ(purged.play(midway), midway);
}

// Slow is not silent: each piece that leaves the queue puts the deadline off.
TEST(LeaderFaults, ALearnerThatGetsOnKeepsItsPlace) {
    LeaderScene scene;
    scene.play(kEstablish);
    scene.play(R"(
connect 20
packet 20 FOLLOWERINFO sid=3
packet 20 ACKEPOCH current=0 last=-1
)");
    for (int i = 0; i < 5; ++i) {
        scene.play("packet 10 PING\nafter 4000\npacket 10 PING\nafter 4000\nprogress 20\n");
    }
    EXPECT_EQ(scene.leader().learners().size(), 2U);
    const std::string silence = "packet 10 PING\nafter 4000\n";
    const std::string minutes = scene.play(silence + silence + silence);
    EXPECT_NE(minutes.find("close link=20 why=nothing heard from it in time"), std::string::npos)
        << minutes;
}

// A leader that has been replaced and does not know it yet must not let clients read an old state.
TEST(LeaderFaults, ASyncWaitsForAQuorumThatStillFollows) {
    LeaderScene scene({1, 2, 3, 4, 5});
    scene.play(R"(
history 0.0 1.1
start accepted=1 current=1
connect 10
packet 10 FOLLOWERINFO sid=2
connect 20
packet 20 FOLLOWERINFO sid=3
accepted_saved 2
packet 10 ACKEPOCH current=1 last=1.1
packet 20 ACKEPOCH current=1 last=1.1
current_saved 2
packet 10 ACK 2.0
packet 20 ACK 2.0
)");
    const std::string text = R"(
sync 70
  send link=10 PING zxid=2.0
  send link=20 PING zxid=2.0
packet 10 PING
# Came after those pings had gone: it needs others.
sync 71
packet 20 PING
  sync_answered token=70
  send link=10 PING zxid=2.0
  send link=20 PING zxid=2.0
packet 20 PING
packet 10 PING
  sync_answered token=71
)";
    EXPECT_EQ(scene.play(text), text);
}

// Its answer comes before those of later writes, whatever has become of the pings.
TEST(LeaderFaults, ALaterProposalThatCommitsConfirmsASyncToo) {
    LeaderScene scene;
    scene.play(kEstablish);
    const std::string text = R"(
sync 70
  send link=10 PING zxid=2.0
sync_of 10
propose
  send link=10 PROPOSAL zxid=2.1 data=36
  append 2.1
durable 2.1
packet 10 ACK 2.1
  sync_answered token=70
  send link=10 SYNC zxid=0.0
  send link=10 COMMIT zxid=2.1
  committed 2.1
)";
    EXPECT_EQ(scene.play(text), text);
}

TEST(LeaderFaults, AnEnsembleOfOneAnswersASyncAtOnce) {
    LeaderScene scene({1});
    scene.play("history 0.0\nstart accepted=1 current=1\naccepted_saved 2\ncurrent_saved 2\n");
    EXPECT_EQ(scene.play("sync 70\n"), "\nsync 70\n  sync_answered token=70\n");
}

}  // namespace
}  // namespace zk::zab
