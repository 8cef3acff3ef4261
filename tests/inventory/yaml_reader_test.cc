#include "inventory/yaml_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace zk::inventory {
namespace {

using testing::HasSubstr;

std::string errors_of(std::string_view text) {
    Diagnostics diagnostics("file.yaml");
    parse_yaml(text, diagnostics);
    return diagnostics.format_all();
}

TEST(YamlReader, ValuesKnowTheirPlace) {
    Diagnostics diagnostics("file.yaml");
    const Value root = parse_yaml("a: 1\nb:\n  - x\n  - \"2\"\nc:\n", diagnostics);
    EXPECT_FALSE(diagnostics.has_errors());
    ASSERT_EQ(root.entries.size(), 3U);
    EXPECT_EQ(root.entries[0].value.scalar, "1");
    EXPECT_EQ(root.entries[0].value.mark, (Mark{1, 4}));
    EXPECT_EQ(root.entries[1].key_mark, (Mark{2, 1}));
    ASSERT_EQ(root.entries[1].value.items.size(), 2U);
    EXPECT_EQ(root.entries[1].value.items[1].mark, (Mark{4, 5}));
    EXPECT_TRUE(root.entries[1].value.items[1].quoted);
    EXPECT_FALSE(root.entries[1].value.items[0].quoted);
    EXPECT_EQ(root.entries[2].value.kind, Value::Kind::null);
}

TEST(YamlReader, TabInIndentationIsNamed) {
    EXPECT_EQ(errors_of("a:\n\tb: 1\n"),
              "file.yaml:2:1: error: a tab is used as indentation; use spaces (two per level)\n");
    EXPECT_THAT(errors_of("a:\n  \tb: 1\n"), HasSubstr("file.yaml:2:3"));
}

TEST(YamlReader, KeyGivenTwiceNamesBothLines) {
    EXPECT_EQ(errors_of("a: 1\nb: 2\na: 3\n"),
              "file.yaml:3:1: error: a: this key was given before, in line 1; keep one of the "
              "two\n");
}

TEST(YamlReader, BrokenSyntaxHasAPlace) {
    EXPECT_THAT(errors_of("a: [1, 2\n"), HasSubstr("not valid YAML"));
    EXPECT_THAT(errors_of("a: b: c\n"), HasSubstr("file.yaml:1:5"));
}

// In { } a bracket ends a word: YAML's own words for that are "end of map flow not found".
TEST(YamlReader, ARangeWithoutQuotesIsNamed) {
    EXPECT_EQ(
        errors_of("nodes:\n  - { id: 1-3, host: 192.168.6.[137-139] }\n"),
        "file.yaml:2:32: error: not valid YAML: a value with the range [137-139] needs quotes "
        "here, such as \"h[137-139]\"\n");
    EXPECT_THAT(errors_of("- { id: 1-3,\n    host: h[1-3].lan }\n"),
                HasSubstr("file.yaml:2:12: error"));
    EXPECT_THAT(errors_of("- { host: [1-3].lan, id: 1-3 }\n"),
                HasSubstr("the range [1-3] needs quotes"));
    EXPECT_THAT(errors_of("host: [1-3].lan\n"), HasSubstr("the range [1-3] needs quotes"));
    EXPECT_EQ(errors_of("- { id: 1-3, host: \"h[1-3].lan\" }\n"), "");
    EXPECT_EQ(errors_of("host: h[1-3].lan\n"), "");
    // Other mistakes, of which a list or a quoted range is not the cause.
    EXPECT_THAT(errors_of("- { host: \"h[1-3]\", id: 1\n"), HasSubstr("end of map flow"));
    EXPECT_THAT(errors_of("- { ids: [1-3], id: 1  # h[1-3]\n"), HasSubstr("end of map flow"));
}

TEST(YamlReader, WhatAnInventoryDoesNotNeedIsRefused) {
    EXPECT_THAT(errors_of("a: &x 1\nb: *x\n"), HasSubstr("anchors (&name) are not supported"));
    EXPECT_THAT(errors_of("a: !!int 1\n"), HasSubstr("tags"));
    EXPECT_THAT(errors_of("a: 1\n---\nb: 2\n"),
                HasSubstr(":2:1: error: a second YAML document begins here"));
    EXPECT_THAT(errors_of("[1, 2]: x\n"), HasSubstr("a key must be a word"));
    EXPECT_THAT(errors_of(std::string(40, '[') + std::string(40, ']')), HasSubstr("too deeply"));
}

TEST(YamlReader, NotATextFile) {
    EXPECT_THAT(errors_of(std::string("a: \0b\n", 6)), HasSubstr("control character"));
    EXPECT_THAT(errors_of("a: \xff\n"), HasSubstr("not UTF-8"));
    EXPECT_THAT(errors_of(std::string((1 << 20) + 1, ' ')), HasSubstr("larger than 1 MiB"));
}

}  // namespace
}  // namespace zk::inventory
