#include "election/notification.h"

#include <random>

#include <gtest/gtest.h>

namespace zk::election {
namespace {

Bytes from_hex(std::string_view hex) {
    Bytes bytes;
    for (std::size_t i = 0; i < hex.size();) {
        if (hex[i] == ' ') {
            ++i;
            continue;
        }
        bytes.push_back(static_cast<char>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16)));
        i += 2;
    }
    return bytes;
}

constexpr std::string_view kFields =
    "00000002 0000000000000003 0000000200000001 0000000000000005 0000000000000003";

const Vote kVote{ServerId(3), Zxid(0x200000001), Round(5), Epoch(3)};

TEST(Notification, EncodesVersionTwo) {
    const Notification notification{
        PeerState::leading, kVote, 2, "server.1=a:1:2:participant\nversion=0"};
    const Bytes body = encode(notification);
    EXPECT_EQ(body.substr(0, 44), from_hex(std::string(kFields) + "00000002" + "00000024"));
    EXPECT_EQ(body.substr(44), notification.config_text);
    auto back = decode_notification(body);
    ASSERT_TRUE(back.has_value()) << back.error().message();
    EXPECT_EQ(*back, notification);
}

TEST(Notification, DecodesWhatOldServersSend) {
    auto v34 = decode_notification(from_hex(std::string(kFields) + "00000001"));
    ASSERT_TRUE(v34.has_value());
    EXPECT_EQ(v34->vote, kVote);
    EXPECT_EQ(v34->version, 0);
    auto v33 = decode_notification(from_hex(kFields).substr(0, 28));
    ASSERT_TRUE(v33.has_value());
    EXPECT_EQ(v33->vote.peer_epoch, Epoch(2));
    EXPECT_EQ(v33->version, 0);
    EXPECT_EQ(v33->config_text, "");
}

TEST(Notification, DropsWhatJavaDrops) {
    const Bytes fields = from_hex(kFields);
    EXPECT_FALSE(decode_notification("").has_value());
    EXPECT_FALSE(decode_notification(fields.substr(0, 27)).has_value());
    EXPECT_FALSE(decode_notification(fields).has_value());  // 36 bytes, 3.4.0 to 3.4.5
    EXPECT_FALSE(decode_notification(fields + from_hex("00000002 ffffffff")).has_value());
    EXPECT_FALSE(decode_notification(fields + from_hex("00000002 00000005 6162")).has_value());
    EXPECT_FALSE(decode_notification(fields + from_hex("00000002 00")).has_value());
    Bytes state = fields + from_hex("00000002 00000000");
    EXPECT_TRUE(decode_notification(state).has_value());
    state[3] = 4;
    EXPECT_FALSE(decode_notification(state).has_value());
    state[0] = static_cast<char>(0xff);
    EXPECT_FALSE(decode_notification(state).has_value());
}

TEST(Notification, SurvivesAnyBytes) {
    std::mt19937 random(7);
    for (int i = 0; i < 20000; ++i) {
        Bytes body(random() % 80, '\0');
        for (char& c : body) c = static_cast<char>(random() % 4 == 0 ? random() : 0);
        auto decoded = decode_notification(body);
        if (decoded.has_value()) {
            EXPECT_LE(decoded->config_text.size(), body.size());
        }
    }
}

}  // namespace
}  // namespace zk::election
