// What words tell of connections and their watches.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "harness.h"

namespace zk::frontend {
namespace {

class ActivityTest : public Harness {
  protected:
    const Activity& of(std::size_t place) {
        told_ = frontend.connections();
        return told_.at(place).activity;
    }

  private:
    std::vector<ConnectionStatistics> told_;
};

TEST_F(ActivityTest, AnswersAreRememberedByConnection) {
    join(1, 9);
    EXPECT_EQ(of(0).last_op, OpCode::create_session);
    EXPECT_EQ(of(0).last_cxid, 0);
    say(create("/a"));
    feed(1, request_frame(5, OpCode::get_data, plain("/a")));
    EXPECT_EQ(of(0).last_op, OpCode::get_data);
    EXPECT_EQ(of(0).last_cxid, 5);
    EXPECT_EQ(of(0).last_zxid, Zxid(1));
    EXPECT_EQ(of(0).received, 2);
    EXPECT_EQ(of(0).sent, 2);
    feed(1, request_frame(-2, OpCode::ping));
    EXPECT_EQ(of(0).last_op, OpCode::ping);
    EXPECT_EQ(of(0).last_cxid, 5) << "of the last real request";
}

TEST_F(ActivityTest, AWriteTakesItsTimeAndAFailedOneHasNoName) {
    join(1, 9);
    feed(1, request_frame(1, OpCode::remove, jute::DeleteRequest{"/a", -1}));
    now += std::chrono::milliseconds(30);
    say(reply(1, 9, 1, OpCode::remove));
    EXPECT_EQ(of(0).last_op, OpCode::remove);
    EXPECT_EQ(of(0).last_latency_ms, 30);
    EXPECT_EQ(of(0).latency.max_ms, 30);
    feed(1, request_frame(2, OpCode::remove, jute::DeleteRequest{"/a", -1}));
    say(reply(1, 9, 2, OpCode::remove, ErrorCode::no_node));
    EXPECT_EQ(of(0).last_op, std::nullopt);
    EXPECT_EQ(of(0).last_cxid, 2);
}

TEST_F(ActivityTest, ResetsForgetWhatTheyAreFor) {
    join(1, 9);
    feed(1, request_frame(5, OpCode::get_data, plain("/zookeeper")));
    EXPECT_GT(frontend.statistics().answers.max, 16);
    frontend.reset_connection_statistics();
    EXPECT_EQ(of(0).received, 0);
    EXPECT_EQ(of(0).last_op, std::nullopt);
    EXPECT_EQ(of(0).last_cxid, -1);
    EXPECT_EQ(frontend.statistics().packets_received, 2);
    frontend.reset_statistics();
    EXPECT_EQ(frontend.statistics().packets_received, 0);
    EXPECT_EQ(frontend.statistics().packets_sent, 0);
    EXPECT_EQ(frontend.statistics().latency.count, 0);
    EXPECT_EQ(frontend.statistics().answers.last, -1);
    EXPECT_EQ(frontend.statistics().bytes_received, 0);
    EXPECT_EQ(frontend.statistics().counts.value(metrics::Counter::connection_request_count), 0);
    EXPECT_EQ(frontend.statistics().connections, 1);
}

TEST_F(ActivityTest, WhatHappensIsCountedUnderApachesNames) {
    using metrics::Counter;
    using metrics::Summary;
    join(1, 9);
    say(create("/a"));
    feed(1, request_frame(1, OpCode::get_data, watch("/a")));
    feed(1, request_frame(2, OpCode::set_data, jute::SetDataRequest{"/a", "y", -1}));
    now += std::chrono::milliseconds(12);
    say(set_data("/a", "y"), reply(1, 9, 2, OpCode::set_data));
    open(2);
    feed(2, connect_frame(SessionId(7)));
    const metrics::Metrics counts = frontend.statistics().counts;
    EXPECT_EQ(counts.value(Counter::connection_request_count), 2);
    EXPECT_EQ(counts.value(Counter::connection_revalidate_count), 1);
    EXPECT_EQ(counts.value(Summary::readlatency).count(), 1);
    EXPECT_EQ(counts.value(Summary::updatelatency).count(), 2) << "the session's beginning, too";
    EXPECT_EQ(counts.value(Summary::updatelatency).max(), 12);
    EXPECT_EQ(counts.value(Summary::node_changed_watch_count).count(), 1);
    EXPECT_EQ(counts.value(Summary::node_changed_watch_count).max(), 1);
    EXPECT_EQ(counts.value(Summary::node_children_watch_count).count(), 0) << "nobody watches";
    EXPECT_GT(counts.value(Counter::watch_bytes), 16);
    EXPECT_GT(counts.value(Counter::response_bytes), counts.value(Counter::watch_bytes));
}

TEST_F(ActivityTest, WatchedPathsAreThoseOfDataAndExistence) {
    join(1, 0x10);
    join(2, 0x20);
    say(create("/a"));
    feed(2, request_frame(1, OpCode::get_data, watch("/a")));
    feed(1, request_frame(1, OpCode::get_data, watch("/a")));
    feed(1, request_frame(2, OpCode::exists, watch("/none")));
    feed(1, request_frame(3, OpCode::get_children, watch("/")));
    feed(
        1,
        request_frame(4, OpCode::add_watch, jute::AddWatchRequest{"/a", AddWatchMode::persistent}));
    feed(
        2,
        request_frame(
            2, OpCode::add_watch, jute::AddWatchRequest{"/r", AddWatchMode::persistent_recursive}));
    const std::vector<WatchedPath> watched = frontend.watched_paths();
    ASSERT_EQ(watched.size(), 3U);
    EXPECT_EQ(watched[0].path, "/a");
    EXPECT_EQ(watched[0].sessions, (std::vector<SessionId>{SessionId(0x20), SessionId(0x10)}));
    EXPECT_EQ(watched[1].path, "/none");
    EXPECT_EQ(watched[2].path, "/r");
    EXPECT_EQ(watched[2].sessions, std::vector<SessionId>{SessionId(0x20)});
}

TEST_F(ActivityTest, SilenceEndsAConnectionWhenItIsSaid) {
    open(1);
    join(2, 9);  // 10 seconds
    pass(std::chrono::seconds(3));
    feed(2, request_frame(-2, OpCode::ping));
    const auto connections = frontend.connections();
    EXPECT_EQ(connections[0].ends_in, std::chrono::seconds(7)) << "never said who it is";
    EXPECT_EQ(connections[1].ends_in, std::chrono::seconds(20));
}

TEST_F(ActivityTest, StmkWaitsForItsMask) {
    open(1);
    feed(1, "stmk");
    EXPECT_TRUE(words.empty());
    feed(1, from_hex("0000000000"));
    feed(1, from_hex("00013fff"));
    ASSERT_EQ(words.size(), 1U);
    EXPECT_EQ(words[0].word, "stmk");
    EXPECT_EQ(words[0].argument, from_hex("000000000000013f"));
    open(2);
    feed(2, "gtmkxxxxxxxx");
    ASSERT_EQ(words.size(), 2U);
    EXPECT_EQ(words[1].argument, "");
    open(3);
    feed(3, "stmk1234567");
    pass(std::chrono::seconds(12));
    EXPECT_EQ(words.size(), 2U);
    EXPECT_EQ(orders[3].close, Close::at_once) << "like any that never says enough";
}

TEST_F(ActivityTest, WordsAreNotAnsweredWhileNobodyTakesAnswers) {
    Settings small = settings();
    small.loop_output_bytes_max = 1000;
    Frontend own(small, tree, Log());
    Out told;
    for (const ConnectionId id : {1, 2, 3}) {
        own.on_open(id, Peer{"10.0.0.1", 4000}, now);
        own.on_bytes(id, "cons", now, told);
    }
    own.answer_four_letter(1, std::string(900, 'x'), told);
    own.answer_four_letter(2, std::string(900, 'x'), told);
    own.answer_four_letter(3, std::string(900, 'x'), told);
    Bytes bytes;
    EXPECT_EQ(own.take(3, bytes).close, Close::at_once);
    EXPECT_TRUE(bytes.empty());
    EXPECT_EQ(own.take(2, bytes).close, Close::after_flush);
    EXPECT_EQ(bytes.size(), 900U);
}

}  // namespace
}  // namespace zk::frontend
