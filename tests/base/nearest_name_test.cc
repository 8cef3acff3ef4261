#include "base/nearest_name.h"

#include <gtest/gtest.h>

namespace zk {
namespace {

TEST(NearestName, IsNearEnoughToBeMeant) {
    const std::vector<std::string> names = {"apply", "plan", "replace-node", "-i"};
    EXPECT_EQ(nearest_name("aply", names), "apply");
    EXPECT_EQ(nearest_name("paln", names), "plan");
    EXPECT_EQ(nearest_name("replacenodes", names), "replace-node");
    EXPECT_EQ(nearest_name("apply", names), "apply");
    EXPECT_EQ(nearest_name("xyz", names), "");
    EXPECT_EQ(nearest_name("-x", names), "-i");
    // As many edits as the name has letters would make it out of anything.
    EXPECT_EQ(nearest_name("xy", {"ab"}), "");
    EXPECT_EQ(nearest_name("", names), "");
    EXPECT_EQ(nearest_name(std::string(65, 'a'), {std::string(64, 'a')}), "");
    EXPECT_EQ(nearest_name("apply", {}), "");
}

}  // namespace
}  // namespace zk
