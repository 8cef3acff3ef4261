// The scripts, run by the shells themselves.
#include "command_line/completion.h"

#include <cstdio>
#include <cstdlib>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "sample.h"

namespace zk::command_line {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::Not;
using testing::UnorderedElementsAre;

class CompletionTest : public testing::Test {
  protected:
    void SetUp() override {
        char path[] = "/tmp/completion-test-XXXXXX";
        ASSERT_NE(::mkdtemp(path), nullptr);
        folder_ = path;
        std::ofstream(folder_ + "/plan one.txt");
        std::ofstream(folder_ + "/plan two.txt");
        ::mkdir((folder_ + "/plans").c_str(), 0700);
    }
    void TearDown() override { run("rm -r " + folder_); }

    /// What the shell prints, by lines.
    static std::vector<std::string> run(const std::string& command) {
        std::FILE* const pipe = ::popen(command.c_str(), "r");
        EXPECT_NE(pipe, nullptr);
        std::string text;
        for (int c = 0; (c = std::fgetc(pipe)) != EOF;) text += static_cast<char>(c);
        EXPECT_EQ(::pclose(pipe), 0) << command << text;
        std::vector<std::string> lines;
        for (std::size_t from = 0, end = 0; (end = text.find('\n', from)) != std::string::npos;
             from = end + 1) {
            if (end > from) lines.push_back(text.substr(from, end - from));
        }
        return lines;
    }
    std::vector<std::string> run_script(const std::string& shell, const std::string& script) {
        std::ofstream(folder_ + "/.script") << script;
        return run("cd " + folder_ + " && " + shell + " .script 2>&1");
    }
    /// `words` in bash's notation, as readline has taken them apart; the last one is completed.
    std::vector<std::string> bash(const std::string& words) {
        return run_script("bash --norc --noprofile",
                          "set -u\n" + completion(sample(), Shell::bash) + "COMP_WORDS=(paint " +
                              words + ")\nCOMP_CWORD=$((${#COMP_WORDS[@]} - 1))\n_paint\n" +
                              "printf '%s\\n' \"${COMPREPLY[@]}\"\n");
    }
    /// `line` up to the cursor; the words only, without what fish tells beside them.
    std::vector<std::string> fish(const std::string& line) {
        std::vector<std::string> words;
        for (const std::string& each :
             run_script("HOME=. fish --no-config",
                        completion(sample(), Shell::fish) + "complete -C 'paint " + line + "'\n")) {
            words.push_back(each.substr(0, each.find('\t')));
        }
        return words;
    }

    std::string folder_;
};

TEST_F(CompletionTest, BashCommands) {
    EXPECT_THAT(bash("''"), ElementsAre("wall", "fence", "pot", "version", "help"));
    EXPECT_THAT(bash("wa"), ElementsAre("wall"));
    EXPECT_THAT(bash("-c red wa"), ElementsAre("wall"));
    EXPECT_THAT(bash("--color = red wa"), ElementsAre("wall"));
    EXPECT_THAT(bash("pot ''"), ElementsAre("show", "empty"));
    EXPECT_THAT(bash("pot show ''"), IsEmpty());
    EXPECT_THAT(bash("help p"), ElementsAre("pot"));
    EXPECT_THAT(bash("help c"), ElementsAre("colours"));
}

TEST_F(CompletionTest, BashOptionsOfTheCommand) {
    EXPECT_THAT(bash("wall --co"), ElementsAre("--colour", "--coats"));
    EXPECT_THAT(bash("pot show --co"), ElementsAre("--colour"));
    EXPECT_THAT(bash("pot show -"), Contains("--all"));
    EXPECT_THAT(bash("wall -"), Not(Contains("--all")));
    EXPECT_THAT(bash("--a"), ElementsAre("--all"));
    EXPECT_THAT(bash("wall x --h"), ElementsAre("--help"));
}

TEST_F(CompletionTest, BashChoices) {
    EXPECT_THAT(bash("wall -c ''"), ElementsAre("red", "green"));
    EXPECT_THAT(bash("wall --colour g"), ElementsAre("green"));
    EXPECT_THAT(bash("wall --colour ="), ElementsAre("red", "green"));
    EXPECT_THAT(bash("wall --colour = r"), ElementsAre("red"));
    EXPECT_THAT(bash("wall --color r"), ElementsAre("red"));
    EXPECT_THAT(bash("wall --colour=r"), ElementsAre("--colour=red")) << "no = in COMP_WORDBREAKS";
    EXPECT_THAT(bash("--colour=red pot ''"), ElementsAre("show", "empty"));
    EXPECT_THAT(bash("fence ''"), ElementsAre("inner", "outer"));
    EXPECT_THAT(bash("fence inner o"), ElementsAre("outer"));
    EXPECT_THAT(bash("wall --coats ''"), IsEmpty());
}

TEST_F(CompletionTest, BashFiles) {
    const auto all = UnorderedElementsAre("plan one.txt", "plan two.txt", "plans");
    EXPECT_THAT(bash("wall x pl"), all);
    EXPECT_THAT(bash("wall x -q pl"), all);
    EXPECT_THAT(bash("wall pl"), IsEmpty()) << "a wall's name is no file";
    EXPECT_THAT(bash("wall -l pl"), all);
    EXPECT_THAT(bash("wall --list = 'plan o'"), ElementsAre("plan one.txt"));
    EXPECT_THAT(bash("wall --store pl"), ElementsAre("plans"));
}

TEST_F(CompletionTest, Fish) {
    if (std::system("command -v fish >/dev/null") != 0) GTEST_SKIP() << "no fish here";
    EXPECT_THAT(fish(""), UnorderedElementsAre("wall", "fence", "pot", "version", "help"));
    EXPECT_THAT(fish("wa"), ElementsAre("wall"));
    EXPECT_THAT(fish("pot "), UnorderedElementsAre("show", "empty"));
    EXPECT_THAT(fish("pot show "), IsEmpty());
    EXPECT_THAT(fish("wall --co"), UnorderedElementsAre("--colour", "--coats"));
    EXPECT_THAT(fish("pot show --co"), UnorderedElementsAre("--colour"));
    EXPECT_THAT(fish("wall -c "), UnorderedElementsAre("red", "green"));
    EXPECT_THAT(fish("wall --colour=g"), ElementsAre("--colour=green"));
    EXPECT_THAT(fish("fence i"), ElementsAre("inner"));
    EXPECT_THAT(fish("help co"), ElementsAre("colours"));
}

}  // namespace
}  // namespace zk::command_line
