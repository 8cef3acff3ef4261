// What became of a leader that another node lost, and how that is shown.
#include "events/fate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace zk::events {
namespace {

using agent_api::Cause;
using agent_api::ElectionRecord;
using agent_api::Role;
using testing::HasSubstr;
using testing::Not;

ElectionRecord record(std::int64_t at, Role role, Cause cause, int epoch = 0, int leader = 0) {
    ElectionRecord record;
    record.entry.at = WallMs(at);
    record.entry.role = role;
    record.cause = cause;
    if (epoch != 0) record.entry.epoch = Epoch(epoch);
    if (leader != 0) record.entry.leader = ServerId(leader);
    return record;
}
std::string reign(int number, const std::string& ended, int epoch = 1) {
    return "search number=" + std::to_string(number) +
           " began_ms=1000 epoch=0 zxid=0x0 votes=yes left_out=0 why=\"x\"\n"
           "decided after_us=10 state=LEADING leader=3 epoch=0 zxid=0x0 round=1\n"
           "serving after_us=20 epoch=" +
           std::to_string(epoch) + "\n" + ended;
}

/// 1 follows 3 in epoch 1 from 2000 on, and loses it at 60000; 3 says nothing yet.
struct Story {
    std::vector<Witness> all{{{ServerId(1)}, "a"}, {{ServerId(3)}, "c"}};
    Witness& loser = all[0];
    Witness& leader = all[1];
    Story() {
        loser.changes = {record(2000, Role::follower, Cause::elected, 1, 3),
                         record(60000, Role::looking, Cause::leader_lost)};
        leader.changes = {record(2000, Role::leader, Cause::elected, 1, 3)};
        leader.word.why_not = "its server does not answer";
    }
    std::string fate() {
        const auto fate = fate_of_leader(all, all[0], 1);
        return fate ? fate->cause : "none";
    }
};

TEST(Fate, TheLeadersAgentSawItsProcessEnd) {
    Story story;
    auto killed = record(60900, Role::down, Cause::killed);
    killed.signal = 9;
    story.leader.changes.push_back(killed);
    const auto fate = fate_of_leader(story.all, story.all[0], 1);
    ASSERT_TRUE(fate);
    EXPECT_EQ(fate->leader, ServerId(3));
    EXPECT_EQ(fate->cause, "killed");
    EXPECT_EQ(fate->words, "server 3: its process was killed by signal 9 (SIGKILL)");
    // Long before, which was noticed late.
    story.leader.changes.back().entry.at = WallMs(40000);
    EXPECT_EQ(story.fate(), "killed");
    // By its own clock, a minute ahead.
    story.leader.changes.back().entry.at = WallMs(120900);
    story.leader.word.clock_ahead = milliseconds(60000);
    EXPECT_EQ(story.fate(), "killed");
    story.leader.changes.back().cause = Cause::unknown;
    EXPECT_EQ(story.fate(), "unknown");
}

TEST(Fate, TheLeaderWentOn) {
    Story story;
    // Its agent saw that reign end long afterwards.
    story.leader.changes.push_back(record(900000, Role::down, Cause::killed));
    EXPECT_EQ(story.fate(), "network");
    story.leader.changes.back().agent_away = true;
    EXPECT_EQ(story.fate(), "unknown");
    // Or its server says that it still leads.
    story.leader.changes.pop_back();
    EXPECT_EQ(story.fate(), "unknown");
    take_elections(story.leader.word = {ServerId(3)}, reign(1, ""), "");
    EXPECT_EQ(story.fate(), "network");
    // Not what its agent has kept of it: that says nothing of what came then.
    take_elections(story.leader.word = {ServerId(3)}, "", "it is down", reign(1, ""));
    EXPECT_EQ(story.fate(), "unknown");
}

TEST(Fate, ByTheLeadersServer) {
    Story story;
    take_elections(story.leader.word = {ServerId(3)},
                   reign(1, "ended after_us=59000000 why=\"followers are no quorum any more\"\n"),
                   "");
    EXPECT_EQ(fate_of_leader(story.all, story.all[0], 1)->words,
              "server 3: followers are no quorum any more");
    take_elections(
        story.leader.word = {ServerId(3)}, reign(1, "ended after_us=590000000 why=\"y\"\n"), "");
    EXPECT_EQ(story.fate(), "network");
    take_elections(story.leader.word = {ServerId(3)}, reign(1, "", 2), "");
    EXPECT_EQ(story.fate(), "unknown") << "that is another reign";
}

TEST(Fate, WhereNothingIsKnown) {
    Story story;
    story.leader.changes.clear();
    story.leader.silence = "connection refused";
    EXPECT_THAT(fate_of_leader(story.all, story.all[0], 1)->words,
                HasSubstr("what became of server 3 is not known: its agent does not answer"));
    story.all.pop_back();
    EXPECT_EQ(story.fate(), "unknown");
    story.all[0].changes[0].entry.leader.reset();
    EXPECT_EQ(story.fate(), "none");
    story.all[0].changes[0].entry.leader = ServerId(3);
    story.all[0].changes[1].cause = Cause::killed;
    EXPECT_EQ(story.fate(), "none");
    EXPECT_FALSE(fate_of_leader(story.all, story.all[0], 0));
}

TEST(Fate, IsShownWithTheTimeWithoutALeader) {
    Story story;
    auto killed = record(60000, Role::down, Cause::killed);
    killed.signal = 9;
    story.leader.changes.push_back(killed);
    story.loser.changes[1].words = "lost the leader: end of stream";
    auto again = record(60500, Role::follower, Cause::elected, 2, 2);
    again.without_leader_ms = 412;
    story.loser.changes.push_back(again);
    Told told;
    const std::string text = format_events(told, story.all);
    EXPECT_THAT(text,
                HasSubstr("looking: its leader went away (lost the leader: end of stream); server "
                          "3: its process was killed by signal 9 (SIGKILL)\n"));
    EXPECT_THAT(text, HasSubstr("down: its process was killed by signal 9 (SIGKILL)\n"));
    EXPECT_THAT(text,
                HasSubstr("follower of 2 in epoch 2: the search for a leader came to its end; 412 "
                          "ms without a leader\n"));
    const std::string json = events_json(told, story.all);
    EXPECT_THAT(json, HasSubstr("\"leader_fate\":{\"leader\":3,\"cause\":\"killed\""));
    EXPECT_THAT(json, HasSubstr("\"without_leader_ms\":412"));
    EXPECT_THAT(json, HasSubstr("\"cause\":\"leader_lost\""));
    EXPECT_THAT(json, HasSubstr("\"signal\":9"));
}

TEST(Kept, TheServersOwnWordCountsMoreThanWhatWasKept) {
    NodeWord word{ServerId(3)};
    const std::string ended = "ended after_us=500 why=\"y\"\n";
    take_elections(word, reign(1, ended), "", reign(1, "") + reign(7, ended));
    ASSERT_EQ(word.searches->size(), 2u);
    EXPECT_EQ(word.kept, 1u);
    EXPECT_EQ((*word.searches)[0].number, 7u);
    EXPECT_TRUE((*word.searches)[1].ended);
    EXPECT_EQ(word.why_not, "");
}

TEST(Kept, IsToldOfAServerThatDoesNotTell) {
    Story story;
    NodeWord& word = story.leader.word;
    word = {ServerId(3)};
    take_elections(word, "", "its server does not answer", reign(1, ""));
    ASSERT_TRUE(word.searches);
    EXPECT_EQ(word.kept, 1u);
    Told told;
    EXPECT_THAT(format_events(told, story.all),
                HasSubstr("! node 3 does not tell of votes: its server does not answer; what its "
                          "agent has kept is told\n"));
    EXPECT_THAT(events_json(told, story.all), HasSubstr("\"tells_votes\":false"));
    told.explained = true;
    const std::string text = format_events(told, story.all);
    EXPECT_THAT(text, HasSubstr("Server 3 leads in epoch 1"));
    EXPECT_THAT(
        text,
        HasSubstr("What 3 says here is what its agent has kept: its server does not answer."));
    // A search that is left out is none of the kept ones any more.
    const auto later = words_since(story.all, WallMs(500000));
    EXPECT_EQ(later[1].kept, 0u);
    EXPECT_TRUE(later[1].searches->empty());
}

TEST(Kept, AnOlderAgentTellsNoCauses) {
    const auto first = record(1000, Role::looking, Cause::started);
    const auto second = record(2000, Role::leader, Cause::unknown, 1, 1);
    const auto all = changes_of({first}, {first.entry, second.entry});
    ASSERT_EQ(all.size(), 2u);
    EXPECT_EQ(all[0], first);
    EXPECT_EQ(all[1], second);
}

}  // namespace
}  // namespace zk::events
