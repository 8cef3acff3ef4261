#include "engine/engine.h"

#include <filesystem>
#include <fstream>
#include <unistd.h>

#include <boost/json.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/fsuid.h>

#include "agent_api/agent_errc.h"
#include "fake_engine.h"

namespace zk::engine {
namespace {

namespace json = boost::json;
using agent_api::ContainerSpec;
using testing::HasSubstr;

ContainerSpec make_spec() {
    ContainerSpec spec;
    spec.name = "demo-2";
    spec.image = "zkserver:1";
    spec.network = {agent_api::NetworkDriver::bridge, "zoonet", "172.18.0.0/16", "172.18.0.1"};
    spec.address = "172.18.0.3";
    spec.ports = {{2182, 2181}};
    spec.binds = {{"/d/data", "/data", false}, {"/d/conf", "/conf", true}};
    spec.environment = {{"ZOO_MY_ID", "2"}};
    spec.labels = {{"zkprov.cluster", "demo"}, {"zkprov.sid", "2"}};
    spec.user = "1000:1000";
    spec.restart = "always";
    spec.read_only = true;
    return spec;
}

TEST(EngineJson, AContainerHasWhatItsSpecificationSaysAndNoRights) {
    const ContainerSpec spec = make_spec();
    const auto body = json::parse(create_body(spec, "g-1"));
    EXPECT_EQ(body.at("Image"), "zkserver:1");
    EXPECT_EQ(body.at("User"), "1000:1000");
    EXPECT_EQ(body.at("Env"), (json::array{"ZOO_MY_ID=2"}));
    EXPECT_EQ(body.at("StopTimeout"), 30);
    const auto& labels = body.at("Labels").as_object();
    EXPECT_EQ(labels.at("zkprov.generation"), "g-1");
    EXPECT_EQ(labels.at("zkprov.container"), json::string(hash_of(spec)));
    const auto& host = body.at("HostConfig").as_object();
    EXPECT_EQ(host.at("Privileged"), false);
    EXPECT_EQ(host.at("CapDrop"), (json::array{"ALL"}));
    EXPECT_EQ(host.at("SecurityOpt"), (json::array{"no-new-privileges"}));
    EXPECT_EQ(host.at("ReadonlyRootfs"), true);
    EXPECT_EQ(host.at("NetworkMode"), "zoonet");
    EXPECT_EQ(host.at("RestartPolicy").at("Name"), "always");
    EXPECT_EQ(host.at("PortBindings").at("2181/tcp").as_array().at(0).at("HostPort"), "2182");
    EXPECT_EQ(host.at("Mounts").as_array().at(1).at("ReadOnly"), true);
    const auto& endpoint = body.at("NetworkingConfig").at("EndpointsConfig").at("zoonet");
    EXPECT_EQ(endpoint.at("IPAMConfig").at("IPv4Address"), "172.18.0.3");
}

/// As Docker 20.10 tells of a container that a guide's line made.
constexpr const char* kInspected = R"({
  "Id": "abc", "Name": "/zookeeper_node02", "Image": "sha256:1",
  "Path": "/docker-entrypoint.sh", "Args": ["zkServer.sh", "start-foreground"],
  "State": {"Status": "running", "Pid": 4711},
  "Config": {"Image": "zookeeper:3.9.4", "User": "", "Labels": {"maintainer": "x"},
             "Env": ["ZOO_MY_ID=2", "ZOO_SERVERS=server.2=172.18.0.3:2888:3888;2181", "PATH"]},
  "HostConfig": {"NetworkMode": "zoonet", "Privileged": true, "Memory": 1073741824, "CapAdd": null,
                 "RestartPolicy": {"Name": "on-failure", "MaximumRetryCount": 3},
                 "PortBindings": {"2181/tcp": [{"HostIp": "", "HostPort": "2182"}],
                                  "8080/tcp": [{"HostIp": "127.0.0.1", "HostPort": "8082"}],
                                  "9/udp": [{"HostPort": "9"}], "2888/tcp": null}},
  "NetworkSettings": {"Networks": {
      "zoonet": {"IPAMConfig": {"IPv4Address": "172.18.0.3"}, "IPAddress": "172.18.0.3",
                 "Aliases": ["abc", "zoo2"]},
      "monitoring": {"IPAddress": "10.0.0.4"}}},
  "Mounts": [{"Type": "bind", "Source": "/zk2/datalog/", "Destination": "/datalog", "RW": true},
             {"Type": "bind", "Source": "/zk2/data", "Destination": "/data", "RW": true},
             {"Type": "volume", "Name": "v", "Source": "/var/v", "Destination": "/conf", "RW": false}]
})";

