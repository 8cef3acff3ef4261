// Bounds of what is remembered of elections. What is in it: scenarios/history_*.txt.
#include "election/history.h"

#include <algorithm>

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

}  // namespace
}  // namespace zk::election
