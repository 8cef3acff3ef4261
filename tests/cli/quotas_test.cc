#include "cli/quotas.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace zk::cli {
namespace {

using jute::QuotaText;

TEST(Quotas, ATextThatIsNoneLimitsNothing) {
    EXPECT_EQ(read_quota("count=3,bytes=9").used(), "count=3,bytes=9");
    EXPECT_EQ(read_quota("").limits(), "count=-1,bytes=-1=;byteHardLimit=-1;countHardLimit=-1");
    EXPECT_EQ(read_quota("x;;=,count=a,bytes").used(), "count=-1,bytes=-1");
}

TEST(Quotas, PathsAbove) {
    EXPECT_THAT(above("/a/b/c"), testing::ElementsAre("/a", "/a/b"));
    EXPECT_THAT(above("/a"), testing::IsEmpty());
}

TEST(Quotas, WarnsOfLimitsThatAreAlreadyPassed) {
    const QuotaText used{7, 21, -1, -1, {}};
    EXPECT_EQ(quota_warnings({7, 21, -1, -1, {}}, used), "");
    EXPECT_EQ(quota_warnings({5, 5, -1, 1, {}}, used),
              "[Warning]: the count quota you create is less than the existing count:7\n"
              "[Warning]: the bytes quota you create is less than the existing bytes:21\n");
    EXPECT_EQ(quota_warnings({-1, -1, 1, -1, {}}, used),
              "[Warning]: the count quota you create is less than the existing count:7\n");
}

}  // namespace
}  // namespace zk::cli
