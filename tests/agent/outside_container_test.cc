// A container that somebody else made, on the data of a node: found, ended for zkprov's own, and brought back.
#include "agent_host/outside_container.h"

#include <algorithm>
#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent_host/containers.h"
#include "agent_host/node_control.h"
#include "agent_host/node_executor.h"
#include "agent_host/node_log.h"
#include "agent_host/posix.h"
#include "fake_engine.h"

namespace zk::agent_host {
namespace {

namespace fs = std::filesystem;
using agent_api::NodeFacts;
using agent_api::NodeSpec;
using agent_api::OutsideServer;
using node_plan::NodePlan;
using node_plan::StepKind;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr const char* kTheirs =
    "dataDir=/data\ndataLogDir=/"
    "datalog\nserver.1=zk1:2888:3888;2181\nserver.2=zk2:2888:3888;2181\n";

class OutsideContainer : public testing::Test {
  protected:
    OutsideContainer() : place_(fake_.directory() + "/zk2"), state_(fake_.directory() + "/state") {
        EXPECT_TRUE(state_.prepare().has_value());
        fake_.images["zkserver:1"] = "sha256:2";
        for (const char* each : {"/data", "/datalog", "/conf"}) {
            fs::create_directories(place_ + each);
        }
        spec_.cluster = "demo";
        spec_.generation = "g-1";
        spec_.sid = ServerId(2);
        spec_.manager = agent_api::Manager::docker;
        spec_.server_unit = "zk2";
        spec_.install_dir = place_;
        spec_.data_dir = place_ + "/data";
        spec_.log_dir = place_ + "/datalog";
        spec_.conf_path = place_ + "/conf/zoo.cfg";
        spec_.release = {"container", std::string(64, 'a'), 0, agent_api::Flavor::zkserver};
        // Nobody answers there: a container that runs for a while has started.
        spec_.address = "127.0.0.1";
        spec_.client_port = 1;
        auto& container = spec_.container.emplace();
        container.engine = fake_.socket();
        container.name = "zk2";
        container.image = "zkserver:1";
        container.binds = {{spec_.data_dir, "/data", false},
                           {spec_.log_dir, "/datalog", false},
                           {place_ + "/conf", "/conf", true}};
        container.labels = {
            {"zkprov.cluster", "demo"}, {"zkprov.sid", "2"}, {"zkprov.flavor", "zkserver"}};
        container.restart = "always";
        theirs("zk2");
    }
    /// As a guide's line makes it.
    void theirs(const std::string& name, const std::string& program = "zkServer.sh") {
        fake_.containers.clear();
        auto& container = fake_.containers[name];
        container.id = "theirs";
        container.status = "running";
        container.sources = {spec_.data_dir, spec_.log_dir, place_ + "/conf"};
        container.inspected =
            R"({"Id": "theirs", "Name": "/@NAME@", "State": {"Pid": 0}, "Path": "/docker-entrypoint.sh",
                "Args": [")" +
            program + R"(", "start-foreground"],
                "Config": {"Image": "zookeeper:3.9.4", "Labels": {}, "Env": ["ZOO_MY_ID=2",
                  "ZOO_SERVERS=server.1=zk1:2888:3888;2181 server.2=zk2:2888:3888;2181"]},
                "HostConfig": {"NetworkMode": "zoonet",
                  "RestartPolicy": {"Name": "on-failure", "MaximumRetryCount": 7},
                  "PortBindings": {"2181/tcp": [{"HostIp": "", "HostPort": "2182"}]}},
                "NetworkSettings": {"Networks": {"zoonet": {"IPAddress": "172.18.0.3"}}},
                "Mounts": [{"Type": "bind", "Source": ")" +
            place_ +
            R"(/data", "Destination": "/data", "RW": true}, {"Type": "bind", "Source": ")" +
            place_ +
            R"(/datalog", "Destination": "/datalog", "RW": true}, {"Type": "bind", "Source": ")" +
            place_ + R"(/conf", "Destination": "/conf", "RW": true}]})";
    }
    std::optional<OutsideServer> find() {
        auto found = find_outside_container(*spec_.container);
        EXPECT_TRUE(found.has_value()) << found.error().message();
        return found.has_value() ? *std::move(found) : std::nullopt;
    }
    /// A take-over, as far as it is about containers.
    agent_api::ApplyDone take_over() {
        NodePlan plan;
        for (const StepKind kind : {StepKind::stop_outside,
                                    StepKind::write_file,
                                    StepKind::make_container,
                                    StepKind::start_server}) {
            const bool file = kind == StepKind::write_file;
            plan.steps.push_back({kind, file ? spec_.conf_path : "zk2", "of the test"});
        }
        NodeFacts facts;
        facts.outside = find();
        EXPECT_TRUE(facts.outside);
        spec_.files = {{spec_.conf_path, 0644, "", "ours\n", agent_api::FileKind::config}};
        return NodeExecutor(spec_, facts, state_, [](const agent_api::Event&) {}).run(plan);
    }
    [[nodiscard]] std::string zoo_cfg() const { return *read_file(spec_.conf_path); }
    [[nodiscard]] std::string names() {
        std::string text;
        for (const auto& [name, container] : fake_.containers) {
            text += name + " " + container.id.substr(0, 6) + " " + container.status + ", ";
        }
        return text;
    }

    engine::FakeEngine fake_;
    std::string place_;
    StateDir state_;
    NodeSpec spec_;
};

