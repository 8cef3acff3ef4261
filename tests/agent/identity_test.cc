#include "identity/identity.h"

#include <gtest/gtest.h>

namespace zk::identity {
namespace {

using agent_api::AgentErrc;
using agent_api::DataState;
using agent_api::NodeFacts;
using agent_api::NodeSpec;
using agent_api::RecordedIdentity;

NodeSpec spec_of(int sid) {
    NodeSpec spec;
    spec.cluster = "demo";
    spec.generation = "g1";
    spec.sid = ServerId(sid);
    spec.data_dir = "/data";
    return spec;
}
RecordedIdentity record_of(int sid, bool formed) {
    RecordedIdentity record;
    record.cluster = "demo";
    record.generation = "g1";
    record.sid = ServerId(sid);
    record.formed = formed;
    return record;
}

TEST(CheckIdentity, FreshHostMayBecomeAnything) {
    NodeFacts facts;
    EXPECT_FALSE(check_identity(spec_of(2), facts));
    facts.data.state = DataState::empty;
    facts.data.myid = ServerId(7);  // a myid alone is not data
    EXPECT_FALSE(check_identity(spec_of(2), facts));
}

TEST(CheckIdentity, AnotherRecordIsAConflictOnceItFormed) {
    NodeFacts facts;
    facts.identity = record_of(3, true);
    EXPECT_EQ(check_identity(spec_of(2), facts)->code, AgentErrc::identity_conflict);
    facts.identity = record_of(3, false);
    EXPECT_FALSE(check_identity(spec_of(2), facts));
    facts.data.state = DataState::data;
    facts.data.myid = ServerId(2);
    EXPECT_EQ(check_identity(spec_of(2), facts)->code, AgentErrc::identity_conflict);

    facts = NodeFacts();
    facts.identity = record_of(2, true);
    EXPECT_FALSE(check_identity(spec_of(2), facts));
    facts.identity->cluster = "other";
    EXPECT_TRUE(check_identity(spec_of(2), facts));
    facts.identity = record_of(2, true);
    facts.identity->generation = "g2";
    EXPECT_TRUE(check_identity(spec_of(2), facts));
}

/// It says whose its data are by serving from them; in an ensemble it is its myid that says it.
TEST(CheckIdentity, AServerAloneThatServesNeedsNoMyId) {
    NodeFacts facts;
    facts.data.state = DataState::data;
    NodeSpec spec = spec_of(2);
    spec.members.resize(1);
    EXPECT_EQ(check_identity(spec, facts)->code, AgentErrc::identity_conflict);
    facts.outside.emplace();
    EXPECT_FALSE(check_identity(spec, facts));
    spec.members.resize(3);
    EXPECT_EQ(check_identity(spec, facts)->code, AgentErrc::identity_conflict);
    spec.members.resize(1);
    facts.outside->members = {"2=h:1:2"};
    EXPECT_EQ(check_identity(spec, facts)->code, AgentErrc::identity_conflict);
}

TEST(CheckIdentity, DataNameTheirEnsemble) {
    NodeFacts facts;
    facts.data.state = DataState::data;
    facts.data.owner = agent_api::DataOwner{"demo", ServerId(2), "g1"};
    EXPECT_FALSE(check_identity(spec_of(2), facts)) << "without a myid and a record";
    EXPECT_TRUE(check_identity(spec_of(3), facts));
    facts.identity = record_of(2, true);
    EXPECT_FALSE(check_identity(spec_of(2), facts));
    for (const auto& stranger : {agent_api::DataOwner{"other", ServerId(2), "g1"},
                                 agent_api::DataOwner{"demo", ServerId(3), "g1"},
                                 agent_api::DataOwner{"demo", ServerId(2), "g2"}}) {
        facts.data.owner = stranger;
        const auto wrong = check_identity(spec_of(2), facts);
        ASSERT_TRUE(wrong);
        EXPECT_EQ(wrong->code, AgentErrc::identity_conflict);
    }
    // No data: a file alone is left from an apply that was cut short.
    facts.data.state = DataState::empty;
    EXPECT_FALSE(check_identity(spec_of(2), facts));
}

agent_api::Incarnation incarnation(std::uint64_t number) {
    return {number, "id" + std::to_string(number), WallMs(1000)};
}

TEST(CheckIdentity, ADiskOfAnotherIncarnationIsAConflict) {
    for (const int node : {0, 1, 2}) {
        for (const int disk : {0, 1, 2}) {
            NodeSpec spec = spec_of(2);
            NodeFacts facts;
            facts.identity = record_of(2, true);
            facts.data.state = DataState::data;
            facts.data.owner = agent_api::DataOwner{"demo", ServerId(2), "g1"};
            if (node > 0) spec.incarnation = facts.identity->incarnation = incarnation(node);
            if (disk > 0) facts.data.owner->incarnation = incarnation(disk);
            const auto wrong = check_identity(spec, facts);
            const auto at_start = check_disk(*facts.identity, facts.data, "/data");
            ASSERT_EQ(wrong.has_value(), node != disk) << node << disk;
            ASSERT_EQ(at_start.has_value(), node != disk) << node << disk;
            if (!wrong) continue;
            EXPECT_EQ(wrong->code, AgentErrc::identity_conflict);
            EXPECT_NE(wrong->words.find("a disk of another time"), std::string::npos);
            EXPECT_EQ(wrong->words, at_start->words);
            // A disk that says nothing is the node's, as before.
            facts.data.owner.reset();
            EXPECT_FALSE(check_identity(spec, facts));
            EXPECT_FALSE(check_disk(*facts.identity, facts.data, "/data"));
            // An empty one is nobody's.
            facts.data.state = DataState::empty;
            EXPECT_FALSE(check_identity(spec, facts));
            EXPECT_FALSE(check_disk(*facts.identity, facts.data, "/data"));
        }
    }
}

TEST(CheckIdentity, ANodeIsMadeAnewFromAnEmptyDiskOnlyAndNeverBack) {
    NodeSpec spec = spec_of(2);
    NodeFacts facts;
    facts.identity = record_of(2, true);
    facts.identity->incarnation = incarnation(1);
    spec.incarnation = incarnation(2);
    EXPECT_FALSE(check_identity(spec, facts));
    facts.data.state = DataState::data;
    facts.data.myid = ServerId(2);
    const auto wrong = check_identity(spec, facts);
    ASSERT_TRUE(wrong);
    EXPECT_NE(wrong->words.find("with the data that it has"), std::string::npos) << wrong->words;
    facts.data.state = DataState::empty;
    for (const bool none : {false, true}) {
        facts.identity->incarnation = incarnation(3);
        if (none) spec.incarnation.reset();
        const auto back = check_identity(spec, facts);
        ASSERT_TRUE(back);
        EXPECT_NE(back->words.find("was replaced by it"), std::string::npos) << back->words;
    }
    // The record of another node, of an apply that never led to an ensemble.
    facts.identity->sid = ServerId(3);
    facts.identity->formed = false;
    EXPECT_FALSE(check_identity(spec, facts));
}

TEST(CheckIdentity, WhatCannotBeReadIsNotNobodys) {
    NodeFacts facts;
    facts.data.state = DataState::data;
    facts.data.myid = ServerId(2);
    EXPECT_FALSE(check_identity(spec_of(2), facts));
    facts.data.owner_damaged = true;
    EXPECT_TRUE(check_identity(spec_of(2), facts));
    facts.identity = record_of(2, true);  // it says whose they are
    EXPECT_FALSE(check_identity(spec_of(2), facts));
}

TEST(CheckIdentity, DataOfAnotherServerIsAConflict) {
    NodeFacts facts;
    facts.data.state = DataState::data;
    facts.data.myid = ServerId(3);
    EXPECT_EQ(check_identity(spec_of(2), facts)->code, AgentErrc::identity_conflict);
    facts.data.myid = ServerId(2);
    EXPECT_FALSE(check_identity(spec_of(2), facts));
    facts.data.myid.reset();
    EXPECT_EQ(check_identity(spec_of(2), facts)->code, AgentErrc::identity_conflict);
    facts.identity = record_of(2, true);
    EXPECT_FALSE(check_identity(spec_of(2), facts));
}

TEST(CheckIdentity, FormingNeedsAnEmptyAndNewDisk) {
    NodeSpec spec = spec_of(2);
    spec.formation = agent_api::Formation::form;
    NodeFacts facts;
    EXPECT_FALSE(check_identity(spec, facts));
    EXPECT_TRUE(needs_marker(spec, facts));

    facts.data.state = DataState::data;
    facts.data.myid = ServerId(2);
    EXPECT_EQ(check_identity(spec, facts)->code, AgentErrc::unsafe);

    facts.identity = record_of(2, true);  // an apply that is repeated
    EXPECT_FALSE(check_identity(spec, facts));
    EXPECT_FALSE(needs_marker(spec, facts));

    facts.data.state = DataState::empty;  // wiped since
    EXPECT_EQ(check_identity(spec, facts)->code, AgentErrc::unsafe);
    facts.data.initialize = true;  // cut short between marker and start
    EXPECT_FALSE(check_identity(spec, facts));
    EXPECT_FALSE(needs_marker(spec, facts));
}

TEST(CheckIdentity, JoiningNeverWritesAMarker) {
    for (const DataState state : {DataState::missing, DataState::empty, DataState::data}) {
        NodeFacts facts;
        facts.data.state = state;
        EXPECT_FALSE(needs_marker(spec_of(2), facts));
    }
    NodeFacts wiped;
    wiped.identity = record_of(2, true);
    EXPECT_FALSE(check_identity(spec_of(2), wiped));
}

}  // namespace
}  // namespace zk::identity
