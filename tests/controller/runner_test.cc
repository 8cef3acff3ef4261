// The commands against nodes in memory: what is asked of which node, in which order, and how each
// run ends.
#include <algorithm>
#include <atomic>
#include <future>
#include <mutex>
#include <optional>

#include <boost/json.hpp>
#include <gmock/gmock.h>

#include "agent_api/agent_errc.h"
#include "phases/watched_hosts.h"
#include "runner_fixture.h"

namespace zk::phases {
namespace {

using agent_api::AgentErrc;
using agent_api::AgentError;
using agent_api::Formation;
using testing::Each;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::UnorderedElementsAre;

TEST_F(Runner, ApplyFormsAnEnsembleOnBareHosts) {
    EXPECT_EQ(apply(), ExitCode::done) << err;
    EXPECT_EQ(out,
              "demo: 3 nodes changed; leader 3, 3 of 3 voters in sync, a probe write was "
              "committed\n");
    EXPECT_THAT(err, HasSubstr("form a new ensemble of 3"));
    for (std::int64_t id = 1; id <= 3; ++id) {
        EXPECT_THAT(nodes[id].formations, ElementsAre(Formation::form));
        EXPECT_EQ(nodes[id].blobs_received, 1);
        EXPECT_EQ(nodes[id].links, 1);
        EXPECT_EQ(nodes[id].probes, 1);
        EXPECT_EQ(nodes[id].applied->sid, ServerId(id));
        EXPECT_EQ(nodes[id].applied->generation, nodes[1].applied->generation);
    }
}

TEST_F(Runner, SuccessIsToldOnlyOfWhatHoldsAtTheEnd) {
    nodes[2].after_probe = [](FakeNode& node) {
        node.applied->files.front().content += "tickTime=1730\n";
    };
    EXPECT_EQ(apply(), ExitCode::partly);
    EXPECT_EQ(out, "");
    EXPECT_THAT(err, HasSubstr("node 2 (192.168.6.138): zoo.cfg differs"));
    EXPECT_THAT(err, HasSubstr("somebody else"));
    nodes[2].after_probe = nullptr;
    settings.yes = true;
    EXPECT_EQ(apply(), ExitCode::done) << err;
}

TEST_F(Runner, AServerThatFallsAfterItsGateIsNoSuccess) {
    nodes[2].after_probe = [](FakeNode& node) { node.running = false; };
    EXPECT_EQ(apply(), ExitCode::partly);
    EXPECT_EQ(out, "");
    EXPECT_THAT(err, HasSubstr("node 2 (192.168.6.138): start the server"));
}

// The host that is left out cannot be asked; the others are.
TEST_F(RunnerOfFive, AReplacementWithoutAHostConfirmsTheOthers) {
    ASSERT_EQ(apply(), ExitCode::done) << err;
    nodes[2] = FakeNode{};
    nodes[1].open_error = link_error(LinkErrc::unreachable, "no route");
    nodes[3].after_probe = nodes[2].after_probe = [](FakeNode& node) {
        node.applied->files.front().content += "tickTime=1730\n";
    };
    EXPECT_EQ(replace(2), ExitCode::partly) << err;
    EXPECT_THAT(err, HasSubstr("zoo.cfg differs"));
    EXPECT_EQ(out, "");
}

TEST_F(Runner, ASecondApplyChangesNothing) {
    ASSERT_EQ(apply(), ExitCode::done);
    settings.stats = true;
    EXPECT_EQ(apply(), ExitCode::done) << err;
    EXPECT_EQ(out, "demo: no change, nothing was restarted; leader 3, 3 of 3 voters in sync\n");
    EXPECT_THAT(nodes.story, IsEmpty());
    for (std::int64_t id = 1; id <= 3; ++id) {
        EXPECT_EQ(nodes[id].applies, 1);
        EXPECT_EQ(nodes[id].restarts, 0);
        EXPECT_EQ(nodes[id].blobs_received, 1);
        EXPECT_EQ(nodes[id].probes, 1);
    }
    EXPECT_THAT(err, HasSubstr("node 1 (192.168.6.137): 1 connection, 1 channel, "));
}

TEST_F(Runner, ANoOpSendsAFewKibibytes) {
    ASSERT_EQ(apply(), ExitCode::done);
    Console console = make_console(true);
    EXPECT_EQ(run_apply(inventory, settings, console), ExitCode::done);
    const auto document = boost::json::parse(out).as_object();
    EXPECT_FALSE(document.at("changed").as_bool());
    for (const auto& node : document.at("nodes").as_array()) {
        const auto& link = node.at("link").as_object();
        EXPECT_EQ(link.at("connections").to_number<int>(), 1);
        EXPECT_EQ(link.at("channels").to_number<int>(), 1);
        EXPECT_LT(link.at("bytes_sent").to_number<int>(), 18 * 1024);
    }
}

TEST_F(Runner, PlanChangesNothingAndSaysWhatApplyWould) {
    Console console = make_console(false);
    EXPECT_EQ(run_plan(inventory, settings, console, ChangesCode::yes), ExitCode::changes);
    EXPECT_THAT(out, HasSubstr("  + node 2  192.168.6.138  form\n"));
    EXPECT_THAT(out, HasSubstr("Plan: 3 to change, 0 untouched, 0 restarts."));
    EXPECT_THAT(nodes.story, IsEmpty());
    EXPECT_EQ(nodes[1].blobs_received, 0);
    ASSERT_EQ(apply(), ExitCode::done);
    Console again = make_console(false);
    EXPECT_EQ(run_plan(inventory, settings, again, ChangesCode::yes), ExitCode::done);
    EXPECT_THAT(out, HasSubstr("Plan: no change."));
}

TEST_F(Runner, OneUnreachableHostStopsEverything) {
    nodes[2].open_error = link_error(LinkErrc::unreachable, "node 2: no route; check the cable");
    nodes[3].open_error = link_error(LinkErrc::login_refused, "node 3: no key was accepted");
    EXPECT_EQ(apply(), ExitCode::unreachable);
    EXPECT_THAT(err, HasSubstr("node 2: no route; check the cable\n"));
    EXPECT_THAT(err, HasSubstr("node 3: no key was accepted\n"));
    EXPECT_THAT(err, HasSubstr("nothing was changed"));
    EXPECT_THAT(nodes.story, IsEmpty());
    EXPECT_EQ(nodes[1].blobs_received, 0);
    nodes[2].open_error.reset();
    EXPECT_EQ(apply(), ExitCode::login);
    nodes[3].open_error = link_error(LinkErrc::sudo_refused, "node 3: sudo wants a password");
    EXPECT_EQ(apply(), ExitCode::preflight);
}

/// Who reaches an engine by its group may think that this is all that it takes.
TEST_F(Runner, WithContainersWhoLacksRightsIsToldThatTheGroupDockerIsNotEnough) {
    nodes[3].open_error = link_error(LinkErrc::sudo_refused, "node 3: sudo wants a password");
    EXPECT_EQ(apply(), ExitCode::preflight);
    EXPECT_THAT(err, Not(HasSubstr("docker")));
    inventory.docker.emplace();
    EXPECT_EQ(apply(), ExitCode::preflight);
    EXPECT_THAT(err, HasSubstr("the group docker is not enough"));
    EXPECT_THAT(err, HasSubstr("passwordless sudo\nnothing was changed\n"));
    nodes[3].open_error = link_error(LinkErrc::unreachable, "node 3: no route; check the cable");
    EXPECT_EQ(apply(), ExitCode::unreachable);
    EXPECT_THAT(err, Not(HasSubstr("docker")));
}

TEST_F(Runner, WhatIsWrongOnThisSideIsSaidOnce) {
    for (std::int64_t id = 1; id <= 3; ++id) {
        nodes[id].open_error = link_error(LinkErrc::key_unusable, "key file k: not there");
    }
    EXPECT_EQ(apply(), ExitCode::login);
    EXPECT_EQ(err, "key file k: not there\nnothing was changed\n");
}

TEST_F(Runner, TheRunsDeadlineHoldsForConnectingToo) {
    settings.deadline = deadline_in(milliseconds(7000));
    ASSERT_EQ(apply(), ExitCode::done);
    EXPECT_EQ(nodes.open_deadline, *settings.deadline);
    settings.deadline.reset();
    ASSERT_EQ(apply(), ExitCode::done);
    EXPECT_LT(nodes.open_deadline, LinkDeadline::max());  // then the recipe's limit does
}

TEST_F(Runner, PreflightFailuresChangeNothing) {
    nodes[1].free_bytes = 1 << 20;
    nodes[2].ports = {{2181, "java (99)", false}};
    nodes[3].uid = 1000;
    EXPECT_EQ(apply(), ExitCode::preflight);
    EXPECT_THAT(err, HasSubstr("node 1 (192.168.6.137): /usr/local/zookeeper/data has 1 MiB free"));
    EXPECT_THAT(err, HasSubstr("node 2 (192.168.6.138): port 2181 is taken by java (99)"));
    EXPECT_THAT(err, HasSubstr("node 3 (192.168.6.139): the agent does not run as root"));
    EXPECT_THAT(nodes.story, IsEmpty());
}

TEST_F(Runner, WhatAnAgentForeseesChangesNothing) {
    nodes[2].dry_error = AgentError{AgentErrc::identity_conflict, "this is server 7 of prod"};
    EXPECT_EQ(apply(), ExitCode::preflight);
    EXPECT_THAT(err, HasSubstr("node 2: this is server 7 of prod"));
    nodes[2].dry_error = AgentError{AgentErrc::unsafe, "its data is gone"};
    EXPECT_EQ(apply(), ExitCode::quorum);
    nodes[2].dry_error = AgentError{AgentErrc::busy, "somebody else applies"};
    EXPECT_EQ(apply(), ExitCode::busy);
    EXPECT_THAT(nodes.story, IsEmpty());
}

TEST_F(Runner, AnApplyThatFailsOnOneNodeIsTakenUpAgain) {
    nodes[2].apply_error = AgentError{AgentErrc::disk_full, "no room for zkserver"};
    EXPECT_EQ(apply(), ExitCode::partly);
    EXPECT_THAT(err, HasSubstr("node 2: no room for zkserver"));
    EXPECT_THAT(err, HasSubstr("run the command again"));
    const std::string generation = nodes[1].applied->generation;
    nodes[2].apply_error.reset();
    EXPECT_EQ(apply(), ExitCode::done) << err;
    EXPECT_EQ(nodes[2].applied->generation, generation);
}

TEST_F(Runner, ALinkThatBreaksInAnApplyIsPartly) {
    nodes[2].link_breaks_in_apply = true;
    EXPECT_EQ(apply(), ExitCode::partly);
    EXPECT_THAT(err, HasSubstr("node 2: the link ended"));
}

TEST_F(Runner, AnEnsembleThatDoesNotElectTimesOut) {
    nodes[1].never_elects = nodes[2].never_elects = true;
    hurry();
    EXPECT_EQ(apply(), ExitCode::gate);
    EXPECT_THAT(err, HasSubstr("did not become healthy in time"));
    EXPECT_THAT(err, HasSubstr("node 1 is looking"));
}

TEST_F(Runner, WithoutACommittedProbeWriteThereIsNoSuccess) {
    nodes[2].probe_fails = true;
    hurry();
    EXPECT_EQ(apply(), ExitCode::gate);
    EXPECT_THAT(err, HasSubstr("node 2 (192.168.6.138): a probe write did not commit"));
}

TEST_F(Runner, ARestartNeedsAYesAndTheLeaderComesLast) {
    ASSERT_EQ(apply(), ExitCode::done);
    const auto changed = three("server: { config: { syncLimit: 9 } }\n");
    EXPECT_EQ(apply(changed), ExitCode::invalid);
    EXPECT_THAT(err, HasSubstr("3 running servers will be restarted"));
    EXPECT_THAT(err, HasSubstr("this needs --yes"));
    EXPECT_THAT(nodes.story, IsEmpty());

    std::string question;
    ask = [&](const std::string& text) {
        question = text;
        return "";
    };
    EXPECT_EQ(apply(changed), ExitCode::interrupted);
    EXPECT_THAT(question, HasSubstr("Go on?"));
    EXPECT_THAT(nodes.story, IsEmpty());

    settings.yes = true;
    EXPECT_EQ(apply(changed), ExitCode::done) << err;
    EXPECT_THAT(nodes.story, ElementsAre("apply 1", "apply 2", "apply 3"));
    for (std::int64_t id = 1; id <= 3; ++id) {
        EXPECT_EQ(nodes[id].restarts, 1);
        EXPECT_THAT(nodes[id].formations, ElementsAre(Formation::form, Formation::join));
    }
}

TEST_F(Runner, AnElectionInProgressIsNotTakenForAnEnsembleThatIsDown) {
    ASSERT_EQ(apply(), ExitCode::done);
    settings.yes = true;
    settings.election_patience = milliseconds(20000);
    nodes.looks_without_leader = 12;
    EXPECT_EQ(apply(three("server: { config: { syncLimit: 9 } }\n")), ExitCode::done) << err;
    EXPECT_THAT(err, HasSubstr("no leader at the moment; waiting for the election\n"));
    EXPECT_THAT(err, HasSubstr("the leader, last"));
    EXPECT_THAT(nodes.story, ElementsAre("apply 1", "apply 2", "apply 3"));
}

TEST_F(Runner, ARollStopsAtTheFirstNodeThatDoesNotComeBack) {
    ASSERT_EQ(apply(), ExitCode::done);
    settings.yes = true;
    nodes[1].apply_error = AgentError{AgentErrc::start_failed, "the server ended at once"};
    EXPECT_EQ(apply(three("server: { config: { syncLimit: 9 } }\n")), ExitCode::preflight);
    EXPECT_EQ(nodes[2].applies, 1);
    EXPECT_EQ(nodes[3].applies, 1);
}

TEST_F(Runner, CtrlCStopsBetweenWaves) {
    ASSERT_EQ(apply(), ExitCode::done);
    std::atomic<bool> interrupted{true};
    settings.interrupted = &interrupted;
    settings.yes = true;
    EXPECT_EQ(apply(three("server: { config: { syncLimit: 9 } }\n")), ExitCode::interrupted);
    EXPECT_THAT(nodes.story, IsEmpty());
}

TEST_F(Runner, CtrlCWhileLookingAsksNothingMore) {
    std::atomic<bool> interrupted{true};
    settings.interrupted = &interrupted;
    EXPECT_EQ(apply(), ExitCode::interrupted);
    EXPECT_EQ(err, "interrupted; nothing was changed\n");
    EXPECT_THAT(nodes.story, IsEmpty());
}

TEST_F(Runner, AFullDiskElsewhereDoesNotKeepANodeFromComingBack) {
    ASSERT_EQ(apply(), ExitCode::done);
    nodes[2] = FakeNode{};
    nodes[2].free_bytes = nodes[3].free_bytes = 1 << 20;
    EXPECT_EQ(replace(2), ExitCode::preflight);
    EXPECT_THAT(err, HasSubstr("node 2 (192.168.6.138): /usr/local/zookeeper/data has 1 MiB"));
    EXPECT_THAT(err, Not(HasSubstr("node 3 (192.168.6.139): ")));
    nodes[2].free_bytes = 100ULL << 30;
    EXPECT_EQ(replace(2), ExitCode::done) << err;
}

TEST_F(Runner, ReplaceBringsBackAWipedNodeAndTouchesNobodyElse) {
    ASSERT_EQ(apply(), ExitCode::done);
    nodes[2] = FakeNode{};
    EXPECT_EQ(replace(2), ExitCode::done) << err;
    EXPECT_THAT(nodes.story, ElementsAre("apply 2"));
    EXPECT_THAT(nodes[2].formations, ElementsAre(Formation::join));
    EXPECT_EQ(nodes[2].applied->generation, nodes[1].applied->generation);
    EXPECT_THAT(out, HasSubstr("1 node changed; leader 3, 3 of 3 voters in sync"));
    EXPECT_EQ(replace(2), ExitCode::done);
    EXPECT_THAT(nodes.story, IsEmpty());
    EXPECT_THAT(out, HasSubstr("no change"));
}

std::uint64_t remembered(const FakeNode& node, std::int64_t of) {
    if (!node.memory) return 0;
    const auto found = node.memory->members.find(ServerId(of));
    return found == node.memory->members.end() ? 0 : found->second.number;
}

TEST_F(Runner, TheOthersRememberBeforeANodeIsMadeAnew) {
    ASSERT_EQ(apply(), ExitCode::done);
    EXPECT_EQ(nodes[2].identity->incarnation, std::nullopt) << "it formed";
    for (const std::uint64_t number : {1U, 2U}) {
        nodes[2] = FakeNode{};
        bool told_before = false;
        nodes[2].after_apply = [&](FakeNode&) {
            told_before = remembered(nodes[1], 2) == number && remembered(nodes[3], 2) == number;
        };
        EXPECT_EQ(replace(2), ExitCode::done) << err;
        EXPECT_TRUE(told_before) << number;
        EXPECT_EQ(nodes[2].identity->incarnation->number, number);
        EXPECT_FALSE(nodes[2].identity->incarnation->id.empty());
        EXPECT_THAT(err,
                    HasSubstr("note: node 1 is told that server 2 is incarnation " +
                              std::to_string(number)));
    }
    // What was replaced before is known to whoever is made anew later.
    nodes[3] = FakeNode{};
    EXPECT_EQ(replace(3), ExitCode::done) << err;
    EXPECT_EQ(remembered(nodes[3], 2), 2U);
    EXPECT_EQ(remembered(nodes[2], 3), 1U);
    EXPECT_EQ(apply(), ExitCode::done);
    EXPECT_THAT(out, HasSubstr("no change"));
}

TEST_F(Runner, AReplacedMachineThatComesBackIsNamed) {
    ASSERT_EQ(apply(), ExitCode::done);
    FakeNode old = nodes[2];
    nodes[2] = FakeNode{};
    ASSERT_EQ(replace(2), ExitCode::done) << err;
    std::swap(old, nodes[2]);
    nodes[2].running = false;
    EXPECT_EQ(apply(), ExitCode::preflight);
    EXPECT_THAT(err,
                HasSubstr("node 2 (192.168.6.138): this host was replaced: server 2 was made "
                          "anew as incarnation 1 (made 20"));
    EXPECT_THAT(err, HasSubstr("zkprov wipe 2, then zkprov replace-node 2"));
    EXPECT_EQ(replace(2), ExitCode::preflight);
    EXPECT_THAT(nodes.story, IsEmpty());
    // The right one is back: nothing to do.
    std::swap(old, nodes[2]);
    EXPECT_EQ(apply(), ExitCode::done) << err;
    EXPECT_THAT(out, HasSubstr("no change"));
    // Or the old one was wiped: it is made anew, as the next.
    std::swap(old, nodes[2]);
    nodes[2].has_data = nodes[2].running = false;
    EXPECT_EQ(replace(2), ExitCode::done) << err;
    EXPECT_EQ(nodes[2].identity->incarnation->number, 2U);
}

TEST_F(Runner, WhatANodeDoesNotRememberItIsToldByTheNextApply) {
    ASSERT_EQ(apply(), ExitCode::done);
    nodes[2] = FakeNode{};
    ASSERT_EQ(replace(2), ExitCode::done) << err;
    nodes[3].memory.reset();
    EXPECT_EQ(plan(ChangesCode::yes), ExitCode::done) << "it is no change: " << out;
    EXPECT_THAT(out, HasSubstr("note: node 3 is told that server 2 is incarnation 1"));
    EXPECT_EQ(remembered(nodes[3], 2), 0U) << "a plan tells nobody";
    EXPECT_EQ(apply(), ExitCode::done) << err;
    EXPECT_THAT(nodes.story, IsEmpty());
    EXPECT_EQ(remembered(nodes[3], 2), 1U);
    EXPECT_THAT(out, HasSubstr("no change, nothing was restarted"));
    EXPECT_EQ(plan(), ExitCode::done);
    EXPECT_THAT(out, Not(HasSubstr("is told")));
}

// A node that came without a controller was made anew where it joined; what its record says, the others did not hear.
TEST_F(Runner, ANodeThatJoinedByItselfIsTakenOverWithAnEmptyPlan) {
    ASSERT_EQ(apply(), ExitCode::done);
    nodes[2] = FakeNode{};
    ASSERT_EQ(replace(2), ExitCode::done) << err;
    const auto made = nodes[2].identity->incarnation;
    for (const std::int64_t other : {1, 3}) nodes[other].memory.reset();
    EXPECT_EQ(plan(ChangesCode::yes), ExitCode::done) << out;
    EXPECT_THAT(out, HasSubstr("Plan: no change."));
    EXPECT_EQ(apply(), ExitCode::done) << err;
    EXPECT_THAT(nodes.story, IsEmpty());
    EXPECT_THAT(out, HasSubstr("no change, nothing was restarted"));
    for (const std::int64_t other : {1, 3}) EXPECT_EQ(remembered(nodes[other], 2), 1U) << other;
    EXPECT_EQ(nodes[2].identity->incarnation, made);
}

TEST_F(Runner, NoNodeIsMadeAnewThatTheOthersDoNotRemember) {
    ASSERT_EQ(apply(), ExitCode::done);
    nodes[2] = FakeNode{};
    nodes[3].remember_error =
        agent_api::AgentError{agent_api::AgentErrc::failed, "members.json is damaged"};
    EXPECT_EQ(replace(2), ExitCode::preflight);
    EXPECT_THAT(err, HasSubstr("members.json is damaged"));
    EXPECT_THAT(err, HasSubstr("no node was made anew"));
    EXPECT_THAT(nodes.story, IsEmpty());
    EXPECT_EQ(nodes[2].identity, std::nullopt);
}

TEST_F(Runner, ReplaceRefusesToLoseTheQuorum) {
    ASSERT_EQ(apply(), ExitCode::done);
    nodes[2] = FakeNode{};
    nodes[3].running = false;
    EXPECT_EQ(replace(2), ExitCode::quorum);
    EXPECT_THAT(err, HasSubstr("refused: without node 2 the ensemble has no quorum"));
    EXPECT_THAT(err, HasSubstr("node 3 is down"));
    nodes[3].running = true;
    nodes[3].open_error = link_error(LinkErrc::unreachable, "node 3: no route");
    EXPECT_EQ(replace(2), ExitCode::quorum);
    EXPECT_THAT(err, HasSubstr("node 3 does not answer"));
    EXPECT_THAT(nodes.story, IsEmpty());
    EXPECT_EQ(nodes[2].blobs_received, 0);
}

TEST_F(Runner, AServerWithAnothersIdStopsEveryChange) {
    ASSERT_EQ(apply(), ExitCode::done);
    nodes[1].speaks_as = ServerId(2);
    EXPECT_EQ(apply(three("server: { config: { syncLimit: 9 } }\n")), ExitCode::preflight);
    EXPECT_THAT(err, HasSubstr("node 1 (192.168.6.137): its server speaks as server 2"));
    EXPECT_THAT(err, HasSubstr("nothing was changed"));
    // The replaced server would be the second one with that id.
    nodes[2] = FakeNode{};
    EXPECT_EQ(replace(2), ExitCode::preflight);
    EXPECT_THAT(nodes.story, IsEmpty());
    EXPECT_EQ(nodes[2].blobs_received, 0);
}

TEST_F(Runner, AGateDoesNotWaitForAnotherNode) {
    nodes[2].after_apply = [](FakeNode& node) { node.speaks_as = ServerId(3); };
    settings.deadline = LinkDeadline::max();  // it would wait for a minute
    EXPECT_EQ(apply(), ExitCode::partly);
    EXPECT_THAT(err, HasSubstr("node 2 (192.168.6.138): its server speaks as 3\n"));
    EXPECT_THAT(err, Not(HasSubstr("in time")));
    nodes[2].after_apply = nullptr;
    EXPECT_EQ(apply(), ExitCode::preflight);
}

// A node that is not rolled yet still runs with what it was given before: no conflict of identity.
TEST_F(Runner, AChangedPortOfAMemberIsRolled) {
    ASSERT_EQ(apply(), ExitCode::done);
    // As of a formation that does not tell its members; else the plan refuses to change them.
    for (std::int64_t id = 1; id <= 3; ++id) nodes[id].identity->generation = "early";
    settings.yes = true;
    const auto roll_all = [&](int restarts) {
        EXPECT_EQ(apply(), ExitCode::done) << err;
        // One by one, the leader last.
        EXPECT_THAT(nodes.story, ElementsAre("apply 1", "apply 2", "apply 3"));
        for (std::int64_t id = 1; id <= 3; ++id) EXPECT_EQ(nodes[id].restarts, restarts);
    };
    inventory.nodes[1].ports.peer = 2999;
    roll_all(1);
    inventory.nodes[2].ports.election = 3999;  // of the leader
    roll_all(2);
    for (auto& node : inventory.nodes) node.ports.peer = 3000;
    roll_all(3);
}

TEST_F(Runner, ChangedMembersAreRefusedByThePlanAndNoConflict) {
    ASSERT_EQ(apply(), ExitCode::done);
    settings.yes = true;
    inventory.nodes[1].ports.peer = 2999;
    EXPECT_EQ(apply(), ExitCode::preflight);
    EXPECT_THAT(err, HasSubstr("the inventory names other members"));
    EXPECT_THAT(nodes.story, IsEmpty());
    Console console = make_console(false);
    EXPECT_EQ(run_status(inventory, settings, console), ExitCode::done) << out;
}

TEST_F(Runner, AChangedClientPortIsRolledOnThatNodeOnly) {
    ASSERT_EQ(apply(), ExitCode::done);
    settings.yes = true;
    inventory.nodes[1].ports.client = 2999;
    EXPECT_EQ(apply(), ExitCode::done) << err;
    // The others' agents learn it, and their servers go on.
    EXPECT_THAT(nodes.story, UnorderedElementsAre("apply 1", "apply 2", "apply 3"));
    EXPECT_EQ(nodes.story.back(), "apply 2");
    EXPECT_EQ(nodes[1].restarts, 0);
    EXPECT_EQ(nodes[2].restarts, 1);
    EXPECT_EQ(nodes[3].restarts, 0);
}

TEST_F(Runner, ReplaceNeedsTheReplacedHost) {
    ASSERT_EQ(apply(), ExitCode::done);
    nodes[2].open_error = link_error(LinkErrc::host_key_changed, "node 2: its host key changed");
    EXPECT_EQ(replace(2), ExitCode::login);
    EXPECT_THAT(err, HasSubstr("its host key changed"));
}

TEST_F(Runner, StopAndStart) {
    ASSERT_EQ(apply(), ExitCode::done);
    Console console = make_console(false);
    EXPECT_EQ(run_control(inventory, settings, console, agent_api::ControlAction::stop),
              ExitCode::done);
    EXPECT_THAT(nodes.story, UnorderedElementsAre("stop 1", "stop 2", "stop 3"));
    EXPECT_EQ(out, "demo: stopped\n");
    Console status = make_console(false);
    EXPECT_EQ(run_status(inventory, settings, status), ExitCode::no_quorum);
    EXPECT_THAT(out, HasSubstr("NO QUORUM"));
    EXPECT_EQ(apply(), ExitCode::done) << err;  // an apply starts what is down
    EXPECT_THAT(err, HasSubstr("start what does not run"));
}

TEST_F(Runner, AHostsNameIsSaidOnce) {
    ASSERT_EQ(apply(), ExitCode::done);
    nodes[1].open_error = link_error(LinkErrc::unreachable, "node 1 (192.168.6.137): no route");
    Console console = make_console(false);
    EXPECT_EQ(run_status(inventory, settings, console), ExitCode::degraded);
    EXPECT_THAT(out, HasSubstr("! node 1 does not answer: no route\n"));
    nodes[2] = FakeNode{};
    EXPECT_EQ(replace(2), ExitCode::quorum);
    EXPECT_THAT(err, HasSubstr("node 1 (192.168.6.137) is left out: no route\n"));
}

TEST_F(Runner, StopDoesNotStopWhatBelongsToAnotherEnsemble) {
    ASSERT_EQ(apply(), ExitCode::done);
    inventory::Inventory other = three();
    other.cluster = "prod";
    Console console = make_console(false);
    EXPECT_EQ(run_control(other, settings, console, agent_api::ControlAction::stop),
              ExitCode::preflight);
    EXPECT_THAT(nodes.story, IsEmpty());
    EXPECT_THAT(err,
                HasSubstr("node 2 (192.168.6.138): the host holds server 2 of ensemble \"demo\"; "
                          "correct the inventory\n"));
    EXPECT_THAT(err, HasSubstr("nothing was changed\n"));
    Console status = make_console(false);
    EXPECT_EQ(run_status(other, settings, status), ExitCode::unknown);
    EXPECT_EQ(apply(other), ExitCode::preflight);
    EXPECT_THAT(err, Not(HasSubstr("waiting for the election")));
}

TEST_F(Runner, StatusTellsEachVerdictByItsExitCode) {
    const auto status = [&] {
        Console console = make_console(true);
        return run_status(inventory, settings, console);
    };
    EXPECT_EQ(status(), ExitCode::no_quorum);
    EXPECT_THAT(out, HasSubstr("nothing is installed here"));
    ASSERT_EQ(apply(), ExitCode::done);
    EXPECT_EQ(status(), ExitCode::done);
    EXPECT_EQ(boost::json::parse(out).at("schema").as_string(), "zkprov.status/1");
    nodes[1].running = false;
    EXPECT_EQ(status(), ExitCode::degraded);
    nodes[2].running = false;
    EXPECT_EQ(status(), ExitCode::no_quorum);
    for (std::int64_t id = 1; id <= 3; ++id) {
        nodes[id].open_error = link_error(LinkErrc::unreachable, "no route");
    }
    EXPECT_EQ(status(), ExitCode::unknown);
    EXPECT_EQ(boost::json::parse(out).at("exit_code").as_int64(), 22);
}

TEST_F(Runner, StatusIsWatchedAndSeesWhatChanges) {
    ASSERT_EQ(apply(), ExitCode::done);
    std::atomic<bool> interrupted{false};
    settings.interrupted = &interrupted;
    int looks = 0;
    std::optional<Terminal> terminal;
    const auto watch = [&](bool json) {
        Console console = make_console(json);
        looks = 0;
        interrupted = false;
        nodes[2].open_error.reset();
        const auto size = [&] {
            // Asked once a look: the second finds a host that went away, the third has it again.
            ++looks;
            interrupted = looks == 3;
            nodes[2].running = looks != 1;
            return terminal;
        };
        return run_watch(inventory, settings, console, {milliseconds(1), size});
    };
    EXPECT_EQ(watch(false), ExitCode::done) << out;
    EXPECT_EQ(looks, 3);
    std::vector<std::size_t> places;
    for (const char* const words : {"HEALTHY", "DEGRADED", "HEALTHY"}) {
        places.push_back(out.find(words, places.empty() ? 0 : places.back() + 1));
        ASSERT_NE(places.back(), std::string::npos) << words << out;
    }
    EXPECT_THAT(out, Not(HasSubstr("\x1b")));
    EXPECT_EQ(watch(true), ExitCode::done);
    EXPECT_EQ(std::ranges::count(out, '\n'), 3) << out;
    EXPECT_EQ(boost::json::parse(out.substr(out.find('\n'), out.rfind("\n{") - out.find('\n')))
                  .at("verdict")
                  .as_string(),
              "degraded");
    terminal = Terminal{30, 6};
    EXPECT_EQ(watch(false), ExitCode::done);
    EXPECT_TRUE(out.starts_with("\x1b[2J\x1b[H")) << out;
    EXPECT_EQ(std::ranges::count(out, '\n'), 3 * 5) << "no screen scrolls: " << out;
    EXPECT_TRUE(out.ends_with("\x1b[J")) << out;
}

TEST_F(Runner, AWatchedHostThatComesBackIsDialledAnew) {
    ASSERT_EQ(apply(), ExitCode::done);
    std::atomic<bool> interrupted{false};
    settings.interrupted = &interrupted;
    int looks = 0;
    nodes[1].open_error = link_error(LinkErrc::unreachable, "no route");
    Console console = make_console(false);
    const auto size = [&]() -> std::optional<Terminal> {
        interrupted = ++looks == 2;
        nodes[1].open_error.reset();
        return std::nullopt;
    };
    EXPECT_EQ(run_watch(inventory, settings, console, {milliseconds(1), size}), ExitCode::done);
    EXPECT_LT(out.find("node 1 does not answer: no route"), out.find("HEALTHY"));
}

// A look does not wait for the slowest: who does not answer is shown as that, and the others at once.
TEST_F(Runner, AWatchedHostThatHangsKeepsNobodyWaiting) {
    ASSERT_EQ(apply(), ExitCode::done);
    std::atomic<bool> interrupted{false};
    settings.interrupted = &interrupted;
    std::promise<void> gate;
    nodes[3].opens_after = gate.get_future().share();
    Console console = make_console(false);
    std::string first;
    int looks = 0;
    const auto size = [&]() -> std::optional<Terminal> {
        if (++looks == 1) gate.set_value();
        if (looks == 2) first = out;
        interrupted = out.find("HEALTHY") != std::string::npos || looks == 1000;
        return std::nullopt;
    };
    EXPECT_EQ(run_watch(inventory, settings, console, {milliseconds(1), size}), ExitCode::done);
    EXPECT_THAT(first, HasSubstr("DEGRADED")) << "two of three serve";
    EXPECT_THAT(first, HasSubstr("node 3 does not answer: has not answered yet"));
    EXPECT_THAT(out, HasSubstr("HEALTHY"));
}

TEST_F(Runner, AnAnswerOfAWatchedHostCountsForAWhile) {
    ASSERT_EQ(apply(), ExitCode::done);
    const auto soon = [] { return deadline_in(milliseconds(20)); };
    const auto later = [] { return deadline_in(milliseconds(20000)); };
    std::promise<void> gate;
    WatchedHosts hosts(inventory, settings, milliseconds(1000));
    hosts.ask();
    hosts.wait(later());
    {
        const std::lock_guard lock(nodes.mutex());
        nodes[2].answers_after = gate.get_future().share();
    }
    hosts.ask();
    hosts.wait(soon());
    auto statuses = hosts.statuses();
    ASSERT_EQ(statuses.size(), 3U);
    EXPECT_TRUE(statuses[1].answered()) << "a moment ago it was well";
    for (int i = 0; i < 1000 && statuses[1].answered(); ++i) {
        hosts.ask();  // the others
        hosts.wait(soon());
        statuses = hosts.statuses();
    }
    EXPECT_TRUE(statuses[0].answered());
    EXPECT_FALSE(statuses[1].answered());
    EXPECT_THAT(statuses[1].silence, HasSubstr("its last answer is 1 s old"));
    {
        const std::lock_guard lock(nodes.mutex());
        nodes[2].answers_after = {};
    }
    gate.set_value();
    hosts.wait(later());
    EXPECT_TRUE(hosts.statuses()[1].answered());
}

TEST_F(Runner, StatusTellsWhoseClockIsOff) {
    ASSERT_EQ(apply(), ExitCode::done);
    nodes[1].clock_ahead_ms = 60'000;
    Console console = make_console(false);
    EXPECT_EQ(run_status(inventory, settings, console), ExitCode::degraded);
    EXPECT_THAT(out, HasSubstr("node 1: its clock is "));
    EXPECT_THAT(out, HasSubstr(" s ahead of the median of 3 nodes' clocks"));
    nodes[1].clock_ahead_ms = nodes[2].clock_ahead_ms = nodes[3].clock_ahead_ms = -60'000;
    Console again = make_console(false);
    EXPECT_EQ(run_status(inventory, settings, again), ExitCode::done) << out;
    nodes[1].open_error = link_error(LinkErrc::unreachable, "no route");
    nodes[2].clock_ahead_ms = 0;
    Console two = make_console(false);
    EXPECT_EQ(run_status(inventory, settings, two), ExitCode::degraded);
    EXPECT_THAT(out, HasSubstr(" s ahead of node 3's, and of two nobody can tell which is wrong"));
}

TEST_F(Runner, EveryFailureIsOneJsonDocument) {
    nodes[2].open_error = link_error(LinkErrc::unreachable, "node 2: no route");
    Console console = make_console(true);
    EXPECT_EQ(run_apply(inventory, settings, console), ExitCode::unreachable);
    const auto document = boost::json::parse(out).as_object();
    EXPECT_EQ(document.at("schema").as_string(), "zkprov.apply/1");
    EXPECT_EQ(document.at("exit_code").as_int64(), 4);
    EXPECT_EQ(document.at("errors").as_array().at(0).as_string(), "node 2: no route");
}

TEST(ExitCodes, OfLinkErrors) {
    const auto code = [](LinkErrc errc) { return exit_code_of(link_error(errc, "x")); };
    EXPECT_EQ(code(LinkErrc::unreachable), ExitCode::unreachable);
    EXPECT_EQ(code(LinkErrc::timeout), ExitCode::unreachable);
    EXPECT_EQ(code(LinkErrc::host_key_unknown), ExitCode::login);
    EXPECT_EQ(code(LinkErrc::host_key_changed), ExitCode::login);
    EXPECT_EQ(code(LinkErrc::key_unusable), ExitCode::login);
    EXPECT_EQ(code(LinkErrc::sudo_refused), ExitCode::preflight);
    EXPECT_EQ(code(LinkErrc::disk_full), ExitCode::preflight);
    EXPECT_EQ(code(LinkErrc::agent_missing), ExitCode::invalid);
    EXPECT_EQ(exit_code_of(agent_api::from_agent_error({AgentErrc::failed, "x"})),
              ExitCode::preflight);
    EXPECT_EQ(agent_api::agent_errc(agent_api::from_agent_error({AgentErrc::failed, "x"})),
              AgentErrc::failed);
    EXPECT_EQ(agent_api::agent_errc(link_error(LinkErrc::closed, "x")), std::nullopt);
}

}  // namespace
}  // namespace zk::phases
