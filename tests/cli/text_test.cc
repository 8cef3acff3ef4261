#include "cli/text.h"

#include <gtest/gtest.h>

#include "cli/acl_text.h"

namespace zk::cli {
namespace {

jute::Stat sample_stat() {
    jute::Stat stat;
    stat.czxid = Zxid(2);
    stat.mzxid = Zxid(0x100000014);
    stat.pzxid = Zxid(12);
    stat.ctime = WallMs(1);
    stat.mtime = WallMs(2);
    stat.version = 3;
    stat.cversion = -1;
    stat.aversion = 4;
    stat.ephemeral_owner = 0x100004309560000;
    stat.data_length = 5;
    stat.children_count = 7;
    return stat;
}

TEST(CliText, AStatHasElevenLines) {
    const auto when = [](WallMs at) { return "at " + std::to_string(at.value()); };
    EXPECT_EQ(stat_text(sample_stat(), when),
              "cZxid = 0x2\nctime = at 1\nmZxid = 0x100000014\nmtime = at 2\npZxid = 0xc\n"
              "cversion = -1\ndataVersion = 3\naclVersion = 4\nephemeralOwner = 0x100004309560000\n"
              "dataLength = 5\nnumChildren = 7\n");
}

TEST(CliText, ListsAreSorted) {
    EXPECT_EQ(list_text({}), "[]\n");
    EXPECT_EQ(list_text({"b", "a", "Z"}), "[Z, a, b]\n");
}

TEST(CliText, AnEventStandsBetweenBlankLines) {
    EXPECT_EQ(event_text(jute::EventKind::none, jute::KeeperState::sync_connected, ""),
              "\nWATCHER::\n\nWatchedEvent state:SyncConnected type:None path:null\n");
    EXPECT_EQ(
        event_text(jute::EventKind::node_data_changed, jute::KeeperState::sync_connected, "/a"),
        "\nWATCHER::\n\nWatchedEvent state:SyncConnected type:NodeDataChanged path:/a\n");
}

TEST(CliText, HexDumpHasSixteenInARow) {
    EXPECT_EQ(hex_dump(""), "\n");
    EXPECT_EQ(hex_dump(std::string("0123456789abcdef\n\0x", 19)),
              "         +-------------------------------------------------+\n"
              "         |  0  1  2  3  4  5  6  7  8  9  a  b  c  d  e  f |\n"
              "+--------+-------------------------------------------------+----------------+\n"
              "|00000000| 30 31 32 33 34 35 36 37 38 39 61 62 63 64 65 66 |0123456789abcdef|\n"
              "|00000010| 0a 00 78                                        |..x             |\n"
              "+--------+-------------------------------------------------+----------------+\n");
}

TEST(CliText, ClientsAddressesOfAConfiguration) {
    EXPECT_EQ(config_for_clients(""), " ");
    EXPECT_EQ(config_for_clients("server.1=h1:2888:3888:participant;0.0.0.0:2181\n"
                                 "server.2=h2:2888:3888:observer;2182\n"
                                 "server.3=[::1]:2888:3888:participant;2183\n"
                                 "server.4=h4:2888:3888:participant\nversion=10000000a"),
              "10000000a 0.0.0.0:2181,h2:2182,[::1]:2183");
}

TEST(CliText, ErrorsInTheWordsOfApachesShell) {
    EXPECT_EQ(error_text(ErrorCode::no_node, "/a"), "Node does not exist: /a");
    EXPECT_EQ(error_text(ErrorCode::bad_version, "/a"), "version No is not valid : /a");
    EXPECT_EQ(error_text(ErrorCode::unimplemented, "/a"), "KeeperErrorCode = Unimplemented for /a");
    EXPECT_EQ(error_text(ErrorCode::no_watcher, "/a"), "KeeperErrorCode = No such watcher for /a");
    EXPECT_EQ(error_text(ErrorCode::reconfig_disabled, ""),
              "KeeperErrorCode = Reconfig is disabled");
    EXPECT_EQ(connection_loss_text("/"), "KeeperErrorCode = ConnectionLoss for /");
    EXPECT_EQ(connection_loss_text(""), "KeeperErrorCode = ConnectionLoss");
}

TEST(AclText, BothWays) {
    const auto acl = read_acl("world:anyone:r,digest:bob:x=:cdrwa,ip:127.0.0.1:");
    ASSERT_TRUE(acl.has_value());
    EXPECT_EQ(acl_text(*acl),
              "'world,'anyone\n: r\n'digest,'bob:x=\n: cdrwa\n'ip,'127.0.0.1\n: \n");
    EXPECT_EQ(perms_text(perms::kAll), "cdrwa");
    EXPECT_EQ(read_acl("auth::r")->front().id.id, "");
}

TEST(AclText, MistakesAreNamed) {
    EXPECT_EQ(read_acl("foo").error().words, "foo does not have the form scheme:id:perm");
    EXPECT_EQ(read_acl("a:b").error().words, "a:b does not have the form scheme:id:perm");
    EXPECT_EQ(read_acl("").error().words, " does not have the form scheme:id:perm");
    EXPECT_FALSE(read_acl("world:anyone:r,").has_value());
    // Apache's shell goes on with the rights that it knows.
    EXPECT_NE(read_acl("world:anyone:rx").error().words.find("Unknown perm type: x"),
              std::string::npos);
}

TEST(CliText, IdentitiesAreATable) {
    EXPECT_EQ(identities_text({{"ip", "127.0.0.1"}, {"digest", "u"}}),
              "Auth scheme: User\nip: 127.0.0.1\ndigest: u\n");
}

}  // namespace
}  // namespace zk::cli
