#include "election/vote.h"

#include <gtest/gtest.h>

namespace zk::election {
namespace {

Vote vote(std::int64_t leader, std::int64_t epoch, std::int64_t zxid, std::int64_t round = 1) {
    return {ServerId(leader), Zxid(zxid), Round(round), Epoch(epoch)};
}

TEST(Vote, HigherEpochBeatsHigherZxid) {
    EXPECT_TRUE(supersedes(vote(1, 2, 0), vote(3, 1, 0x1ffffffff)));
    EXPECT_FALSE(supersedes(vote(3, 1, 0x1ffffffff), vote(1, 2, 0)));
}

TEST(Vote, HigherZxidBeatsHigherSid) {
    EXPECT_TRUE(supersedes(vote(1, 1, 0x100000002), vote(3, 1, 0x100000001)));
}

TEST(Vote, HigherSidBreaksTheTie) {
    EXPECT_TRUE(supersedes(vote(3, 1, 7), vote(2, 1, 7)));
    EXPECT_FALSE(supersedes(vote(2, 1, 7), vote(2, 1, 7)));
}

TEST(Vote, RoundDoesNotMatter) { EXPECT_FALSE(supersedes(vote(2, 1, 7, 9), vote(2, 1, 7, 1))); }

TEST(Vote, NumbersAreSigned) {
    constexpr std::int64_t min = std::numeric_limits<std::int64_t>::min();
    EXPECT_TRUE(supersedes(vote(1, 0, 0), vote(min, min, min)));
    EXPECT_TRUE(supersedes(vote(1, 0, 0), vote(2, 0, -1)));
}

TEST(Vote, TheRuleThatDecidesIsTheFirstThatDiffers) {
    EXPECT_EQ(better_by(vote(1, 2, 1), vote(3, 1, 9)), Rule::epoch);
    EXPECT_EQ(better_by(vote(1, 2, 8), vote(3, 2, 7)), Rule::zxid);
    EXPECT_EQ(better_by(vote(3, 2, 7), vote(1, 2, 7)), Rule::sid);
    EXPECT_EQ(better_by(vote(3, 2, 7), vote(3, 2, 7)), std::nullopt);
    EXPECT_EQ(better_by(vote(3, 1, 9), vote(1, 2, 1)), std::nullopt);
    EXPECT_EQ(better_by(vote(3, 2, 7), vote(1, 2, 8)), std::nullopt);
}

TEST(Ballot, VotesUnderWayMustBeEqualInAll) {
    const Ballot looking{vote(3, 1, 7, 2), PeerState::looking, 2};
    EXPECT_TRUE(agrees(looking, {vote(3, 1, 7, 2), PeerState::following, 2}));
    EXPECT_FALSE(agrees(looking, {vote(3, 1, 7, 3), PeerState::following, 2}));
    EXPECT_FALSE(agrees(looking, {vote(3, 1, 8, 2), PeerState::looking, 2}));
    EXPECT_FALSE(agrees(looking, {vote(3, 2, 7, 2), PeerState::looking, 2}));
}

TEST(Ballot, EstablishedServersAgreeOnLeaderAndEpoch) {
    const Ballot leading{vote(3, 2, 7, 2), PeerState::leading, 2};
    EXPECT_TRUE(agrees(leading, {vote(3, 2, 9, 5), PeerState::following, 2}));
    EXPECT_FALSE(agrees(leading, {vote(3, 1, 7, 2), PeerState::following, 2}));
    EXPECT_FALSE(agrees(leading, {vote(1, 2, 7, 2), PeerState::following, 2}));
    // A server before 3.5 does not rewrite the epoch of its vote.
    EXPECT_TRUE(agrees(leading, {vote(3, 1, 7, 2), PeerState::following, 0}));
}

}  // namespace
}  // namespace zk::election
