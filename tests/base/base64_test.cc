#include "base/base64.h"

#include <gtest/gtest.h>

namespace zk {
namespace {

TEST(Base64, IsThatOfTheStandard) {
    // RFC 4648, section 10.
    constexpr const char* kPairs[][2] = {{"", ""},
                                         {"f", "Zg=="},
                                         {"fo", "Zm8="},
                                         {"foo", "Zm9v"},
                                         {"foob", "Zm9vYg=="},
                                         {"fooba", "Zm9vYmE="},
                                         {"foobar", "Zm9vYmFy"},
                                         {"\xff\xef\xbe", "/+++"}};
    for (const auto& [bytes, text] : kPairs) {
        EXPECT_EQ(encode_base64(bytes), text);
        EXPECT_EQ(decode_base64(text), bytes);
    }
}

TEST(Base64, EveryByteComesBackAtEveryPlace) {
    Bytes bytes;
    for (int byte = 0; byte < 256; ++byte) bytes += static_cast<char>(byte);
    for (std::size_t size = 0; size <= bytes.size(); ++size) {
        const Bytes part = bytes.substr(bytes.size() - size);
        EXPECT_EQ(decode_base64(encode_base64(part)), part) << size;
    }
}

TEST(Base64, AnythingElseIsRefused) {
    for (const char* text : {"Z",
                             "Zg",
                             "Zg=",
                             "Zg==\n",
                             " Zg==",
                             "Zm9v=",
                             "====",
                             "Z===",
                             "=g==",
                             "Zg==Zg==",
                             "Zm-v",
                             "Zm_v"}) {
        EXPECT_FALSE(decode_base64(text)) << text;
    }
    EXPECT_FALSE(decode_base64(std::string_view("Zm\0v", 4)));
    EXPECT_FALSE(decode_base64("Zm\xe9v"));
}

}  // namespace
}  // namespace zk
