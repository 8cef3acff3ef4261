#include "node_plan/node_plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent_api/digest.h"
#include "node_plan_fixture.h"

namespace zk::node_plan {
namespace {

using agent_api::AgentErrc;
using agent_api::AgentError;
using agent_api::FileKind;
using agent_api::Manager;
using agent_api::NodeFacts;
using agent_api::NodeSpec;
using agent_api::OutsideLeave;
using agent_api::PathFact;
using testing::ElementsAre;

TEST(NodePlan, NothingToDoIsAnEmptyList) {
    const NodeSpec spec = make_spec();
    const NodePlan plan = plan_of(spec, settled_facts(spec));
    EXPECT_TRUE(plan.steps.empty());
    EXPECT_FALSE(plan.restarts_server);
    EXPECT_FALSE(plan.starts_server);
}

TEST(NodePlan, WhereTheAgentAnswersHttpRestartsNothing) {
    NodeSpec spec = make_spec();
    const NodeFacts facts = settled_facts(spec);
    spec.http_address = "10.0.0.1";
    spec.http_port = 9180;
    const Decision decision = make_plan(spec, facts, false);
    ASSERT_TRUE(std::holds_alternative<NodePlan>(decision));
    const NodePlan& plan = std::get<NodePlan>(decision);
    EXPECT_FALSE(plan.restarts_server);
    EXPECT_FALSE(plan.starts_server);
    ASSERT_EQ(plan.steps.size(), 1U);
    EXPECT_EQ(plan.steps[0].kind, StepKind::record_applied);
}

TEST(NodePlan, FormationDoesNotMatterToASettledNode) {
    NodeSpec spec = make_spec();
    const NodeFacts facts = settled_facts(spec);
    spec.formation = agent_api::Formation::form;
    EXPECT_TRUE(plan_of(spec, facts).steps.empty());
}

TEST(NodePlan, BareHostFormsFromTheBottomUp) {
    NodeSpec spec = make_spec();
    spec.formation = agent_api::Formation::form;
    const NodePlan plan = plan_of(spec, bare_facts(), true);
    using enum StepKind;
    EXPECT_THAT(kinds(plan),
                ElementsAre(make_user,
                            make_directory,
                            make_directory,
                            make_directory,
                            install_release,
                            write_file,
                            write_file,
                            write_file,
                            write_file,
                            write_file,
                            install_agent,
                            switch_release,
                            write_marker,
                            record_identity,
                            reload_systemd,
                            enable_unit,
                            enable_unit,
                            start_agent,
                            start_server,
                            record_applied));
    EXPECT_TRUE(plan.starts_server);
    EXPECT_FALSE(plan.restarts_server);
    for (const Step& step : plan.steps) EXPECT_FALSE(step.why.empty()) << step.words();
}

TEST(NodePlan, JoinerGetsNoMarker) {
    const NodePlan plan = plan_of(make_spec(), bare_facts());
    for (const Step& step : plan.steps) EXPECT_NE(step.kind, StepKind::write_marker);
}

/// With an empty disk and the marker a server votes; a forming that was cut short before the start
/// leaves one.
TEST(NodePlan, JoinerLosesAMarkerThatWasLeftBehind) {
    NodeSpec spec = make_spec();
    NodeFacts facts = settled_facts(spec);
    facts.data.state = agent_api::DataState::empty;
    facts.data.initialize = true;
    facts.units[0].state = "inactive";
    using enum StepKind;
    EXPECT_THAT(kinds(plan_of(spec, facts)), ElementsAre(remove_marker, start_server));
    spec.formation = agent_api::Formation::form;
    for (const Step& step : plan_of(spec, facts).steps) EXPECT_NE(step.kind, remove_marker);
    spec.formation = agent_api::Formation::join;
    facts.data.state = agent_api::DataState::data;  // the server takes it away itself
    EXPECT_THAT(kinds(plan_of(spec, facts)), ElementsAre(start_server));
}

TEST(NodePlan, FileInADirectorysPlaceIsRefused) {
    const NodeSpec spec = make_spec();
    NodeFacts facts = settled_facts(spec);
    facts.paths[1].directory = false;
    EXPECT_EQ(refusal(spec, facts), AgentErrc::failed);
    facts = settled_facts(spec);
    facts.paths[3].directory = true;
    EXPECT_EQ(refusal(spec, facts), AgentErrc::failed);
}

TEST(NodePlan, SupervisedHasNoUnits) {
    NodeSpec spec = make_spec();
    spec.manager = Manager::supervised;
    spec.user = spec.group = "";
    spec.files.resize(2);
    NodeFacts facts = bare_facts();
    facts.uid = 1000;
    facts.systemd = false;
    facts.user_exists = facts.group_exists = true;
    facts.units = {{"zookeeper.service", "inactive", true, 0, {}},
                   {"zkprov-agent.service", "inactive", true, 0, {}}};
    using enum StepKind;
    EXPECT_THAT(kinds(plan_of(spec, facts)),
                ElementsAre(make_directory,
                            make_directory,
                            make_directory,
                            install_release,
                            write_file,
                            write_file,
                            switch_release,
                            record_identity,
                            start_agent,
                            start_server,
                            record_applied));
}

/// One thing differs; what has to be done, and does the server restart?
struct Change {
    const char* name;
    void (*change)(NodeSpec&, NodeFacts&);
    std::vector<StepKind> steps;
    bool restarts;
};

class OneChange : public testing::TestWithParam<Change> {};

TEST_P(OneChange, LeadsToExactlyTheseSteps) {
    NodeSpec spec = make_spec();
    NodeFacts facts = settled_facts(spec);
    GetParam().change(spec, facts);
    const NodePlan plan = plan_of(spec, facts);
    EXPECT_EQ(kinds(plan), GetParam().steps);
    EXPECT_EQ(plan.restarts_server, GetParam().restarts);
}

using enum StepKind;
INSTANTIATE_TEST_SUITE_P(
    NodePlan,
    OneChange,
    testing::Values(Change{"zoo.cfg",
                           [](NodeSpec& s, NodeFacts&) { s.files[0].content = "new"; },
                           {write_file, restart_server, record_applied},
                           true},
                    Change{"all configuration at once",
                           [](NodeSpec& s, NodeFacts&) {
                               s.files[0].content = "new";
                               s.files[2].content = "new unit";
                               s.release.version = "0.2.0";
                               s.release.sha256 = std::string(64, 'b');
                           },
                           {install_release,
                            write_file,
                            write_file,
                            switch_release,
                            reload_systemd,
                            restart_server,
                            record_applied},
                           true},
                    Change{"a plain file",
                           [](NodeSpec& s, NodeFacts&) { s.files[4].content = "other"; },
                           {write_file, record_applied},
                           false},
                    Change{"mode of zoo.cfg",
                           [](NodeSpec&, NodeFacts& f) { f.paths[3].mode = 0777; },
                           {write_file},
                           false},
                    Change{"owner of data",
                           [](NodeSpec&, NodeFacts& f) { f.paths[1].owner = "x:x"; },
                           {make_directory},
                           false},
                    Change{"agent's unit",
                           [](NodeSpec& s, NodeFacts&) { s.files[3].content = "new"; },
                           {write_file, reload_systemd, restart_agent, record_applied},
                           false},
                    Change{"agent's program",
                           [](NodeSpec&, NodeFacts& f) { f.agent_sha256 = "new"; },
                           {install_agent, restart_agent},
                           false},
                    Change{"release",
                           [](NodeSpec& s, NodeFacts&) {
                               s.release = {"0.2.0", std::string(64, 'b'), 9};
                           },
                           {install_release, switch_release, restart_server, record_applied},
                           true},
                    Change{"old program still runs",
                           [](NodeSpec&, NodeFacts& f) { f.running_sha256 = std::string(64, 'c'); },
                           {restart_server},
                           true},
                    Change{"server down",
                           [](NodeSpec&, NodeFacts& f) { f.units[0].state = "failed"; },
                           {start_server},
                           false},
                    Change{"server on its way up",
                           [](NodeSpec&, NodeFacts& f) { f.units[0].state = "activating"; },
                           {},
                           false},
                    Change{"agent down",
                           [](NodeSpec&, NodeFacts& f) {
                               f.units[1].state = "inactive";
                               f.resident_agent = false;
                           },
                           {start_agent},
                           false},
                    Change{"unit not enabled",
                           [](NodeSpec&, NodeFacts& f) { f.units[0].enabled = false; },
                           {enable_unit},
                           false},
                    Change{"only the probe's address",
                           [](NodeSpec& s, NodeFacts&) { s.address = "10.0.0.2"; },
                           {record_applied},
                           false},
                    Change{"record lost",
                           [](NodeSpec&, NodeFacts& f) { f.identity.reset(); },
                           {record_identity, record_applied},
                           false},
                    Change{"made anew",
                           [](NodeSpec& s, NodeFacts& f) {
                               s.incarnation = agent_api::Incarnation{1, "a", WallMs(1)};
                               f.data.state = agent_api::DataState::empty;
                           },
                           {record_identity, record_applied},
                           false},
                    Change{"interrupted before its end",
                           [](NodeSpec&, NodeFacts& f) { f.interrupted = true; },
                           {record_applied},
                           false},
                    Change{"interrupted before the restart",
                           [](NodeSpec&, NodeFacts& f) {
                               f.interrupted = true;
                               f.pending = {"reload-systemd", "restart-server"};
                           },
                           {reload_systemd, restart_server},
                           true}),
    [](const testing::TestParamInfo<Change>& tested) {
        std::string name = tested.param.name;
        for (char& letter : name) {
            if (!std::isalnum(static_cast<unsigned char>(letter))) letter = '_';
        }
        return name;
    });

TEST(NodePlan, TakenPortIsRefused) {
    const NodeSpec spec = make_spec();
    NodeFacts facts = settled_facts(spec);
    facts.ports.push_back({2888, "java (99)", false});
    EXPECT_EQ(refusal(spec, facts), AgentErrc::port_taken);
}

TEST(NodePlan, FullDiskIsRefusedOnlyWhenSomethingIsToWrite) {
    NodeSpec spec = make_spec();
    NodeFacts facts = settled_facts(spec);
    facts.space[1].free_bytes = 1 << 20;
    EXPECT_TRUE(plan_of(spec, facts).steps.empty());
    spec.files[0].content = "new";
    EXPECT_EQ(refusal(spec, facts), AgentErrc::disk_full);
    facts.space[1].free_bytes = 1ULL << 30;
    facts.space[0].free_bytes = 20ULL << 20;  // enough for files, not for a release
    EXPECT_FALSE(plan_of(spec, facts).steps.empty());
    spec.release = {"0.2.0", std::string(64, 'b'), 8 << 20};
    EXPECT_EQ(refusal(spec, facts), AgentErrc::disk_full);
}

TEST(NodePlan, MissingRightIsRefused) {
    const NodeSpec spec = make_spec();
    NodeFacts facts = bare_facts();
    facts.uid = 1000;
    EXPECT_EQ(refusal(spec, facts), AgentErrc::no_right);
    facts.uid = 0;
    facts.systemd = false;
    EXPECT_EQ(refusal(spec, facts), AgentErrc::unsupported);
}

/// As settled, but with Apache's server, 5 MiB of data to copy.
NodeFacts facts_of_other_flavor(const NodeSpec& spec) {
    NodeFacts facts = settled_facts(spec);
    facts.release_flavor = "apache";
    facts.release_sha256.clear();
    facts.running_sha256.clear();
    facts.release_target = "releases/3.8.0-bb";
    facts.data.copy_bytes = 5U << 20;
    return facts;
}
NodePlan moving_plan(const NodeSpec& spec, const NodeFacts& facts) {
    return std::get<NodePlan>(make_plan(spec, facts, false, Copy::yes));
}

TEST(NodePlan, AnotherFlavorsServerIsStoppedAndItsDataCopiedBeforeAllElse) {
    const NodeSpec spec = make_spec();
    NodeFacts facts = facts_of_other_flavor(spec);
    facts.identity->spec_hash = "other";
    const NodePlan plan = moving_plan(spec, facts);
    EXPECT_THAT(kinds(plan),
                ElementsAre(StepKind::stop_server,
                            StepKind::copy_data,
                            StepKind::install_release,
                            StepKind::switch_release,
                            StepKind::start_server,
                            StepKind::record_applied));
    EXPECT_TRUE(plan.restarts_server);
    // It is down already: an agent that was killed behind the stop.
    facts.units[0].state = "inactive";
    EXPECT_THAT(kinds(moving_plan(spec, facts)),
                ElementsAre(StepKind::copy_data,
                            StepKind::install_release,
                            StepKind::switch_release,
                            StepKind::start_server,
                            StepKind::record_applied));
}

TEST(NodePlan, WithoutBeingAskedForOrWithoutDataNothingIsCopied) {
    const NodeSpec spec = make_spec();
    NodeFacts facts = facts_of_other_flavor(spec);
    EXPECT_THAT(kinds(plan_of(spec, facts)), testing::Not(testing::Contains(StepKind::copy_data)));
    facts.data.state = agent_api::DataState::empty;
    EXPECT_THAT(kinds(moving_plan(spec, facts)),
                testing::Not(testing::Contains(StepKind::copy_data)));
    EXPECT_TRUE(moving_plan(spec, settled_facts(spec)).steps.empty());
}

TEST(NodePlan, TheCopyNeedsItsRoom) {
    const NodeSpec spec = make_spec();
    NodeFacts facts = facts_of_other_flavor(spec);
    for (auto& space : facts.space) {
        if (space.path == spec.data_dir) space.free_bytes = kFreeBytesLeast + facts.data.copy_bytes;
    }
    EXPECT_FALSE(moving_plan(spec, facts).steps.empty());
    ++facts.data.copy_bytes;
    const Decision decision = make_plan(spec, facts, false, Copy::yes);
    EXPECT_EQ(std::get<AgentError>(decision).code, AgentErrc::disk_full);
}

TEST(NodePlan, AReleaseThatWasKeptIsOnlySwitchedTo) {
    const NodeSpec spec = make_spec();
    NodeFacts facts = facts_of_other_flavor(spec);
    facts.kept_sha256 = spec.release.sha256;
    EXPECT_THAT(kinds(plan_of(spec, facts)),
                ElementsAre(StepKind::switch_release, StepKind::restart_server));
    facts.kept_sha256 = "damaged";
    EXPECT_THAT(
        kinds(plan_of(spec, facts)),
        ElementsAre(StepKind::install_release, StepKind::switch_release, StepKind::restart_server));
}

/// A host on which somebody else's server serves from the directories of `spec`.
NodeFacts outside_facts(const NodeSpec& spec) {
    NodeFacts facts = bare_facts();
    facts.user_exists = facts.group_exists = true;
    facts.paths = {{"/opt/zk/data", "", 0755, "root:root", true},
                   {"/opt/zk/logs", "", 0755, "root:root", true},
                   {"/opt/zk/data/myid", "digest of 2", 0644, "root:root", false}};
    facts.data.state = agent_api::DataState::data;
    facts.data.myid = spec.sid;
    facts.others_file = "/opt/zk/data/version-2";
    facts.ports = {{2181, "java (77)", true}};
    facts.outside.emplace();
    facts.outside->pid = 77;
    facts.outside->program = "java";
    facts.outside->parent = 1;
    return facts;
}
/// ... that was adopted.
NodeFacts adopted_facts(const NodeSpec& spec) {
    NodeFacts facts = settled_facts(spec);
    const NodeFacts outside = outside_facts(spec);
    for (const PathFact& path : outside.paths) {
        std::erase_if(facts.paths, [&](const PathFact& each) { return each.path == path.path; });
        facts.paths.push_back(path);
    }
    std::erase_if(facts.paths, [](const PathFact& each) {
        return each.path == "/etc/systemd/system/zookeeper.service";
    });
    facts.units[0] = {"zookeeper.service", "missing", false, 0, {}};
    facts.outside = outside.outside;
    facts.others_file = outside.others_file;
    facts.running_sha256.clear();
    return facts;
}
TEST(NodePlan, AServerOutsideIsInTheWayUnlessItIsAdopted) {
    const NodeSpec spec = make_spec();
    const auto decision =
        make_plan(spec, outside_facts(spec), false, Copy::no, OutsideLeave::known);
    const auto* const error = std::get_if<AgentError>(&decision);
    ASSERT_NE(error, nullptr);
    EXPECT_EQ(error->code, AgentErrc::port_taken);
    EXPECT_THAT(error->words, testing::HasSubstr("java (77) serves from /opt/zk/data"));
    EXPECT_THAT(error->words, testing::HasSubstr("--adopt"));
    const auto over =
        make_plan(spec, outside_facts(spec), false, Copy::no, OutsideLeave::take_over);
    EXPECT_TRUE(std::holds_alternative<AgentError>(over));
}

TEST(NodePlan, AnAdoptedServerAndItsStarterAreLeftAlone) {
    const NodeSpec spec = make_spec();
    const NodePlan plan = plan_with(spec, outside_facts(spec), OutsideLeave::adopt);
    using enum StepKind;
    EXPECT_THAT(kinds(plan),
                ElementsAre(make_directory,
                            install_release,
                            write_file,
                            write_file,
                            write_file,
                            install_agent,
                            switch_release,
                            record_identity,
                            reload_systemd,
                            enable_unit,
                            start_agent,
                            record_applied));
    for (const Step& step : plan.steps) {
        EXPECT_FALSE(spec.waits_for_unit(step.target)) << step.words();
        EXPECT_NE(step.target, "zookeeper.service") << step.words();
    }
    EXPECT_FALSE(plan.restarts_server);
    EXPECT_FALSE(plan.starts_server);
    const NodeFacts after = adopted_facts(spec);
    EXPECT_TRUE(plan_with(spec, after, OutsideLeave::known).steps.empty());
    EXPECT_TRUE(plan_with(spec, after, OutsideLeave::adopt).steps.empty());
}

/// A unit of the same name that was there before holds the server.
TEST(NodePlan, AUnitOfTheSameNameIsNotTouchedEither) {
    const NodeSpec spec = make_spec();
    NodeFacts facts = outside_facts(spec);
    facts.units[0] = {"zookeeper.service", "active", true, 77, {}};
    facts.outside->unit = "zookeeper.service";
    facts.paths.push_back(
        {"/etc/systemd/system/zookeeper.service", "theirs", 0644, "root:root", false});
    for (const Step& step : plan_with(spec, facts, OutsideLeave::adopt).steps) {
        EXPECT_FALSE(spec.waits_for_unit(step.target)) << step.words();
        EXPECT_NE(step.target, "zookeeper.service") << step.words();
    }
}

TEST(NodePlan, AdoptingOverwritesNothing) {
    const NodeSpec spec = make_spec();
    NodeFacts facts = outside_facts(spec);
    facts.paths.push_back({"/opt/zk/conf/zoo.cfg", "theirs", 0644, "root:root", false});
    const auto decision = make_plan(spec, facts, false, Copy::no, OutsideLeave::adopt);
    const auto* const error = std::get_if<AgentError>(&decision);
    ASSERT_NE(error, nullptr);
    EXPECT_THAT(error->words, testing::HasSubstr("/opt/zk/conf/zoo.cfg is there"));
    // What an adoption that was cut short has written.
    facts.paths.back().sha256 = agent_api::sha256_hex("conf");
    EXPECT_FALSE(plan_with(spec, facts, OutsideLeave::adopt).steps.empty());
}

TEST(NodePlan, TheUnitTakesOverInOneGo) {
    const NodeSpec spec = make_spec();
    const NodePlan plan = plan_with(spec, adopted_facts(spec), OutsideLeave::take_over);
    using enum StepKind;
    EXPECT_THAT(kinds(plan),
                ElementsAre(stop_outside,
                            make_directory,
                            make_directory,
                            own_data,
                            write_file,
                            write_file,
                            reload_systemd,
                            enable_unit,
                            start_server));
    EXPECT_TRUE(plan.restarts_server);
    EXPECT_EQ(plan.steps.front().target, "java (77)");
}

TEST(NodePlan, AChangeThatWantsARestartTakesOver) {
    NodeSpec spec = make_spec();
    const NodeFacts facts = adopted_facts(spec);
    spec.files[0].content = "another conf";
    const NodePlan plan = plan_with(spec, facts, OutsideLeave::known);
    EXPECT_TRUE(plan.restarts_server);
    EXPECT_THAT(kinds(plan), testing::Contains(StepKind::stop_outside));
    EXPECT_THAT(kinds(plan), testing::Contains(StepKind::start_server));
    // Its own files come first, those that it may use after it has stopped.
    EXPECT_EQ(plan.steps.front().target, "/opt/zk/conf/zoo.cfg");
    spec = make_spec();
    spec.files[4].content = "another note";
    EXPECT_FALSE(plan_with(spec, facts, OutsideLeave::known).restarts_server);
}

TEST(NodePlan, SomebodysChildIsNotTakenOver) {
    const NodeSpec spec = make_spec();
    NodeFacts facts = adopted_facts(spec);
    facts.outside->parent = 50;
    facts.outside->parent_name = "runsv";
    const auto decision = make_plan(spec, facts, false, Copy::no, OutsideLeave::take_over);
    const auto* const error = std::get_if<AgentError>(&decision);
    ASSERT_NE(error, nullptr);
    EXPECT_THAT(error->words, testing::HasSubstr("a child of runsv (50)"));
    facts.outside->unit = "zk.service";
    EXPECT_TRUE(plan_with(spec, facts, OutsideLeave::take_over).restarts_server);
}

TEST(NodePlan, AContainerIsNotTakenIn) {
    const NodeSpec spec = make_spec();
    NodeFacts facts = outside_facts(spec);
    facts.outside->container = true;
    const auto decision = make_plan(spec, facts, false, Copy::no, OutsideLeave::adopt);
    ASSERT_NE(std::get_if<AgentError>(&decision), nullptr);
    EXPECT_EQ(std::get<AgentError>(decision).code, AgentErrc::unsupported);
}

/// After a take-over that was cut short behind its first step.
TEST(NodePlan, FilesOfAnotherUserAreMendedBeforeAStart) {
    const NodeSpec spec = make_spec();
    NodeFacts facts = adopted_facts(spec);
    facts.outside.reset();
    const NodePlan plan = plan_of(spec, facts);
    EXPECT_THAT(kinds(plan), testing::Contains(StepKind::own_data));
    EXPECT_TRUE(plan.starts_server);
}

TEST(NodePlan, OwnersAreKnownByNameOrByNumber) {
    NodeSpec spec = make_spec();
    spec.directories[1].owner = "1000:1000";
    NodeFacts facts = settled_facts(spec);
    facts.paths[1].owner = "ops:ops";
    facts.paths[1].owner_ids = "1000:1000";
    EXPECT_TRUE(plan_of(spec, facts).steps.empty());
    facts.paths[1].owner_ids = "1001:1000";
    EXPECT_EQ(kinds(plan_of(spec, facts)), std::vector{StepKind::make_directory});
}

}  // namespace
}  // namespace zk::node_plan
