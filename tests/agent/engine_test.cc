#include "engine/engine.h"

#include <boost/json.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

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
    const auto loaded = engine.load_image("/proc/self/exe");
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

TEST(Engine, OneThatSaysNothingIsGivenUp) {
    FakeEngine fake;
    const std::lock_guard hold(fake.mutex);  // it takes the question and does not answer
    const auto version = Engine(fake.socket(), std::chrono::milliseconds(50)).version();
    ASSERT_FALSE(version.has_value());
    EXPECT_THAT(version.error().words, HasSubstr("does not answer in time"));
}

}  // namespace
}  // namespace zk::engine
