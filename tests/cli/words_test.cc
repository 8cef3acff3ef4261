#include "cli/words.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/node_path.h"

namespace zk::cli {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

std::vector<std::string> words_in(std::string_view line) {
    const auto words = split_words(line);
    EXPECT_TRUE(words.has_value()) << line;
    return words.has_value() ? *words : std::vector<std::string>{"?"};
}

TEST(Words, BlanksPartThem) {
    EXPECT_THAT(words_in(""), IsEmpty());
    EXPECT_THAT(words_in("  \t "), IsEmpty());
    EXPECT_THAT(words_in("  ls   /a\t-s \r"), ElementsAre("ls", "/a", "-s"));
}

TEST(Words, AQuotedWordMayHoldBlanksAndTheOtherQuote) {
    EXPECT_THAT(words_in("create /a \"b  'c\" 'd \"e'"),
                ElementsAre("create", "/a", "b  'c", "d \"e"));
    EXPECT_THAT(words_in("create /a \"\" ''"), ElementsAre("create", "/a", "", ""));
}

// Each of these was seen of Apache's shell.
TEST(Words, NothingEscapesAndAQuoteInsideIsPartOfTheWord) {
    EXPECT_THAT(words_in(R"(x "a \"q\" b")"), ElementsAre("x", "a \\", "q\\\"", "b\""));
    EXPECT_THAT(words_in("x 'it''s'"), ElementsAre("x", "it", "s"));
    EXPECT_THAT(words_in("x \"x\"y"), ElementsAre("x", "x", "y"));
    EXPECT_THAT(words_in("x a'b c'd"), ElementsAre("x", "a'b", "c'd"));
    EXPECT_THAT(words_in(R"(x a\b)"), ElementsAre("x", R"(a\b)"));
}

TEST(Words, AQuoteWithoutEndIsRefused) {
    const auto words = split_words("ls \"unterminated and more");
    ASSERT_FALSE(words.has_value());
    EXPECT_EQ(words.error().code, make_error_code(Errc::invalid));
    EXPECT_THAT(words.error().words, testing::HasSubstr("unterminated and more"));
}

std::string wrong_with(std::string_view path, bool sequential = false) {
    const auto checked = check_path(path, sequential);
    return checked.has_value() ? "" : checked.error().words;
}

TEST(NodePath, SaysWhatIsWrongInTheWordsOfApachesClient) {
    EXPECT_EQ(wrong_with("/"), "");
    EXPECT_EQ(wrong_with("/a/b.c/..d"), "");
    EXPECT_EQ(wrong_with(""), "Path length must be > 0");
    EXPECT_EQ(wrong_with("a"), "Path must start with / character");
    EXPECT_EQ(wrong_with("/a/"), "Path must not end with / character");
    EXPECT_EQ(
        wrong_with("/zookeeper/quota//zookeeper_limits"),
        "Invalid path string \"/zookeeper/quota//zookeeper_limits\" caused by empty node name "
        "specified @17");
    EXPECT_THAT(wrong_with("/a/../b"), testing::HasSubstr("relative paths not allowed @4"));
    EXPECT_THAT(wrong_with("/a/."), testing::HasSubstr("relative paths not allowed"));
    EXPECT_THAT(wrong_with("/a\nb"), testing::HasSubstr("invalid character @2"));
}

TEST(NodePath, ASequentialOneMayEndWithASlash) {
    EXPECT_EQ(wrong_with("/a/", true), "");
    EXPECT_EQ(wrong_with("/", true), "");
    EXPECT_NE(wrong_with("//", true), "");
    EXPECT_NE(wrong_with("", true), "");
}

TEST(NodePath, ChildOfTheRootHasOneSlash) {
    EXPECT_EQ(child_of("/", "a"), "/a");
    EXPECT_EQ(child_of("/a", "b"), "/a/b");
}

}  // namespace
}  // namespace zk::cli
