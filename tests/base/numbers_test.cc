#include "base/numbers.h"

#include <gtest/gtest.h>

namespace zk {
namespace {

TEST(Numbers, AreReadWholeOrNotAtAll) {
    EXPECT_EQ(parse_number("0"), 0);
    EXPECT_EQ(parse_number("-7"), -7);
    EXPECT_EQ(parse_number("007"), 7);
    EXPECT_EQ(parse_number("9223372036854775807"), INT64_MAX);
    EXPECT_EQ(parse_number("-9223372036854775808"), INT64_MIN);
    EXPECT_EQ((parse_number<std::uint64_t>("ffffffffffffffff", 16)), UINT64_MAX);
    for (const char* text :
         {"", "-", "+1", " 1", "1 ", "1\n", "1.0", "0x10", "--1", "9223372036854775808"}) {
        EXPECT_FALSE(parse_number(text)) << text;
    }
    EXPECT_FALSE(parse_number<std::uint64_t>("-1"));
    EXPECT_FALSE(parse_number<std::uint64_t>("10000000000000000", 16));
    EXPECT_FALSE(parse_number<int>("2147483648"));
}

TEST(Numbers, MebibytesAreNeverMoreThanThereIsNorLessThanIsNeeded) {
    constexpr std::uint64_t kOne = 1 << 20;
    EXPECT_EQ(mebibytes(0), "0 MiB");
    EXPECT_EQ(mebibytes(kOne - 1), "0 MiB");
    EXPECT_EQ(mebibytes(16 * kOne), "16 MiB");
    EXPECT_EQ(mebibytes_needed(0), "0 MiB");
    EXPECT_EQ(mebibytes_needed(1), "1 MiB");
    EXPECT_EQ(mebibytes_needed(16 * kOne), "16 MiB");
    EXPECT_EQ(mebibytes_needed(16 * kOne + 1), "17 MiB");
}

}  // namespace
}  // namespace zk
