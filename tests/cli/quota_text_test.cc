#include "cli/quota_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace zk::cli {
namespace {

TEST(QuotaText, BothWays) {
    const QuotaText quota = read_quota("count=5,bytes=50=;byteHardLimit=-1;countHardLimit=7");
    EXPECT_EQ(quota.count, 5);
    EXPECT_EQ(quota.bytes, 50);
    EXPECT_EQ(quota.bytes_hard, -1);
    EXPECT_EQ(quota.count_hard, 7);
    EXPECT_EQ(quota.limits(), "count=5,bytes=50=;byteHardLimit=-1;countHardLimit=7");
    EXPECT_EQ(read_quota("count=3,bytes=9").used(), "count=3,bytes=9");
    EXPECT_EQ(read_quota("").limits(), "count=-1,bytes=-1=;byteHardLimit=-1;countHardLimit=-1");
    EXPECT_EQ(read_quota("x;;=,count=a,bytes").used(), "count=-1,bytes=-1");
}

TEST(QuotaText, PathsAbove) {
    EXPECT_THAT(above("/a/b/c"), testing::ElementsAre("/a", "/a/b"));
    EXPECT_THAT(above("/a"), testing::IsEmpty());
    EXPECT_EQ(quota_path("/a"), "/zookeeper/quota/a");
}

TEST(QuotaText, WarnsOfLimitsThatAreAlreadyPassed) {
    const QuotaText used{7, 21, -1, -1};
    EXPECT_EQ(quota_warnings({7, 21, -1, -1}, used), "");
    EXPECT_EQ(quota_warnings({5, 5, -1, 1}, used),
              "[Warning]: the count quota you create is less than the existing count:7\n"
              "[Warning]: the bytes quota you create is less than the existing bytes:21\n");
    EXPECT_EQ(quota_warnings({-1, -1, 1, -1}, used),
              "[Warning]: the count quota you create is less than the existing count:7\n");
}

}  // namespace
}  // namespace zk::cli
