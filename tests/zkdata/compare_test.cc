#include "zkdata/compare.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "directory.h"

namespace zk::zkdata {
namespace {
using testing::ElementsAre;
using testing::HasSubstr;

struct Compared {
    std::size_t count = 0;
    std::string text;
};

Compared compared(sim::SimDisk& disk,
                  const std::string& left,
                  const std::string& right,
                  const Options& options = {}) {
    Compared out;
    out.count = ZK_VALUE(compare(disk,
                                 ZK_VALUE(look_at(disk, left, {})),
                                 ZK_VALUE(look_at(disk, right, {})),
                                 options,
                                 [&out](std::string_view part) { out.text += part; }));
    return out;
}

/// A second directory with the same history, which ends at `last`.
void copy_directory(sim::SimDisk& disk, const std::string& to, std::int64_t last) {
    const storage::Paths paths{to, to};
    ZK_VALUE(storage::recover(disk, paths, {}));
    storage::LogWriter writer(disk, paths.logs(), storage::plain_log());
    for (std::int64_t i = 1; i <= last; ++i)
        ZK_OK(writer.append(Zxid(i), *storage::shared(storage::numbered(Zxid(i)))));
    ZK_OK(writer.sync());
}

TEST(Compare, DirectoriesAreComparedAtTheirLastCommonTxn) {
    sim::SimDisk disk;
    fill(disk);
    copy_directory(disk, "/other", 5);
    const Compared same = compared(disk, "/zk", "/other");
    EXPECT_EQ(same.count, 0U) << same.text;
    EXPECT_THAT(same.text, HasSubstr("left:  /zk: zxid 0x5"));
    EXPECT_THAT(same.text, HasSubstr("no difference\n"));
    repeat_some(disk);
    EXPECT_EQ(compared(disk, "/zk", "/other").text, same.text);
    Options at;
    at.at = Zxid(3);
    EXPECT_THAT(compared(disk, "/zk", "/other", at).text, HasSubstr("zxid 0x3"));
    at.at = Zxid(7);
    const auto beyond = compare(disk,
                                ZK_VALUE(look_at(disk, "/zk", {})),
                                ZK_VALUE(look_at(disk, "/other", {})),
                                at,
                                [](std::string_view) {});
    EXPECT_THAT(beyond.error().words, HasSubstr("/other has no transaction 0x7"));
}

TEST(Compare, EveryFieldThatDiffersIsNamed) {
    sim::SimDisk disk;
    fill(disk);
    tree::DataTree left = storage::numbered_tree(5);
    storage::save_snapshot(disk, left, {{SessionId(1), 1000}, {SessionId(2), 1000}});
    disk.put("/zk/left", storage::content(disk, "snapshot.5"));
    tree::DataTree right = storage::numbered_tree(4);
    right.apply(storage::set_txn(Zxid(5), "/n2", "other", 1));
    storage::save_snapshot(disk, right, {{SessionId(2), 2000}, {SessionId(3), 1}});
    const Compared found = compared(disk, "/zk/left", kDir + "/snapshot.5");
    EXPECT_EQ(found.count, 6U) << found.text;
    EXPECT_THAT(found.text, HasSubstr("only left:  \"session 0x1\"\n"));
    EXPECT_THAT(found.text, HasSubstr("differs:    \"session 0x2\"\n    timeout 1000 / 2000\n"));
    EXPECT_THAT(found.text, HasSubstr("only right: \"session 0x3\"\n"));
    EXPECT_THAT(found.text, HasSubstr("only left:  /n5\n"));
    EXPECT_THAT(found.text,
                HasSubstr("differs:    /n2\n    data 3 bytes \"0x2\" / 5 bytes \"other\"\n"));
    EXPECT_THAT(found.text, HasSubstr("    version 0 / 1\n"));
    EXPECT_THAT(found.text, HasSubstr("differs:    /\n    pzxid 0x5 / 0x4\n    cversion 5 / 4\n"));
    EXPECT_THAT(found.text, HasSubstr("6 differences\n"));
}

TEST(Compare, TheConfigNodesOwnCountersDoNotCount) {
    tree::DataTree left;
    tree::DataTree right;
    left.set_config_node("server.1=a", Zxid(1), WallMs(1));
    right.set_config_node("server.1=a", Zxid(2), WallMs(2));
    const auto tree_of = [](tree::DataTree tree) {
        return Tree{
            std::make_unique<tree::DataTree>(std::move(tree)), {}, Zxid(), std::nullopt, Zxid()};
    };
    const Tree a = tree_of(std::move(left));
    EXPECT_TRUE(differences(a, tree_of(std::move(right))).empty());
    tree::DataTree other;
    other.set_config_node("server.2=b", Zxid(2), WallMs(2));
    const auto found = differences(a, tree_of(std::move(other)));
    ASSERT_EQ(found.size(), 1U);
    EXPECT_EQ(found[0].what, "/zookeeper/config");
}

TEST(Compare, LongDataOfOneLengthAreToldApart) {
    tree::DataTree left;
    tree::DataTree right;
    left.apply(storage::create_txn(Zxid(1), "/a", Bytes(50, 'x')));
    right.apply(storage::create_txn(Zxid(1), "/a", Bytes(50, 'y')));
    const Tree a{
        std::make_unique<tree::DataTree>(std::move(left)), {}, Zxid(), std::nullopt, Zxid()};
    const Tree b{
        std::make_unique<tree::DataTree>(std::move(right)), {}, Zxid(), std::nullopt, Zxid()};
    a.tree->set_last_zxid(Zxid(9));
    b.tree->set_last_zxid(Zxid(9));
    const auto found = differences(a, b);
    ASSERT_EQ(found.size(), 1U);
    EXPECT_THAT(found[0].fields, ElementsAre("data 50 bytes / 50 bytes, others"));
}

TEST(Compare, JsonEndsWithTheCount) {
    sim::SimDisk disk;
    fill(disk);
    copy_directory(disk, "/other", 8);
    Options options;
    options.json = true;
    EXPECT_EQ(
        compared(disk, "/zk", "/other", options).text,
        "{\"kind\":\"result\",\"leftZxid\":\"0x8\",\"rightZxid\":\"0x8\",\"differences\":0}\n");
}

}  // namespace
}  // namespace zk::zkdata
