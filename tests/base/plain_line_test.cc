#include "base/plain_line.h"

#include <gtest/gtest.h>

namespace zk {
namespace {

TEST(PlainLine, KeepsTextAndDropsTheRest) {
    EXPECT_EQ(plain_line("one\r\ntwo\tthree\n\n"), "one / two three");
    EXPECT_EQ(plain_line("gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x98\x80"),
              "gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x98\x80");
    EXPECT_EQ(plain_line("\x1b]0;x\x07 \xc2\x9b 1"), "?]0;x? ?? 1");
    // Cut off, overlong, a surrogate, beyond Unicode.
    EXPECT_EQ(plain_line("\xe2\x82"), "??");
    EXPECT_EQ(plain_line("\xc0\xaf\xe0\x80\xaf"), "?????");
    EXPECT_EQ(plain_line("\xed\xa0\x80\xf4\x90\x80\x80"), "???????");
    EXPECT_EQ(plain_line(""), "");
}

}  // namespace
}  // namespace zk
