#include "plan/preflight.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace zk::plan {
namespace {

using testing::HasSubstr;

inventory::Inventory demo() {
    inventory::Inventory inventory;
    inventory.cluster = "demo";
    return inventory;
}
NodeActual good(std::int64_t id) {
    NodeActual actual;
    actual.id = ServerId(id);
    actual.arch = "x86_64";
    actual.root = true;
    actual.spaces = {{"/usr/local/zookeeper/data", 100ULL << 30}};
    return actual;
}
std::string findings_of(const std::vector<NodeActual>& actuals,
                        const inventory::Inventory& inventory = demo()) {
    std::string text;
    for (const Finding& finding : preflight(inventory, actuals, "x86_64")) {
        text += finding.level == Finding::Level::error ? "error " : "warning ";
        text += to_string(*finding.node) + ": " + finding.words + "\n";
    }
    return text;
}

TEST(Preflight, GoodNodesPass) { EXPECT_EQ(findings_of({good(1), good(2), good(3)}), ""); }

TEST(Preflight, Machine) {
    NodeActual actual = good(2);
    actual.arch = "aarch64";
    EXPECT_THAT(findings_of({good(1), actual}), HasSubstr("error 2: is a aarch64 machine"));
}

TEST(Preflight, Rights) {
    NodeActual actual = good(2);
    actual.root = false;
    EXPECT_THAT(findings_of({actual}), HasSubstr("error 2: the agent does not run as root"));
    auto local = demo();
    local.transport = inventory::Transport::local;
    EXPECT_EQ(findings_of({actual}, local), "");
}

TEST(Preflight, Identity) {
    NodeActual actual = good(2);
    actual.identity = Identity{"demo", ServerId(2), true, "g"};
    EXPECT_EQ(findings_of({actual}), "");
    actual.identity->id = ServerId(3);
    EXPECT_THAT(findings_of({actual}), HasSubstr("belongs to ensemble \"demo\" as server 3"));
    actual.identity = Identity{"other", ServerId(2), false, "g"};
    EXPECT_EQ(findings_of({actual}), "");  // it never formed
    actual.data_empty = false;
    EXPECT_THAT(findings_of({actual}), HasSubstr("belongs to ensemble \"other\" as server 2"));
}

TEST(Preflight, Room) {
    NodeActual actual = good(2);
    actual.spaces = {{"/data", 511ULL << 20}};
    EXPECT_THAT(findings_of({actual}), HasSubstr("error 2: /data has 511 MiB free, at least 512"));
    actual.spaces = {{"/data", 1ULL << 30}};
    EXPECT_EQ(findings_of({actual}), "warning 2: /data has only 1024 MiB free\n");
}

TEST(Preflight, Ports) {
    NodeActual actual = good(2);
    actual.taken_ports = {{2181, "nginx (pid 7)"}, {3888, ""}};
    EXPECT_THAT(findings_of({actual}), HasSubstr("port 2181 is taken by nginx (pid 7); stop it"));
    EXPECT_THAT(findings_of({actual}), HasSubstr("port 3888 is taken by another program"));
}

TEST(Preflight, ClocksAreComparedWithTheMedian) {
    NodeActual wrong = good(2);
    wrong.clock_offset_ms = 90000;
    NodeActual one = good(1);
    NodeActual three = good(3);
    one.clock_offset_ms = three.clock_offset_ms = 85000;  // the controller's clock is wrong, too
    EXPECT_EQ(findings_of({one, wrong, three}),
              "warning 2: its clock is 5 s ahead of the others; set up NTP (chrony)\n");
}

}  // namespace
}  // namespace zk::plan
