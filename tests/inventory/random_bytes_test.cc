// No input may crash the reader: random bytes, and the examples with bytes changed, removed,
// doubled and cut. A fixed seed makes a failure repeatable; the failing text is printed.
#include <algorithm>
#include <fstream>
#include <random>
#include <sstream>
#include <string>

#include <gtest/gtest.h>

#include "inventory/inventory.h"

namespace zk::inventory {
namespace {

void read_any(const std::string& text) {
    Diagnostics diagnostics("random.yaml");
    const auto inventory = read_inventory(text, "/home", diagnostics);
    ASSERT_EQ(inventory.has_value(), !diagnostics.has_errors()) << text;
    for (const Problem& problem : diagnostics.problems()) {
        ASSERT_FALSE(problem.words.empty()) << text;
        ASSERT_FALSE(diagnostics.format(problem).empty()) << text;
    }
}

std::string example(const std::string& name) {
    std::ifstream file(std::string(ZK_EXAMPLES_DIR) + "/" + name);
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
}

using Random = std::mt19937;
std::size_t below(Random& random, std::size_t limit) {
    return std::uniform_int_distribution<std::size_t>(0, limit - 1)(random);
}

TEST(RandomBytes, OfAnyKind) {
    Random random(1);
    for (int round = 0; round < 3000; ++round) {
        std::string text(below(random, 200), '\0');
        std::ranges::generate(text, [&] { return static_cast<char>(below(random, 256)); });
        read_any(text);
    }
}

TEST(RandomBytes, OfYamlsOwnCharacters) {
    Random random(2);
    const std::string alphabet = "ab1-:,[]{}&*!|>'\"%@`#?~ \n\n  \\<=.";
    for (int round = 0; round < 20000; ++round) {
        std::string text(below(random, 80), ' ');
        std::ranges::generate(text, [&] { return alphabet[below(random, alphabet.size())]; });
        read_any(text);
    }
}

TEST(RandomBytes, ExamplesDamaged) {
    Random random(3);
    const std::string sources[] = {example("three-node.yaml"), example("local.yaml")};
    const std::string alphabet = "019az-:,[]{}&*!|>'\"%#? \n\t\\.";
    for (int round = 0; round < 6000; ++round) {
        std::string text = sources[below(random, 2)];
        for (std::size_t damage = below(random, 6); damage > 0 && !text.empty(); --damage) {
            const std::size_t at = below(random, text.size());
            const std::size_t length = below(random, 20);
            switch (below(random, 4)) {
                case 0:
                    text[at] = alphabet[below(random, alphabet.size())];
                    break;
                case 1:
                    text.erase(at, length);
                    break;
                case 2:
                    text.insert(at, text.substr(below(random, text.size()), length));
                    break;
                default:
                    text.resize(at);
            }
        }
        read_any(text);
    }
}

TEST(RandomBytes, DeepNesting) {
    for (const char* const open : {"[", "{", "- ", "a: {", "? ", "[{"}) {
        std::string text;
        for (int i = 0; i < 20000; ++i) text += open;
        read_any(text);
    }
}

}  // namespace
}  // namespace zk::inventory
