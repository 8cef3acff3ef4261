#include "compose/compose.h"

#include <fstream>
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "inventory/render.h"

namespace zk::compose {
namespace {

using testing::HasSubstr;
using testing::Not;

std::string read_text(const std::string& path) {
    std::ifstream file(path);
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
}

inventory::Inventory read_good(const std::string& text) {
    inventory::Diagnostics diagnostics("i.yaml");
    auto inventory = read_inventory(text, "/w", diagnostics);
    EXPECT_EQ(diagnostics.format_all(), "");
    return inventory.value_or(inventory::Inventory{});
}

const std::string kHead = "schema: zkprov/1\ncluster: demo\nruntime: docker\n";

/// The file as it was when somebody last read it with care. ZKPROV_UPDATE_DOCS=1 writes it anew.
TEST(Compose, TheExamplesFile) {
    const std::string golden = std::string(ZK_GOLDEN_DIR) + "/docker.yaml";
    const auto text =
        compose_file(read_good(read_text(std::string(ZK_EXAMPLES_DIR) + "/docker.yaml")), {});
    ASSERT_TRUE(text.has_value()) << text.error().words;
    if (std::getenv("ZKPROV_UPDATE_DOCS") != nullptr) {  // NOLINT(concurrency-mt-unsafe)
        std::ofstream(golden) << *text;
    }
    EXPECT_EQ(*text, read_text(golden));
}

/// What apply makes of a node is what the file says of it: both are made of one value.
TEST(Compose, IsOfTheContainersThatApplyMakes) {
    const auto inventory = read_good(read_text(std::string(ZK_EXAMPLES_DIR) + "/docker.yaml"));
    std::vector<agent_api::ContainerSpec> containers;
    for (const inventory::Node& node : inventory.nodes) {
        const agent_api::ReleaseSpec release{"container-1", std::string(64, 'a'), 0};
        const auto spec = render_node(inventory, node, release, "g-1");
        ASSERT_TRUE(spec.has_value());
        containers.push_back(*spec->container);
    }
    const std::string text = *compose_file(inventory, {});
    EXPECT_EQ(text.substr(text.find("services:")), compose_text({}, containers));
    containers[0].restart = "no";
    EXPECT_NE(text.substr(text.find("services:")), compose_text({}, containers));
}

TEST(Compose, OfSeveralHostsOneIsNamed) {
    const auto inventory = read_good(kHead +
                                     "docker: {image: zkserver, network: {driver: host}}\n"
                                     "nodes: [{id: 1-3, host: \"10.0.0.[1-3]\"}]\n");
    const auto all = compose_file(inventory, {});
    ASSERT_FALSE(all.has_value());
    EXPECT_THAT(all.error().words, HasSubstr("--node 1"));
    const auto one = compose_file(inventory, ServerId(2));
    ASSERT_TRUE(one.has_value());
    EXPECT_THAT(*one, HasSubstr("network_mode: host\n"));
    EXPECT_THAT(*one, HasSubstr("\"demo-2\""));
    EXPECT_THAT(*one, Not(HasSubstr("demo-1")));
    EXPECT_THAT(*one, Not(HasSubstr("networks:")));
}

TEST(Compose, NeedsContainers) {
    const auto none = compose_file(
        read_good("schema: zkprov/1\ncluster: demo\nnodes: [{id: 1, host: 10.0.0.1}]\n"), {});
    ASSERT_FALSE(none.has_value());
    EXPECT_THAT(none.error().words, HasSubstr("runtime: docker"));
}

TEST(Compose, ValuesAreLeftAsTheyAre) {
    agent_api::ContainerSpec spec;
    spec.name = "x";
    spec.environment = {{"A", "a \"b\" \\ $c"}};
    EXPECT_THAT(compose_text({}, {spec}), HasSubstr(R"("A": "a \"b\" \\ $$c")"));
}

}  // namespace
}  // namespace zk::compose
