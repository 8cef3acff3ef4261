// A container whose server is exchanged: the steps of such a plan against an engine in memory and a data directory on disk.
#include <algorithm>
#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent_host/containers.h"
#include "agent_host/node_executor.h"
#include "agent_host/posix.h"
#include "disk/posix_disk.h"
#include "fake_engine.h"
#include "storage/recovery.h"

namespace zk::agent_host {
namespace {

namespace fs = std::filesystem;
using agent_api::Flavor;
using agent_api::NodeFacts;
using agent_api::NodeSpec;
using node_plan::NodePlan;
using node_plan::StepKind;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

class ContainerMoves : public testing::Test {
  protected:
    ContainerMoves() : place_(fake_.directory() + "/node"), state_(fake_.directory() + "/state") {
        EXPECT_TRUE(state_.prepare().has_value());
        fake_.images = {{"official:1", "sha256:1"}, {"zkserver:1", "sha256:2"}};
        apache_ = spec_of("official:1", Flavor::apache);
        ours_ = spec_of("zkserver:1", Flavor::zkserver);
    }
    /// Apache's server runs, as it was applied.
    void SetUp() override {
        fs::create_directories(place_);
        disk::PosixDisk disk;
        const storage::Paths paths{apache_.data_dir, apache_.log_dir};
        const auto made = storage::recover(disk, paths, {});
        ASSERT_TRUE(made.has_value()) << made.error().message();
        std::ofstream(apache_.data_dir + "/myid") << "2\n";
        ASSERT_TRUE(state_.save_spec(apache_).has_value());
        ASSERT_TRUE(make_node_container(apache_).has_value());
        ASSERT_TRUE(start_node_container(*apache_.container).has_value());
    }
    [[nodiscard]] NodeSpec spec_of(const std::string& image, Flavor flavor) const {
        NodeSpec spec;
        spec.cluster = "demo";
        spec.generation = "g-1";
        spec.sid = ServerId(2);
        spec.manager = agent_api::Manager::docker;
        spec.server_unit = "demo-2";
        spec.install_dir = place_;
        spec.data_dir = place_ + "/data";
        spec.log_dir = place_ + "/datalog";
        spec.conf_path = place_ + "/conf/zoo.cfg";
        spec.release = {"container", std::string(64, 'a'), 0, flavor};
        // Nobody answers there: a container that runs for a while has started.
        spec.address = "127.0.0.1";
        spec.client_port = 1;
        auto& container = spec.container.emplace();
        container.engine = fake_.socket();
        container.name = "demo-2";
        container.image = image;
        container.labels = {{"zkprov.cluster", "demo"},
                            {"zkprov.sid", "2"},
                            {"zkprov.flavor", std::string(to_string(flavor))}};
        container.restart = "always";
        return spec;
    }
    agent_api::ApplyDone run(const NodeSpec& spec, const std::vector<StepKind>& kinds) {
        NodePlan plan;
        for (const StepKind kind : kinds) plan.steps.push_back({kind, "demo-2", "of the test"});
        const NodeFacts facts;
        return NodeExecutor(spec, facts, state_, [](const agent_api::Event&) {}).run(plan);
    }
    agent_api::ApplyDone move() {
        return run(ours_,
                   {StepKind::stop_server,
                    StepKind::copy_data,
                    StepKind::make_container,
                    StepKind::start_server});
    }
    [[nodiscard]] std::vector<std::string> copies() const {
        std::vector<std::string> names;
        for (const auto& entry : fs::directory_iterator(place_)) {
            const std::string name = entry.path().filename().string();
            if (name.find(".before-") != std::string::npos) names.push_back(name);
        }
        return names;
    }
    [[nodiscard]] std::string image_that_runs() {
        const auto& container = fake_.containers["demo-2"];
        return container.status == "running" ? container.image_id : "none: " + container.status;
    }

    engine::FakeEngine fake_;
    std::string place_;
    StateDir state_;
    NodeSpec apache_;
    NodeSpec ours_;
};

TEST_F(ContainerMoves, AnotherImageTakesThePlaceBehindACopy) {
    fake_.asked.clear();
    const auto done = move();
    ASSERT_FALSE(done.error) << done.error->words;
    EXPECT_EQ(image_that_runs(), "sha256:2");
    EXPECT_EQ(fake_.containers.size(), 1U);
    EXPECT_THAT(copies(), SizeIs(2));
    EXPECT_THAT(done.steps[1].words, HasSubstr("/data.before-zkserver-"));
    const auto at = [&](const std::string& words) {
        return std::ranges::find_if(
                   fake_.asked,
                   [&](const std::string& each) { return each.find(words) != std::string::npos; }) -
               fake_.asked.begin();
    };
    EXPECT_LT(at("/stop"), at("/create"));
    // The way back is what was applied before.
    const auto before = state_.load_before();
    ASSERT_TRUE(before.has_value() && *before);
    EXPECT_EQ((*before)->container->image, "official:1");
    const auto back = run(**before, {StepKind::make_container, StepKind::start_server});
    ASSERT_FALSE(back.error) << back.error->words;
    EXPECT_EQ(image_that_runs(), "sha256:1");
    EXPECT_EQ((*state_.load_spec())->release.flavor, Flavor::apache);
    EXPECT_THAT(copies(), SizeIs(2));
}

TEST_F(ContainerMoves, DataThatCannotBeCopiedLeaveTheOldServerRunning) {
    std::ofstream(apache_.data_dir + "/version-2/snapshot.0") << "not a snapshot";
    const auto done = move();
    ASSERT_TRUE(done.error);
    EXPECT_THAT(done.error->words, HasSubstr("snapshot.0"));
    EXPECT_EQ(image_that_runs(), "sha256:1");
    EXPECT_THAT(copies(), IsEmpty());
    EXPECT_EQ((*state_.load_spec())->container->image, "official:1");
}

/// The old one has stopped by then, and is there to be started again.
TEST_F(ContainerMoves, WhatTheEngineRefusesLeavesTheWayBack) {
    fake_.refuses_create = "no such thing";
    const auto done = move();
    ASSERT_TRUE(done.error);
    EXPECT_THAT(done.error->words, HasSubstr("no such thing"));
    EXPECT_EQ(image_that_runs(), "none: exited");
    const auto back = run(apache_, {StepKind::start_server});
    ASSERT_FALSE(back.error) << back.error->words;
    EXPECT_EQ(image_that_runs(), "sha256:1");
}

}  // namespace
}  // namespace zk::agent_host
