#include "ensemble/properties.h"

#include <gtest/gtest.h>

namespace zk::ensemble {
namespace {

std::string dump(std::string_view text) {
    auto properties = read_properties(text, "f");
    if (!properties.has_value()) return "error " + properties.error().message();
    std::string out;
    for (const Property& p : *properties) {
        out += std::to_string(p.line) + " <" + p.key + "> <" + p.value + ">\n";
    }
    return out;
}

TEST(Properties, AcceptsAllSeparatorsAndComments) {
    EXPECT_EQ(dump("a=1\n# c=2\n  ! d=3\nb : 2\nc 3\n\n  d\t=\t4  \ne\nf=\n"),
              "1 <a> <1>\n4 <b> <2>\n5 <c> <3>\n7 <d> <4>\n8 <e> <>\n9 <f> <>\n");
}

TEST(Properties, ContinuesLinesAndNamesTheFirst) {
    EXPECT_EQ(dump("a=1\\\n   2\\\r\n 3\nb=x\\\\\nc=4\\"), "1 <a> <123>\n4 <b> <x\\>\n5 <c> <4>\n");
}

TEST(Properties, ResolvesEscapes) {
    EXPECT_EQ(dump("a\\=b\\:c=\\u0041\\u00e9\\u20ac\\t.\\q\n"),
              "1 <a=b:c> <A\xc3\xa9\xe2\x82\xac\t.q>\n");
    EXPECT_EQ(dump("ok=1\nbad=\\u12g4\n"),
              "error f:2: \\u must be followed by four hex digits; write a backslash as \\\\");
    EXPECT_EQ(dump("bad=\\u1"),
              "error f:1: \\u must be followed by four hex digits; write a backslash as \\\\");
}

TEST(Properties, AcceptsCarriageReturns) {
    EXPECT_EQ(dump("a=1\r\nb=2\rc=3\r\n"), "1 <a> <1>\n2 <b> <2>\n3 <c> <3>\n");
}

}  // namespace
}  // namespace zk::ensemble
