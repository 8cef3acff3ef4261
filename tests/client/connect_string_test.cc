#include "client/connect_string.h"

#include <gtest/gtest.h>

namespace zk::client {
namespace {

std::string read_again(std::string_view text) {
    const auto parsed = parse_connect_string(text);
    if (!parsed.has_value()) return "refused";
    std::string all;
    for (const auto& server : parsed->servers) all += to_string(server) + " ";
    return all + parsed->chroot;
}

TEST(ConnectString, ServersAndChroot) {
    EXPECT_EQ(read_again("a:1"), "a:1 ");
    EXPECT_EQ(read_again("a"), "a:2181 ");
    EXPECT_EQ(read_again("a:1,b:65535,c/x/y"), "a:1 b:65535 c:2181 /x/y");
    EXPECT_EQ(read_again("a:1, b:2 "), "a:1 b:2 ");
    EXPECT_EQ(read_again("a:1/"), "a:1 ");
    EXPECT_EQ(read_again("[::1]:5,[fe80::1],127.0.0.1:7"), "[::1]:5 [fe80::1]:2181 127.0.0.1:7 ");
    EXPECT_EQ(parse_connect_string("[::1]:5")->servers.front().host, "::1");
}

TEST(ConnectString, WhatIsNoneIsNamed) {
    for (const char* wrong : {"",
                              ",a",
                              "a,",
                              "a:",
                              "a:0",
                              "a:65536",
                              "a:x",
                              "a:1:2",
                              "::1",
                              ":1",
                              "[::1",
                              "[::1]5",
                              "[]:1",
                              "a:1//",
                              "a:1/x/",
                              "a:1/x//y",
                              "a:1/../x",
                              "a:1/."}) {
        const auto parsed = parse_connect_string(wrong);
        ASSERT_FALSE(parsed.has_value()) << wrong;
        EXPECT_EQ(parsed.error().code, make_error_code(Errc::invalid));
        EXPECT_FALSE(parsed.error().words.empty());
    }
    EXPECT_NE(parse_connect_string("a:1,::1").error().words.find("brackets"), std::string::npos);
}

}  // namespace
}  // namespace zk::client
