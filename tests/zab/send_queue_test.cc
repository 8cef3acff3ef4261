#include "zab/send_queue.h"

#include <gtest/gtest.h>

namespace zk::zab {
namespace {

constexpr SendQueueLimits kLimits{
    .low_water = 100, .owed_max = 1000, .progress_every = milliseconds(100)};

Instant at(int ms) { return Instant{} + milliseconds(1000 + ms); }

TEST(SendQueue, RoomIsToldAtOnceWhereThereIsRoom) {
    SendQueue queue(kLimits);
    queue.queued(100);
    EXPECT_EQ(queue.await_room(at(0)), QueueNews::room);
}

TEST(SendQueue, RoomIsToldOnceBelowTheLowWaterMark) {
    SendQueue queue(kLimits);
    queue.queued(300);
    EXPECT_EQ(queue.await_room(at(0)), QueueNews::none);
    EXPECT_EQ(queue.left(199, at(1)), QueueNews::none);
    EXPECT_EQ(queue.left(1, at(2)), QueueNews::room);
    EXPECT_EQ(queue.left(100, at(300)), QueueNews::none) << "answered already";
}

TEST(SendQueue, NobodyIsToldWhoDidNotAsk) {
    SendQueue queue(kLimits);
    queue.queued(300);
    EXPECT_EQ(queue.left(150, at(200)), QueueNews::none);
    EXPECT_EQ(queue.left(150, at(400)), QueueNews::none);
}

TEST(SendQueue, ProgressIsToldSeldom) {
    SendQueue queue(kLimits);
    queue.queued(10'000);
    EXPECT_EQ(queue.await_room(at(0)), QueueNews::none);
    EXPECT_EQ(queue.left(10, at(99)), QueueNews::none);
    EXPECT_EQ(queue.left(10, at(100)), QueueNews::progress);
    EXPECT_EQ(queue.await_room(at(150)), QueueNews::none) << "asking again changes nothing";
    EXPECT_EQ(queue.left(10, at(199)), QueueNews::none);
    EXPECT_EQ(queue.left(10, at(200)), QueueNews::progress);
    EXPECT_EQ(queue.left(0, at(900)), QueueNews::none);
}

TEST(SendQueue, AStreamTakesAllRoomUntilItsEnd) {
    SendQueue queue(kLimits);
    queue.stream_queued();
    EXPECT_EQ(queue.await_room(at(0)), QueueNews::none);
    queue.queued(50);
    EXPECT_EQ(queue.left(50, at(150)), QueueNews::progress);
    queue.queued(50);
    EXPECT_EQ(queue.stream_ended(), QueueNews::room);
}

TEST(SendQueue, CountsPacketsThatWaitBehindEachThatLeaves) {
    SendQueue queue(kLimits);
    for (int i = 0; i < 3; ++i) {
        queue.queued(10);
        queue.queued(20);
        queue.packet_queued(at(0));
    }
    queue.left(29, at(1));
    EXPECT_EQ(queue.sizes().count(), 0) << "a part of one";
    queue.left(31, at(2));
    EXPECT_EQ(queue.sizes().count(), 2);
    EXPECT_EQ(queue.sizes().sum(), 2 + 1);
    queue.left(30, at(3));
    EXPECT_EQ(queue.sizes().count(), 3);
    EXPECT_EQ(queue.sizes().min(), 0);
    queue.reset_counts();
    EXPECT_EQ(queue.sizes().count(), 0);
}

TEST(SendQueue, TimesTheFirstPacketAndEachThousandth) {
    SendQueue queue(kLimits);
    for (int i = 0; i < 1001; ++i) {
        queue.queued(1);
        queue.packet_queued(at(i < 1000 ? 0 : 50));
    }
    queue.left(999, at(60));
    EXPECT_EQ(queue.times_ms().count(), 1);
    EXPECT_EQ(queue.times_ms().sum(), 60);
    queue.left(2, at(70));
    EXPECT_EQ(queue.times_ms().count(), 2);
    EXPECT_EQ(queue.times_ms().sum(), 60 + 20);
}

TEST(SendQueue, APieceOfAStreamIsInFrontOfThePackets) {
    SendQueue queue(kLimits);
    queue.stream_queued();
    queue.queued(30);
    queue.packet_queued(at(0));
    queue.piece_queued(100);
    EXPECT_EQ(queue.bytes(), 130U);
    queue.left(100, at(1));
    EXPECT_EQ(queue.sizes().count(), 0);
    queue.piece_queued(50);
    queue.stream_ended();
    queue.left(50, at(2));
    EXPECT_EQ(queue.sizes().count(), 0);
    queue.left(30, at(3));
    EXPECT_EQ(queue.sizes().count(), 1);
    EXPECT_EQ(queue.times_ms().sum(), 3);
    EXPECT_EQ(queue.bytes(), 0U);
}

TEST(SendQueue, OnlyWhatComesAfterUpToDateIsOwed) {
    SendQueue queue(kLimits);
    queue.queued(5000);
    EXPECT_FALSE(queue.overflowed()) << "nothing counts before";
    queue.up_to_date();
    queue.queued(1000);
    EXPECT_FALSE(queue.overflowed());
    queue.queued(1);
    EXPECT_TRUE(queue.overflowed());
    EXPECT_EQ(queue.left(5000, at(0)), QueueNews::none);
    EXPECT_TRUE(queue.overflowed()) << "what has left was queued before";
    EXPECT_EQ(queue.left(1, at(1)), QueueNews::none);
    EXPECT_FALSE(queue.overflowed());
    EXPECT_EQ(queue.bytes(), 1000U);
}

TEST(SendQueue, ALearnerMayOweTwoOfTheLargestProposals) {
    EXPECT_EQ(queue_limits_for(1024).owed_max, SendQueueLimits().owed_max);
    EXPECT_EQ(queue_limits_for(limits::kJuteMaxBuffer).owed_max, SendQueueLimits().owed_max);
    SendQueue queue(queue_limits_for(limits::kJuteMaxBufferMost));
    queue.up_to_date();
    queue.queued(std::size_t{limits::kJuteRecordMost} * 2);
    EXPECT_FALSE(queue.overflowed());
    queue.queued(1);
    EXPECT_TRUE(queue.overflowed());
}

}  // namespace
}  // namespace zk::zab
