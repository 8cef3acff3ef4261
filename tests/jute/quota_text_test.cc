#include "jute/quota_text.h"

#include <gtest/gtest.h>

namespace zk::jute {
namespace {

std::string rewritten(std::string_view text) {
    const auto quota = parse_quota(text);
    return quota ? quota->used() : "none";
}

TEST(QuotaText, BothWays) {
    const auto quota = parse_quota("count=5,bytes=50=;byteHardLimit=-1;countHardLimit=7");
    ASSERT_TRUE(quota);
    EXPECT_EQ(quota->count, 5);
    EXPECT_EQ(quota->bytes, 50);
    EXPECT_EQ(quota->bytes_hard, -1);
    EXPECT_EQ(quota->count_hard, 7);
    EXPECT_EQ(quota->limits(), "count=5,bytes=50=;byteHardLimit=-1;countHardLimit=7");
    EXPECT_EQ(QuotaText().limits(), "count=-1,bytes=-1=;byteHardLimit=-1;countHardLimit=-1");
}

// What Apache's 3.8.0 made of these texts when it counted a node more, less that node.
TEST(QuotaText, WhatIsUsedIsWrittenAsApacheWritesIt) {
    EXPECT_EQ(rewritten("count=5,bytes=3=;byteHardLimit=7;countHardLimit=8;zz=1;aa=2;=5;mm==9"),
              "count=5,bytes=3=;=5;aa=2;byteHardLimit=7;countHardLimit=8;mm=-1;zz=1");
    EXPECT_EQ(rewritten(""), "count=-1,bytes=-1");
    EXPECT_EQ(rewritten(",,"), "count=-1,bytes=-1");
    EXPECT_EQ(rewritten("count=+7"), "count=7,bytes=-1");
    EXPECT_EQ(rewritten("bytes=1;;,count=2,;"), "count=2,bytes=1");
    EXPECT_EQ(rewritten("count=1,count=2"), "count=2,bytes=-1") << "the last one counts";
}

// Each of these ends Apache's server when the next node is counted.
TEST(QuotaText, WhatIsNoQuota) {
    for (const char* text : {"zzz",
                             "count",
                             "count=",
                             "count==",
                             "=",
                             ",count=5",
                             "count=x",
                             "count= 5",
                             "count=+-5",
                             "count=9223372036854775808"}) {
        EXPECT_EQ(rewritten(text), "none") << text;
    }
    EXPECT_EQ(rewritten("count=9223372036854775807"), "count=9223372036854775807,bytes=-1");
}

TEST(QuotaText, Paths) {
    EXPECT_EQ(quota_path("/a"), "/zookeeper/quota/a");
    EXPECT_EQ(limits_path("/a"), "/zookeeper/quota/a/zookeeper_limits");
    EXPECT_EQ(stats_path("/a"), "/zookeeper/quota/a/zookeeper_stats");
}

}  // namespace
}  // namespace zk::jute
