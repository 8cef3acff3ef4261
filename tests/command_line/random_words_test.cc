// Random command lines: each is read or refused with words, and what was read keeps to its table.
#include <random>

#include <gtest/gtest.h>

#include "command_line/help.h"
#include "command_line/parse.h"
#include "sample.h"

namespace zk::command_line {
namespace {

constexpr int kLines = 20'000;

std::vector<std::string> pieces(const Program& program) {
    std::vector<std::string> all = {"",
                                    "-",
                                    "--",
                                    "---",
                                    "=",
                                    "-=",
                                    "--=",
                                    "x",
                                    "7",
                                    "-1",
                                    "2h",
                                    "\n",
                                    "\xff\xfe",
                                    "-\xc3",
                                    "%s"};
    all.push_back(std::string(300, 'a'));
    all.push_back("--" + std::string(300, '='));
    for (const Command& command : program.commands) {
        for (const std::string& word : words_of(std::string(command.name))) all.push_back(word);
        for (const Operand& operand : command.operands) {
            all.insert(all.end(), operand.choices.begin(), operand.choices.end());
        }
    }
    for (const Option* option : program.options_of(nullptr)) {
        for (const std::string& spelled : spellings(*option)) {
            all.push_back(spelled);
            all.push_back(spelled + "=");
            all.push_back(spelled + "=red");
            all.push_back(spelled.substr(1));
        }
        all.insert(all.end(), option->choices.begin(), option->choices.end());
    }
    return all;
}

/// What parse() promises of a command line that it takes.
void check(const Program& program, const Parsed& parsed) {
    if (parsed.asked != Asked::run) return;
    ASSERT_NE(parsed.command, nullptr);
    for (const Option& option : program.options) {
        if (!takes(*parsed.command, option)) {
            ASSERT_FALSE(parsed.has(option.name)) << option.name;
            continue;
        }
        if (!parsed.has(option.name) || option.type == Type::flag) continue;
        ASSERT_TRUE(read_value(option, "it", parsed.text(option.name)).has_value()) << option.name;
        if (option.type == Type::number) {
            ASSERT_GE(parsed.number(option.name), option.least);
            ASSERT_LE(parsed.number(option.name), option.most);
        }
        if (option.repeat != Repeat::collects) {
            ASSERT_EQ(parsed.all(option.name).size(), 1U);
        }
    }
    for (const Operand& operand : parsed.command->operands) {
        ASSERT_GE(parsed.operands(operand.name).size(), operand.least);
        ASSERT_LE(parsed.operands(operand.name).size(), operand.most);
    }
}

TEST(RandomWords, AreReadOrRefusedWithWords) {
    std::mt19937 random(7);
    for (const Program* program : {&sample(), &plain_sample()}) {
        const std::vector<std::string> known = pieces(*program);
        int read = 0;
        for (int i = 0; i < kLines; ++i) {
            std::vector<std::string> words(random() % 7);
            for (std::string& word : words) word = known[random() % known.size()];
            const auto parsed = parse(*program, words);
            command_word(*program, words);
            if (!parsed.has_value()) {
                ASSERT_FALSE(parsed.error().words.empty());
                continue;
            }
            ++read;
            ASSERT_NO_FATAL_FAILURE(check(*program, *parsed));
            if (parsed->asked == Asked::help) {
                const auto page = help(*program, parsed->topic);
                ASSERT_FALSE(page.has_value() ? page->empty() : page.error().words.empty());
            }
        }
        EXPECT_GT(read, kLines / 100);
    }
}

}  // namespace
}  // namespace zk::command_line
