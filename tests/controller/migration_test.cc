// What may not be moved from one flavor's server to the other's, and what is said of a move.
#include "migration/migration.h"

#include <list>

#include <gmock/gmock.h>

#include "agent_api/digest.h"
#include "inventory/render.h"

namespace zk::migration {
namespace {

using agent_api::DataSurvey;
using agent_api::NodeFacts;
using agent_api::NodeSpec;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

inventory::Inventory read(const std::string& server, const std::string& nodes = "1-3") {
    inventory::Diagnostics diagnostics("i.yaml");
    auto inventory = inventory::read_inventory(
        "schema: zkprov/1\ncluster: demo\nserver: " + server + "\nnodes: [{id: " + nodes +
            ", host: \"192.168.6.[137-" + (nodes == "1" ? "137" : "139") + "]\"}]\n",
        "/w",
        diagnostics);
    EXPECT_EQ(diagnostics.format_all(), "");
    return *inventory;
}

/// An ensemble that was applied by `old`, and that `now` asks to be moved.
class Moving : public testing::Test {
  protected:
    void set(const std::string& old, const std::string& now, const std::string& nodes = "1-3") {
        set_inventories(read(old, nodes), read(now, nodes));
    }
    void set_inventories(const inventory::Inventory& old, const inventory::Inventory& now) {
        old_ = old;
        now_ = now;
        places_.clear();
        for (const inventory::Node& node : now_.nodes) {
            Place& place = places_.emplace_back();
            place.wanted = spec(now_, node);
            place.facts.applied = spec(old_, *old_.find(node.id));
            place.facts.release_flavor = to_string(place.facts.applied->release.flavor);
            place.facts.data.copy_bytes = 3U << 20;
            for (const auto& file : place.facts.applied->files) {
                place.facts.paths.push_back(
                    {file.path, agent_api::sha256_hex(file.content), file.mode, file.owner, false});
            }
            place.actual.id = node.id;
            place.actual.data_empty = false;
            place.actual.server_running = place.actual.in_sync = true;
            place.actual.leads = node.id == ServerId(2);
        }
    }
    static NodeSpec spec(const inventory::Inventory& inventory, const inventory::Node& node) {
        agent_api::ReleaseSpec release;
        release.version = inventory.apache ? "3.8.0-bb" : "0.1.0-aa";
        release.sha256 = std::string(64, inventory.apache ? 'b' : 'a');
        auto made = inventory::render_node(inventory, node, release, "g1", std::nullopt);
        EXPECT_TRUE(made.has_value());
        return *made;
    }
    std::vector<Member> members() {
        std::vector<Member> members;
        auto place = places_.begin();
        for (const inventory::Node& node : now_.nodes) {
            members.push_back({&node, &place->wanted, &place->facts, &place->actual});
            ++place;
        }
        return members;
    }
    std::vector<std::string> refused(const std::optional<DataSurvey>& survey = DataSurvey()) {
        return refusals(now_, members(), survey);
    }
    struct Place {
        NodeSpec wanted;
        NodeFacts facts;
        plan::NodeActual actual;
    };
    Place& place(std::size_t at) { return *std::next(places_.begin(), static_cast<long>(at)); }

