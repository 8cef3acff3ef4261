#include "plan/preflight.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "plan/observe.h"

namespace zk::plan {
namespace {

using testing::HasSubstr;

inventory::Inventory demo() {
    inventory::Inventory inventory;
    inventory.cluster = "demo";
    return inventory;
}
NodeActual good(std::int64_t id) {
    NodeActual actual;
    actual.id = ServerId(id);
    actual.arch = "x86_64";
    actual.root = true;
    actual.spaces = {{"/usr/local/zookeeper/data", 100ULL << 30, false}};
    return actual;
}
std::string findings_of(const std::vector<NodeActual>& actuals,
                        const inventory::Inventory& inventory = demo()) {
    std::string text;
    for (const Finding& finding : preflight(inventory, actuals, "x86_64")) {
        text += finding.level == Finding::Level::error ? "error " : "warning ";
        text += to_string(*finding.node) + ": " + finding.words + "\n";
    }
    return text;
}

TEST(Preflight, GoodNodesPass) { EXPECT_EQ(findings_of({good(1), good(2), good(3)}), ""); }

TEST(Preflight, Machine) {
    NodeActual actual = good(2);
    actual.arch = "aarch64";
    EXPECT_THAT(findings_of({good(1), actual}), HasSubstr("error 2: is a aarch64 machine"));
}

TEST(Preflight, Rights) {
    NodeActual actual = good(2);
    actual.root = false;
    EXPECT_THAT(findings_of({actual}), HasSubstr("error 2: the agent does not run as root"));
    EXPECT_THAT(findings_of({actual}), testing::Not(HasSubstr("docker")));
    auto local = demo();
    local.transport = inventory::Transport::local;
    EXPECT_EQ(findings_of({actual}, local), "");
    // Who may speak to the engine may not do the rest.
    local.docker.emplace();
    EXPECT_THAT(findings_of({actual}, local), HasSubstr("error 2: the agent does not run as root"));
    EXPECT_THAT(findings_of({actual}, local), HasSubstr("the group docker is not enough"));
}

TEST(Preflight, JavaWhereTheServerNeedsOne) {
    NodeActual actual = good(2);
    actual.java_words = "there is no /usr/bin/java";
    EXPECT_EQ(findings_of({actual}), "");  // ours does not
    actual.java_least = 8;
    EXPECT_THAT(findings_of({actual}),
                HasSubstr("error 2: has no Java to run Apache's server: there is no /usr/bin/java; "
                          "install one (on Debian: apt-get install default-jre-headless)"));
    actual.java_version = 7;
    actual.java_words = "java version \"1.7.0_80\"";
    EXPECT_THAT(
        findings_of({actual}),
        HasSubstr("error 2: has Java 7 (java version \"1.7.0_80\"), Apache's server needs 8"));
    actual.java_version = 8;
    EXPECT_EQ(findings_of({actual}), "");
}

TEST(Preflight, AnEnsembleKeepsItsFlavor) {
    NodeActual actual = good(2);
    actual.other_flavor = "zkserver";
    EXPECT_EQ(findings_of({actual}), "");  // it never formed
    actual.identity = Identity{"demo", ServerId(2), true, "g"};
    EXPECT_THAT(
        findings_of({actual}),
        HasSubstr("error 2: runs zkprov's own server, and the inventory asks for Apache's"));
    EXPECT_THAT(findings_of({actual}), HasSubstr("write flavor: zkserver"));
}

TEST(Preflight, Identity) {
    NodeActual actual = good(2);
    actual.identity = Identity{"demo", ServerId(2), true, "g"};
    EXPECT_EQ(findings_of({actual}), "");
    actual.identity->id = ServerId(3);
    EXPECT_THAT(findings_of({actual}), HasSubstr("belongs to ensemble \"demo\" as server 3"));
    actual.identity = Identity{"other", ServerId(2), false, "g"};
    EXPECT_EQ(findings_of({actual}), "");  // it never formed
    actual.data_empty = false;
    EXPECT_THAT(findings_of({actual}), HasSubstr("belongs to ensemble \"other\" as server 2"));
}

TEST(Preflight, Room) {
    NodeActual actual = good(2);
    actual.spaces = {{"/data", 511ULL << 20, false}};
    EXPECT_THAT(findings_of({actual}), HasSubstr("error 2: /data has 511 MiB free, at least 512"));
    actual.spaces = {{"/data", 1ULL << 30, false}};
    EXPECT_EQ(findings_of({actual}), "warning 2: /data has only 1024 MiB free\n");
    actual.spaces[0].read_only = true;
    EXPECT_THAT(findings_of({actual}), HasSubstr("error 2: /data is mounted read-only"));
}

TEST(Preflight, Ports) {
    NodeActual actual = good(2);
    actual.taken_ports = {{2181, "nginx (pid 7)"}, {3888, ""}};
    EXPECT_THAT(findings_of({actual}), HasSubstr("port 2181 is taken by nginx (pid 7); stop it"));
    EXPECT_THAT(findings_of({actual}), HasSubstr("port 3888 is taken by another program"));
}

TEST(Preflight, ClocksAreComparedWithTheMedian) {
    NodeActual wrong = good(2);
    wrong.clock_offset_ms = 90000;
    NodeActual one = good(1);
    NodeActual three = good(3);
    one.clock_offset_ms = three.clock_offset_ms = 85000;  // the controller's clock is wrong, too
    EXPECT_EQ(findings_of({one, wrong, three}),
              "warning 2: its clock is 5 s ahead of the others; set up NTP (chrony)\n");
}

TEST(Observe, FactsBecomeActuals) {
    agent_api::NodeSpec spec;
    spec.sid = ServerId(2);
    spec.data_dir = "/d";
    spec.log_dir = "/l";
    spec.install_dir = "/i";
    agent_api::NodeFacts facts;
    facts.arch = "x86_64";
    NodeActual actual = observe(spec, facts);
    EXPECT_EQ(actual.id, ServerId(2));
    EXPECT_TRUE(actual.data_empty);
    EXPECT_FALSE(actual.server_running);
    EXPECT_FALSE(actual.formed());

    facts.uid = 1000;
    facts.identity = agent_api::RecordedIdentity{};
    facts.identity->generation = "g";
    facts.data.state = agent_api::DataState::data;
    facts.space = {{"/d", 5, 9, true}, {"/state", 1, 9, false}};
    facts.ports = {{2181, "zkserver (9)", true}, {2888, "nc (7)", false}};
    facts.units = {{spec.server_unit, "active", true, 9, WallMs(0)}};
    actual = observe(spec, facts);
    EXPECT_FALSE(actual.root);
    EXPECT_EQ(actual.identity->generation, "g");
    EXPECT_TRUE(actual.formed());
    EXPECT_FALSE(actual.ever_served);
    EXPECT_TRUE(actual.server_running);
    ASSERT_EQ(actual.spaces.size(), 1U);
    EXPECT_TRUE(actual.spaces[0].read_only);
    ASSERT_EQ(actual.taken_ports.size(), 1U);
    EXPECT_EQ(actual.taken_ports[0].by, "nc (7)");
    facts.data.current_epoch = Epoch(0);
    EXPECT_FALSE(observe(spec, facts).ever_served);
    facts.data.transactions = true;
    EXPECT_TRUE(observe(spec, facts).ever_served);
    facts.data.transactions = false;
    facts.data.current_epoch = Epoch(1);
    EXPECT_TRUE(observe(spec, facts).ever_served);
}

TEST(Preflight, WhoIsTakenInHasTheSameMembers) {
    auto inventory = demo();
    for (std::int64_t id = 1; id <= 2; ++id) {
        inventory::Node node;
        node.id = ServerId(id);
        node.host = id == 1 ? "fd00::1" : "zk2.lan";
        inventory.nodes.push_back(node);
    }
    NodeActual actual = good(2);
    actual.outside =
        Outside{"java (77)", "apache", {"1=[FD00:0::1]:2888:3888", "2=ZK2.lan.:2888:3888"}, false};
    EXPECT_EQ(findings_of({actual}, inventory), "");
    actual.outside->members[1] = "2=zk2.lan:2888:3889";
    EXPECT_THAT(findings_of({actual}, inventory),
                HasSubstr("error 2: java (77) runs there with other members"));
    actual.outside->members.pop_back();
    EXPECT_THAT(findings_of({actual}, inventory), HasSubstr("with other members"));
    actual.outside->members.clear();
    EXPECT_THAT(findings_of({actual}, inventory), HasSubstr("(none, alone)"));
    // What the host is already is known by its record.
    actual.outside->adopted = true;
    EXPECT_EQ(findings_of({actual}, inventory), "");
    // A server alone may have its own line.
    inventory.nodes.pop_back();
    actual.outside->adopted = false;
    EXPECT_EQ(findings_of({actual}, inventory), "");
    actual.outside->members = {"2=zk2.lan:2888:3888"};
    EXPECT_EQ(findings_of({actual}, inventory), "");
}

TEST(Observe, AServerOutsideOfItsUnit) {
    agent_api::NodeSpec spec;
    spec.cluster = "demo";
    spec.sid = ServerId(2);
    agent_api::NodeFacts facts;
    facts.outside.emplace();
    facts.outside->pid = 77;
    facts.outside->program = "java";
    facts.outside->flavor = "apache";
    facts.outside->unit = "zk.service";
    NodeActual actual = observe(spec, facts);
    EXPECT_TRUE(actual.to_adopt());
    EXPECT_TRUE(actual.server_running);
    EXPECT_FALSE(actual.data_empty);
    EXPECT_TRUE(actual.ever_served);
    EXPECT_EQ(actual.outside->words, "java (77) of the unit zk.service");
    EXPECT_EQ(actual.other_flavor, "apache");
    EXPECT_THAT(findings_of({actual}), HasSubstr("runs Apache's server"));
    spec.release.flavor = agent_api::Flavor::apache;
    facts.identity.emplace();
    facts.identity->cluster = "demo";
    facts.identity->sid = ServerId(2);
    actual = observe(spec, facts);
    EXPECT_FALSE(actual.to_adopt());
    EXPECT_TRUE(actual.outside->adopted);
    EXPECT_EQ(actual.other_flavor, "");
}

}  // namespace
}  // namespace zk::plan
