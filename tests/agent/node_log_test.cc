#include "agent_api/node_log.h"

#include <gtest/gtest.h>

#include "agent_api/link.h"

namespace zk::agent_api {
namespace {

TEST(NodeLog, QuestionAndAnswerTravelUnchanged) {
    const LogRequest request{LogOf::agent, 7, "f:1:2:3"};
    EXPECT_EQ(*parse_log_request(to_json(request)), request);
    NodeLog log;
    log.cluster = "demo";
    log.sid = ServerId(2);
    log.source = "the journal of zookeeper.service";
    log.lines = {{1764493200123456, "ready \"\xc3\xa4\" \\"}, {std::nullopt, ""}};
    log.cursor = "j:s=1;i=2";
    log.more = log.lost = true;
    EXPECT_EQ(*parse_node_log(to_json(log)), log);
}

TEST(NodeLog, WhatIsMissingHasItsDefault) {
    EXPECT_EQ(*parse_log_request("{}"), (LogRequest{LogOf::server, 100, ""}));
    EXPECT_EQ(*parse_node_log("{\"later\":1}"), NodeLog());
}

TEST(NodeLog, BoundsAreKept) {
    EXPECT_TRUE(parse_log_request(R"({"lines":0})").has_value());
    EXPECT_TRUE(parse_log_request(R"({"lines":10000})").has_value());
    for (const char* wrong : {R"({"lines":-1})",
                              R"({"lines":10001})",
                              R"({"lines":9223372036854775807})",
                              R"({"of":"kernel"})",
                              R"({"lines":"7"})",
                              "[]",
                              "{"}) {
        EXPECT_FALSE(parse_log_request(wrong).has_value()) << wrong;
    }
    LogRequest request;
    request.cursor = std::string(kLogCursorBytesMax, 'x');
    EXPECT_TRUE(parse_log_request(to_json(request)).has_value());
    request.cursor += 'x';
    EXPECT_FALSE(parse_log_request(to_json(request)).has_value());
    NodeLog log;
    log.cursor = request.cursor;
    EXPECT_FALSE(parse_node_log(to_json(log)).has_value());
    EXPECT_FALSE(parse_node_log(R"({"lines":[{"text":7}]})").has_value());
}

TEST(LogChunk, LinesAreMadeHarmless) {
    LogChunk chunk(10);
    chunk.add(5, "\x1b[31mred\x07\n\tat Main\r\n\n\xff\n");
    ASSERT_EQ(chunk.lines().size(), 4u);
    EXPECT_EQ(chunk.lines()[0], (LogLine{5, "?[31mred?"}));
    EXPECT_EQ(chunk.lines()[1], (LogLine{5, " at Main"}));
    EXPECT_EQ(chunk.lines()[2], (LogLine{5, ""}));
    EXPECT_EQ(chunk.lines()[3], (LogLine{5, "?"}));
    chunk.add(std::nullopt, "");
    EXPECT_EQ(chunk.lines()[4], (LogLine{std::nullopt, ""}));
}

TEST(LogChunk, IsFullAtItsLines) {
    LogChunk chunk(2);
    chunk.add(1, "one");
    EXPECT_FALSE(chunk.full());
    chunk.add(1, "two\nthree\n");
    EXPECT_TRUE(chunk.full());
    EXPECT_EQ(chunk.lines().size(), 3u);
    EXPECT_TRUE(LogChunk(0).full());
}

TEST(LogChunk, ALongLineIsSeveralInWholeCharacters) {
    std::string text(kLogLineBytesMax - 1, 'a');
    text += "\xe2\x82\xac";
    EXPECT_EQ(log_piece_bytes(text), kLogLineBytesMax - 1);
    EXPECT_EQ(log_piece_bytes("abc"), 3u);
    EXPECT_EQ(log_piece_bytes(std::string(kLogLineBytesMax + 9, '\x80')), kLogLineBytesMax - 4);
    LogChunk chunk(10);
    chunk.add(1, text + "\nnext");
    ASSERT_EQ(chunk.lines().size(), 3u);
    EXPECT_EQ(chunk.lines()[0].text.size(), kLogLineBytesMax - 1);
    EXPECT_EQ(chunk.lines()[1].text, "\xe2\x82\xac");
    EXPECT_EQ(chunk.lines()[2].text, "next");
}

/// Whatever a log holds, its chunk fits a frame.
TEST(LogChunk, TheDearestChunkFitsAFrame) {
    for (const std::string& entry : {std::string(1UL << 20, '\n'),
                                     std::string(1UL << 20, '"'),
                                     std::string(1UL << 20, '\0'),
                                     std::string(1UL << 20, '\xff'),
                                     std::string("\n"),
                                     std::string("\\")}) {
        LogChunk chunk(1L << 40);
        while (!chunk.full()) chunk.add(-1234567890123456789, entry);
        NodeLog log;
        log.source = std::string(4096, '"');
        log.cursor = std::string(kLogCursorBytesMax, '"');
        log.lines = chunk.take();
        const Bytes frame = encode_frame(MessageType::log, to_json(log));
        EXPECT_LT(frame.size(), kFrameBytesMax);
        FrameDecoder decoder;
        decoder.feed(frame);
        const auto message = decoder.next();
        ASSERT_TRUE(message.has_value() && *message);
        EXPECT_EQ(parse_node_log((*message)->payload)->lines, log.lines);
    }
}

}  // namespace
}  // namespace zk::agent_api
