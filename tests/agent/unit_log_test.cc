// The journal of a unit by way of a program in journalctl's place, which writes down how it was called.
#include "agent_host/unit_log.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent_api/agent_errc.h"

namespace zk::agent_host {
namespace {

using agent_api::AgentErrc;
using agent_api::LogRequest;
using agent_api::NodeLog;
using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;

std::string entry(int number, const std::string& message) {
    return R"({"__CURSOR":"s=a;i=)" + std::to_string(number) +
           R"(","__REALTIME_TIMESTAMP":"176449320000000)" + std::to_string(number) +
           R"(","MESSAGE":)" + message + "}\n";
}

class UnitLogTest : public testing::Test {
  protected:
    UnitLogTest() {
        char pattern[] = "/tmp/zkprov-journal-XXXXXX";
        directory_ = ::mkdtemp(pattern);
    }
    ~UnitLogTest() override { std::filesystem::remove_all(directory_); }

    /// What it prints, says on stderr and ends with.
    void make(const std::string& out, const std::string& err = {}, int status = 0) {
        std::ofstream(directory_ + "/out", std::ios::binary) << out;
        std::ofstream(directory_ + "/err", std::ios::binary) << err;
        const std::string program = directory_ + "/journalctl";
        std::ofstream(program) << "#!/bin/sh\necho \"$@\" >" << directory_ << "/called\ncat "
                               << directory_ << "/err >&2\ncat " << directory_ << "/out\nexit "
                               << status << "\n";
        std::filesystem::permissions(program, std::filesystem::perms::owner_all);
    }
    Result<NodeLog> ask(std::int64_t lines = 100) {
        LogRequest request;
        request.lines = lines;
        request.cursor = cursor_;
        auto log = read_unit_log("zookeeper.service", request, directory_ + "/journalctl");
        if (log.has_value()) cursor_ = log->cursor;
        return log;
    }
    std::string called() {
        std::ostringstream text;
        text << std::ifstream(directory_ + "/called").rdbuf();
        return text.str();
    }
    /// The words of the error that it is.
    std::string refused(AgentErrc code) {
        const auto log = ask();
        EXPECT_FALSE(log.has_value());
        if (log.has_value()) return {};
        EXPECT_EQ(agent_api::agent_errc(log.error()), code);
        return log.error().words;
    }

    std::string directory_;
    std::string cursor_;
};

