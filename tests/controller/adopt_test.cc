// Servers that run already: described, taken in, restarted under their units. decisions/0015.
#include <gmock/gmock.h>

#include "inventory/render.h"
#include "runner_fixture.h"

namespace zk::phases {
namespace {

using agent_api::OutsideLeave;
using testing::ElementsAre;
using testing::HasSubstr;

class Adopt : public Runner {
  protected:
    Adopt() {
        for (std::int64_t id = 1; id <= 3; ++id) {
            nodes[id].running = nodes[id].has_data = true;
            agent_api::OutsideServer server;
            server.pid = 70 + id;
            server.program = "java";
            server.flavor = "zkserver";
            server.members = {"1=192.168.6.137:2888:3888",
                              "2=192.168.6.138:2888:3888",
                              "3=192.168.6.139:2888:3888"};
            nodes[id].outside = server;
        }
    }
    int restarts() {
        int count = 0;
        for (std::int64_t id = 1; id <= 3; ++id) count += nodes[id].restarts;
        return count;
    }
};

TEST_F(Adopt, ThePlanSaysWhatWouldBeAdded) {
    EXPECT_EQ(plan(ChangesCode::yes), ExitCode::changes) << err;
    EXPECT_THAT(out, HasSubstr("take in what runs already, as it is: no server restarts"));
    EXPECT_THAT(out, HasSubstr("0 restarts"));
    EXPECT_THAT(nodes.story, ElementsAre());
}

TEST_F(Adopt, AnApplyHasToBeToldTo) {
    EXPECT_EQ(apply(), ExitCode::preflight);
    EXPECT_THAT(err, HasSubstr("node 2 (192.168.6.138): java (72) serves from"));
    EXPECT_THAT(err, HasSubstr("zkprov apply --adopt. Nothing was changed"));
    EXPECT_THAT(nodes.story, ElementsAre());
}

TEST_F(Adopt, TakenInThenTakenOver) {
    settings.adopt = true;
    EXPECT_EQ(apply(), ExitCode::done) << err;
    EXPECT_EQ(restarts(), 0);
    EXPECT_THAT(nodes[1].leaves, ElementsAre(OutsideLeave::adopt));
    settings.adopt = false;
    EXPECT_EQ(plan(ChangesCode::yes), ExitCode::done) << err << out;
    EXPECT_THAT(out, HasSubstr("nodes 1, 2 and 3 run outside of zkprov's unit"));
    settings.take_over = true;
    EXPECT_EQ(plan(ChangesCode::yes), ExitCode::changes) << err;
    EXPECT_THAT(out, HasSubstr("3 restarts"));
    EXPECT_EQ(apply(), ExitCode::invalid) << "it restarts servers and nobody was asked";
    settings.yes = true;
    EXPECT_EQ(apply(), ExitCode::done) << err;
    EXPECT_THAT(nodes.story, ElementsAre("apply 1", "apply 2", "apply 3"));
    EXPECT_EQ(restarts(), 3);
    EXPECT_EQ(plan(ChangesCode::yes), ExitCode::done) << out;
}

/// Nobody knows yet who leads.
TEST_F(Adopt, TheFirstRunRestartsNothingWhateverItIsTold) {
    settings.adopt = settings.take_over = settings.yes = true;
    EXPECT_EQ(apply(), ExitCode::done) << err;
    EXPECT_EQ(restarts(), 0);
}

TEST_F(Adopt, AnotherEnsembleIsNotTakenIn) {
    nodes[2].outside->members[0] = "1=10.0.0.1:2888:3888";
    settings.adopt = true;
    EXPECT_EQ(apply(), ExitCode::preflight);
    EXPECT_THAT(err, HasSubstr("node 2 (192.168.6.138): java (72) runs there with other members"));
    EXPECT_THAT(nodes.story, ElementsAre());
}

// ---- import -----------------------------------------------------------------------------------

class ImportRun : public Runner {
  protected:
    ImportRun() {
        for (const auto& node : inventory.nodes) {
            agent_api::ReleaseSpec spec;
            spec.version = "0.1.0-aaaaaaaa";
            spec.sha256 = std::string(64, 'a');
            nodes[node.id.value()].host_survey.emplace();
            nodes[node.id.value()].host_survey->applied =
                *inventory::render_node(inventory, node, spec, "g-1");
        }
    }
    ExitCode import_all(bool json = false) {
        Console console = make_console(json);
        return run_import(inventory, settings, console, {});
    }
};

TEST_F(ImportRun, PrintsAnInventory) {
    EXPECT_EQ(import_all(), ExitCode::done) << err;
    inventory::Diagnostics diagnostics("out");
    const auto read = inventory::read_inventory(out, "/w", diagnostics);
    ASSERT_TRUE(read) << diagnostics.format_all();
    EXPECT_EQ(read->cluster, "demo");
    EXPECT_EQ(read->nodes.size(), 3U);
    EXPECT_EQ(err, "");
    EXPECT_EQ(import_all(true), ExitCode::done);
    EXPECT_THAT(out, testing::StartsWith("{\"schema\":\"zkprov.import/1\",\"inventory\":\"#"));
}

TEST_F(ImportRun, WritesNoneWhereAHostSaysNothing) {
    nodes[2].host_survey.reset();
    EXPECT_EQ(import_all(), ExitCode::preflight);
    EXPECT_EQ(out, "");
    EXPECT_THAT(err, HasSubstr("cannot look\nno inventory was written"));
    nodes[2].host_survey.emplace();
    EXPECT_EQ(import_all(), ExitCode::preflight);
    EXPECT_THAT(err, HasSubstr("192.168.6.138: no ZooKeeper server runs there"));
    nodes[3].open_error = link_error(LinkErrc::unreachable, "node 3: no answer");
    EXPECT_EQ(import_all(true), ExitCode::unreachable);
    EXPECT_THAT(out, HasSubstr("zkprov.error/1"));
}

}  // namespace
}  // namespace zk::phases
