#include "importing/importing.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "inventory/render.h"
#include "survey/survey.h"

namespace zk::importing {
namespace {

using agent_api::ServerSurvey;
using testing::HasSubstr;
using testing::Not;

constexpr const char* kMain = "org.apache.zookeeper.server.quorum.QuorumPeerMain";
constexpr const char* kMembers =
    "server.1=192.168.6.137:2888:3888\nserver.2=192.168.6.138:2888:3888\n"
    "server.3=192.168.6.139:2888:3888\n";
/// The guide's, which begins with zoo_sample.cfg.
constexpr const char* kGuide =
    "tickTime=2000\ninitLimit=10\nsyncLimit=5\nclientPort=2181\n"
    "dataDir=/usr/local/zookeeper/data\ndataLogDir=/usr/local/zookeeper/logs\n";

std::string address(std::int64_t id) { return "192.168.6." + std::to_string(136 + id); }

ServerSurvey apache_server(std::int64_t id, const std::string& zoo_cfg) {
    auto survey = survey::read_command({"/usr/bin/java",
                                        "-Dzookeeper.log.dir=/usr/local/zookeeper/bin/../logs",
                                        "-XX:+HeapDumpOnOutOfMemoryError",
                                        "-XX:OnOutOfMemoryError=kill -9 %p",
                                        "-cp",
                                        "/usr/local/zookeeper/lib/zookeeper-3.7.0.jar",
                                        "-Xmx1000m",
                                        "-Dcom.sun.management.jmxremote",
                                        "-Dcom.sun.management.jmxremote.local.only=false",
                                        kMain,
                                        "/usr/local/zookeeper/bin/../conf/zoo.cfg"});
    survey::read_settings(zoo_cfg, "zoo.cfg", *survey);
    survey->pid = 100 + id;
    survey->role = "follower";
    survey->data.state = agent_api::DataState::data;
    survey->data.myid = ServerId(id);
    const auto* const data = survey->setting("dataDir");
    const auto* const logs = survey->setting("dataLogDir");
    survey->data_dir = data == nullptr ? "" : data->value;
    survey->log_dir = logs == nullptr ? survey->data_dir : logs->value;
    return *survey;
}
SurveyedHost host_of(std::int64_t id, ServerSurvey server) {
    SurveyedHost host;
    host.host = address(id);
    host.survey.systemd = true;
    host.survey.servers.push_back(std::move(server));
    host.survey.existing = {"/usr/local/zookeeper"};
    return host;
}
std::vector<SurveyedHost> guide(const std::string& more = {}) {
    std::vector<SurveyedHost> hosts;
    for (std::int64_t id = 1; id <= 3; ++id) {
        hosts.push_back(host_of(id, apache_server(id, std::string(kGuide) + kMembers + more)));
    }
    return hosts;
}
std::string text_of(const std::vector<SurveyedHost>& hosts, const ImportSettings& settings = {}) {
    auto text = make_inventory(hosts, settings);
    if (text.has_value()) return *text;
    ADD_FAILURE() << text.error().words;
    return {};
}
std::string refusal(const std::vector<SurveyedHost>& hosts, const ImportSettings& settings = {}) {
    const auto text = make_inventory(hosts, settings);
    if (!text.has_value()) return text.error().words;
    ADD_FAILURE() << *text;
    return {};
}
inventory::Inventory read(const std::string& text) {
    inventory::Diagnostics diagnostics("i.yaml");
    auto inventory = inventory::read_inventory(text, "/w", diagnostics);
    EXPECT_FALSE(diagnostics.has_errors()) << diagnostics.format_all() << text;
    return inventory.value_or(inventory::Inventory());
}

TEST(Import, TheGuidesEnsemble) {
    EXPECT_EQ(
        text_of(guide()),
        R"(# Written by zkprov import, from what runs on 192.168.6.137, 192.168.6.138, 192.168.6.139.
# zkprov plan says what would be added; zkprov apply --adopt adds it and restarts no
# server; zkprov apply --take-over then restarts them one by one under zkprov's unit.
schema: zkprov/1
cluster: zookeeper
server:
  flavor: apache
  # Apache ZooKeeper 3.7.0 runs. A release cannot be taken from a host: fetch
  # apache-zookeeper-3.7.0-bin.tar.gz of that version with its .sha512 and put it beside this file.
  tarball: apache-zookeeper-3.7.0-bin.tar.gz
  install_dir: /usr/local/zkprov
  data_dir: /usr/local/zookeeper/data
  log_dir: /usr/local/zookeeper/logs
  config:
    admin.enableServer: true
nodes:
  - id: 1
    host: 192.168.6.137
  - id: 2
    host: 192.168.6.138
  - id: 3
    host: 192.168.6.139
)");
}

TEST(Import, WhatIsGivenStandsInTheInventory) {
    ImportSettings settings;
    settings.cluster = "demo";
    settings.tarball = "zk.tar.gz";
    settings.ssh.user = "ops";
    settings.ssh.port = 2222;
    settings.ssh.port_given = true;
    settings.ssh.keys = {"~/.ssh/one", "/two words"};
    settings.ssh.known_hosts = "kh";
    settings.ssh.client = inventory::SshClient::openssh;
    const auto inventory = read(text_of(guide(), settings));
    EXPECT_EQ(inventory.cluster, "demo");
    EXPECT_EQ(inventory.apache->tarball, "/w/zk.tar.gz");
    const auto& ssh = inventory.nodes[2].ssh;
    EXPECT_EQ(ssh.user, "ops");
    EXPECT_EQ(ssh.port, 2222);
    EXPECT_EQ(ssh.keys, settings.ssh.keys);
    EXPECT_EQ(ssh.known_hosts, "kh");
    EXPECT_EQ(ssh.client, inventory::SshClient::openssh);
    EXPECT_EQ(ssh.host, "192.168.6.139");
}

TEST(Import, NodesSayWhereTheyDiffer) {
    auto hosts = guide("maxClientCnxns=0\nsnapCount=5000\n");
    hosts[1].survey.servers[0] = apache_server(
        2,
        std::string(
            "tickTime=2000\ninitLimit=10\nsyncLimit=5\nclientPort=2182\ndataDir=/disk/zk\n") +
            kMembers + "snapCount=6000\n");
    hosts[1].host = "bastion-side";
    const std::string text = text_of(hosts);
    EXPECT_THAT(text, HasSubstr(R"(
  - id: 2
    host: 192.168.6.138
    ssh: { host: bastion-side }
    data_dir: /disk/zk
    log_dir: /disk/zk
    client_port: 2182
    config:
      snapCount: 6000
  - id: 3
    host: 192.168.6.139
    config:
      maxClientCnxns: 0
)"));
    const auto inventory = read(text);
    EXPECT_EQ(inventory.nodes[0].config.at("snapCount"), "5000");
    EXPECT_EQ(inventory.nodes[1].config.at("snapCount"), "6000");
    EXPECT_FALSE(inventory.nodes[1].config.contains("maxClientCnxns"));
    EXPECT_EQ(inventory.nodes[1].log_dir, "/disk/zk");
}

/// The same settings as now, also where zkprov's own would be others.
TEST(Import, WhatIsNotInTheFileIsApachesDefault) {
    const std::string bare = "clientPort=2181\ndataDir=/var/lib/zookeeper\n";
    auto hosts = std::vector{host_of(1, apache_server(1, bare))};
    const auto inventory = read(text_of(hosts));
    ASSERT_EQ(inventory.nodes.size(), 1U);
    EXPECT_EQ(inventory.nodes[0].config.at("tickTime"), "3000");
    EXPECT_EQ(inventory.nodes[0].config.at("admin.enableServer"), "true");
    EXPECT_FALSE(inventory.nodes[0].config.contains("initLimit"));
    EXPECT_EQ(inventory.nodes[0].host, "192.168.6.137");
    EXPECT_EQ(inventory.nodes[0].id, ServerId(1));
    EXPECT_EQ(inventory.nodes[0].log_dir, "/var/lib/zookeeper");
    EXPECT_EQ(inventory.nodes[0].ports, inventory::Ports());
}

TEST(Import, AServerAloneHasTheIdOfItsFile) {
    auto server = apache_server(7, "clientPort=2181\ndataDir=/var/lib/zookeeper\n");
    EXPECT_EQ(read(text_of({host_of(1, server)})).nodes[0].id, ServerId(7));
    server.data.myid.reset();
    EXPECT_EQ(read(text_of({host_of(1, server)})).nodes[0].id, ServerId(1));
    server.settings.push_back({"server.4", "zk4.lan:2888:3888", 9, false});
    const auto inventory = read(text_of({host_of(1, server)}));
    EXPECT_EQ(inventory.nodes[0].id, ServerId(4));
    EXPECT_EQ(inventory.nodes[0].host, "zk4.lan");
    EXPECT_EQ(inventory.nodes[0].ssh.host, "192.168.6.137");
    server.data.myid = ServerId(5);
    EXPECT_THAT(refusal({host_of(1, server)}), HasSubstr("its myid says 5"));
}

TEST(Import, FlagsOfTheJvm) {
    auto hosts = guide();
    for (auto& host : hosts) {
        auto& server = host.survey.servers[0];
        const auto read = survey::read_command({"java",
                                                "-Xmx2097152k",
                                                "-XX:+UseG1GC",
                                                "-Djute.maxbuffer=100000000",
                                                "-Dzookeeper.snapCount=7000",
                                                "-Dzookeeper.unheard.of=1",
                                                "-Dmy.password=hidden",
                                                "-Dx=a b",
                                                "-Dzookeeper.db.autocreate=true",
                                                kMain,
                                                "zoo.cfg"});
        server.jvm_flags = read->jvm_flags;
        server.properties = read->properties;
        server.heap = read->heap;
        server.program = "/opt/jdk 17/bin/java";
    }
    hosts[0].survey.servers[0].program = "/opt/jdk-17/bin/java";
    hosts[1].survey.servers[0].program = "/opt/jdk-17/bin/java";
    const std::string text = text_of(hosts);
    EXPECT_THAT(text, Not(HasSubstr("hidden")));
    const auto inventory = read(text);
    EXPECT_EQ(inventory.apache->heap, "2048m");
    EXPECT_EQ(inventory.apache->java, "/opt/jdk-17/bin/java");
    EXPECT_EQ(inventory.apache->jvm_flags,
              (std::vector<std::string>{
                  "-XX:+UseG1GC", "-Djute.maxbuffer=100000000", "-Dzookeeper.unheard.of=1"}));
    EXPECT_THAT(
        text, HasSubstr("# server 3: Java, /opt/jdk 17/bin/java, is another one than the others'"));
    EXPECT_THAT(text,
                HasSubstr("# servers 1, 2, 3: flags of its JVM that an inventory cannot hold: "
                          "-Dmy.password=*** -Dx=a b -Dzookeeper.db.autocreate=true"));
    EXPECT_EQ(inventory.nodes[0].config.at("snapCount"), "7000");
    // Larger than a config takes: it stays a flag.
    EXPECT_THAT(text, Not(HasSubstr("an inventory's must")));
}

TEST(Import, WhatTheServersDoWithoutIsAComment) {
    const std::string text = text_of(
        guide("4lw.commands.whitelist=*\nfsync.warningthresholdms=500\nunheard.of=1\nskipACL=yes\n"
              "DigestAuthenticationProvider.superDigest=super:hidden\nsnapCount=1\n"));
    EXPECT_THAT(text, Not(HasSubstr("hidden")));
    EXPECT_THAT(text,
                HasSubstr("# servers 1, 2, 3: 4lw.commands.whitelist=* (line 10): zkprov writes"));
    EXPECT_THAT(text, HasSubstr("unheard.of=1 (line 12): not a key of zoo.cfg that zkprov knows"));
    EXPECT_THAT(text, HasSubstr("skipACL=yes (line 13): everybody could read"));
    EXPECT_THAT(text, HasSubstr("superDigest=*** (line 14)"));
    EXPECT_THAT(text, HasSubstr("snapCount=1: an inventory's must be a whole number"));
    EXPECT_FALSE(read(text).nodes[0].config.contains("snapCount"));
}

TEST(Import, WhatTheyWouldMissIsRefused) {
    for (const auto& [line, words] : {
             std::pair("secureClientPort=2281", "secureClientPort=2281 (line 10): TLS"),
             std::pair("sslQuorum=true", "TLS between servers"),
             std::pair("quorum.auth.enableSasl=true", "SASL between servers"),
             std::pair("group.1=1:2:3", "hierarchical quorums"),
             std::pair("reconfigEnabled=true", "dynamic reconfiguration"),
             std::pair("server.4=h4:2888:3888:observer", "observers are not supported"),
             std::pair("server.4=h4:2888", "server.4=h4:2888: "),
             std::pair("version=100000003", "changed while it ran"),
             std::pair("clientPortAddress=192.168.6.137", "clients reach it at 192.168.6.137 only"),
         }) {
        const std::string told = refusal(guide(line));
        EXPECT_THAT(told, HasSubstr(std::string("192.168.6.137: "))) << line;
        EXPECT_THAT(told, HasSubstr(words)) << line;
        EXPECT_THAT(told, HasSubstr("192.168.6.139: ")) << line;
    }
    EXPECT_THAT(text_of(guide("sslQuorum=false\nreconfigEnabled=false\nversion=0\n"
                              "clientPortAddress=0.0.0.0\npeerType=participant\n")),
                Not(HasSubstr("Not taken over")));
}

TEST(Import, ServersAreOneEnsembleAndAllOfIt) {
    auto hosts = guide();
    hosts.pop_back();
    EXPECT_EQ(refusal(hosts),
              "the ensemble has members on hosts that were not named: server 3 (192.168.6.139); "
              "name all of its hosts");
    hosts = guide();
    hosts[2].survey.servers[0].data.myid = ServerId(2);
    EXPECT_THAT(refusal(hosts), HasSubstr("192.168.6.138 and 192.168.6.139: both are server 2"));
    hosts = guide();
    hosts[1].survey.servers[0] =
        apache_server(2, std::string(kGuide) + kMembers + "server.3=192.168.6.139:2888:3889\n");
    EXPECT_THAT(refusal(hosts), HasSubstr("disagree on its members"));
    EXPECT_THAT(refusal(hosts), HasSubstr("3=192.168.6.139:2888:3889"));
    const auto alone = apache_server(1, kGuide);
    EXPECT_THAT(refusal({host_of(1, alone), host_of(2, alone)}), HasSubstr("not of one ensemble"));
    hosts = guide();
    hosts[1].survey.servers[0].flavor = agent_api::Flavor::zkserver;
    EXPECT_THAT(refusal(hosts), HasSubstr("one runs Apache's server, the other zkprov's own"));
    EXPECT_THAT(refusal({}), HasSubstr("no host"));
}

TEST(Import, OfEachHostThereIsOneServerThatCanBeRead) {
    auto hosts = guide();
    hosts[0].survey.servers.clear();
    hosts[1].survey.servers.push_back(hosts[1].survey.servers[0]);
    hosts[2].survey.servers[0].container = true;
    std::string told = refusal(hosts);
    EXPECT_THAT(told, HasSubstr("192.168.6.137: no ZooKeeper server runs there"));
    EXPECT_THAT(told, HasSubstr("192.168.6.138: several ZooKeeper servers run there (102 with"));
    EXPECT_THAT(told, HasSubstr("192.168.6.139: its server (process 103) runs in a container"));
    hosts = guide();
    hosts[0].survey.servers.clear();
    hosts[0].survey.uid = 1000;
    hosts[1].survey.servers[0].conf_failure = "zoo.cfg: Permission denied";
    hosts[2].survey.servers[0].data.myid.reset();
    told = refusal(hosts);
    EXPECT_THAT(told,
                HasSubstr("192.168.6.137: no ZooKeeper server was seen there, and the agent"));
    EXPECT_THAT(told, HasSubstr("192.168.6.138: process 102: zoo.cfg: Permission denied"));
    EXPECT_THAT(told, HasSubstr("192.168.6.139: /usr/local/zookeeper/data/myid holds no"));
    hosts = guide();
    hosts[0].survey.systemd = false;
    EXPECT_THAT(refusal(hosts), HasSubstr("192.168.6.137: systemd does not run this host"));
    hosts = guide();
    hosts[1].survey.servers[0].role.clear();
    EXPECT_THAT(text_of(hosts), HasSubstr("# server 2: it does not answer clients"));
}

/// What an inventory may not say its reader knows best.
TEST(Import, DataThatTheUnitWouldNotSeeAreRefused) {
    const std::string sample = "clientPort=2181\ndataDir=/tmp/zookeeper\ntickTime=2000\n";
    EXPECT_THAT(refusal({host_of(1, apache_server(1, sample))}),
                HasSubstr("/tmp/zookeeper lies in /tmp"));
}

TEST(Import, OursGoesIntoADirectoryThatNobodyHas) {
    auto hosts = guide();
    hosts[2].survey.existing = {"/usr/local/zkprov"};
    EXPECT_THAT(text_of(hosts), HasSubstr("install_dir: /opt/zkprov-zookeeper"));
    hosts[0].survey.existing.emplace_back("/opt/zkprov-zookeeper");
    EXPECT_THAT(refusal(hosts), HasSubstr("no directory for zkprov's own files"));
    for (auto& host : hosts) host.survey.existing.clear();
    EXPECT_THAT(text_of(hosts), Not(HasSubstr("install_dir")));
}

// ---- zkprov's own -----------------------------------------------------------------------------

agent_api::ReleaseSpec release(bool apache) {
    agent_api::ReleaseSpec spec;
    spec.version = apache ? "3.8.0-1f2e3d4c" : "0.1.0-1f2e3d4c";
    spec.sha256 = std::string(64, 'a');
    spec.size = 1000;
    return spec;
}
/// Hosts on which an inventory was applied.
std::vector<SurveyedHost> applied(const inventory::Inventory& inventory) {
    std::vector<SurveyedHost> hosts;
    for (const auto& node : inventory.nodes) {
        SurveyedHost host;
        host.host = node.ssh.host;
        host.survey.applied =
            *inventory::render_node(inventory, node, release(inventory.apache.has_value()), "g-1");
        hosts.push_back(std::move(host));
    }
    return hosts;
}
/// What is written for them makes the same of them.
void expect_same(const std::string& rest, const std::string& tarball = {}) {
    const auto before = read("schema: zkprov/1\ncluster: demo\n" + rest);
    ImportSettings settings;
    settings.tarball = tarball;
    const std::string text = text_of(applied(before), settings);
    const auto after = read(text);
    ASSERT_EQ(after.nodes.size(), before.nodes.size()) << text;
    for (std::size_t i = 0; i < before.nodes.size(); ++i) {
        const auto spec = release(before.apache.has_value());
        const auto was = *inventory::render_node(before, before.nodes[i], spec, "g-1");
        const auto is = *inventory::render_node(after, after.nodes[i], spec, "g-1");
        EXPECT_EQ(agent_api::to_json(is), agent_api::to_json(was)) << text;
        EXPECT_EQ(after.nodes[i].ssh.host, before.nodes[i].ssh.host);
    }
    EXPECT_EQ(after.apache, before.apache);
    EXPECT_THAT(text, Not(HasSubstr("Not taken over")));
}

TEST(ImportOfZkprovs, TheSameInventory) {
    expect_same("nodes: [{id: 1-3, host: \"192.168.6.[137-139]\"}]\n");
    expect_same("nodes: [{id: 5, host: zk.lan}]\n");
    expect_same(
        "server:\n  install_dir: /opt/zk\n  data_dir: /disk/data\n  client_port: 2281\n"
        "  config: { snapCount: 100000, tickTime: 4000, jute.maxbuffer: 1048575 }\n"
        "agent: { http: { listen: node } }\n"
        "nodes:\n"
        "  - { id: 1, host: 10.0.0.1, log_dir: /other/log }\n"
        "  - { id: 2, host: 10.0.0.2, ssh: { host: 127.0.1.2 }, config: { maxClientCnxns: 7 } }\n"
        "  - { id: 9, host: \"fd00::9\", peer_port: 4000, agent: { http: { listen: loopback, port: "
        "9999 } } }\n");
}

TEST(ImportOfZkprovs, ApachesServerToo) {
    expect_same(
        "server:\n  flavor: apache\n  tarball: zk.tar.gz\n"
        "nodes: [{id: 1-3, host: \"192.168.6.[137-139]\"}]\n",
        "zk.tar.gz");
    expect_same(
        "server:\n  flavor: apache\n  tarball: zk.tar.gz\n  heap: 512m\n  java: /opt/jdk/bin/java\n"
        "  jvm_flags: [-XX:+UseG1GC, -Dzookeeper.x=1, -XX:+HeapDumpOnOutOfMemoryError]\n"
        "  config: { jute.maxbuffer: 4096, snapCount: 5000 }\n"
        "nodes: [{id: 1-3, host: \"192.168.6.[137-139]\"}]\n",
        "zk.tar.gz");
}

TEST(ImportOfZkprovs, OthersAreNotMixedIn) {
    const auto demo = read(
        "schema: zkprov/1\ncluster: demo\nnodes: [{id: 1-3, host: \"192.168.6.[137-139]\"}]\n");
    auto hosts = applied(demo);
    ImportSettings settings;
    settings.cluster = "demo";
    EXPECT_EQ(read(text_of(hosts, settings)).cluster, "demo");
    settings.cluster = "other";
    EXPECT_THAT(refusal(hosts, settings), HasSubstr("called demo, which cannot be changed"));
    hosts[1].survey.applied->cluster = "other";
    EXPECT_THAT(refusal(hosts), HasSubstr("zkprov's ensemble demo and zkprov's ensemble other"));
    hosts[1] = host_of(2, apache_server(2, std::string(kGuide) + kMembers));
    EXPECT_THAT(refusal(hosts), HasSubstr("none of zkprov's"));
    hosts = applied(demo);
    hosts[0].survey.applied->manager = agent_api::Manager::supervised;
    EXPECT_THAT(refusal(hosts), HasSubstr("transport: local"));
}

}  // namespace
}  // namespace zk::importing