TEST(JournalEntry, MessagesInAllTheirForms) {
    const auto message = [](const std::string& json) {
        const auto read = parse_journal_entry(entry(1, json));
        EXPECT_TRUE(read.has_value()) << json;
        return read.has_value() ? read->message : "";
    };
    EXPECT_EQ(message(R"("ready \u001b[0m")"), "ready \x1b[0m");
    EXPECT_EQ(message("[255,97,10,98]"),
              "\xff"
              "a\nb");
    EXPECT_EQ(message(R"(["one",[116,119,111]])"), "one\ntwo");
    EXPECT_EQ(message("null"), "");
    const auto read = parse_journal_entry(entry(1, "\"x\""));
    EXPECT_EQ(read->cursor, "s=a;i=1");
    EXPECT_EQ(read->at_us, 1764493200000001);
    EXPECT_TRUE(parse_journal_entry(R"({"__CURSOR":"c"})").has_value());
    for (const char* wrong :
         {"", "-- No entries --", "{}", "[]", R"({"__CURSOR":7})", "{\"__CUR"}) {
        EXPECT_FALSE(parse_journal_entry(wrong).has_value()) << wrong;
    }
}

TEST_F(UnitLogTest, TheLastLinesAndThenWhatComesBehindTheCursor) {
    make(entry(1, "\"one\"") + "-- a notice --\n" + entry(2, "\"two\\nthree\""));
    const auto log = ask(7);
    ASSERT_TRUE(log.has_value()) << log.error().words;
    EXPECT_EQ(log->source, "the journal of zookeeper.service");
    ASSERT_EQ(log->lines.size(), 3u);
    EXPECT_EQ(log->lines[0], (agent_api::LogLine{1764493200000001, "one"}));
    EXPECT_EQ(log->lines[2], (agent_api::LogLine{1764493200000002, "three"}));
    EXPECT_FALSE(log->more);
    EXPECT_EQ(called(), "--no-pager -a -o json -u zookeeper.service -n 7\n");
    make("");
    ASSERT_TRUE(ask().has_value());
    EXPECT_THAT(called(), EndsWith(" --after-cursor=s=a;i=2\n"));
    EXPECT_EQ(cursor_, "j:s=a;i=2");
}

TEST_F(UnitLogTest, NoLinesButWhereItEnds) {
    make(entry(4, "\"old\""));
    const auto log = ask(0);
    ASSERT_TRUE(log.has_value());
    EXPECT_TRUE(log->lines.empty());
    EXPECT_EQ(cursor_, "j:s=a;i=4");
    EXPECT_THAT(called(), EndsWith(" -n 1\n"));
}

TEST_F(UnitLogTest, WhatDoesNotFitComesWithTheNextQuestion) {
    std::string out;
    for (int i = 0; i < 200; ++i) out += entry(i % 10, "\"" + std::string(9000, 'x') + "\"");
    make(out);
    const auto log = ask(10000);
    ASSERT_TRUE(log.has_value()) << log.error().words;
    EXPECT_TRUE(log->more);
    EXPECT_GT(log->lines.size(), 50u);
    EXPECT_LT(log->lines.size(), 100u);
}

TEST_F(UnitLogTest, AnEntryWithoutBoundsIsPassedOver) {
    make(entry(1, "\"" + std::string(2UL << 20, 'x') + "\"") + entry(2, "\"two\""));
    const auto log = ask();
    ASSERT_TRUE(log.has_value());
    ASSERT_EQ(log->lines.size(), 1u);
    EXPECT_EQ(log->lines[0].text, "two");
}

TEST_F(UnitLogTest, WhyThereIsNothingIsSaid) {
    EXPECT_THAT(refused(AgentErrc::not_found), HasSubstr("no journalctl on this host"));
    make("", "No journal files were found.\n-- No entries --\n", 1);
    EXPECT_THAT(refused(AgentErrc::not_found), HasSubstr("journald does not run"));
    make("", "Hint: You are currently not seeing messages from other users and the system.\n");
    EXPECT_THAT(refused(AgentErrc::no_right), HasSubstr("systemd-journal"));
    make("", "No journal files were opened due to insufficient permissions.\n", 1);
    EXPECT_THAT(refused(AgentErrc::no_right), StartsWith("no right to read the journal"));
    make("-- No entries --\n");
    EXPECT_THAT(refused(AgentErrc::not_found), HasSubstr("zookeeper.service"));
    make("", "unknown \x1b[1moption\n", 3);
    const auto log = ask();
    ASSERT_FALSE(log.has_value());
    EXPECT_EQ(log.error().words, "journalctl ended with status 3: unknown ?[1moption");
}

TEST_F(UnitLogTest, NothingNewIsNoError) {
    cursor_ = "t:1764493200000005";
    make("-- No entries --\n");
    ASSERT_TRUE(ask().has_value());
    EXPECT_THAT(called(), EndsWith(" --since=@1764493200.000005\n"));
    EXPECT_EQ(cursor_, "t:1764493200000005");
}

TEST_F(UnitLogTest, OtherCursorsAreRefused) {
    make("");
    for (const char* cursor :
         {"f:1:2:3", "j:", "j:s=1 --vacuum-size=1", "j:s=1\n", "t:", "t:-1", "x"}) {
        cursor_ = cursor;
        const auto log = ask();
        ASSERT_FALSE(log.has_value()) << cursor;
        EXPECT_EQ(log.error().code, make_error_code(Errc::invalid));
    }
    EXPECT_EQ(called(), "");
}

}  // namespace
}  // namespace zk::agent_host
