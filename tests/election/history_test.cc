// Bounds of what is remembered of elections. What is in it: scenarios/history_*.txt.
#include "election/history.h"

#include <algorithm>
#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "election/election.h"

namespace zk::election {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

Instant after_ms(std::int64_t ms) { return Instant{} + milliseconds(ms); }

Notification says(std::int64_t leader, std::int64_t zxid, std::int64_t round = 1) {
    return {PeerState::looking, {ServerId(leader), Zxid(zxid), Round(round), Epoch(1)}, 2, {}};
}

TEST(ElectionHistory, KeepsTheLastSearches) {
    History history;
    for (int i = 0; i < 20; ++i) history.begin({.wall = WallMs(1000 + i)}, after_ms(i));
    ASSERT_EQ(history.searches().size(), History::kSearches);
    EXPECT_EQ(history.searches().front().number, 13U);
    EXPECT_EQ(history.searches().back().number, 20U);
    EXPECT_EQ(history.searches().back().began, WallMs(1019));
}

TEST(ElectionHistory, OfALongSearchTheFirstAndTheLastMomentsStay) {
    History history;
    history.begin({}, after_ms(0));
    for (int i = 0; i < 1000; ++i) history.heard(ServerId(2), says(2, i), Vote{}, after_ms(i));
    const Search& search = history.searches().back();
    ASSERT_EQ(search.moments.size(), History::kMoments);
    EXPECT_EQ(search.left_out, 1000 - History::kMoments);
    EXPECT_EQ(search.moments[0].vote.zxid, Zxid(0));
    EXPECT_EQ(search.moments[History::kFirst - 1].vote.zxid, Zxid(History::kFirst - 1));
    EXPECT_EQ(search.moments[History::kFirst].vote.zxid,
              Zxid(1000 - (History::kMoments - History::kFirst)));
    EXPECT_EQ(search.moments.back().vote.zxid, Zxid(999));
    history.decided(PeerState::following, Vote{}, after_ms(1001));
    EXPECT_THAT(to_text(history), HasSubstr("\ndecided after_us=1001000 "));
}

TEST(ElectionHistory, ARepetitionIsNotWrittenDownAgain) {
    History history;
    history.begin({}, after_ms(0));
    history.heard(ServerId(2), says(2, 7), Vote{}, after_ms(1));
    history.heard(ServerId(2), says(2, 7), Vote{}, after_ms(2));
    EXPECT_EQ(history.searches().back().moments.size(), 1U);
    history.heard(ServerId(3), says(2, 7), Vote{}, after_ms(3));
    history.heard(ServerId(2), says(2, 8), Vote{}, after_ms(4));
    history.heard(ServerId(2), says(2, 7), Vote{}, after_ms(5));
    EXPECT_EQ(history.searches().back().moments.size(), 4U)
        << "one that goes back is no repetition";
    history.begin({}, after_ms(6));
    history.heard(ServerId(2), says(2, 7), Vote{}, after_ms(7));
    EXPECT_EQ(history.searches().back().moments.size(), 1U) << "of another search";
}

TEST(ElectionHistory, WhyTheRoleEndedIsWhyTheNextSearchBegins) {
    History history;
    history.begin({}, after_ms(0));
    EXPECT_EQ(history.searches().back().why, "the server has started");
    history.ended("no quorum", after_ms(50));
    history.begin({}, after_ms(60));
    EXPECT_EQ(history.searches().back().why, "no quorum");
    EXPECT_EQ(history.searches().front().ended->after, milliseconds(50));
    EXPECT_FALSE(history.searches().back().ended.has_value());
}

TEST(ElectionHistory, WordsCannotMakeALine) {
    History history;
    history.ended("a\nserving after_us=1\r\"b\"" + std::string(5000, 'x'), after_ms(0));
    history.begin({}, after_ms(0));
    const std::string text = to_text(history);
    EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 1);
    EXPECT_EQ(std::count(text.begin(), text.end(), '"'), 2);
    EXPECT_THAT(text, HasSubstr("why=\"a serving after_us=1 'b'xxx"));
    EXPECT_LT(text.size(), 400U);
}

