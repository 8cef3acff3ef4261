#include <algorithm>
#include <memory>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tree/data_tree.h"
#include "txns.h"

namespace zk::tree {
namespace {

using namespace zk::tree::testing;
using ::testing::ElementsAre;
using ::testing::UnorderedElementsAre;

std::vector<std::string> rest(Walk& walk) {
    std::vector<std::string> paths;
    for (Walk::VisitedNode node; walk.next(node);) paths.push_back(node.path);
    return paths;
}

// Steps until the walk has given `path`.
void walk_to(Walk& walk, const std::string& path) {
    Walk::VisitedNode node;
    do {
        ASSERT_TRUE(walk.next(node)) << path;
    } while (node.path != path);
}

TEST(Walk, ParentsComeBeforeChildren) {
    DataTree tree;
    tree.apply(create(1, "/a", 1));
    tree.apply(create(2, "/a/b", 1));
    Walk walk(tree);
    EXPECT_THAT(
        rest(walk),
        ElementsAre("", "/zookeeper", "/zookeeper/quota", "/zookeeper/config", "/a", "/a/b"));
    EXPECT_FALSE(walk.aborted());
}

TEST(Walk, SkipsWhatVanishedAndWhatIsNew) {
    DataTree tree;
    for (int i = 1; i <= 5; ++i) {
        tree.apply(create(i, "/n" + std::to_string(i), i));
        tree.apply(create(10 + i, "/n" + std::to_string(i) + "/c", 1));
    }
    Walk walk(tree);
    EXPECT_EQ(walk.start_zxid(), Zxid(15));
    walk_to(walk, "/n2");
    tree.apply(remove(20, "/n2/c"));
    tree.apply(remove(21, "/n2"));
    tree.apply(remove(22, "/n4/c"));
    tree.apply(remove(23, "/n4"));
    tree.apply(create(24, "/n4", 6));  // a new life of it
    tree.apply(create(25, "/n4/c", 1));
    tree.apply(create(26, "/new", 7));
    tree.apply(create(27, "/n5/d", 2));
    EXPECT_THAT(rest(walk), UnorderedElementsAre("/n3", "/n3/c", "/n5", "/n5/c"));
}

TEST(Walk, SkipsChildrenOfAParentThatWasMadeAnew) {
    DataTree tree;
    tree.apply(create(1, "/a", 1));
    tree.apply(create(2, "/a/x", 1));
    tree.apply(create(3, "/a/y", 2));
    Walk walk(tree);
    walk_to(walk, "/a");
    tree.apply(remove(4, "/a/x"));
    tree.apply(remove(5, "/a/y"));
    tree.apply(remove(6, "/a"));
    tree.apply(create(7, "/a", 2));
    tree.apply(create(8, "/a/x", 1));
    EXPECT_TRUE(rest(walk).empty());
}

// Nodes that are gone stay in memory as long as a walk may come by, and not longer; two walks begin and end apart.
TEST(Walk, ManyChildrenThatComeAndGo) {
    DataTree tree;
    std::int64_t zxid = 0;
    const auto path_of = [](int i) { return "/d/n" + std::to_string(i); };
    tree.apply(create(++zxid, "/d", 1));
    for (int i = 0; i < 300; ++i) tree.apply(create(++zxid, path_of(i), i + 1));
    auto first = std::make_unique<Walk>(tree);
    walk_to(*first, "/d");
    std::set<std::string> left;
    std::set<std::string> left_for_second;
    for (int i = 0; i < 100; ++i) tree.apply(remove(++zxid, path_of(i)));
    Walk second(tree);
    walk_to(second, "/d");
    for (int i = 100; i < 200; ++i) {
        tree.apply(remove(++zxid, path_of(i)));
        tree.apply(create(++zxid, path_of(i), 301 + i));
        tree.apply(create(++zxid, path_of(i) + "/child", 1));
    }
    for (const std::string& path : rest(*first)) left.insert(path);
    EXPECT_EQ(left.size(), 100U);
    EXPECT_TRUE(left.contains(path_of(299)));
    EXPECT_FALSE(left.contains(path_of(150)));
    first.reset();
    tree.apply(remove(++zxid, path_of(299)));
    for (const std::string& path : rest(second)) left_for_second.insert(path);
    EXPECT_EQ(left_for_second.size(), 99U);
}

// Their memory is taken again once no walk can come by, a few nodes with each txn.
TEST(Walk, RemovedNodesAreFreedBehindTheLastWalk) {
    DataTree tree;
    std::int64_t zxid = 0;
    constexpr int kNodes = 10'000;
    const auto fill = [&] {
        for (int i = 0; i < kNodes; ++i)
            tree.apply(create(++zxid, "/n" + std::to_string(i), i + 1, Bytes(500, 'x')));
    };
    const auto drain = [&] {
        for (int i = 0; i < kNodes; ++i) tree.apply(remove(++zxid, "/n" + std::to_string(i)));
    };
    fill();
    const std::size_t full = tree.slabs();
    ASSERT_GE(full, 6U);
    auto walk = std::make_unique<Walk>(tree);
    drain();
    fill();
    EXPECT_GT(tree.slabs(), full + full / 2);
    drain();
    EXPECT_GT(tree.slabs(), full + full / 2);
    walk.reset();
    for (int i = 0; i < 2 * kNodes / 50; ++i) tree.apply(set_data(++zxid, "/", "x", i + 1));
    EXPECT_LE(tree.slabs(), DataTree().slabs() + 1);
}

TEST(Walk, AclsMadeMeanwhileAreReplacedByTheReadOnlyOne) {
    DataTree tree;
    tree.apply(create(1, "/a", 1));
    tree.apply(create(2, "/b", 2, Bytes(), digest_acl("b:b")));
    const auto known = tree.acl().all();
    Walk walk(tree);
    tree.apply(set_acl(3, "/a", digest_acl("a:a"), 1));
    for (Walk::VisitedNode node; walk.next(node);) {
        if (node.acl == kOpenAcl) continue;
        EXPECT_TRUE(std::any_of(known.begin(), known.end(), [&](const auto& one) {
            return one.first == node.acl;
        })) << node.path;
        if (node.path == "/a") {
            EXPECT_EQ(node.acl, kReadOnlyAcl);
        } else if (node.path == "/b") {
            EXPECT_EQ(tree.acl().find(node.acl), digest_acl("b:b"));
        }
    }
}

TEST(Walk, EndsWhenTheTreeIsLoadedAnew) {
    DataTree tree;
    Walk walk(tree);
    Walk other(tree);
    Walk::VisitedNode node;
    ASSERT_TRUE(walk.next(node));
    tree.clear_for_load();
    EXPECT_FALSE(walk.next(node));
    EXPECT_TRUE(walk.aborted());
    tree = DataTree();
    EXPECT_FALSE(other.next(node));
    EXPECT_TRUE(other.aborted());
}

}  // namespace
}  // namespace zk::tree
