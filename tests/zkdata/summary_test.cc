#include "zkdata/summary.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "directory.h"

namespace zk::zkdata {
namespace {
using testing::ElementsAre;
using testing::HasSubstr;

jute::Txn create_at(std::int64_t zxid,
                    const std::string& path,
                    const std::string& data,
                    bool ephemeral = false) {
    jute::Txn txn = storage::header_only(Zxid(zxid), OpCode::create, SessionId(0x77));
    txn.body = jute::CreateTxn{path, data, storage::open_acl(), ephemeral, -1};
    return txn;
}

Tree sample() {
    Tree tree;
    tree.tree = std::make_unique<tree::DataTree>();
    tree.tree->apply(create_at(1, "/a", "12345"));
    tree.tree->apply(create_at(2, "/a/b", ""));
    tree.tree->apply(create_at(3, "/a/b/c", "1"));
    tree.tree->apply(create_at(4, "/a/b/d", "22", true));
    tree.tree->apply(create_at(5, "/e", std::string(100, 'x'), true));
    tree.sessions = {{SessionId(0x77), 1000}};
    return tree;
}

TEST(Summary, CountsAndFindsWhatIsLarge) {
    const TreeSummary found = summarise(sample(), 2);
    EXPECT_EQ(found.nodes, 5U + 4U);  // the built-in ones too
    EXPECT_EQ(found.data_bytes, 108U);
    EXPECT_EQ(found.ephemerals, 2U);
    EXPECT_EQ(found.sessions, 1U);
    EXPECT_THAT(found.largest_nodes, ElementsAre(Ranked{"/e", 100}, Ranked{"/a", 5}));
    EXPECT_THAT(found.session_ephemerals, ElementsAre(Ranked{"0x77", 2}));
    EXPECT_THAT(found.largest_subtrees, ElementsAre(Subtree{"/a", 4, 8}, Subtree{"/a/b", 3, 3}));
    EXPECT_THAT(found.most_children, ElementsAre(Ranked{"/", 3}, Ranked{"/a/b", 2}));
}

TEST(Summary, ListsAreCutWithoutLosingTheLargest) {
    Tree tree;
    tree.tree = std::make_unique<tree::DataTree>();
    for (std::int64_t i = 1; i <= 1000; ++i)
        tree.tree->apply(
            create_at(i, "/n" + std::to_string(i), std::string(static_cast<std::size_t>(i), 'x')));
    const TreeSummary found = summarise(tree, 3);
    EXPECT_THAT(found.largest_nodes,
                ElementsAre(Ranked{"/n1000", 1000}, Ranked{"/n999", 999}, Ranked{"/n998", 998}));
}

TEST(Summary, OfALogCountsTypes) {
    sim::SimDisk disk;
    fill(disk);
    std::string text;
    Options options;
    options.top = 1;
    const Print print = [&text](std::string_view part) { text += part; };
    ZK_OK(summary(disk, ZK_VALUE(look_at(disk, kDir + "/log.1", {})), options, print));
    EXPECT_THAT(text, HasSubstr("log.1: 8 transactions, "));
    EXPECT_THAT(text, HasSubstr("from 0x1 of 2023-11-14 22:13:20 UTC to 0x8 "));
    EXPECT_THAT(text, HasSubstr("    8 create, "));
    EXPECT_THAT(text, HasSubstr("Largest transactions\n"));
    text.clear();
    options.json = true;
    ZK_OK(summary(disk, ZK_VALUE(look_at(disk, "/zk", {})), options, print));
    EXPECT_THAT(text, HasSubstr("\"kind\":\"summary\",\"zxid\":\"0x8\",\"nodes\":12,"));
}

TEST(Summary, OfALogCountsWhatStandsThereTwiceOnce) {
    sim::SimDisk disk;
    fill(disk);
    repeat_some(disk);
    std::string text;
    Options options;
    const Print print = [&text](std::string_view part) { text += part; };
    ZK_OK(summary(disk, ZK_VALUE(look_at(disk, kDir + "/log.1", {})), options, print));
    EXPECT_THAT(text, HasSubstr("log.1: 8 transactions, "));
    EXPECT_THAT(text, HasSubstr("3 of them stand there twice\n"));
    EXPECT_THAT(text, HasSubstr("    8 create, "));
    text.clear();
    options.json = true;
    ZK_OK(summary(disk, ZK_VALUE(look_at(disk, kDir + "/log.1", {})), options, print));
    EXPECT_THAT(text, HasSubstr("\"txns\":8,"));
    EXPECT_THAT(text, HasSubstr("\"again\":3,"));
    text.clear();
    ZK_OK(summary(disk, ZK_VALUE(look_at(disk, "/zk", {})), options, print));
    EXPECT_THAT(text, HasSubstr("\"kind\":\"summary\",\"zxid\":\"0x8\",\"nodes\":12,"));
}

}  // namespace
}  // namespace zk::zkdata