    inventory::Inventory old_;
    inventory::Inventory now_;
    std::list<Place> places_;
};

const std::string kApache = "{ flavor: apache, tarball: a.tar.gz }";
const std::string kOurs = "{}";
std::string with(const std::string& more, bool apache) {
    return apache ? "{ flavor: apache, tarball: a.tar.gz, " + more + " }" : "{ " + more + " }";
}

TEST_F(Moving, BothWaysWithTheSameSettings) {
    set(kApache, kOurs);
    EXPECT_THAT(refused(), IsEmpty());
    set(kOurs, kApache);
    EXPECT_THAT(refused(), IsEmpty());
    // Keys that Apache's server takes from its command line.
    const std::string keys =
        "config: { jute.maxbuffer: 500000, tickTime: 1730, znode.container.checkIntervalMs: 500 }";
    set(with(keys, true), with(keys, false));
    EXPECT_THAT(refused(), IsEmpty());
    set(with(keys, false), with(keys, true));
    EXPECT_THAT(refused(), IsEmpty());
}

TEST_F(Moving, AnotherSettingIsAnotherChange) {
    set(with("config: { jute.maxbuffer: 500000 }", true), kOurs);
    EXPECT_THAT(refused(), Contains(HasSubstr("jute.maxbuffer is \"500000\" there and not set")));
    set(kOurs, with("config: { tickTime: 1730 }", true));
    EXPECT_THAT(refused(), Contains(HasSubstr("with flavor: zkserver")));
    set(kApache, with("install_dir: /opt/zk", false));
    EXPECT_THAT(refused(), Contains(HasSubstr("install_dir is /usr/local/zookeeper there")));
}

TEST_F(Moving, FlagsOfJavaThatChangeTheServer) {
    set(with("jvm_flags: [-Dzookeeper.sslQuorum=true]", true), kOurs);
    EXPECT_THAT(refused(),
                Contains(HasSubstr("server.jvm_flags has -Dzookeeper.sslQuorum, which")));
    set(with("jvm_flags: [-Djava.security.auth.login.config=/x]", true), kOurs);
    EXPECT_THAT(refused(), Contains(HasSubstr("-Djava.security.auth.login.config")));
    set(kOurs, with("jvm_flags: [-Dzookeeper.authProvider.sasl=x]", true));
    EXPECT_THAT(refused(), Contains(HasSubstr("-Dzookeeper.authProvider.sasl")));
    set(with("jvm_flags: [-XX:+UseSerialGC]", true), kOurs);
    EXPECT_THAT(refused(), IsEmpty());
}

TEST_F(Moving, WhatZkprovDidNotWrite) {
    set(kApache, kOurs);
    for (auto& path : place(1).facts.paths) {
        if (path.path.ends_with("zoo.cfg")) path.sha256 = "another";
    }
    EXPECT_THAT(refused(),
                ElementsAre(HasSubstr("node 2 (192.168.6.138): "
                                      "/usr/local/zookeeper/conf/zoo.cfg is not as")));
    // A move that was cut off has written some files, and goes on.
    place(1).facts.interrupted = true;
    EXPECT_THAT(refused(), IsEmpty());
}

TEST_F(Moving, OnlyWhatServes) {
    set(kApache, kOurs);
    place(2).actual.in_sync = false;
    EXPECT_THAT(refused(), ElementsAre(HasSubstr("node 3 (192.168.6.139): is not in sync")));
    // With its new server already it is started as by an apply.
    place(2).facts.before = place(2).facts.applied;
    place(2).facts.applied = place(2).wanted;
    place(2).facts.release_flavor = "zkserver";
    EXPECT_THAT(refused(), IsEmpty());
    place(0).facts.applied.reset();
    EXPECT_THAT(refused(), ElementsAre(HasSubstr("is no member of an ensemble yet")));
    set(kApache, kOurs, "1");
    EXPECT_THAT(refused(), ElementsAre(HasSubstr("is a server alone")));
}

TEST_F(Moving, NoServerThatSomebodyElseStarts) {
    set(kApache, kOurs);
    place(1).facts.outside.emplace();
    EXPECT_THAT(refused(),
                ElementsAre(HasSubstr("node 2 (192.168.6.138): its server runs outside")));
    place(1).facts.outside.reset();
    now_.transport = inventory::Transport::local;
    EXPECT_THAT(refused(), ElementsAre(HasSubstr("transport: local has one flavor")));
}

/// The same of an ensemble in containers.
class MovingContainers : public Moving {
  protected:
    static inventory::Inventory read_containers(const std::string& image,
                                                const std::string& server,
                                                const std::string& docker) {
        inventory::Diagnostics diagnostics("i.yaml");
        auto inventory = inventory::read_inventory(
            "schema: zkprov/1\ncluster: demo\nruntime: docker\ntransport: local\n"
            "docker: {image: " +
                image + ", network: {subnet: 172.18.0.0/16, gateway: 172.18.0.1}" + docker +
                "}\nserver: " + server + "\nnodes: [{id: 1-3, address: \"172.18.0.[2-4]\"}]\n",
            "/w",
            diagnostics);
        EXPECT_EQ(diagnostics.format_all(), "");
        return *inventory;
    }
    void to_ours(const std::string& apache = "{flavor: apache}",
                 const std::string& ours = "{}",
                 const std::string& docker = {}) {
        set(read_containers("official:1", apache, {}), read_containers("zkserver:1", ours, docker));
    }
    void to_apache(const std::string& ours, const std::string& apache) {
        set(read_containers("zkserver:1", ours, {}), read_containers("official:1", apache, {}));
    }
    using Moving::set;
    void set(const inventory::Inventory& old, const inventory::Inventory& now) {
        set_inventories(old, now);
        for (Place& place : places_) {
            auto& there = place.facts.container.emplace();
            there.exists = there.ours = true;
            there.flavor = place.facts.release_flavor;
            there.image = place.facts.applied->container->image;
            there.image_now = there.container_image_id = "sha256:1";
        }
    }
};

TEST_F(MovingContainers, BothWaysWithTheSameSettings) {
    to_ours();
    EXPECT_THAT(refused(), IsEmpty());
    to_apache("{}", "{flavor: apache}");
    EXPECT_THAT(refused(), IsEmpty());
    const std::string keys = "config: {jute.maxbuffer: 500000, tickTime: 1730}";
    to_ours("{flavor: apache, jvm_flags: [-XX:+UseSerialGC], " + keys + "}", "{" + keys + "}");
    EXPECT_THAT(refused(), IsEmpty());
    to_apache("{" + keys + "}", "{flavor: apache, " + keys + "}");
    EXPECT_THAT(refused(), IsEmpty());
}

TEST_F(MovingContainers, FlagsAreThoseOfTheEnvironment) {
    to_ours("{flavor: apache, jvm_flags: [-Dzookeeper.sslQuorum=true]}");
    EXPECT_THAT(refused(), Contains(HasSubstr("server.jvm_flags has -Dzookeeper.sslQuorum")));
    to_ours("{flavor: apache, config: {jute.maxbuffer: 500000}}");
    EXPECT_THAT(refused(), Contains(HasSubstr("jute.maxbuffer is \"500000\" there and not set")));
    to_ours("{flavor: apache, config: {tickTime: 1730}}");
    EXPECT_THAT(refused(), Contains(HasSubstr("tickTime is \"1730\" there")));
}

TEST_F(MovingContainers, AMoveChangesNothingElseOfAContainer) {
    to_ours("{flavor: apache}", "{}", ", restart: always");
    EXPECT_THAT(refused(),
                Contains(HasSubstr("node 1 (172.18.0.2): the restart policy (docker.restart) of "
                                   "its container is another one in the inventory")));
    to_ours("{flavor: apache}", "{}", ", host_port: 3000");
    EXPECT_THAT(refused(), Contains(HasSubstr("the published port (host_port) of its container")));
    to_ours("{flavor: apache}", "{}", ", directory: /elsewhere/zk");
    EXPECT_THAT(refused(), Contains(HasSubstr("docker.directory is /data/zookeeper/demo/zk1")));
    to_ours();
    for (auto& file : place(2).facts.paths) {
        if (file.path.ends_with("zoo.cfg")) file.sha256 = "another";
    }
    EXPECT_THAT(refused(), ElementsAre(HasSubstr("node 3 (172.18.0.4): ")));
}

TEST_F(MovingContainers, TheOldImageIsTheWayBack) {
    set(read_containers("zk:1", "{flavor: apache}", {}), read_containers("zk:1", "{}", {}));
    EXPECT_THAT(refused(), Contains(HasSubstr("docker.image is zk:1 for both servers")));
    to_ours();
    place(1).facts.container->image_now = "sha256:2";
    EXPECT_THAT(refused(),
                ElementsAre(HasSubstr("made from the image official:1, and that name is another "
                                      "image's there")));
    place(1).facts.container->image_now = "";
    EXPECT_THAT(refused(), ElementsAre(HasSubstr("docker tag sha256:1 official:1")));
    // One that has its new server already, or was being moved, has left the old image behind.
    place(1).facts.interrupted = true;
    EXPECT_THAT(refused(), IsEmpty());
}

TEST_F(MovingContainers, FromAHostIntoAContainerIsNoMove) {
    to_ours();
    place(0).facts.applied->container.reset();
    EXPECT_THAT(refused(),
                Contains(HasSubstr("its server is on the host, and the inventory wants it in a "
                                   "container")));
}

TEST_F(MovingContainers, TheImagesAreAnnounced) {
    to_ours();
    plan::Plan plan;
    plan.waves.push_back({"", {{ServerId(1), plan::Action::change, true, {}}}});
    EXPECT_THAT(announcement(now_, members(), plan),
                Contains(HasSubstr("move node 1: apache (image official:1) to zkserver (image "
                                   "zkserver:1); a copy of its data first")));
}

TEST_F(Moving, WhatTheDataHold) {
    DataSurvey survey;
    survey.ttl_nodes = 2;
    set(kApache, kOurs);
    EXPECT_THAT(refused(survey), ElementsAre(HasSubstr("2 znodes have a TTL")));
    const std::string ttl = "config: { extendedTypesEnabled: true }";
    set(with(ttl, true), with(ttl, false));
    EXPECT_THAT(refused(survey), IsEmpty());

    survey = {};
    survey.largest = "/big";
    survey.largest_bytes = 1048575;
    set(kOurs, kApache);
    EXPECT_THAT(refused(survey), IsEmpty());
    ++survey.largest_bytes;
    EXPECT_THAT(refused(survey), ElementsAre(HasSubstr("/big has 1048576 bytes, more than")));

    survey = {};
    survey.config_version = "0";
    EXPECT_THAT(refused(survey), IsEmpty());
    survey.config_version = "100000000";
    EXPECT_THAT(refused(survey), ElementsAre(HasSubstr("has version 100000000: a reconfig")));

    survey = {};
    survey.words = "snapshot.1 is damaged";
    EXPECT_THAT(refused(survey), ElementsAre(HasSubstr("snapshot.1 is damaged")));
}

TEST_F(Moving, ItIsAnnounced) {
    set(kApache, kOurs);
    plan::Plan plan;
    for (const int id : {1, 3, 2}) {
        plan.waves.push_back({"", {{ServerId(id), plan::Action::change, true, {}}}});
    }
    EXPECT_THAT(
        announcement(now_, members(), plan),
        ElementsAre(HasSubstr("move node 1: apache 3.8.0-bb to zkserver 0.1.0-aa; a copy of its "
                              "data first: 3 MiB new"),
                    HasSubstr("move node 3"),
                    HasSubstr("move node 2"),
                    HasSubstr("server 2 leads until its turn, the last: one election; of servers "
                              "with equal histories the highest id wins it, so server 3")));
    // The way back is what was applied of the other flavor, also once the new one is there.
    EXPECT_EQ(before_move(members()[0])->release.version, "3.8.0-bb");
    place(0).facts.before = place(0).facts.applied;
    place(0).facts.applied = place(0).wanted;
    EXPECT_EQ(before_move(members()[0])->release.version, "3.8.0-bb");
    place(0).facts.before.reset();
    EXPECT_EQ(before_move(members()[0]), nullptr);
}

}  // namespace
}  // namespace zk::migration
