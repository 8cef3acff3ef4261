#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "node_plan/node_plan.h"
#include "node_plan_fixture.h"

namespace zk::node_plan {
namespace {

using agent_api::AgentErrc;
using agent_api::AgentError;
using agent_api::Manager;
using agent_api::NodeFacts;
using agent_api::NodeSpec;
using agent_api::OutsideLeave;
using agent_api::PathFact;
using testing::ElementsAre;

agent_api::ContainerSpec container_spec() {
    agent_api::ContainerSpec container;
    container.engine = "/run/docker.sock";
    container.name = "demo-2";
    container.image = "zkserver:1";
    container.network = {agent_api::NetworkDriver::bridge, "zoonet", "172.18.0.0/16", "172.18.0.1"};
    container.address = "172.18.0.3";
    container.binds = {{"/opt/zk/data", "/data", false},
                       {"/opt/zk/logs", "/datalog", false},
                       {"/opt/zk/conf", "/conf", true}};
    container.labels = {{"zkprov.cluster", "demo"}, {"zkprov.sid", "2"}};
    return container;
}

NodeSpec docker_spec() {
    NodeSpec spec = make_spec();
    spec.manager = Manager::docker;
    spec.user = spec.group = "";
    spec.server_unit = "demo-2";
    spec.agent_path = "/opt/zk/bin/zkprov-agent";
    spec.container = container_spec();
    std::erase_if(spec.files,
                  [](const auto& file) { return file.path.ends_with("/zookeeper.service"); });
    return spec;
}

NodeFacts docker_facts(const NodeSpec& spec) {
    NodeFacts facts = settled_facts(spec);
    facts.release_sha256 = facts.running_sha256 = facts.release_target = "";
    facts.units[0].name = "demo-2";
    facts.units[0].enabled = false;  // as its policy says, which is no matter of a unit
    auto& container = facts.container.emplace();
    container.image_id = container.container_image_id = "sha256:1";
    container.exists = container.ours = true;
    container.spec_hash = hash_of(*spec.container);
    container.networks = {{"bridge", "bridge", "172.17.0.0/16", "172.17.0.1"},
                          {"zoonet", "bridge", "172.18.0.0/16", "172.18.0.1"}};
    return facts;
}

TEST(NodePlanDocker, NothingToDoIsAnEmptyList) {
    const NodeSpec spec = docker_spec();
    EXPECT_TRUE(plan_of(spec, docker_facts(spec)).steps.empty());
}

TEST(NodePlanDocker, TheFirstTimeTheNetworkComesBeforeTheContainer) {
    const NodeSpec spec = docker_spec();
    NodeFacts facts = docker_facts(spec);
    facts.container->exists = facts.container->ours = false;
    facts.container->networks.pop_back();
    facts.units[0].state = "missing";
    const NodePlan plan = plan_of(spec, facts);
    EXPECT_THAT(
        kinds(plan),
        ElementsAre(StepKind::make_network, StepKind::make_container, StepKind::start_server));
    EXPECT_TRUE(plan.starts_server);
    EXPECT_FALSE(plan.restarts_server);
    EXPECT_EQ(plan.steps[1].words(), "make the container demo-2: it does not exist");
}

TEST(NodePlanDocker, AnotherSettingOrImageMakesAnotherContainer) {
    const NodeSpec spec = docker_spec();
    NodeFacts facts = docker_facts(spec);
    facts.container->spec_hash = "other";
    NodePlan plan = plan_of(spec, facts);
    EXPECT_THAT(kinds(plan), ElementsAre(StepKind::make_container, StepKind::start_server));
    EXPECT_TRUE(plan.restarts_server);
    facts = docker_facts(spec);
    facts.container->image_id = "sha256:2";
    plan = plan_of(spec, facts);
    EXPECT_THAT(kinds(plan), ElementsAre(StepKind::make_container, StepKind::start_server));
    EXPECT_TRUE(plan.restarts_server);
}

TEST(NodePlanDocker, AnotherZooCfgRestartsTheSameContainer) {
    NodeSpec spec = docker_spec();
    const NodeFacts facts = docker_facts(spec);
    spec.files[0].content = "other";
    const NodePlan plan = plan_of(spec, facts);
    EXPECT_THAT(
        kinds(plan),
        ElementsAre(StepKind::write_file, StepKind::restart_server, StepKind::record_applied));
}

TEST(NodePlanDocker, AnArchiveIsLoadedWhereTheImageCameFromElsewhere) {
    NodeSpec spec = docker_spec();
    spec.container->archive_sha256 = std::string(64, 'b');
    NodeFacts facts = docker_facts(spec);
    EXPECT_THAT(
        kinds(plan_of(spec, facts)),
        ElementsAre(StepKind::load_image, StepKind::make_container, StepKind::start_server));
    facts.container->archive_sha256 = spec.container->archive_sha256;
    EXPECT_TRUE(plan_of(spec, facts).steps.empty());
}

TEST(NodePlanDocker, AnotherFlavorIsAnotherContainerBehindACopyOfTheData) {
    const NodeSpec spec = docker_spec();
    NodeFacts facts = docker_facts(spec);
    facts.release_flavor = facts.container->flavor = "apache";
    facts.container->spec_hash = "other";
    facts.data.copy_bytes = 5ULL << 30;
    facts.space = {{"/opt/zk/data", 6ULL << 30, 9ULL << 30, false}};
    auto decision = make_plan(spec, facts, false, Copy::yes);
    ASSERT_TRUE(std::holds_alternative<NodePlan>(decision));
    const NodePlan& plan = std::get<NodePlan>(decision);
    using enum StepKind;
    EXPECT_THAT(kinds(plan), ElementsAre(stop_server, copy_data, make_container, start_server));
    EXPECT_TRUE(plan.restarts_server);
    EXPECT_THAT(plan.steps[2].words(),
                testing::HasSubstr("another server takes its place, apache is there"));
    facts.space[0].free_bytes = 5ULL << 30;
    decision = make_plan(spec, facts, false, Copy::yes);
    ASSERT_TRUE(std::holds_alternative<AgentError>(decision));
    // The way back keeps no copy.
    decision = make_plan(spec, facts, false, Copy::no);
    ASSERT_TRUE(std::holds_alternative<NodePlan>(decision));
    EXPECT_THAT(kinds(std::get<NodePlan>(decision)), ElementsAre(make_container, start_server));
    // One that its engine starts again and again is taken away all the same.
    facts.units[0].state = "activating";
    decision = make_plan(spec, facts, false, Copy::no);
    ASSERT_TRUE(std::holds_alternative<NodePlan>(decision));
    EXPECT_THAT(kinds(std::get<NodePlan>(decision)), ElementsAre(make_container, start_server));
}

TEST(NodePlanDocker, AnotherImageOfTheSameServerIsNoMove) {
    const NodeSpec spec = docker_spec();
    NodeFacts facts = docker_facts(spec);
    facts.release_flavor = facts.container->flavor = "zkserver";
    facts.container->image_id = "sha256:2";
    const auto decision = make_plan(spec, facts, false, Copy::yes);
    ASSERT_TRUE(std::holds_alternative<NodePlan>(decision));
    const NodePlan& plan = std::get<NodePlan>(decision);
    EXPECT_THAT(kinds(plan), ElementsAre(StepKind::make_container, StepKind::start_server));
    EXPECT_THAT(plan.steps[0].words(), testing::HasSubstr("its image changes"));
}

std::string docker_refusal(const NodeSpec& spec, const NodeFacts& facts) {
    auto decision = make_plan(spec, facts, false);
    auto* error = std::get_if<AgentError>(&decision);
    return error == nullptr ? "not refused" : error->words;
}

TEST(NodePlanDocker, WhatIsInTheWayIsSaidBeforeAnythingChanges) {
    const NodeSpec spec = docker_spec();
    using testing::HasSubstr;
    NodeFacts facts = docker_facts(spec);
    facts.container->failure = "there is no Docker engine";
    EXPECT_THAT(docker_refusal(spec, facts), HasSubstr("there is no Docker engine"));
    facts = docker_facts(spec);
    facts.container->ours = false;
    facts.container->data_user = "zk2";
    EXPECT_THAT(docker_refusal(spec, facts),
                HasSubstr("the container zk2 runs on the data in /opt/zk/data, and it is not this "
                          "node's"));
    EXPECT_THAT(docker_refusal(spec, facts), HasSubstr("docker stop zk2; then zkprov apply"));
    facts.container->data_user = "demo-2";
    EXPECT_THAT(docker_refusal(spec, facts),
                HasSubstr("docker rename demo-2 demo-2.before-zkprov; then"));
    facts = docker_facts(spec);
    facts.container->ours = false;
    facts.container->holder = "server 1 of other";
    EXPECT_THAT(docker_refusal(spec, facts),
                HasSubstr("it is server 1 of other; it is not touched"));
    facts = docker_facts(spec);
    facts.container->image_id = "";
    EXPECT_THAT(docker_refusal(spec, facts), HasSubstr("the image zkserver:1 is not on this host"));
    facts = docker_facts(spec);
    facts.data = {};
    facts.data.myid = ServerId(3);
    EXPECT_THAT(docker_refusal(spec, facts),
                HasSubstr("/opt/zk/data/myid says 3, this is server 2"));
    facts = docker_facts(spec);
    facts.ports[0].ours = false;
    EXPECT_EQ(refusal(spec, facts), AgentErrc::port_taken);
    facts = docker_facts(spec);
    facts.uid = 1000;
    EXPECT_EQ(refusal(spec, facts), AgentErrc::no_right);
    facts = docker_facts(spec);
    facts.systemd = false;
    EXPECT_EQ(refusal(spec, facts), AgentErrc::unsupported);
}

TEST(NodePlanDocker, ASubnetMayNotOverlapAndANetworkIsAsItWasWritten) {
    const NodeSpec spec = docker_spec();
    using testing::HasSubstr;
    NodeFacts facts = docker_facts(spec);
    facts.container->networks[1].gateway = "172.18.0.254";
    EXPECT_THAT(docker_refusal(spec, facts), HasSubstr("is there already as bridge 172.18.0.0/16"));
    facts.container->networks[1] = {"other", "bridge", "172.18.4.0/24", "172.18.4.1"};
    EXPECT_THAT(docker_refusal(spec, facts),
                HasSubstr("overlaps with the network other (172.18.4.0/24)"));
    facts.container->networks.pop_back();
    facts.container->routes = {{"eth1", "", "172.16.0.0/12", ""}};
    EXPECT_THAT(docker_refusal(spec, facts),
                HasSubstr("overlaps with a route of this host, behind eth1 (172.16.0.0/12)"));
    facts.container->routes = {{"eth1", "", "172.19.0.0/16", ""}};
    EXPECT_THAT(kinds(plan_of(spec, facts)), ElementsAre(StepKind::make_network));
}

TEST(NodePlanDocker, WithoutUnitsTheAgentIsAProcessOfItsOwn) {
    NodeSpec spec = docker_spec();
    NodeFacts facts = docker_facts(spec);
    spec.agent_path = "";
    facts.identity->spec_hash = hash_of(spec);
    facts.systemd = false;
    facts.installed_agent_sha256 = "";
    EXPECT_TRUE(plan_of(spec, facts).steps.empty());
    facts.resident_agent = false;
    EXPECT_THAT(kinds(plan_of(spec, facts)), ElementsAre(StepKind::start_agent));
}

/// Somebody else's container serves from the directories of `spec`.
NodeFacts theirs_facts(const NodeSpec& spec, const std::string& name) {
    NodeFacts facts = docker_facts(spec);
    facts.identity.reset();
    facts.resident_agent = false;
    facts.installed_agent_sha256 = facts.resident_agent_sha256 = "";
    facts.units[0] = {"demo-2", "missing", false, 0, {}};
    facts.units[1] = {"zkprov-agent.service", "missing", false, 0, {}};
    std::erase_if(facts.paths, [&](const PathFact& path) {
        return path.path.starts_with("/etc/") || path.path == "/opt/zk/note";
    });
    for (PathFact& path : facts.paths) {
        path.mode = path.directory ? 0777 : 0666;
        if (!path.directory) path.sha256 = "theirs";
    }
    facts.container->exists = name == spec.container->name;
    facts.container->ours = false;
    facts.container->spec_hash = facts.container->container_image_id = "";
    facts.container->data_user = name;
    facts.outside.emplace();
    facts.outside->pid = 77;
    facts.outside->parent = 4711;
    facts.outside->parent_name = "containerd-shim";
    facts.outside->container = true;
    facts.outside->held_by = agent_api::OutsideContainer{"id", name, "always", 0, {}};
    return facts;
}
/// ... and was adopted.
NodeFacts adopted_facts(const NodeSpec& spec, const std::string& name) {
    NodeFacts facts = theirs_facts(spec, name);
    const NodeFacts settled = docker_facts(spec);
    for (const PathFact& path : settled.paths) {
        if (spec.waits_for_unit(path.path)) continue;
        std::erase_if(facts.paths, [&](const PathFact& each) { return each.path == path.path; });
        facts.paths.push_back(path);
    }
    facts.identity = settled.identity;
    facts.resident_agent = true;
    facts.installed_agent_sha256 = facts.resident_agent_sha256 = "agent";
    facts.units[1] = settled.units[1];
    return facts;
}

TEST(NodePlanDocker, AContainerOfSomebodyElseIsInTheWayUnlessItIsAdopted) {
    const NodeSpec spec = docker_spec();
    EXPECT_THAT(docker_refusal(spec, theirs_facts(spec, "zk2")),
                testing::HasSubstr("the container zk2 serves from /opt/zk/data already, and zkprov "
                                   "did not start it; zkprov apply --adopt takes it in"));
    const auto over =
        make_plan(spec, theirs_facts(spec, "zk2"), false, Copy::no, OutsideLeave::take_over);
    EXPECT_TRUE(std::holds_alternative<AgentError>(over));
    // A unit's server is no container's.
    NodeFacts facts = theirs_facts(spec, "zk2");
    facts.outside->held_by.reset();
    NodeSpec unit = make_spec();
    EXPECT_THAT(docker_refusal(unit, facts), testing::HasSubstr("does not say runtime: docker"));
}

TEST(NodePlanDocker, AnAdoptedContainerAndWhatItReadsAreLeftAlone) {
    const NodeSpec spec = docker_spec();
    for (const char* name : {"zk2", "demo-2"}) {
        const NodePlan plan = plan_with(spec, theirs_facts(spec, name), OutsideLeave::adopt);
        using enum StepKind;
        EXPECT_THAT(kinds(plan),
                    ElementsAre(make_directory,
                                write_file,
                                write_file,
                                install_agent,
                                record_identity,
                                reload_systemd,
                                enable_unit,
                                start_agent,
                                record_applied));
        for (const Step& step : plan.steps) {
            EXPECT_FALSE(spec.waits_for_unit(step.target)) << step.words();
        }
        EXPECT_FALSE(plan.restarts_server);
        EXPECT_FALSE(plan.starts_server);
        const NodeFacts after = adopted_facts(spec, name);
        EXPECT_TRUE(plan_with(spec, after, OutsideLeave::known).steps.empty());
        EXPECT_TRUE(plan_with(spec, after, OutsideLeave::adopt).steps.empty());
    }
}

TEST(NodePlanDocker, ATakeOverMakesTheContainerInTheirsPlace) {
    const NodeSpec spec = docker_spec();
    for (const char* name : {"zk2", "demo-2"}) {
        const NodePlan plan = plan_with(spec, adopted_facts(spec, name), OutsideLeave::take_over);
        using enum StepKind;
        EXPECT_THAT(kinds(plan),
                    ElementsAre(stop_outside,
                                make_directory,
                                make_directory,
                                write_file,
                                write_file,
                                make_container,
                                start_server));
        EXPECT_TRUE(plan.restarts_server);
        EXPECT_EQ(
            plan.steps[0].words(),
            "stop the container " + std::string(name) + ": zkprov's own container takes its place");
        EXPECT_EQ(plan.steps[5].words(),
                  "make the container demo-2: it takes the place of " + std::string(name));
    }
}

/// Its settings are not those of the specification in any case, and nobody asked for a restart.
TEST(NodePlanDocker, AChangeDoesNotTakeAnAdoptedContainerOver) {
    NodeSpec spec = docker_spec();
    const NodeFacts facts = adopted_facts(spec, "zk2");
    spec.container->restart = "always";
    spec.files[0].content = "another zoo.cfg";
    const NodePlan plan = plan_with(spec, facts, OutsideLeave::known);
    ASSERT_THAT(kinds(plan), ElementsAre(StepKind::record_applied));
    EXPECT_EQ(plan.steps[0].why, "the specification is what a take-over will bring about");
}

}  // namespace
}  // namespace zk::node_plan
