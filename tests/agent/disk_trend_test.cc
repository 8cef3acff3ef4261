#include "node_judge/disk_trend.h"

#include <algorithm>
#include <chrono>
#include <functional>

#include <gtest/gtest.h>

namespace zk::node_judge {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;

constexpr std::uint64_t kMiB = 1ULL << 20;
constexpr std::uint64_t kGiB = 1ULL << 30;

/// A look each second for so long; `free_at` says what is free after so many seconds.
std::optional<std::uint64_t> after(minutes time,
                                   const std::function<std::uint64_t(std::uint64_t)>& free_at) {
    DiskTrend trend;
    for (std::uint64_t s = 0; s <= static_cast<std::uint64_t>(seconds(time).count()); ++s) {
        trend.add(Instant() + seconds(s), 7, free_at(s));
    }
    return trend.full_in_s();
}

TEST(DiskTrend, ASteadyFallIsExtrapolated) {
    // 1 MiB a second: 20 GiB last 20480 s, of which an hour has gone.
    const auto left = after(minutes(60), [](std::uint64_t s) { return 20 * kGiB - s * kMiB; });
    ASSERT_TRUE(left);
    EXPECT_NEAR(static_cast<double>(*left), 20480 - 3600, 60);
}

TEST(DiskTrend, ADiskThatStandsStillIsNeverFull) {
    EXPECT_FALSE(after(minutes(120), [](std::uint64_t) { return kGiB; }));
}

TEST(DiskTrend, ADiskThatEmptiesIsNeverFull) {
    EXPECT_FALSE(after(minutes(60), [](std::uint64_t s) { return kGiB + s * kMiB; }));
}

TEST(DiskTrend, TenMinutesHaveToBeSeen) {
    const auto fall = [](std::uint64_t s) { return 20 * kGiB - s * kMiB; };
    EXPECT_FALSE(after(minutes(9), fall));
    EXPECT_TRUE(after(minutes(10), fall));
}

TEST(DiskTrend, AnotherDiskIsLookedAtAnew) {
    DiskTrend trend;
    Instant now{};
    const auto looks = [&](std::uint64_t device, std::uint64_t count) {
        for (std::uint64_t s = 0; s < count; ++s) {
            now += seconds(1);
            trend.add(now, device, 20 * kGiB - s * kMiB);
        }
        return trend.full_in_s();
    };
    EXPECT_TRUE(looks(7, 900));
    // The directory was moved to a smaller one, which is as full as it is.
    EXPECT_FALSE(looks(8, 500));
    EXPECT_LT(trend.seen(), minutes(9));
    // A look that could not tell the device says nothing of another one.
    EXPECT_FALSE(looks(0, 1));
    EXPECT_TRUE(looks(8, 900));
}

TEST(DiskTrend, OneNewLogFileIsNoTrend) {
    for (const std::uint64_t at : {60U, 300U, 600U, 900U, 1700U}) {
        EXPECT_FALSE(after(minutes(30), [at](std::uint64_t s) {
            return 10 * kGiB - (s >= at ? 64 * kMiB : 0);
        })) << at;
    }
}

TEST(DiskTrend, AStaircaseOfLogFilesIsATrend) {
    // A log file each five minutes.
    const auto left =
        after(minutes(60), [](std::uint64_t s) { return 10 * kGiB - (s / 300) * 64 * kMiB; });
    ASSERT_TRUE(left);
    EXPECT_NEAR(static_cast<double>(*left), (10.0 * 1024 - 768) / 64 * 300, 4000);
}

TEST(DiskTrend, ASawToothThatIsPurgedIsNoTrend) {
    EXPECT_FALSE(after(minutes(120), [](std::uint64_t s) { return 10 * kGiB - (s % 600) * kMiB; }));
}

TEST(DiskTrend, WhatFellLongAgoAndStandsStillIsNoTrend) {
    // Also when a little of the fall reaches into the middle of what was seen.
    for (const std::uint64_t end_s : {1200U, 1400U}) {
        EXPECT_FALSE(after(minutes(60), [end_s](std::uint64_t s) {
            return 10 * kGiB - std::min(s, end_s) * kMiB;
        })) << end_s;
    }
}

TEST(DiskTrend, OldSamplesAreForgotten) {
    // Falls for an hour, then stands still for longer than the series is.
    EXPECT_FALSE(after(minutes(60 + 125),
                       [](std::uint64_t s) { return 20 * kGiB - (s < 3600 ? s : 3600) * kMiB; }));
}

TEST(DiskTrend, ASmallDiskIsHeldAgainstWhatItHas) {
    // 20 MiB in ten minutes would be nothing on a large disk.
    const auto left = after(minutes(20), [](std::uint64_t s) { return 80 * kMiB - s * kMiB / 30; });
    ASSERT_TRUE(left);
    EXPECT_NEAR(static_cast<double>(*left), 1200, 60);
}

}  // namespace
}  // namespace zk::node_judge
