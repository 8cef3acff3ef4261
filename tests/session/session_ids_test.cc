#include "session/session_ids.h"

#include <cstdio>

#include <gtest/gtest.h>

namespace zk::session {
namespace {

std::string hex(const Bytes& bytes) {
    std::string text;
    for (const char byte : bytes) {
        char two[3];
        std::snprintf(two, sizeof two, "%02x", static_cast<unsigned char>(byte));
        text += two;
    }
    return text;
}

TEST(SessionIds, SidIsTheTopByte) {
    EXPECT_EQ(first_session_id(ServerId(1), 0), SessionId(0x0100000000000000));
    EXPECT_EQ(first_session_id(ServerId(3), 0x123456), SessionId(0x0300001234560000));
    EXPECT_EQ(first_session_id(ServerId(1), 0xff0000000001), SessionId(0x0100000000010000))
        << "only the low 40 bits of the clock";
    EXPECT_EQ(static_cast<std::uint64_t>(first_session_id(ServerId(200), 1).value()) >> 56, 200U);
}

TEST(SessionIds, NeverTheTwoThatAreNoSessions) {
    EXPECT_EQ(first_session_id(ServerId(0), 0), SessionId(1));
    EXPECT_EQ(first_session_id(ServerId(128), 0),
              SessionId(static_cast<std::int64_t>(0x8000000000000001ULL)));
    EXPECT_EQ(next_session_id(SessionId(-1)), SessionId(1));
    EXPECT_EQ(next_session_id(SessionId(INT64_MAX)),
              SessionId(static_cast<std::int64_t>(0x8000000000000001ULL)));
    EXPECT_EQ(next_session_id(SessionId(5)), SessionId(6));
}

TEST(SessionIds, PasswordIsTheOneApachesServerGave) {
    // Seen on the wire: client-protocol facts, appendix A.
    const SessionId session(0x0100004309560000);
    const Bytes password = password_for(session);
    EXPECT_EQ(hex(password), "288b8e6495612ca74636eee066485a1c");
    EXPECT_TRUE(check_password(session, password));
    EXPECT_FALSE(check_password(SessionId(0x0100004309560001), password));
    EXPECT_FALSE(check_password(session, ""));
    EXPECT_FALSE(check_password(session, password + '\0'));
    EXPECT_FALSE(check_password(session, Bytes(16, '\0')));
}

}  // namespace
}  // namespace zk::session
