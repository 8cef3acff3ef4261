// Random lines: each is read or refused with words, what was read keeps to the table, and nothing of it depends on a path's
// bytes. Under the sanitizers.
#include <algorithm>
#include <random>

#include <gtest/gtest.h>

#include "cli/acl_text.h"
#include "cli/commands.h"
#include "cli/completion.h"
#include "cli/json.h"
#include "cli/node_path.h"
#include "cli/quotas.h"
#include "cli/text.h"
#include "cli/words.h"

namespace zk::cli {
namespace {

constexpr int kLines = 30'000;

std::string random_line(std::mt19937& random) {
    static const std::vector<std::string> kPieces = {
        " ",        "  ",   "\t",       "\"",
        "'",        "\\",   "-",        "--",
        "-s",       "-sw",  "-v",       "-v=",
        "=",        "-R",   "/",        "//",
        "/a",       "/a/b", "..",       "world:anyone:cdrwa",
        ":",        ",",    "\xff",     "\xc3",
        "\xc3\xbc", "7",    "-7",       "99999999999999999999",
        "reconfig", "-add", "-members", "%s",
        "x"};
    std::string line;
    if (random() % 4 != 0) line = std::string(commands()[random() % commands().size()].name) + " ";
    for (auto left = random() % 9; left > 0; --left) {
        if (random() % 8 == 0) {
            line += static_cast<char>(random());
        } else {
            line += kPieces[random() % kPieces.size()];
        }
        if (random() % 2 == 0) line += ' ';
    }
    return line;
}

void check_command(const std::vector<std::string>& words) {
    const auto command = read_command(words);
    if (!command.has_value()) {
        ASSERT_FALSE(command.error().words.empty());
        return;
    }
    ASSERT_GE(command->operands.size(), command->spec->least);
    ASSERT_LE(command->operands.size(), command->spec->most);
    for (const auto& [name, value] : command->options) {
        const auto& known = command->spec->options;
        const auto found = std::find_if(
            known.begin(), known.end(), [&](const auto& option) { return option.name == name; });
        ASSERT_NE(found, known.end()) << name;
        if (!found->takes_value) {
            ASSERT_TRUE(value.empty()) << name;
        }
    }
}

TEST(RandomLines, AreReadOrRefused) {
    std::mt19937 random(20'26);
    int read = 0;
    for (int i = 0; i < kLines; ++i) {
        const std::string line = random_line(random);
        const auto children = [&line](const std::string&) {
            return std::vector<std::string>{"a", line};
        };
        const auto completion = complete(line, children);
        ASSERT_LE(completion.from, line.size());
        for (const auto& candidate : completion.candidates) {
            ASSERT_EQ(
                candidate.compare(0, line.size() - completion.from, line.substr(completion.from)),
                0);
        }
        ASSERT_TRUE(is_utf8(json_string(line)));
        const auto words = split_words(line);
        if (!words.has_value()) continue;
        for (const auto& word : *words) {
            if (const auto acl = read_acl(word); acl.has_value()) {
                ASSERT_FALSE(acl->empty());
            }
            if (check_path(word).has_value()) {
                ASSERT_EQ(word.front(), '/');
            }
            (void)read_quota(word);
            (void)config_for_clients(word);
            (void)hex_dump(word);
        }
        if (words->empty()) continue;
        ++read;
        check_command(*words);
    }
    EXPECT_GT(read, kLines / 2);
}

}  // namespace
}  // namespace zk::cli
