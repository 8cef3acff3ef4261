#include "tree/quotas.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tree/data_tree.h"
#include "tree/path.h"
#include "txns.h"

namespace zk::tree {
namespace {

using namespace zk::tree::testing;

/// A tree that says what it counts; answers are those of Apache's 3.8.0 to the same requests.
struct Counted {
    DataTree tree;
    std::int64_t zxid = 0;

    ApplyResult create(const std::string& path, jute::Buffer data = Bytes()) {
        return tree.apply(testing::create(++zxid, path, -1, std::move(data)));
    }
    void create_all(std::initializer_list<const char*> paths) {
        for (const char* path : paths) create(path);
    }
    void quota(const std::string& path, const char* limits = "count=1,bytes=1") {
        for (std::size_t at = 0; at != std::string::npos;) {
            at = path.find('/', at + 1);
            create("/zookeeper/quota" + path.substr(0, at));
        }
        create("/zookeeper/quota" + path + "/zookeeper_limits", Bytes(limits));
        create("/zookeeper/quota" + path + "/zookeeper_stats", Bytes("count=0,bytes=0"));
    }
    void set(const std::string& path, jute::Buffer data) {
        tree.apply(set_data(++zxid, path, std::move(data), 1));
    }
    void remove(const std::string& path) { tree.apply(testing::remove(++zxid, path)); }
    [[nodiscard]] std::string used(const std::string& path) const {
        const Node* node = tree.find("/zookeeper/quota" + path + "/zookeeper_stats");
        return node == nullptr ? "no node" : std::string(node->data().value_or("null"));
    }
};

TEST(Quotas, CountNodesAndBytesBelowThem) {
    Counted bench;
    bench.create("/p", Bytes("12345"));
    bench.create_all({"/p/x", "/q", "/pp"});
    bench.quota("/p");
    EXPECT_EQ(bench.used("/p"), "count=2,bytes=5");
    bench.create("/p/a", Bytes("xyz"));
    bench.create("/p/a/b", std::nullopt);
    bench.create_all({"/q/a", "/pp/a"});
    EXPECT_EQ(bench.used("/p"), "count=4,bytes=8");
    bench.set("/p/a", Bytes("1"));
    EXPECT_EQ(bench.used("/p"), "count=4,bytes=6");
    bench.set("/p", std::nullopt);
    EXPECT_EQ(bench.used("/p"), "count=4,bytes=1");
    bench.remove("/p/a/b");
    bench.remove("/p/a");
    bench.remove("/q/a");
    EXPECT_EQ(bench.used("/p"), "count=2,bytes=0");
    bench.create("/p/x");  // a replay
    bench.remove("/p/nothing");
    bench.set("/p/nothing", Bytes("1"));
    EXPECT_EQ(bench.used("/p"), "count=2,bytes=0");
}

TEST(Quotas, NobodyIsToldOfTheCounters) {
    Counted bench;
    bench.create("/p");
    bench.quota("/p");
    const auto before = bench.tree.stat_of(*bench.tree.find("/zookeeper/quota/p/zookeeper_stats"));
    const std::uint64_t digest = bench.tree.digest();
    const ApplyResult result = bench.create("/p/a", Bytes("12345"));
    ASSERT_EQ(result.changes.size(), 1U);
    EXPECT_EQ(result.changes[0].path, "/p/a");
    auto after = bench.tree.stat_of(*bench.tree.find("/zookeeper/quota/p/zookeeper_stats"));
    EXPECT_EQ(after, before) << "the new text has the old one's length";
    bench.remove("/p/a");
    DataTree same;
    same.apply(create(1, "/p", -1, Bytes()));
    EXPECT_EQ(same.find("/p")->stat().czxid, Zxid(1));
    EXPECT_NE(bench.tree.digest(), digest) << "/p has had a child";
    bench.set("/zookeeper/quota/p/zookeeper_stats", Bytes("count=900,bytes=0"));
    const std::uint64_t then = bench.tree.digest();
    bench.create("/zookeeper/quota/p/other");
    EXPECT_EQ(bench.tree.digest(), then);
}

TEST(Quotas, OnlyTheDeepestCounts) {
    Counted bench;
    bench.create_all({"/p", "/p/q"});
    bench.quota("/p");
    bench.create("/zookeeper/quota/p/q");
    bench.create("/zookeeper/quota/p/q/zookeeper_limits");
    bench.create("/zookeeper/quota/p/q/zookeeper_stats");
    bench.create("/p/q/a", Bytes("xxx"));
    EXPECT_EQ(bench.used("/p"), "count=2,bytes=0");
    EXPECT_EQ(bench.used("/p/q"), "count=2,bytes=3");
    bench.remove("/zookeeper/quota/p/q/zookeeper_limits");
    bench.create("/p/q/b", Bytes("xxx"));
    EXPECT_EQ(bench.used("/p"), "count=3,bytes=3");
    EXPECT_EQ(bench.used("/p/q"), "count=2,bytes=3");
    bench.remove("/zookeeper/quota/p/zookeeper_stats");
    bench.create("/p/q/c", Bytes("xxx"));
    EXPECT_EQ(bench.used("/p"), "no node");
    bench.create("/zookeeper/quota/p/zookeeper_stats", Bytes("anything"));
    EXPECT_EQ(bench.used("/p"), "count=5,bytes=9") << "all that is below";
}

TEST(Quotas, CountersThatAClientHasWrittenGoOnFromThere) {
    Counted bench;
    bench.create("/p");
    bench.quota("/p");
    bench.set("/zookeeper/quota/p/zookeeper_stats", Bytes("count=5,bytes=3=;zz=1;byteHardLimit=7"));
    bench.create("/p/a", Bytes("xyz"));
    EXPECT_EQ(bench.used("/p"), "count=6,bytes=6=;byteHardLimit=7;zz=1");
    bench.set("/zookeeper/quota/p/zookeeper_stats", Bytes());
    bench.create("/p/b", Bytes("xyz"));
    EXPECT_EQ(bench.used("/p"), "count=0,bytes=2");
    // No request does that (Preparer), but what a log holds is applied.
    bench.set("/zookeeper/quota/p/zookeeper_stats", Bytes("nonsense"));
    bench.create("/p/c", Bytes("xyz"));
    EXPECT_EQ(bench.used("/p"), "count=4,bytes=9");
}

TEST(Quotas, OfZookeepersOwnNodesAndOfPathsToCome) {
    Counted bench;
    bench.quota("/zookeeper");
    EXPECT_EQ(bench.used("/zookeeper"), "count=7,bytes=45");
    bench.create("/zookeeper/z", Bytes("12345"));
    EXPECT_EQ(bench.used("/zookeeper"), "count=8,bytes=50");
    bench.set("/zookeeper/quota/zookeeper/zookeeper_stats", Bytes("count=1,bytes=1"));
    EXPECT_EQ(bench.used("/zookeeper"), "count=1,bytes=0");
    bench.quota("/later");
    EXPECT_EQ(bench.used("/later"), "count=0,bytes=0");
    bench.create("/later", Bytes("12345"));
    EXPECT_EQ(bench.used("/later"), "count=1,bytes=5");
}

TEST(Quotas, TheRootIsCountedOnceAndHasNone) {
    Counted bench;
    bench.create("/zookeeper/quota/zookeeper_stats", Bytes("count=1,bytes=1"));
    EXPECT_EQ(bench.used(""), "count=5,bytes=15");
    bench.create("/zookeeper/quota/zookeeper_limits", Bytes("count=1,bytes=1"));
    bench.create("/a");
    EXPECT_EQ(bench.used(""), "count=5,bytes=15");
    EXPECT_TRUE(bench.tree.quotas().empty());
}

TEST(Quotas, ClosedSessionsAreCounted) {
    Counted bench;
    bench.create("/p");
    bench.quota("/p");
    bench.tree.apply(ephemeral(++bench.zxid, 9, "/p/e", -1));
    EXPECT_EQ(bench.used("/p"), "count=2,bytes=0");
    bench.tree.apply({header(OpCode::close_session, ++bench.zxid, 9),
                      jute::CloseSessionTxn{std::vector<std::string>{"/p/e"}},
                      {}});
    EXPECT_EQ(bench.used("/p"), "count=1,bytes=0");
}

TEST(Quotas, CountersThatAreMadeAnewCountAllThatIsBelow) {
    Counted bench;
    bench.create("/p", Bytes("12345"));
    for (int i = 0; i < 100; ++i) {
        const std::string path = "/p/" + std::to_string(i);
        bench.create(path, Bytes("xy"));
        bench.create(path + "/a", Bytes("z"));
    }
    bench.quota("/p");
    EXPECT_EQ(bench.used("/p"), "count=201,bytes=305");
    for (int i = 0; i < 50; ++i) bench.remove("/p/" + std::to_string(i) + "/a");
    bench.set("/p/7", std::nullopt);
    bench.remove("/zookeeper/quota/p/zookeeper_stats");
    bench.create("/zookeeper/quota/p/zookeeper_stats");
    EXPECT_EQ(bench.used("/p"), "count=151,bytes=253");
}

TEST(Quotas, AreFoundAndCountedAgainAfterALoad) {
    Counted bench;
    bench.create("/p", Bytes("12345"));
    bench.create("/p/a", Bytes("1"));
    bench.quota("/p");
    bench.quota("/q/r");
    bench.set("/zookeeper/quota/p/zookeeper_stats", Bytes("count=900,bytes=900"));
    DataTree loaded;
    loaded.clear_for_load();
    for (const auto& [id, list] : bench.tree.acl().all()) loaded.acl().load(id, list);
    Walk walk(bench.tree);
    for (Walk::VisitedNode node; walk.next(node);) {
        jute::Buffer data;
        if (node.data) data = Bytes(*node.data);
        ASSERT_TRUE(loaded.load_node(node.path, data, node.acl, node.stat).has_value());
    }
    ASSERT_TRUE(loaded.finish_load().has_value());
    EXPECT_THAT(loaded.quotas().paths(), ::testing::ElementsAre("/p", "/q/r"));
    EXPECT_EQ(loaded.find("/zookeeper/quota/p/zookeeper_stats")->data(), "count=2,bytes=6");
    loaded.clear_for_load();
    EXPECT_TRUE(loaded.quotas().empty());
}

TEST(Quotas, UsageByNamespace) {
    Counted bench;
    bench.create_all({"/p", "/p/q", "/p/r", "/z"});
    bench.quota("/p/q", "count=3,bytes=-1=;countHardLimit=5");
    bench.create("/zookeeper/quota/p/r");
    bench.create("/zookeeper/quota/p/r/zookeeper_limits", Bytes("count=10,bytes=20"));
    bench.create("/zookeeper/quota/p/r/zookeeper_stats");
    bench.quota("/z", "count=1,bytes=2");
    bench.create("/p/r/a", Bytes("1234"));
    const auto usage = quota_usage(bench.tree);
    ASSERT_EQ(usage.size(), 2U);
    EXPECT_EQ(usage.at("p").count_limit, 15);
    EXPECT_EQ(usage.at("p").bytes_limit, 19) << "what has no limit says -1";
    EXPECT_EQ(usage.at("p").count, 3);
    EXPECT_EQ(usage.at("p").bytes, 4);
    EXPECT_EQ(usage.at("z").count_limit, 1);
    EXPECT_EQ(usage.at("z").bytes_limit, 2);
    EXPECT_EQ(usage.at("z").count, 1);
}

TEST(Quotas, NodesThatAreTheirs) {
    EXPECT_EQ(limited_path("/zookeeper/quota/a/b/zookeeper_limits"), "/a/b");
    for (const char* path : {"/zookeeper/quota/zookeeper_limits",
                             "/zookeeper/quotas/a/zookeeper_limits",
                             "/zookeeper/quota/a/xzookeeper_limits",
                             "/zookeeper/quotazookeeper_limits",
                             "/zookeeper/quota/a/zookeeper_stats",
                             "/a/zookeeper_limits"}) {
        EXPECT_EQ(limited_path(path), std::nullopt) << path;
    }
    EXPECT_EQ(counted_path("/zookeeper/quota/a/zookeeper_stats"), "/a");
    EXPECT_EQ(counted_path("/zookeeper/quota/zookeeper_stats"), "");
}

// Seen of 3.8.0: the first ends it when it is created or deleted, the second when it is deleted.
TEST(Quotas, LimitsThatEndApachesServers) {
    for (const char* path : {"/zookeeper/quota/zookeeper_limits",
                             "/zookeeper/zookeeper_limits",
                             "/zookeeper/\xc3\xa4\xc3\xa4\xc3\xa4/zookeeper_limits",
                             "/zookeeperäö/zookeeper_limits"}) {
        EXPECT_TRUE(is_fatal_limits_node(path)) << path;
    }
    for (const char* path : {"/zookeeper/quota/a/zookeeper_limits",
                             "/zookeeper/quotaX/zookeeper_limits",
                             "/zookeeper/config/zookeeper_limits",
                             "/zookeeper/quota/x",
                             "/zookeeper_limits",
                             "/a/zookeeper_limits"}) {
        EXPECT_FALSE(is_fatal_limits_node(path)) << path;
    }
}

}  // namespace
}  // namespace zk::tree
