#include "agent_host/journal.h"

#include <cstdlib>

#include <gtest/gtest.h>

namespace zk::agent_host {
namespace {

class JournalFile : public testing::Test {
  protected:
    JournalFile() {
        char name[] = "/tmp/zk-journal-XXXXXX";
        dir_ = ::mkdtemp(name);
    }
    ~JournalFile() override { (void)run_command({"rm", "-r", dir_}, std::chrono::seconds(10)); }
    [[nodiscard]] std::string path() const { return dir_ + "/journal"; }
    std::string dir_;
};

std::vector<JournalStep> two_steps() {
    JournalStep write;
    write.step = "write-file";
    write.target = "/etc/a b";
    JournalStep restart;
    restart.step = "restart-server";
    return {write, restart};
}

TEST_F(JournalFile, TellsWhatIsOwedAtEachMoment) {
    EXPECT_FALSE(read_journal(path())->interrupted);
    auto journal = Journal::begin(path(), "hash", two_steps());
    ASSERT_TRUE(journal.has_value());
    JournalState state = *read_journal(path());
    EXPECT_TRUE(state.interrupted);
    EXPECT_EQ(state.steps, two_steps());

    ASSERT_TRUE(journal->doing(0, 0).has_value());
    ASSERT_TRUE(journal->done(0).has_value());
    ASSERT_TRUE(journal->doing(1, 4711).has_value());
    state = *read_journal(path());
    EXPECT_TRUE(state.steps[0].done);
    EXPECT_TRUE(state.steps[1].begun);
    EXPECT_FALSE(state.steps[1].done);
    EXPECT_EQ(state.steps[1].pid, 4711);

    ASSERT_TRUE(journal->done(1).has_value());
    EXPECT_TRUE(read_journal(path())->interrupted);
    ASSERT_TRUE(journal->end().has_value());
    EXPECT_FALSE(read_journal(path())->interrupted);
}

TEST_F(JournalFile, OneThatCannotBeReadIsNotTakenForNone) {
    std::vector<std::string> made;
    ASSERT_TRUE(make_directories(path(), 0700, made).has_value());
    EXPECT_FALSE(read_journal(path()).has_value());
}

TEST(JournalText, EveryTornTailIsRead) {
    const std::string text =
        "begin abc\nplan write-file\t/x\nplan restart-server\tu\ndoing 0 0\ndone 0\ndoing 1 12\n";
    for (std::size_t size = 0; size <= text.size(); ++size) {
        const JournalState state = parse_journal(text.substr(0, size));
        EXPECT_EQ(state.interrupted, size >= 10) << size;
        EXPECT_LE(state.steps.size(), 2u);
    }
    EXPECT_TRUE(parse_journal(text).steps[1].begun);
    EXPECT_FALSE(parse_journal(text.substr(0, text.size() - 1)).steps[1].begun);
}

TEST(JournalText, NonsenseIsIgnored) {
    const JournalState state = parse_journal("hello\ndone 7\nbegin x\ndone 99\ndoing\n\nplan\n");
    EXPECT_TRUE(state.interrupted);
    EXPECT_EQ(state.steps.size(), 1u);
}

}  // namespace
}  // namespace zk::agent_host
