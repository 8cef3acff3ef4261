#include "tree/path.h"

#include <gtest/gtest.h>

namespace zk::tree {
namespace {

TEST(Path, LegalOnes) {
    for (const char* path : {"/",
                             "/a",
                             "/a/b",
                             "/...",
                             "/.x",
                             "/x.",
                             "/..x",
                             "/a b",
                             "/zookeeper",
                             "/\u00a0",
                             "/\ud7ff",
                             "/\uf900",
                             "/\uffef",
                             "/\u00e9t\u00e9/\u65e5"}) {
        EXPECT_TRUE(validate_path(path)) << path;
    }
    EXPECT_TRUE(validate_path("/" + std::string(100000, 'x')));
}

TEST(Path, IllegalOnes) {
    for (const char* path :
         {"",        "a",       "a/b",     "//",      "/a/",     "/a//b",   "/.",
          "/..",     "/a/./b",  "/a/..",   "/a/../b", "/\x01",   "/a\x1f",  "/\x7f",
          "/\u0080", "/\u009f", "/\ue000", "/\uf8ff", "/\ufff0", "/\uffff", "/\U0001f600"}) {
        EXPECT_FALSE(validate_path(path)) << path;
    }
    EXPECT_FALSE(validate_path(std::string_view("/a\0b", 4)));
}

TEST(Path, BytesThatAreNoUtf8AreRefused) {
    for (const char* path : {"/\xff",
                             "/\xc3",
                             "/\xc3(",
                             "/\x80",
                             "/\xc0\x80",
                             "/\xe0\x80\x80",
                             "/\xe2\x82",
                             "/\xed\xa0\x80",
                             "/\xed\xbf\xbf",
                             "/\xf0\x9f\x98",
                             "/\xf8\x88\x80\x80\x80",
                             "/a\xc3/b"}) {
        EXPECT_FALSE(validate_path(path)) << path;
    }
}

TEST(Path, Parts) {
    EXPECT_EQ(parent_of("/a/b"), "/a");
    EXPECT_EQ(parent_of("/a"), "");
    EXPECT_EQ(parent_of("/"), "");
    EXPECT_EQ(event_parent_of("/a"), "/");
    EXPECT_EQ(event_parent_of("/a/b"), "/a");
    EXPECT_EQ(name_of("/a/b"), "b");
    EXPECT_EQ(name_of("/"), "");
    EXPECT_TRUE(is_outside_digest("/zookeeper/quota"));
    EXPECT_FALSE(is_outside_digest("/zookeeper"));
    EXPECT_FALSE(is_outside_digest("/zookeeperx"));
}

TEST(Path, SequenceSuffixHasTenDigits) {
    EXPECT_EQ(sequence_suffix(0), "0000000000");
    EXPECT_EQ(sequence_suffix(42), "0000000042");
    EXPECT_EQ(sequence_suffix(INT32_MAX), "2147483647");
    EXPECT_EQ(sequence_suffix(INT32_MIN), "-2147483648");
}

}  // namespace
}  // namespace zk::tree
