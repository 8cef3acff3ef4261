// zkprov migrate against nodes in memory: who is asked what, in which order servers are exchanged, and how it ends.
#include <algorithm>

#include <boost/json.hpp>
#include <gmock/gmock.h>

#include "phases/move.h"
#include "runner_fixture.h"

namespace zk::phases {
namespace {

using agent_api::AgentErrc;
using agent_api::AgentError;
using agent_api::Flavor;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

const char* const kApache = "server: { flavor: apache, tarball: a.tar.gz }\n";

/// Three nodes that run Apache's server, and the inventory asks for ours.
class Migrate : public Runner {
  protected:
    explicit Migrate(inventory::Inventory of = three()) : Runner(std::move(of)) {}
    void SetUp() override { begin_with(three(kApache)); }
    void begin_with(const inventory::Inventory& old) {
        Release apache;
        apache.version = "3.8.0";
        apache.server.content = "tarball";
        apache.server.sha256 = std::string(64, 'b');
        settings.release = &apache;
        ASSERT_EQ(apply(old), ExitCode::done) << err;
        settings.release = &release;
        settings.yes = true;
        settings.begin_probes = [this](std::vector<client::ServerAddress> servers) {
            probed = std::move(servers);
            return [this] { return seen; };
        };
        seen.acknowledged = 40;
        seen.longest_gap = milliseconds(310);
    }
    ExitCode migrate(bool dry_run = false, bool json = false) {
        Console console = make_console(json);
        return run_migrate(inventory, settings, console, {dry_run});
    }
    /// Of a gate that does not open.
    void be_quick_at_gates() {
        settings.playbook = *playbook::read_playbook(
            "schema: zkprov.playbook/1\nname: quick\nphases:\n"
            "  - { run: connect, limit_s: 10 }\n  - { run: gather, limit_s: 10 }\n"
            "  - { run: check, limit_s: 10 }\n  - { run: plan, limit_s: 10 }\n"
            "  - { run: push, limit_s: 10 }\n  - { run: roll, limit_s: 10 }\n"
            "  - { run: gate, limit_s: 1 }\n",
            "quick.yaml");
    }
    Flavor flavor_on(std::int64_t id) { return nodes[id].applied->release.flavor; }