TEST(EngineJson, AContainerOfSomebodyElse) {
    const auto running = parse_running(kInspected);
    ASSERT_TRUE(running.has_value()) << running.error().message();
    EXPECT_EQ(running->id, "abc");
    EXPECT_THAT(running->words,
                testing::ElementsAre("/docker-entrypoint.sh", "zkServer.sh", "start-foreground"));
    EXPECT_EQ(running->environment.at("ZOO_MY_ID"), "2");
    EXPECT_EQ(running->environment.size(), 2U);
    const auto& told = running->told;
    EXPECT_EQ(told.name, "zookeeper_node02");
    EXPECT_EQ(told.image, "zookeeper:3.9.4");
    EXPECT_EQ(told.pid, 4711);
    EXPECT_EQ(told.cluster, "");
    EXPECT_EQ(told.network, "zoonet");
    EXPECT_EQ(told.address, "172.18.0.3");
    EXPECT_TRUE(told.fixed_address);
    EXPECT_THAT(told.aliases, testing::ElementsAre("abc", "zoo2"));
    EXPECT_THAT(told.other_networks, testing::ElementsAre("monitoring"));
    EXPECT_THAT(told.ports,
                testing::UnorderedElementsAre(agent_api::PortSurvey{"", 2182, 2181},
                                              agent_api::PortSurvey{"127.0.0.1", 8082, 8080}));
    EXPECT_EQ(told.restart, "on-failure");
    EXPECT_EQ(told.restarts_max, 3);
    ASSERT_EQ(told.mounts.size(), 3U);
    EXPECT_EQ(told.mounts[2].source, "/zk2/datalog");
    EXPECT_TRUE(told.mounts[0].read_only);
    EXPECT_THAT(told.more,
                testing::ElementsAre(HasSubstr("privileged"), HasSubstr("memory is limited")));
    EXPECT_EQ(agent_api::host_path(told, "/data/version-2"), "/zk2/data/version-2");
    EXPECT_EQ(agent_api::host_path(told, "/database"), "");
    EXPECT_FALSE(parse_running("{}").has_value());
    EXPECT_FALSE(parse_running("no").has_value());
}

TEST(EngineJson, TheListOfThoseThatRun) {
    const auto listed = parse_list(
        R"([{"Id": "abc", "Names": ["/zk1", "/other/alias"],
             "Mounts": [{"Source": "/a", "RW": true}, {"Source": "/b", "RW": false}, "podman's"]},
            {"Names": ["/nobody"]}])");
    ASSERT_TRUE(listed.has_value()) << listed.error().message();
    ASSERT_EQ(listed->size(), 1U);
    EXPECT_EQ(listed->front().name, "zk1");
    EXPECT_THAT(listed->front().written, testing::ElementsAre("/a"));
    EXPECT_FALSE(parse_list("{}").has_value());
}

TEST(EngineJson, TheHostsNetworkNeedsNoAddress) {
    ContainerSpec spec = make_spec();
    spec.network = {agent_api::NetworkDriver::host, "", "", ""};
    spec.ports.clear();
    const auto body = json::parse(create_body(spec, "g-1"));
    EXPECT_EQ(body.at("HostConfig").at("NetworkMode"), "host");
    EXPECT_FALSE(body.as_object().contains("NetworkingConfig"));
}

TEST(EngineJson, TheHashIsOfWhatTheEngineMakes) {
    const ContainerSpec spec = make_spec();
    ContainerSpec other = spec;
    other.engine = "/elsewhere.sock";
    other.archive_sha256 = std::string(64, 'a');
    EXPECT_EQ(hash_of(other), hash_of(spec));
    other.restart = "no";
    EXPECT_NE(hash_of(other), hash_of(spec));
}

