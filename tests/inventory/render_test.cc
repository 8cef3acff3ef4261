#include "inventory/render.h"

#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent_api/node_facts.h"
#include "ensemble/zoo_cfg.h"
#include "inventory/unit_templates.h"

namespace zk::inventory {
namespace {

using agent_api::FileSpec;
using agent_api::NodeSpec;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

Inventory read(const std::string& text) {
    Diagnostics diagnostics("i.yaml");
    auto inventory = read_inventory("schema: zkprov/1\ncluster: demo\n" + text, "/w", diagnostics);
    EXPECT_EQ(diagnostics.format_all(), "");
    return inventory.value_or(Inventory{});
}
Inventory three() { return read("nodes: [{id: 1-3, host: \"192.168.6.[137-139]\"}]\n"); }
agent_api::ReleaseSpec release() { return {"0.1.0-12345678", std::string(64, 'a'), 1000}; }
const FileSpec* file_of(const NodeSpec& spec, const std::string& path) {
    const auto found = std::ranges::find(spec.files, path, &FileSpec::path);
    return found == spec.files.end() ? nullptr : &*found;
}
NodeSpec render(const Inventory& inventory, std::size_t index) {
    auto spec = render_node(inventory, inventory.nodes[index], release(), "g-1");
    EXPECT_TRUE(spec.has_value()) << spec.error().words;
    return spec.has_value() ? *spec : NodeSpec{};
}

TEST(Render, ZooCfgIsWhatTheServerReads) {
    const Inventory inventory = three();
    EXPECT_EQ(render_zoo_cfg(inventory, inventory.nodes[1]),
              "# demo, server 2. Written by zkprov apply, which overwrites changes made here.\n"
              "dataDir=/usr/local/zookeeper/data\n"
              "dataLogDir=/usr/local/zookeeper/logs\n"
              "clientPort=2181\n"
              "admin.enableServer=false\n"
              "initLimit=10\n"
              "syncLimit=5\n"
              "tickTime=2000\n"
              "4lw.commands.whitelist=srvr,ruok,stat,mntr,conf,isro,vote,elec\n"
              "db.autocreate=false\n"
              "standaloneEnabled=false\n"
              "server.1=192.168.6.137:2888:3888\n"
              "server.2=192.168.6.138:2888:3888\n"
              "server.3=192.168.6.139:2888:3888\n");
    const auto config = ensemble::parse_zoo_cfg(render_zoo_cfg(inventory, inventory.nodes[1]), "z");
    ASSERT_TRUE(config.has_value());
    EXPECT_TRUE(config->warnings.empty());
    EXPECT_TRUE(config->replicated());
    EXPECT_FALSE(config->db_autocreate);
    EXPECT_EQ(config->ensemble.voters().size(), 3U);
}

TEST(Render, OneNodeIsAServerAlone) {
    const Inventory inventory = read("nodes: [{id: 7, host: 192.168.6.137}]\n");
    const std::string text = render_zoo_cfg(inventory, inventory.nodes[0]);
    EXPECT_THAT(text, HasSubstr("standaloneEnabled=true\n"));
    EXPECT_THAT(text, Not(HasSubstr("server.")));
    const auto config = ensemble::parse_zoo_cfg(text, "z");
    ASSERT_TRUE(config.has_value());
    EXPECT_TRUE(config->warnings.empty());
    EXPECT_FALSE(config->replicated());
    const NodeSpec spec = render(inventory, 0);
    EXPECT_EQ(file_of(spec, spec.conf_path)->content, text);
    EXPECT_NE(file_of(spec, spec.data_dir + "/myid"), nullptr) << "it may become a member";
}

TEST(Render, Ipv6AddressesStandInBracketsBeforePorts) {
    const Inventory inventory = read("nodes: [{id: 1-3, host: \"fd00::[137-139]\"}]\n");
    const std::string text = render_zoo_cfg(inventory, inventory.nodes[0]);
    EXPECT_THAT(text, HasSubstr("server.3=[fd00::139]:2888:3888\n"));
    const auto config = ensemble::parse_zoo_cfg(text, "z");
    ASSERT_TRUE(config.has_value());
    EXPECT_EQ(config->ensemble.members.at(ServerId(3)).host, "fd00::139");
    EXPECT_EQ(render(inventory, 0).host, "fd00::137");
    const Inventory zoned = read("nodes: [{id: 1-3, host: \"fe80::[1-3]%eth0\"}]\n");
    EXPECT_THAT(render_zoo_cfg(zoned, zoned.nodes[0]),
                HasSubstr("server.1=[fe80::1%eth0]:2888:3888\n"));
    EXPECT_EQ(render(zoned, 0).host, "fe80::1%eth0");
}

TEST(Render, OwnSettingsReplaceTheDefaults) {
    const Inventory inventory = read(
        "server: { config: { tickTime: 1000, maxClientCnxns: 9 } }\nnodes: [{id: 1, host: a}]\n");
    const std::string text = render_zoo_cfg(inventory, inventory.nodes[0]);
    EXPECT_THAT(text, HasSubstr("tickTime=1000\n"));
    EXPECT_THAT(text, HasSubstr("maxClientCnxns=9\n"));
    EXPECT_THAT(text, Not(HasSubstr("tickTime=2000")));
}

TEST(Render, NodeSpecForSystemd) {
    const NodeSpec spec = render(three(), 1);
    EXPECT_EQ(spec.manager, agent_api::Manager::systemd);
    EXPECT_EQ(spec.formation, agent_api::Formation::join);
    EXPECT_EQ(spec.user, "zookeeper");
    EXPECT_EQ(spec.sid, ServerId(2));
    EXPECT_EQ(spec.address, "127.0.0.1");
    EXPECT_EQ(spec.conf_path, "/usr/local/zookeeper/conf/zoo.cfg");
    const FileSpec* myid = file_of(spec, "/usr/local/zookeeper/data/myid");
    ASSERT_NE(myid, nullptr);
    EXPECT_EQ(myid->content, "2\n");
    const FileSpec* owner = file_of(spec, spec.data_dir + "/zkprov.node");
    ASSERT_NE(owner, nullptr);
    EXPECT_EQ(owner->kind, agent_api::FileKind::plain);  // it restarts nothing
    EXPECT_EQ(agent_api::parse_data_owner(owner->content).value(),
              (agent_api::DataOwner{spec.cluster, ServerId(2), spec.generation}));
    const agent_api::Incarnation made{3, "1f2e", WallMs(7)};
    const auto anew = render_node(three(), three().nodes[1], release(), "g-1", made);
    ASSERT_TRUE(anew.has_value());
    EXPECT_EQ(anew->incarnation, made);
    EXPECT_EQ(agent_api::parse_data_owner(file_of(*anew, owner->path)->content)->incarnation, made);
    // Beside the unit: who changes that restarts the server.
    const FileSpec* start =
        file_of(spec, "/etc/systemd/system/zookeeper.service.d/zkprov-start.conf");
    ASSERT_NE(start, nullptr);
    EXPECT_EQ(start->kind, agent_api::FileKind::unit);
    EXPECT_THAT(
        start->content,
        HasSubstr("ExecStartPre=+/bin/sh -c '/usr/local/zookeeper/bin/zkprov-agent may-start "
                  "--state-dir /var/lib/zkprov; test $$? -ne 9'\n"));
    for (const char* const unit : {"zookeeper.service", "zkprov-agent.service"}) {
        const FileSpec* file = file_of(spec, std::string("/etc/systemd/system/") + unit);
        ASSERT_NE(file, nullptr) << unit;
        EXPECT_EQ(file->kind, agent_api::FileKind::unit);
        EXPECT_THAT(file->content, HasSubstr("[Service]"));
        EXPECT_THAT(file->content, Not(testing::ContainsRegex("@[A-Z]")));
    }
    EXPECT_THAT(file_of(spec, "/etc/systemd/system/zookeeper.service")->content,
                HasSubstr("/usr/local/zookeeper/current/bin/zkserver"));
    const FileSpec* script = file_of(spec, "/usr/local/zookeeper/bin/zkServer.sh");
    ASSERT_NE(script, nullptr);
    EXPECT_EQ(script->mode, 0755U);
    EXPECT_EQ(script->kind, agent_api::FileKind::plain) << "another script restarts nothing";
    EXPECT_TRUE(script->content.starts_with("#!"));
    EXPECT_THAT(script->content, HasSubstr("\nUNIT=" + spec.server_unit + "\n"));
    EXPECT_THAT(file_of(spec, "/usr/local/zookeeper/bin/zkCli.sh")->content,
                HasSubstr("exec -a zkcli "));
    EXPECT_THAT(file_of(spec, "/usr/local/zookeeper/bin/zkdata")->content,
                HasSubstr("exec -a zkdata "));
    // An agent without the server's disk is the one that tells of it; it only comes behind the mounts.
    const std::string agent = file_of(spec, "/etc/systemd/system/zkprov-agent.service")->content;
    EXPECT_THAT(agent, HasSubstr("After=network-online.target remote-fs.target\n"));
    EXPECT_THAT(agent, Not(HasSubstr("RequiresMountsFor=" + spec.data_dir)));
    EXPECT_THAT(agent, HasSubstr("RequiresMountsFor=/usr/local/zookeeper /var/lib/zkprov\n"));
    EXPECT_TRUE(agent_api::validate(spec).has_value());
}

TEST(Render, NodeSpecForThisMachineNeedsNoRoot) {
    const Inventory inventory = read("transport: local\nbase_dir: play\nnodes: [{id: 1-3}]\n");
    const NodeSpec spec = render(inventory, 2);
    EXPECT_EQ(spec.manager, agent_api::Manager::supervised);
    EXPECT_EQ(spec.user, "");
    EXPECT_EQ(spec.client_port, 2183);
    EXPECT_EQ(spec.address, "127.0.0.1");
    EXPECT_EQ(spec.files.size(), 3U);
    for (const auto& directory : spec.directories) EXPECT_EQ(directory.owner, "");
    EXPECT_EQ(state_dir_of(inventory, inventory.nodes[2]), "/w/play/node-3/agent");
    EXPECT_THAT(file_of(spec, spec.conf_path)->content, HasSubstr("clientPortAddress=127.0.0.1\n"));
}

TEST(Render, EqualInventoriesGiveEqualSpecs) {
    EXPECT_EQ(agent_api::hash_of(render(three(), 0)), agent_api::hash_of(render(three(), 0)));
    EXPECT_NE(agent_api::hash_of(render(three(), 0)), agent_api::hash_of(render(three(), 1)));
}

TEST(Render, AGenerationRemembersTheMembers) {
    const Inventory inventory = three();
    const std::string generation = new_generation(inventory, 0x1234);
    EXPECT_TRUE(generation.starts_with("1234-"));
    EXPECT_EQ(digest_in_generation(generation), members_digest(inventory));
    EXPECT_EQ(digest_in_generation("x"), "");
    Inventory moved = inventory;
    moved.nodes[0].ports.peer = 2999;
    EXPECT_NE(members_digest(moved), members_digest(inventory));
    Inventory other_client_port = inventory;
    other_client_port.nodes[0].ports.client = 2999;
    EXPECT_EQ(members_digest(other_client_port), members_digest(inventory));
}

TEST(Render, EveryNodeKnowsWhereTheAgentsOfAllAnswer) {
    const Inventory inventory = read(
        "nodes:\n"
        "  - { id: 1, host: 10.0.0.1, client_port: 2190, agent: { http: { listen: node } } }\n"
        "  - { id: 2, host: zk2, agent: { http: { listen: 0.0.0.0, port: 9300 } } }\n"
        "  - { id: 3, host: 10.0.0.3, agent: { http: { listen: loopback } } }\n");
    const NodeSpec spec = render(inventory, 0);
    const std::vector<agent_api::MemberSpec> wanted = {
        {ServerId(1), "10.0.0.1", 2190, "10.0.0.1", 9180},
        {ServerId(2), "zk2", 2181, "zk2", 9300},
        {ServerId(3), "10.0.0.3", 2181, "", 0},  // its loopback is no other's
    };
    EXPECT_EQ(spec.members, wanted);
    EXPECT_EQ(render(inventory, 2).members, wanted);
    EXPECT_EQ(spec.members_digest, members_digest(inventory));
    const Inventory local = read(
        "transport: local\nbase_dir: play\nagent: { http: { listen: loopback } }\nnodes: [{id: "
        "1-3}]\n");
    EXPECT_EQ(render(local, 0).members.at(2),
              (agent_api::MemberSpec{ServerId(3), "127.0.0.1", 2183, "127.0.0.1", 9182}));
}

TEST(Render, WithoutAControllerEveryAgentHasToBeReached) {
    EXPECT_TRUE(check_agents(read("agent: { http: { listen: node } }\n"
                                  "nodes: [{id: 1-3, host: \"10.0.0.[1-3]\"}]\n"))
                    .has_value());
    for (const char* const listen : {"off", "loopback"}) {
        const auto checked =
            check_agents(read(std::string("agent: { http: { listen: ") + listen +
                              " } }\nnodes: [{id: 1-3, host: \"10.0.0.[1-3]\"}]\n"));
        ASSERT_FALSE(checked.has_value()) << listen;
        EXPECT_THAT(checked.error().words, HasSubstr("the agent of node 1 answers no other node"));
    }
}

TEST(Render, TemplatesNeedAValueForEveryName) {
    EXPECT_EQ(*fill_template("a=@A@ b=@B@\n", {{"A", "1"}, {"B", ""}}), "a=1 b=\n");
    EXPECT_FALSE(fill_template("@C@", {{"A", "1"}}).has_value());
    EXPECT_FALSE(fill_template("@A", {{"A", "1"}}).has_value());
    EXPECT_EQ(*fill_template("~@mount @A@@x@", {{"A", "1"}}),
              "~@mount 1@x@");  // systemd has names with @
}

}  // namespace
}  // namespace zk::inventory
