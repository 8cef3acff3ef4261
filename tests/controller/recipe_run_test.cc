// Runs by another recipe than the built-in one: what is left out is not done, and success says so.
#include <sstream>

#include <gmock/gmock.h>

#include "runner_fixture.h"

namespace zk::phases {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

class RecipeRun : public Runner {
  protected:
    /// "connect gather" as the recipe of the next runs.
    void use(const std::string& names, const std::string& hooks = {}) {
        std::string text = "schema: zkprov.playbook/1\nname: x\nphases:\n";
        std::istringstream words(names);
        for (std::string name; words >> name;) text += "  - { run: " + name + ", limit_s: 20 }\n";
        auto playbook = playbook::read_playbook(text + hooks, "x.yaml");
        ASSERT_TRUE(playbook.has_value()) << playbook.error().words;
        settings.playbook = *std::move(playbook);
    }
    ExitCode plan() {
        Console console = make_console(false);
        return run_plan(inventory, settings, console, ChangesCode::yes);
    }
    int locks() {
        int count = 0;
        for (const auto& node : inventory.nodes) count += nodes[node.id.value()].lock_takes;
        return count;
    }
    const inventory::Inventory changed = three("server: { config: { syncLimit: 9 } }\n");
};

TEST_F(RecipeRun, WhatIsNotNamedIsNotRun) {
    use("connect gather plan");
    nodes[1].free_bytes = 1;  // the check would say so
    EXPECT_EQ(apply(), ExitCode::done) << err;
    EXPECT_EQ(out, "demo: no server was changed: the recipe has no phase \"roll\"\n");
    EXPECT_THAT(err, HasSubstr("form a new ensemble of 3"));
    EXPECT_THAT(nodes.story, IsEmpty());
    EXPECT_EQ(nodes[1].blobs_received, 0);
    EXPECT_EQ(locks(), 0);  // who changes nothing keeps nobody away
    use("connect gather check plan");
    EXPECT_EQ(apply(), ExitCode::preflight);
}

TEST_F(RecipeRun, PushAheadOfTheRoll) {
    use("connect gather check plan push");
    EXPECT_EQ(apply(), ExitCode::done) << err;
    EXPECT_THAT(out, HasSubstr("no server was changed"));
    EXPECT_THAT(nodes.story, IsEmpty());
    EXPECT_EQ(nodes[3].blobs_received, 1);
    EXPECT_EQ(locks(), 3);
    use("connect gather check plan roll gate");
    EXPECT_EQ(apply(), ExitCode::done) << err;
    EXPECT_THAT(out, HasSubstr("3 nodes changed"));
    EXPECT_EQ(nodes[3].blobs_received, 1);
}

TEST_F(RecipeRun, ARollWithoutPushNeedsTheBinaryOnTheNodes) {
    nodes[1].blob = std::string(64, 'a');
    use("connect gather check plan roll gate");
    EXPECT_EQ(apply(), ExitCode::preflight);
    EXPECT_THAT(err, HasSubstr("node 2 (192.168.6.138): does not have the server's binary"));
    EXPECT_THAT(err, Not(HasSubstr("node 1 (192.168.6.137): does not")));
    EXPECT_THAT(err, HasSubstr("the recipe has no phase \"push\""));
    EXPECT_THAT(nodes.story, IsEmpty());
}

TEST_F(RecipeRun, AGateInFrontLetsOnlyAHealthyEnsembleBeChanged) {
    ASSERT_EQ(apply(), ExitCode::done);
    settings.yes = true;
    use("connect gather check gate plan push roll gate");
    nodes[2].running = false;
    hurry();
    EXPECT_EQ(apply(changed), ExitCode::gate);
    EXPECT_THAT(err, HasSubstr("node 2 is down"));
    EXPECT_THAT(nodes.story, IsEmpty());
    nodes[2].running = true;
    settings.deadline = deadline_in(milliseconds(30000));
    EXPECT_EQ(apply(changed), ExitCode::done) << err;
    EXPECT_THAT(nodes.story, ElementsAre("apply 1", "apply 2", "apply 3"));
}

TEST_F(RecipeRun, AGateAloneWaits) {
    ASSERT_EQ(apply(), ExitCode::done);
    use("connect gate");
    EXPECT_EQ(apply(), ExitCode::done) << err;
    EXPECT_EQ(
        out,
        "demo: leader 3, 3 of 3 voters in sync; no server was changed: the recipe has no phase "
        "\"roll\"\n");
}

TEST_F(RecipeRun, EveryLimitIsRead) {
    ASSERT_EQ(apply(), ExitCode::done);
    for (const auto kind : {playbook::PhaseKind::connect,
                            playbook::PhaseKind::gather,
                            playbook::PhaseKind::check,
                            playbook::PhaseKind::plan}) {
        use("connect gather check plan push roll gate");
        for (playbook::Phase& phase : settings.playbook->phases) {
            if (phase.kind == kind) phase.limit = milliseconds(0);
        }
        EXPECT_EQ(apply(changed), ExitCode::preflight);
        EXPECT_THAT(err, HasSubstr("phase \"" + std::string(to_string(kind)) + "\""));
        EXPECT_THAT(err, HasSubstr("took longer than it may"));
        EXPECT_THAT(nodes.story, IsEmpty());
    }
}

TEST_F(RecipeRun, PlanGoesByTheSameRecipe) {
    use("connect gather check plan push roll gate");
    EXPECT_EQ(plan(), ExitCode::changes) << err;
    EXPECT_THAT(out, HasSubstr("Plan: 3 to change"));
    nodes[1].free_bytes = 1;
    EXPECT_EQ(plan(), ExitCode::preflight);
    use("connect gather plan");
    EXPECT_EQ(plan(), ExitCode::changes) << err;
    use("connect gather check");
    EXPECT_EQ(plan(), ExitCode::invalid);
    EXPECT_THAT(err, HasSubstr("has no phase \"plan\""));
}

TEST_F(RecipeRun, FactsAreAskedOncePlansMadeOnce) {
    use("connect gather check plan push roll gate");
    ASSERT_EQ(apply(), ExitCode::done);
    const int facts = nodes[1].facts_asked;
    const int dry = nodes[1].dry_runs;
    ASSERT_EQ(apply(), ExitCode::done);  // nothing to do: nothing to look at again
    EXPECT_EQ(nodes[1].facts_asked, facts + 1);
    EXPECT_EQ(nodes[1].dry_runs, dry + 1);
    settings.yes = true;
    ASSERT_EQ(apply(changed), ExitCode::done);
    // For the plan, before its wave, and at the end.
    EXPECT_EQ(nodes[1].facts_asked, facts + 4);
    EXPECT_EQ(nodes[1].dry_runs, dry + 4);
}

// The recipe's limit is for servers that do nothing; a large copy takes what it takes.
TEST_F(RecipeRun, AGateWaitsAsLongAsACopyMakesProgress) {
    use("connect gather check plan push roll gate");
    for (auto& phase : settings.playbook->phases) {
        if (phase.kind == playbook::PhaseKind::gate) phase.limit = milliseconds(300);
    }
    ASSERT_EQ(apply(), ExitCode::done) << err;
    settings.health_interval = milliseconds(20);
    nodes[2].running = nodes[2].has_data = false;
    nodes[2].copies_for = 60;
    EXPECT_EQ(replace(2), ExitCode::done) << err;
    EXPECT_EQ(nodes[2].copies_for, 0);
    EXPECT_THAT(err, HasSubstr("node 2 takes in the leader's data: ["));

    nodes[2].running = nodes[2].has_data = false;
    nodes[2].copies_for = 1 << 20;
    nodes[2].copied_each = 0;  // it stands still
    EXPECT_EQ(replace(2), ExitCode::gate) << err;
    EXPECT_THAT(err, HasSubstr("did not become healthy in time"));
    EXPECT_THAT(err, Not(HasSubstr("takes in")));
}

}  // namespace
}  // namespace zk::phases
