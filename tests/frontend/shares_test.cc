// What one of several loops may have.
#include "frontend/shares.h"

#include <gtest/gtest.h>

namespace zk::frontend {
namespace {

Settings settings_of_all() {
    Settings all;
    all.outstanding_max = 1000;
    all.request_throttle_max = 10;
    all.large_request_bytes_max = 8 << 20;
    return all;
}

TEST(Shares, OneLoopHasAll) {
    Settings all = settings_of_all();
    const Settings one = share_of(all, 0, 1);
    EXPECT_EQ(one.loop, 0U);
    EXPECT_EQ(one.outstanding_max, 1000);
    EXPECT_EQ(one.request_throttle_max, 10);
    EXPECT_EQ(one.large_request_bytes_max, 8 << 20);
    EXPECT_EQ(one.loop_bytes_max, all.loop_bytes_max);
    EXPECT_EQ(one.loop_output_bytes_max, all.loop_output_bytes_max);
    EXPECT_EQ(one.watch_bytes_max, all.watch_bytes_max);
}

TEST(Shares, LimitsOnAllClientsAreDivided) {
    const Settings all = settings_of_all();
    const Settings one = share_of(all, 2, 4);
    EXPECT_EQ(one.loop, 2U);
    EXPECT_EQ(one.outstanding_max, 250);
    EXPECT_EQ(one.request_throttle_max, 2);
    EXPECT_EQ(one.large_request_bytes_max, 2 << 20);
    EXPECT_EQ(one.loop_bytes_max, all.loop_bytes_max / 4);
    EXPECT_EQ(one.loop_output_bytes_max, all.loop_output_bytes_max / 4);
    EXPECT_EQ(one.loop_output_bytes_end, all.loop_output_bytes_end / 4);
    EXPECT_EQ(one.watch_bytes_max, all.watch_bytes_max / 4);
    EXPECT_EQ(one.connection_bytes_max, all.connection_bytes_max) << "of one client";
    EXPECT_EQ(one.small_bytes_max, all.small_bytes_max);
}

TEST(Shares, EachLoopLetsInWhatTheServerLetsInOfOneClient) {
    Settings all = settings_of_all();
    all.outstanding_max = 3;
    all.large_request_bytes_max = 1 << 20;
    all.jute_max_buffer = 900'000;
    const Settings one = share_of(all, 0, 64);
    EXPECT_EQ(one.outstanding_max, 1);
    EXPECT_EQ(one.request_throttle_max, 1);
    EXPECT_EQ(one.large_request_bytes_max, 900'000)
        << "no request is refused for the loops' number";
    EXPECT_EQ(one.loop_bytes_max, 900'000 + all.small_bytes_max);
    all.request_throttle_max = 0;
    EXPECT_EQ(share_of(all, 0, 64).request_throttle_max, 0) << "no limit";
    all.large_request_bytes_max = 1000;
    EXPECT_EQ(share_of(all, 0, 2).large_request_bytes_max, 1000) << "nor let in that would not be";
}

TEST(Shares, ThereIsRoomForTheLargestRequest) {
    Settings all;
    make_room(1024, all);
    EXPECT_EQ(all.jute_max_buffer, 1024);
    EXPECT_EQ(all.connection_bytes_max, limits::kConnectionBytesMax);
    EXPECT_EQ(all.loop_bytes_max, limits::kClientLoopBytesMax);
    EXPECT_EQ(all.multi_read_bytes_max, limits::kMultiReadBytesMax);
    constexpr std::size_t kRequest = limits::kJuteMaxBufferMost;
    make_room(limits::kJuteMaxBufferMost, all);
    EXPECT_EQ(all.connection_bytes_max, 2 * kRequest);
    EXPECT_EQ(all.loop_bytes_max, 2 * kRequest);
    EXPECT_EQ(all.multi_read_bytes_max, 2 * kRequest);
    EXPECT_EQ(share_of(all, 0, 64).loop_bytes_max, kRequest + all.small_bytes_max)
        << "small requests are always under way";
}

}  // namespace
}  // namespace zk::frontend
