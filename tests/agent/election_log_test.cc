// What is kept of elections: how long there was no leader, what is dropped, and files of any content.
#include <random>

#include <gtest/gtest.h>

#include "elections/log.h"

namespace zk::elections {
namespace {

using agent_api::Cause;
using agent_api::ElectionEntry;
using agent_api::ElectionRecord;
using agent_api::ElectionsKept;
using agent_api::Role;

ElectionRecord record(std::int64_t at, Role role, int epoch = 0, int leader = 0) {
    ElectionRecord record;
    record.entry.at = WallMs(at);
    record.entry.role = role;
    if (epoch != 0) record.entry.epoch = Epoch(epoch);
    if (leader != 0) record.entry.leader = ServerId(leader);
    return record;
}
/// As `elec` tells one that served `served_ms` after its beginning; 0: not yet.
std::string search(int number, std::int64_t began, int served_ms, int epoch = 2) {
    const std::string vote = " leader=3 epoch=1 zxid=0x100000005 round=2";
    std::string text = "search number=" + std::to_string(number) +
                       " began_ms=" + std::to_string(began) +
                       " epoch=1 zxid=0x100000005 votes=yes left_out=0 why=\"lost the leader\"\n"
                       "cast after_us=0 reason=own leader=1 epoch=1 zxid=0x100000005 round=2\n"
                       "heard after_us=1500 from=3 state=LOOKING" +
                       vote +
                       " rule=sid\n"
                       "cast after_us=1600 reason=better from=3" +
                       vote + " rule=sid\n";
    if (served_ms == 0) return text;
    return text + "decided after_us=20000 state=FOLLOWING" + vote +
           "\nserving after_us=" + std::to_string(served_ms * 1000) +
           " epoch=" + std::to_string(epoch) + "\n";
}
std::optional<std::uint64_t> without(const ElectionLog& log) {
    return log.kept().records.back().without_leader_ms;
}

TEST(ElectionLog, TimeWithoutALeaderByTheServersWord) {
    ElectionLog log;
    log.add(record(1000, Role::follower, 1, 2));
    auto lost = record(9000, Role::looking);
    lost.cause_at = WallMs(8100);
    log.add(lost);
    EXPECT_EQ(without(log), std::nullopt);
    log.take_searches(search(2, 8100, 400));
    log.add(record(10000, Role::follower, 2, 3));
    EXPECT_EQ(without(log), 400u);
}

TEST(ElectionLog, TimeWithoutALeaderByTheLooks) {
    ElectionLog log;
    log.add(record(1000, Role::follower, 1, 2));
    log.add(record(9000, Role::down));
    log.add(record(11000, Role::looking));
    log.add(record(12500, Role::leader, 2, 1));
    EXPECT_EQ(without(log), 3500u);
    // What the server tells is how it came to serve long ago.
    log.take_searches(search(2, 500, 100, 3));
    log.add(record(12600, Role::down));
    log.add(record(12700, Role::leader, 3, 1));
    EXPECT_EQ(without(log), 100u);
    log.add(record(13000, Role::looking));
    log.add(record(12900, Role::leader, 3, 1));
    EXPECT_EQ(without(log), std::nullopt) << "the clock was set back";
}

TEST(ElectionLog, TimeWithoutALeaderBetweenTwoLooks) {
    ElectionLog log;
    log.add(record(1000, Role::follower, 1, 2));
    log.add(record(9000, Role::follower, 2, 3));
    EXPECT_EQ(without(log), std::nullopt);
    // Two searches: the first one found nobody.
    log.take_searches(search(3, 9500, 0) + "ended after_us=100000 why=\"x\"\n" +
                      search(4, 9700, 200, 3));
    log.add(record(10000, Role::follower, 3, 2));
    EXPECT_EQ(without(log), 400u);
    // A process that has just started knows no leader that was lost.
    log.take_searches(search(1, 10500, 100, 4));
    log.add(record(11000, Role::follower, 4, 2));
    EXPECT_EQ(without(log), std::nullopt);
    // What the server tells is older than what changed.
    log.take_searches(search(5, 10900, 50, 5));
    log.add(record(12000, Role::follower, 5, 2));
    EXPECT_EQ(without(log), std::nullopt);
}

TEST(ElectionLog, NoTimeIsToldWhereNobodyLooked) {
    ElectionLog log;
    log.add(record(900, Role::down));
    log.add(record(1000, Role::leader, 1, 1));
    EXPECT_EQ(without(log), std::nullopt) << "since when it was down is not known";
    auto lost = record(9000, Role::down);
    lost.agent_away = true;
    log.add(lost);
    log.add(record(9500, Role::leader, 2, 1));
    EXPECT_EQ(without(log), std::nullopt);
    log.add(record(9900, Role::standalone));
    EXPECT_EQ(without(log), std::nullopt);
}

TEST(ElectionLog, SearchesAreKeptOnceAndToldAnewWhereMoreIsKnown) {
    ElectionLog log;
    EXPECT_FALSE(log.take_searches(search(1, 1000, 0))) << "under way";
    EXPECT_TRUE(log.kept().searches.empty());
    EXPECT_TRUE(log.take_searches(search(1, 1000, 300)));
    EXPECT_FALSE(log.take_searches(search(1, 1000, 300)));
    EXPECT_TRUE(log.take_searches(search(1, 1000, 300) + "ended after_us=900000 why=\"y\"\n" +
                                  search(2, 1900, 0)));
    ASSERT_EQ(log.kept().searches.size(), 1u);
    EXPECT_NE(log.kept().searches[0].told.find("ended after_us=900000"), std::string::npos);
    // Another process of the server counts anew.
    EXPECT_TRUE(log.take_searches(search(1, 5000, 300)));
    EXPECT_EQ(log.kept().searches.size(), 2u);
    EXPECT_EQ(log.last_search(WallMs(5000))->number, 1u);
    EXPECT_FALSE(log.last_search(WallMs(5001)));
    // What cannot be read changes nothing.
    EXPECT_FALSE(log.take_searches("search number=x\n"));
    EXPECT_EQ(log.kept().searches.size(), 2u);
    EXPECT_EQ(log.last_search(WallMs(0))->began, WallMs(5000));
}

TEST(ElectionLog, TheNewestSearchesStay) {
    ElectionLog log;
    for (int i = 1; i <= 40; ++i) log.take_searches(search(i, 1000 * i, 300));
    ASSERT_EQ(log.kept().searches.size(), agent_api::kSearchesMax);
    EXPECT_EQ(log.kept().searches.back().number, 40u);
    // One that was dropped does not come back in the place of a newer one.
    EXPECT_FALSE(log.take_searches(search(2, 2000, 300)));
    EXPECT_EQ(log.kept().searches.front().number, 41 - agent_api::kSearchesMax);
}

TEST(ElectionLog, BytesAreBoundedToo) {
    ElectionLog log;
    std::string heard;
    for (int i = 0; i < 60; ++i) {
        heard +=
            "heard after_us=1 from=3 state=LOOKING leader=9223372036854775807 "
            "epoch=9223372036854775807 zxid=0xffffffffffffffff round=9223372036854775807\n";
    }
    for (int i = 1; i <= 16; ++i) {
        log.take_searches("search number=" + std::to_string(i) +
                          " began_ms=" + std::to_string(i * 1000) +
                          " epoch=1 zxid=0x1 votes=yes left_out=0 why=\"x\"\n" + heard +
                          "ended after_us=5 why=\"y\"\n");
    }
    std::size_t bytes = 0;
    for (const auto& each : log.kept().searches) bytes += each.told.size();
    EXPECT_LE(bytes, agent_api::kSearchesBytesMax);
    EXPECT_LT(log.kept().searches.size(), 16u);
    EXPECT_EQ(log.kept().searches.back().number, 16u);
}

TEST(ElectionLog, RecordsAreBounded) {
    ElectionLog log;
    for (int i = 0; i < 200; ++i) log.add(record(i, i % 2 == 0 ? Role::down : Role::looking));
    ASSERT_EQ(log.kept().records.size(), agent_api::kRecordsMax);
    EXPECT_EQ(log.kept().records.back().entry.at, WallMs(199));
}

TEST(ElectionLog, AnOlderAgentsHistoryComesWithoutCauses) {
    ElectionLog log;
    const ElectionEntry first = record(1, Role::looking).entry;
    const ElectionEntry second = record(2, Role::leader, 1, 1).entry;
    log.import({first, second});
    ASSERT_EQ(log.kept().records.size(), 2u);
    EXPECT_EQ(log.kept().records[1].cause, Cause::unknown);
    const ElectionEntry third = record(3, Role::down).entry;
    log.import({first, second, third});
    ASSERT_EQ(log.kept().records.size(), 3u);
    log.import({first, second, third});
    EXPECT_EQ(log.kept().records.size(), 3u);
    log.import({record(2, Role::down).entry, record(4, Role::looking).entry});
    ASSERT_EQ(log.kept().records.size(), 4u);
    EXPECT_EQ(log.kept().records.back().entry.at, WallMs(4));
}

TEST(ElectionLog, VotesForPrograms) {
    ElectionLog log;
    log.take_searches(search(2, 8000, 300));
    const auto seen = seen_in(log.kept().searches);
    ASSERT_EQ(seen.size(), 1u);
    EXPECT_EQ(seen[0].why, "lost the leader");
    EXPECT_EQ(seen[0].leader, ServerId(3));
    EXPECT_EQ(seen[0].epoch, Epoch(2));
    EXPECT_EQ(seen[0].served, WallMs(8300));
    ASSERT_EQ(seen[0].votes.size(), 3u);
    EXPECT_EQ(seen[0].votes[0].from, std::nullopt);
    EXPECT_EQ(seen[0].votes[1].kind, "heard");
    EXPECT_EQ(seen[0].votes[1].from, ServerId(3));
    EXPECT_EQ(seen[0].votes[1].at, WallMs(8001));
    EXPECT_EQ(seen[0].votes[2].rule, "sid");
    EXPECT_EQ(seen[0].votes[2].zxid, Zxid(0x100000005));
    EXPECT_EQ(seen[0].votes[2].round, 2u);
}

ElectionsKept some() {
    ElectionLog log;
    log.kept().cluster = "demo";
    log.kept().sid = ServerId(1);
    log.kept().boot = "b";
    log.kept().pid = 70;
    log.add(record(1000, Role::follower, 1, 2));
    auto killed = record(9000, Role::down);
    killed.cause = Cause::killed;
    killed.signal = 9;
    killed.cause_at = WallMs(8900);
    log.add(killed);
    log.take_searches(search(1, 500, 300));
    log.take_searches(search(2, 8100, 400));
    return log.kept();
}

TEST(ElectionsFile, ComesBackWhole) {
    const auto again = agent_api::parse_elections_kept(to_json(some()));
    ASSERT_TRUE(again.has_value()) << again.error().message();
    EXPECT_EQ(*again, some());
    EXPECT_EQ(ElectionLog(*again).kept(), some());
}

TEST(ElectionsFile, ALaterFormIsNotReadAsThisOne) {
    ElectionsKept kept = some();
    kept.format = 2;
    EXPECT_FALSE(agent_api::parse_elections_kept(to_json(kept)).has_value());
    EXPECT_FALSE(agent_api::parse_elections_kept("[]").has_value());
    EXPECT_FALSE(agent_api::parse_elections_kept("").has_value());
}

TEST(ElectionsFile, WhatIsTooMuchIsDropped) {
    ElectionsKept kept = some();
    kept.silence = std::string(5000, '\x1b');
    kept.records.assign(500, kept.records.back());
    kept.records.back().words = std::string(5000, 'x');
    kept.records.back().entry.at = WallMs(std::numeric_limits<std::int64_t>::min());
    kept.searches.assign(500, kept.searches.back());
    kept.searches.push_back({9,
                             WallMs(9),
                             "search number=9 began_ms=9223372036854775807 epoch=1 "
                             "zxid=0x1 votes=yes left_out=0 why=\"x\"\n"
                             "ended after_us=9223372036854775807 why=\"y\"\n"});
    const auto again = agent_api::parse_elections_kept(to_json(kept));
    ASSERT_TRUE(again.has_value());
    const ElectionLog log(*again);
    EXPECT_EQ(log.kept().records.size(), agent_api::kRecordsMax);
    EXPECT_EQ(log.kept().records.back().words.size(), agent_api::kRecordWordsMax);
    EXPECT_EQ(log.kept().records.back().entry.at, WallMs(0));
    EXPECT_EQ(log.kept().silence, std::string(agent_api::kRecordWordsMax, '?'));
    EXPECT_EQ(log.kept().searches.size(), agent_api::kSearchesMax - 1);
    EXPECT_EQ(seen_in(log.kept().searches).size(), agent_api::kSearchesMax - 1);
}

TEST(ElectionsFile, TimesThatNobodyCanReckonWithAreNotKept) {
    const std::string most = "9223372036854775807";
    const std::string ended = "ended after_us=5 why=\"y\"\n";
    const auto told = [&](const std::string& began, const std::string& end) {
        return "search number=1 began_ms=" + began +
               " epoch=1 zxid=0x1 votes=yes left_out=0 why=\"x\"\n" + end;
    };
    ElectionLog log;
    EXPECT_FALSE(log.take_searches(told(most, ended)));
    EXPECT_FALSE(log.take_searches(told("-1", ended)));
    EXPECT_FALSE(log.take_searches(told("1", "ended after_us=" + most + " why=\"y\"\n")));
    EXPECT_FALSE(log.take_searches(told("1", "serving after_us=" + most + " epoch=1\n" + ended)));
    EXPECT_FALSE(log.take_searches(told("1", "ended after_us=-1 why=\"y\"\n")));
    EXPECT_TRUE(log.take_searches(told("1", ended)));
}

/// Torn, with flipped bits, with pieces of itself in wrong places: an error, or what is within bounds and can be told.
TEST(ElectionsFile, AnyBytesAreReadWithinBounds) {
    const std::string whole = to_json(some());
    std::mt19937 random(7);
    int read = 0;
    for (int run = 0; run < 800; ++run) {
        std::string text = whole;
        const auto any = [&](std::size_t below) { return random() % below; };
        for (std::size_t changes = 1 + any(4); changes > 0; --changes) {
            const std::size_t at = any(text.size());
            switch (any(4)) {
                case 0:
                    text[at] = static_cast<char>(text[at] ^ (1 << any(8)));
                    break;
                case 1:
                    text[at] = static_cast<char>('0' + any(10));
                    break;
                case 2:
                    text.erase(at, 1 + any(20));
                    if (text.empty()) text = "x";
                    break;
                default:
                    text.insert(at, whole.substr(any(whole.size()), any(40)));
                    break;
            }
        }
        const auto kept = agent_api::parse_elections_kept(text);
        if (!kept.has_value()) continue;
        ++read;
        ElectionLog log(*kept);
        log.add(record(10000, Role::follower, 2, 3));
        EXPECT_LE(log.kept().records.size(), agent_api::kRecordsMax);
        (void)seen_in(log.kept().searches);
        for (const ElectionRecord& each : log.kept().records) (void)words_of(each);
        const auto again = agent_api::parse_elections_kept(to_json(log.kept()));
        ASSERT_TRUE(again.has_value());
    }
    EXPECT_GT(read, 20);
}

}  // namespace
}  // namespace zk::elections
