// A follower from dialling to broadcast, as scripted scenarios with their golden minutes.
// Server 2 follows server 1; tick 1000 ms, initLimit 10, syncLimit 5.
#include "zab/learner.h"

#include <gtest/gtest.h>

#include "base/check.h"
#include "scene.h"

namespace zk::zab {
namespace {

class LearnerScene {
  public:
    LearnerScene() : learner_(make_settings(2, {1, 2, 3}), Log()) {}

    std::string play(const std::string& text) {
        return zab::play(text, [&](const Line& line) { return run(line); });
    }
    Learner& learner() { return learner_; }

  private:
    Actions run(const Line& line) {
        Actions out;
        const std::string& what = line.word(0);
        const auto zxid = [&] { return parse_zxid(line.word(1)); };
        const auto epoch = [&] { return Epoch(std::stol(line.word(1))); };
        if (what == "start") {
            learner_.start(ServerId(1),
                           Epoch(line.number("accepted", 1)),
                           Epoch(line.number("current", 1)),
                           parse_zxid(line.options.at("last")),
                           now_,
                           out);
        } else if (what == "connected") {
            learner_.on_connected(now_, out);
        } else if (what == "dial_failed") {
            learner_.on_dial_failed("refused", now_, out);
        } else if (what == "disconnected") {
            learner_.on_disconnected("reset", now_, out);
        } else if (what == "packet") {
            learner_.on_packet(packet(line), now_, out);
        } else if (what == "accepted_saved") {
            learner_.on_accepted_epoch_saved(epoch(), now_, out);
        } else if (what == "current_saved") {
            learner_.on_current_epoch_saved(epoch(), now_, out);
        } else if (what == "durable") {
            learner_.on_log_durable(zxid(), now_, out);
        } else if (what == "truncated") {
            learner_.on_truncated(zxid(), now_, out);
        } else if (what == "truncate_failed") {
            learner_.on_truncate_failed("not in the log", now_, out);
        } else if (what == "progress") {
            learner_.on_snapshot_progress(now_);
        } else if (what == "loaded") {
            learner_.on_snapshot_loaded(zxid(), now_, out);
        } else if (what == "snapshot_saved") {
            learner_.on_snapshot_saved(zxid(), now_, out);
        } else if (what == "touch") {
            learner_.touch(SessionId(std::stol(line.word(1))), std::stoi(line.word(2)));
        } else if (what == "forward") {
            learner_.forward(SessionId(7), Xid(3), OpCode::create, "body", {{"ip", "::1"}}, out);
        } else if (what == "sync") {
            learner_.request_sync(std::stoull(line.word(1)), SessionId(7), Xid(4), "path", {}, out);
        } else if (what == "revalidate") {
            learner_.revalidate(SessionId(7), 4000, out);
        } else if (what == "after") {
            const Instant end = now_ + milliseconds(std::stol(line.word(1)));
            while (now_ < end) {
                now_ += milliseconds(50);
                learner_.on_tick(now_, out);
            }
        } else {
            ADD_FAILURE() << what;
        }
        return out;
    }

    static Packet packet(const Line& line) {
        const std::string& type = line.word(1);
        if (type == "LEADERINFO") {
            Bytes data;
            append_be(data, static_cast<std::int32_t>(line.number("version", 0x10000)));
            if (line.number("ours", 0) != 0) data.push_back(kKnowsSnapshotFlag);
            return {PacketType::leader_info, parse_zxid(line.word(2)), data, {}};
        }
        if (type == "REVALIDATE") {
            return {PacketType::revalidate, Zxid(-1), Bytes("\0\0\0\0\0\0\0\7\1", 9), {}};
        }
        const Zxid zxid = line.words.size() > 2 ? parse_zxid(line.word(2)) : Zxid(0);
        for (int number = 1; number < 20; ++number) {
            const auto known = static_cast<PacketType>(number);
            if (to_string(known) != type) continue;
            Packet packet{known, zxid, {}, {}};
            if (known == PacketType::proposal) packet.data = make_txn(zxid);
            if (line.options.contains("inside")) {
                packet.data = make_txn(parse_zxid(line.options.at("inside")));
            }
            if (line.options.contains("cut")) packet.data->pop_back();
            if (line.options.contains("reconfig")) packet.data = make_reconfig(zxid);
            if (known == PacketType::new_leader && line.options.contains("voters")) {
                packet.data = config_text(line.number("voters", 0), line.number("version", 0));
            }
            return packet;
        }
        ADD_FAILURE() << type;
        return {};
    }

