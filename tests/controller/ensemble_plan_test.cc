#include "plan/ensemble_plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/log.h"
#include "inventory/render.h"

namespace zk::plan {
namespace {

using inventory::Inventory;
using testing::ElementsAre;
using testing::HasSubstr;

Inventory ensemble_of(std::int64_t count) {
    Inventory inventory;
    inventory.cluster = "demo";
    for (std::int64_t id = 1; id <= count; ++id) {
        inventory::Node node;
        node.id = ServerId(id);
        node.host = "10.0.0." + std::to_string(id);
        inventory.nodes.push_back(node);
    }
    return inventory;
}
/// A bare host: what the first apply finds.
NodeActual bare(std::int64_t id) {
    NodeActual actual;
    actual.id = ServerId(id);
    actual.arch = "x86_64";
    actual.root = true;
    actual.change.steps = {"install"};
    return actual;
}
/// A follower that serves and needs no change.
NodeActual serving(std::int64_t id, const Inventory& inventory) {
    NodeActual actual = bare(id);
    actual.change.steps.clear();
    actual.identity = Identity{"demo", ServerId(id), true, inventory::new_generation(inventory, 1)};
    actual.data_empty = false;
    actual.server_running = true;
    actual.in_sync = true;
    return actual;
}
std::vector<NodeActual> all_serving(const Inventory& inventory, std::int64_t leader) {
    std::vector<NodeActual> actuals;
    for (const auto& node : inventory.nodes) {
        actuals.push_back(serving(node.id.value(), inventory));
        actuals.back().leads = node.id.value() == leader;
    }
    return actuals;
}
void need_restart(NodeActual& actual) {
    actual.change.steps = {"zoo.cfg differs: syncLimit"};
    actual.change.restarts_server = true;
}
/// Waves as text: "form 1 2 3; join 2".
std::string waves_of(const Decision& decision) {
    if (const auto* refusal = std::get_if<Refusal>(&decision)) return "refused: " + refusal->words;
    std::string text;
    for (const Wave& wave : std::get<Plan>(decision).waves) {
        text += text.empty() ? "" : "; ";
        std::string_view last;
        for (const NodeStep& step : wave.nodes) {
            const std::string_view action = to_string(step.action);
            if (action != last) text += (last.empty() ? "" : " ") + std::string(action);
            last = action;
            text += " " + to_string(step.id) + (step.restarts ? "!" : "");
        }
    }
    return text;
}

TEST(PlanApply, BareHostsFormTogether) {
    const Inventory inventory = ensemble_of(3);
    const auto decision = plan_apply(inventory, {bare(3), bare(1), bare(2)});
    EXPECT_EQ(waves_of(decision), "form 1 2 3");
}

TEST(PlanApply, NothingToChange) {
    const Inventory inventory = ensemble_of(3);
    const auto decision = plan_apply(inventory, all_serving(inventory, 2));
    const Plan& plan = std::get<Plan>(decision);
    EXPECT_TRUE(plan.is_empty());
    EXPECT_THAT(plan.untouched, ElementsAre(ServerId(1), ServerId(2), ServerId(3)));
    EXPECT_THAT(format_plan(plan, inventory, Detail::all), HasSubstr("Plan: no change."));
}

TEST(PlanApply, RestartsFollowersOneByOneAndTheLeaderLast) {
    const Inventory inventory = ensemble_of(5);
    auto actuals = all_serving(inventory, 2);
    for (auto& actual : actuals) need_restart(actual);
    const auto decision = plan_apply(inventory, actuals);
    EXPECT_EQ(waves_of(decision), "change 1!; change 3!; change 4!; change 5!; change 2!");
    EXPECT_EQ(std::get<Plan>(decision).restarts(), 5U);
}

TEST(PlanApply, ChangesWithoutRestartGoTogether) {
    const Inventory inventory = ensemble_of(3);
    auto actuals = all_serving(inventory, 1);
    for (auto& actual : actuals) actual.change.steps = {"agent's unit differs"};
    EXPECT_EQ(waves_of(plan_apply(inventory, actuals)), "change 1 2 3");
}

TEST(PlanApply, RefusesARestartThatWouldLoseTheQuorum) {
    const Inventory inventory = ensemble_of(3);
    auto actuals = all_serving(inventory, 1);
    actuals[2].in_sync = false;  // runs, but is still catching up
    need_restart(actuals[0]);
    need_restart(actuals[1]);
    EXPECT_THAT(waves_of(plan_apply(inventory, actuals)),
                HasSubstr("refused: restarting node 2 would leave 1 of 3 voters in sync, 2 are"));

    const Inventory two = ensemble_of(2);
    auto pair = all_serving(two, 1);
    need_restart(pair[1]);
    EXPECT_THAT(waves_of(plan_apply(two, pair)), HasSubstr("would leave 1 of 2 voters in sync"));
}

TEST(PlanApply, ARefusedRestartNamesTheWayOut) {
    const Inventory inventory = ensemble_of(3);
    auto actuals = all_serving(inventory, 1);
    need_restart(actuals[0]);
    actuals[2].in_sync = false;
    EXPECT_THAT(waves_of(plan_apply(inventory, actuals)),
                HasSubstr("2 are needed; wait until all nodes are in sync (zkprov status), or "));
    actuals[2] = bare(3);  // wiped: waiting would not help
    EXPECT_THAT(waves_of(plan_apply(inventory, actuals)),
                HasSubstr("2 are needed; node 3 is empty: bring it back first (zkprov "
                          "replace-node 3), or "));
    const Inventory two = ensemble_of(2);
    auto pair = all_serving(two, 1);
    need_restart(pair[1]);
    EXPECT_THAT(waves_of(plan_apply(two, pair)), HasSubstr("2 are needed; add voters, so "));
}

TEST(PlanApply, WhatIsNotInSyncIsRestartedFirst) {
    const Inventory inventory = ensemble_of(3);
    auto actuals = all_serving(inventory, 1);
    actuals[2].in_sync = false;
    for (auto& actual : actuals) need_restart(actual);
    EXPECT_EQ(waves_of(plan_apply(inventory, actuals)), "change 3!; change 2!; change 1!");
}

TEST(PlanApply, ADeadServerIsStartedBeforeAnythingElse) {
    const Inventory inventory = ensemble_of(3);
    auto actuals = all_serving(inventory, 3);
    actuals[0].server_running = false;
    actuals[0].in_sync = false;
    need_restart(actuals[1]);
    EXPECT_EQ(waves_of(plan_apply(inventory, actuals)), "start 1; change 2!");
}

TEST(PlanApply, AStoppedEnsembleStartsAllAtOnceWithItsChanges) {
    const Inventory inventory = ensemble_of(3);
    auto actuals = all_serving(inventory, 1);
    for (auto& actual : actuals) {
        actual.server_running = actual.in_sync = actual.leads = false;
        need_restart(actual);
    }
    const auto decision = plan_apply(inventory, actuals);
    EXPECT_EQ(waves_of(decision), "start 1 2 3");
    EXPECT_EQ(std::get<Plan>(decision).restarts(), 0U);
}

TEST(PlanApply, WithoutAQuorumRestartsLoseNothing) {
    const Inventory inventory = ensemble_of(3);
    auto actuals = all_serving(inventory, 1);
    for (auto& actual : actuals) {
        actual.in_sync = actual.leads = false;
        need_restart(actual);
    }
    EXPECT_EQ(waves_of(plan_apply(inventory, actuals)), "change 1! 2! 3!");
}

TEST(PlanApply, AWipedNodeJoinsAfterTheOthersServe) {
    const Inventory inventory = ensemble_of(3);
    auto actuals = all_serving(inventory, 1);
    actuals[1] = bare(2);
    EXPECT_EQ(waves_of(plan_apply(inventory, actuals)), "join 2");
    actuals[2].server_running = actuals[2].in_sync = false;
    EXPECT_EQ(waves_of(plan_apply(inventory, actuals)), "start 3; join 2");
}

TEST(PlanApply, AJoinerThatIsBeingBroughtUpToDateIsLeftAlone) {
    const Inventory inventory = ensemble_of(3);
    auto actuals = all_serving(inventory, 1);
    actuals[1].data_empty = true;
    actuals[1].in_sync = false;
    EXPECT_EQ(waves_of(plan_apply(inventory, actuals)), "");
}

TEST(PlanApply, NeverStartsFromAnEmptyMajority) {
    const Inventory inventory = ensemble_of(3);
    auto actuals = all_serving(inventory, 1);
    actuals[1] = bare(2);
    actuals[2] = bare(3);
    actuals[0].in_sync = actuals[0].leads = false;
    EXPECT_THAT(
        waves_of(plan_apply(inventory, actuals)),
        HasSubstr("refused: node 1 belonged to this ensemble, but nodes 2 and 3 are empty"));
    // A disk that was emptied under a live root counts as empty, too.
    actuals[0].data_empty = true;
    EXPECT_THAT(waves_of(plan_apply(inventory, actuals)), HasSubstr("refused: node 1 belonged"));
}

TEST(PlanApply, AnInterruptedFirstApplyIsTakenUpAgain) {
    const Inventory inventory = ensemble_of(3);
    auto actuals = all_serving(inventory, 1);
    actuals[0].in_sync = actuals[0].leads = false;
    actuals[0].ever_served = false;
    actuals[1] = bare(2);
    actuals[2] = bare(3);
    EXPECT_EQ(waves_of(plan_apply(inventory, actuals)), "form 1 2 3");
    // Not when one of the empty nodes remembers an ensemble.
    actuals[1].identity = Identity{"demo", ServerId(2), true, actuals[0].identity->generation};
    EXPECT_THAT(waves_of(plan_apply(inventory, actuals)), HasSubstr("refused"));
}

TEST(PlanApply, MembershipChangesAreRefused) {
    const Inventory three = ensemble_of(3);
    auto actuals = all_serving(three, 1);
    const Inventory four = ensemble_of(4);
    actuals.push_back(bare(4));
    EXPECT_THAT(waves_of(plan_apply(four, actuals)),
                HasSubstr("refused: the inventory names other members"));
    Inventory moved = ensemble_of(3);
    moved.nodes[1].host = "10.0.0.9";
    actuals.pop_back();
    EXPECT_THAT(waves_of(plan_apply(moved, actuals)), HasSubstr("membership changes are not"));
    EXPECT_THAT(waves_of(plan_replace(moved, ServerId(2), actuals)), HasSubstr("membership"));
}

TEST(PlanApply, OneNodeIsBegunStartedAndNeverRestartedUnasked) {
    const Inventory one = ensemble_of(1);
    const Decision begun = plan_apply(one, {bare(1)});
    EXPECT_EQ(waves_of(begun), "form 1");
    EXPECT_EQ(std::get<Plan>(begun).waves.front().why,
              "begin a new database: the node answered, it has no data");
    auto alone = all_serving(one, 1);
    EXPECT_EQ(waves_of(plan_apply(one, alone)), "");
    alone[0].change.steps = {"agent's unit differs"};
    EXPECT_EQ(waves_of(plan_apply(one, alone)), "change 1");
    need_restart(alone[0]);
    EXPECT_EQ(waves_of(plan_apply(one, alone)),
              "refused: node 1 is the only one: its restart is an outage; to accept that: zkprov "
              "stop, then zkprov apply. Nothing was changed");
    alone[0].server_running = alone[0].in_sync = alone[0].leads = false;
    EXPECT_EQ(waves_of(plan_apply(one, alone)), "start 1");
    alone[0].data_empty = true;
    EXPECT_THAT(waves_of(plan_apply(one, alone)), HasSubstr("refused: node 1 belonged to this"));
}

TEST(PlanApply, OneNodeDoesNotBecomeThree) {
    const Inventory one = ensemble_of(1);
    auto actuals = all_serving(one, 1);
    actuals.push_back(bare(2));
    actuals.push_back(bare(3));
    EXPECT_THAT(waves_of(plan_apply(ensemble_of(3), actuals)),
                HasSubstr("refused: the inventory names other members (ids, hosts, peer or "
                          "election ports) than those node 1 formed an ensemble with; membership "
                          "changes are not supported in this version"));
}

TEST(PlanReplace, NobodyBringsBackTheOnlyNode) {
    const Inventory one = ensemble_of(1);
    auto actuals = all_serving(one, 1);
    for (const bool empty : {false, true}) {
        actuals[0].data_empty = empty;
        EXPECT_THAT(waves_of(plan_replace(one, ServerId(1), actuals)),
                    HasSubstr("refused: node 1 is the only one: no other node has its data"));
    }
}

TEST(PlanApply, TwoFormationsAreNotMixed) {
    const Inventory inventory = ensemble_of(3);
    auto actuals = all_serving(inventory, 1);
    actuals[2].identity->generation = inventory::new_generation(inventory, 2);
    EXPECT_THAT(waves_of(plan_apply(inventory, actuals)),
                HasSubstr("refused: nodes 1 and 3 belong to different formations"));
}

TEST(PlanApply, TheGenerationIsKept) {
    const Inventory inventory = ensemble_of(3);
    std::vector<NodeActual> actuals = {bare(1), bare(2), bare(3)};
    EXPECT_EQ(known_generation(inventory, actuals), std::nullopt);
    const std::string begun = inventory::new_generation(inventory, 5);
    actuals[1].identity = Identity{"demo", ServerId(2), false, begun};
    EXPECT_EQ(known_generation(inventory, actuals), begun);
    EXPECT_EQ(known_generation(ensemble_of(2), actuals),
              std::nullopt);  // the members were corrected
    auto formed = all_serving(inventory, 1);
    formed[0] = bare(1);
    EXPECT_EQ(known_generation(inventory, formed), formed[1].identity->generation);
}

TEST(PlanReplace, AnEmptyHostJoinsWhileTheOthersServe) {
    const Inventory inventory = ensemble_of(3);
    auto actuals = all_serving(inventory, 3);
    actuals[1] = bare(2);
    const auto decision = plan_replace(inventory, ServerId(2), actuals);
    EXPECT_EQ(waves_of(decision), "join 2");
    EXPECT_THAT(std::get<Plan>(decision).untouched, ElementsAre(ServerId(1), ServerId(3)));
}

TEST(PlanReplace, ANewDiskUnderALiveRootJoinsToo) {
    const Inventory inventory = ensemble_of(3);
    auto actuals = all_serving(inventory, 3);
    actuals[1].data_empty = true;
    actuals[1].server_running = actuals[1].in_sync = false;
    EXPECT_EQ(waves_of(plan_replace(inventory, ServerId(2), actuals)), "join 2");
}

TEST(PlanReplace, RefusesWithoutAQuorumOfTheOthers) {
    const Inventory inventory = ensemble_of(3);
    auto actuals = all_serving(inventory, 3);
    actuals[1] = bare(2);
    actuals[0].server_running = actuals[0].in_sync = false;
    EXPECT_THAT(waves_of(plan_replace(inventory, ServerId(2), actuals)),
                HasSubstr("refused: without node 2 the ensemble has no quorum (1 of 3 voters in "
                          "sync, 2 are needed): node 1 is down, node 3 leads"));
    actuals.erase(actuals.begin());  // node 1 does not answer
    EXPECT_THAT(waves_of(plan_replace(inventory, ServerId(2), actuals)),
                HasSubstr("node 1 does not answer"));
    EXPECT_THAT(waves_of(plan_replace(ensemble_of(1), ServerId(1), {bare(1)})),
                HasSubstr("no other node has its data"));
}

TEST(PlanReplace, FiveVotersBearASilentOne) {
    const Inventory inventory = ensemble_of(5);
    auto actuals = all_serving(inventory, 3);
    actuals[1] = bare(2);
    actuals.erase(actuals.begin());
    EXPECT_EQ(waves_of(plan_replace(inventory, ServerId(2), actuals)), "join 2");
}

TEST(PlanReplace, NeverTouchesData) {
    const Inventory inventory = ensemble_of(3);
    auto actuals = all_serving(inventory, 3);
    EXPECT_EQ(waves_of(plan_replace(inventory, ServerId(2), actuals)), "");
    actuals[1].in_sync = actuals[1].server_running = false;
    EXPECT_THAT(waves_of(plan_replace(inventory, ServerId(2), actuals)),
                HasSubstr("node 2 still has data, and replace-node never deletes any"));
}

TEST(FormatPlan, NamesNodesActionsAndReasons) {
    const Inventory inventory = ensemble_of(3);
    auto actuals = all_serving(inventory, 3);
    need_restart(actuals[0]);
    const Plan plan = std::get<Plan>(plan_apply(inventory, actuals));
    EXPECT_EQ(format_plan(plan, inventory, Detail::all),
              "demo: 3 voters\n"
              "wave 1: one follower at a time\n"
              "  ~ node 1  10.0.0.1  change, restarts the server\n"
              "      zoo.cfg differs: syncLimit\n"
              "  = node 2  10.0.0.2\n"
              "  = node 3  10.0.0.3\n"
              "Plan: 1 to change, 2 untouched, 1 restart.\n");
}

TEST(FormatPlan, NewNodesCanBeBrief) {
    const Inventory inventory = ensemble_of(1);
    const Plan plan = std::get<Plan>(plan_apply(inventory, {bare(1)}));
    EXPECT_THAT(format_plan(plan, inventory, Detail::all),
                testing::StartsWith("demo: one server, alone (standalone)\nwave 1: begin a new "));
    EXPECT_THAT(format_plan(plan, inventory, Detail::all), HasSubstr("form\n      install\n"));
    EXPECT_THAT(format_plan(plan, inventory, Detail::changes), HasSubstr("form, 1 steps\nPlan"));
}

/// Somebody else's server serves from the node's directories.
NodeActual outside(std::int64_t id) {
    NodeActual actual = bare(id);
    actual.data_empty = false;
    actual.server_running = true;
    actual.change.steps = {"install the agent"};
    actual.outside = Outside{"java (77)", "apache", {}, false};
    return actual;
}

TEST(PlanApply, WhatRunsAlreadyIsTakenInAndNotRestarted) {
    const auto three = ensemble_of(3);
    const std::vector actuals = {outside(1), outside(2), outside(3)};
    const auto decision = plan_apply(three, actuals);
    EXPECT_EQ(waves_of(decision), "adopt 1 2 3");
    const Plan& plan = std::get<Plan>(decision);
    EXPECT_EQ(plan.restarts(), 0U);
    EXPECT_THAT(plan.adopted(), ElementsAre(ServerId(1), ServerId(2), ServerId(3)));
    EXPECT_THAT(format_plan(plan, three, Detail::all),
                HasSubstr("nodes 1, 2 and 3 run outside of zkprov's unit until the next restart"));
    EXPECT_FALSE(forms_ensemble(actuals));
}

/// Before it is known who leads, nothing may restart, whatever an agent says.
TEST(PlanApply, WhatIsTakenInDoesNotRestartInTheSameRun) {
    auto actuals = std::vector{outside(1), outside(2), outside(3)};
    for (auto& actual : actuals) actual.change.restarts_server = true;
    EXPECT_EQ(waves_of(plan_apply(ensemble_of(3), actuals)), "adopt 1 2 3");
    actuals[2].outside.reset();
    actuals[2].server_running = false;
    EXPECT_EQ(waves_of(plan_apply(ensemble_of(3), actuals)), "adopt 1 2; start 3");
}

TEST(PlanApply, WhatWasTakenInIsRestartedOneByOne) {
    const auto three = ensemble_of(3);
    auto actuals = all_serving(three, 2);
    for (auto& actual : actuals) actual.outside = Outside{"java (77)", "apache", {}, true};
    const auto quiet = plan_apply(three, actuals);
    EXPECT_EQ(waves_of(quiet), "");
    EXPECT_THAT(format_plan(std::get<Plan>(quiet), three, Detail::all), HasSubstr("--take-over"));
    for (auto& actual : actuals) need_restart(actual);
    const auto decision = plan_apply(three, actuals);
    EXPECT_EQ(waves_of(decision), "change 1!; change 3!; change 2!");
    EXPECT_THAT(format_plan(std::get<Plan>(decision), three, Detail::all),
                testing::Not(HasSubstr("--take-over")));
}

}  // namespace
}  // namespace zk::plan
