// One run at a time changes an ensemble: what a run asks of the nodes' locks, and when it stops.
#include <boost/json.hpp>
#include <gmock/gmock.h>

#include "runner_fixture.h"

namespace zk::phases {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

agent_api::LockHolder somebody() {
    return {"demo", "apply", "bob", "ops2", 815, "10.0.0.5", WallMs(1790000000000)};
}

TEST_F(Runner, ARunThatIsUnderWayKeepsOthersOut) {
    nodes[2].locked_by = somebody();
    EXPECT_EQ(apply(), ExitCode::busy);
    EXPECT_THAT(err,
                HasSubstr("node 2 (192.168.6.138) is being changed by bob@ops2 (pid 815, from "
                          "10.0.0.5): zkprov apply, since 2026-09-21 14:13:20 UTC (32 s)"));
    EXPECT_THAT(err, HasSubstr("--lock-timeout"));
    EXPECT_THAT(nodes.story, IsEmpty());
    EXPECT_EQ(nodes[1].checks, 0);
    EXPECT_EQ(replace(1), ExitCode::busy);
    for (const auto action : {agent_api::ControlAction::stop, agent_api::ControlAction::start}) {
        Console console = make_console(false);
        EXPECT_EQ(run_control(inventory, settings, console, action), ExitCode::busy);
    }
    EXPECT_THAT(nodes.story, IsEmpty());
}

TEST_F(Runner, APlanNeedsNoLock) {
    nodes[2].locked_by = somebody();
    Console console = make_console(false);
    EXPECT_EQ(run_plan(inventory, settings, console, ChangesCode::no), ExitCode::done);
}

TEST_F(Runner, WaitsForTheLockWhenToldTo) {
    nodes[2].locked_by = somebody();
    nodes[2].lock_looks = 3;
    settings.lock_timeout = milliseconds(20000);
    EXPECT_EQ(apply(), ExitCode::done);
    EXPECT_THAT(err, HasSubstr("waiting for bob@ops2"));
    EXPECT_EQ(nodes[2].lock_looks, 0);
}

TEST_F(Runner, ARunThatHasJustEndedIsWaitedFor) {
    nodes[3].locked_by = somebody();
    nodes[3].lock_looks = 1;
    settings.lock_grace = milliseconds(5000);
    EXPECT_EQ(apply(), ExitCode::done);
    EXPECT_THAT(err, Not(HasSubstr("waiting")));
}

TEST_F(Runner, TheRunsNumberIsAboveAllOthers) {
    nodes[1].fence = 4;
    nodes[3].fence = 7;
    ASSERT_EQ(apply(), ExitCode::done);
    EXPECT_EQ(nodes[1].fence, 8U);
    EXPECT_EQ(nodes[2].fence, 8U);
    ASSERT_EQ(apply(), ExitCode::done);  // changes nothing, and needs no number
    EXPECT_EQ(nodes[2].fence, 8U);
}

TEST_F(Runner, ALostLockEndsTheRunBeforeTheNextChange) {
    ASSERT_EQ(apply(), ExitCode::done);
    settings.yes = true;
    nodes[1].after_probe = [&](FakeNode&) { nodes[2].lock_lost = "its lock was taken away"; };
    EXPECT_EQ(apply(three("server: {config: {tickTime: 1500}}\n")), ExitCode::partly);
    EXPECT_THAT(nodes.story, ElementsAre("apply 1"));
    EXPECT_THAT(err,
                HasSubstr("node 2 (192.168.6.138): this run changes nothing more: its lock was"));
    EXPECT_THAT(err, HasSubstr("some nodes were changed"));
}

TEST_F(Runner, ALockThatIsLostBeforeTheFirstChangeChangesNothing) {
    nodes[3].lock_lost = "its lock was taken away";
    EXPECT_EQ(apply(), ExitCode::busy);
    EXPECT_THAT(nodes.story, IsEmpty());
    EXPECT_THAT(err, HasSubstr("nothing was changed"));
}

TEST_F(RunnerOfFive, AMinorityThatDoesNotAnswerIsNotNeededForTheLock) {
    ASSERT_EQ(apply(), ExitCode::done);
    const int checks = nodes[3].checks;
    nodes[2] = FakeNode{};
    nodes[1].open_error = link_error(LinkErrc::unreachable, "node 1: no route");
    EXPECT_EQ(replace(2), ExitCode::done);
    EXPECT_THAT(nodes.story, ElementsAre("apply 2"));
    // One more round than otherwise, after the wait for what another run may have sent to node 1, and one behind what the
    // others were told.
    EXPECT_THAT(err, HasSubstr("4 of 5 nodes answer; waiting 1 s"));
    EXPECT_EQ(nodes[3].checks, checks + 4);
    EXPECT_GT(nodes[3].beats, 0);
}

TEST_F(Runner, WithoutAMajorityOfLocksNothingChanges) {
    ASSERT_EQ(apply(), ExitCode::done);
    nodes[1].lock_unanswered = nodes[3].lock_unanswered = true;
    EXPECT_EQ(replace(2), ExitCode::unreachable);
    EXPECT_THAT(err, HasSubstr("fewer than a majority of the nodes can be locked"));
    EXPECT_THAT(nodes.story, IsEmpty());
}

TEST_F(Runner, AWorldThatChangedStopsTheRun) {
    ASSERT_EQ(apply(), ExitCode::done);
    settings.yes = true;
    const auto changed = three("server: {config: {tickTime: 1500}}\n");
    nodes[1].after_probe = [&](FakeNode&) { nodes[2].identity->generation = "another"; };
    EXPECT_EQ(apply(changed), ExitCode::partly);
    EXPECT_THAT(nodes.story, ElementsAre("apply 1"));
    EXPECT_THAT(err, HasSubstr("node 2 (192.168.6.138): it was server 2 of demo"));
    EXPECT_THAT(err, HasSubstr("(formation another) now"));
}

TEST_F(Runner, ANodeThatFellOutOfSyncStopsTheNextRestart) {
    ASSERT_EQ(apply(), ExitCode::done);
    settings.yes = true;
    hurry();
    nodes[1].after_probe = [&](FakeNode&) { nodes[2].running = false; };
    EXPECT_EQ(apply(three("server: {config: {tickTime: 1500}}\n")), ExitCode::gate);
    EXPECT_THAT(nodes.story, ElementsAre("apply 1"));
}

TEST_F(Runner, LockShowTellsWhoHoldsIt) {
    nodes[2].locked_by = somebody();
    Console console = make_console(false);
    EXPECT_EQ(run_lock_show(inventory, settings, console), ExitCode::done);
    EXPECT_THAT(out, HasSubstr("node 1 (192.168.6.137): free\n"));
    EXPECT_THAT(
        out, HasSubstr("node 2 (192.168.6.138): bob@ops2 (pid 815, from 10.0.0.5): zkprov apply"));
    Console json = make_console(true);
    EXPECT_EQ(run_lock_show(inventory, settings, json), ExitCode::done);
    const auto document = boost::json::parse(out);
    EXPECT_EQ(document.at_pointer("/nodes/1/holder/user").as_string(), "bob");
    EXPECT_FALSE(document.at_pointer("/nodes/0/held").as_bool());
}

TEST_F(Runner, LockBreakNeedsTheEnsemblesName) {
    nodes[2].locked_by = somebody();
    const auto break_it = [&](const std::string& confirmed) {
        Console console = make_console(false);
        return run_lock_break(inventory, settings, console, confirmed);
    };
    EXPECT_EQ(break_it(""), ExitCode::invalid);
    EXPECT_EQ(break_it("dema"), ExitCode::invalid);
    ask = [](const std::string&) { return "y"; };
    EXPECT_EQ(break_it(""), ExitCode::invalid);
    EXPECT_EQ(nodes[2].fence, 0U);
    ask = [](const std::string&) { return "demo"; };
    EXPECT_EQ(break_it(""), ExitCode::done);
    EXPECT_EQ(nodes[2].fence, 1U);
    EXPECT_EQ(nodes[1].fence, 1U);  // there it may have been about to take it
    EXPECT_EQ(apply(), ExitCode::done);
    ask = nullptr;
    EXPECT_EQ(break_it(""), ExitCode::done);  // nobody has it: nothing to confirm, nothing to do
    EXPECT_EQ(nodes[2].fence, 2U);
}

TEST_F(Runner, LockBreakTakesItFromTheRunThatWasShown) {
    nodes[2].locked_by = somebody();
    nodes[2].locked_next = somebody();
    nodes[2].locked_next->pid = 816;
    Console console = make_console(false);
    EXPECT_EQ(run_lock_break(inventory, settings, console, "demo"), ExitCode::done);
    EXPECT_THAT(out, HasSubstr("bob@ops2 (pid 816"));
    EXPECT_THAT(err, Not(HasSubstr("is under way")));
    EXPECT_EQ(nodes[2].fence, 1U);
}

TEST_F(Runner, AnAnswerThatComesLateIsNotTakenForTheNextOne) {
    nodes[2].locked_by = somebody();
    nodes[2].lock_looks = 1;
    nodes[1].after_release_late = true;
    settings.lock_timeout = milliseconds(5000);
    EXPECT_EQ(apply(), ExitCode::unreachable);
    EXPECT_THAT(err, HasSubstr("node 1: no answer in time"));
    EXPECT_THAT(nodes.story, IsEmpty());
}

TEST_F(Runner, NodesThatFallSilentAreNoOtherRun) {
    nodes[1].lock_unanswered_after = nodes[3].lock_unanswered_after = 1;
    EXPECT_EQ(apply(), ExitCode::unreachable);
    EXPECT_THAT(err, HasSubstr("fewer than a majority of the nodes answer"));
    EXPECT_THAT(nodes.story, IsEmpty());
}

}  // namespace
}  // namespace zk::phases
