#include "net/learner_door.h"

#include <gtest/gtest.h>

namespace zk::net {
namespace {

using Links = std::vector<zab::LinkId>;

Instant at(int ms) { return Instant{} + milliseconds(ms); }

constexpr DoorLimits kLimits{.links_max = 10,
                             .strangers_max = 4,
                             .strangers_per_address_max = 2,
                             .foreign_max = 3,
                             .name_within = milliseconds(5000)};

TEST(LearnerDoor, AStrangerMakesRoomForTheNextOfItsAddress) {
    LearnerDoor door(kLimits);
    EXPECT_TRUE(door.admit(1, "a", false, at(0)).close.empty());
    EXPECT_TRUE(door.admit(2, "a", false, at(0)).close.empty());
    EXPECT_TRUE(door.admit(3, "b", false, at(0)).close.empty());
    const auto fourth = door.admit(4, "a", false, at(0));
    EXPECT_TRUE(fourth.admitted);
    EXPECT_EQ(fourth.close, Links{1});
}

TEST(LearnerDoor, StrangersAreFewAndTheOldestOfNoMemberGoesFirst) {
    LearnerDoor door(kLimits);
    (void)door.admit(1, "member", true, at(0));
    (void)door.admit(2, "b", false, at(0));
    (void)door.admit(3, "c", false, at(0));
    (void)door.admit(4, "d", false, at(0));
    EXPECT_EQ(door.admit(5, "e", false, at(0)).close, Links{2});
    (void)door.admit(6, "member", true, at(0));
    EXPECT_EQ(door.admit(7, "member 2", true, at(0)).close, Links{4});
}

TEST(LearnerDoor, WhoHasANameStays) {
    LearnerDoor door(kLimits);
    (void)door.admit(1, "a", true, at(0));
    EXPECT_TRUE(door.named(1));
    for (zab::LinkId id = 2; id < 50; ++id) {
        const auto admission = door.admit(id, "x" + std::to_string(id), false, at(0));
        for (const zab::LinkId closed : admission.close) EXPECT_NE(closed, 1U);
    }
    EXPECT_EQ(door.overdue(at(5000)), (Links{46, 47, 48, 49}));
    EXPECT_EQ(door.overdue(at(4999)), Links{});
}

TEST(LearnerDoor, NamesFromElsewhereLeaveRoomForMembers) {
    LearnerDoor door(kLimits);
    for (zab::LinkId id = 1; id <= 3; ++id) {
        (void)door.admit(id, "nat", false, at(0));
        EXPECT_TRUE(door.named(id));
    }
    (void)door.admit(4, "nat", false, at(0));
    EXPECT_FALSE(door.named(4));
    door.gone(4);
    (void)door.admit(5, "m", true, at(0));
    EXPECT_TRUE(door.named(5));
    door.gone(1);
    (void)door.admit(6, "nat", false, at(0));
    EXPECT_TRUE(door.named(6));
}

TEST(LearnerDoor, AFullHouseAdmitsNobodyOverANamedOne) {
    LearnerDoor door(kLimits);
    for (zab::LinkId id = 1; id <= 10; ++id) {
        EXPECT_TRUE(door.admit(id, "m", true, at(0)).admitted);
        EXPECT_TRUE(door.named(id));
    }
    const auto more = door.admit(11, "m", true, at(0));
    EXPECT_FALSE(more.admitted);
    EXPECT_TRUE(more.close.empty());
}

}  // namespace
}  // namespace zk::net
