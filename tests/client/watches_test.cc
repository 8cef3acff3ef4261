#include "client/watches.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace zk::client {
namespace {

using jute::EventKind;
using testing::ElementsAre;
using testing::IsEmpty;

TEST(Watches, OneShotOnesAreToldOnce) {
    Watches watches;
    EXPECT_FALSE(watches.take(EventType::node_data_changed, "/a"));
    watches.add_data("/a");
    watches.add_data("/a");
    EXPECT_FALSE(watches.take(EventType::node_children_changed, "/a"));
    EXPECT_TRUE(watches.take(EventType::node_data_changed, "/a"));
    EXPECT_FALSE(watches.take(EventType::node_data_changed, "/a"));
    EXPECT_TRUE(watches.empty());
}

TEST(Watches, AChangeOfDataLeavesThoseOfChildren) {
    Watches watches;
    watches.add_data("/a");
    watches.add_child("/a");
    EXPECT_TRUE(watches.take(EventType::node_data_changed, "/a"));
    EXPECT_TRUE(watches.has("/a", WatcherType::children));
    EXPECT_TRUE(watches.take(EventType::node_children_changed, "/a"));
    watches.add_data("/a");
    watches.add_child("/a");
    watches.add_exist("/a");
    EXPECT_TRUE(watches.take(EventType::node_deleted, "/a"));
    EXPECT_TRUE(watches.empty());
}

TEST(Watches, LastingOnesStay) {
    Watches watches;
    watches.add("/a", AddWatchMode::persistent);
    for (int i = 0; i < 2; ++i) {
        EXPECT_TRUE(watches.take(EventType::node_children_changed, "/a"));
        EXPECT_TRUE(watches.take(EventType::node_data_changed, "/a"));
    }
    EXPECT_FALSE(watches.take(EventType::node_created, "/a/b"));
    EXPECT_FALSE(watches.empty());
}

TEST(Watches, RecursiveOnesSeeAllBelowButNoListsOfChildren) {
    Watches watches;
    watches.add("/a", AddWatchMode::persistent_recursive);
    EXPECT_TRUE(watches.take(EventType::node_created, "/a/b/c"));
    EXPECT_TRUE(watches.take(EventType::node_data_changed, "/a"));
    EXPECT_FALSE(watches.take(EventType::node_children_changed, "/a"));
    EXPECT_FALSE(watches.take(EventType::node_created, "/ab"));
    EXPECT_FALSE(watches.take(EventType::node_created, "/"));
    watches.add("/", AddWatchMode::persistent_recursive);
    EXPECT_TRUE(watches.take(EventType::node_created, "/ab"));
    EXPECT_TRUE(watches.take(EventType::node_data_changed, "/"));
}

TEST(Watches, RemovalTellsOfEachSortOnce) {
    Watches watches;
    watches.add_data("/a");
    watches.add_exist("/a");
    watches.add_child("/a");
    watches.add("/a", AddWatchMode::persistent);
    watches.add("/a", AddWatchMode::persistent_recursive);
    watches.add_data("/b");
    EXPECT_TRUE(watches.has("/a", WatcherType::any));
    EXPECT_FALSE(watches.has("/c", WatcherType::any));
    EXPECT_FALSE(watches.has("/b", WatcherType::children));
    EXPECT_THAT(watches.remove("/a", WatcherType::persistent),
                ElementsAre(EventKind::persistent_watch_removed));
    EXPECT_THAT(watches.remove("/a", WatcherType::any),
                ElementsAre(EventKind::data_watch_removed,
                            EventKind::child_watch_removed,
                            EventKind::persistent_watch_removed));
    EXPECT_THAT(watches.remove("/a", WatcherType::any), IsEmpty());
    EXPECT_TRUE(watches.has("/b", WatcherType::data));
}

TEST(Watches, ANewServerIsToldOfAll) {
    Watches watches;
    EXPECT_THAT(watches.again(Zxid(7)), IsEmpty());
    watches.add_data("/d");
    watches.add_exist("/e");
    watches.add_child("/c");
    auto requests = watches.again(Zxid(7));
    ASSERT_EQ(requests.size(), 1U);
    EXPECT_EQ(requests[0].op, OpCode::set_watches);
    const auto old = jute::decode<jute::SetWatchesRequest>(requests[0].body);
    ASSERT_TRUE(old);
    EXPECT_EQ(old->relative_zxid, Zxid(7));
    EXPECT_THAT(old->data, ElementsAre("/d"));
    EXPECT_THAT(old->exist, ElementsAre("/e"));
    EXPECT_THAT(old->child, ElementsAre("/c"));

    watches.add("/p", AddWatchMode::persistent);
    watches.add("/r", AddWatchMode::persistent_recursive);
    requests = watches.again(Zxid(7));
    ASSERT_EQ(requests.size(), 1U);
    EXPECT_EQ(requests[0].op, OpCode::set_watches2);
    const auto all = jute::decode<jute::SetWatches2Request>(requests[0].body);
    ASSERT_TRUE(all);
    EXPECT_THAT(all->one_shot.data, ElementsAre("/d"));
    EXPECT_THAT(all->persistent, ElementsAre("/p"));
    EXPECT_THAT(all->recursive, ElementsAre("/r"));
}

TEST(Watches, ManyGoInSeveralRequests) {
    constexpr std::size_t kCount = 5000;
    Watches watches;
    for (std::size_t i = 0; i < kCount; ++i)
        watches.add_data("/" + std::string(100, 'x') + std::to_string(i));
    const auto requests = watches.again(Zxid(1));
    EXPECT_GT(requests.size(), 3U);
    std::size_t told = 0;
    for (const auto& request : requests) {
        EXPECT_LT(request.body.size(), 140'000U);
        told += jute::decode<jute::SetWatchesRequest>(request.body)->data.size();
    }
    EXPECT_EQ(told, kCount);
}

}  // namespace
}  // namespace zk::client
