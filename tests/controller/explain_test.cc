// Elections in words: whole stories, as an operator reads them.
#include "events/explain.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace zk::events {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

/// As a server's word `elec` tells it.
NodeWord word(int sid, const std::string& text, Duration clock_ahead = {}) {
    auto searches = election::parse_searches(text);
    EXPECT_TRUE(searches.has_value()) << text;
    return {ServerId(sid), clock_ahead, *searches, {}};
}

const char* const kTwo =
    "search number=2 began_ms=1796000000000 epoch=1 zxid=0x100000005 votes=yes left_out=0 "
    "why=\"the leader is gone\"\n"
    "cast after_us=0 reason=own leader=2 epoch=1 zxid=0x100000005 round=2\n"
    "heard after_us=2000 from=1 state=LOOKING leader=1 epoch=1 zxid=0x100000007 round=2 rule=zxid\n"
    "cast after_us=2000 reason=better from=1 leader=1 epoch=1 zxid=0x100000007 round=2 rule=zxid\n"
    "majority after_us=2000 leader=1 epoch=1 zxid=0x100000007 round=2 who=1,2\n"
    "decided after_us=202000 state=FOLLOWING leader=1 epoch=1 zxid=0x100000007 round=2\n"
    "serving after_us=260000 epoch=2\n";
const char* const kOne =
    "search number=2 began_ms=1796000000001 epoch=1 zxid=0x100000007 votes=yes left_out=0 "
    "why=\"the leader is gone\"\n"
    "cast after_us=0 reason=own leader=1 epoch=1 zxid=0x100000007 round=2\n"
    "heard after_us=2000 from=2 state=LOOKING leader=1 epoch=1 zxid=0x100000007 round=2\n"
    "majority after_us=2000 leader=1 epoch=1 zxid=0x100000007 round=2 who=1,2\n"
    "decided after_us=202000 state=LEADING leader=1 epoch=1 zxid=0x100000007 round=2\n"
    "serving after_us=250000 epoch=2\n";

TEST(Explain, TheNewestHistoryWinsAndOneNodeIsSilent) {
    EXPECT_THAT(
        explain(
            {word(1, kOne), word(2, kTwo), {ServerId(3), {}, std::nullopt, "its server is down"}}),
        ElementsAre("Server 1 leads in epoch 2 since " + utc_text(WallMs(1796000000251)) + ".",
                    "      +0.0 ms  2 looks for a leader: the leader is gone",
                    "      +0.0 ms  2 votes for 2 (epoch 1, zxid 0x100000005), in round 2",
                    "      +1.0 ms  1 looks for a leader: the leader is gone",
                    "      +1.0 ms  1 votes for 1 (epoch 1, zxid 0x100000007), in round 2",
                    "      +2.0 ms  2 votes for 1 (epoch 1, zxid 0x100000007), as 1 told it: the "
                    "epochs are equal and its history is "
                    "newer: 0x100000007 beats 0x100000005",
                    "      +2.0 ms  2 sees a majority for 1: 1, 2",
                    "      +3.0 ms  1 sees a majority for 1: 1, 2",
                    "    +202.0 ms  2 decides to follow 1",
                    "    +203.0 ms  1 decides to lead",
                    "    +251.0 ms  1 serves in epoch 2",
                    "    +260.0 ms  2 serves in epoch 2",
                    "Why 1: beside 2, the epochs are equal and its history is newer: 0x100000007 "
                    "beats 0x100000005.",
                    "The leader was decided 203 ms after the first server looked for one, and "
                    "served 251 ms after it.",
                    "3 is missing here: its server is down."));
}

TEST(Explain, ClocksThatDifferAreTakenOff) {
    const auto right = explain({word(1, kOne), word(2, kTwo)});
    std::string ahead = kOne;
    ahead.replace(ahead.find("1796000000001"), 13, "1796000007001");
    EXPECT_EQ(explain({word(1, ahead, milliseconds(7000)), word(2, kTwo)}), right);
    EXPECT_NE(explain({word(1, ahead), word(2, kTwo)}), right);
}

TEST(Explain, WithoutTheWinnersWordItIsNotSaidWhyItWon) {
    const auto told =
        explain({{ServerId(1), {}, std::nullopt, "it runs Apache's server"}, word(2, kTwo)});
    EXPECT_THAT(told, Contains("Why 1: it has not told what it had, so this cannot be compared."));
    EXPECT_THAT(told, Contains("How long it took is known to the leader, which has not told."));
    EXPECT_THAT(told, Contains("1 is missing here: it runs Apache's server."));
}

TEST(Explain, TheLastReignIsToldAndNotASearchBehindIt) {
    const std::string later =
        "search number=3 began_ms=1796000009000 epoch=2 zxid=0x200000001 votes=yes left_out=0 "
        "why=\"cut off\"\n"
        "cast after_us=0 reason=own leader=2 epoch=2 zxid=0x200000001 round=3\n";
    EXPECT_EQ(explain({word(1, kOne), word(2, kTwo + later)}),
              explain({word(1, kOne), word(2, kTwo)}));
    EXPECT_THAT(explain({word(2, later)}), IsEmpty());
    EXPECT_THAT(explain({}), IsEmpty());
}