    static Bytes make_reconfig(Zxid zxid) {
        jute::Txn txn;
        txn.header.zxid = zxid;
        txn.header.type = OpCode::reconfig;
        txn.body = jute::SetDataTxn{"/zookeeper/config", "server.1=...", -1};
        return jute::encode_txn(txn);
    }
    static Bytes config_text(std::int64_t voters, std::int64_t version) {
        std::vector<int> sids;
        for (int sid = 1; sid <= voters; ++sid) sids.push_back(sid);
        ensemble::EnsembleConfig config = config_of(sids);
        config.version = version;
        return to_string(config);
    }

    Instant now_{};
    Learner learner_;
};

/// Up to the point where DIFF, TRUNC or SNAP is due.
constexpr const char* kDiscover = R"(
start accepted=1 current=1 last=1.2
connected
packet LEADERINFO 2.0
accepted_saved 2
)";
/// Following in epoch 2.
constexpr const char* kFollow = R"(
start accepted=1 current=1 last=1.2
connected
packet LEADERINFO 2.0
accepted_saved 2
packet DIFF 1.2
packet NEWLEADER 2.0
current_saved 2
packet UPTODATE -1
)";

TEST(Learner, DiffStepByStep) {
    LearnerScene scene;
    const std::string text = R"(
start accepted=1 current=1 last=1.2
  dial leader=1
connected
  send FOLLOWERINFO zxid=1.0 data=20
packet LEADERINFO 2.0
  save_accepted_epoch 2
accepted_saved 2
  send ACKEPOCH zxid=1.2 data=4
packet DIFF 1.4
packet PROPOSAL 1.3
packet COMMIT 1.3
packet PROPOSAL 1.4
packet COMMIT 1.4
packet PROPOSAL 2.1
# In flight at the leader: not committed, so not logged before UPTODATE.
packet NEWLEADER 2.0
  append 1.3
  append 1.4
  committed 1.3
  committed 1.4
packet PING 2.0
durable 1.3
packet PROPOSAL 2.2
durable 1.4
  save_current_epoch 2
packet COMMIT 2.1
current_saved 2
  send ACK zxid=2.0
packet PROPOSAL 2.3
packet UPTODATE -1
  send ACK zxid=2.0
  established epoch=2
  epoch_changed 2
  append 2.1
  append 2.2
  append 2.3
  committed 2.1
durable 2.2
  send ACK zxid=2.1
  send ACK zxid=2.2
packet COMMIT 2.2
  committed 2.2
durable 2.3
  send ACK zxid=2.3
packet COMMIT 2.3
  committed 2.3
packet PROPOSAL 2.4
  append 2.4
packet COMMIT 2.4
  committed 2.4
durable 2.4
  send ACK zxid=2.4
)";
    EXPECT_EQ(scene.play(text), text);
    EXPECT_TRUE(scene.learner().serving());
    EXPECT_EQ(scene.learner().last_logged(), Zxid(Epoch(2), 4));
}

TEST(Learner, NothingToCatchUp) {
    LearnerScene scene;
    scene.play(kDiscover);
    const std::string text = R"(
packet DIFF 1.2
packet NEWLEADER 2.0
  save_current_epoch 2
current_saved 2
  send ACK zxid=2.0
packet UPTODATE -1
  send ACK zxid=2.0
  established epoch=2
  epoch_changed 2
)";
    EXPECT_EQ(scene.play(text), text);
}

