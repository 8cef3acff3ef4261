#include "session/session_tracker.h"

#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace zk::session {
namespace {

using ::testing::ElementsAre;

Instant at(std::int64_t ms) { return Instant(milliseconds(ms)); }
constexpr SessionId kA{1};
constexpr SessionId kB{2};
constexpr SessionId kC{3};

TEST(SessionTracker, ExpiresByTheBucketRule) {
    SessionTracker tracker(milliseconds(2000));
    tracker.add(kA, 4000, at(1000));  // ((1000 + 4000 + 1250) / 500 + 1) * 500 = 6500
    tracker.add(kB, 4000, at(2250));  // 8000: an exact multiple waits for the next bucket
    EXPECT_EQ(tracker.next_deadline(), at(6500));
    EXPECT_TRUE(tracker.expire(at(6499)).empty());
    EXPECT_THAT(tracker.expire(at(6500)), ElementsAre(kA));
    EXPECT_TRUE(tracker.is_closing(kA));
    EXPECT_TRUE(tracker.contains(kA)) << "until its closeSession is applied";
    EXPECT_TRUE(tracker.expire(at(7999)).empty()) << "only once";
    EXPECT_THAT(tracker.expire(at(8000)), ElementsAre(kB));
    EXPECT_EQ(tracker.next_deadline(), std::nullopt);
    EXPECT_TRUE(tracker.remove(kA));
    EXPECT_FALSE(tracker.remove(kA));
}

TEST(SessionTracker, NeverEarlyAndAtMostATickLate) {
    std::mt19937 random(1);
    for (int i = 0; i < 500; ++i) {
        const std::int64_t tick = 8 * (1 + static_cast<std::int64_t>(random() % 400));
        const std::int64_t now = static_cast<std::int64_t>(random() % 1000000);
        const auto timeout = static_cast<std::int32_t>(random() % 60000);
        SessionTracker tracker((milliseconds(tick)));
        tracker.add(kA, timeout, at(now));
        const Instant deadline = *tracker.next_deadline();
        EXPECT_GT(deadline, at(now + timeout + tick * 5 / 8))
            << "a learner's word may be on its way";
        EXPECT_LE(deadline, at(now + timeout + tick * 7 / 8))
            << "and the core's own tick comes late";
    }
}

TEST(SessionTracker, TouchPutsTheDeadlineOff) {
    SessionTracker tracker(milliseconds(1000));
    tracker.add(kA, 3000, at(0));
    tracker.add(kB, 3000, at(0));
    EXPECT_TRUE(tracker.touch(kA, at(2500)));
    EXPECT_THAT(tracker.expire(at(4000)), ElementsAre(kB));
    EXPECT_FALSE(tracker.touch(kB, at(4000))) << "too late";
    EXPECT_FALSE(tracker.touch(kC, at(4000)));
    EXPECT_TRUE(tracker.expire(at(6249)).empty());
    EXPECT_THAT(tracker.expire(at(6250)), ElementsAre(kA));
}

TEST(SessionTracker, OrderIsByBucketThenById) {
    SessionTracker tracker(milliseconds(1000));
    for (const std::int64_t id : {9, 3, 7, 1}) tracker.add(SessionId(id), 2000, at(0));
    tracker.add(SessionId(2), 5000, at(0));
    tracker.add(SessionId(8), 1000, at(0));
    std::vector<std::int64_t> order;
    for (const SessionId session : tracker.expire(at(100000))) order.push_back(session.value());
    EXPECT_THAT(order, ElementsAre(8, 1, 3, 7, 9, 2));
}

TEST(SessionTracker, ClosingSessionsDoNotExpire) {
    SessionTracker tracker(milliseconds(1000));
    tracker.add(kA, 2000, at(0));
    tracker.begin_closing(kA);
    tracker.begin_closing(kA);
    EXPECT_TRUE(tracker.is_closing(kA));
    EXPECT_FALSE(tracker.touch(kA, at(1)));
    EXPECT_TRUE(tracker.expire(at(100000)).empty());
    tracker.add(kA, 3000, at(5));
    EXPECT_TRUE(tracker.is_closing(kA));
    EXPECT_TRUE(tracker.remove(kA));
    EXPECT_FALSE(tracker.is_closing(kA));
    tracker.begin_closing(kA);
    EXPECT_FALSE(tracker.contains(kA));
}

TEST(SessionTracker, NewLeaderGivesEverybodyTheFullTimeout) {
    SessionTracker tracker(milliseconds(1000));
    tracker.add(kA, 2000, at(0));
    tracker.add(kB, 9000, at(0));
    tracker.set_owner(kB, 5);
    tracker.begin_closing(kB);
    EXPECT_THAT(tracker.expire(at(3000)), ElementsAre(kA));
    tracker.restart_all(at(50000));
    EXPECT_FALSE(tracker.is_closing(kA));
    EXPECT_FALSE(tracker.is_closing(kB));
    EXPECT_EQ(tracker.owner(kB), std::nullopt);
    EXPECT_TRUE(tracker.expire(at(52749)).empty());
    EXPECT_THAT(tracker.expire(at(52750)), ElementsAre(kA));
    EXPECT_THAT(tracker.expire(at(60000)), ElementsAre(kB));
}

TEST(SessionTracker, AllIsSortedAndOwnersAreKept) {
    SessionTracker tracker(milliseconds(1000));
    tracker.add(kC, 3, at(0));
    tracker.add(kA, 1, at(0));
    tracker.add(kB, 2, at(0));
    tracker.add(kB, 20, at(0));
    EXPECT_THAT(tracker.all(),
                ElementsAre(SessionTimeout{kA, 1}, SessionTimeout{kB, 20}, SessionTimeout{kC, 3}));
    EXPECT_EQ(tracker.owner(kA), std::nullopt);
    tracker.set_owner(kA, -4);
    EXPECT_EQ(tracker.owner(kA), -4);
    tracker.set_owner(SessionId(99), 1);
    EXPECT_FALSE(tracker.contains(SessionId(99)));
    EXPECT_EQ(tracker.timeout_ms(kB), 20);
    EXPECT_EQ(tracker.timeout_ms(SessionId(99)), std::nullopt);
    tracker.clear();
    EXPECT_EQ(tracker.size(), 0U);
    EXPECT_TRUE(tracker.expire(at(1000000)).empty());
}

}  // namespace
}  // namespace zk::session