TEST(Explain, EachRuleAndReasonHasItsWords) {
    const auto told = explain({word(
        3,
        "search number=1 began_ms=5 epoch=0 zxid=0x0 votes=yes left_out=3 why=\"the server has "
        "started\"\n"
        "cast after_us=0 reason=own leader=3 epoch=0 zxid=0x0 round=1\n"
        "cast after_us=1 reason=round from=4 leader=4 epoch=0 zxid=0x0 round=2 rule=sid\n"
        "cast after_us=2 reason=better from=5 leader=5 epoch=0 zxid=0x0 round=2 rule=sid\n"
        "cast after_us=3 reason=better from=1 leader=1 epoch=1 zxid=0x0 round=2 rule=epoch\n"
        "majority after_us=4 leader=1 epoch=1 zxid=0x0 round=2 who=1,3,5\n"
        "majority after_us=5 leader=1 epoch=1 zxid=0x0 round=2 who=1,2,3,5\n"
        "majority_lost after_us=6 leader=1 epoch=1 zxid=0x0 round=2\n"
        "doubted after_us=7 from=2 state=LOOKING leader=2 epoch=9 zxid=0x0 round=2 doubt=epoch\n"
        "cast after_us=8 reason=overrated from=2 leader=3 epoch=0 zxid=0x0 round=3\n"
        "decided after_us=9 state=LEADING leader=3 epoch=0 zxid=0x0 round=3\n"
        "serving after_us=10 epoch=1\n")});
    for (const char* words :
         {"3 votes for 4 (epoch 0, zxid 0x0) anew, since 4 is in round 2",
          "3 votes for 5 (epoch 0, zxid 0x0), as 5 told it: epoch and zxid are equal, and its id "
          "is larger: 5 beats 4",
          "as 1 told it: its epoch is later: 1 beats 0",
          "3 sees a majority for 1: 1, 3, 5",
          "3 sees a majority no longer",
          "3 does not believe 2 (epoch)",
          "3 votes for 3 (epoch 0, zxid 0x0) in round 3: 2 told more of it than it has",
          "3 has forgotten 3 moments of this search",
          "Why 3: nobody else has told what it had."}) {
        EXPECT_THAT(told, Contains(HasSubstr(words)));
    }
    EXPECT_THAT(told, Not(Contains(HasSubstr("1, 2, 3, 5")))) << "a majority is told once";
}

TEST(Explain, WhoComesLateHasNoPart) {
    const std::string late =
        "search number=1 began_ms=1796000900000 epoch=1 zxid=0x100000009 votes=yes left_out=0 "
        "why=\"the server has started\"\n"
        "cast after_us=0 reason=own leader=3 epoch=1 zxid=0x100000009 round=1\n"
        "decided after_us=9 state=FOLLOWING leader=1 epoch=2 zxid=0x100000007 round=2\n"
        "serving after_us=10 epoch=2\n";
    auto expected = explain({word(1, kOne), word(2, kTwo)});
    expected.push_back("3 came when there was a leader already, at " +
                       utc_text(WallMs(1796000900000)) + ": the server has started.");
    EXPECT_EQ(explain({word(1, kOne), word(2, kTwo), word(3, late)}), expected);
}

// It left the leader for a moment, and came back in the same reign.
TEST(Explain, WhoComesBackHadItsPart) {
    const std::string again =
        "ended after_us=900000 why=\"cut off\"\n"
        "search number=3 began_ms=1796000900000 epoch=2 zxid=0x200000009 votes=yes left_out=0 "
        "why=\"cut off\"\n"
        "decided after_us=9 state=FOLLOWING leader=1 epoch=2 zxid=0x100000007 round=2\n"
        "serving after_us=10 epoch=2\n";
    EXPECT_EQ(explain({word(1, kOne), word(2, kTwo + again)}),
              explain({word(1, kOne), word(2, kTwo)}));
}

// It looked as well, with more than the others, and they had a majority without it.
TEST(Explain, MoreThanTheWinnerHas) {
    const std::string more =
        "search number=1 began_ms=1796000000100 epoch=1 zxid=0x100000009 votes=yes left_out=0 "
        "why=\"cut off\"\n"
        "cast after_us=0 reason=own leader=3 epoch=1 zxid=0x100000009 round=1\n"
        "decided after_us=190000 state=FOLLOWING leader=1 epoch=2 zxid=0x100000007 round=2\n"
        "serving after_us=200000 epoch=2\n";
    EXPECT_THAT(explain({word(1, kOne), word(3, more)}),
                Contains("Why 1: beside 3, which has more: it was no part of the majority."));
}

}  // namespace
}  // namespace zk::events
