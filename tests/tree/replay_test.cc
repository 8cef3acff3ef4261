// Replay over a fuzzy snapshot: one test per row of the table in docs/STORAGE.md 3.3.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tree/data_tree.h"
#include "txns.h"

namespace zk::tree {
namespace {

using namespace zk::tree::testing;

TEST(Replay, CreateOfAnExistingNodeKeepsItButTakesTheAcl) {
    DataTree tree;
    tree.apply(create(9, "/a", 1, Bytes("newer")));
    const ApplyResult again = tree.apply(create(3, "/a", 2, Bytes("older"), digest_acl("a:b")));
    EXPECT_EQ(again.error, ErrorCode::node_exists);
    EXPECT_TRUE(again.changes.empty());
    EXPECT_EQ(tree.find("/a")->data(), ByteView("newer"));
    EXPECT_EQ(tree.stat_of(*tree.find("/a")).czxid, Zxid(9));
    EXPECT_EQ(tree.acl_of(*tree.find("/a")), digest_acl("a:b"));
    EXPECT_EQ(tree.find("/")->stat().cversion, 2) << "raised to the txn's";
    EXPECT_EQ(tree.find("/")->stat().pzxid, Zxid(3));
}

TEST(Replay, CreateNeverLowersTheParentsCounters) {
    DataTree tree;
    tree.apply(create(1, "/p", 1));
    tree.apply(create(9, "/p/late", 5));
    tree.apply(create(3, "/p/early", 2));
    EXPECT_NE(tree.find("/p/early"), nullptr);
    EXPECT_EQ(tree.find("/p")->stat().cversion, 5);
    EXPECT_EQ(tree.find("/p")->stat().pzxid, Zxid(9));
}

TEST(Replay, CreateWithoutParentOrNameIsIgnored) {
    DataTree tree;
    const std::uint64_t before = tree.digest();
    for (const char* path : {"/p/x", "", "x", "/", "/x/", "/zookeeper/"}) {
        EXPECT_NE(tree.apply(create(3, path, 1)).error, ErrorCode::ok) << path;
    }
    EXPECT_EQ(tree.digest(), before);
    EXPECT_EQ(tree.last_zxid(), Zxid(3));
}

TEST(Replay, OldLogsCountTheParentUp) {
    DataTree tree;
    tree.apply(create(1, "/a", -1));
    tree.apply(create(2, "/b", -1));
    EXPECT_EQ(tree.find("/")->stat().cversion, 2);
}

TEST(Replay, DeleteOfAMissingNodeRaisesTheParentsPzxid) {
    DataTree tree;
    tree.apply(create(1, "/p", 1));
    EXPECT_EQ(tree.apply(remove(5, "/p/x")).error, ErrorCode::no_node);
    EXPECT_EQ(tree.find("/p")->stat().pzxid, Zxid(5));
    tree.apply(remove(3, "/p/x"));
    EXPECT_EQ(tree.find("/p")->stat().pzxid, Zxid(5)) << "but does not lower it";
    EXPECT_EQ(tree.apply(remove(6, "/q/x")).error, ErrorCode::no_node);
    EXPECT_EQ(tree.apply(remove(6, "nonsense")).error, ErrorCode::no_node);
}

TEST(Replay, DeleteTakesLaterChildrenAlong) {
    // The snapshot holds a later life of /a with children; their creates come again.
    DataTree tree;
    tree.apply(create(8, "/a", 1));
    tree.apply(ephemeral(9, 0x1000, "/a/c", 1));
    tree.apply(remove(3, "/a"));
    EXPECT_EQ(tree.find("/a"), nullptr);
    EXPECT_EQ(tree.node_count(), 4U);
    EXPECT_EQ(tree.ephemeral_count(), 0U);
    tree.apply(create(8, "/a", 2));
    tree.apply(ephemeral(9, 0x1000, "/a/c", 1));
    EXPECT_EQ(tree.ephemeral_count(), 1U);
}

TEST(Replay, SetOfAMissingNodeIsIgnoredAndOfANewerOneOverwrites) {
    DataTree tree;
    EXPECT_EQ(tree.apply(set_data(2, "/a", Bytes("x"), 1)).error, ErrorCode::no_node);
    EXPECT_EQ(tree.apply(set_acl(2, "/a", digest_acl("a:b"), 1)).error, ErrorCode::no_node);
    tree.apply(create(1, "/a", 1));
    tree.apply(set_data(9, "/a", Bytes("new"), 4));
    tree.apply(set_data(5, "/a", Bytes("old"), 2));
    EXPECT_EQ(tree.stat_of(*tree.find("/a")).version, 2);
    tree.apply(set_data(9, "/a", Bytes("new"), 4));
    EXPECT_EQ(tree.stat_of(*tree.find("/a")).version, 4);
    EXPECT_EQ(tree.find("/a")->data(), ByteView("new"));
}

TEST(Replay, CloseSessionWithMissingNodes) {
    DataTree tree;
    tree.apply(create(1, "/p", 1));
    tree.apply(ephemeral(2, 0x1000, "/p/unlisted", 1));
    jute::CloseSessionTxn close;
    close.paths = {{"/p/gone", "/nowhere/x"}};
    tree.apply({header(OpCode::close_session, 7, 0x1000), close, {}});
    EXPECT_EQ(tree.find("/p/unlisted"), nullptr) << "what the session owns goes as well";
    EXPECT_EQ(tree.find("/p")->stat().pzxid, Zxid(7));
}

TEST(Load, RoundTripThroughAWalk) {
    DataTree tree;
    tree.apply(create(1, "/a", 1, Bytes("x"), digest_acl("a:b")));
    tree.apply(ephemeral(2, 0x1000, "/a/e", 1));
    tree.apply(set_data(3, "/", Bytes("root"), 1));
    DataTree copy;
    copy.clear_for_load();
    for (const auto& [id, list] : tree.acl().all()) {
        copy.acl().load(AclId(id.value() + 1000000), list);
    }
    Walk walk(tree);
    for (Walk::VisitedNode node; walk.next(node);) {
        jute::Buffer data;
        if (node.data) data.emplace(*node.data);
        const AclId acl = node.acl == kOpenAcl ? kOpenAcl : AclId(node.acl.value() + 1000000);
        ASSERT_TRUE(copy.load_node(node.path, data, acl, node.stat).has_value());
    }
    ASSERT_TRUE(copy.finish_load().has_value());
    copy.set_last_zxid(tree.last_zxid());
    EXPECT_EQ(copy.digest(), tree.digest());
    EXPECT_EQ(copy.node_count(), tree.node_count());
    EXPECT_EQ(copy.approximate_bytes(), tree.approximate_bytes());
    EXPECT_EQ(copy.ephemerals(SessionId(0x1000)), tree.ephemerals(SessionId(0x1000)));
    EXPECT_EQ(copy.acl_of(*copy.find("/a")), digest_acl("a:b"));
    DataTree target;
    target = std::move(copy);
    EXPECT_EQ(target.digest(), tree.digest());
    EXPECT_EQ(target.find("/")->data(), ByteView("root"));
}

TEST(Load, RefusesWhatIsNoTree) {
    const auto load = [](std::vector<std::pair<const char*, std::int64_t>> nodes) {
        DataTree tree;
        tree.clear_for_load();
        for (const auto& [path, acl] : nodes) {
            const Result<> loaded = tree.load_node(path, Bytes(), AclId(acl), {});
            if (!loaded.has_value()) return false;
        }
        return tree.finish_load().has_value();
    };
    EXPECT_TRUE(load({{"", -1}}));
    EXPECT_TRUE(load({{"/", -1}, {"/a", -1}}));
    EXPECT_FALSE(load({}));
    EXPECT_FALSE(load({{"/a", -1}}));
    EXPECT_FALSE(load({{"", -1}, {"", -1}}));
    EXPECT_FALSE(load({{"", -1}, {"/a/b", -1}}));
    EXPECT_FALSE(load({{"", -1}, {"/a", -1}, {"/a", -1}}));
    EXPECT_FALSE(load({{"", -1}, {"a", -1}}));
    EXPECT_FALSE(load({{"", -1}, {"/a/", -1}}));
}

// Apache's server writes the ACL map first and goes on serving: a node made meanwhile with a new list names one that the
// map does not have. Its txn is in the log, and brings the list.
TEST(Load, AnAclThatCameAfterTheMapComesWithItsTxn) {
    for (const std::int64_t number : {1, 5}) {  // own numbers mean nothing in a snapshot
        DataTree tree;
        tree.clear_for_load();
        ASSERT_TRUE(tree.load_node("", Bytes(), kOpenAcl, {}).has_value());
        ASSERT_TRUE(tree.load_node("/new", Bytes(), AclId(number), {}).has_value());
        ASSERT_TRUE(tree.load_node("/new/too", Bytes(), AclId(number), {}).has_value());
        ASSERT_TRUE(tree.finish_load().has_value());
        EXPECT_EQ(tree.acl_of(*tree.find("/new")), read_only_acl_list()) << "until then";
        tree.apply(create(2, "/new", 1, Bytes(), digest_acl("a:b")));
        tree.apply(create(3, "/new/too", 1, Bytes(), digest_acl("a:b")));
        EXPECT_EQ(tree.acl_of(*tree.find("/new")), digest_acl("a:b"));
        EXPECT_EQ(tree.acl_of(*tree.find("/new/too")), digest_acl("a:b"));
        tree.apply(remove(4, "/new/too"));
        tree.apply(remove(5, "/new"));
        EXPECT_EQ(tree.acl().size(), 1U) << "nobody uses it any more";
    }
}

TEST(Load, AddsBuiltInNodesAndDropsUnusedAcls) {
    DataTree tree;
    tree.clear_for_load();
    tree.acl().load(AclId(3), digest_acl("a:b"));
    tree.acl().load(AclId(4), digest_acl("c:d"));
    ASSERT_TRUE(tree.load_node("", Bytes(), AclId(4), {}).has_value());
    ASSERT_TRUE(tree.finish_load().has_value());
    EXPECT_NE(tree.find("/zookeeper/config"), nullptr);
    EXPECT_NE(tree.find("/zookeeper/quota"), nullptr);
    EXPECT_EQ(tree.acl().size(), 2U);
    EXPECT_EQ(tree.acl_of(*tree.find("/")), digest_acl("c:d"));
}

// Paths that only resemble one come from a peer or a file, never from a checked request.
TEST(Replay, AnotherSpellingOfAPathNamesNoNode) {
    DataTree tree;
    EXPECT_EQ(tree.apply(ephemeral(1, 5, "//x", 1)).error, ErrorCode::no_node);
    tree.apply(ephemeral(2, 5, "/x", 1));
    EXPECT_EQ(tree.apply(remove(3, "//x")).error, ErrorCode::no_node);
    EXPECT_THAT(tree.ephemerals(SessionId(5)), ::testing::ElementsAre("/x"));

    tree.clear_for_load();
    StatPersisted stat;
    ASSERT_TRUE(tree.load_node("", Bytes(), kOpenAcl, stat).has_value());
    stat.ephemeral_owner = 5;
    EXPECT_FALSE(tree.load_node("//x", Bytes(), kOpenAcl, stat).has_value());
    EXPECT_FALSE(tree.load_node("/", Bytes(), kOpenAcl, stat).has_value());
}

}  // namespace
}  // namespace zk::tree
