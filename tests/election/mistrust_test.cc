#include "election/mistrust.h"

#include <gtest/gtest.h>

#include "base/limits.h"
#include "election/election.h"
#include "election/peer_silence.h"

namespace zk::election {
namespace {

using Doubt = Mistrust::Doubt;

constexpr ServerId kMe(1);
Instant at(int ms) { return Instant{} + milliseconds(ms); }

Notification says(PeerState state, Vote vote) { return {state, vote, kNotificationVersion, "c"}; }
Notification looking(int leader, std::int64_t epoch, std::int64_t round = 1, Zxid zxid = Zxid(0)) {
    return says(PeerState::looking, {ServerId(leader), zxid, Round(round), Epoch(epoch)});
}

ensemble::MembershipPtr three() {
    ensemble::EnsembleConfig config;
    for (int sid = 1; sid <= 3; ++sid) {
        config.members[ServerId(sid)] = {
            ServerId(sid), "h" + std::to_string(sid), 1, 2, ensemble::Role::participant, {}};
    }
    return std::make_shared<ensemble::Membership>(config);
}

class MistrustTest : public testing::Test {
  protected:
    MistrustTest() { mistrust.begin(Zxid(Epoch(7), 3), Epoch(7), std::nullopt, at(0)); }
    Doubt doubt(int from,
                const Notification& notification,
                Origin origin = Origin::own,
                int ms = 0) {
        return mistrust.doubt(ServerId(from), origin, notification, at(ms));
    }
    Mistrust mistrust{kMe};
};

TEST_F(MistrustTest, MembersThatWereAwayForLongAreBelieved) {
    EXPECT_EQ(doubt(2, looking(2, 0)), Doubt::none);
    EXPECT_EQ(doubt(2, looking(2, -1, 1, Zxid(-1))), Doubt::none) << "an empty database";
    EXPECT_EQ(doubt(2, looking(2, 7 + 9000, 50'000'000, Zxid(Epoch(9000), 1))), Doubt::none);
    EXPECT_EQ(doubt(2,
                    looking(3, 7 + limits::kEpochStep, 1, Zxid(Epoch(7 + limits::kEpochStep), 1)),
                    Origin::foreign),
              Doubt::none);
}

TEST_F(MistrustTest, NoRoundIsTooHighToBeOutgrown) {
    EXPECT_EQ(doubt(2, looking(2, 7, kRoundMax.value())), Doubt::none);
    EXPECT_EQ(doubt(2, looking(2, 7, kRoundMax.value() + 1)), Doubt::round);
    EXPECT_EQ(doubt(2, looking(2, 7, std::int64_t{1} << 62)), Doubt::round);
    EXPECT_EQ(doubt(2, looking(2, 7, -1)), Doubt::round);
    const Vote established{ServerId(2), Zxid(0), Round(std::int64_t{1} << 62), Epoch(7)};
    EXPECT_EQ(doubt(2, says(PeerState::leading, established)), Doubt::round);
    EXPECT_EQ(next_round(Round(5)), Round(6));
    EXPECT_EQ(next_round(kRoundMax), Round(1));
}

TEST_F(MistrustTest, VotesOfASearchAreNotFarAhead) {
    EXPECT_EQ(doubt(2, looking(3, 7 + limits::kEpochStep + 1)), Doubt::epoch);
    EXPECT_EQ(doubt(2, looking(3, 0x7fffffff)), Doubt::epoch);
    EXPECT_EQ(doubt(2, looking(3, 7, 1, Zxid(0x7fffffffffffffff))), Doubt::epoch);
}

TEST_F(MistrustTest, AnEstablishedLeaderMayBeFarAhead) {
    const Vote far{ServerId(3), Zxid(0), Round(1), Epoch(2'000'000)};
    EXPECT_EQ(doubt(2, says(PeerState::following, far)), Doubt::none);
    const Vote absurd{ServerId(3), Zxid(0), Round(1), Epoch(0x7fffffff)};
    EXPECT_EQ(doubt(3, says(PeerState::leading, absurd)), Doubt::epoch);
}

TEST_F(MistrustTest, ALeaderThatNobodyCouldJoinIsLeftOutForAWhile) {
    mistrust.begin(Zxid(Epoch(7), 3), Epoch(7), ServerId(3), at(1000));
    EXPECT_EQ(doubt(2, looking(3, 8), Origin::own, 1001), Doubt::absent_leader) << "hearsay";
    EXPECT_EQ(doubt(3, looking(3, 8), Origin::foreign, 1001), Doubt::absent_leader) << "impostor";
    EXPECT_EQ(doubt(2, looking(2, 7), Origin::own, 1001), Doubt::none);
    EXPECT_EQ(doubt(3, looking(2, 7), Origin::foreign, 1001), Doubt::none)
        << "its other votes count";
    EXPECT_EQ(doubt(3, looking(3, 8), Origin::foreign, 31'000), Doubt::none) << "not for ever";
}

TEST_F(MistrustTest, ALeaderThatSpeaksForItselfIsBackAtOnce) {
    for (const Origin origin : {Origin::own, Origin::unknown}) {
        mistrust.begin(Zxid(Epoch(7), 3), Epoch(7), ServerId(3), at(1000));
        EXPECT_EQ(doubt(3, looking(3, 8), origin, 1001), Doubt::none);
        EXPECT_EQ(doubt(2, looking(3, 8), Origin::own, 1002), Doubt::none)
            << "hearsay counts again";
    }
}

TEST_F(MistrustTest, NobodySaysMoreOfMeThanIDo) {
    EXPECT_FALSE(mistrust.flatters(looking(1, 7, 1, Zxid(Epoch(7), 3)).vote));
    EXPECT_FALSE(mistrust.flatters(looking(1, 6, 1, Zxid(Epoch(6), 9)).vote));
    EXPECT_TRUE(mistrust.flatters(looking(1, 7, 1, Zxid(Epoch(7), 4)).vote));
    EXPECT_TRUE(mistrust.flatters(looking(1, 8, 1, Zxid(0)).vote));
    EXPECT_FALSE(mistrust.flatters(looking(2, 8, 1, Zxid(0)).vote));
}

TEST(ElectionMistrust, AnAbsurdRoundIsNotJoined) {
    Election election(kMe, three());
    ElectionActions out;
    election.start(Zxid(0), Epoch(0), at(0), out);
    for (const std::int64_t round : {std::int64_t{1} << 62, INT64_MAX, INT64_MIN}) {
        election.on_notification(ServerId(2), looking(2, 0, round), at(1), out);
        EXPECT_EQ(election.round(), Round(1));
    }
    election.on_notification(ServerId(2), looking(2, 0, kRoundMax.value()), at(2), out);
    EXPECT_EQ(election.round(), kRoundMax);
    out.clear();
    election.start(Zxid(0), Epoch(0), at(3), out);
    EXPECT_EQ(election.round(), Round(1)) << "and the next one is in reach of all";
}

TEST(ElectionMistrust, ADeadServerWithAnAbsurdEpochIsNotElected) {
    Election election(kMe, three());
    ElectionActions out;
    election.start(Zxid(Epoch(1), 1), Epoch(1), at(0), out);
    election.on_notification(ServerId(2), looking(3, 0x7fffffff), at(1), out);
    EXPECT_EQ(election.current_vote().leader, kMe);
    election.on_notification(ServerId(2), looking(1, 1, 1, Zxid(Epoch(1), 1)), at(2), out);
    election.on_tick(at(300), out);
    EXPECT_EQ(election.state(), PeerState::leading);
}

TEST(ElectionMistrust, AnImpostorsDeadLeaderWinsOnce) {
    Election election(kMe, three());
    ElectionActions out;
    election.start(Zxid(Epoch(1), 1), Epoch(1), at(0), out);
    election.on_notification(ServerId(3), looking(3, 9), at(1), out, Origin::foreign);
    election.on_notification(ServerId(2), looking(3, 9), at(2), out);
    election.on_tick(at(300), out);
    ASSERT_EQ(election.current_vote().leader, ServerId(3));
    ASSERT_EQ(election.state(), PeerState::following);
    election.start(Zxid(Epoch(1), 1), Epoch(1), at(5000), out);  // it could not be joined
    election.on_notification(ServerId(3), looking(3, 9, 2), at(5001), out, Origin::foreign);
    EXPECT_EQ(election.current_vote().leader, kMe);
    election.on_notification(ServerId(2), looking(1, 1, 2, Zxid(Epoch(1), 1)), at(5002), out);
    election.on_tick(at(5300), out);
    EXPECT_EQ(election.state(), PeerState::leading);
}

TEST(ElectionMistrust, AFlatteredServerSaysWhatItReallyHas) {
    Election election(kMe, three());
    ElectionActions out;
    election.start(Zxid(Epoch(1), 1), Epoch(1), at(0), out);
    out.clear();
    election.on_notification(ServerId(2), looking(1, 50), at(1), out);
    EXPECT_EQ(election.current_vote(), (Vote{kMe, Zxid(Epoch(1), 1), Round(2), Epoch(1)}));
    EXPECT_FALSE(out.sends.empty());
}

TEST(ElectionMistrust, ASearchingServerRepeatsItselfEachSecond) {
    ElectionTiming timing;
    timing.resend_max = milliseconds(60'000);  // what a zoo.cfg may say
    Election election(kMe, three(), {}, timing);
    ElectionActions out;
    election.start(Zxid(0), Epoch(0), at(0), out);
    Instant last = at(0);
    for (int i = 0; i < 10; ++i) {
        const Instant next = *election.deadline();
        EXPECT_LE(next - last, milliseconds(1000));
        election.on_tick(next, out);
        last = next;
    }
}

TEST(PeerSilence, APeerThatNeverAnswersIsDialledAnew) {
    PeerSilence silence;
    silence.connected();
    EXPECT_FALSE(silence.sent(at(0)));
    EXPECT_FALSE(silence.sent(at(3999)));
    EXPECT_TRUE(silence.sent(at(4000)));
    silence.connected();
    EXPECT_FALSE(silence.sent(at(4001)));
    silence.heard();
    EXPECT_FALSE(silence.sent(at(9000)))
        << "its time runs from the first word that is not answered";
}

}  // namespace
}  // namespace zk::election
