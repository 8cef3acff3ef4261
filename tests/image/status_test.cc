#include "image/status.h"

#include <gtest/gtest.h>

namespace zk::image {
namespace {

std::string words(std::string_view zoo_cfg, const std::optional<std::string>& myid) {
    return find_client_door(zoo_cfg, myid).words;
}

TEST(ScriptStatus, AsApachesScriptSaysIt) {
    const std::string three =
        "dataDir=/data\nserver.1=172.18.0.2:2888:3888;2181\nserver.2=b:2888:3888;10.0.0.1:2182\n"
        "server.3=c:2888:3888;[fd00::1]:2183\nserver.4=d:2888:3888;0.0.0.0:2184\n"
        "server.5=e:2888:3888\n";
    EXPECT_EQ(words("clientPort=2181\n", std::nullopt),
              "Client port found: 2181. Client address: localhost. Client SSL: false.\n");
    EXPECT_EQ(words("clientPort=2181\nclientPortAddress=10.0.0.9\n", std::nullopt),
              "Client port found: 2181. Client address: 10.0.0.9. Client SSL: false.\n");
    EXPECT_EQ(words(three, "1\n"),
              "Client port found: 2181. Client address: localhost. Client SSL: false.\n");
    EXPECT_EQ(words(three, "2"),
              "Client port found: 2182. Client address: 10.0.0.1. Client SSL: false.\n");
    EXPECT_EQ(words(three, "3"),
              "Client port found: 2183. Client address: fd00::1. Client SSL: false.\n");
    EXPECT_EQ(words(three, "4"),
              "Client port found: 2184. Client address: 0.0.0.0. Client SSL: false.\n");
    EXPECT_EQ(
        words(three, "5"),
        "Client port not found in the server configs\n"
        "Unable to find either secure or unsecure client port in any configs. Terminating.\n");
    EXPECT_EQ(
        words(three, std::nullopt),
        "myid could not be determined, will not able to locate clientPort in the server "
        "configs.\n"
        "Unable to find either secure or unsecure client port in any configs. Terminating.\n");
    EXPECT_FALSE(find_client_door(three, "5").door);
    EXPECT_FALSE(find_client_door("\\u12", "5").door);
}

TEST(ScriptStatus, TheLastLineOfAKeyCounts) {
    EXPECT_EQ(find_client_door("clientPort=1\n#clientPort=3\nclientPort = 2\n", "1").door->port, 2);
    EXPECT_EQ(data_dir_of("dataDir=/a\ndataDir=/b\n"), "/b");
    EXPECT_EQ(data_dir_of("#dataDir=/a\n"), std::nullopt);
    // 0: the server's line says it.
    EXPECT_EQ(find_client_door("clientPort=0\nserver.1=a:2888:3888;2181\n", "1").door->port, 2181);
}

TEST(ScriptStatus, WhatIsDialled) {
    EXPECT_EQ(dialled("localhost"), "127.0.0.1");
    EXPECT_EQ(dialled("0.0.0.0"), "127.0.0.1");
    EXPECT_EQ(dialled("::"), "::1");
    EXPECT_EQ(dialled("[::]"), "::1");
    EXPECT_EQ(dialled("[fd00::1]"), "fd00::1");
    EXPECT_EQ(dialled("172.18.0.2"), "172.18.0.2");
}

constexpr std::string_view kSrvr =
    "Zookeeper version: 3.8.0\nLatency min/avg/max: 0/0.0/0\nMode: follower\nNode count: 5\n";
constexpr std::string_view kNotServing =
    "This ZooKeeper instance is not currently serving requests\n";

TEST(ScriptStatus, Mode) {
    EXPECT_EQ(mode_line(kSrvr), "Mode: follower");
    EXPECT_EQ(mode_line("Mode: read-only"), "Mode: read-only");
    EXPECT_EQ(mode_line("Mode: \x1b[31mleader\n"), "Mode: [31mleader");
    EXPECT_EQ(mode_line(kNotServing), "");
    EXPECT_EQ(mode_line("\n\n"), "");
}

TEST(HealthCheck, WhoeverServesIsHealthy) {
    EXPECT_TRUE(judge(kSrvr).healthy);
    EXPECT_EQ(judge(kSrvr).words, "Mode: follower");
    EXPECT_FALSE(judge(kNotServing).healthy);
    EXPECT_FALSE(judge("").healthy);
    EXPECT_FALSE(judge("HTTP/1.1 400").healthy);
    // Whoever forbids the question gets no more than that somebody is there.
    EXPECT_TRUE(judge("srvr is not executed because it is not in the whitelist.\n").healthy);
}

}  // namespace
}  // namespace zk::image
