#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent_api/agent_errc.h"
#include "engine/engine.h"
#include "fake_engine.h"

namespace zk::engine {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr std::int64_t kAt = 1764494100'000000000;  // 2025-11-30T09:15:00Z
const std::string kTime = "2025-11-30T09:15:00.000000000Z ";

std::string piece(const std::string& text, char stream = 1) {
    std::string head{stream, 0, 0, 0, 0, 0};
    head += static_cast<char>(text.size() >> 8U);
    head += static_cast<char>(text.size());
    return head + text;
}

std::vector<std::string> texts_of(std::string_view stream) {
    std::vector<std::string> texts;
    for (const LoggedLine& line : parse_log(stream).lines) texts.push_back(line.text);
    return texts;
}

TEST(EngineTime, IsReadToTheNanosecond) {
    EXPECT_EQ(parse_time_ns("2025-11-30T09:15:00Z"), kAt);
    EXPECT_EQ(parse_time_ns("2025-11-30T09:15:00.5Z"), kAt + 500000000);
    EXPECT_EQ(parse_time_ns("2025-11-30T09:15:00.000000001Z"), kAt + 1);
    EXPECT_EQ(parse_time_ns("2025-11-30T11:15:00.1+02:00"), kAt + 100000000);
    EXPECT_EQ(parse_time_ns("2025-11-30T03:45:00-05:30"), kAt);
    for (const char* wrong : {"",
                              "2025-11-30",
                              "2025-11-30T09:15:00",
                              "2025-11-30T09:15:00.Z",
                              "2025-11-30T09:15:00.1234567890Z",
                              "2025-13-30T09:15:00Z",
                              "2025-02-30T09:15:00Z",
                              "1969-11-30T09:15:00Z",
                              "9999-11-30T09:15:00Z",
                              "2025-11-30T09:15:00+2:00",
                              "2025-11-30T-9:15:00Z",
                              "2025-11-30T09:15:00Zulu"}) {
        EXPECT_EQ(parse_time_ns(wrong), std::nullopt) << wrong;
    }
}

TEST(EngineLog, LinesHaveTheirTimes) {
    const auto log = parse_log(piece(kTime + "one\n", 2) +
                               piece("2025-11-30T09:15:00.000000007Z \n") + piece("none\n"));
    EXPECT_THAT(
        log.lines,
        ElementsAre(LoggedLine{kAt, "one"}, LoggedLine{kAt + 7, ""}, LoggedLine{0, "none"}));
    EXPECT_EQ(log.messages, 3u);
}

TEST(EngineLog, ALineInPiecesHasTheTimeOfTheFirst) {
    const auto log = parse_log(piece(kTime + "be") + piece(kTime + "err\n", 2) +
                               piece("2025-11-30T09:15:01Z gin\n"));
    EXPECT_THAT(log.lines, ElementsAre(LoggedLine{kAt, "err"}, LoggedLine{kAt, "begin"}));
    EXPECT_EQ(log.messages, 3u);
}

TEST(EngineLog, APieceMayHoldSeveralLines) {
    EXPECT_THAT(texts_of(piece(kTime + "one\n" + kTime + "two\nthree\n")),
                ElementsAre("one", "two", "three"));
}

TEST(EngineLog, WhatIsCutOffIsLeftOut) {
    const std::string whole = piece(kTime + "one\n") + piece(kTime + "two\n");
    for (std::size_t size = 0; size < whole.size(); ++size) {
        const auto texts = texts_of(std::string_view(whole).substr(0, size));
        if (size < whole.size() / 2) {
            EXPECT_TRUE(texts.empty()) << size;
        } else {
            EXPECT_THAT(texts, ElementsAre("one")) << size;
        }
    }
    EXPECT_THAT(texts_of(piece(kTime + "no end yet")), ElementsAre());
    EXPECT_THAT(texts_of(std::string("\1\0\0\0\xff\xff\xff\xff", 8) + kTime + "far\n"),
                ElementsAre());
}

TEST(EngineLog, OfATerminalThereAreLinesWithoutPieces) {
    const auto log = parse_log(kTime + "one\r\n" + kTime + "two\r\n" + kTime + "no end");
    EXPECT_THAT(log.lines, ElementsAre(LoggedLine{kAt, "one\r"}, LoggedLine{kAt, "two\r"}));
}

class LogOfContainer : public testing::Test {
  protected:
    LogOfContainer() {
        FakeContainer container;
        container.id = "c1";
        for (int i = 0; i < 5; ++i) container.logged.push_back({kAt + i, std::to_string(i) + "\n"});
        fake_.containers["demo-2"] = container;
    }
    std::vector<std::string> texts(const LogQuestion& question) {
        const auto log = Engine(fake_.socket()).log("demo-2", question);
        EXPECT_TRUE(log.has_value());
        std::vector<std::string> texts;
        for (const LoggedLine& line : log->lines) texts.push_back(line.text);
        return texts;
    }
    FakeEngine fake_;
};

TEST_F(LogOfContainer, ByItsEndAndByTime) {
    EXPECT_THAT(texts({2, 0}), ElementsAre("3", "4"));
    EXPECT_THAT(texts({std::nullopt, 0}), ElementsAre("0", "1", "2", "3", "4"));
    EXPECT_THAT(texts({std::nullopt, kAt + 3}), ElementsAre("3", "4"));
    EXPECT_THAT(fake_.asked.back(), HasSubstr("&since=1764494100.000000003"));
    EXPECT_THAT(texts({4, kAt + 4}), ElementsAre("4"));
}

TEST_F(LogOfContainer, VeryMuchIsCut) {
    auto& logged = fake_.containers["demo-2"].logged;
    for (int i = 0; i < 100; ++i) logged.push_back({kAt + 9, std::string(60000, 'x') + "\n"});
    const auto log = Engine(fake_.socket()).log("demo-2", {std::nullopt, 0});
    ASSERT_TRUE(log.has_value());
    EXPECT_TRUE(log->cut);
    EXPECT_EQ(log->lines.front().text, "0");
    EXPECT_GT(log->lines.size(), 60u);
    EXPECT_LT(log->lines.size(), 100u);
    EXPECT_FALSE(Engine(fake_.socket()).log("demo-2", {3, 0})->cut);
}

TEST_F(LogOfContainer, WhatTheEngineRefusesIsSaid) {
    const auto none = Engine(fake_.socket()).log("demo-3", {1, 0});
    ASSERT_FALSE(none.has_value());
    EXPECT_EQ(agent_api::agent_errc(none.error()), agent_api::AgentErrc::not_found);
    EXPECT_THAT(none.error().words, HasSubstr("zkprov apply makes it"));
    fake_.log_error = "configured logging driver does not support reading";
    const auto unread = Engine(fake_.socket()).log("demo-2", {1, 0});
    ASSERT_FALSE(unread.has_value());
    EXPECT_THAT(unread.error().words, HasSubstr("does not support reading; where its logging"));
}

}  // namespace
}  // namespace zk::engine
