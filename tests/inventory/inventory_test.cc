#include "inventory/inventory.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace zk::inventory {
namespace {

using testing::HasSubstr;

constexpr const char* kHead = "schema: zkprov/1\ncluster: demo\n";
constexpr const char* kNodes = "nodes:\n  - { id: 1-3, host: \"192.168.6.[137-139]\" }\n";

std::string problems_of(const std::string& text) {
    Diagnostics diagnostics("i.yaml");
    const auto inventory = read_inventory(text, "/home", diagnostics);
    EXPECT_EQ(inventory.has_value(), !diagnostics.has_errors());
    return diagnostics.format_all();
}
Inventory read_good(const std::string& text) {
    Diagnostics diagnostics("i.yaml");
    auto inventory = read_inventory(text, "/home", diagnostics);
    EXPECT_EQ(diagnostics.format_all(), "");
    return inventory.value_or(Inventory{});
}
std::string with_server(const std::string& line) {
    return std::string(kHead) + "server:\n  " + line + "\n" + kNodes;
}

TEST(Inventory, DefaultsFillWhatIsNotSaid) {
    const Inventory inventory = read_good(std::string(kHead) + kNodes);
    ASSERT_EQ(inventory.nodes.size(), 3U);
    const Node& node = inventory.nodes[1];
    EXPECT_EQ(node.id, ServerId(2));
    EXPECT_EQ(node.host, "192.168.6.138");
    EXPECT_EQ(node.install_dir, "/usr/local/zookeeper");
    EXPECT_EQ(node.data_dir, "/usr/local/zookeeper/data");
    EXPECT_EQ(node.log_dir, "/usr/local/zookeeper/logs");
    EXPECT_EQ(node.ports, (Ports{2181, 2888, 3888}));
    EXPECT_EQ(node.ssh.host, "192.168.6.138");
    EXPECT_EQ(node.ssh.port, 22);
    EXPECT_EQ(node.ssh.sudo, Sudo::automatic);
    EXPECT_FALSE(node.ssh.port_given);
    EXPECT_EQ(node.ssh.client, SshClient::automatic);
    EXPECT_EQ(inventory.transport, Transport::ssh);
}

TEST(Inventory, AgentsAnswerHttpWhereTheyAreTold) {
    const auto http_of = [](const std::string& agent, std::size_t index) {
        return read_good(kHead + agent + kNodes).nodes.at(index).http;
    };
    EXPECT_EQ(http_of("", 0), AgentHttp());
    EXPECT_EQ(http_of("agent: { http: { listen: off, port: 9999 } }\n", 0), AgentHttp());
    EXPECT_EQ(http_of("agent: { http: { port: 9999 } }\n", 0), AgentHttp());
    EXPECT_EQ(http_of("agent: { http: { listen: loopback } }\n", 1),
              (AgentHttp{"127.0.0.1", 9180}));
    EXPECT_EQ(http_of("agent: { http: { listen: node, port: 9999 } }\n", 1),
              (AgentHttp{"192.168.6.138", 9999}));
    EXPECT_EQ(http_of("agent: { http: { listen: \"[FD00:0::1]\" } }\n", 2),
              (AgentHttp{"fd00::1", 9180}));
    const Inventory own = read_good(std::string(kHead) + R"(
agent: { http: { listen: node } }
nodes:
  - { id: 1, host: 10.0.0.1, agent: { http: { listen: off } } }
  - { id: 2, host: zk2, agent: { http: { listen: 0.0.0.0, port: 9300 } } }
  - { id: 3, host: 10.0.0.3 }
)");
    EXPECT_EQ(own.nodes.at(0).http, AgentHttp());
    EXPECT_EQ(own.nodes.at(1).http, (AgentHttp{"0.0.0.0", 9300}));
    EXPECT_EQ(own.nodes.at(2).http, (AgentHttp{"10.0.0.3", 9180}));
    const Inventory local = read_good(std::string(kHead) +
                                      "transport: local\nbase_dir: /b\nagent: { http: { listen: "
                                      "loopback } }\nnodes: [{id: 1-3}]\n");
    EXPECT_EQ(local.nodes.at(2).http, (AgentHttp{"127.0.0.1", 9182}));
}

TEST(Inventory, NodeOverridesServerAndSsh) {
    const Inventory inventory = read_good(std::string(kHead) + R"(
server: { install_dir: /opt/zk/, data_dir: /data//zk, client_port: 12181,
          config: { tickTime: 1000, syncLimit: 7 } }
ssh: { user: ops, key: ~/.ssh/a, port: 2222, known_hosts: /kh, sudo: always,
       client: openssh, jump: [ops@bastion, "[::1]:22"], config: ~/.ssh/zk,
       agent_dir: /opt/zkprov/ }
nodes:
  - { id: 2, host: b, client_port: 9999, data_dir: /big/zk, config: { tickTime: 3000 },
      ssh: { host: 10.0.0.2, keys: [k1, k2], sudo: never, client: libssh2,
      agent_dir: /srv/zkprov } }
  - { id: 1, host: a }
  - { id: 3, host: c }
)");
    ASSERT_EQ(inventory.nodes.size(), 3U);
    const Node& first = inventory.nodes[0];
    EXPECT_EQ(first.id, ServerId(1));  // sorted
    EXPECT_EQ(first.install_dir, "/opt/zk");
    EXPECT_EQ(first.data_dir, "/data/zk");
    EXPECT_EQ(first.log_dir, "/opt/zk/logs");
    EXPECT_EQ(first.ports.client, 12181);
    EXPECT_EQ(first.config.at("tickTime"), "1000");
    EXPECT_EQ(first.ssh.user, "ops");
    EXPECT_EQ(first.ssh.port, 2222);
    EXPECT_EQ(first.ssh.known_hosts, "/kh");
    EXPECT_EQ(first.ssh.keys, std::vector<std::string>{"~/.ssh/a"});
    EXPECT_EQ(first.ssh.sudo, Sudo::always);
    EXPECT_TRUE(first.ssh.port_given);
    EXPECT_EQ(first.ssh.client, SshClient::openssh);
    EXPECT_EQ(first.ssh.jump, "ops@bastion,[::1]:22");
    EXPECT_EQ(first.ssh.config, "~/.ssh/zk");
    EXPECT_EQ(first.ssh.agent_dir, "/opt/zkprov");
    const Node& second = inventory.nodes[1];
    EXPECT_EQ(second.ssh.agent_dir, "/srv/zkprov");
    EXPECT_EQ(second.ports.client, 9999);
    EXPECT_EQ(second.data_dir, "/big/zk");
    EXPECT_EQ(second.config.at("tickTime"), "3000");
    EXPECT_EQ(second.config.at("syncLimit"), "7");
    EXPECT_EQ(second.ssh.host, "10.0.0.2");
    EXPECT_EQ(second.ssh.keys, (std::vector<std::string>{"k1", "k2"}));
    EXPECT_EQ(second.ssh.sudo, Sudo::never);
    EXPECT_EQ(second.ssh.user, "ops");
    EXPECT_EQ(second.ssh.client, SshClient::libssh2);
}

TEST(Inventory, LocalNodesShareAnAddressAndTakeTheNextPorts) {
    const Inventory inventory = read_good(
        std::string(kHead) + "transport: local\nbase_dir: ./play\nnodes: [ { id: 1-3 } ]\n");
    ASSERT_EQ(inventory.nodes.size(), 3U);
    EXPECT_EQ(inventory.base_dir, "/home/play");
    EXPECT_EQ(inventory.nodes[2].host, "127.0.0.1");
    EXPECT_EQ(inventory.nodes[2].ports, (Ports{2183, 2890, 3890}));
    EXPECT_EQ(inventory.nodes[2].data_dir, "/home/play/node-3/data");
}

struct BadCase {
    const char* name;
    std::string text;
    const char* expected;  ///< part of the message, with its place
};
class BadInventory : public testing::TestWithParam<BadCase> {};

TEST_P(BadInventory, SaysWhereAndWhatInstead) {
    EXPECT_THAT(problems_of(GetParam().text), HasSubstr(GetParam().expected));
}

const std::string kBase = std::string(kHead) + kNodes;
INSTANTIATE_TEST_SUITE_P(
    All,
    BadInventory,
    testing::Values(
        BadCase{"empty", "", "i.yaml: error: the file is empty"},
        BadCase{"not_a_map", "- 1\n", "i.yaml:1:1: error: must be a mapping"},
        BadCase{"no_schema", std::string("cluster: demo\n") + kNodes, "schema: is missing; write"},
        BadCase{"other_schema",
                std::string("schema: zkprov/2\ncluster: demo\n") + kNodes,
                "i.yaml:1:9: error: schema: this version reads zkprov/1, found \"zkprov/2\""},
        BadCase{"no_cluster", std::string("schema: zkprov/1\n") + kNodes, "cluster: is missing"},
        BadCase{"bad_cluster",
                std::string("schema: zkprov/1\ncluster: My Zoo\n") + kNodes,
                "i.yaml:2:10: error: cluster: must be up to 40 small letters"},
        BadCase{"unknown_top",
                kBase + "nods: 1\n",
                "i.yaml:5:1: error: nods: unknown key; did you mean \"nodes\"?"},
        BadCase{"unknown_node",
                std::string(kHead) + "nodes:\n  - { id: 1, hots: a }\n",
                "i.yaml:4:14: error: nodes[0].hots: unknown key; did you mean \"host\"?"},
        BadCase{"unknown_far", kBase + "zzzzzz: 1\n", "unknown key; known here: schema, cluster"},
        BadCase{"no_nodes", kHead, "nodes: is missing; list the servers"},
        BadCase{
            "empty_nodes", std::string(kHead) + "nodes: []\n", "i.yaml:3:8: error: nodes: is m"},
        BadCase{"nodes_map", std::string(kHead) + "nodes: { id: 1 }\n", "nodes: must be a list"},
        BadCase{"node_scalar",
                std::string(kHead) + "nodes: [a]\n",
                "i.yaml:3:9: error: nodes[0]: must be a mapping"},
        BadCase{"node_null", std::string(kHead) + "nodes:\n  -\n", "nodes[0]: is empty"},
        BadCase{"no_id", std::string(kHead) + "nodes: [{host: a}]\n", "nodes[0].id: is missing"},
        BadCase{"no_host", std::string(kHead) + "nodes: [{id: 1}]\n", "nodes[0].host: is missing"},
        BadCase{"bad_id",
                std::string(kHead) + "nodes: [{id: x, host: a}]\n",
                "i.yaml:3:14: error: nodes[0].id: must be an id from 1 to 255"},
        BadCase{"duplicate_id",
                std::string(kHead) + "nodes:\n  - { id: 1, host: a }\n  - { id: 1, host: b }\n",
                "i.yaml:5:5: error: nodes: id 1 was given before, in line 4"},
        BadCase{"duplicate_host",
                std::string(kHead) + "nodes:\n  - { id: 1, host: a }\n  - { id: 2, host: a }\n",
                "i.yaml:5:5: error: nodes: host a is node 1 already (line 4)"},
        BadCase{"bad_address",
                std::string(kHead) + "nodes: [{id: 1, host: 192.168.6.300}]\n",
                "i.yaml:3:23: error: nodes[0].host: \"192.168.6.300\" is not an IPv4 address"},
        BadCase{"ipv6_port",
                std::string(kHead) + "nodes: [{id: 1, host: \"[fd00::1]:2888\"}]\n",
                "must be a host without a port"},
        BadCase{
            "one_address_in_two_spellings",
            std::string(kHead) +
                "nodes:\n  - { id: 1, host: \"fd00::1\" }\n  - { id: 2, host: \"[FD00:0::1]\" }\n",
            "i.yaml:5:5: error: nodes: host fd00::1 is node 1 already (line 4)"},
        BadCase{"one_name_in_two_spellings",
                std::string(kHead) +
                    "nodes:\n  - { id: 1, host: zk1.example }\n  - { id: 2, host: ZK1.example. }\n",
                "i.yaml:5:5: error: nodes: host zk1.example is node 1 already (line 4)"},
        BadCase{"ranges_differ",
                std::string(kHead) + "nodes: [{id: 1-3, host: \"10.0.0.[1-2]\"}]\n",
                "nodes[0].host: names 2 hosts for 3 ids; make the two ranges equally long"},
        BadCase{"host_for_many",
                std::string(kHead) + "nodes: [{id: 1-3, host: a}]\n",
                "names 1 host for 3 ids"},
        BadCase{"backwards_range",
                std::string(kHead) + "nodes: [{id: 1-3, host: \"10.0.0.[3-1]\"}]\n",
                "runs backwards"},
        BadCase{"loopback_over_ssh",
                std::string(kHead) + "nodes: [{id: 1, host: 127.0.0.1}, {id: 2, host: b}]\n",
                "127.0.0.1 is not reachable from the other nodes"},
        BadCase{
            "port_text",
            with_server("client_port: abc"),
            "i.yaml:4:16: error: server.client_port: must be a whole number from 1024 to 65535, "
            "found \"abc\""},
        BadCase{"port_quoted", with_server("client_port: \"2181\""), "(without quotes)"},
        BadCase{"port_large", with_server("client_port: 70000"), "from 1024 to 65535, found 70000"},
        BadCase{"port_privileged", with_server("client_port: 80"), "from 1024 to 65535, found 80"},
        BadCase{"port_list", with_server("client_port: [1]"), "found a list"},
        BadCase{"port_clash",
                with_server("client_port: 2888"),
                "peer_port 2888 of node 1 clashes with client_port of node 1 on 192.168.6.137"},
        BadCase{"local_port_clash",
                std::string(kHead) +
                    "transport: local\nbase_dir: /b/c\nserver: { peer_port: 2182 }\n"
                    "nodes: [{id: 1-3}]\n",
                "client_port 2182 of node 2 clashes with peer_port of node 1 on 127.0.0.1"},
        BadCase{"listen_unknown",
                std::string(kHead) + "agent:\n  http: { listen: everywhere }\n" + kNodes,
                "i.yaml:4:19: error: agent.http.listen: must be off, loopback, node or an IP "
                "address of the node, found \"everywhere\""},
        BadCase{"listen_address_with_port",
                std::string(kHead) + "agent: { http: { listen: \"10.0.0.1:80\" } }\n" + kNodes,
                "agent.http.listen: must be off, loopback, node or an IP address"},
        BadCase{
            "listen_on_a_name",
            std::string(kHead) + "agent: { http: { listen: node } }\nnodes: [{id: 1, host: zk1}]\n",
            "i.yaml:3:26: error: agent.http.listen: node means the node's address, and zk1 is a "
            "name"},
        BadCase{"http_port_privileged",
                std::string(kHead) + "agent: { http: { port: 80 } }\n" + kNodes,
                "i.yaml:3:24: error: agent.http.port: must be a whole number from 1024 to 65535"},
        BadCase{"http_key_mistyped",
                std::string(kHead) + "agent: { http: { listn: off } }\n" + kNodes,
                "i.yaml:3:18: error: agent.http.listn: unknown key; did you mean \"listen\"?"},
        BadCase{"agent_key_unknown",
                std::string(kHead) + "agent: { htp: {} }\n" + kNodes,
                "i.yaml:3:10: error: agent.htp: unknown key"},
        BadCase{
            "http_port_clash",
            std::string(kHead) + "agent: { http: { listen: node, port: 2181 } }\n" + kNodes,
            "agent.http.port 2181 of node 1 clashes with client_port of node 1 on 192.168.6.137"},
        BadCase{"relative_dir",
                with_server("data_dir: data"),
                "i.yaml:4:13: error: server.data_dir: must be an absolute path"},
        BadCase{"dotdot", with_server("data_dir: /data/../etc"), "must not contain \"..\""},
        BadCase{"blank_in_dir", with_server("data_dir: /my data"), "holds a character"},
        BadCase{"system_dir", with_server("install_dir: /usr//local/"), "belongs to the system"},
        BadCase{"root_dir", with_server("data_dir: /"), "belongs to the system"},
        BadCase{"data_is_install",
                with_server("data_dir: /usr/local/zookeeper"),
                "must not be install_dir itself"},
        BadCase{"data_in_tmp",
                with_server("data_dir: /tmp/zk"),
                "node 1: /tmp/zk lies in /tmp, which does not last"},
        BadCase{"install_in_run", with_server("install_dir: /run/zk"), "lies in /run"},
        BadCase{"install_in_data",
                with_server("data_dir: /srv/zk\n  install_dir: /srv/zk/app"),
                "install_dir /srv/zk/app lies in /srv/zk, which belongs to the server's user"},
        BadCase{"data_in_bin",
                with_server("data_dir: /usr/local/zookeeper/bin"),
                "is used for zkprov's own files"},
        BadCase{"config_list", with_server("config: [1]"), "must be a mapping of zoo.cfg keys"},
        BadCase{"config_typo",
                with_server("config: { ticktime: 2000 }"),
                "i.yaml:4:13: error: server.config.ticktime: unknown zoo.cfg key; did you mean "
                "\"tickTime\"?"},
        BadCase{
            "config_unknown", with_server("config: { qqqqqqqqq: 1 }"), "unknown zoo.cfg key, or"},
        BadCase{"config_managed", with_server("config: { dataDir: /x }"), "use server.data_dir"},
        BadCase{"config_member",
                with_server("config: { server.4: \"x:1:2\" }"),
                "members are written from the list nodes"},
        BadCase{"config_later",
                with_server("config: { sslQuorum: true }"),
                "not supported in this version"},
        BadCase{"config_number",
                with_server("config: { tickTime: soon }"),
                "server.config.tickTime: must be a whole number from 100 to 60000"},
        BadCase{
            "config_flag", with_server("config: { enforceQuota: yes }"), "must be true or false"},
        BadCase{"config_word",
                with_server("config: { DigestAuthenticationProvider.digestAlg: ROT13 }"),
                "must be SHA1, MD5, SHA-224"},
        BadCase{"config_secret",
                with_server("config: { DigestAuthenticationProvider.superDigest: \"super:x\" }"),
                "an inventory is no place for a secret"},
        BadCase{"config_nested", with_server("config: { tickTime: [1] }"), "must be one value"},
        BadCase{"sessions",
                with_server("config: { minSessionTimeout: 9000, maxSessionTimeout: 5000 }"),
                "minSessionTimeout 9000 is above maxSessionTimeout 5000"},
        BadCase{"session_of_ticks",
                with_server("config: { tickTime: 500, minSessionTimeout: 12000 }"),
                "minSessionTimeout 12000 is above maxSessionTimeout 10000"},
        BadCase{"notifications",
                with_server("config: { fastleader.maxNotificationInterval: 100 }"),
                "fastleader.minNotificationInterval 200 is above "
                "fastleader.maxNotificationInterval 100"},
        BadCase{"transport",
                kBase + "transport: telnet\n",
                "i.yaml:5:12: error: transport: must be ssh or local, found \"telnet\""},
        BadCase{
            "transport_docker", kBase + "transport: docker\n", "write runtime: docker beside it"},
        BadCase{"transport_cloud_init",
                kBase + "transport: cloud-init\n",
                "transport: write ssh; zkprov cloud-init prints the user-data"},
        BadCase{"cloud_init",
                kBase + "cloud_init: {}\n",
                "zkprov cloud-init prints the user-data of this inventory's nodes"},
        BadCase{"docker", kBase + "docker: {}\n", "docker: belongs to runtime: docker"},
        BadCase{"node_docker",
                std::string(kHead) + "nodes: [{id: 1, docker: {}}]\n",
                "nodes[0].docker: not supported in this version"},
        BadCase{"jump",
                kBase + "ssh: { jump: [\"-oProxyCommand=x\"] }\n",
                "ssh.jump: must be hosts such as ops@bastion:22"},
        BadCase{"ssh_client",
                kBase + "ssh: { client: putty }\n",
                "ssh.client: must be auto, libssh2 or openssh, found \"putty\""},
        BadCase{"agent_dir",
                kBase + "ssh: { agent_dir: /usr }\n",
                "ssh.agent_dir: \"/usr\" belongs to the system"},
        BadCase{"tls", kBase + "tls: {}\n", "tls: not supported in this version"},
        BadCase{"flavor", with_server("flavor: kafka"), "must be zkserver or apache"},
        BadCase{"no_tarball", with_server("flavor: apache"), "server.tarball: is missing"},
        BadCase{
            "tarball_of_ours", with_server("tarball: x.tar.gz"), "it belongs to flavor: apache"},
        BadCase{"observer",
                std::string(kHead) + "nodes: [{id: 1, host: a, role: observer}]\n",
                "nodes[0].role: observers are not supported in this version"},
        BadCase{"role",
                std::string(kHead) + "nodes: [{id: 1, host: a, role: king}]\n",
                "role: must be participant, found \"king\""},
        BadCase{"sudo_ask", kBase + "ssh: { sudo: ask }\n", "passwordless sudo (NOPASSWD)"},
        BadCase{"sudo_word", kBase + "ssh: { sudo: maybe }\n", "must be auto, always or never"},
        BadCase{"no_host_keys",
                kBase + "ssh: { known_hosts: accept-new }\n",
                "host keys are always checked"},
        BadCase{"user", kBase + "ssh: { user: \"-x y\" }\n", "is not a user name"},
        BadCase{
            "base_dir_ssh", kBase + "base_dir: /x/y\n", "base_dir: belongs to transport: local"},
        BadCase{"no_base_dir",
                std::string(kHead) + "transport: local\nnodes: [{id: 1}]\n",
                "base_dir: is missing"},
        BadCase{"long_base_dir",
                std::string(kHead) + "transport: local\nbase_dir: " + std::string(80, 'b') +
                    "\nnodes: [{id: 1}]\n",
                "i.yaml:4:11: error: base_dir: is 86 characters long"},
        BadCase{"local_ssh",
                std::string(kHead) + "transport: local\nbase_dir: b\nssh: {}\nnodes: [{id: 1}]\n",
                "ssh: is not used with transport: local"},
        BadCase{"local_data_dir",
                std::string(kHead) + "transport: local\nbase_dir: b\nserver: {data_dir: /d/e}\n"
                                     "nodes: [{id: 1}]\n",
                "server.data_dir: is not used with transport: local"},
        BadCase{"local_other_host",
                std::string(kHead) + "transport: local\nbase_dir: b\nnodes: [{id: 1, host: zk}]\n",
                "host zk is not this machine"},
        BadCase{"tab",
                std::string(kHead) + "nodes:\n\t- { id: 1, host: a }\n",
                "i.yaml:4:1: error: a tab is used as indentation"},
        BadCase{"duplicate_key",
                kBase + "cluster: two\n",
                "i.yaml:5:1: error: cluster: this key was given before, in line 2"}),
    [](const auto& param_info) { return std::string(param_info.param.name); });

TEST(Inventory, EvenNumberOfVotersIsAWarning) {
    Diagnostics diagnostics("i.yaml");
    const auto inventory = read_inventory(
        std::string(kHead) + "nodes: [{id: 1-4, host: \"h[1-4]\"}]\n", "/home", diagnostics);
    EXPECT_TRUE(inventory.has_value());
    EXPECT_EQ(diagnostics.format_all(),
              "i.yaml:3:9: warning: nodes: 4 voters bear the loss of 1, no more than 3 would; an "
              "odd number is better\n");
}

TEST(Inventory, AllMistakesAreToldAtOnceInTheOrderOfTheFile) {
    const std::string text = problems_of(std::string(kHead) +
                                         "server: { client_port: x }\n"
                                         "nodes:\n  - { id: 1, hots: a }\n  - { id: 2 }\n");
    EXPECT_LT(text.find("i.yaml:3:"), text.find("i.yaml:5:"));
    EXPECT_LT(text.find("i.yaml:5:"), text.find("i.yaml:6:"));
}

// Each was taken once and ended every node in the middle of an apply.
TEST(Inventory, ConfigValuesThatTheServerDoesNotTakeAreRefused) {
    const auto problems = [](const std::string& config) {
        return problems_of(std::string(kHead) + "server: { config: { " + config +
                           " } }\nnodes: [{id: 1-3, host: \"h[1-3]\"}]\n");
    };
    EXPECT_THAT(
        problems("jute.maxbuffer: 67108865"),
        HasSubstr("server.config.jute.maxbuffer: must be a whole number from 1024 to 67108864"));
    EXPECT_EQ(problems("jute.maxbuffer: 67108864"), "");
    EXPECT_THAT(problems("leaderServes: \"no\""),
                HasSubstr("server.config.leaderServes: may not be set here"));
    EXPECT_EQ(problems("DigestAuthenticationProvider.digestAlg: SHA-256"), "");
}

// The server reads a number behind a 0 as octal where Java does: 0999 is none, 0100000 is 32768.
TEST(Inventory, ConfigNumbersAreWrittenAsTheServerReadsThem) {
    for (const char* const config :
         {"snapCount: 0100000", "globalOutstandingLimit: 0999", "tickTime: 02000"}) {
        EXPECT_THAT(problems_of(with_server("config: { " + std::string(config) + " }")),
                    HasSubstr("must be a whole number from"))
            << config;
    }
}

}  // namespace
}  // namespace zk::inventory
