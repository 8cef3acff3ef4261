#include "server_commands/server_commands.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace zk::server_commands {
namespace {
using testing::ElementsAre;
using testing::IsEmpty;

constexpr const char* kPeerMain = "org.apache.zookeeper.server.quorum.QuorumPeerMain";
constexpr const char* kServerMain = "org.apache.zookeeper.server.ZooKeeperServerMain";

TEST(ServerCommands, ServersOfApacheAreKnown) {
    const auto peer = apache_server({"java", "-cp", "x.jar", kPeerMain, "/etc/zoo.cfg"});
    ASSERT_TRUE(peer);
    EXPECT_EQ(peer->config_file, "/etc/zoo.cfg");
    EXPECT_EQ(peer->data_dir, "");
    const auto alone = apache_server({"java", kServerMain, "2181", "data", "2000"});
    ASSERT_TRUE(alone);
    EXPECT_EQ(alone->config_file, "");
    EXPECT_EQ(alone->data_dir, "data");
    EXPECT_FALSE(apache_server({"java", "org.apache.zookeeper.ZooKeeperMain"}));
    EXPECT_FALSE(apache_server({}));
}

TEST(ServerCommands, DirectoriesAreThoseOfTheFile) {
    EXPECT_THAT(directories_of("tickTime=1\ndataDir=/a\n#dataDir=/b\ndataLogDir : /c\n"),
                ElementsAre("/a", "/c"));
    EXPECT_THAT(directories_of("\\u12"), IsEmpty());
}

TEST(ServerCommands, FlagsStandBeforeTheMainClass) {
    const auto command = apache_server(
        {"/opt/jdk/bin/java", "-Xmx1g", "-cp", "/a:/b.jar", "-Dx=y", kPeerMain, "conf/zoo.cfg"});
    ASSERT_TRUE(command);
    EXPECT_EQ(command->program, "/opt/jdk/bin/java");
    EXPECT_THAT(command->flags, ElementsAre("-Xmx1g", "-Dx=y"));
    EXPECT_EQ(command->class_path, "/a:/b.jar");
    EXPECT_EQ(command->config_file, "conf/zoo.cfg");
    // A class path without a value, and no program: nothing to read.
    EXPECT_THAT(apache_server({"java", "-cp", kPeerMain, "a"})->flags, IsEmpty());
    EXPECT_EQ(apache_server({kPeerMain, "a"})->program, "");
}

TEST(ServerCommands, OursHasOneOperand) {
    const auto command = own_server({"/usr/local/zookeeper/current/bin/zkserver", "/c/zoo.cfg"});
    ASSERT_TRUE(command);
    EXPECT_EQ(command->config_file, "/c/zoo.cfg");
    EXPECT_FALSE(own_server({"/bin/zkserver"}));
    EXPECT_FALSE(own_server({"/bin/zkserver", "--check", "/c/zoo.cfg"}));
    EXPECT_FALSE(own_server({"/bin/zkserver", "--version"}));
    EXPECT_FALSE(own_server({"/bin/notzkserver", "/c/zoo.cfg"}));
    EXPECT_TRUE(own_server({"zkserver", "zoo.cfg"}));
    // As packaging/zkServer.sh and the image start it.
    for (const std::vector<std::string>& options :
         {std::vector<std::string>{"--java-flags", "JVMFLAGS=-Dzookeeper.snapCount=5 -Xmx1g"},
          {"--property", "snapCount=5", "--property=a=b", "--log-level", "warn"},
          {"--java-flags=JVMFLAGS=-Xmx1g", "--log-level=info"}}) {
        std::vector<std::string> words = {"/bin/zkserver"};
        words.insert(words.end(), options.begin(), options.end());
        EXPECT_FALSE(own_server(words)) << options[0];
        words.emplace_back("/c/zoo.cfg");
        const auto found = own_server(words);
        ASSERT_TRUE(found) << options[0];
        EXPECT_EQ(found->config_file, "/c/zoo.cfg");
        words.emplace_back("another");
        EXPECT_FALSE(own_server(words)) << options[0];
    }
    EXPECT_FALSE(own_server({"/bin/zkserver", "--property"}));
}

TEST(ServerCommands, WordsEndInZeros) {
    EXPECT_THAT(words_of(std::string_view("a\0b c\0\0", 7)), ElementsAre("a", "b c", ""));
    EXPECT_THAT(words_of("a"), ElementsAre("a"));
    EXPECT_THAT(words_of(""), IsEmpty());
}

TEST(ServerCommands, TheJarNamesTheVersion) {
    EXPECT_EQ(version_in("/zk/conf:/zk/lib/zookeeper-jute-3.8.4.jar:/zk/lib/zookeeper-3.8.4.jar"),
              "3.8.4");
    EXPECT_EQ(version_in("zookeeper-3.9.0-SNAPSHOT.jar"), "3.9.0-SNAPSHOT");
    EXPECT_EQ(version_in("/usr/share/java/zookeeper.jar"), "");
    EXPECT_EQ(version_in("/zk/lib/*:zookeeper-.jar:zookeeper-"), "");
    EXPECT_EQ(version_in(""), "");
}

}  // namespace
}  // namespace zk::server_commands
