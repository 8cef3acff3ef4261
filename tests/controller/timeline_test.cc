// One clock for many hosts.
#include "events/timeline.h"

#include <gtest/gtest.h>

namespace zk::events {
namespace {

TEST(ClockLook, ADifferenceWithinTheWayThereAndBackIsNone) {
    const auto near = look_at_clock(WallMs(1000), WallMs(1009), WallMs(1010));
    EXPECT_EQ(near.ahead, milliseconds(4));
    EXPECT_EQ(near.uncertain, milliseconds(6));
    EXPECT_EQ(correction(near), Duration{});
    const auto ahead = look_at_clock(WallMs(1000), WallMs(1012), WallMs(1010));
    EXPECT_EQ(correction(ahead), milliseconds(7));
    const auto behind = look_at_clock(WallMs(1000), WallMs(900), WallMs(1010));
    EXPECT_EQ(correction(behind), milliseconds(-105));
}

TEST(ClockLook, OurOwnClockWasSetBack) {
    const auto look = look_at_clock(WallMs(5000), WallMs(5000), WallMs(1000));
    EXPECT_GE(look.uncertain, Duration{});
}

TEST(Timeline, ASearchThatEndedWithinTheTimeIsTold) {
    Witness witness{{ServerId(1), {}, {}, {}}, "h"};
    take_elections(witness.word,
                   "search number=1 began_ms=1000 epoch=1 zxid=0x1 votes=yes left_out=0 why=\"x\"\n"
                   "serving after_us=500000 epoch=2\n",
                   "");
    EXPECT_EQ(timeline({witness}, WallMs(1001)).size(), 1u);
    EXPECT_EQ(timeline({witness}, std::nullopt).size(), 2u);
    EXPECT_EQ(words_since({witness}, WallMs(1500)).front().searches->size(), 1u);
    EXPECT_EQ(words_since({witness}, WallMs(1501)).front().searches->size(), 0u);
}

TEST(Timeline, ARoleEndsBeforeTheNextSearchBegins) {
    Witness witness{{ServerId(1), {}, {}, {}}, "h"};
    // 20 ms apart by two clocks of one server.
    take_elections(witness.word,
                   "search number=1 began_ms=1000 epoch=1 zxid=0x1 votes=yes left_out=0 why=\"x\"\n"
                   "ended after_us=520000 why=\"y\"\n"
                   "search number=2 began_ms=1500 epoch=1 zxid=0x1 votes=yes left_out=0 why=\"y\"\n"
                   "ended after_us=10000 why=\"z\"\n",
                   "");
    const auto all = timeline({witness}, std::nullopt);
    ASSERT_EQ(all.size(), 4u);
    EXPECT_EQ(all[1].words, "ends its role: y");
    EXPECT_EQ(all[1].at, WallMs(1500));
    EXPECT_EQ(all[2].words, "looks for a leader: y");
    EXPECT_EQ(all[3].at, WallMs(1510));
}

}  // namespace
}  // namespace zk::events
