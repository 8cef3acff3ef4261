#include "agent_api/node_spec.h"

#include <gtest/gtest.h>

#include "agent_api/node_facts.h"
#include "agent_api/node_health.h"

namespace zk::agent_api {
namespace {

NodeSpec good_spec() {
    NodeSpec spec;
    spec.cluster = "demo";
    spec.generation = "g1";
    spec.sid = ServerId(2);
    spec.host = "h2";
    spec.install_dir = "/opt/zk";
    spec.data_dir = "/opt/zk/data";
    spec.log_dir = "/opt/zk/logs";
    spec.conf_path = "/opt/zk/conf/zoo.cfg";
    spec.release = {"0.1.0", std::string(64, 'a'), 123};
    spec.directories = {{"/opt/zk", 0755, ""}, {"/opt/zk/data", 0750, "zookeeper"}};
    spec.files = {{"/opt/zk/conf/zoo.cfg", 0640, "root:zookeeper", "a=b\n", FileKind::config}};
    spec.address = "127.0.0.1";
    return spec;
}

TEST(NodeSpec, JsonBothWays) {
    NodeSpec spec = good_spec();
    spec.manager = Manager::supervised;
    spec.formation = Formation::form;
    spec.http_address = "::1";
    spec.http_port = 9180;
    const auto back = parse_node_spec(to_json(spec));
    ASSERT_TRUE(back.has_value());
    EXPECT_EQ(*back, spec);
}

TEST(NodeSpec, HashNamesTheStateAndNotTheFormation) {
    NodeSpec spec = good_spec();
    const std::string hash = hash_of(spec);
    spec.formation = Formation::form;
    EXPECT_EQ(hash_of(spec), hash);
    spec.files[0].content += " ";
    EXPECT_NE(hash_of(spec), hash);
}

TEST(NodeSpec, PathsFollowTheInstallDirectory) {
    NodeSpec spec = good_spec();
    EXPECT_EQ(spec.release_dir(), "/opt/zk/releases/0.1.0");
    EXPECT_EQ(spec.server_path(), "/opt/zk/current/bin/zkserver");
    EXPECT_EQ(spec.resident_agent_path(), "/opt/zk/bin/zkprov-agent");
    EXPECT_EQ(spec.console_log_path(), "/opt/zk/logs/zkserver.log");
    const FactsRequest request = facts_for(spec);
    EXPECT_TRUE(request.any_address);
    EXPECT_EQ(request.ports, (std::vector<std::uint16_t>{2181, 2888, 3888}));
    EXPECT_EQ(request.units, (std::vector<std::string>{spec.server_unit, spec.agent_unit}));
    EXPECT_EQ(to_json(*parse_facts_request(to_json(request))), to_json(request));
}

TEST(NodeSpec, WhatCannotBeCarriedOutIsRefused) {
    EXPECT_TRUE(validate(good_spec()).has_value());
    const auto refused = [](auto change) {
        NodeSpec spec = good_spec();
        change(spec);
        return !validate(spec).has_value();
    };
    EXPECT_TRUE(refused([](NodeSpec& s) { s.cluster.clear(); }));
    EXPECT_TRUE(refused([](NodeSpec& s) { s.generation.clear(); }));
    EXPECT_TRUE(refused([](NodeSpec& s) { s.cluster = "a\nend"; }));
    EXPECT_TRUE(refused([](NodeSpec& s) { s.sid = ServerId(256); }));
    EXPECT_TRUE(refused([](NodeSpec& s) { s.install_dir = "opt"; }));
    EXPECT_TRUE(refused([](NodeSpec& s) { s.data_dir = "/"; }));
    EXPECT_TRUE(refused([](NodeSpec& s) { s.log_dir = "/a/../etc"; }));
    EXPECT_TRUE(refused([](NodeSpec& s) { s.files[0].path = "/x/.."; }));
    EXPECT_TRUE(refused([](NodeSpec& s) { s.files.clear(); }));
    EXPECT_TRUE(refused([](NodeSpec& s) { s.release.version = "../x"; }));
    EXPECT_TRUE(refused([](NodeSpec& s) { s.release.sha256 = "abc"; }));
    EXPECT_TRUE(refused([](NodeSpec& s) { s.user = "a b"; }));
    EXPECT_TRUE(refused([](NodeSpec& s) { s.server_unit = "a/b.service"; }));
    EXPECT_TRUE(refused([](NodeSpec& s) { s.election_port = 0; }));
}

TEST(NodeFacts, JsonBothWays) {
    NodeFacts facts;
    facts.hostname = "h";
    RecordedIdentity identity;
    identity.cluster = "demo";
    identity.sid = ServerId(3);
    identity.formed = true;
    identity.recorded_at = WallMs(5);
    facts.identity = identity;
    facts.data.state = DataState::data;
    facts.data.myid = ServerId(3);
    facts.data.current_epoch = Epoch(7);
    facts.space = {{"/a", 1ULL << 60, 2, true}};
    facts.paths = {{"/a", "x", 0755, "root:root", true}};
    facts.ports = {{2181, "java (4)", false}};
    facts.units = {{"zookeeper.service", "active", true, 4, WallMs(9)}};
    facts.pending = {"restart-server"};
    const auto back = parse_node_facts(to_json(facts));
    ASSERT_TRUE(back.has_value());
    EXPECT_EQ(*back, facts);
    EXPECT_EQ(back->unit("zookeeper.service")->pid, 4);
    EXPECT_EQ(back->path("/b"), nullptr);
    EXPECT_EQ(*parse_recorded_identity(to_json(identity)), identity);
}

TEST(NodeHealth, JsonBothWays) {
    NodeHealth health;
    health.sid = ServerId(1);
    health.verdict = NodeVerdict::stuck;
    health.role = Role::leader;
    health.epoch = Epoch(4);
    health.zxid = Zxid(Epoch(4), 17);
    health.vote = VoteHealth{ServerId(1), Zxid(5), std::nullopt, 7};
    health.history = {{WallMs(1), Role::looking, std::nullopt, std::nullopt},
                      {WallMs(2), Role::leader, Epoch(4), ServerId(1)}};
    health.source = HealthSource::fourlw;
    health.conflict = {ConflictKind::process, "port 2181 is held"};
    health.answered_sid = ServerId(3);
    health.members = {"server.1=h:1:2:participant"};
    health.connections = 0;
    const auto back = parse_node_health(to_json(health));
    ASSERT_TRUE(back.has_value());
    EXPECT_EQ(*back, health);
    EXPECT_EQ(back->connections, 0U);
    EXPECT_FALSE(back->znodes);
    EXPECT_EQ(*parse_history(to_json(health.history)), health.history);
    // An agent from before does not know of conflicts.
    const auto older = parse_node_health(R"({"sid":1,"verdict":"serving","connections":4})");
    ASSERT_TRUE(older.has_value());
    EXPECT_FALSE(older->conflict || older->answered_sid);
    EXPECT_EQ(older->connections, 4U);
}

}  // namespace
}  // namespace zk::agent_api
