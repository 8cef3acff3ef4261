#include "agent_host/containers.h"

#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent_api/agent_errc.h"
#include "agent_host/node_control.h"
#include "agent_host/posix.h"
#include "fake_engine.h"

namespace zk::agent_host {
namespace {

using agent_api::AgentErrc;
using agent_api::NodeSpec;
using agent_api::SubnetFact;
using testing::ElementsAre;
using testing::HasSubstr;

class Containers : public testing::Test {
  protected:
    Containers() : state_(fake_.directory() + "/state") {
        EXPECT_TRUE(state_.prepare().has_value());
        fake_.images["zkserver:1"] = "sha256:1";
        spec_.cluster = "demo";
        spec_.generation = "g-1";
        spec_.sid = ServerId(2);
        auto& container = spec_.container.emplace();
        container.engine = fake_.socket();
        container.name = "demo-2";
        container.image = "zkserver:1";
        container.network = {
            agent_api::NetworkDriver::bridge, "zoonet", "172.18.0.0/16", "172.18.0.1"};
        container.address = "172.18.0.3";
        container.ports = {{2182, 2181}};
        container.labels = {
            {"zkprov.cluster", "demo"}, {"zkprov.sid", "2"}, {"zkprov.flavor", "zkserver"}};
        container.restart = "always";
    }

    [[nodiscard]] agent_api::ContainerSpec& container() { return *spec_.container; }