TEST(Learner, TruncWaitsForTheDiskAndGoesOnLikeDiff) {
    LearnerScene scene;
    scene.play(kDiscover);
    const std::string text = R"(
packet TRUNC 1.1
  truncate 1.1
  read_leader off
packet PROPOSAL 2.1
packet COMMIT 2.1
packet NEWLEADER 2.0
truncated 1.1
  read_leader on
  append 2.1
  committed 2.1
durable 2.1
  save_current_epoch 2
current_saved 2
  send ACK zxid=2.0
)";
    EXPECT_EQ(scene.play(text), text);
}

TEST(Learner, LinkLostWhileTruncatingDiscardsMemory) {
    LearnerScene scene;
    scene.play(kDiscover);
    const std::string text = R"(
packet TRUNC 1.1
  truncate 1.1
  read_leader off
disconnected
  discard_database
  give_up why=lost the leader: reset
truncated 1.1
packet NEWLEADER 2.0
after 60000
)";
    EXPECT_EQ(scene.play(text), text);
    EXPECT_TRUE(covered_marks().contains("learner.discard_database"));
}

TEST(Learner, FailedTruncAsksForASnapshotNextTime) {
    LearnerScene scene;
    scene.play(kDiscover);
    const std::string text = R"(
packet TRUNC 1.1
  truncate 1.1
  read_leader off
truncate_failed
  close why=cannot cut the log as the leader demands: not in the log
  discard_database
  give_up why=cannot cut the log as the leader demands: not in the log
)";
    EXPECT_EQ(scene.play(text), text);
    EXPECT_TRUE(scene.learner().needs_snapshot());
    LearnerScene next;
    next.learner().ask_for_snapshot(true);
    const std::string again = R"(
start accepted=2 current=1 last=1.2
  dial leader=1
connected
  send FOLLOWERINFO zxid=2.0 data=20
packet LEADERINFO 2.0
  send ACKEPOCH zxid=0.0 data=4
packet SNAP 1.1
  load_snapshot 1.1
loaded 1.1
packet NEWLEADER 2.0
  save_snapshot 1.1
)";
    EXPECT_EQ(next.play(again), again);
    EXPECT_TRUE(covered_marks().contains("learner.snapshot_below_log"));
}

// A large tree on a slow link takes longer than initLimit: only silence ends it.
TEST(Learner, AStreamMayTakeAnyTimeAsLongAsItGoesOn) {
    LearnerScene scene;
    scene.play(kDiscover);
    const std::string text = R"(
packet SNAP 1.5
  load_snapshot 1.5
after 9000
progress
after 9000
progress
after 9000
progress
after 9950
after 50
  close why=nothing heard from the leader for 10000 ms
  give_up why=nothing heard from the leader for 10000 ms
)";
    EXPECT_EQ(scene.play(text), text);
}

// With two of three servers up there is no leader unless this one counts, whatever it lacks.
TEST(Learner, WhoAsksForASnapshotShowsWhatCounts) {
    const auto asks = [](bool not_ahead, const std::string& leader_info) {
        LearnerScene scene;
        scene.learner().ask_for_snapshot(not_ahead);
        scene.play("start accepted=2 current=1 last=1.2\nconnected\n");
        return scene.play("packet LEADERINFO 2.0" + leader_info + "\n");
    };
    EXPECT_EQ(asks(true, " ours=1"),
              "\npacket LEADERINFO 2.0 ours=1\n  send ACKEPOCH zxid=1.2 data=5\n");
    EXPECT_EQ(asks(false, " ours=1"),
              "\npacket LEADERINFO 2.0 ours=1\n  send ACKEPOCH zxid=1.2 data=5\n");
    // Java's takes the zxid at its word: a DIFF or TRUNC would be built on anything above 0.
    EXPECT_EQ(asks(true, ""), "\npacket LEADERINFO 2.0\n  send ACKEPOCH zxid=0.0 data=4\n");
    EXPECT_EQ(asks(false, ""), "\npacket LEADERINFO 2.0\n  send ACKEPOCH zxid=-1 data=4\n");
}

