#include "inventory/docker.h"

#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent_api/node_facts.h"
#include "inventory/inventory.h"
#include "inventory/render.h"

namespace zk::inventory {
namespace {

using agent_api::ContainerSpec;
using agent_api::Manager;
using agent_api::NetworkDriver;
using agent_api::NodeSpec;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr const char* kDockerHead =
    "schema: zkprov/1\ncluster: demo\nruntime: docker\ntransport: local\n";
constexpr const char* kThreeContainers = "nodes: [{id: 1-3, address: \"172.18.0.[2-4]\"}]\n";

std::string docker_keys(
    const std::string& more = {},
    const std::string& network = "{subnet: 172.18.0.0/16, gateway: 172.18.0.1}") {
    return "docker: {image: zkserver, network: " + network + more + "}\n";
}
std::optional<Inventory> read_docker(const std::string& text, std::string& problems) {
    Diagnostics diagnostics("i.yaml");
    auto inventory = read_inventory(text, "/w", diagnostics);
    problems = diagnostics.format_all();
    return inventory;
}
Inventory good_docker(const std::string& text) {
    std::string problems;
    auto inventory = read_docker(text, problems);
    EXPECT_EQ(problems, "");
    return inventory.value_or(Inventory{});
}
std::string docker_problems(const std::string& text) {
    std::string problems;
    EXPECT_FALSE(read_docker(text, problems).has_value()) << text;
    return problems;
}
NodeSpec render_docker(const Inventory& inventory, std::size_t index = 0) {
    const agent_api::ReleaseSpec release{"container-1", std::string(64, 'a'), 0};
    auto spec = render_node(inventory, inventory.nodes[index], release, "g-1");
    EXPECT_TRUE(spec.has_value()) << spec.error().words;
    return spec.has_value() ? *spec : NodeSpec{};
}
std::string zoo_cfg_of(const NodeSpec& spec) {
    const auto found = std::ranges::find(spec.files, spec.conf_path, &agent_api::FileSpec::path);
    return found == spec.files.end() ? std::string() : found->content;
}

TEST(Docker, ABridgeWithItsDefaults) {
    const Inventory inventory = good_docker(kDockerHead + docker_keys() + kThreeContainers);
    ASSERT_EQ(inventory.nodes.size(), 3U);
    const NodeSpec spec = render_docker(inventory, 1);
    EXPECT_EQ(spec.manager, Manager::docker);
    EXPECT_EQ(spec.server_unit, "demo-2");
    EXPECT_EQ(spec.address, "172.18.0.3");
    EXPECT_EQ(spec.client_port, 2181);
    EXPECT_EQ(spec.data_dir, "/data/zookeeper/demo/zk2/data");
    EXPECT_EQ(spec.log_dir, "/data/zookeeper/demo/zk2/datalog");
    EXPECT_EQ(spec.conf_path, "/data/zookeeper/demo/zk2/conf/zoo.cfg");
    EXPECT_EQ(spec.user, "");
    EXPECT_FALSE(spec.agent_is_unit());
    ASSERT_TRUE(spec.container);
    const ContainerSpec& container = *spec.container;
    EXPECT_EQ(container.engine, "/run/docker.sock");
    EXPECT_EQ(container.network.name, "demo");
    EXPECT_EQ(container.address, "172.18.0.3");
    EXPECT_EQ(container.restart, "unless-stopped");
    EXPECT_EQ(container.user, "1000:1000");
    EXPECT_TRUE(container.read_only);
    EXPECT_THAT(container.ports, ElementsAre(agent_api::PublishedPort{2182, 2181}));
    EXPECT_EQ(container.label("zkprov.cluster"), "demo");
    EXPECT_EQ(container.label("zkprov.sid"), "2");
    EXPECT_EQ(container.label("zkprov.flavor"), "zkserver");
    EXPECT_EQ(spec.release.flavor, agent_api::Flavor::zkserver);
    EXPECT_EQ(container.variable(agent_api::kJvmFlagsVariable), "");
    EXPECT_EQ(spec.server_sees(spec.data_dir), "/data");
}

TEST(Docker, TheServerIsToldItsOwnNamesOfDirectoriesAndTheAddressesOfContainers) {
    const std::string text =
        zoo_cfg_of(render_docker(good_docker(kDockerHead + docker_keys() + kThreeContainers)));
    EXPECT_THAT(text, HasSubstr("\ndataDir=/data\ndataLogDir=/datalog\nclientPort=2181\n"));
    EXPECT_THAT(text,
                HasSubstr("\nserver.1=172.18.0.2:2888:3888\nserver.2=172.18.0.3:2888:3888\n"));
    EXPECT_THAT(text, testing::Not(HasSubstr("clientPortAddress")));
}

TEST(Docker, WhatTheServerWritesBelongsToItsUserByNumber) {
    const NodeSpec spec =
        render_docker(good_docker(kDockerHead + docker_keys() + kThreeContainers));
    for (const auto& directory : spec.directories) {
        const bool servers = directory.path == spec.data_dir || directory.path == spec.log_dir ||
                             directory.path.ends_with("/logs");
        EXPECT_EQ(directory.owner, servers ? "1000:1000" : "0:0") << directory.path;
    }
    for (const auto& file : spec.files) EXPECT_EQ(file.owner, "0:1000") << file.path;
}

TEST(Docker, NodesOfOneHostHaveAnAgentEach) {
    const std::string head = "schema: zkprov/1\ncluster: demo\nruntime: docker\n";
    const Inventory inventory =
        good_docker(head + docker_keys() +
                    "nodes: [{id: 1-2, host: 10.0.0.1, address: \"172.18.0.[2-3]\"}, "
                    "{id: 3, host: 10.0.0.1, address: 172.18.0.9}]\n"
                    "agent: {http: {listen: node}}\n");
    EXPECT_EQ(state_dir_of(inventory, inventory.nodes[1]), "/var/lib/zkprov/demo-2");
    const NodeSpec spec = render_docker(inventory, 1);
    EXPECT_TRUE(spec.agent_is_unit());
    EXPECT_EQ(spec.agent_unit, "zkprov-agent-demo-2.service");
    const auto unit = std::ranges::find(
        spec.files, "/etc/systemd/system/zkprov-agent-demo-2.service", &agent_api::FileSpec::path);
    ASSERT_NE(unit, spec.files.end());
    EXPECT_THAT(unit->content, HasSubstr("run --state-dir /var/lib/zkprov/demo-2\n"));
    // Their pages are the host's, on ports of their own.
    EXPECT_EQ(spec.http_address, "10.0.0.1");
    EXPECT_EQ(spec.http_port, 9181);
    EXPECT_EQ(spec.members[2].http_address, "10.0.0.1");
    EXPECT_EQ(spec.members[2].http_port, 9182);
    EXPECT_EQ(spec.members[2].host, "172.18.0.9");
    const auto facts = agent_api::facts_for(spec);
    EXPECT_THAT(facts.ports, ElementsAre(2182));
    EXPECT_EQ(facts.address, "172.18.0.3");
    EXPECT_EQ(facts.client_port(), 2181);
    EXPECT_TRUE(facts.agent_is_unit);
}

TEST(Docker, NamesDirectoriesAndPortsOfNodesAreTheirOwn) {
    const Inventory inventory = good_docker(
        kDockerHead + docker_keys(", host_port: 3000, restart: always, directory: /d/zk") +
        "nodes: [{id: 1-2, address: \"172.18.0.[2-3]\", container: \"zookeeper_node[01-02]\"}, "
        "{id: 3, address: 172.18.0.4, directory: /e/zk3, host_port: 4000}]\n");
    EXPECT_EQ(container_of(inventory, inventory.nodes[1]).name, "zookeeper_node02");
    EXPECT_EQ(inventory.nodes[1].host_port, 3001);
    EXPECT_EQ(inventory.nodes[1].install_dir, "/d/zk/zk2");
    EXPECT_EQ(inventory.nodes[2].host_port, 4000);
    EXPECT_EQ(inventory.nodes[2].data_dir, "/e/zk3/data");
    EXPECT_EQ(container_of(inventory, inventory.nodes[2]).restart, "always");
}

TEST(Docker, TheHostsNetworkTakesTheHostsPorts) {
    const Inventory inventory = good_docker("schema: zkprov/1\ncluster: demo\nruntime: docker\n" +
                                            docker_keys("", "{driver: host}") +
                                            "nodes: [{id: 1-3, host: \"10.0.0.[1-3]\"}]\n");
    const NodeSpec spec = render_docker(inventory, 2);
    EXPECT_EQ(spec.container->network.driver, NetworkDriver::host);
    EXPECT_TRUE(spec.container->ports.empty());
    EXPECT_EQ(spec.address, "127.0.0.1");
    EXPECT_THAT(zoo_cfg_of(spec), HasSubstr("server.3=10.0.0.3:2888:3888"));
    EXPECT_THAT(agent_api::facts_for(spec).ports, ElementsAre(2181, 2888, 3888));
    EXPECT_EQ(agent_api::facts_for(spec).client_port(), 2181);
}

TEST(Docker, OneServerAloneNeedsNoNetwork) {
    const Inventory inventory =
        good_docker(std::string(kDockerHead) +
                    "docker: {image: zkserver, host_port: 2191}\nnodes: [{id: 1}]\n");
    const NodeSpec spec = render_docker(inventory);
    EXPECT_EQ(spec.container->network.driver, NetworkDriver::standard);
    EXPECT_THAT(spec.container->ports, ElementsAre(agent_api::PublishedPort{2191, 2191}));
    EXPECT_EQ(spec.client_port, 2191);
    EXPECT_EQ(agent_api::facts_for(spec).client_port(), 2191);
    EXPECT_EQ(spec.address, "127.0.0.1");
}

TEST(Docker, TheOfficialImageIsDrivenByAMountedFileAndJvmFlags) {
    const Inventory inventory = good_docker(kDockerHead + docker_keys() + kThreeContainers +
                                            "server: {flavor: apache, heap: 512m, jvm_flags: "
                                            "[-XX:+UseG1GC], config: {jute.maxbuffer: 524288}}\n");
    const NodeSpec spec = render_docker(inventory);
    EXPECT_EQ(spec.container->label("zkprov.flavor"), "apache");
    EXPECT_EQ(spec.release.flavor, agent_api::Flavor::apache);
    // Neither a release nor a Java of the host.
    EXPECT_EQ(agent_api::facts_for(spec).release_record, "");
    EXPECT_EQ(agent_api::facts_for(spec).java, "");
    EXPECT_FALSE(spec.container->read_only);
    EXPECT_THAT(spec.container->environment,
                ElementsAre(agent_api::NamedValue{"ZOO_MY_ID", "1"},
                            agent_api::NamedValue{"SERVER_JVMFLAGS",
                                                  "-Dzookeeper.db.autocreate=false -Xmx512m "
                                                  "-Djute.maxbuffer=524288 -XX:+UseG1GC"}));
    EXPECT_THAT(zoo_cfg_of(spec), HasSubstr("4lw.commands.whitelist=srvr,ruok"));
    EXPECT_THAT(zoo_cfg_of(spec), testing::Not(HasSubstr("autocreate")));
}

/// Whoever writes the files of the volumes: nothing has to be given to anybody when an ensemble changes its server.
TEST(Docker, BothServersHaveTheSameUserAndTheSamePlaces) {
    const std::string text = kDockerHead + docker_keys() + kThreeContainers;
    const NodeSpec ours = render_docker(good_docker(text));
    const NodeSpec apache = render_docker(good_docker(text + "server: {flavor: apache}\n"));
    EXPECT_EQ(ours.container->user, apache.container->user);
    EXPECT_EQ(ours.container->binds, apache.container->binds);
    EXPECT_EQ(ours.container->ports, apache.container->ports);
    EXPECT_EQ(ours.directories, apache.directories);
    EXPECT_NE(hash_of(*ours.container), hash_of(*apache.container));
    for (const auto& file : ours.files) {
        const auto other = std::ranges::find(apache.files, file.path, &agent_api::FileSpec::path);
        ASSERT_NE(other, apache.files.end()) << file.path;
        EXPECT_EQ(other->owner, file.owner) << file.path;
        EXPECT_EQ(other->mode, file.mode) << file.path;
    }
}

TEST(Docker, LabelsAndSpecificationNameOneFlavor) {
    NodeSpec spec = render_docker(good_docker(kDockerHead + docker_keys() + kThreeContainers));
    EXPECT_TRUE(validate(spec).has_value());
    spec.release.flavor = agent_api::Flavor::apache;
    ASSERT_FALSE(validate(spec).has_value());
    EXPECT_THAT(validate(spec).error().words, HasSubstr("another flavor"));
}

struct BadDocker {
    const char* name;
    std::string text;
    const char* words;
};
class BadDockerInventory : public testing::TestWithParam<BadDocker> {};
TEST_P(BadDockerInventory, IsRefusedWithTheKeyAndTheWayOut) {
    EXPECT_THAT(docker_problems(GetParam().text), HasSubstr(GetParam().words));
}

const std::string kLocalDocker = kDockerHead;
INSTANTIATE_TEST_SUITE_P(
    All,
    BadDockerInventory,
    testing::Values(
        BadDocker{
            "no_runtime",
            "schema: zkprov/1\ncluster: demo\ndocker: {image: x}\nnodes: [{id: 1, host: a}]\n",
            "docker: belongs to runtime: docker"},
        BadDocker{"other_runtime",
                  "schema: zkprov/1\ncluster: demo\nruntime: lxc\nnodes: [{id: 1, host: a}]\n",
                  "runtime: must be systemd or docker"},
        BadDocker{"no_docker", kLocalDocker + "nodes: [{id: 1}]\n", "docker: is missing"},
        BadDocker{"no_image",
                  kLocalDocker + "docker: {}\nnodes: [{id: 1}]\n",
                  "docker.image: is missing"},
        BadDocker{"image",
                  kLocalDocker + "docker: {image: \"a b\"}\nnodes: [{id: 1}]\n",
                  "docker.image: is no name of an image"},
        BadDocker{"restart",
                  kLocalDocker + "docker: {image: x, restart: sometimes}\nnodes: [{id: 1}]\n",
                  "docker.restart: must be unless-stopped"},
        BadDocker{"privileged",
                  kLocalDocker + "docker: {image: x, privileged: true}\nnodes: [{id: 1}]\n",
                  "docker.privileged: not supported"},
        BadDocker{"subnet",
                  kLocalDocker + docker_keys("", "{subnet: 172.18.0.1/16}") + kThreeContainers,
                  "docker.network.subnet: must be an IPv4 network"},
        BadDocker{"no_subnet",
                  kLocalDocker + docker_keys("", "{name: zoonet}") + kThreeContainers,
                  "docker.network.subnet: is missing"},
        BadDocker{"gateway",
                  kLocalDocker + docker_keys("", "{subnet: 172.18.0.0/16, gateway: 172.19.0.1}") +
                      kThreeContainers,
                  "docker.network.gateway: must be an address in 172.18.0.0/16"},
        BadDocker{"gateway_is_a_node",
                  kLocalDocker + docker_keys("", "{subnet: 172.18.0.0/16, gateway: 172.18.0.3}") +
                      kThreeContainers,
                  "the address 172.18.0.3 of node 2 is that of the network's gateway"},
        BadDocker{"outside",
                  kLocalDocker + docker_keys() + "nodes: [{id: 1, address: 172.19.0.2}]\n",
                  "is not one that a container can have in 172.18.0.0/16"},
        BadDocker{"broadcast",
                  kLocalDocker + docker_keys() + "nodes: [{id: 1, address: 172.18.255.255}]\n",
                  "is not one that a container can have"},
        BadDocker{"no_address",
                  kLocalDocker + docker_keys() + "nodes: [{id: 1-3}]\n",
                  "nodes[0].address: is missing"},
        BadDocker{"same_address",
                  kLocalDocker + docker_keys() +
                      "nodes: [{id: 1, address: 172.18.0.2}, {id: 2, address: 172.18.0.2}]\n",
                  "172.18.0.2 is node 1 already"},
        BadDocker{"driver",
                  kLocalDocker + docker_keys("", "{driver: overlay}") + kThreeContainers,
                  "docker.network.driver: must be bridge or host"},
        BadDocker{
            "name_of_host",
            kLocalDocker + docker_keys("", "{driver: host, name: zoonet}") + "nodes: [{id: 1-3}]\n",
            "docker.network.name: belongs to driver: bridge"},
        BadDocker{"several_without",
                  kLocalDocker + "docker: {image: x}\nnodes: [{id: 1-3}]\n",
                  "docker.network: is missing; several containers need fixed addresses"},
        BadDocker{"same_name",
                  kLocalDocker + docker_keys() +
                      "nodes: [{id: 1, address: 172.18.0.2, container: xx}, "
                      "{id: 2, address: 172.18.0.3, container: xx}]\n",
                  "the container xx is node 1's already"},
        BadDocker{"same_port",
                  kLocalDocker + docker_keys() +
                      "nodes: [{id: 1, address: 172.18.0.2, host_port: 2181}, "
                      "{id: 2, address: 172.18.0.3, host_port: 2181}]\n",
                  "host_port 2181 is node 1's already"},
        BadDocker{"bad_name",
                  kLocalDocker + docker_keys() +
                      "nodes: [{id: 1, address: 172.18.0.2, container: \"a/b\"}]\n",
                  "nodes[0].container: is no name of a container"},
        BadDocker{
            "range",
            kLocalDocker + docker_keys() + "nodes: [{id: 1-3, address: \"172.18.0.[2-3]\"}]\n",
            "nodes[0].address: names 2 for 3 ids"},
        BadDocker{"two_hosts",
                  "schema: zkprov/1\ncluster: demo\nruntime: docker\n" + docker_keys() +
                      "nodes: [{id: 1, host: 10.0.0.1, address: 172.18.0.2}, "
                      "{id: 2, host: 10.0.0.2, address: 172.18.0.3}]\n",
                  "a bridge lies in one host: use driver: host for several"},
        BadDocker{"install_dir",
                  kLocalDocker + docker_keys() + kThreeContainers + "server: {install_dir: /x/y}\n",
                  "server.install_dir: is not used with runtime: docker"},
        BadDocker{"base_dir",
                  kLocalDocker + docker_keys() + kThreeContainers + "base_dir: x\n",
                  "base_dir: is not used with runtime: docker"},
        BadDocker{"tarball",
                  kLocalDocker + docker_keys() + kThreeContainers +
                      "server: {flavor: apache, tarball: x.tar.gz}\n",
                  "server.tarball: not supported in this version; with runtime: docker"}),
    [](const auto& each) { return std::string(each.param.name); });

}  // namespace
}  // namespace zk::inventory
