// zkprov destroy: in which order it takes an ensemble away, and when it refuses to.
#include <algorithm>

#include <boost/json.hpp>
#include <gmock/gmock.h>

#include "runner_fixture.h"

namespace zk::phases {
namespace {

using agent_api::AgentErrc;
using agent_api::AgentError;
using agent_api::RemovalStage;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::UnorderedElementsAre;

class Destroying : public Runner {
  protected:
    using Runner::Runner;
    void SetUp() override {
        ASSERT_EQ(apply(), ExitCode::done) << err;
        request.confirmed = "demo";
    }
    ExitCode destroy() {
        Console console = make_console(json);
        return run_destroy(inventory, settings, console, request);
    }
    /// What happened in these places of the story.
    std::vector<std::string> part(std::size_t from, std::size_t count) {
        if (nodes.story.size() < from + count) return {};
        const auto begin = nodes.story.begin() + static_cast<std::ptrdiff_t>(from);
        return {begin, begin + static_cast<std::ptrdiff_t>(count)};
    }
    void away(std::int64_t id) {
        nodes[id].open_error = link_error(LinkErrc::unreachable,
                                          "node " + std::to_string(id) + " (192.168.6." +
                                              std::to_string(136 + id) + "): no route");
    }
    DestroyRequest request;
    bool json = false;
};

TEST_F(Destroying, FollowersStopFirstAndTheLeaderLastThenAllOfThemGo) {
    nodes[3].has_data = nodes[1].has_data = nodes[2].has_data = true;
    EXPECT_EQ(destroy(), ExitCode::done) << err;
    ASSERT_EQ(nodes.story.size(), 9U);
    EXPECT_THAT(part(0, 3), ElementsAre("stop 1", "stop 2", "stop 3"));  // 3 leads
    EXPECT_THAT(part(3, 3), UnorderedElementsAre("remove 1", "remove 2", "remove 3"));
    EXPECT_THAT(part(6, 3), UnorderedElementsAre("leave 1", "leave 2", "leave 3"));
    EXPECT_THAT(out, HasSubstr("demo: destroyed on 3 hosts\n"));
    EXPECT_THAT(out, HasSubstr("node 2 (192.168.6.138) keeps /data: the server's data and logs\n"));
    EXPECT_TRUE(nodes[2].has_data);
}

class DestroyingOfFive : public Destroying {
  protected:
    DestroyingOfFive() : Destroying(read("nodes: [{id: 1-5, host: \"192.168.6.[137-141]\"}]\n")) {}
};

TEST_F(DestroyingOfFive, TheLeaderIsTheLastWhateverItsId) {
    nodes[5].running = false;
    nodes[4].running = false;  // so 3 leads
    EXPECT_EQ(destroy(), ExitCode::done) << err;
    EXPECT_THAT(part(0, 5), ElementsAre("stop 1", "stop 2", "stop 4", "stop 5", "stop 3"));
}

TEST_F(Destroying, AgentsAreToldWhatTheInventorySays) {
    request.data = DataFate::deleted;
    EXPECT_EQ(destroy(), ExitCode::done) << err;
    const auto& asked = nodes[2].removals.front();
    EXPECT_EQ(asked.stage, RemovalStage::look);
    EXPECT_EQ(asked.cluster, "demo");
    EXPECT_EQ(asked.sid, ServerId(2));
    EXPECT_EQ(asked.data_dir, inventory.nodes[1].data_dir);
    EXPECT_EQ(asked.log_dir, inventory.nodes[1].log_dir);
    EXPECT_EQ(asked.install_dir, inventory.nodes[1].install_dir);
    EXPECT_TRUE(asked.delete_data);
    EXPECT_TRUE(asked.own_program);  // it came over SSH
    EXPECT_FALSE(nodes[2].has_data);
    EXPECT_THAT(out, Not(HasSubstr("keeps")));
}

TEST_F(Destroying, NeedsTheEnsemblesName) {
    request.confirmed = "";
    EXPECT_EQ(destroy(), ExitCode::invalid);
    EXPECT_THAT(err, HasSubstr("--confirm demo. Nothing was changed"));
    request.confirmed = "dema";
    EXPECT_EQ(destroy(), ExitCode::invalid);
    EXPECT_EQ(err, "\"dema\" is not the name of the ensemble, demo; nothing was changed\n");
    request.confirmed = "";
    std::string question;
    ask = [&](const std::string& text) {
        question = text;
        return "yes";
    };
    EXPECT_EQ(destroy(), ExitCode::invalid);
    EXPECT_THAT(question, HasSubstr("the data stay"));
    EXPECT_EQ(nodes[2].links, 1);  // of the apply
    request.data = DataFate::deleted;
    ask = [&](const std::string& text) {
        question = text;
        return "demo";
    };
    EXPECT_EQ(destroy(), ExitCode::done) << err;
    EXPECT_THAT(question, HasSubstr("with all data: nothing brings them back"));
}

TEST_F(Destroying, OneThatRefusesIsHeardBeforeAnythingChanges) {
    nodes[3].removal_error = AgentError{AgentErrc::identity_conflict, "other directories"};
    EXPECT_EQ(destroy(), ExitCode::preflight);
    EXPECT_THAT(nodes.story, IsEmpty());
    EXPECT_TRUE(nodes[1].running);
    EXPECT_THAT(err, HasSubstr("other directories\nnothing was changed\n"));
}

TEST_F(Destroying, AnotherEnsembleOnAHostIsRefused) {
    nodes[2].applied->cluster = "prod";
    EXPECT_EQ(destroy(), ExitCode::preflight);
    EXPECT_THAT(nodes.story, IsEmpty());
    EXPECT_THAT(err, HasSubstr("the host holds server 2 of ensemble \"prod\""));
}

TEST_F(Destroying, AllHostsHaveToAnswer) {
    away(2);
    EXPECT_EQ(destroy(), ExitCode::unreachable);
    EXPECT_THAT(nodes.story, IsEmpty());
    EXPECT_THAT(err, HasSubstr("no route\nnext: bring the host back, or say --skip-unreachable"));
    EXPECT_THAT(err, HasSubstr("nothing was changed\n"));
}

TEST_F(Destroying, HostsThatAreSkippedAreNamed) {
    away(1);
    away(3);
    request.unreachable = Unreachable::skipped;
    EXPECT_EQ(destroy(), ExitCode::done) << err;
    EXPECT_THAT(nodes.story, ElementsAre("stop 2", "remove 2", "leave 2"));
    EXPECT_THAT(err, HasSubstr("node 1 (192.168.6.137) is left alone: no route\n"));
    EXPECT_THAT(out, HasSubstr("demo: destroyed on 1 host\n"));
    EXPECT_THAT(out, HasSubstr("node 3 (192.168.6.139) was left alone, with all that is there"));
}

TEST_F(Destroying, AHostThatRefusesTheLoginIsNotSkipped) {
    nodes[1].open_error = link_error(LinkErrc::login_refused, "node 1 (192.168.6.137): no key");
    request.unreachable = Unreachable::skipped;
    EXPECT_EQ(destroy(), ExitCode::login);
    EXPECT_THAT(nodes.story, IsEmpty());
}

TEST_F(Destroying, NobodyThereIsNotSuccess) {
    for (const int id : {1, 2, 3}) away(id);
    request.unreachable = Unreachable::skipped;
    EXPECT_EQ(destroy(), ExitCode::unreachable);
}

TEST_F(Destroying, AnotherRunKeepsItOut) {
    nodes[3].locked_by = agent_api::LockHolder{"demo", "apply", "bob", "ops2", 815, "", WallMs(0)};
    EXPECT_EQ(destroy(), ExitCode::busy);
    EXPECT_THAT(nodes.story, IsEmpty());
}

TEST_F(Destroying, WhatIsHalfDoneGoesOn) {
    nodes[2].removal_error = AgentError{AgentErrc::failed, "no such device"};
    nodes[2].removal_fails_at = RemovalStage::remove;
    EXPECT_EQ(destroy(), ExitCode::partly);
    EXPECT_THAT(err, HasSubstr("run the command again, it goes on\n"));
    EXPECT_THAT(nodes.story, Not(testing::Contains(testing::StartsWith("leave"))));
    nodes[2].removal_error.reset();
    nodes[1].applied.reset();  // as if its record had gone already
    EXPECT_EQ(destroy(), ExitCode::done) << err;
    EXPECT_FALSE(nodes[2].applied);
    EXPECT_FALSE(nodes[3].applied);
}

TEST_F(Destroying, AFailureToStopLeavesAllInstalled) {
    nodes[2].removal_error = AgentError{AgentErrc::failed, "does not end"};
    nodes[2].removal_fails_at = RemovalStage::stop;
    EXPECT_EQ(destroy(), ExitCode::partly);
    EXPECT_THAT(nodes.story, ElementsAre("stop 1"));
    EXPECT_TRUE(nodes[3].running);
}

TEST_F(Destroying, ASecondTimeThereIsNothing) {
    request.data = DataFate::deleted;
    EXPECT_EQ(destroy(), ExitCode::done) << err;
    EXPECT_EQ(destroy(), ExitCode::done) << err;
    EXPECT_EQ(out, "demo: nothing of it is installed on its hosts\n");
    // The agents that came with this run go as well.
    EXPECT_THAT(nodes.story, UnorderedElementsAre("leave 1", "leave 2", "leave 3"));
}

TEST_F(Destroying, ADryRunOnlySays) {
    request.dry_run = true;
    request.confirmed = "";
    request.data = DataFate::deleted;
    nodes[1].has_data = true;
    EXPECT_EQ(destroy(), ExitCode::done) << err;
    EXPECT_THAT(nodes.story, IsEmpty());
    EXPECT_EQ(nodes[1].lock_takes, 1);  // of the apply
    EXPECT_THAT(out, HasSubstr("demo: destroy would remove\n"));
    EXPECT_THAT(out, HasSubstr("node 1 (192.168.6.137): the unit zookeeper.service\n"));
    EXPECT_THAT(out, HasSubstr("node 1 (192.168.6.137): /data\n"));
}

TEST_F(Destroying, AsOneDocument) {
    json = true;
    away(3);
    request.unreachable = Unreachable::skipped;
    EXPECT_EQ(destroy(), ExitCode::done);
    const auto document = boost::json::parse(out).as_object();
    EXPECT_EQ(document.at("command").as_string(), "destroy");
    const auto& all = document.at("nodes").as_array();
    ASSERT_EQ(all.size(), 3U);
    EXPECT_TRUE(all[0].at("changed").as_bool());
    EXPECT_EQ(all[0].at("words").as_string(),
              "removed: the unit zookeeper.service; stays: /data (the server's data and logs)");
    EXPECT_FALSE(all[2].at("changed").as_bool());
    EXPECT_THAT(std::string(all[2].at("error").as_string()), HasSubstr("no route"));
}

}  // namespace
}  // namespace zk::phases