// Whatever put that number there, it must not keep the server out for good.
TEST(Learner, APromiseThatNoElectionCanHaveMadeIsNotKept) {
    LearnerScene scene;
    const std::string text = R"(
start accepted=0x7ffffff0 current=1 last=1.2
  dial leader=1
connected
  send FOLLOWERINFO zxid=2147483632.0 data=20
packet LEADERINFO 2.0
  save_accepted_epoch 2
accepted_saved 2
  send ACKEPOCH zxid=1.2 data=4
)";
    EXPECT_EQ(scene.play(text), text);
    EXPECT_TRUE(covered_marks().contains("learner.absurd_promise"));
    LearnerScene honest;
    const std::string kept = R"(
start accepted=65538 current=1 last=1.2
  dial leader=1
connected
  send FOLLOWERINFO zxid=65538.0 data=20
packet LEADERINFO 2.0
  close why=the leader's epoch 2 is below our accepted epoch 65538
  give_up why=the leader's epoch 2 is below our accepted epoch 65538
)";
    EXPECT_EQ(honest.play(kept), kept);
}

// The stream may hold parts of 2.1: clients wait until it has committed.
TEST(Learner, SnapAppliesInMemoryAndSavesAtNewLeader) {
    LearnerScene scene;
    scene.play(kDiscover);
    const std::string text = R"(
packet SNAP 1.5
  load_snapshot 1.5
packet PROPOSAL 1.6
loaded 1.5
packet COMMIT 1.6
  committed 1.6
packet PROPOSAL 2.1
packet NEWLEADER 2.0
  save_snapshot 1.6
packet COMMIT 2.1
snapshot_saved 1.6
  save_current_epoch 2
current_saved 2
  send ACK zxid=2.0
packet UPTODATE -1
  send ACK zxid=2.0
  epoch_changed 2
  append 2.1
  committed 2.1
  established epoch=2
)";
    EXPECT_EQ(scene.play(text), text);
}

// Apache's leader begins to forward before it labels the snapshot: what the label covers is in the stream already, and
// applied twice it would be another history. Behind a DIFF nothing may come again.
TEST(Learner, WhatTheLabelOfASnapshotCoversIsPassedOver) {
    LearnerScene scene;
    scene.play(kDiscover);
    const std::string text = R"(
packet SNAP 1.5
  load_snapshot 1.5
packet PROPOSAL 1.4
packet COMMIT 1.4
packet PROPOSAL 1.5
loaded 1.5
packet COMMIT 1.5
packet PROPOSAL 1.6
packet COMMIT 1.6
  committed 1.6
packet NEWLEADER 2.0
  save_snapshot 1.6
)";
    EXPECT_EQ(scene.play(text), text);
    EXPECT_TRUE(covered_marks().contains("learner.proposal_in_snapshot"));
    LearnerScene diff;
    diff.play(kDiscover);
    const std::string again = R"(
packet DIFF 1.3
packet PROPOSAL 1.2
  close why=PROPOSAL 1.2 does not follow 1.2
  give_up why=PROPOSAL 1.2 does not follow 1.2
)";
    EXPECT_EQ(diff.play(again), again);
}

TEST(Learner, LostLinkDiscardsALoadedSnapshotButNotAHalfReadOne) {
    LearnerScene half;
    half.play(kDiscover);
    const std::string half_text = R"(
packet SNAP 1.5
  load_snapshot 1.5
disconnected
  give_up why=lost the leader: reset
)";
    EXPECT_EQ(half.play(half_text), half_text);
    LearnerScene whole;
    whole.play(kDiscover);
    const std::string whole_text = R"(
packet SNAP 1.5
  load_snapshot 1.5
loaded 1.5
disconnected
  discard_database
  give_up why=lost the leader: reset
)";
    EXPECT_EQ(whole.play(whole_text), whole_text);
    LearnerScene saved;
    saved.play(kDiscover);
    const std::string saved_text = R"(
packet SNAP 1.5
  load_snapshot 1.5
loaded 1.5
packet NEWLEADER 2.0
  save_snapshot 1.5
snapshot_saved 1.5
  save_current_epoch 2
disconnected
  give_up why=lost the leader: reset
)";
    EXPECT_EQ(saved.play(saved_text), saved_text);
}