TEST(EngineJson, OfTwoVersionsTheNewestThatBothKnow) {
    EXPECT_EQ(*choose_api({"20", "1.41", "1.12"}), "/v1.41");
    EXPECT_EQ(*choose_api({"29", "1.52", "1.44"}), "/v1.44");
    EXPECT_EQ(*choose_api({"podman", "1.41", "1.24"}), "/v1.41");
    for (const auto& [most, least] :
         {std::pair("1.38", "1.12"), {"1.60", "1.50"}, {"", ""}, {"2.0", "2.0"}}) {
        const auto none = choose_api({"x", most, least});
        ASSERT_FALSE(none.has_value()) << most;
        EXPECT_THAT(none.error().words, HasSubstr("zkprov 1.40 to 1.44"));
    }
}

TEST(EngineJson, ALogComesInPiecesOrAsItIs) {
    EXPECT_EQ(plain_log(std::string("\2\0\0\0\0\0\0\3one\1\0\0\0\0\0\0\3two", 22)), "onetwo");
    EXPECT_EQ(plain_log(std::string("\2\0\0\0\0\0\0\x09one", 11)), "one");
    EXPECT_EQ(plain_log("of a terminal\n"), "of a terminal\n");
    EXPECT_EQ(plain_log(""), "");
}

TEST(EngineJson, WhatIsNoJsonIsAnErrorAndAFailureInItsOwnWords) {
    EXPECT_FALSE(parse_version("<html>").has_value());
    EXPECT_FALSE(parse_container("{}").has_value());
    EXPECT_FALSE(parse_container("[]").has_value());
    EXPECT_FALSE(parse_networks("{}").has_value());
    EXPECT_FALSE(parse_image_id("{\"Id\":7}").has_value());
    EXPECT_EQ(failure_words("{\"message\":\"no such thing\"}"), "no such thing");
    EXPECT_EQ(failure_words("a proxy's page\n"), "a proxy's page");
    EXPECT_FALSE(check_load("{\"stream\":\"x\"}\r\n{\"error\":\"no space\"}\n").has_value());
    EXPECT_TRUE(check_load("{\"stream\":\"x\"}\r\n\r\n").has_value());
}

TEST(EngineJson, NetworksStandWithTheirSubnets) {
    const auto networks = parse_networks(
        R"([{"Name":"host","Driver":"host","IPAM":{"Config":null}},
            {"Name":"two","Driver":"bridge","IPAM":{"Config":[
              {"Subnet":"10.0.0.0/8","Gateway":"10.0.0.1"},{"Subnet":"fd00::/64"}]}}])");
    ASSERT_TRUE(networks.has_value());
    EXPECT_EQ(*networks,
              (std::vector<agent_api::SubnetFact>{{"host", "host", "", ""},
                                                  {"two", "bridge", "10.0.0.0/8", "10.0.0.1"},
                                                  {"two", "bridge", "fd00::/64", ""}}));
}

TEST(Engine, MakesStartsStopsAndRemovesAContainer) {
    FakeEngine fake;
    fake.images["zkserver:1"] = "sha256:1";
    Engine engine(fake.socket());
    const ContainerSpec spec = make_spec();
    EXPECT_FALSE(*engine.container("demo-2"));
    ASSERT_TRUE(engine.make_container(spec, "demo-2", "g-1").has_value());
    auto container = engine.container("demo-2");
    ASSERT_TRUE(container.has_value() && *container);
    EXPECT_TRUE(owned(**container, spec));
    EXPECT_EQ((*container)->status, "created");
    EXPECT_EQ((*container)->restart, "always");
    ASSERT_TRUE(engine.start((*container)->id).has_value());
    EXPECT_TRUE(engine.start((*container)->id).has_value());  // it runs already
    EXPECT_EQ((*engine.container("demo-2"))->pid, 4711);
    EXPECT_FALSE(engine.remove((*container)->id).has_value());
    ASSERT_TRUE(engine.stop((*container)->id).has_value());
    ASSERT_TRUE(engine.rename((*container)->id, "demo-3").has_value());
    EXPECT_EQ(engine.last_words("demo-3", 4), "words\n");
    ASSERT_TRUE(engine.remove((*container)->id).has_value());
    EXPECT_FALSE(*engine.container("demo-3"));
    EXPECT_EQ(*engine.image_id("zkserver:1"), "sha256:1");
    EXPECT_FALSE(*engine.image_id("other"));
}

