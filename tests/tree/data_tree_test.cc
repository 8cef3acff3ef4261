#include "tree/data_tree.h"

#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tree/digest.h"
#include "tree/path.h"
#include "txns.h"

namespace zk::tree {
namespace {

using namespace zk::tree::testing;
using ::testing::ElementsAre;
using ::testing::UnorderedElementsAre;

// The digest by definition: over all nodes, from what a walk tells.
std::uint64_t recomputed_digest(const DataTree& tree) {
    std::uint64_t sum = 0;
    Walk walk(tree);
    for (Walk::VisitedNode node; walk.next(node);) {
        if (!is_outside_digest(node.path)) {
            sum += node_digest(path_data_crc(node.path, node.data), node.stat);
        }
    }
    return sum;
}

TEST(DataTree, FreshTreeIsApaches) {
    DataTree tree;
    EXPECT_EQ(tree.digest(), 0x51c6d660U);
    EXPECT_EQ(tree.node_count(), 4U);
    EXPECT_EQ(tree.last_zxid(), Zxid(0));
    const jute::Stat root = tree.stat_of(*tree.find("/"));
    EXPECT_EQ(root.cversion, -1);
    EXPECT_EQ(root.children_count, 1);
    EXPECT_EQ(root.czxid, Zxid(0));
    EXPECT_EQ(tree.find("/")->data(), ByteView(""));
    EXPECT_EQ(tree.stat_of(*tree.find("/zookeeper")).cversion, -2);
    const Node* config = tree.find("/zookeeper/config");
    EXPECT_EQ(tree.stat_of(*config).aversion, -1);
    EXPECT_EQ(tree.stat_of(*config).version, 0);
    EXPECT_EQ(tree.acl_of(*config), read_only_acl_list());
    EXPECT_EQ(tree.acl_of(*tree.find("/")), open_acl_list());
    EXPECT_EQ(tree.acl().all().size(), 1U);
}

TEST(DataTree, DigestsOfEvery128thZxidAreKept) {
    DataTree tree;
    for (std::int64_t i = 1; i <= 127; ++i) tree.apply(create(i, "/n" + std::to_string(i), 1));
    EXPECT_TRUE(tree.digests().empty());
    tree.apply(create(128, "/n128", 1));
    const std::uint64_t then = tree.digest();
    tree.apply(create(129, "/n129", 1));
    ASSERT_EQ(tree.digests().size(), 1U);
    EXPECT_EQ(tree.digests()[0].zxid, Zxid(128));
    EXPECT_EQ(tree.digests()[0].digest, then);
    EXPECT_NE(tree.digest(), then);
    for (std::int64_t i = 2; i <= 1030; ++i)
        tree.apply(create(i * 128, "/m" + std::to_string(i), 1));
    EXPECT_EQ(tree.digests().size(), DataTree::kDigestsMax);
    EXPECT_EQ(tree.digests().front().zxid, Zxid(7 * 128)) << "the oldest go";
    tree.forget_digests();
    EXPECT_TRUE(tree.digests().empty());
}

TEST(DataTree, LookUp) {
    DataTree tree;
    tree.apply(create(1, "/a", 1));
    tree.apply(create(2, "/a/b", 1));
    EXPECT_EQ(tree.find(""), tree.find("/"));
    EXPECT_NE(tree.find("/a/b"), nullptr);
    for (const char* path : {"a", "/b", "/a/", "/a//b", "//a", "/a/b/", "/a/c", "/a/b/c", "//"}) {
        EXPECT_EQ(tree.find(path), nullptr) << path;
    }
    EXPECT_EQ(tree.find("/")->below().nodes, 5U);
    EXPECT_EQ(tree.find("/a/b")->below().nodes, 0U);
}

/// By going through all of it, what Node::below() says at once. Checks that on the way.
Node::Below counted_below(const Node& top) {
    Node::Below sum;
    for (const Node* child : top.list_children()) {
        const Node::Below more = counted_below(*child);
        sum.nodes += 1 + more.nodes;
        sum.data_bytes += child->data_size() + more.data_bytes;
    }
    EXPECT_EQ(top.below().nodes, sum.nodes) << top.name();
    EXPECT_EQ(top.below().data_bytes, sum.data_bytes) << top.name();
    return sum;
}

/// What a snapshot of the tree says, loaded.
DataTree reloaded(const DataTree& tree) {
    DataTree copy;
    copy.clear_for_load();
    for (const auto& [id, list] : tree.acl().all()) copy.acl().load(id, list);
    Walk walk(tree);
    for (Walk::VisitedNode node; walk.next(node);)
        EXPECT_TRUE(copy.load_node(node.path, node.data, node.acl, node.stat).has_value());
    EXPECT_TRUE(copy.finish_load().has_value());
    return copy;
}

TEST(DataTree, EachNodeKnowsHowMuchIsBelowIt) {
    for (const unsigned seed : {1U, 2U, 3U}) {
        std::mt19937 random(seed);
        DataTree tree;
        std::int64_t zxid = 0;
        for (int round = 0; round < 4; ++round) {
            for (int i = 0; i < 300; ++i) {
                std::string path;
                for (auto levels = 1 + random() % 4; levels > 0; --levels)
                    path += "/" + std::to_string(random() % (levels == 1 ? 20 : 3));
                const Bytes data(random() % 600, 'd');  // some have no room behind their node
                switch (random() % 8) {
                    case 0:  // with what is below, as in a replay over a fuzzy snapshot
                        tree.apply(remove(++zxid, path));
                        break;
                    case 1:
                        tree.apply(set_data(++zxid, path, data, 1));
                        break;
                    case 2:
                        tree.apply(set_data(++zxid, path, std::nullopt, 1));
                        break;
                    default:
                        tree.apply(create(++zxid, path, 1, data));
                }
            }
            const Node::Below all = counted_below(*tree.find("/"));
            EXPECT_EQ(all.nodes + 1, tree.node_count());
            EXPECT_GT(all.nodes, 20U);
            DataTree copy = reloaded(tree);
            EXPECT_EQ(counted_below(*copy.find("/")).data_bytes, all.data_bytes);
            if (round % 2 == 0) tree = std::move(copy);
        }
    }
}

TEST(DataTree, CreateSetsStatsOfNodeAndParent) {
    DataTree tree;
    const ApplyResult made = tree.apply(create(5, "/a", 1, Bytes("xyz")));
    EXPECT_EQ(made.type, OpCode::create2);
    EXPECT_EQ(made.error, ErrorCode::ok);
    EXPECT_EQ(made.path, "/a");
    jute::Stat expected;
    expected.czxid = expected.mzxid = expected.pzxid = Zxid(5);
    expected.ctime = expected.mtime = WallMs(1005);
    expected.data_length = 3;
    EXPECT_EQ(made.stat, expected);
    EXPECT_EQ(tree.stat_of(*tree.find("/a")), expected);
    tree.apply(create(6, "/a/b", 1));
    expected.cversion = 1;
    expected.children_count = 1;
    expected.pzxid = Zxid(6);
    EXPECT_EQ(tree.stat_of(*tree.find("/a")), expected);
    tree.apply(remove(7, "/a/b"));
    expected.cversion = 2;  // a delete counts as well
    expected.children_count = 0;
    expected.pzxid = Zxid(7);
    EXPECT_EQ(tree.stat_of(*tree.find("/a")), expected);
    EXPECT_EQ(tree.last_zxid(), Zxid(7));
}

TEST(DataTree, CversionWrapsIn32Bits) {
    DataTree tree;
    tree.apply(create(1, "/a", 1));
    tree.apply(create(2, "/a/x", INT32_MAX));
    tree.apply(create(3, "/a/y", INT32_MIN));
    tree.apply(create(4, "/a/z", INT32_MIN));
    const jute::Stat stat = tree.stat_of(*tree.find("/a"));
    EXPECT_EQ(stat.cversion, -5);
    EXPECT_EQ(stat.pzxid, Zxid(2)) << "a saturated counter stops pzxid too";
    EXPECT_EQ(tree.digest(), recomputed_digest(tree));
}

TEST(DataTree, NullAndEmptyDataDiffer) {
    DataTree tree;
    tree.apply(create(1, "/null", 1, std::nullopt));
    tree.apply(create(2, "/empty", 2, Bytes()));
    EXPECT_EQ(tree.find("/null")->data(), std::nullopt);
    EXPECT_EQ(tree.find("/empty")->data(), ByteView());
    tree.apply(set_data(3, "/empty", std::nullopt, 1));
    EXPECT_EQ(tree.find("/empty")->data(), std::nullopt);
    EXPECT_EQ(tree.stat_of(*tree.find("/empty")).data_length, 0);
    tree.apply(set_data(4, "/null", Bytes("x"), 1));
    EXPECT_EQ(tree.find("/null")->data(), ByteView("x"));
}

// Data lie behind the name as long as they fit into the room of the first ones, and elsewhere otherwise.
TEST(DataTree, DataOfEverySizeBehindEveryOther) {
    std::vector<jute::Buffer> all = {std::nullopt};
    for (const std::size_t size : {0, 1, 7, 100, 511, 512, 513, 5000}) {
        all.emplace_back(Bytes(size, static_cast<char>('a' + size % 26)));
    }
    std::int64_t zxid = 0;
    for (const jute::Buffer& first : all) {
        for (const jute::Buffer& second : all) {
            DataTree tree;
            tree.apply(create(++zxid, "/name", 1, first));
            std::int32_t version = 0;
            for (const jute::Buffer& data :
                 {first, second, first, std::optional(Bytes("between")), second}) {
                if (version > 0) tree.apply(set_data(++zxid, "/name", data, version));
                ++version;
                const Node& node = *tree.find("/name");
                ASSERT_EQ(node.data(), data);
                EXPECT_EQ(node.name(), "name");
                EXPECT_EQ(node.data_size(), data ? data->size() : 0);
                EXPECT_EQ(tree.digest(), recomputed_digest(tree));
            }
            tree.apply(create(++zxid, "/name/child", 1, second));
            EXPECT_EQ(tree.find("/name")->data(), second) << "a parent has data, too";
            EXPECT_EQ(tree.find("/name/child")->data(), second);
            tree.apply(remove(++zxid, "/name/child"));
            EXPECT_EQ(tree.find("/name")->child_count(), 0U);
            EXPECT_EQ(tree.digest(), recomputed_digest(tree));
        }
    }
}

// What few nodes have costs the others nothing: a long name, a time far away and the number of a list after many others
// stand outside of the bits that are kept for them.
TEST(DataTree, NamesOfEveryLength) {
    DataTree tree;
    std::int64_t zxid = 0;
    for (const std::size_t size : {1, 65533, 65534, 65535, 65536, 70000}) {
        const std::string name(size, 'n');
        for (const std::size_t data_size : {0, 100, 5000}) {
            const Bytes data(data_size, 'd');
            tree.apply(create(++zxid, "/" + name, 1, data));
            const Node* node = tree.find("/" + name);
            ASSERT_NE(node, nullptr) << size;
            EXPECT_EQ(node->name(), name);
            EXPECT_EQ(node->data(), data);
            EXPECT_EQ(tree.find("/")->child(name), node);
            tree.apply(set_data(++zxid, "/" + name, Bytes(200, 'e'), 1));
            EXPECT_EQ(node->name(), name);
            EXPECT_EQ(node->data(), Bytes(200, 'e'));
            EXPECT_EQ(tree.digest(), recomputed_digest(tree));
            tree.apply(remove(++zxid, "/" + name));
            EXPECT_EQ(tree.find("/" + name), nullptr);
        }
    }
}

TEST(DataTree, TimesOfEverySize) {
    constexpr std::int64_t kBits = std::int64_t{1} << 47;
    std::int64_t zxid = 0;
    for (const std::int64_t time : {std::int64_t{0},
                                    std::int64_t{-1},
                                    kBits - 1,
                                    kBits,
                                    -kBits,
                                    -kBits - 1,
                                    INT64_MAX,
                                    INT64_MIN}) {
        DataTree tree;
        jute::Txn txn = create(++zxid, "/a", 1);
        txn.header.time = WallMs(time);
        tree.apply(txn);
        EXPECT_EQ(tree.find("/a")->stat().ctime, WallMs(time));
        EXPECT_EQ(tree.find("/a")->stat().mtime, WallMs(time));
        EXPECT_EQ(tree.digest(), recomputed_digest(tree));
        tree.apply(set_data(++zxid, "/a", Bytes("later"), 1));
        EXPECT_EQ(tree.find("/a")->stat().ctime, WallMs(time));
        EXPECT_EQ(tree.find("/a")->stat().mtime, WallMs(1000 + zxid));
        EXPECT_EQ(tree.digest(), recomputed_digest(tree));
    }
}

TEST(DataTree, AclsAfterManyOthers) {
    DataTree tree;
    tree.apply(create(1, "/a", 1));
    tree.apply(create(2, "/b", 2));
    tree.apply(set_acl(3, "/b", digest_acl("b:b"), 1));
    std::int64_t zxid = 3;
    const auto next = [&] {
        ++zxid;
        tree.apply(set_acl(zxid, "/a", digest_acl(std::to_string(zxid)), 1));
    };
    while (tree.acl().next_id().value() < (1 << 16) - 6) next();
    for (int i = 0; i < 12; ++i) {
        next();
        const Node& node = *tree.find("/a");
        EXPECT_EQ(node.acl_id().value(), tree.acl().next_id().value() - 1);
        EXPECT_EQ(tree.acl_of(node), digest_acl(std::to_string(zxid)));
    }
    EXPECT_EQ(tree.acl_of(*tree.find("/b")), digest_acl("b:b"));
    tree.apply(set_acl(++zxid, "/a", open_acl_list(), 2));
    EXPECT_EQ(tree.find("/a")->acl_id(), kOpenAcl);
    EXPECT_EQ(tree.acl().size(), 2U) << "unused lists are dropped";
}

TEST(DataTree, SetDataAndSetAclTouchOnlyTheirOwnCounters) {
    DataTree tree;
    tree.apply(create(1, "/a", 1));
    const ApplyResult set = tree.apply(set_data(2, "/a", Bytes("longer"), 1));
    EXPECT_EQ(set.stat.mzxid, Zxid(2));
    EXPECT_EQ(set.stat.mtime, WallMs(1002));
    EXPECT_EQ(set.stat.version, 1);
    EXPECT_EQ(set.stat.data_length, 6);
    EXPECT_EQ(set.stat.ctime, WallMs(1001));
    EXPECT_EQ(set.stat.pzxid, Zxid(1));
    EXPECT_EQ(set.stat.aversion, 0);
    const ApplyResult acl = tree.apply(set_acl(3, "/a", digest_acl("a:b"), 1));
    EXPECT_EQ(acl.stat.aversion, 1);
    EXPECT_EQ(acl.stat.mzxid, Zxid(2));
    EXPECT_EQ(acl.stat.mtime, WallMs(1002));
    EXPECT_EQ(acl.stat.version, 1);
    EXPECT_TRUE(acl.changes.empty());
    EXPECT_EQ(tree.acl_of(*tree.find("/a")), digest_acl("a:b"));
    tree.apply(remove(4, "/a"));
    EXPECT_EQ(tree.acl().size(), 1U) << "an unused list is dropped";
}

TEST(DataTree, ChangesNameNodesWithTheirAcls) {
    DataTree tree;
    const ApplyResult made = tree.apply(create(1, "/a", 1, Bytes("d"), digest_acl("a:b")));
    ASSERT_EQ(made.changes.size(), 1U);
    EXPECT_EQ(made.changes[0].kind, Change::Kind::created);
    EXPECT_EQ(made.changes[0].path, "/a");
    EXPECT_EQ(*made.changes[0].acl, digest_acl("a:b"));
    EXPECT_EQ(made.changes[0].parent_acl, nullptr);
    const ApplyResult child = tree.apply(create(2, "/a/b", 1));
    EXPECT_EQ(*child.changes[0].parent_acl, digest_acl("a:b"));
    EXPECT_EQ(child.changes[0].acl, nullptr);
    const ApplyResult set = tree.apply(set_data(3, "/a", Bytes("e"), 1));
    ASSERT_EQ(set.changes.size(), 1U);
    EXPECT_EQ(set.changes[0].kind, Change::Kind::data_changed);
    tree.apply(remove(4, "/a/b"));
    const ApplyResult gone = tree.apply(remove(5, "/a"));
    ASSERT_EQ(gone.changes.size(), 1U);
    EXPECT_EQ(gone.changes[0].kind, Change::Kind::deleted);
    EXPECT_EQ(*gone.changes[0].acl, digest_acl("a:b")) << "the last ACL outlives the node";
}

TEST(DataTree, ErrorTxnOnlyMovesTheZxid) {
    DataTree tree;
    const std::uint64_t before = tree.digest();
    const ApplyResult result =
        tree.apply({header(OpCode::error, 9), jute::ErrorTxn{ErrorCode::no_node}, {}});
    EXPECT_EQ(result.type, OpCode::error);
    EXPECT_EQ(result.error, ErrorCode::no_node);
    EXPECT_EQ(tree.digest(), before);
    EXPECT_EQ(tree.last_zxid(), Zxid(9));
    tree.apply({header(OpCode::error, 8), jute::ErrorTxn{ErrorCode::no_node}, {}});
    EXPECT_EQ(tree.last_zxid(), Zxid(9)) << "never back";
}

jute::SubTxn part(const jute::Txn& txn) {
    return {txn.header.type,
            std::visit([](const auto& body) { return jute::encode(body); }, txn.body)};
}

TEST(DataTree, MultiAppliesItsPartsInOrder) {
    DataTree tree;
    jute::MultiTxn multi;
    multi.parts = {part(create(0, "/a", 1)),
                   part(set_data(0, "/a", Bytes("second"), 1)),
                   {OpCode::check, jute::encode(jute::CheckVersionTxn{"/a", 2})},
                   part(create(0, "/a/b", 1)),
                   part(remove(0, "/a/b"))};
    const ApplyResult result = tree.apply({header(OpCode::multi, 4), multi, {}});
    EXPECT_EQ(result.error, ErrorCode::ok);
    ASSERT_EQ(result.parts.size(), 5U);
    EXPECT_EQ(result.parts[0].stat.version, 0) << "stats are as of that part";
    EXPECT_EQ(result.parts[1].stat.version, 1);
    EXPECT_EQ(result.parts[1].stat.mzxid, Zxid(4));
    EXPECT_EQ(result.parts[2].type, OpCode::check);
    EXPECT_EQ(result.parts[3].path, "/a/b");
    EXPECT_EQ(tree.find("/a/b"), nullptr);
    std::vector<std::string> told;
    for (const Change& change : result.changes) {
        told.push_back(std::to_string(static_cast<int>(change.kind)) + change.path);
    }
    EXPECT_THAT(told, ElementsAre("0/a", "2/a", "0/a/b", "1/a/b"));
    EXPECT_EQ(tree.digest(), recomputed_digest(tree));
}

TEST(DataTree, FailedMultiHasNoEffect) {
    DataTree tree;
    const std::uint64_t before = tree.digest();
    const auto error = [](ErrorCode code) {
        return jute::SubTxn{OpCode::error, jute::encode(jute::ErrorTxn{code})};
    };
    jute::MultiTxn multi;
    multi.parts = {part(create(0, "/a", 1)),
                   error(ErrorCode::no_node),
                   error(ErrorCode::runtime_inconsistency)};
    const ApplyResult result = tree.apply({header(OpCode::multi, 4), multi, {}});
    EXPECT_EQ(result.error, ErrorCode::ok);
    ASSERT_EQ(result.parts.size(), 3U);
    for (const ApplyResult& one : result.parts) EXPECT_EQ(one.type, OpCode::error);
    EXPECT_EQ(result.parts[0].error, ErrorCode::ok);
    EXPECT_EQ(result.parts[1].error, ErrorCode::no_node);
    EXPECT_EQ(result.parts[2].error, ErrorCode::runtime_inconsistency);
    EXPECT_TRUE(result.changes.empty());
    EXPECT_EQ(tree.digest(), before);
    EXPECT_EQ(tree.last_zxid(), Zxid(4));
}

TEST(DataTree, BadPartsOfAMultiAreSkipped) {
    DataTree tree;
    jute::MultiTxn inner;
    jute::MultiTxn multi;
    multi.parts = {{OpCode::multi, jute::encode(inner)},
                   {OpCode::create, "cut"},
                   {OpCode{55}, ""},
                   {OpCode::close_session, ""}};
    const ApplyResult result = tree.apply({header(OpCode::multi, 4), multi, {}});
    ASSERT_EQ(result.parts.size(), 4U);
    for (const ApplyResult& one : result.parts) EXPECT_EQ(one.error, ErrorCode::marshalling_error);
}

TEST(DataTree, EphemeralsGoWithTheirSession) {
    DataTree tree;
    tree.apply(create(1, "/p", 1));
    tree.apply(ephemeral(2, 0x1000, "/p/b", 1));
    tree.apply(ephemeral(3, 0x1000, "/p/a", 2));
    tree.apply(ephemeral(4, 0x2000, "/p/c", 3));
    EXPECT_EQ(tree.ephemeral_count(), 3U);
    EXPECT_THAT(tree.ephemerals(SessionId(0x1000)), ElementsAre("/p/a", "/p/b"));
    EXPECT_THAT(tree.ephemeral_sessions(), ElementsAre(SessionId(0x1000), SessionId(0x2000)));
    EXPECT_EQ(tree.stat_of(*tree.find("/p/a")).ephemeral_owner, 0x1000);
    jute::CloseSessionTxn close;
    close.paths = {{"/p/a", "/p/b"}};
    const ApplyResult result = tree.apply({header(OpCode::close_session, 5, 0x1000), close, {}});
    EXPECT_EQ(result.changes.size(), 2U);
    EXPECT_THAT(tree.find("/p")->child_names(), ElementsAre("c"));
    EXPECT_EQ(tree.stat_of(*tree.find("/p")).pzxid, Zxid(5));
    // Without a list, as leaders before 3.6 send it.
    tree.apply({header(OpCode::close_session, 6, 0x2000), jute::CloseSessionTxn{}, {}});
    EXPECT_EQ(tree.ephemeral_count(), 0U);
    EXPECT_TRUE(tree.ephemeral_sessions().empty());
    EXPECT_EQ(tree.digest(), recomputed_digest(tree));
}

TEST(DataTree, ContainersAndTtlNodesAreNotOwnedByASession) {
    DataTree tree;
    tree.apply({header(OpCode::create_container, 1),
                jute::CreateContainerTxn{"/c", Bytes(), open_acl_list(), 1},
                {}});
    tree.apply({header(OpCode::create_ttl, 2),
                jute::CreateTtlTxn{"/t", Bytes(), open_acl_list(), 2, 5000},
                {}});
    EXPECT_EQ(tree.stat_of(*tree.find("/c")).ephemeral_owner, 0);
    EXPECT_EQ(tree.stat_of(*tree.find("/t")).ephemeral_owner, 0);
    EXPECT_EQ(tree.find("/c")->stat().ephemeral_owner, INT64_MIN);
    EXPECT_EQ(tree.find("/t")->stat().ephemeral_owner,
              static_cast<std::int64_t>(0xff00000000001388ULL));
    EXPECT_EQ(tree.ephemeral_count(), 0U);
    EXPECT_THAT(tree.containers(), ElementsAre("/c"));
    EXPECT_THAT(tree.ttl_nodes(), ElementsAre("/t"));
    DataTree moved(std::move(tree));
    tree = std::move(moved);
    EXPECT_THAT(tree.ttl_nodes(), ElementsAre("/t"));
    tree.apply({header(OpCode::delete_container, 3, 0), jute::DeleteTxn{"/c"}, {}});
    tree.apply({header(OpCode::delete_container, 4, 0), jute::DeleteTxn{"/t"}, {}});
    EXPECT_TRUE(tree.containers().empty());
    EXPECT_TRUE(tree.ttl_nodes().empty());
    // A negative session id (sid 128 and above) owns like any other.
    EXPECT_TRUE(is_session_owner(static_cast<std::int64_t>(0x8100000000000001ULL)));
    EXPECT_TRUE(is_session_owner(static_cast<std::int64_t>(0xfe00000000000001ULL)));
}

TEST(DataTree, WhatIsLeftOver) {
    StatPersisted stat;
    stat.ephemeral_owner = kContainerOwner;
    EXPECT_FALSE(is_left_over(stat, 0, WallMs(1))) << "never used";
    stat.cversion = 1;
    EXPECT_TRUE(is_left_over(stat, 0, WallMs(1)));
    EXPECT_FALSE(is_left_over(stat, 1, WallMs(1)));
    stat.ephemeral_owner = kTtlMark | 10;
    stat.mtime = WallMs(100);
    EXPECT_FALSE(is_left_over(stat, 0, WallMs(110)));
    EXPECT_TRUE(is_left_over(stat, 0, WallMs(111)));
    EXPECT_FALSE(is_left_over(stat, 1, WallMs(111)));
    EXPECT_FALSE(is_left_over(stat, 0, WallMs(0))) << "the clock went back";
    stat.mtime = WallMs(INT64_MIN);
    EXPECT_TRUE(is_left_over(stat, 0, WallMs(INT64_MAX)));
    for (const std::int64_t owner : {std::int64_t{0}, std::int64_t{0x100}, kTtlMark}) {
        stat.ephemeral_owner = owner;
        EXPECT_FALSE(is_left_over(stat, 0, WallMs(INT64_MAX))) << owner;
    }
    EXPECT_EQ(ttl_of(kTtlMark | kTtlMax), kTtlMax);
    EXPECT_FALSE(ttl_of(kContainerOwner));
    EXPECT_FALSE(ttl_of(static_cast<std::int64_t>(0xfe00000000000001ULL)));
}

TEST(DataTree, ManyChildren) {
    DataTree tree;
    tree.apply(create(1, "/p", 1));
    std::int64_t zxid = 2;
    for (int i = 0; i < 3000; ++i, ++zxid) {
        tree.apply(create(zxid, "/p/n" + std::to_string(i), i + 1));
    }
    EXPECT_EQ(tree.find("/p")->child_count(), 3000U);
    EXPECT_EQ(tree.find("/p")->child_names().size(), 3000U);
    for (int i = 0; i < 3000; i += 7) EXPECT_NE(tree.find("/p/n" + std::to_string(i)), nullptr);
    for (int i = 0; i < 3000; ++i, ++zxid) {
        if (i % 3 != 0) tree.apply(remove(zxid, "/p/n" + std::to_string(i)));
    }
    EXPECT_EQ(tree.find("/p")->child_count(), 1000U);
    EXPECT_EQ(tree.stat_of(*tree.find("/p")).cversion, 5000);
    EXPECT_EQ(tree.digest(), recomputed_digest(tree));
}

TEST(DataTree, VeryDeepTreeIsTornDownWithoutRecursion) {
    DataTree tree;
    std::string path;
    // By hand rather than by 20000 txns, whose paths alone would cost time quadratic in the depth.
    tree.clear_for_load();
    ASSERT_TRUE(tree.load_node("", Bytes(), kOpenAcl, {}).has_value());
    for (int depth = 0; depth < 2000; ++depth) {
        path += "/d";
        ASSERT_TRUE(tree.load_node(path, Bytes(), kOpenAcl, {}).has_value());
    }
    ASSERT_TRUE(tree.finish_load().has_value());
    EXPECT_NE(tree.find(path), nullptr);
    tree.apply(remove(1, "/d"));
    EXPECT_EQ(tree.digest(),
              0x51c6d660U - DataTree().find("/")->digest() + tree.find("/")->digest());
    EXPECT_EQ(tree.node_count(), 4U);
    EXPECT_EQ(tree.approximate_bytes(), DataTree().approximate_bytes());
}

TEST(DataTree, ConfigNodeIsOutsideOfDigestAndTxns) {
    DataTree tree;
    const std::uint64_t before = tree.digest();
    tree.set_config_node(
        "server.1=a:1:2:participant\nversion=100000000", Zxid(0x100000000), WallMs(5));
    EXPECT_EQ(tree.digest(), before);
    const Node* config = tree.find("/zookeeper/config");
    const jute::Stat stat = tree.stat_of(*config);
    EXPECT_EQ(stat.version, -1);
    EXPECT_EQ(stat.aversion, -1);
    EXPECT_EQ(stat.mzxid, Zxid(0x100000000));
    EXPECT_EQ(stat.mtime, WallMs(5));
    EXPECT_EQ(stat.czxid, Zxid(0));
    EXPECT_EQ(*config->data(), "server.1=a:1:2:participant\nversion=100000000");
}

TEST(DataTree, BytesCountPathsAndData) {
    DataTree tree;
    const std::size_t before = tree.approximate_bytes();
    tree.apply(create(1, "/abc", 1, Bytes("12345")));
    EXPECT_EQ(tree.approximate_bytes(), before + 9);
    tree.apply(set_data(2, "/abc", Bytes("1"), 1));
    EXPECT_EQ(tree.approximate_bytes(), before + 5);
    tree.apply(remove(3, "/abc"));
    EXPECT_EQ(tree.approximate_bytes(), before);
}

}  // namespace
}  // namespace zk::tree