TEST(Learner, SameEpochIsNoNewPromise) {
    LearnerScene scene;
    scene.play("start accepted=3 current=2 last=1.2\nconnected");
    const std::string text = R"(
packet LEADERINFO 3.0
  send ACKEPOCH zxid=1.2 data=4
)";
    EXPECT_EQ(scene.play(text), text);
    EXPECT_TRUE(covered_marks().contains("learner.same_epoch"));
}

TEST(Learner, LeavesALeaderOfAnOldEpoch) {
    LearnerScene scene;
    scene.play("start accepted=3 current=2 last=1.2\nconnected");
    const std::string text = R"(
packet LEADERINFO 2.0
  close why=the leader's epoch 2 is below our accepted epoch 3
  give_up why=the leader's epoch 2 is below our accepted epoch 3
)";
    EXPECT_EQ(scene.play(text), text);
    EXPECT_TRUE(covered_marks().contains("learner.old_leader"));
}

TEST(Learner, DialsFiveTimes) {
    LearnerScene scene;
    const std::string text = R"(
start last=0.0
  dial leader=1
dial_failed
after 50
after 50
  dial leader=1
dial_failed
after 100
  dial leader=1
dial_failed
after 100
  dial leader=1
dial_failed
after 100
  dial leader=1
dial_failed
  give_up why=cannot connect to leader 1: refused
)";
    EXPECT_EQ(scene.play(text), text);
}

TEST(Learner, ConnectingTakesAtMostInitLimit) {
    LearnerScene scene;
    const std::string text = R"(
start last=0.0
  dial leader=1
after 9950
after 50
  give_up why=cannot connect to leader 1 in time
connected
)";
    EXPECT_EQ(scene.play(text), text);
}

TEST(Learner, WaitsInitLimitBeforeNewLeaderAndSyncLimitAfter) {
    LearnerScene before;
    before.play(kDiscover);
    const std::string before_text = R"(
after 9950
after 50
  close why=nothing heard from the leader for 10000 ms
  give_up why=nothing heard from the leader for 10000 ms
)";
    EXPECT_EQ(before.play(before_text), before_text);
    LearnerScene after;
    after.play(kDiscover);
    const std::string after_text = R"(
packet DIFF 1.2
after 9000
packet NEWLEADER 2.0
  save_current_epoch 2
# The disk may take its time; the leader has its own limits.
after 30000
current_saved 2
  send ACK zxid=2.0
after 4950
packet PING 2.0
after 4950
packet UPTODATE -1
  send ACK zxid=2.0
  established epoch=2
  epoch_changed 2
after 4950
packet PING 2.0
  send PING zxid=2.0 data=0
after 4950
after 50
  close why=nothing heard from the leader for 5000 ms
  give_up why=nothing heard from the leader for 5000 ms
)";
    EXPECT_EQ(after.play(after_text), after_text);
}

