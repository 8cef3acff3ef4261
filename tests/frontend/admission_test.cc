#include "frontend/admission.h"

#include <gtest/gtest.h>

namespace zk::frontend {
namespace {

constexpr Instant at(int second) { return Instant(std::chrono::seconds(second)); }

TEST(Admission, EachLimitHasItsNameAndZeroIsNone) {
    Admission none({.per_address_max = 0});
    for (int i = 0; i < 1000; ++i) EXPECT_TRUE(none.enter("10.0.0.1", at(0)).limit.empty());

    Admission address({.per_address_max = 2, .connections_max = 100});
    EXPECT_TRUE(address.enter("10.0.0.1", at(0)).limit.empty());
    EXPECT_TRUE(address.enter("10.0.0.1", at(0)).limit.empty());
    EXPECT_EQ(address.enter("10.0.0.1", at(0)).limit, "maxClientCnxns");
    EXPECT_TRUE(address.enter("10.0.0.2", at(0)).limit.empty());

    Admission all({.per_address_max = 0, .connections_max = 1});
    EXPECT_TRUE(all.enter("10.0.0.1", at(0)).limit.empty());
    EXPECT_EQ(all.enter("10.0.0.2", at(0)).limit, "maxCnxns");

    Admission files({.per_address_max = 0, .descriptors_max = 1});
    EXPECT_TRUE(files.enter("10.0.0.1", at(0)).limit.empty());
    EXPECT_EQ(files.enter("10.0.0.2", at(0)).limit, "open_files");
}

TEST(Admission, WhoLeavesMakesRoomAndWhoWasRefusedTakesNone) {
    Admission admission({.per_address_max = 1});
    EXPECT_TRUE(admission.enter("10.0.0.1", at(0)).limit.empty());
    for (int i = 0; i < 5; ++i) EXPECT_FALSE(admission.enter("10.0.0.1", at(0)).limit.empty());
    EXPECT_EQ(admission.count(), 1U);
    admission.left("10.0.0.1");
    EXPECT_EQ(admission.count(), 0U);
    EXPECT_TRUE(admission.enter("10.0.0.1", at(0)).limit.empty());
}

TEST(Admission, RefusalsAreToldNowAndThenWithTheirNumber) {
    Admission admission({.connections_max = 1});
    admission.enter("10.0.0.1", at(0));
    EXPECT_EQ(admission.enter("10.0.0.2", at(0)).refused_to_tell, 1);
    for (int second = 1; second < 10; ++second) {
        EXPECT_EQ(admission.enter("10.0.0.2", at(second)).refused_to_tell, 0);
    }
    EXPECT_EQ(admission.enter("10.0.0.2", at(10)).refused_to_tell, 10);
}

}  // namespace
}  // namespace zk::frontend
