// Whose clock is off: from exchanges of time stamps to a finding.
#include "clock_offset/clock_offset.h"

#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace zk::clock_offset {
namespace {

using agent_api::FindingLevel;
using std::chrono::minutes;
using std::chrono::seconds;
using testing::HasSubstr;

constexpr std::int64_t kNow = 1'800'000'000'000;

ClockLook look(std::int64_t ahead_ms, std::int64_t uncertain_ms) {
    return {milliseconds(ahead_ms), milliseconds(uncertain_ms)};
}
/// Clocks of the nodes 1, 2, … by node 1's, each known to 3 ms but the first.
std::vector<HeardClock> clocks_at(const std::vector<std::int64_t>& ahead_ms) {
    std::vector<HeardClock> clocks;
    for (const std::int64_t ahead : ahead_ms) {
        const auto node = ServerId(static_cast<std::int64_t>(clocks.size()) + 1);
        clocks.push_back({node, look(ahead, clocks.empty() ? 0 : 3)});
    }
    return clocks;
}
/// "level value/limit" of node `id`'s finding.
std::string told(std::int64_t id, const std::vector<HeardClock>& clocks) {
    const auto deviation = deviation_of(ServerId(id), clocks);
    if (!deviation) return "not known";
    const auto finding = finding_of(*deviation);
    if (!finding) return "";
    EXPECT_EQ(finding->id, "clock.offset");
    return std::string(to_string(finding->level)) + " " + std::to_string(*finding->value) + "/" +
           std::to_string(*finding->limit);
}
std::string words(std::int64_t id, const std::vector<HeardClock>& clocks) {
    return finding_of(*deviation_of(ServerId(id), clocks))->words;
}

TEST(LookAtClock, TheTruthLiesWithinHalfTheWayThereAndBack) {
    // Its clock is 5000 ms ahead. Wherever between question and answer it was read, the look admits 5000.
    for (std::int64_t read_after = 0; read_after <= 40; ++read_after) {
        const auto seen =
            look_at_clock(WallMs(kNow), WallMs(kNow + read_after + 5000), WallMs(kNow + 40));
        ASSERT_TRUE(seen);
        EXPECT_EQ(seen->uncertain, milliseconds(21));
        EXPECT_GE(seen->ahead + seen->uncertain, seconds(5)) << read_after;
        EXPECT_LE(seen->ahead - seen->uncertain, seconds(5)) << read_after;
    }
}

TEST(LookAtClock, WhatCannotBeReckonedWithIsNoLook) {
    EXPECT_FALSE(look_at_clock(WallMs(kNow), WallMs(), WallMs(kNow)));
    EXPECT_FALSE(look_at_clock(WallMs(kNow), WallMs(kNow), WallMs(kNow - 1)))
        << "the own clock was set back";
    for (const std::int64_t told : {std::numeric_limits<std::int64_t>::min(),
                                    std::int64_t{-1},
                                    std::int64_t{253'402'300'800'000},
                                    std::numeric_limits<std::int64_t>::max()}) {
        EXPECT_FALSE(look_at_clock(WallMs(kNow), WallMs(told), WallMs(kNow))) << told;
    }
    EXPECT_TRUE(look_at_clock(WallMs(kNow), WallMs(253'402'300'799'999), WallMs(kNow)));
    EXPECT_TRUE(look_at_clock(WallMs(kNow), WallMs(1), WallMs(kNow)));
}

TEST(ClockFilter, TheShortestWayCounts) {
    ClockFilter filter;
    const Instant start{};
    EXPECT_TRUE(filter.empty());
    EXPECT_FALSE(filter.best(start));
    filter.add(start, look(120, 150));
    filter.add(start + seconds(1), look(4, 2));
    filter.add(start + seconds(2), look(-60, 90));
    const auto best = filter.best(start + seconds(2));
    ASSERT_TRUE(best);
    EXPECT_EQ(best->ahead, milliseconds(4));
    EXPECT_EQ(best->uncertain, milliseconds(2) + Duration(seconds(1)) / ClockFilter::kDriftParts);
}

TEST(ClockFilter, AClockThatWasSetIsNotWhatItWas) {
    ClockFilter filter;
    const Instant start{};
    filter.add(start, look(20'000, 1));
    filter.add(start + seconds(60), look(3, 200));
    EXPECT_EQ(filter.best(start + seconds(60))->ahead, milliseconds(3));
    // A slow look that admits what was seen before contradicts nothing.
    filter.add(start + seconds(120), look(20, 1));
    filter.add(start + seconds(180), look(900, 1000));
    EXPECT_EQ(filter.best(start + seconds(180))->ahead, milliseconds(20));
}

TEST(ClockFilter, DriftIsNoContradiction) {
    ClockFilter filter;
    const Instant start{};
    filter.add(start, look(0, 1));
    // 500 ppm of a minute are 30 ms.
    filter.add(start + seconds(60), look(31, 2));
    EXPECT_EQ(filter.best(start + seconds(60))->ahead, milliseconds(31));
    filter.add(start + seconds(61), look(31, 40));
    EXPECT_EQ(filter.best(start + seconds(61))->ahead, milliseconds(31));
}

TEST(ClockFilter, OldLooksAreForgotten) {
    ClockFilter filter;
    const Instant start{};
    filter.add(start, look(0, 1));
    for (int i = 1; i <= 8; ++i) filter.add(start + seconds(i), look(40, 100));
    EXPECT_EQ(filter.best(start + seconds(8))->ahead, milliseconds(40)) << "eight are kept";
    EXPECT_TRUE(filter.best(start + seconds(8) + ClockFilter::kLookTime));
    EXPECT_FALSE(filter.best(start + seconds(9) + ClockFilter::kLookTime));
}

TEST(ClockOffset, TheOneThatDiffersFromTheMedianIsTold) {
    const auto third_ahead = clocks_at({0, 4, 12'340});
    EXPECT_EQ(told(1, third_ahead), "");
    EXPECT_EQ(told(2, third_ahead), "");
    EXPECT_EQ(told(3, third_ahead), "critical 12336/10000");
    EXPECT_EQ(
        words(3, third_ahead),
        "its clock is 12.3 s ahead of the median of 3 nodes' clocks; set up NTP (chrony) there");
    // Seen by the node whose own clock it is.
    const auto own_behind = clocks_at({0, 2000, 2004});
    EXPECT_EQ(told(1, own_behind), "warning 2000/500");
    EXPECT_THAT(words(1, own_behind), HasSubstr("2.0 s behind the median"));
    EXPECT_EQ(told(2, own_behind), "");
    EXPECT_EQ(told(5, clocks_at({0, 1, 2, 3, 700, 4, 5})), "warning 697/500");
    EXPECT_EQ(told(3, clocks_at({0, 4, 7'512'340})), "critical 7512336/10000");
    EXPECT_THAT(words(3, clocks_at({0, 4, 7'512'340})), HasSubstr("2h 5m ahead"));
}

TEST(ClockOffset, ItIsToldOnceItIsBeyondTheLimitForCertain) {
    // The median is known to 1.5 ms, the third clock to 3 ms.
    EXPECT_EQ(told(3, clocks_at({0, 0, 506})), "");
    EXPECT_EQ(told(3, clocks_at({0, 0, 507})), "warning 505/500");
    EXPECT_EQ(told(3, clocks_at({0, 0, -507})), "warning 505/500");
    auto slow = clocks_at({0, 0, 3000});
    slow[2].look.uncertain = milliseconds(2600);
    EXPECT_EQ(told(3, slow), "");
    EXPECT_EQ(told(3, clocks_at({0, 0, 10'006})), "warning 10004/500");
    EXPECT_EQ(told(3, clocks_at({0, 0, 10'007})), "critical 10005/10000");
}

TEST(ClockOffset, OfTwoNobodyKnowsWhichIsWrong) {
    const auto two = clocks_at({0, 12'000});
    EXPECT_EQ(told(1, two), "critical 12000/10000");
    EXPECT_EQ(told(2, two), "critical 12000/10000");
    EXPECT_EQ(
        words(1, two),
        "its clock is 12.0 s behind node 2's, and of two nobody can tell which is wrong; set up "
        "NTP (chrony) on both");
    EXPECT_THAT(words(2, two), HasSubstr("12.0 s ahead of node 1's, and of two nobody can tell"));
    EXPECT_EQ(told(1, clocks_at({0, 400})), "");
    EXPECT_FALSE(deviation_of(ServerId(1), clocks_at({0, 400}))->split);
}

TEST(ClockOffset, TwoHalvesAreNotJudged) {
    const auto halves = clocks_at({0, 3, 8000, 8003});
    for (const std::int64_t id : {1, 2}) {
        EXPECT_THAT(words(id, halves), HasSubstr("behind half of 4 nodes' clocks, and nobody"))
            << id;
        EXPECT_THAT(words(id + 2, halves), HasSubstr("ahead of half of 4 nodes' clocks")) << id;
    }
    // Three against one are no halves.
    const auto one_off = clocks_at({0, 3, 5, 8003});
    EXPECT_EQ(told(1, one_off), "");
    EXPECT_EQ(told(3, one_off), "");
    EXPECT_EQ(told(4, one_off), "warning 7999/500");
}

TEST(ClockOffset, AloneNothingIsKnown) {
    EXPECT_EQ(told(1, clocks_at({0})), "not known");
    EXPECT_EQ(told(9, clocks_at({0, 1, 2})), "not known");
}

}  // namespace
}  // namespace zk::clock_offset
