#include "agent_api/container_spec.h"

#include <gtest/gtest.h>

#include "agent_api/subnet.h"

namespace zk::agent_api {
namespace {

TEST(ContainerSpec, PathsOfTheHostHaveOtherNamesInside) {
    ContainerSpec spec;
    spec.binds = {{"/z/zk1/data", "/data", false}, {"/z/zk1/data/deep", "/deep", false}};
    EXPECT_EQ(path_in(spec, "/z/zk1/data"), "/data");
    EXPECT_EQ(path_in(spec, "/z/zk1/data/myid"), "/data/myid");
    EXPECT_EQ(path_in(spec, "/z/zk1/data/deep/x"), "/deep/x");
    EXPECT_EQ(path_in(spec, "/z/zk1/database"), "/z/zk1/database");
}

TEST(ContainerSpec, LabelsAndVariablesByTheirNames) {
    ContainerSpec spec;
    spec.labels = {{"a", "1"}, {"b", "2"}};
    spec.environment = {{std::string(kJvmFlagsVariable), "-Xmx1g"}};
    EXPECT_EQ(spec.label("b"), "2");
    EXPECT_EQ(spec.label("c"), "");
    EXPECT_EQ(spec.variable(kJvmFlagsVariable), "-Xmx1g");
    EXPECT_EQ(spec.variable("a"), "");
}

TEST(Subnet, IsAnAddressAndAPrefix) {
    EXPECT_EQ(parse_subnet("172.18.0.0/16"), (Subnet{0xac120000, 16}));
    EXPECT_EQ(parse_subnet("0.0.0.0/0"), (Subnet{0, 0}));
    EXPECT_EQ(to_string(*parse_subnet("10.1.2.128/25")), "10.1.2.128/25");
    for (const char* const wrong : {"",
                                    "172.18.0.0",
                                    "172.18.0.1/16",
                                    "172.18.0.0/33",
                                    "172.18.0/16",
                                    "172.18.0.0/-1",
                                    "172.18.0.256/32",
                                    "172.018.0.0/16",
                                    "172.18.0.0.0/16",
                                    "fd00::/64",
                                    "a/b"}) {
        EXPECT_EQ(parse_subnet(wrong), std::nullopt) << wrong;
    }
}

TEST(Subnet, HoldsAndOverlaps) {
    const Subnet wide = *parse_subnet("172.18.0.0/16");
    EXPECT_TRUE(wide.contains(*parse_ipv4("172.18.255.254")));
    EXPECT_FALSE(wide.contains(*parse_ipv4("172.19.0.1")));
    EXPECT_TRUE(wide.overlaps(*parse_subnet("172.18.4.0/24")));
    EXPECT_TRUE(parse_subnet("172.18.4.0/24")->overlaps(wide));
    EXPECT_FALSE(wide.overlaps(*parse_subnet("172.19.0.0/16")));
    EXPECT_TRUE(wide.overlaps(*parse_subnet("0.0.0.0/0")));
    EXPECT_TRUE(wide.reserves(*parse_ipv4("172.18.0.0")));
    EXPECT_TRUE(wide.reserves(*parse_ipv4("172.18.255.255")));
    EXPECT_FALSE(wide.reserves(*parse_ipv4("172.18.0.255")));
}

}  // namespace
}  // namespace zk::agent_api
