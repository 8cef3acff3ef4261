#include "agent_host/container_survey.h"

#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent_host/posix.h"
#include "fake_engine.h"

namespace zk::agent_host {
namespace {

namespace fs = std::filesystem;
using agent_api::HostSurvey;
using testing::ElementsAre;
using testing::HasSubstr;

class ContainerSurvey : public testing::Test {
  protected:
    ContainerSurvey() : state_(fake_.directory() + "/state") {
        EXPECT_TRUE(state_.prepare().has_value());
        host_.engine = fake_.socket();
    }

    [[nodiscard]] std::string place(int id) const {
        return fake_.directory() + "/zk" + std::to_string(id);
    }
    void write(const std::string& path, const std::string& text) const {
        fs::create_directories(fs::path(path).parent_path());
        std::ofstream(path, std::ios::binary) << text;
    }

    /// As a guide's line makes it; its volumes are there. `env` begins with a comma, `labels` is an object.
    void guides(int id, const std::string& env = {}, const std::string& labels = "{}") {
        const std::string n = std::to_string(id);
        fs::create_directories(place(id) + "/datalog");
        write(place(id) + "/data/myid", n + "\n");
        auto& container = fake_.containers["zk" + n];
        container.id = "id" + n;
        container.status = "running";
        container.inspected =
            R"({"Id": "id)" + n + R"(", "Name": "/zk)" + n + R"(", "State": {"Pid": 10)" + n +
            R"(}, "Path": "/docker-entrypoint.sh", "Args": ["zkServer.sh", "start-foreground"],
               "Config": {"Image": "zookeeper:3.9.4", "Labels": )" +
            labels + R"(, "Env": ["ZOO_MY_ID=)" + n + R"(")" + env +
            R"(]}, "HostConfig": {"NetworkMode": "zoonet"},
               "NetworkSettings": {"Networks": {"zoonet": {"IPAddress": ""}}},
               "Mounts": [{"Type": "bind", "Source": ")" +
            place(id) +
            R"(/data", "Destination": "/data", "RW": true}, {"Type": "bind", "Source": ")" +
            place(id) + R"(/datalog", "Destination": "/datalog", "RW": true},
               {"Type": "bind", "Source": ")" +
            place(id) + R"(/conf", "Destination": "/conf", "RW": true}]})";
    }
    const HostSurvey& look() {
        survey_containers(state_, fake_.directory() + "/proc", host_);
        return host_;
    }

    engine::FakeEngine fake_;
    StateDir state_;
    HostSurvey host_;
};

TEST_F(ContainerSurvey, ServersByNameWithWhatLiesInTheirVolumes) {
    guides(2);
    guides(1);
    auto& other = fake_.containers["web"];
    other.id = "web";
    other.status = "running";
    other.inspected = R"({"Id": "web", "Name": "/web", "Path": "nginx"})";
    fake_.containers["zk3"].id = "stopped";
    fake_.networks["zoonet"] =
        R"({"Name": "zoonet", "Driver": "bridge", "IPAM": {"Config": [{"Subnet": "172.18.0.0/16"}]}})";
    const auto& host = look();
    EXPECT_EQ(host.engine_failure, "");
    ASSERT_EQ(host.containers.size(), 2U);
    EXPECT_EQ(host.containers[0].name, "zk1");
    EXPECT_EQ(host.containers[1].server.data.myid, ServerId(2));
    EXPECT_EQ(host.containers[1].server.data_dir, place(2) + "/data");
    ASSERT_EQ(host.networks.size(), 1U);
    EXPECT_EQ(host.networks[0].subnet, "172.18.0.0/16");
}

TEST_F(ContainerSurvey, TheZooCfgOfTheVolumeAndTheProcessAreRead) {
    guides(1);
    write(place(1) + "/conf/zoo.cfg", "dataDir=/data\ndataLogDir=/datalog\ntickTime=3000\n");
    auto& process = host_.servers.emplace_back();
    process.pid = 77;
    process.conf_path = "/conf/zoo.cfg";
    process.heap = "300m";
    // Something stands between the engine's process and the server's.
    write(fake_.directory() + "/proc/77/cgroup", "0::/system.slice/docker-id1.scope\n");
    const auto& host = look();
    ASSERT_EQ(host.containers.size(), 1U);
    const auto& server = host.containers[0].server;
    EXPECT_EQ(server.setting("tickTime")->value, "3000");
    EXPECT_EQ(server.heap, "300m");
    EXPECT_EQ(server.pid, 77);
    EXPECT_TRUE(host.servers[0].container);
}

TEST_F(ContainerSurvey, OfZkprovsOwnTheRecordIsRead) {
    guides(1, "", R"({"zkprov.cluster": "demo", "zkprov.sid": "1"})");
    EXPECT_FALSE(look().containers.at(0).applied);
    host_.containers.clear();
    const StateDir node(state_.path() + "/demo-1");
    ASSERT_TRUE(node.prepare().has_value());
    agent_api::NodeSpec spec;
    spec.cluster = "demo";
    ASSERT_TRUE(node.save_spec(spec).has_value());
    ASSERT_TRUE(look().containers.at(0).applied);
    EXPECT_EQ(host_.containers[0].applied->cluster, "demo");
}

TEST_F(ContainerSurvey, AnEngineThatIsNotThereSaysWhy) {
    host_.engine = fake_.directory() + "/none.sock";
    EXPECT_THAT(look().engine_failure, HasSubstr("there is no such socket"));
    host_.engine.clear();
    host_.engine_failure.clear();
    EXPECT_EQ(look().engine_failure, "");
}

}  // namespace
}  // namespace zk::agent_host
