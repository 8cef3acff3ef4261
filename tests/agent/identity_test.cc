#include "identity/identity.h"

#include <gtest/gtest.h>

namespace zk::identity {
namespace {

using agent_api::AgentErrc;
using agent_api::DataState;
using agent_api::NodeFacts;
using agent_api::NodeSpec;
using agent_api::RecordedIdentity;

/// Every state a node of an ensemble can be in, as far as the table knows.
NodeView view(int sid, int state) {
    NodeView node;
    node.sid = ServerId(sid);
    node.answers = state != 0;
    node.has_data = state == 3 || state == 4;
    node.ever_formed = state == 2 || state == 4;
    return node;
}
constexpr int kStates = 5;  // silent, empty, empty but formed, data, data and formed

TEST(Formation, EveryCombinationOfThree) {
    int formed = 0;
    for (int own = 1; own < kStates; ++own) {
        for (int second = 0; second < kStates; ++second) {
            for (int third = 0; third < kStates; ++third) {
                for (const bool matches : {true, false}) {
                    const std::vector<NodeView> nodes = {
                        view(1, own), view(2, second), view(3, third)};
                    const auto decision = decide_formation(ServerId(1), matches, nodes);
                    int empty = 0, silent = 0;
                    bool remembered = false;
                    for (const NodeView& node : nodes) {
                        if (!node.answers) ++silent;
                        if (node.answers && !node.has_data) ++empty;
                        remembered = remembered || node.has_data || node.ever_formed;
                    }
                    Formation expected = Formation::form;
                    if (nodes[0].has_data) {
                        expected = matches ? Formation::start : Formation::conflict;
                    } else if (remembered) {
                        expected = empty >= 2 ? Formation::data_loss : Formation::join;
                    } else if (silent > 0) {
                        expected = Formation::wait;
                    }
                    EXPECT_EQ(decision.formation, expected)
                        << own << second << third << matches << " " << decision.why;
                    EXPECT_FALSE(decision.why.empty());
                    if (decision.formation == Formation::form) {
                        // The rule that must never break: only when all answer, empty and new.
                        EXPECT_EQ(empty, 3);
                        EXPECT_EQ(silent, 0);
                        EXPECT_FALSE(remembered);
                        ++formed;
                    }
                }
            }
        }
    }
    EXPECT_EQ(formed, 2);  // one combination, with either value of `matches`
}

TEST(Formation, OneOfFiveIsReplaced) {
    const std::vector<NodeView> nodes = {
        view(1, 3), view(2, 1), view(3, 4), view(4, 0), view(5, 3)};
    EXPECT_EQ(decide_formation(ServerId(2), true, nodes).formation, Formation::join);
}

TEST(Formation, TheSilentOneIsNamed) {
    const std::vector<NodeView> nodes = {view(1, 1), view(2, 1), view(3, 0)};
    const auto decision = decide_formation(ServerId(1), true, nodes);
    EXPECT_EQ(decision.formation, Formation::wait);
    EXPECT_NE(decision.why.find("3"), std::string::npos);
}

TEST(FindSelf, ExactlyOneAddressMatches) {
    const std::vector<ListedNode> listed = {
        {ServerId(1), "10.0.0.1"}, {ServerId(2), "10.0.0.2"}, {ServerId(3), "10.0.0.3"}};
    EXPECT_EQ(*find_self(listed, {"127.0.0.1", "10.0.0.2"}), ServerId(2));
    EXPECT_FALSE(find_self(listed, {"10.0.0.9"}).has_value());
    EXPECT_FALSE(find_self(listed, {}).has_value());
    EXPECT_FALSE(find_self(listed, {"10.0.0.1", "10.0.0.3"}).has_value());
}

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
