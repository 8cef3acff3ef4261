#include "plan/incarnations.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "plan/observe.h"
#include "plan/preflight.h"

namespace zk::plan {
namespace {

using testing::HasSubstr;

Incarnation made(std::uint64_t number, const char* id = "id") { return {number, id, WallMs(0)}; }
const Incarnation kFresh = {0, "fresh", WallMs(9)};

NodeActual with_data(std::int64_t id, std::uint64_t incarnation = 0) {
    NodeActual actual;
    actual.id = ServerId(id);
    actual.root = true;
    actual.identity = Identity{"demo", ServerId(id), true, "g"};
    if (incarnation > 0) actual.identity->incarnation = made(incarnation);
    actual.data_empty = false;
    return actual;
}

TEST(Incarnations, WithDataANodeStaysWhatItIs) {
    for (const std::uint64_t number : {0U, 3U}) {
        const NodeActual actual = with_data(2, number);
        const auto is = incarnation_of(actual, {{ServerId(2), made(7)}}, kFresh, false);
        EXPECT_EQ(number_of(is), number) << "that it was replaced is told, and not mended";
    }
}

TEST(Incarnations, EmptyANodeIsTheNextInItsPlace) {
    NodeActual bare;
    bare.id = ServerId(2);
    EXPECT_EQ(incarnation_of(bare, {}, kFresh, true), std::nullopt) << "it forms";
    EXPECT_EQ(incarnation_of(bare, {}, kFresh, false), (Incarnation{1, "fresh", WallMs(9)}));
    EXPECT_EQ(incarnation_of(bare, {{ServerId(2), made(4)}}, kFresh, false)->number, 5U);
    NodeActual wiped = with_data(2, 6);
    wiped.data_empty = true;
    EXPECT_EQ(incarnation_of(wiped, {{ServerId(2), made(4)}}, kFresh, false)->number, 7U);
    EXPECT_EQ(
        incarnation_of(wiped, {{ServerId(2), made(agent_api::kIncarnationMax)}}, kFresh, false)
            ->number,
        agent_api::kIncarnationMax);
}

TEST(Incarnations, WhatIsBeingMadeIsNotMadeAgain) {
    NodeActual made_now = with_data(2, 2);
    made_now.data_empty = true;
    made_now.being_made = true;
    EXPECT_EQ(incarnation_of(made_now, {{ServerId(2), made(2)}}, kFresh, false), made(2));
    EXPECT_EQ(incarnation_of(made_now, {{ServerId(2), made(3)}}, kFresh, false)->number, 4U)
        << "another was made since";
}

TEST(Incarnations, ObservedAsBeingMadeWhileItsDirectoryIsThatOfItsRecord) {
    agent_api::NodeSpec spec;
    agent_api::NodeFacts facts;
    facts.data.state = agent_api::DataState::empty;
    facts.identity.emplace();
    facts.identity->cluster = "demo";
    facts.identity->sid = ServerId(2);
    facts.identity->generation = "g";
    facts.identity->incarnation = made(2);
    facts.data.owner = agent_api::DataOwner{"demo", ServerId(2), "g", made(2)};
    facts.memory = agent_api::MemberMemory{"demo", "g", {{ServerId(3), made(1)}}};
    EXPECT_TRUE(observe(spec, facts).being_made);
    EXPECT_EQ(observe(spec, facts).remembers, facts.memory->members);
    for (int what = 0; what < 5; ++what) {
        agent_api::NodeFacts other = facts;
        if (what == 0) other.identity->stored = true;  // it had data, and they are gone
        if (what == 1) other.data.owner.reset();       // its directory is another
        if (what == 2) other.data.owner->incarnation = made(1);
        if (what == 3) other.data.state = agent_api::DataState::data;
        if (what == 4) other.identity->incarnation = other.data.owner->incarnation = std::nullopt;
        EXPECT_FALSE(observe(spec, other).being_made) << what;
    }
    facts.memory->generation = "another";
    EXPECT_TRUE(observe(spec, facts).remembers.empty());
}

TEST(Incarnations, EachIsToldOfTheOthersWhatItDoesNotKnow) {
    std::vector<NodeActual> actuals = {with_data(1), with_data(2, 2), with_data(3)};
    actuals[0].remembers[ServerId(2)] = made(1);
    actuals[2].remembers[ServerId(2)] = made(2);
    actuals[2].remembers[ServerId(4)] = made(1);
    const auto newest = newest_incarnations(actuals);
    EXPECT_EQ(newest, (Incarnations{{ServerId(2), made(2)}, {ServerId(4), made(1)}}));
    const auto missing = forgotten(actuals, newest);
    EXPECT_EQ(missing.size(), 2U);
    EXPECT_EQ(missing.at(ServerId(1)), newest);
    EXPECT_EQ(missing.at(ServerId(2)), (Incarnations{{ServerId(4), made(1)}}))
        << "of itself a node knows by its record";
}

TEST(Incarnations, AReplacedHostMustNotRun) {
    inventory::Inventory inventory;
    inventory.cluster = "demo";
    const auto errors = [&](const std::vector<NodeActual>& actuals) {
        std::string text;
        for (const Finding& finding : preflight(inventory, actuals, "", std::nullopt)) {
            if (finding.level == Finding::Level::error) text += finding.words + "\n";
        }
        return text;
    };
    std::vector<NodeActual> actuals = {with_data(1), with_data(2), with_data(3)};
    EXPECT_EQ(errors(actuals), "");
    actuals[0].remembers[ServerId(2)] = made(1);
    EXPECT_THAT(errors(actuals), HasSubstr("this host was replaced: server 2 was made anew"));
    EXPECT_THAT(errors(actuals), HasSubstr("node 1 remembers it"));
    actuals[1].identity->incarnation = made(1);
    EXPECT_EQ(errors(actuals), "");
    actuals[1].identity->incarnation = made(2);
    EXPECT_EQ(errors(actuals), "") << "node 1 has missed the last time";
    actuals[1].identity->incarnation.reset();
    actuals[1].data_empty = true;
    EXPECT_EQ(errors(actuals), "") << "it may be made anew";
    actuals[1].server_running = true;
    EXPECT_NE(errors(actuals), "");
}

TEST(Incarnations, APlanTellsThem) {
    inventory::Inventory inventory;
    inventory.cluster = "demo";
    inventory::Node node;
    node.id = ServerId(1);
    node.host = "10.0.0.1";
    inventory.nodes = {node};
    Plan plan;
    plan.cluster = "demo";
    EXPECT_TRUE(plan.is_empty());
    plan.memories[ServerId(1)][ServerId(2)] = made(3);
    EXPECT_TRUE(plan.is_empty()) << "no node changes by it";
    EXPECT_THAT(
        format_plan(plan, inventory, Detail::changes),
        HasSubstr("note: node 1 is told that server 2 is incarnation 3\nPlan: no change.\n"));
}

}  // namespace
}  // namespace zk::plan
