// A log file that is written, renamed, copied and emptied while it is read.
#include "agent_host/file_log.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "agent_api/agent_errc.h"

namespace zk::agent_host {
namespace {

using agent_api::LogRequest;
using agent_api::NodeLog;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class FileLogTest : public testing::Test {
  protected:
    FileLogTest() {
        char pattern[] = "/tmp/zkprov-log-XXXXXX";
        directory_ = ::mkdtemp(pattern);
        path_ = directory_ + "/zkserver.log";
    }
    ~FileLogTest() override { std::filesystem::remove_all(directory_); }

    void write(const std::string& text) { std::ofstream(path_, std::ios::app) << text; }
    /// As an agent does it before it starts a server.
    void rename_away() { std::filesystem::rename(path_, path_ + ".1"); }
    /// As an agent does it under a server that runs.
    void copy_and_empty() {
        std::filesystem::remove(path_ + ".1");
        std::filesystem::copy_file(path_, path_ + ".1");
        std::filesystem::resize_file(path_, 0);
    }
    NodeLog ask(std::int64_t lines = 100) {
        LogRequest request;
        request.lines = lines;
        request.cursor = cursor_;
        auto log = read_file_log(path_, request);
        EXPECT_TRUE(log.has_value());
        if (!log.has_value()) return {};
        cursor_ = log->cursor;
        return *log;
    }
    std::vector<std::string> texts(std::int64_t lines = 100) {
        std::vector<std::string> texts;
        for (const auto& line : ask(lines).lines) texts.push_back(line.text);
        return texts;
    }

    std::string directory_;
    std::string path_;
    std::string cursor_;
};

TEST_F(FileLogTest, TheLastLinesAndThenWhatComes) {
    write("one\ntwo\nthree\n");
    EXPECT_THAT(texts(2), ElementsAre("two", "three"));
    EXPECT_THAT(texts(), IsEmpty());
    write("four\nfive\n");
    EXPECT_THAT(texts(), ElementsAre("four", "five"));
    EXPECT_THAT(texts(), IsEmpty());
}

TEST_F(FileLogTest, ALineWithoutItsEndIsLeftForLater) {
    write("one\ntw");
    EXPECT_THAT(texts(), ElementsAre("one"));
    EXPECT_THAT(texts(), IsEmpty());
    write("o\n");
    EXPECT_THAT(texts(), ElementsAre("two"));
}

TEST_F(FileLogTest, NoLinesButWhereItEnds) {
    write("one\n");
    const NodeLog log = ask(0);
    EXPECT_TRUE(log.lines.empty());
    EXPECT_FALSE(log.more);
    write("two\n");
    EXPECT_THAT(texts(), ElementsAre("two"));
}

TEST_F(FileLogTest, AnEmptyFileIsFollowedFromItsBeginning) {
    write("");
    EXPECT_THAT(texts(), IsEmpty());
    write("one\n");
    EXPECT_THAT(texts(), ElementsAre("one"));
}

TEST_F(FileLogTest, AFileThatIsRenamedIsReadToItsEnd) {
    write("one\n");
    EXPECT_THAT(texts(), ElementsAre("one"));
    write("two\nlast words");
    rename_away();
    EXPECT_THAT(texts(), ElementsAre("two", "last words"));  // the next one is not there yet
    write("three\n");
    EXPECT_THAT(texts(), ElementsAre("three"));
    EXPECT_FALSE(ask().lost);
}

TEST_F(FileLogTest, AFileThatIsCopiedAndEmptiedIsReadToItsEnd) {
    write("one\n");
    EXPECT_THAT(texts(), ElementsAre("one"));
    write("two\n");
    copy_and_empty();
    write("three\n");
    EXPECT_THAT(texts(), ElementsAre("two", "three"));
}

/// The inode is the same and the file long enough: only what stands in front of the place tells.
TEST_F(FileLogTest, AnEmptiedFileThatHasGrownAgainIsNoticed) {
    write("one\n");
    EXPECT_THAT(texts(), ElementsAre("one"));
    copy_and_empty();
    write("and much more than there was before\nten\n");
    const NodeLog log = ask();
    EXPECT_FALSE(log.lost);
    ASSERT_EQ(log.lines.size(), 2u);
    EXPECT_EQ(log.lines[1].text, "ten");
}

TEST_F(FileLogTest, LinesThatNobodyHasAnyMoreAreToldOf) {
    write("one\n");
    EXPECT_THAT(texts(), ElementsAre("one"));
    write("two\n");
    copy_and_empty();
    write("three\n");
    copy_and_empty();
    write("four and more\n");
    const NodeLog log = ask();
    EXPECT_TRUE(log.lost);
    ASSERT_EQ(log.lines.size(), 1u);
    EXPECT_EQ(log.lines[0].text, "four and more");
    EXPECT_FALSE(ask().lost);
}

TEST_F(FileLogTest, ACopyInItsPlaceIsTheSameLog) {
    write("one\n");
    EXPECT_THAT(texts(), ElementsAre("one"));
    std::filesystem::copy_file(path_, path_ + ".new");
    std::filesystem::rename(path_ + ".new", path_);
    write("two\n");
    EXPECT_THAT(texts(), ElementsAre("two"));
}

TEST_F(FileLogTest, TheEndReachesBackIntoTheFileBefore) {
    write("one\ntwo\n");
    rename_away();
    write("three\n");
    EXPECT_THAT(texts(2), ElementsAre("two", "three"));
    cursor_.clear();
    EXPECT_THAT(texts(9), ElementsAre("one", "two", "three"));
    cursor_.clear();
    EXPECT_THAT(texts(1), ElementsAre("three"));
}

TEST_F(FileLogTest, AllOfALargeFileInPieces) {
    std::string text;
    for (int i = 0; i < 9000; ++i) text += std::to_string(i) + std::string(290, '.') + "\n";
    write(text);
    int next = 0;
    bool more = true;
    int pieces = 0;
    for (; more; ++pieces) {
        const NodeLog log = ask(10000);
        for (const auto& line : log.lines) {
            EXPECT_TRUE(line.text.starts_with(std::to_string(next++) + ".")) << line.text;
        }
        more = log.more;
        EXPECT_FALSE(log.lost);
    }
    EXPECT_EQ(next, 9000);
    EXPECT_GT(pieces, 4);
}

TEST_F(FileLogTest, ALineWithoutAnEndIsBounded) {
    write("begin\n" + std::string(100000, 'x'));
    std::size_t size = 0;
    for (const std::string& text : texts()) {
        EXPECT_LE(text.size(), agent_api::kLogLineBytesMax);
        size += text.size();
    }
    EXPECT_GT(size, 80000u);
    write(std::string(100000, 'y') + "\nend\n");
    bool ends = false;
    for (const std::string& text : texts()) {
        size += text.size();
        ends = text == "end";
    }
    EXPECT_TRUE(ends);
    EXPECT_EQ(size, 200000u + std::string("beginend").size());
}

TEST_F(FileLogTest, WhatIsNoLogIsSaid) {
    auto log = read_file_log(path_, {});
    ASSERT_FALSE(log.has_value());
    EXPECT_EQ(agent_api::agent_errc(log.error()), agent_api::AgentErrc::not_found);
    EXPECT_THAT(log.error().words, HasSubstr("zkprov start"));
    ASSERT_EQ(::mkfifo(path_.c_str(), 0600), 0);
    log = read_file_log(path_, {});
    ASSERT_FALSE(log.has_value());
    EXPECT_THAT(log.error().words, HasSubstr("is no file"));
}

TEST_F(FileLogTest, OtherCursorsAreRefused) {
    write("one\n");
    for (const char* cursor :
         {"x", "f:", "f:1", "f:1:2", "f:1:2:x", "f:-1:2:3", "f:1:2:3:4", "j:s=1", "f::::"}) {
        LogRequest request;
        request.cursor = cursor;
        EXPECT_FALSE(read_file_log(path_, request).has_value()) << cursor;
    }
    LogRequest beyond;
    beyond.cursor = "f:1:18446744073709551615:3";
    EXPECT_TRUE(read_file_log(path_, beyond)->lost);
}

}  // namespace
}  // namespace zk::agent_host
