#include "cli/json.h"

#include <gtest/gtest.h>

namespace zk::cli {
namespace {

TEST(CliJson, StringsAreEscaped) {
    EXPECT_EQ(json_string("a\"b\\c\n\x01\x7f"), R"("a\"b\\c\n\u0001\u007f")");
    EXPECT_EQ(json_string("gr\xc3\xbc\xc3\x9f \xf0\x9f\x98\x80"),
              "\"gr\xc3\xbc\xc3\x9f \xf0\x9f\x98\x80\"");
    EXPECT_EQ(json_string("a\xff"
                          "b"),
              "\"a\xef\xbf\xbd"
              "b\"");
}

TEST(CliJson, Utf8IsTakenAsTheStandardHasIt) {
    EXPECT_TRUE(is_utf8(""));
    EXPECT_TRUE(is_utf8("\xed\x9f\xbf\xee\x80\x80\xf4\x8f\xbf\xbf"));
    for (const char* wrong : {"\x80",
                              "\xc0\x80",
                              "\xc1\xbf",
                              "\xe0\x9f\xbf",
                              "\xed\xa0\x80",
                              "\xf4\x90\x80\x80",
                              "\xf8\x88\x80\x80\x80",
                              "\xc3",
                              "\xe2\x82"}) {
        EXPECT_FALSE(is_utf8(wrong)) << json_string(wrong);
    }
}

TEST(CliJson, DataIsTextNullOrBase64) {
    EXPECT_EQ(JsonObject().data(std::nullopt).str(), R"({"data":null})");
    EXPECT_EQ(JsonObject().data(Bytes()).str(), R"({"data":""})");
    EXPECT_EQ(JsonObject().data(Bytes("x")).str(), R"({"data":"x"})");
    EXPECT_EQ(JsonObject().data(Bytes("\xff\xfe")).str(), R"({"base64":"//4="})");
}

TEST(CliJson, AStatGivesLargeNumbersAsText) {
    jute::Stat stat;
    stat.czxid = Zxid(0x7fffffffffffffff);
    stat.ctime = WallMs(1700000000000);
    EXPECT_EQ(stat_json(stat),
              R"({"czxid":"0x7fffffffffffffff","mzxid":"0x0","pzxid":"0x0","ctime":1700000000000,)"
              R"("mtime":0,"version":0,"cversion":0,"aversion":0,"ephemeralOwner":"0x0",)"
              R"("dataLength":0,"numChildren":0})");
}

TEST(CliJson, Events) {
    EXPECT_EQ(event_json(jute::EventKind::node_created, jute::KeeperState::sync_connected, "/a"),
              R"({"event":{"type":"NodeCreated","state":"SyncConnected","path":"/a"}})");
    EXPECT_EQ(event_json(jute::EventKind::none, jute::KeeperState::expired, ""),
              R"({"event":{"type":"None","state":"Expired","path":null}})");
}

TEST(CliJson, Acls) {
    jute::Acl acl;
    acl.perms = perms::kRead;
    acl.id = {"world", "anyone"};
    EXPECT_EQ(
        acl_json({acl, acl}),
        R"([{"scheme":"world","id":"anyone","perms":"r"},{"scheme":"world","id":"anyone","perms":"r"}])");
}

}  // namespace
}  // namespace zk::cli