    engine::FakeEngine fake_;
    StateDir state_;
    NodeSpec spec_;
};

TEST_F(Containers, WhoeverElseRunsOnTheNodesDataIsTold) {
    container().binds = {{"/zk2/data", "/data", false}, {"/zk2/conf", "/conf", true}};
    auto& theirs = fake_.containers["zookeeper_node02"];
    theirs.id = "theirs";
    theirs.status = "running";
    theirs.sources = {"/zk2/conf", "/zk1/data"};
    EXPECT_EQ(container_facts(container(), state_).data_user, "");
    theirs.sources.emplace_back("/zk2/data");
    EXPECT_EQ(container_facts(container(), state_).data_user, "zookeeper_node02");
    theirs.status = "exited";
    EXPECT_EQ(container_facts(container(), state_).data_user, "");
    theirs.status = "running";
    theirs.sources = {"/zk2"};
    EXPECT_EQ(container_facts(container(), state_).data_user, "zookeeper_node02") << "all of it";
    theirs.sources = {"/zk2/data/version-2"};
    EXPECT_EQ(container_facts(container(), state_).data_user, "zookeeper_node02") << "a part";
    theirs.sources = {"/zk2/database", ""};
    EXPECT_EQ(container_facts(container(), state_).data_user, "");
    // Who collects logs is not a second server.
    container().binds.push_back({"/zk2/logs", "/logs", false});
    theirs.sources = {"/zk2/logs"};
    EXPECT_EQ(container_facts(container(), state_).data_user, "");
}

TEST_F(Containers, NoSecondServerIsStartedOnTheData) {
    container().binds = {{"/zk2/data", "/data", false}};
    ASSERT_TRUE(make_node_container(spec_).has_value());
    auto& theirs = fake_.containers["theirs"];
    theirs.id = "theirs";
    theirs.status = "running";
    theirs.sources = {"/zk2/data"};
    EXPECT_EQ(container_facts(container(), state_).data_user, "theirs")
        << "ours is there, and stands still";
    const auto refused = start_node_container(container());
    ASSERT_FALSE(refused.has_value());
    EXPECT_THAT(refused.error().message(), HasSubstr("the container theirs runs on the data of"));
    theirs.status = "exited";
    fake_.containers.at(container().name).sources = {"/zk2/data"};
    ASSERT_TRUE(start_node_container(container()).has_value());
    EXPECT_EQ(*other_user_of_data(container()), "") << "the node's own is no other";
}

/// Whether the node was replaced is asked before each start: an engine asks nobody (docs/PROVISIONING.md 2.6).
TEST_F(Containers, WhatMustNotStartStaysDown) {
    spec_.manager = agent_api::Manager::docker;
    // Nobody answers there: a container that runs for a while has started.
    spec_.address = "127.0.0.1";
    spec_.client_port = 1;
    ASSERT_TRUE(make_node_container(spec_).has_value());
    int asked = 0;
    std::optional<std::string> refusal = "server 2 was replaced";
    NodeControl control(spec_, state_, [&] { return ++asked, refusal; });
    const auto refused = control.start_server();
    ASSERT_FALSE(refused.has_value());
    EXPECT_EQ(agent_api::agent_errc(refused.error()), AgentErrc::identity_conflict);
    EXPECT_THAT(refused.error().message(), HasSubstr("server 2 was replaced"));
    EXPECT_EQ(fake_.containers["demo-2"].status, "created");
    refusal = std::nullopt;
    ASSERT_TRUE(control.start_server().has_value());
    EXPECT_EQ(fake_.containers["demo-2"].status, "running");
    EXPECT_EQ(asked, 2);
    // What runs is never stopped for that.
    refusal = "server 2 was replaced";
    EXPECT_TRUE(control.start_server().has_value());
    EXPECT_EQ(asked, 2);
    EXPECT_FALSE(control.restart_server().has_value());
    EXPECT_EQ(fake_.containers["demo-2"].status, "running");
}

TEST_F(Containers, FactsSayWhatThereIs) {
    auto facts = container_facts(container(), state_);
    EXPECT_EQ(facts.failure, "");
    EXPECT_EQ(facts.engine, "20.10.24, API 1.41");
    EXPECT_EQ(facts.image_id, "sha256:1");
    EXPECT_FALSE(facts.exists);
    ASSERT_TRUE(make_container_network(container()).has_value());
    ASSERT_TRUE(make_node_container(spec_).has_value());
    facts = container_facts(container(), state_);
    EXPECT_TRUE(facts.exists && facts.ours);
    EXPECT_EQ(facts.spec_hash, hash_of(container()));
    EXPECT_EQ(facts.flavor, "zkserver");
    EXPECT_EQ(facts.container_image_id, "sha256:1");
    EXPECT_EQ(facts.image, "zkserver:1");
    EXPECT_EQ(facts.image_now, "sha256:1");
    EXPECT_TRUE(facts.host_ports.empty());  // it does not run
    ASSERT_TRUE(start_node_container(container()).has_value());
    facts = container_facts(container(), state_);
    EXPECT_THAT(facts.host_ports, ElementsAre(2182));
    EXPECT_THAT(facts.networks,
                ElementsAre(SubnetFact{"zoonet", "bridge", "172.18.0.0/16", "172.18.0.1"}));
    container().engine += "x";
    facts = container_facts(container(), state_);
    EXPECT_THAT(facts.failure, HasSubstr("there is no Docker engine"));
    EXPECT_FALSE(facts.exists);
}

TEST_F(Containers, StatesAreInSystemdsWords) {
    EXPECT_EQ(container_state(container())->active, "missing");
    ASSERT_TRUE(make_node_container(spec_).has_value());
    EXPECT_EQ(container_state(container())->active, "inactive");
    ASSERT_TRUE(start_node_container(container()).has_value());
    const auto state = container_state(container());
    EXPECT_EQ(state->active, "active");
    EXPECT_EQ(state->main_pid, 4711);
    EXPECT_TRUE(state->enabled);
    fake_.containers["demo-2"].status = "restarting";
    EXPECT_EQ(container_state(container())->active, "activating");
    fake_.containers["demo-2"].status = "exited";
    fake_.containers["demo-2"].exit_code = 137;
    const auto ended = container_state(container());
    EXPECT_EQ(ended->active, "inactive");
    EXPECT_EQ(ended->exit_code, 2);
    EXPECT_EQ(ended->exit_status, 9);
}

TEST_F(Containers, ANewOneTakesThePlaceOfTheOldOne) {
    ASSERT_TRUE(make_node_container(spec_).has_value());
    ASSERT_TRUE(start_node_container(container()).has_value());
    const std::string first = fake_.containers["demo-2"].id;
    container().restart = "no";
    ASSERT_TRUE(make_node_container(spec_).has_value());
    ASSERT_EQ(fake_.containers.size(), 1U);
    EXPECT_NE(fake_.containers["demo-2"].id, first);
    EXPECT_EQ(fake_.containers["demo-2"].status, "created");
}

TEST_F(Containers, WhatTheEngineRefusesLeavesTheOldOneRunning) {
    ASSERT_TRUE(make_node_container(spec_).has_value());
    ASSERT_TRUE(start_node_container(container()).has_value());
    fake_.refuses_create = "invalid mount config";
    const auto made = make_node_container(spec_);
    ASSERT_FALSE(made.has_value());
    EXPECT_THAT(made.error().words, HasSubstr("invalid mount config"));
    EXPECT_EQ(fake_.containers["demo-2"].status, "running");
}

TEST_F(Containers, OneThatWasCutShortIsMadeAnew) {
    ASSERT_TRUE(make_node_container(spec_).has_value());
    fake_.containers["demo-2.zkprov-new"] = fake_.containers["demo-2"];
    fake_.containers["demo-2.zkprov-new"].id = "left";
    ASSERT_TRUE(make_node_container(spec_).has_value());
    EXPECT_EQ(fake_.containers.size(), 1U);
    EXPECT_TRUE(fake_.containers.contains("demo-2"));
}

TEST_F(Containers, ThoseOfOthersAreNotTouched) {
    NodeSpec other = spec_;
    other.container->labels[1].value = "3";
    ASSERT_TRUE(make_node_container(other).has_value());
    ASSERT_TRUE(start_node_container(*other.container).has_value());
    const auto facts = container_facts(container(), state_);
    EXPECT_TRUE(facts.exists);
    EXPECT_FALSE(facts.ours);
    EXPECT_EQ(facts.holder, "server 3 of demo");
    EXPECT_EQ(container_state(container())->active, "missing");
    for (const auto& refused : {make_node_container(spec_),
                                start_node_container(container()),
                                stop_node_container(container())}) {
        ASSERT_FALSE(refused.has_value());
        EXPECT_EQ(agent_api::agent_errc(refused.error()), AgentErrc::identity_conflict);
    }
    EXPECT_EQ(fake_.containers["demo-2"].status, "running");
    EXPECT_EQ(fake_.containers.size(), 1U);
}

TEST_F(Containers, ANetworkThatAnotherNodeMadeMeanwhileWillDo) {
    ASSERT_TRUE(make_container_network(container()).has_value());
    EXPECT_TRUE(make_container_network(container()).has_value());
    container().network.subnet = "172.19.0.0/16";
    const auto other = make_container_network(container());
    ASSERT_FALSE(other.has_value());
    EXPECT_THAT(other.error().words, HasSubstr("Pool overlaps"));
}

TEST_F(Containers, AnArchiveIsRememberedWithItsImage) {
    container().archive_sha256 = std::string(64, 'a');
    EXPECT_EQ(agent_api::agent_errc(load_container_image(container(), state_).error()),
              AgentErrc::not_found);
    std::vector<std::string> made;
    ASSERT_TRUE(make_directories(state_.blob_dir(), 0700, made).has_value());
    ASSERT_TRUE(
        write_new_file(state_.blob_file(container().archive_sha256), "tar", {}).has_value());
    fake_.loads = {{"other:1", "sha256:9"}};
    fake_.images.clear();
    EXPECT_THAT(load_container_image(container(), state_).error().words,
                HasSubstr("holds no image by the name zkserver:1"));
    fake_.loads = {{"zkserver:1", "sha256:2"}};
    ASSERT_TRUE(load_container_image(container(), state_).has_value());
    EXPECT_EQ(container_facts(container(), state_).archive_sha256, container().archive_sha256);
    // Somebody brought another one by this name.
    fake_.images["zkserver:1"] = "sha256:3";
    EXPECT_EQ(container_facts(container(), state_).archive_sha256, "");
}

TEST_F(Containers, TheImageThatOursWasMadeFromIsAskedForWhateverIsWanted) {
    ASSERT_TRUE(make_node_container(spec_).has_value());
    fake_.images["official:1"] = "sha256:7";
    container().image = "official:1";
    EXPECT_EQ(container_facts(container(), state_).image_id, "sha256:7");
    EXPECT_EQ(container_facts(container(), state_).image_now, "sha256:1");
    fake_.images["zkserver:1"] = "sha256:2";
    EXPECT_EQ(container_facts(container(), state_).image_now, "sha256:2");
    fake_.images.erase("zkserver:1");
    const auto facts = container_facts(container(), state_);
    EXPECT_EQ(facts.image, "zkserver:1");
    EXPECT_EQ(facts.image_now, "");
}

/// Without that there is no way back to it but by sending it again.
TEST_F(Containers, TheArchiveOfTheImageBeforeIsRemembered) {
    std::vector<std::string> made;
    ASSERT_TRUE(make_directories(state_.blob_dir(), 0700, made).has_value());
    const auto load = [&](const std::string& image, char digit) {
        container().image = image;
        container().archive_sha256 = std::string(64, digit);
        const std::string blob = state_.blob_file(container().archive_sha256);
        ASSERT_TRUE(exists(blob) || write_new_file(blob, "tar", {}).has_value());
        fake_.loads = {{image, "sha256:" + image}};
        ASSERT_TRUE(load_container_image(container(), state_).has_value());
    };
    const auto known = [&](const std::string& image) {
        container().image = image;
        return container_facts(container(), state_).archive_sha256;
    };
    load("official:1", 'a');
    load("zkserver:1", 'b');
    EXPECT_EQ(known("official:1"), std::string(64, 'a'));
    EXPECT_EQ(known("zkserver:1"), std::string(64, 'b'));
    // The same image out of another archive; and not without end.
    load("official:1", 'c');
    EXPECT_EQ(known("official:1"), std::string(64, 'c'));
    for (int i = 0; i < 7; ++i) load("more:" + std::to_string(i), 'd');
    EXPECT_EQ(known("official:1"), std::string(64, 'c'));
    load("more:7", 'd');
    EXPECT_EQ(known("official:1"), "");
}

TEST(Routes, AreThoseOfInterfacesWithoutTheDefault) {
    const std::string text =
        "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n"
        "eth0\t00000000\t0102A8C0\t0003\t0\t0\t0\t00000000\t0\t0\t0\n"
        "eth0\t0002A8C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n"
        "br-1\t000012AC\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0\n"
        "short\n";
    EXPECT_THAT(parse_routes(text),
                ElementsAre(SubnetFact{"eth0", "", "192.168.2.0/24", ""},
                            SubnetFact{"br-1", "", "172.18.0.0/16", ""}));
}

}  // namespace
}  // namespace zk::agent_host
