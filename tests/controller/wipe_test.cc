// zkprov wipe: whose data it moves away, and when it refuses to.
#include <boost/json.hpp>
#include <gmock/gmock.h>

#include "runner_fixture.h"

namespace zk::phases {
namespace {

using agent_api::AgentErrc;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

class Wiping : public Runner {
  protected:
    using Runner::Runner;
    void SetUp() override { ASSERT_EQ(apply(), ExitCode::done) << err; }
    ExitCode wipe(std::int64_t id, QuorumLoss loss = QuorumLoss::refused) {
        return wipe({ServerId(id), "demo", loss});
    }
    ExitCode wipe(const WipeRequest& request) {
        Console console = make_console(json);
        return run_wipe(inventory, settings, console, request);
    }
    bool json = false;
};

TEST_F(Wiping, OneServerIsStoppedAndItsDataMovedAway) {
    EXPECT_EQ(wipe(2), ExitCode::done) << err;
    EXPECT_THAT(nodes.story, ElementsAre("wipe 2"));
    EXPECT_FALSE(nodes[2].running);
    EXPECT_FALSE(nodes[2].has_data);
    EXPECT_EQ(err, "node 2 (192.168.6.138): /data is now /data.quarantine-1\n");
    EXPECT_EQ(out,
              "demo: server 2 is stopped and has no data any more; zkprov replace-node 2 brings it "
              "back\n");
    EXPECT_EQ(replace(2), ExitCode::done) << err;
    EXPECT_TRUE(nodes[2].running);
    EXPECT_TRUE(nodes[2].has_data);
}

TEST_F(Wiping, ASecondTimeIsNothingElse) {
    EXPECT_EQ(wipe(2), ExitCode::done) << err;
    EXPECT_EQ(wipe(2), ExitCode::done) << err;
}

TEST_F(Wiping, NeedsTheEnsemblesName) {
    EXPECT_EQ(wipe({ServerId(2), ""}), ExitCode::invalid);
    EXPECT_THAT(err, HasSubstr("--confirm demo. Nothing was changed"));
    EXPECT_EQ(wipe({ServerId(2), "dema"}), ExitCode::invalid);
    EXPECT_EQ(err, "\"dema\" is not the name of the ensemble, demo; nothing was changed\n");
    std::string question;
    ask = [&](const std::string& text) {
        question = text;
        return "y";
    };
    EXPECT_EQ(wipe({ServerId(2), ""}), ExitCode::invalid);
    EXPECT_THAT(question, HasSubstr("the server of node 2 (192.168.6.138)"));
    EXPECT_THAT(question, HasSubstr("nothing is deleted"));
    EXPECT_EQ(nodes[2].links, 1);  // of the apply
    ask = [](const std::string&) { return "demo"; };
    EXPECT_EQ(wipe({ServerId(2), ""}), ExitCode::done) << err;
}

TEST_F(Wiping, TheOthersHaveToBeAMajorityInSync) {
    nodes[3].running = false;
    EXPECT_EQ(wipe(2), ExitCode::quorum);
    EXPECT_THAT(nodes.story, IsEmpty());
    EXPECT_EQ(err,
              "without node 2 (192.168.6.138) 1 of 3 voters is in sync, and 2 are needed for the "
              "ensemble to serve\n"
              "next: bring the others up (zkprov status tells what is wrong), or say "
              "--accept-quorum-loss if the ensemble may stop serving\n"
              "nothing was changed\n");
    EXPECT_EQ(wipe(3), ExitCode::done) << err;  // the others serve
    EXPECT_EQ(wipe(1), ExitCode::quorum);
    EXPECT_EQ(wipe(1, QuorumLoss::accepted), ExitCode::done) << err;
    EXPECT_THAT(err,
                HasSubstr("without node 1 (192.168.6.137) 1 of 3 voters is in sync, and 2 are "
                          "needed: the ensemble will not serve\n"));
}

TEST_F(Wiping, AServerThatSpeaksAsAnotherIsNoneOfTheOthers) {
    nodes[1].speaks_as = ServerId(3);
    EXPECT_EQ(wipe(2), ExitCode::quorum);
    EXPECT_THAT(nodes.story, IsEmpty());
}

TEST_F(Wiping, ItsHostHasToAnswer) {
    nodes[2].open_error = link_error(LinkErrc::unreachable, "node 2 (192.168.6.138): no route");
    EXPECT_EQ(wipe(2), ExitCode::unreachable);
    EXPECT_EQ(err, "node 2 (192.168.6.138): no route\nnothing was changed\n");
}

TEST_F(Wiping, AnotherRunKeepsItOut) {
    nodes[3].locked_by = agent_api::LockHolder{"demo", "apply", "bob", "ops2", 815, "", WallMs(0)};
    EXPECT_EQ(wipe(2), ExitCode::busy);
    EXPECT_THAT(nodes.story, IsEmpty());
    nodes[3].locked_by.reset();
    nodes[1].lock_lost = "bob's run holds the lock";
    EXPECT_EQ(wipe(2), ExitCode::busy);
    EXPECT_THAT(nodes.story, IsEmpty());
    EXPECT_THAT(err, HasSubstr("nothing was changed"));
}

TEST_F(Wiping, WhatBelongsToAnotherEnsembleStays) {
    inventory.cluster = "prod";
    EXPECT_EQ(wipe({ServerId(2), "prod"}), ExitCode::preflight);
    EXPECT_THAT(nodes.story, IsEmpty());
    EXPECT_THAT(err, HasSubstr("the host holds server 2 of ensemble \"demo\""));
}

TEST_F(Wiping, WhatTheAgentRefusesChangedNothingAndWhatItFailedInMayHave) {
    nodes[2].control_error = agent_api::AgentError{AgentErrc::unsafe, "/usr lies inside /usr"};
    EXPECT_EQ(wipe(2), ExitCode::quorum);
    EXPECT_THAT(err, HasSubstr("/usr lies inside /usr\nnothing was changed\n"));
    nodes[2].control_error = agent_api::AgentError{AgentErrc::failed, "rename: no such device"};
    EXPECT_EQ(wipe(2), ExitCode::partly);
    EXPECT_THAT(err, HasSubstr("rename: no such device\nthe server may be stopped by now"));
    EXPECT_THAT(err, Not(HasSubstr("nothing was changed")));
}

TEST_F(Wiping, AsOneDocument) {
    json = true;
    EXPECT_EQ(wipe(2), ExitCode::done);
    auto document = boost::json::parse(out).as_object();
    EXPECT_EQ(document["command"].as_string(), "wipe");
    EXPECT_EQ(document["exit_code"].as_int64(), 0);
    EXPECT_FALSE(document.contains("waves"));
    const auto node = document["nodes"].as_array().at(1).as_object();
    EXPECT_TRUE(node.at("changed").as_bool());
    EXPECT_EQ(node.at("words").as_string(), "/data is now /data.quarantine-1");
    EXPECT_FALSE(document["nodes"].as_array().at(0).as_object().at("changed").as_bool());

    EXPECT_EQ(wipe({ServerId(2), "dema"}), ExitCode::invalid);
    document = boost::json::parse(out).as_object();
    EXPECT_EQ(document["exit_code"].as_int64(), 3);
    EXPECT_EQ(document["errors"].as_array().size(), 1U);
}

class WipingOneOfFive : public Wiping {
  protected:
    WipingOneOfFive() : Wiping(read("nodes: [{id: 1-5, host: \"192.168.6.[137-141]\"}]\n")) {}
};

TEST_F(WipingOneOfFive, AHostThatDoesNotAnswerIsLeftOut) {
    nodes[5].open_error = link_error(LinkErrc::unreachable, "node 5 (192.168.6.141): no route");
    EXPECT_EQ(wipe(2), ExitCode::done) << err;
    EXPECT_THAT(err, HasSubstr("node 5 (192.168.6.141) is left out: no route\n"));
    EXPECT_THAT(nodes.story, ElementsAre("wipe 2"));
}

class WipingTheOnlyOne : public Wiping {
  protected:
    WipingTheOnlyOne() : Wiping(read("nodes: [{id: 1, host: 192.168.6.137}]\n")) {}
};

TEST_F(WipingTheOnlyOne, NeverLeavesAQuorum) {
    EXPECT_EQ(wipe(1), ExitCode::quorum);
    EXPECT_EQ(wipe(1, QuorumLoss::accepted), ExitCode::done) << err;
    EXPECT_THAT(out, HasSubstr("no data any more; nobody else has them; a backup, or what was"));
}

}  // namespace
}  // namespace zk::phases