TEST(Learner, GapsAndForeignTxnsEndTheConnection) {
    const auto last_line = [](const char* during, const std::string& packet) {
        LearnerScene scene;
        scene.play(during);
        std::string minutes = scene.play(packet);
        minutes.pop_back();
        return minutes.substr(minutes.rfind('\n') + 3);
    };
    EXPECT_EQ(last_line(kFollow, "packet PROPOSAL 2.2"),
              "give_up why=PROPOSAL 2.2 does not follow 1.2");
    EXPECT_EQ(last_line(kFollow, "packet PROPOSAL 1.2"),
              "give_up why=PROPOSAL 1.2 does not follow 1.2");
    EXPECT_EQ(last_line(kFollow, "packet PROPOSAL 2.1\npacket PROPOSAL 2.3"),
              "give_up why=PROPOSAL 2.3 does not follow 2.1");
    EXPECT_EQ(last_line(kDiscover, "packet DIFF 1.4\npacket PROPOSAL 1.4"),
              "give_up why=PROPOSAL 1.4 does not follow 1.2");
    EXPECT_EQ(last_line(kFollow, "packet PROPOSAL 2.1 inside=2.2"),
              "give_up why=PROPOSAL 2.1 without a transaction of that zxid");
    EXPECT_EQ(last_line(kFollow, "packet PROPOSAL 2.1 cut=1"),
              "give_up why=PROPOSAL 2.1 without a transaction of that zxid: txn body is cut short "
              "or has an unreasonable "
              "length");
    EXPECT_EQ(last_line(kFollow, "packet PROPOSAL 2.1\npacket COMMIT 2.2"),
              "give_up why=COMMIT of 2.2, expected 2.1");
    EXPECT_EQ(last_line(kFollow, "packet COMMIT 2.1"),
              "give_up why=COMMIT of 2.1, expected nothing");
    EXPECT_EQ(last_line(kDiscover, "packet DIFF 1.4\npacket COMMIT 1.3"),
              "give_up why=COMMIT of 1.3 during synchronisation, out of order");
    EXPECT_EQ(last_line(kFollow, "packet INFORM 2.1"), "give_up why=unexpected INFORM zxid=2.1");
    EXPECT_EQ(last_line(kDiscover, "packet NEWLEADER 2.0"),
              "give_up why=NEWLEADER zxid=2.0 instead of DIFF, TRUNC or SNAP");
    EXPECT_EQ(last_line(kDiscover, "packet DIFF 1.2\npacket NEWLEADER 3.0"),
              "give_up why=NEWLEADER zxid=3.0 is not of epoch 2");
    EXPECT_EQ(last_line(kDiscover, "packet DIFF 1.2\npacket NEWLEADER 2.0\npacket UPTODATE -1"),
              "give_up why=UPTODATE before our ACK of NEWLEADER");
    EXPECT_EQ(last_line("start last=0.0\nconnected", "packet LEADERINFO 2.0 version=1"),
              "give_up why=the leader speaks a protocol older than ZooKeeper 3.4");
    EXPECT_NE(last_line(kDiscover, "packet DIFF 1.2\npacket COMMITANDACTIVATE 1.3")
                  .find("dynamic reconfiguration is not supported"),
              std::string::npos);
}

// A log file of the leader may have a hole where it was brought up to date by a snapshot once (ZOOKEEPER-2846): it would
// send the same again.
TEST(Learner, AGapInTheHistoryAsksForASnapshotNextTime) {
    LearnerScene scene;
    scene.play(kDiscover);
    scene.play("packet DIFF 1.5\npacket PROPOSAL 1.3\npacket COMMIT 1.3\npacket PROPOSAL 1.5");
    EXPECT_TRUE(scene.learner().needs_snapshot());

    LearnerScene live;
    live.play(kFollow);
    live.play("packet PROPOSAL 2.2");
    EXPECT_FALSE(live.learner().needs_snapshot());
}

// An ack would help to commit a change of the quorum that this server does not make.
TEST(Learner, TakesNoPartInAReconfiguration) {
    const auto refused = [](const std::string& during, const std::string& packet) {
        LearnerScene scene;
        scene.play(during);
        const std::string minutes = scene.play(packet);
        return minutes.find("dynamic reconfiguration is not supported") != std::string::npos &&
               minutes.find("append") == std::string::npos;
    };
    EXPECT_TRUE(refused(kFollow, "packet PROPOSAL 2.1 reconfig=1"));
    EXPECT_TRUE(refused(kFollow, "packet COMMITANDACTIVATE 2.1"));
    // In flight while this server synchronises.
    const std::string discover = kDiscover;
    EXPECT_TRUE(refused(discover + "packet DIFF 1.2\npacket PROPOSAL 1.3 reconfig=1\n",
                        "packet NEWLEADER 2.0"));
    EXPECT_TRUE(refused(discover + "packet DIFF 1.2\npacket NEWLEADER 2.0\n",
                        "packet PROPOSAL 2.1 reconfig=1"));
    // What came of it: other voters in a newer configuration. The same ones under a new number are none of our business.
    EXPECT_TRUE(refused(discover + "packet DIFF 1.2\n", "packet NEWLEADER 2.0 voters=5 version=7"));
    EXPECT_FALSE(
        refused(discover + "packet DIFF 1.2\n", "packet NEWLEADER 2.0 voters=3 version=7"));
    // Other voters, no number: static files, changed one server after the other.
    EXPECT_FALSE(refused(discover + "packet DIFF 1.2\n", "packet NEWLEADER 2.0 voters=5"));
    EXPECT_FALSE(
        refused(discover + "packet DIFF 1.3\npacket PROPOSAL 1.3 reconfig=1\npacket COMMIT 1.3\n",
                "packet NEWLEADER 2.0 voters=3"));
}

