#include "base/working_time.h"

#include <gtest/gtest.h>

#include "session/session_tracker.h"

namespace zk {
namespace {

constexpr Duration kGapMax = milliseconds(100);

Instant at(std::int64_t ms) { return Instant(milliseconds(ms)); }

TEST(WorkingTime, RunsWithTheClockWhileTicksComeInTime) {
    WorkingTime time(kGapMax);
    for (std::int64_t ms = 500; ms <= 60'000; ms += 20) EXPECT_EQ(time.advance(at(ms)), at(ms));
    EXPECT_EQ(time.advance(at(60'100)), at(60'100)) << "a gap of the largest size counts whole";
    EXPECT_EQ(time.now(), at(60'100));
    EXPECT_EQ(time.lost(), Duration{});
}

TEST(WorkingTime, PauseCountsAsTheLargestGap) {
    WorkingTime time(kGapMax);
    time.advance(at(1000));
    EXPECT_EQ(time.advance(at(6000)), at(1100));
    EXPECT_EQ(time.advance(at(6000)), at(1100)) << "told twice";
    EXPECT_EQ(time.advance(at(6020)), at(1120));
    EXPECT_EQ(time.lost(), milliseconds(4900));
    EXPECT_EQ(time.advance(at(9020)), at(1220)) << "and a second one";
    EXPECT_EQ(time.lost(), milliseconds(7800));
}

TEST(WorkingTime, NeverGoesBack) {
    WorkingTime time(kGapMax);
    time.advance(at(1000));
    EXPECT_EQ(time.advance(at(900)), at(1000));
    EXPECT_EQ(time.advance(at(1010)), at(1010)) << "counted from the latest time that was told";
}

TEST(WorkingTime, SlowLoopStillGetsOn) {
    WorkingTime time(kGapMax);
    for (std::int64_t ms = 0; ms <= 10'000; ms += 250) time.advance(at(ms));
    EXPECT_EQ(time.now(), at(4000)) << "100 ms of each 250";
}

TEST(WorkingTime, PausedLeaderKeepsItsSessions) {
    WorkingTime time(kGapMax);
    session::SessionTracker sessions(milliseconds(2000));
    sessions.add(SessionId(1), 4000, time.advance(at(0)));
    for (std::int64_t ms = 20; ms <= 3000; ms += 20) {
        ASSERT_TRUE(sessions.expire(time.advance(at(ms))).empty());
    }
    EXPECT_TRUE(sessions.expire(time.advance(at(60'000))).empty()) << "a minute's stop";
    EXPECT_TRUE(sessions.touch(SessionId(1), time.advance(at(60'010))));
    std::int64_t ms = 60'010;
    while (sessions.expire(time.advance(at(ms))).empty()) ms += 20;
    EXPECT_GT(ms, 64'010) << "never early";
    EXPECT_LE(ms, 66'030) << "nor more than a tick late";
}

}  // namespace
}  // namespace zk