TEST(ElectionHistory, NothingIsWrittenDownWhileThereIsALeader) {
    ensemble::EnsembleConfig config;
    for (const int sid : {1, 2, 3}) {
        config.members[ServerId(sid)] = {ServerId(sid), "h", 1, 2, ensemble::Role::participant, {}};
    }
    Election election(ServerId(1), std::make_shared<ensemble::Membership>(config));
    ElectionActions out;
    election.start(Zxid(0), Epoch(0), after_ms(0), out, WallMs(17));
    election.on_notification(ServerId(3), says(3, 5), after_ms(1), out);
    election.on_tick(after_ms(300), out);
    ASSERT_EQ(election.state(), PeerState::following);
    const std::string before = to_text(election.history());
    for (int i = 0; i < 100; ++i) {
        election.on_notification(ServerId(2), says(2, i, i), after_ms(400 + i), out);
        election.on_tick(after_ms(400 + i), out);
    }
    EXPECT_EQ(to_text(election.history()), before);
    EXPECT_THAT(before, HasSubstr("search number=1 began_ms=17 "));
    EXPECT_THAT(before, Not(HasSubstr("majority_lost")));
}

TEST(ElectionHistoryText, UnknownLinesAndNamesArePassedOver) {
    const auto read = parse_searches(
        "elections form=1 server=3 uptime_ms=1\n"
        "search number=4 began_ms=9 epoch=1 zxid=0x7 votes=no left_out=2 why=\"a b\" later=5\n"
        "weather after_us=1 sun\n"
        "cast after_us=3 reason=own leader=1 epoch=1 zxid=0x7 round=2 mood=\"very good\"\n"
        "ended after_us=8 why=\"c\"");
    ASSERT_TRUE(read.has_value());
    ASSERT_EQ(read->size(), 1U);
    EXPECT_EQ((*read)[0].why, "a b");
    EXPECT_EQ((*read)[0].left_out, 2U);
    EXPECT_FALSE((*read)[0].votes);
    ASSERT_EQ((*read)[0].moments.size(), 1U);
    EXPECT_EQ((*read)[0].moments[0].vote.round, Round(2));
    EXPECT_EQ((*read)[0].ended->why, "c");
}

TEST(ElectionHistoryText, ALineThatLacksWhatItMustSayIsNotRead) {
    const std::string search =
        "search number=1 began_ms=9 epoch=1 zxid=0x7 votes=yes left_out=0 why=\"\"\n";
    ASSERT_TRUE(parse_searches(search).has_value());
    for (const char* bad :
         {"search number=1\n",
          "cast after_us=1\n",
          "cast after_us=1 reason=whim leader=1 epoch=1 zxid=0x7 round=2\n",
          "heard after_us=1 from=2 leader=1 epoch=1 zxid=0x7 round=2\n",
          "heard after_us=1 from=2 state=SLEEPING leader=1 epoch=1 zxid=0x7 round=2\n",
          "heard after_us=1 from=2 state=LOOKING leader=1 epoch=1 zxid=7 round=2\n",
          "majority after_us=1 leader=1 epoch=1 zxid=0x7 round=2 who=1,,2\n",
          "serving after_us=1x epoch=1\n",
          "ended after_us=99999999999999999999 why=\"\"\n"}) {
        const auto read = parse_searches(search + bad);
        EXPECT_FALSE(read.has_value()) << bad;
    }
}

TEST(ElectionHistoryText, NoBytesBreakTheReader) {
    History history;
    history.begin({.zxid = Zxid(-1), .epoch = Epoch(-1), .votes = false}, after_ms(0));
    history.cast(says(1, 5).vote, Moment::Reason::own, after_ms(1));
    history.heard(ServerId(2), says(2, 7), says(1, 5).vote, after_ms(2));
    history.doubted(ServerId(3), says(2, 8), Mistrust::Doubt::epoch, after_ms(2));
    history.majority({ServerId(1), ServerId(2)}, says(2, 7).vote, after_ms(3));
    history.majority({}, says(2, 7).vote, after_ms(4));
    history.decided(PeerState::leading, says(2, 7).vote, after_ms(5));
    history.serving(Epoch(2), after_ms(6));
    history.ended("it \"fell\"", after_ms(7));
    const std::string text = to_text(history);
    const auto whole = parse_searches(text);
    ASSERT_TRUE(whole.has_value());
    EXPECT_EQ(to_text(whole->at(0)), text);
    std::mt19937 random(7);  // NOLINT(bugprone-random-generator-seed): the same each time
    int read = 0;
    for (int i = 0; i < 20'000; ++i) {
        std::string spoilt = text.substr(0, random() % (text.size() + 1));
        for (unsigned changes = random() % 4; changes > 0 && !spoilt.empty(); --changes) {
            spoilt[random() % spoilt.size()] = " =\"\n0a,\xff"[random() % 8];
        }
        const auto searches = parse_searches(spoilt);
        if (searches.has_value()) ++read;
    }
    EXPECT_GT(read, 0);
    EXPECT_LT(read, 20'000);
    std::string many;
    for (int i = 0; i < 3000; ++i) many += text;
    EXPECT_EQ(parse_searches(many)->size(), History::kSearches);
}

}  // namespace
}  // namespace zk::election