TEST(Learner, ACommitThatIsKnownIsIgnored) {
    LearnerScene scene;
    scene.play(kFollow);
    const std::string text = R"(
packet COMMIT 1.2
packet PROPOSAL 2.1
  append 2.1
packet COMMIT 1.1
packet COMMIT 2.1
  committed 2.1
packet COMMIT 2.1
)";
    EXPECT_EQ(scene.play(text), text);
}

TEST(Learner, SpeaksForItsClients) {
    LearnerScene scene;
    scene.play(kFollow);
    const std::string text = R"(
forward
  send REQUEST zxid=-1 data=20 auth=1
sync 50
  send REQUEST zxid=-1 data=20 auth=0
sync 51
  send REQUEST zxid=-1 data=20 auth=0
revalidate
  send REVALIDATE zxid=-1 data=12
packet SYNC
  sync_answered token=50
packet REVALIDATE
  revalidated session=0.7 valid
packet SYNC
  sync_answered token=51
packet SYNC
touch 7 4000
touch 8 4000
touch 7 4000
packet PING 2.0
  send PING zxid=2.0 data=24
packet PING 2.0
  send PING zxid=2.0 data=0
)";
    EXPECT_EQ(scene.play(text), text);
}

TEST(Learner, RequestIsWhatTheLeaderReads) {
    LearnerScene scene;
    scene.play(kFollow);
    Actions out;
    scene.learner().forward(
        SessionId(0x0100000000000007), Xid(3), OpCode::set_data, "body", {}, out);
    const Packet& packet = std::get<SendToLeader>(out.at(0)).packet;
    EXPECT_EQ(*packet.data, Bytes("\1\0\0\0\0\0\0\7\0\0\0\3\0\0\0\5body", 20));
    EXPECT_TRUE(packet.auth.has_value());  // null would make Java fail
}

TEST(Learner, PendingProposalsAreTakenByTheCore) {
    LearnerScene scene;
    scene.play(kFollow);
    scene.play("packet PROPOSAL 2.1\npacket PROPOSAL 2.2\npacket COMMIT 2.1\ndisconnected");
    const std::vector<CommittedTxn> pending = scene.learner().take_pending();
    ASSERT_EQ(pending.size(), 1U);
    EXPECT_EQ(pending[0].zxid, Zxid(Epoch(2), 2));
    EXPECT_TRUE(scene.learner().take_pending().empty());
    // Before UPTODATE nothing of this has reached the log.
    LearnerScene early;
    early.play(kDiscover);
    early.play("packet DIFF 1.2\npacket PROPOSAL 2.1\npacket NEWLEADER 2.0\ndisconnected");
    EXPECT_TRUE(early.learner().take_pending().empty());
}

TEST(Learner, CompletionsOfAnEarlierRoleDoNoHarm) {
    LearnerScene scene;
    const std::string text = R"(
start accepted=1 current=1 last=1.2
  dial leader=1
accepted_saved 7
current_saved 7
durable 1.2
truncated 1.0
loaded 1.0
snapshot_saved 1.0
connected
  send FOLLOWERINFO zxid=1.0 data=20
packet LEADERINFO 2.0
  save_accepted_epoch 2
accepted_saved 7
accepted_saved 2
  send ACKEPOCH zxid=1.2 data=4
# A record above the cut was confirmed before the cut: it must not vouch for its successor of the same number.
durable 1.2
packet TRUNC 1.1
  truncate 1.1
  read_leader off
truncated 1.1
  read_leader on
packet PROPOSAL 1.2
packet COMMIT 1.2
packet NEWLEADER 2.0
  append 1.2
  committed 1.2
durable 1.1
durable 1.2
  save_current_epoch 2
)";
    EXPECT_EQ(scene.play(text), text);
}

}  // namespace
}  // namespace zk::zab