    std::vector<client::ServerAddress> probed;
    migration::ProbeHistory seen;
};

TEST_F(Migrate, FollowersFirstTheLeaderLastEachWithACopy) {
    EXPECT_EQ(migrate(), ExitCode::done) << err;
    EXPECT_THAT(nodes.story, ElementsAre("apply 1", "apply 2", "apply 3"));
    for (std::int64_t id = 1; id <= 3; ++id) {
        EXPECT_EQ(flavor_on(id), Flavor::zkserver);
        EXPECT_EQ(nodes[id].copies, 1);
        EXPECT_EQ(nodes[id].before->release.version, "3.8.0-bbbbbbbb");
    }
    EXPECT_EQ(probed.size(), 3u);
    EXPECT_EQ(probed[0], (client::ServerAddress{"192.168.6.137", 2181}));
    EXPECT_THAT(out, HasSubstr("40 writes acknowledged"));
    EXPECT_THAT(out, HasSubstr("0 lost; longest gap between two 310 ms"));
    EXPECT_THAT(out, HasSubstr("node 3: away 0."));
    EXPECT_THAT(out, HasSubstr("its data as they were: /data.before"));
    EXPECT_THAT(err, HasSubstr("server 3 leads until its turn"));
    EXPECT_THAT(err, HasSubstr("server 2 is expected to lead then"));
    // What zkprov apply finds afterwards is nothing.
    EXPECT_EQ(plan(ChangesCode::yes), ExitCode::done) << out;
    EXPECT_EQ(migrate(), ExitCode::done) << err;
    EXPECT_THAT(nodes.story, IsEmpty());
    EXPECT_THAT(out, HasSubstr("no change, nothing was restarted"));
}

TEST_F(Migrate, ApplyNamesTheWay) {
    EXPECT_EQ(apply(), ExitCode::preflight);
    EXPECT_THAT(err, HasSubstr("zkprov migrate --to zkserver moves the ensemble"));
    EXPECT_THAT(nodes.story, IsEmpty());
}

TEST_F(Migrate, ADryRunChangesNothing) {
    nodes[1].survey.znodes = 7;
    EXPECT_EQ(migrate(true), ExitCode::done) << err;
    EXPECT_THAT(nodes.story, IsEmpty());
    EXPECT_EQ(flavor_on(1), Flavor::apache);
    EXPECT_THAT(out, HasSubstr("move node 2: apache 3.8.0-bbbbbbbb to zkserver 0.1.0-aaaaaaaa"));
    EXPECT_TRUE(probed.empty());
    // One node's data are read, and not the leader's.
    EXPECT_EQ(nodes[1].surveys + nodes[2].surveys, 1);
    EXPECT_EQ(nodes[3].surveys, 0);
}

TEST_F(Migrate, ARunThatWasCutOffGoesOn) {
    nodes[2].probe_fails = true;
    nodes[2].link_breaks_in_apply = true;
    EXPECT_EQ(migrate(), ExitCode::partly);
    EXPECT_THAT(err, HasSubstr("run the command again, which goes on"));
    nodes[2].probe_fails = nodes[2].link_breaks_in_apply = false;
    EXPECT_EQ(migrate(), ExitCode::done) << err;
    EXPECT_THAT(nodes.story, ElementsAre("apply 3"));
    EXPECT_EQ(nodes[1].copies, 1);
    for (std::int64_t id = 1; id <= 3; ++id) EXPECT_EQ(flavor_on(id), Flavor::zkserver);
}

TEST_F(Migrate, AServerThatDoesNotComeUpIsGoneBackFrom) {
    nodes[1].after_apply = [](FakeNode& node) {
        node.never_elects = node.applied->release.flavor == Flavor::zkserver;
    };
    // Its agent takes its time, also at the end of the gate.
    nodes[1].answer_takes = milliseconds(700);
    be_quick_at_gates();
    EXPECT_EQ(migrate(), ExitCode::gate);
    EXPECT_THAT(nodes.story, ElementsAre("apply 1", "apply 1"));
    for (std::int64_t id = 1; id <= 3; ++id) EXPECT_EQ(flavor_on(id), Flavor::apache);
    EXPECT_EQ(nodes[1].copies, 1);
    EXPECT_THAT(err, HasSubstr("node 1 (192.168.6.137): has its old server again"));
    EXPECT_THAT(err, HasSubstr("Correct the cause and run the command again"));
    EXPECT_THAT(out, HasSubstr("its data as they were: /data.before"));
    nodes[1].after_apply = nullptr;
    EXPECT_EQ(migrate(), ExitCode::done) << err;
}

TEST_F(Migrate, AnAgentThatSaysNoIsGoneBackFrom) {
    nodes[1].apply_error = AgentError{AgentErrc::start_failed, "the server ended at once"};
    EXPECT_EQ(migrate(), ExitCode::preflight)
        << err;  // nothing of it was done: nothing to go back from
    EXPECT_EQ(flavor_on(1), Flavor::apache);
    EXPECT_THAT(nodes.story, IsEmpty());
}

TEST_F(Migrate, NoNodeIsMovedThatIsNotInSync) {
    nodes[2].running = false;
    EXPECT_EQ(migrate(), ExitCode::preflight);
    EXPECT_THAT(err, HasSubstr("node 2 (192.168.6.138): is not in sync"));
    EXPECT_THAT(nodes.story, IsEmpty());
}

TEST_F(Migrate, WhatSomebodyChangedByHandIsNotLost) {
    nodes[3].edited = true;
    EXPECT_EQ(migrate(), ExitCode::preflight);
    EXPECT_THAT(err, HasSubstr("zoo.cfg is not as zkprov wrote it"));
    EXPECT_THAT(nodes.story, IsEmpty());
}

TEST_F(Migrate, OnlyTheServerMayDiffer) {
    inventory = three("server: { config: { tickTime: 1730 } }\n");
    EXPECT_EQ(migrate(), ExitCode::preflight);
    EXPECT_THAT(err, HasSubstr("tickTime is "));
    EXPECT_THAT(err, HasSubstr("zkprov apply that first, with flavor: apache"));
    EXPECT_THAT(nodes.story, IsEmpty());
}

TEST_F(Migrate, TheDocumentTellsOfIt) {
    EXPECT_EQ(migrate(false, true), ExitCode::done) << err;
    const auto document = boost::json::parse(out).as_object();
    const auto& move = document.at("migration").as_object();
    EXPECT_EQ(move.at("writes").at("acknowledged").to_number<int>(), 40);
    EXPECT_EQ(move.at("writes").at("lost").to_number<int>(), 0);
    ASSERT_EQ(move.at("nodes").as_array().size(), 3u);
    EXPECT_EQ(move.at("nodes").at(0).at("copy").as_string(), "/data.before");
}

TEST_F(Migrate, LostWritesAreNoSuccess) {
    seen.lost = 2;
    EXPECT_EQ(migrate(), ExitCode::partly);
    EXPECT_THAT(err, HasSubstr("2 acknowledged writes are not there any more"));
}

/// Containers of a bridge on a host that is reached by ssh.
inventory::Inventory containers(const std::string& image, const std::string& more = {}) {
    return read("runtime: docker\ndocker: {image: " + image +
                ", network: {subnet: 172.18.0.0/16, gateway: 172.18.0.1}}\n" + more +
                "nodes: [{id: 1-3, host: 10.0.0.9, address: \"172.18.0.[2-4]\"}]\n");
}

class MigrateContainers : public Migrate {
  protected:
    MigrateContainers() : Migrate(containers("zkserver:1")) {}
    void SetUp() override {
        release.version = "container";
        begin_with(containers("official:1", "server: {flavor: apache}\n"));
    }
    std::string image_on(std::int64_t id) { return nodes[id].applied->container->image; }
};

TEST_F(MigrateContainers, FollowersFirstTheLeaderLastEachWithACopy) {
    EXPECT_EQ(migrate(), ExitCode::done) << err;
    EXPECT_THAT(nodes.story, ElementsAre("apply 1", "apply 2", "apply 3"));
    for (std::int64_t id = 1; id <= 3; ++id) {
        EXPECT_EQ(flavor_on(id), Flavor::zkserver);
        EXPECT_EQ(image_on(id), "zkserver:1");
        EXPECT_EQ(nodes[id].copies, 1);
        EXPECT_EQ(nodes[id].before->container->image, "official:1");
    }
    // From this machine a container is reached at its host's port.
    EXPECT_THAT(probed,
                ElementsAre(client::ServerAddress{"10.0.0.9", 2181},
                            client::ServerAddress{"10.0.0.9", 2182},
                            client::ServerAddress{"10.0.0.9", 2183}));
    EXPECT_THAT(out, HasSubstr("40 writes acknowledged"));
    EXPECT_THAT(err, HasSubstr("server 2 is expected to lead then"));
    EXPECT_EQ(plan(ChangesCode::yes), ExitCode::done) << out;
    EXPECT_EQ(migrate(), ExitCode::done) << err;
    EXPECT_THAT(nodes.story, IsEmpty());
}

TEST_F(MigrateContainers, ApplyNamesTheWayAndADryRunChangesNothing) {
    EXPECT_EQ(apply(), ExitCode::preflight);
    EXPECT_THAT(err, HasSubstr("zkprov migrate --to zkserver moves the ensemble"));
    EXPECT_EQ(migrate(true), ExitCode::done) << err;
    EXPECT_THAT(nodes.story, IsEmpty());
    EXPECT_THAT(out, HasSubstr("move node 2: apache (image official:1) to zkserver (image "));
    EXPECT_EQ(image_on(1), "official:1");
}

TEST_F(MigrateContainers, AnImageThatDoesNotServeIsGoneBackFrom) {
    nodes[1].after_apply = [](FakeNode& node) {
        node.never_elects = node.applied->release.flavor == Flavor::zkserver;
    };
    be_quick_at_gates();
    EXPECT_EQ(migrate(), ExitCode::gate);
    EXPECT_THAT(nodes.story, ElementsAre("apply 1", "apply 1"));
    for (std::int64_t id = 1; id <= 3; ++id) EXPECT_EQ(image_on(id), "official:1");
    EXPECT_EQ(flavor_on(1), Flavor::apache);
    EXPECT_THAT(err, HasSubstr("node 1 (172.18.0.2): has its old server again"));
}

TEST_F(MigrateContainers, WithoutAWayBackNothingBegins) {
    inventory = containers("official:1");
    EXPECT_EQ(migrate(), ExitCode::preflight);
    EXPECT_THAT(err, HasSubstr("docker.image is official:1 for both servers"));
    EXPECT_THAT(nodes.story, IsEmpty());
}

TEST(ClientAddresses, OfContainersDependOnWhoAsks) {
    using client::ServerAddress;
    const std::string bridge = "network: {subnet: 172.18.0.0/16, gateway: 172.18.0.1}";
    const std::string addresses = "address: \"172.18.0.[2-4]\"";
    // On the engine's own host the containers' addresses are there.
    EXPECT_THAT(client_addresses(read("runtime: docker\ntransport: local\ndocker: {image: x1, " +
                                      bridge + "}\nnodes: [{id: 1-3, " + addresses + "}]\n")),
                ElementsAre(ServerAddress{"172.18.0.2", 2181},
                            ServerAddress{"172.18.0.3", 2181},
                            ServerAddress{"172.18.0.4", 2181}));
    EXPECT_THAT(client_addresses(read("runtime: docker\ndocker: {image: x1, " + bridge +
                                      "}\nnodes: [{id: 1-3, host: 10.0.0.9, host_port: 4000, " +
                                      addresses + "}]\n")),
                ElementsAre(ServerAddress{"10.0.0.9", 4000},
                            ServerAddress{"10.0.0.9", 4001},
                            ServerAddress{"10.0.0.9", 4002}));
    // Nodes that have their hosts' network are reached as on hosts.
    EXPECT_THAT(client_addresses(read("runtime: docker\ndocker: {image: x1, network: {driver: "
                                      "host}}\nnodes: [{id: 1-3, host: \"10.0.0.[1-3]\", "
                                      "client_port: 2200}]\n")),
                ElementsAre(ServerAddress{"10.0.0.1", 2200},
                            ServerAddress{"10.0.0.2", 2200},
                            ServerAddress{"10.0.0.3", 2200}));
}

}  // namespace
}  // namespace zk::phases