TEST(Engine, TheBeginningOfAnIdIsNobodysName) {
    FakeEngine fake;
    fake.images["zkserver:1"] = "sha256:1";
    Engine engine(fake.socket());
    ASSERT_TRUE(engine.make_container(make_spec(), "other", "g-1").has_value());
    const auto container = engine.container("c1f");
    ASSERT_TRUE(container.has_value());
    EXPECT_FALSE(*container);
}

TEST(Engine, WhatItRefusesIsToldInItsWords) {
    FakeEngine fake;
    Engine engine(fake.socket());
    const auto made = engine.make_container(make_spec(), "demo-2", "g-1");
    ASSERT_FALSE(made.has_value());
    EXPECT_EQ(made.error().words, "the Docker engine says: No such image");
    fake.load_error = "no space left";
    const std::string archive = fake.directory() + "/image.tar";
    std::ofstream(archive) << "an archive";
    const auto loaded = engine.load_image(archive);
    ASSERT_FALSE(loaded.has_value());
    EXPECT_EQ(loaded.error().words, "no space left");
}

TEST(Engine, WhoCannotBeReachedIsNamedWithTheWayOut) {
    FakeEngine fake;
    const auto none = Engine(fake.directory() + "/none.sock").version();
    ASSERT_FALSE(none.has_value());
    EXPECT_EQ(agent_api::agent_errc(none.error()), agent_api::AgentErrc::not_found);
    EXPECT_THAT(none.error().words, HasSubstr("there is no such socket"));
    EXPECT_THAT(none.error().words, HasSubstr("docker.engine"));
    fake.api = "1.30";
    EXPECT_THAT(Engine(fake.socket()).version().error().words, HasSubstr("1.12 to 1.30"));
}

/// The rights of a user, for this thread and a while: root may open every socket.
class Unprivileged {
  public:
    Unprivileged() { ::setfsuid(kNobody); }
    ~Unprivileged() { ::setfsuid(::geteuid()); }
    Unprivileged(const Unprivileged&) = delete;
    Unprivileged& operator=(const Unprivileged&) = delete;

  private:
    static constexpr uid_t kNobody = 65534;
};

TEST(Engine, WhoHasNoRightToTheSocketIsToldTheGroupAndTheWayOut) {
    FakeEngine fake;
    std::filesystem::permissions(fake.socket(), std::filesystem::perms::none);
    const auto refused = [&] {
        const Unprivileged user;
        return Engine(fake.socket()).version();
    }();
    std::filesystem::permissions(fake.socket(), std::filesystem::perms::owner_all);
    ASSERT_FALSE(refused.has_value());
    EXPECT_EQ(agent_api::agent_errc(refused.error()), agent_api::AgentErrc::no_right);
    EXPECT_THAT(refused.error().words, HasSubstr("no right to the Docker engine's socket"));
    EXPECT_THAT(refused.error().words, HasSubstr(fake.socket()));
    EXPECT_THAT(refused.error().words, HasSubstr("the group docker; log in as root"));
    EXPECT_THAT(refused.error().words, HasSubstr("passwordless sudo"));
}

TEST(Engine, OneThatSaysNothingIsGivenUp) {
    FakeEngine fake;
    const std::lock_guard hold(fake.mutex);  // it takes the question and does not answer
    const auto version = Engine(fake.socket(), std::chrono::milliseconds(50)).version();
    ASSERT_FALSE(version.has_value());
    EXPECT_THAT(version.error().words, HasSubstr("does not answer in time"));
}

}  // namespace
}  // namespace zk::engine