TEST_F(OutsideContainer, AServerOnTheNodesDataIsFoundWithItsMembers) {
    const auto found = find();
    ASSERT_TRUE(found && found->held_by);
    EXPECT_EQ(*found->held_by,
              (agent_api::OutsideContainer{"theirs", "zk2", "on-failure", 7, {2182}}));
    EXPECT_EQ(found->flavor, "apache");
    EXPECT_THAT(found->members, ElementsAre("1=zk1:2888:3888", "2=zk2:2888:3888"));
    EXPECT_EQ(words_of(*found), "the container zk2");
}

TEST_F(OutsideContainer, WhatIsNoServerOfTheNodeIsNone) {
    theirs("backup", "tar");
    EXPECT_FALSE(find()) << "another program";
    theirs("zk2");
    fake_.containers["zk2"].status = "exited";
    EXPECT_FALSE(find()) << "it does not run";
    theirs("zk2");
    spec_.container->binds[1].source = place_ + "/elsewhere";
    EXPECT_FALSE(find()) << "its log is not the node's";
    fake_.containers.clear();
    EXPECT_FALSE(find());
}

TEST_F(OutsideContainer, ItGivesWayAndStaysAndIsNotStartedAgain) {
    std::ofstream(spec_.conf_path) << kTheirs;
    const auto done = take_over();
    ASSERT_FALSE(done.error) << done.error->words;
    EXPECT_EQ(names(), "zk2 c1ffff running, zk2.before-zkprov theirs exited, ");
    EXPECT_EQ(fake_.containers.at("zk2.before-zkprov").updated,
              R"({"RestartPolicy":{"Name":"no","MaximumRetryCount":0}})");
    EXPECT_EQ(zoo_cfg(), "ours\n");
    EXPECT_EQ(*read_file(spec_.conf_path + ".before-zkprov"), kTheirs);
    // A host that falls in between must not start two.
    const auto at = [&](const std::string& words) {
        return std::ranges::find_if(fake_.asked, [&](const std::string& each) {
            return each.find(words) != std::string::npos;
        });
    };
    EXPECT_LT(at("/theirs/update"), at("/theirs/stop"));
    EXPECT_LT(at("/theirs/stop"), at("/create"));
    EXPECT_FALSE(find());
}

TEST_F(OutsideContainer, OneOfAnotherNameKeepsIt) {
    theirs("zookeeper_node02");
    ASSERT_FALSE(take_over().error);
    EXPECT_EQ(names(), "zk2 c1ffff running, zookeeper_node02 theirs exited, ");
}

TEST_F(OutsideContainer, ItServesAgainWhereZkprovsCannotBeMade) {
    std::ofstream(spec_.conf_path) << kTheirs;
    fake_.refuses_create = "no such thing";
    const auto done = take_over();
    ASSERT_TRUE(done.error);
    EXPECT_THAT(done.error->words, HasSubstr("no such thing; the container zk2 serves again"));
    EXPECT_EQ(names(), "zk2 theirs running, ");
    EXPECT_EQ(fake_.containers.at("zk2").updated,
              R"({"RestartPolicy":{"Name":"on-failure","MaximumRetryCount":7}})");
    EXPECT_EQ(zoo_cfg(), kTheirs);
    // And the next try finds it as this one did.
    fake_.refuses_create.clear();
    ASSERT_FALSE(take_over().error);
    EXPECT_EQ(names(), "zk2 c1ffff running, zk2.before-zkprov theirs exited, ");
}

TEST_F(OutsideContainer, ItServesAgainWhereZkprovsDoesNotStart) {
    fake_.ends_at_once = true;
    const auto done = take_over();
    ASSERT_TRUE(done.error);
    EXPECT_EQ(done.error->code, agent_api::AgentErrc::start_failed);
    fake_.ends_at_once = false;
    EXPECT_EQ(names(), "zk2 theirs running, ");
}

TEST_F(OutsideContainer, ACutInTheMiddleIsGoneOnWith) {
    const auto found = find();
    ASSERT_TRUE(found);
    // Renamed, and not stopped.
    fake_.containers["zk2.before-zkprov"] = fake_.containers.at("zk2");
    fake_.containers.erase("zk2");
    ASSERT_FALSE(take_over().error);
    EXPECT_EQ(names(), "zk2 c1ffff running, zk2.before-zkprov theirs exited, ");
}

TEST_F(OutsideContainer, CommandsOfTheNodeAreAboutIt) {
    NodeControl control(spec_, state_);
    const auto refused = control.restart_server();
    ASSERT_FALSE(refused.has_value());
    EXPECT_THAT(
        refused.error().message(),
        HasSubstr("the container zk2 was not started by zkprov, and is not restarted by it"));
    EXPECT_TRUE(control.start_server().has_value()) << "it runs";
    EXPECT_EQ(names(), "zk2 theirs running, ");
    fake_.containers.at("zk2").logged = {{1'700'000'000'000'000'000, "theirs\n"}};
    const auto log = read_node_log(spec_, state_, {});
    ASSERT_TRUE(log.has_value()) << log.error().message();
    EXPECT_EQ(log->source, "the container zk2");
    ASSERT_EQ(log->lines.size(), 1U);
    ASSERT_TRUE(control.stop().has_value());
    EXPECT_EQ(names(), "zk2 theirs exited, ");
}

}  // namespace
}  // namespace zk::agent_host
