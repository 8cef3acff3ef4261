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
