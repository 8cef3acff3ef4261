#include <functional>
#include <map>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "importing/importing.h"
#include "inventory/render.h"
#include "survey/container.h"

namespace zk::importing {
namespace {

using agent_api::ContainerSurvey;
using agent_api::MountSurvey;
using agent_api::RunningContainer;
using testing::HasSubstr;
using testing::Not;

constexpr const char* kDockerHost = "192.168.6.137";
constexpr const char* kGuidesServers =
    "server.1=172.18.0.2:2888:3888;2181 server.2=172.18.0.3:2888:3888;2181 "
    "server.3=172.18.0.4:2888:3888;2181";

std::string number(std::int64_t id) { return std::to_string(id); }

/// A container of the official image as its agent tells of it. `change` is made before the variables are read.
ContainerSurvey survey_of(std::int64_t id,
                          const std::function<void(RunningContainer&)>& change = {}) {
    RunningContainer container;
    ContainerSurvey& told = container.told;
    const std::string place = "/data/zookeeper/cluster/zk" + number(id);
    told.name = "zookeeper_node0" + number(id);
    told.image = "zookeeper:3.9.4";
    told.pid = 100 + id;
    told.network = "zoonet";
    told.address = "172.18.0." + number(id + 1);
    told.fixed_address = true;
    told.ports = {{"", static_cast<std::uint16_t>(2180 + id), 2181}};
    told.mounts = {{"bind", "", place + "/data", "/data", false},
                   {"bind", "", place + "/datalog", "/datalog", false},
                   {"bind", "", place + "/logs", "/logs", false}};
    told.restart = "always";
    told.more = {"it is privileged; zkprov's containers are not"};
    container.words = {"/docker-entrypoint.sh", "zkServer.sh", "start-foreground"};
    container.environment = {{"ZOO_MY_ID", number(id)}, {"ZOO_SERVERS", kGuidesServers}};
    if (change) change(container);
    agent_api::ServerSurvey process;
    process.pid = told.pid;
    process.conf_path = "/conf/zoo.cfg";
    process.heap = "1000m";
    process.version = "3.9.4";
    survey::read_container({.process = &process, .zoo_cfg = std::nullopt}, container);
    told.server.role = "follower";
    told.server.data.state = agent_api::DataState::data;
    told.server.data.myid = ServerId(id);
    return told;
}

SurveyedHost docker_host(std::vector<ContainerSurvey> containers) {
    SurveyedHost host;
    host.host = kDockerHost;
    host.survey.systemd = true;
    host.survey.engine = kEngine;
    for (const ContainerSurvey& each : containers) {
        auto& server = host.survey.servers.emplace_back();
        server.pid = each.server.pid;
        server.container = true;
    }
    host.survey.containers = std::move(containers);
    host.survey.networks = {{"bridge", "bridge", "172.17.0.0/16", "172.17.0.1"},
                            {"zoonet", "bridge", "172.18.0.0/16", "172.18.0.1"}};
    return host;
}
SurveyedHost guides_host(const std::function<void(RunningContainer&)>& change = {}) {
    return docker_host({survey_of(1, change), survey_of(2, change), survey_of(3, change)});
}

std::string docker_text(const std::vector<SurveyedHost>& hosts,
                        const ImportSettings& settings = {}) {
    auto text = make_inventory(hosts, settings);
    if (text.has_value()) return *text;
    ADD_FAILURE() << text.error().words;
    return {};
}
std::string docker_refusal(const SurveyedHost& host, const ImportSettings& settings = {}) {
    const auto text = make_inventory({host}, settings);
    if (!text.has_value()) return text.error().words;
    ADD_FAILURE() << *text;
    return {};
}
inventory::Inventory read_docker(const std::string& text) {
    inventory::Diagnostics diagnostics("i.yaml");
    auto inventory = inventory::read_inventory(text, "/w", diagnostics);
    EXPECT_FALSE(diagnostics.has_errors()) << diagnostics.format_all() << text;
    return inventory.value_or(inventory::Inventory());
}

TEST(ImportContainers, TheGuidesCluster) {
    EXPECT_EQ(docker_text({guides_host()}),
              R"(# Written by zkprov import, from what runs on 192.168.6.137.
# zkprov plan says what would be added; zkprov apply --adopt adds it and restarts no container;
# zkprov apply --take-over then puts zkprov's own containers, on the same directories, network and
# ports, in the place of these, one by one. These stay, stopped, as NAME.before-zkprov.
schema: zkprov/1
cluster: zookeeper
runtime: docker
docker:
  image: "zookeeper:3.9.4"
  directory: /data/zookeeper/cluster
  restart: always
  network: { name: zoonet, driver: bridge, subnet: 172.18.0.0/16, gateway: 172.18.0.1 }
server:
  flavor: apache
  config:
    admin.enableServer: true
    autopurge.purgeInterval: 0
    autopurge.snapRetainCount: 3
    initLimit: 5
    maxClientCnxns: 60
    syncLimit: 2
nodes:
  - id: 1
    host: 192.168.6.137
    address: 172.18.0.2
    container: zookeeper_node01
  - id: 2
    host: 192.168.6.137
    address: 172.18.0.3
    container: zookeeper_node02
  - id: 3
    host: 192.168.6.137
    address: 172.18.0.4
    container: zookeeper_node03

# Not taken over:
# servers 1, 2, 3: it is privileged; zkprov's containers are not
)");
}

TEST(ImportContainers, OurImageSaysTheSame) {
    auto host = guides_host([](RunningContainer& container) {
        container.told.image = "zkserver";
        container.told.more.clear();
        container.environment["JVMFLAGS"] = "-Dzookeeper.snapCount=5000";
    });
    for (auto& each : host.survey.containers) each.server.flavor = agent_api::Flavor::zkserver;
    const std::string text = docker_text({host});
    EXPECT_THAT(text, Not(HasSubstr("flavor")));
    EXPECT_THAT(text, HasSubstr("image: zkserver\n"));
    EXPECT_EQ(read_docker(text).nodes[2].host_port, 2183);
}

TEST(ImportContainers, NodesSayWhereTheyDiffer) {
    auto host = guides_host();
    host.survey.containers[1] = survey_of(2, [](RunningContainer& container) {
        container.told.mounts[0].source = "/disk/two/data";
        container.told.mounts[1].source = "/disk/two/datalog";
        container.told.mounts.push_back({"bind", "", "/etc/zoo.cfg", "/conf/zoo.cfg", true});
        container.told.mounts.push_back({"bind", "", "/jaas", "/jaas", true});
        container.told.mounts.push_back({"volume", std::string(64, 'a'), "/v", "/extra", false});
        container.told.ports = {{"", 8082, 8080}, {"", 9000, 2181}};
        container.told.restart = "";
        container.told.user = "5000";
        container.told.image = "zookeeper:3.9.3";
        container.told.other_networks = {"monitoring"};
        container.environment["ZOO_TICK_TIME"] = "3000";
    });
    const std::string text = docker_text({host});
    EXPECT_THAT(text, HasSubstr("    directory: /disk/two\n    host_port: 9000\n"));
    EXPECT_THAT(
        text, HasSubstr("# server 2: its /logs is /data/zookeeper/cluster/zk2/logs; zkprov's is"));
    EXPECT_THAT(text,
                HasSubstr("# server 2: its /conf/zoo.cfg is /etc/zoo.cfg; zkprov writes its"));
    EXPECT_THAT(text, HasSubstr("# server 2: its /jaas is /jaas, a volume that no inventory has"));
    EXPECT_THAT(text, HasSubstr("# server 2: its published port 8082:8080;"));
    EXPECT_THAT(text, HasSubstr("# server 2: it runs as 5000;"));
    EXPECT_THAT(text, HasSubstr("# server 2: it is in the network monitoring, too"));
    EXPECT_THAT(text, HasSubstr("# server 2: its image, zookeeper:3.9.3, is another one"));
    EXPECT_THAT(text, HasSubstr("# server 2: its restart policy, no, is another one"));
    const auto inventory = read_docker(text);
    EXPECT_EQ(inventory.nodes[1].data_dir, "/disk/two/data");
    EXPECT_EQ(inventory.nodes[1].host_port, 9000);
    EXPECT_EQ(inventory.nodes[2].host_port, 2183);
    EXPECT_EQ(inventory.nodes[1].config.at("tickTime"), "3000");
}

TEST(ImportContainers, ServersThatAreCalledByTheirNames) {
    auto host = guides_host([](RunningContainer& container) {
        container.told.fixed_address = false;
        container.told.aliases = {"zoo" + container.told.name.substr(15)};
        std::string servers;
        for (const char* const id : {"1", "2", "3"}) {
            const bool own = container.told.name.ends_with(id);
            servers += std::string("server.") + id + "=" +
                       (own ? "0.0.0.0" : "zoo" + std::string(id)) + ":2888:3888;2181 ";
        }
        container.environment["ZOO_SERVERS"] = servers;
    });
    const std::string text = docker_text({host});
    EXPECT_THAT(text, HasSubstr("    address: 172.18.0.3\n"));
    EXPECT_THAT(text, HasSubstr("# server 2: its address 172.18.0.3 was chosen by the engine"));
    EXPECT_EQ(read_docker(text).nodes[1].host, "172.18.0.3");
}

TEST(ImportContainers, OneInTheEnginesOwnNetwork) {
    const auto alone = survey_of(1, [](RunningContainer& container) {
        container.told.network = "default";
        container.told.address = "172.17.0.2";
        container.told.fixed_address = false;
        container.environment.erase("ZOO_SERVERS");
    });
    const auto inventory = read_docker(docker_text({docker_host({alone})}));
    ASSERT_EQ(inventory.nodes.size(), 1U);
    EXPECT_EQ(inventory.docker->network.driver, agent_api::NetworkDriver::standard);
    EXPECT_EQ(inventory.nodes[0].host, kDockerHost);
    auto host = guides_host([](RunningContainer& each) { each.told.network = "default"; });
    EXPECT_THAT(docker_refusal(host), HasSubstr("default network, where no address is fixed"));
}

TEST(ImportContainers, OneOnEachOfSeveralHosts) {
    std::vector<SurveyedHost> hosts;
    for (std::int64_t id = 1; id <= 3; ++id) {
        hosts.push_back(docker_host({survey_of(id, [&](RunningContainer& container) {
            container.told.network = "host";
            container.told.address.clear();
            container.told.ports.clear();
            std::string servers;
            for (std::int64_t other = 1; other <= 3; ++other) {
                servers += "server." + number(other) + "=192.168.6." + number(136 + other) +
                           ":2888:3888;2181 ";
            }
            container.environment["ZOO_SERVERS"] = servers;
        })}));
        hosts.back().host = "192.168.6." + number(136 + id);
    }
    const auto inventory = read_docker(docker_text(hosts));
    ASSERT_EQ(inventory.nodes.size(), 3U);
    EXPECT_EQ(inventory.docker->network.driver, agent_api::NetworkDriver::host);
    EXPECT_EQ(inventory.nodes[2].host, "192.168.6.139");
    EXPECT_EQ(inventory.nodes[2].ssh.host, "192.168.6.139");
    hosts.pop_back();
    const auto refused = make_inventory(hosts, {});
    ASSERT_FALSE(refused.has_value());
    EXPECT_THAT(refused.error().words, HasSubstr("start its containers that do not run"));
}

/// Whatever has its data elsewhere would begin anew under an inventory.
TEST(ImportContainers, DataInNoDirectoryOfTheHostAreRefused) {
    const auto refused = [](const std::function<void(std::vector<MountSurvey>&)>& change) {
        return docker_refusal(guides_host([&](RunningContainer& container) {
            if (container.told.pid == 102) change(container.told.mounts);
        }));
    };
    EXPECT_THAT(
        refused([](auto& mounts) {
            mounts[0] = {"volume", "zk2", "/v", "/data", false};
        }),
        HasSubstr("container zookeeper_node02 on 192.168.6.137: its /data is in the engine's "
                  "volume zk2; zkprov's containers have both in a directory of the host"));
    EXPECT_THAT(refused([](auto& mounts) {
                    mounts[1] = {"volume", std::string(64, 'a'), "/v", "/datalog", false};
                }),
                HasSubstr("its /datalog is in a volume without a name"));
    EXPECT_THAT(refused([](auto& mounts) { mounts.erase(mounts.begin()); }),
                HasSubstr("its /data is in no volume"));
    EXPECT_THAT(refused([](auto& mounts) { mounts[1].source = "/fast/datalog"; }),
                HasSubstr("which are no DIR/data and DIR/datalog"));
    EXPECT_THAT(refused([](auto& mounts) { mounts[0].source = "/data"; }),
                HasSubstr("which are no DIR/data and DIR/datalog"));
    EXPECT_THAT(docker_refusal(guides_host([](RunningContainer& container) {
                    container.environment["ZOO_DATA_LOG_DIR"] = "/data";
                })),
                HasSubstr("its transaction logs lie in /data with its snapshots"));
}

TEST(ImportContainers, WhatIsNotLaidOutLikeTheOfficialImage) {
    auto host = guides_host();
    host.survey.containers[2].unknown_layout = "its server reads /opt/zoo.cfg";
    EXPECT_THAT(docker_refusal(host),
                HasSubstr("container zookeeper_node03 on 192.168.6.137: its server reads "
                          "/opt/zoo.cfg; only containers"));
    host = guides_host();
    host.survey.networks[1].driver = "macvlan";
    EXPECT_THAT(docker_refusal(host), HasSubstr("its network zoonet is no bridge"));
    host = guides_host([](RunningContainer& each) { each.told.network = "container:x"; });
    EXPECT_THAT(docker_refusal(host), HasSubstr("its network is container:x"));
    host = guides_host([](RunningContainer& each) { each.told.ports[0].address = "127.0.0.1"; });
    EXPECT_THAT(docker_refusal(host), HasSubstr("at 127.0.0.1 of its host only (-p 127.0.0.1:"));
    host = guides_host([](RunningContainer& each) {
        each.environment["ZOO_SERVERS"] =
            "server.1=10.0.0.1:2888:3888;2181 "
            "server.2=10.0.0.2:2888:3888;2181 "
            "server.3=10.0.0.3:2888:3888;2181";
    });
    EXPECT_THAT(docker_refusal(host),
                HasSubstr("the others reach it at 10.0.0.2, and its address"));
}

TEST(ImportContainers, TwoEnsemblesOnOneEngineAreToldApartByName) {
    const auto second = [](RunningContainer& container) {
        container.told.name = "other" + container.told.name.substr(15);
        container.environment["ZOO_SERVERS"] = "server.1=172.18.0.2:2888:3888;2181";
        for (MountSurvey& mount : container.told.mounts) mount.source.insert(0, "/other");
    };
    auto host = docker_host({survey_of(1), survey_of(2), survey_of(3), survey_of(1, second)});
    EXPECT_THAT(docker_refusal(host),
                HasSubstr("Name the containers of one ensemble (--container)"));
    ImportSettings settings;
    settings.containers = {"zookeeper_node01", "zookeeper_node02", "zookeeper_node03"};
    EXPECT_EQ(read_docker(docker_text({host}, settings)).nodes.size(), 3U);
    settings.containers = {"other1"};
    EXPECT_EQ(read_docker(docker_text({host}, settings)).nodes.size(), 1U);
    settings.containers = {"none"};
    EXPECT_THAT(docker_refusal(host, settings), HasSubstr("no container of these names runs"));
}

TEST(ImportContainers, AnEngineThatSaysNothing) {
    auto host = guides_host();
    host.survey.containers.clear();
    host.survey.engine_failure = "no right to the Docker engine's socket";
    EXPECT_THAT(
        docker_refusal(host),
        HasSubstr("its server (process 101) runs in a container, and no right to the Docker "
                  "engine's socket"));
    host.survey.engine_failure.clear();
    EXPECT_THAT(docker_refusal(host),
                HasSubstr("the engine at /run/docker.sock does not tell of it"));
    ImportSettings settings;
    settings.engine = "/run/podman.sock";
    host.survey.engine_failure = "there is no Docker engine at /run/podman.sock";
    EXPECT_EQ(docker_refusal(host, settings),
              "192.168.6.137: there is no Docker engine at /run/podman.sock");
}

TEST(ImportContainers, ServersBesideThemAreNotPassedOver) {
    auto host = guides_host();
    host.survey.servers.emplace_back().pid = 7;
    EXPECT_THAT(docker_refusal(host), HasSubstr("the process 7 runs on the host itself"));
    host.survey.servers.back().container = true;
    EXPECT_THAT(docker_refusal(host), HasSubstr("in a container that the engine at"));
    ImportSettings settings;
    for (const auto& each : host.survey.containers) settings.containers.push_back(each.name);
    EXPECT_EQ(read_docker(docker_text({host}, settings)).nodes.size(), 3U);
}

// ---- zkprov's own -----------------------------------------------------------------------------

agent_api::NodeSpec rendered(const inventory::Inventory& inventory, const inventory::Node& node) {
    agent_api::ReleaseSpec release;
    release.version = "container";
    release.sha256 = std::string(64, 'a');
    release.size = 1000;
    auto spec = inventory::render_node(inventory, node, release, "g-1");
    if (spec.has_value()) return *std::move(spec);
    ADD_FAILURE() << spec.error().message();
    return {};
}

std::vector<SurveyedHost> applied_containers(const inventory::Inventory& inventory) {
    std::map<std::string, SurveyedHost> hosts;
    for (const auto& node : inventory.nodes) {
        SurveyedHost& host = hosts[node.ssh.host];
        host.host = node.ssh.host;
        host.survey.systemd = true;
        host.survey.engine = kEngine;
        ContainerSurvey& told = host.survey.containers.emplace_back();
        told.name = node.container;
        told.cluster = inventory.cluster;
        told.sid = to_string(node.id);
        told.applied = rendered(inventory, node);
    }
    std::vector<SurveyedHost> all;
    for (auto& [name, host] : hosts) all.push_back(std::move(host));
    return all;
}

void expect_same_containers(const std::string& rest) {
    const auto before = read_docker("schema: zkprov/1\ncluster: demo\nruntime: docker\n" + rest);
    const std::string text = docker_text(applied_containers(before));
    const auto after = read_docker(text);
    ASSERT_EQ(after.nodes.size(), before.nodes.size()) << text;
    for (std::size_t i = 0; i < before.nodes.size(); ++i) {
        const auto was = rendered(before, before.nodes[i]);
        const auto is = rendered(after, after.nodes[i]);
        EXPECT_EQ(agent_api::to_json(is), agent_api::to_json(was)) << text;
        EXPECT_EQ(after.nodes[i].ssh.host, before.nodes[i].ssh.host);
    }
    EXPECT_THAT(text, Not(HasSubstr("Not taken over")));
    EXPECT_THAT(text, Not(HasSubstr("zkprov did not make")));
}

TEST(ImportContainersOfZkprov, TheSameInventory) {
    expect_same_containers(
        "docker:\n  image: zkserver:latest\n  directory: /data/zookeeper/cluster\n"
        "  restart: always\n  network: { name: zoonet, subnet: 172.18.0.0/16, gateway: 172.18.0.1 "
        "}\n"
        "server: { config: { snapCount: 50000 } }\nagent: { http: { listen: node } }\n"
        "nodes: [{id: 1-3, host: 192.168.6.137, address: \"172.18.0.[2-4]\"}]\n");
    expect_same_containers(
        "docker:\n  image: zkserver\n  engine: /run/podman/podman.sock\n  host_port: 3000\n"
        "  network: { subnet: 172.18.0.0/16 }\n"
        "agent: { http: { listen: loopback, port: 9500 } }\n"
        "nodes:\n"
        "  - { id: 2, host: h.lan, address: 172.18.0.7, directory: /disk/two, container: zz }\n"
        "  - { id: 5, host: h.lan, address: 172.18.0.9, host_port: 4000, client_port: 2182 }\n"
        "  - { id: 9, host: h.lan, address: 172.18.0.8, agent: { http: { listen: loopback, port: "
        "9180 } } }\n");
    expect_same_containers(
        "docker: { image: zkserver, host_port: 2222 }\nnodes: [{id: 1, host: 10.0.0.1}]\n");
    expect_same_containers(
        "docker: { image: zkserver, restart: \"no\", network: { driver: host } }\n"
        "nodes: [{id: 1-3, host: \"192.168.6.[137-139]\"}]\n");
}

TEST(ImportContainersOfZkprov, ApachesServerToo) {
    expect_same_containers(
        "docker: { image: \"zookeeper:3.9.4\", network: { subnet: 172.18.0.0/16 } }\n"
        "server:\n  flavor: apache\n  heap: 512m\n  jvm_flags: [-XX:+UseG1GC]\n"
        "  config: { jute.maxbuffer: 4096 }\n"
        "nodes: [{id: 1-3, host: 192.168.6.137, address: \"172.18.0.[2-4]\"}]\n");
}

TEST(ImportContainersOfZkprov, OfSeveralEnsemblesTheOneThatIsNamed) {
    const auto demo = read_docker(
        "schema: zkprov/1\ncluster: demo\nruntime: docker\n"
        "docker: { image: zkserver, network: { subnet: 172.18.0.0/16 } }\n"
        "nodes: [{id: 1-3, host: 192.168.6.137, address: \"172.18.0.[2-4]\"}]\n");
    auto hosts = applied_containers(demo);
    auto& containers = hosts[0].survey.containers;
    containers.push_back(containers[0]);
    containers.back().name = "other-1";
    containers.back().cluster = containers.back().applied->cluster = "other";
    EXPECT_THAT(docker_refusal(hosts[0]), HasSubstr("zkprov's ensemble other"));
    ImportSettings settings;
    settings.cluster = "demo";
    EXPECT_EQ(read_docker(docker_text(hosts, settings)).nodes.size(), 3U);
    containers[0].applied.reset();
    EXPECT_THAT(docker_refusal(hosts[0], settings), HasSubstr("has no record of what was applied"));
}

}  // namespace
}  // namespace zk::importing
