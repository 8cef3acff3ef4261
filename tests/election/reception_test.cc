#include "election/reception.h"

#include <limits>

#include <gtest/gtest.h>

namespace zk::election {
namespace {

using Welcome = Reception::Welcome;

constexpr Instant after(int second) { return Instant(std::chrono::seconds(second)); }

class ReceptionTest : public testing::Test {
  protected:
    Welcome welcome(int sid, Origin origin = Origin::own) {
        return reception_.welcome(ServerId(sid), origin, after(0)).welcome;
    }
    static ensemble::MembershipPtr members() {
        ensemble::EnsembleConfig config;
        for (const int sid : {1, 2, 3}) config.members[ServerId(sid)].sid = ServerId(sid);
        return std::make_shared<ensemble::Membership>(config);
    }
    Reception reception_{ServerId(2), members()};
};

TEST_F(ReceptionTest, TheLargerSidOwnsTheConnection) {
    EXPECT_EQ(welcome(3), Welcome::stays);
    EXPECT_EQ(welcome(1), Welcome::call_back);
    EXPECT_EQ(welcome(9, Origin::foreign), Welcome::stays);
    EXPECT_EQ(welcome(0, Origin::foreign), Welcome::call_back);
}

TEST_F(ReceptionTest, NobodyHasThisServersIdOrNone) {
    EXPECT_EQ(welcome(2), Welcome::own_id);
    const ServerId anonymous(std::numeric_limits<std::int64_t>::max());
    EXPECT_EQ(reception_.welcome(anonymous, Origin::own, after(0)).welcome, Welcome::anonymous);
}

TEST_F(ReceptionTest, AConnectedMemberStandsAgainstWhoeverComesFromElsewhere) {
    for (const int sid : {1, 3}) {
        reception_.connected(ServerId(sid), Origin::own, after(0));
        for (const Origin elsewhere : {Origin::foreign, Origin::unknown}) {
            EXPECT_EQ(welcome(sid, elsewhere), Welcome::impostor);
        }
        EXPECT_NE(welcome(sid, Origin::own), Welcome::impostor) << "the member itself comes anew";
        reception_.disconnected(ServerId(sid));
        EXPECT_NE(welcome(sid, Origin::foreign), Welcome::impostor) << "nobody better is there";
    }
}

TEST_F(ReceptionTest, AnImpostorIsToldOnceForEachConnection) {
    const auto first_time = [&] {
        return reception_.welcome(ServerId(3), Origin::foreign, after(0)).first_time;
    };
    reception_.connected(ServerId(3), Origin::own, after(0));
    EXPECT_TRUE(first_time());
    EXPECT_FALSE(first_time());
    reception_.connected(ServerId(3), Origin::own, after(1));
    EXPECT_TRUE(first_time());
}

TEST_F(ReceptionTest, TheOldestStrangerMakesRoomAndMembersNeverDo) {
    reception_.connected(ServerId(3), Origin::own, after(0));
    const int strangers = static_cast<int>(Reception::kStrangersMax);
    for (int i = 0; i < strangers; ++i) {
        const ServerId sid(100 + i);
        EXPECT_FALSE(reception_.welcome(sid, Origin::foreign, after(i + 1)).leaves);
        reception_.connected(sid, Origin::foreign, after(i + 1));
    }
    // One of them again: it is one of those who are here.
    EXPECT_FALSE(reception_.welcome(ServerId(100), Origin::foreign, after(90)).leaves);
    EXPECT_EQ(reception_.welcome(ServerId(500), Origin::foreign, after(99)).leaves, ServerId(100));
    reception_.forget(ServerId(101));
    EXPECT_FALSE(reception_.welcome(ServerId(501), Origin::foreign, after(99)).leaves);
    EXPECT_FALSE(reception_.welcome(ServerId(1), Origin::own, after(99)).leaves) << "a member";
}

TEST_F(ReceptionTest, TheOldestSilentConnectionMakesRoom) {
    const auto limit = Reception::kGreetingsMax;
    for (std::uint64_t id = 1; id <= limit; ++id) EXPECT_FALSE(reception_.greets(id));
    EXPECT_EQ(reception_.greets(limit + 1), 1U);
    reception_.greeting_ended(2);
    EXPECT_FALSE(reception_.greets(limit + 2));
    EXPECT_EQ(reception_.greets(limit + 3), 3U);
}

}  // namespace
}  // namespace zk::election
