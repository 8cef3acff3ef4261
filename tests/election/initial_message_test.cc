#include "election/initial_message.h"

#include <gtest/gtest.h>

#include "base/limits.h"

namespace zk::election {
namespace {

using State = InitialMessageReader::State;

Bytes words(std::int64_t first, std::int64_t sid, std::int32_t length, const std::string& text) {
    Bytes bytes;
    append_be(bytes, first);
    append_be(bytes, sid);
    append_be(bytes, length);
    return bytes + text;
}
Bytes version(std::int64_t first, std::int64_t sid, const std::string& text) {
    return words(first, sid, static_cast<std::int32_t>(text.size()), text);
}

TEST(InitialMessage, IsReadAtEveryCutAndLeavesWhatFollows) {
    Bytes old;
    append_be(old, std::int64_t{7});
    const struct {
        Bytes bytes;
        std::int64_t sid;
        std::string addresses;
    } cases[] = {{encode_initial_message(ServerId(3), "10.0.0.3:3888"), 3, "10.0.0.3:3888"},
                 {version(-65535, 4, "a:1|b:2"), 4, "a:1|b:2"},
                 {old, 7, ""}};
    for (const auto& each : cases) {
        const Bytes all = each.bytes + "a frame";
        for (std::size_t cut = 0; cut < all.size(); ++cut) {
            InitialMessageReader reader;
            State state = reader.feed(ByteView(all).substr(0, cut));
            EXPECT_EQ(state, cut < each.bytes.size() ? State::wants_more : State::done) << cut;
            if (state == State::done) continue;
            state = reader.feed(ByteView(all).substr(cut));
            ASSERT_EQ(state, State::done) << cut;
            EXPECT_EQ(reader.message().sid, ServerId(each.sid));
            EXPECT_EQ(reader.message().addresses, each.addresses);
            EXPECT_EQ(reader.rest(), "a frame");
        }
    }
}

TEST(InitialMessage, BrokenOnesAreToldBeforeTheirTextIsHere) {
    for (const Bytes& bytes : {words(-65534, 1, 3, ""),
                               words(-65536, -7, 3, ""),
                               words(-65536, 1, 0, ""),
                               words(-65536, 1, -1, ""),
                               words(-65536, 1, limits::kElectionAddressMax + 1, "")}) {
        InitialMessageReader reader;
        EXPECT_EQ(reader.feed(bytes), State::broken);
    }
    InitialMessageReader longest;
    EXPECT_EQ(longest.feed(words(-65536, 1, limits::kElectionAddressMax, "")), State::wants_more);
}

TEST(InitialMessage, AdvertisedAddresses) {
    const auto of = [](const std::string& text) { return advertised_address({ServerId(1), text}); };
    EXPECT_EQ(of("10.0.0.3:3888"), (ensemble::HostPort{"10.0.0.3", 3888}));
    EXPECT_EQ(of("zk1.example:3888|other:1"), (ensemble::HostPort{"zk1.example", 3888}));
    EXPECT_EQ(of("[fd00::1]:3888"), (ensemble::HostPort{"fd00::1", 3888}));
    for (const char* nowhere : {"",
                                "host",
                                ":3888",
                                "host:",
                                "host:0",
                                "host:65536",
                                "host:99999999999",
                                "host:1x",
                                "0.0.0.0:3888",
                                "[::]:3888",
                                "[0:0:0:0:0:0:0:0]:3888",
                                "[]:1"}) {
        EXPECT_FALSE(of(nowhere)) << nowhere;
    }
}

}  // namespace
}  // namespace zk::election
