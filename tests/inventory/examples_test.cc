// The examples that users copy are read here, so that they cannot rot.
#include <fstream>
#include <sstream>

#include <gtest/gtest.h>

#include "inventory/inventory.h"
#include "inventory/render.h"

namespace zk::inventory {
namespace {

Inventory read_example(const std::string& name) {
    std::ifstream file(std::string(ZK_EXAMPLES_DIR) + "/" + name);
    std::ostringstream text;
    text << file.rdbuf();
    EXPECT_FALSE(text.str().empty()) << name;
    Diagnostics diagnostics(name);
    auto inventory = read_inventory(text.str(), "/somewhere", diagnostics);
    EXPECT_EQ(diagnostics.format_all(), "");
    return inventory.value_or(Inventory{});
}

TEST(Examples, ThreeNode) {
    const Inventory inventory = read_example("three-node.yaml");
    ASSERT_EQ(inventory.nodes.size(), 3U);
    EXPECT_EQ(inventory.nodes[0].host, "192.168.6.137");
    EXPECT_EQ(inventory.nodes[2].host, "192.168.6.139");
    EXPECT_EQ(inventory.transport, Transport::ssh);
}

TEST(Examples, Docker) {
    const Inventory inventory = read_example("docker.yaml");
    ASSERT_EQ(inventory.nodes.size(), 3U);
    EXPECT_EQ(inventory.nodes[2].host, "172.18.0.4");
    EXPECT_EQ(inventory.nodes[2].ssh.host, "192.168.6.137");
    EXPECT_EQ(inventory.nodes[2].container, "zookeeper_node03");
    EXPECT_EQ(inventory.nodes[2].host_port, 2183);
}

TEST(Examples, CloudInit) {
    const Inventory inventory = read_example("cloud-init.yaml");
    ASSERT_EQ(inventory.nodes.size(), 3U);
    for (const Node& node : inventory.nodes) {
        EXPECT_EQ(member_of(inventory, node).http_address, node.host);
        EXPECT_EQ(member_of(inventory, node).http_port, 9180);
    }
}

TEST(Examples, Local) {
    const Inventory inventory = read_example("local.yaml");
    ASSERT_EQ(inventory.nodes.size(), 3U);
    EXPECT_EQ(inventory.transport, Transport::local);
    EXPECT_EQ(inventory.nodes[1].install_dir, "/somewhere/zkprov-local/node-2");
    EXPECT_EQ(inventory.nodes[1].ports.client, 2182);
}

}  // namespace
}  // namespace zk::inventory
