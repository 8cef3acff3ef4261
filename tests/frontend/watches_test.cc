// Watches that addWatch sets, and what belongs to all of them: removal, headers, bounds.
#include "frontend/watches.h"

#include <chrono>
#include <random>

#include "harness.h"

namespace zk::frontend {
namespace {

using Strings = std::vector<std::string>;
using Ids = std::vector<ConnectionId>;

constexpr auto kPlain = AddWatchMode::persistent;
constexpr auto kRecursive = AddWatchMode::persistent_recursive;

class AddedWatches : public Harness {
  protected:
    explicit AddedWatches(Settings own = settings()) : Harness(std::move(own)) {}
    void add(ConnectionId id, const std::string& path, AddWatchMode mode) {
        feed(id, request_frame(1, OpCode::add_watch, jute::AddWatchRequest{path, mode}));
        EXPECT_EQ(story(id), (Strings{"1:0"}));
    }
    void look(ConnectionId id, OpCode op, const std::string& path) {
        feed(id, request_frame(1, op, watch(path)));
        sent[id].clear();
    }
    /// The error of checkWatches or removeWatches.
    int ask(ConnectionId id, OpCode op, const std::string& path, WatcherType type) {
        feed(id, request_frame(1, op, jute::WatchesRequest{path, type}));
        const auto all = frames(id);
        EXPECT_EQ(all.size(), 1U);
        EXPECT_TRUE(all.at(0).body.empty());
        return static_cast<int>(all.at(0).header.error);
    }
    int check(const std::string& path, WatcherType type, ConnectionId id = 1) {
        return ask(id, OpCode::check_watches, path, type);
    }
    int take_away(const std::string& path, WatcherType type, ConnectionId id = 1) {
        return ask(id, OpCode::remove_watches, path, type);
    }
};

TEST_F(AddedWatches, IsAnsweredByteForByte) {
    zxid = 4;
    create("/a");
    join(1, 9);
    feed(1, from_hex("00000012 00000007 0000006a 00000002 2f61 00000001"));
    EXPECT_EQ(hex(sent[1]), hex(from_hex("00000014 00000007 0000000000000005 00000000 00000000")));
    sent[1].clear();
    feed(1,
         request_frame(1, OpCode::add_watch, jute::AddWatchRequest{"bad//path", kPlain}) +
             request_frame(2, OpCode::add_watch, jute::AddWatchRequest{"/a", AddWatchMode(2)}) +
             request_frame(3, OpCode::add_watch, jute::AddWatchRequest{"/a", AddWatchMode(-1)}));
    EXPECT_EQ(story(1), (Strings{"1:0", "2:-5", "3:-5"}));
    EXPECT_EQ(frontend.statistics().watches, 1 + 2) << "a persistent one is in two tables";
}

TEST_F(AddedWatches, APersistentOneTellsAllOfItsNodeAgainAndAgain) {
    join(1, 9);
    add(1, "/a", kPlain);
    say(create("/a"));
    say(create("/a/c"));
    say(set_data("/a/c", "1"));
    say(create("/a/c/d"));
    say(set_data("/a", "1"));
    say(set_data("/a", "2"));
    say(remove("/a/c/d"));
    say(remove("/a/c"));
    say(remove("/a"));
    say(create("/a"));
    EXPECT_EQ(story(1), (Strings{"E1:/a", "E4:/a", "E3:/a", "E3:/a", "E4:/a", "E2:/a", "E1:/a"}));
}

TEST_F(AddedWatches, ARecursiveOneTellsOfAllBelowAndNeverOfChildren) {
    create("/ab");
    join(1, 9);
    add(1, "/a", kRecursive);
    say(create("/a"));
    say(create("/a/c"));
    say(create("/a/c/d"));
    say(set_data("/a/c/d", "1"));
    say(set_data("/ab", "1"));
    say(create("/ab/c"));
    say(remove("/a/c/d"));
    say(remove("/a/c"));
    say(remove("/a"));
    EXPECT_EQ(
        story(1),
        (Strings{"E1:/a", "E1:/a/c", "E1:/a/c/d", "E3:/a/c/d", "E2:/a/c/d", "E2:/a/c", "E2:/a"}));
}

TEST_F(AddedWatches, ARecursiveOneAtTheRootSeesEverything) {
    join(1, 9);
    join(2, 10);
    add(1, "/", kRecursive);
    add(2, "", kRecursive);
    add(2, "/x/", kRecursive);
    say(create("/x"));
    say(create("/x/y"));
    say(set_data("/", "1"));
    EXPECT_EQ(story(1), (Strings{"E1:/x", "E1:/x/y", "E3:/"}));
    EXPECT_TRUE(story(2).empty()) << "what is no path watches nothing";
}

TEST_F(AddedWatches, OneChangeIsToldOnce) {
    create("/a");
    create("/a/b");
    join(1, 9);
    join(2, 10);
    add(1, "/a/b", kPlain);
    add(1, "/a/b", kRecursive);
    add(1, "/a", kRecursive);
    add(1, "/", kRecursive);
    look(1, OpCode::get_data, "/a/b");
    look(1, OpCode::get_children, "/a/b");
    look(1, OpCode::get_children, "/a");
    add(1, "/a", kPlain);
    add(2, "/a", kRecursive);
    say(set_data("/a/b", "1"));
    EXPECT_EQ(story(1), (Strings{"E3:/a/b"}));
    EXPECT_EQ(story(2), (Strings{"E3:/a/b"}));
    say(remove("/a/b"));
    EXPECT_EQ(story(1), (Strings{"E2:/a/b", "E4:/a"}));
    EXPECT_EQ(story(2), (Strings{"E2:/a/b"}));
}

// Apache's servers before 3.9 forget the persistent one here.
TEST_F(AddedWatches, ThoseThatFireOnceLeaveThoseThatStay) {
    create("/a");
    join(1, 9);
    add(1, "/a", kPlain);
    look(1, OpCode::get_data, "/a");
    look(1, OpCode::get_children, "/a");
    say(set_data("/a", "1"));
    say(set_data("/a", "2"));
    say(create("/a/c"));
    say(create("/a/d"));
    EXPECT_EQ(story(1), (Strings{"E3:/a", "E3:/a", "E4:/a", "E4:/a"}));
}

TEST_F(AddedWatches, UnreadableNodesAreNotTold) {
    const jute::AclList closed = {acl(perms::kAll, "digest", tree::digest_id("u:p"))};
    join(1, 9);
    join(2, 10);
    feed(2, request_frame(-4, OpCode::auth, jute::AuthRequest{0, "digest", "u:p"}));
    sent[2].clear();
    add(1, "/", kRecursive);
    add(2, "/", kRecursive);
    add(1, "/p", kPlain);
    say(create("/p"));
    say(create("/p/secret", closed));
    say(set_data("/p/secret", "1"));
    say(create("/p/secret/open"));
    say(remove("/p/secret/open"));
    say(remove("/p/secret"));
    EXPECT_EQ(story(1),
              (Strings{"E1:/p", "E4:/p", "E1:/p/secret/open", "E2:/p/secret/open", "E4:/p"}));
    EXPECT_EQ(story(2),
              (Strings{"E1:/p",
                       "E1:/p/secret",
                       "E3:/p/secret",
                       "E1:/p/secret/open",
                       "E2:/p/secret/open",
                       "E2:/p/secret"}));
}

TEST_F(AddedWatches, EventsHaveTheZxidOfTheirTxn) {
    create("/a");
    join(1, 9);
    look(1, OpCode::get_data, "/a");
    add(1, "/", kRecursive);
    jute::MultiTxn multi;
    multi.parts.push_back(
        {OpCode::create,
         jute::encode(jute::CreateTxn{"/a/b", "x", tree::open_acl_list(), false, -1})});
    multi.parts.push_back({OpCode::set_data, jute::encode(jute::SetDataTxn{"/a", "y", 1})});
    auto changed = apply(OpCode::multi, multi);
    say(changed, set_data("/a", "z"));
    std::vector<std::int64_t> zxids;
    for (const Frame& frame : frames(1)) zxids.push_back(frame.header.zxid.value());
    EXPECT_EQ(zxids, (std::vector<std::int64_t>{2, 2, 3}));
    jute::SetWatchesRequest request;
    request.data = {"/a", "/gone"};
    feed(1, request_frame(-8, OpCode::set_watches, request));
    const auto caught_up = frames(1);
    ASSERT_EQ(caught_up.size(), 3U);
    EXPECT_EQ(caught_up[0].header.zxid, Zxid(-1)) << "of no txn that is known";
    EXPECT_EQ(caught_up[1].header.zxid, Zxid(-1));
}

TEST_F(AddedWatches, RemovalIsByTypeAndSilent) {
    using enum WatcherType;
    create("/a");
    join(1, 9);
    join(2, 10);
    const auto set_all = [this] {
        look(1, OpCode::get_data, "/a");
        look(1, OpCode::get_children, "/a");
        add(1, "/a", kPlain);
        add(1, "/a", kRecursive);
    };
    set_all();
    for (const WatcherType type : {children, data, persistent, persistent_recursive}) {
        EXPECT_EQ(check("/a", type), 0);
        EXPECT_EQ(check("/a", type, 2), -121) << "nobody else's watches count";
        EXPECT_EQ(take_away("/a", type, 2), -121);
        EXPECT_EQ(take_away("/a", type), 0);
        EXPECT_EQ(take_away("/a", type), -121);
        EXPECT_EQ(check("/a", type), -121);
        EXPECT_EQ(check("/a", any), type == persistent_recursive ? -121 : 0);
        EXPECT_EQ(check("/a/b", any), -121);
    }
    EXPECT_EQ(frontend.statistics().watches, 0);
    set_all();
    EXPECT_EQ(take_away("/a", any), 0);
    EXPECT_EQ(take_away("/a", any), -121);
    say(set_data("/a", "1"));
    say(create("/a/c"));
    EXPECT_TRUE(story(1).empty());
    for (const int type : {0, 6, -1}) {
        EXPECT_EQ(check("/a", WatcherType(type)), -5);
        EXPECT_EQ(take_away("/a", WatcherType(type)), -5);
    }
}

TEST_F(AddedWatches, SetWatchesOfTheSecondFormSetsThemAgain) {
    create("/old");      // 1
    create("/changed");  // 2
    set_data("/changed", "1");
    join(1, 9);
    jute::SetWatches2Request request;
    request.one_shot.relative_zxid = Zxid(2);
    request.one_shot.data = {"/old", "/changed"};
    request.persistent = {"/changed", "/gone"};
    request.recursive = {"/changed"};
    feed(1, request_frame(-8, OpCode::set_watches2, request));
    EXPECT_EQ(story(1), (Strings{"E3:/changed", "-8:0"})) << "of those that stay nothing is told";
    EXPECT_EQ(frontend.statistics().watches, 1 + 2 * 2 + 1);
    say(create("/gone"));
    say(create("/gone/c"));
    say(create("/changed/c"));
    say(set_data("/old", "1"));
    EXPECT_EQ(story(1),
              (Strings{"E1:/gone", "E4:/gone", "E1:/changed/c", "E4:/changed", "E3:/old"}));
    // Null lists, as in the first form.
    feed(1,
         framed(from_hex("00000003 00000069 0000000000000000 "
                         "ffffffff ffffffff ffffffff ffffffff ffffffff")));
    EXPECT_EQ(story(1), (Strings{"3:0"}));
    feed(1, framed(from_hex("00000004 00000069 0000000000000000 00000000 00000000 00000000")));
    EXPECT_EQ(story(1), (Strings{"4:-5"})) << "this is the first form";
}

TEST_F(AddedWatches, GoWithTheirConnection) {
    create("/a");
    join(1, 9);
    join(2, 10);
    add(1, "/a", kPlain);
    add(1, "/a", kRecursive);
    add(2, "/a", kRecursive);
    frontend.on_closed(1, out);
    collect();
    EXPECT_EQ(frontend.statistics().watches, 1);
    say(set_data("/a", "1"));
    EXPECT_EQ(story(2), (Strings{"E3:/a"}));
}

TEST_F(AddedWatches, AreSetInTheirTurn) {
    create("/a");
    join(1, 9);
    feed(1,
         request_frame(1, OpCode::set_data, jute::SetDataRequest{"/a", "1", -1}) +
             request_frame(2, OpCode::add_watch, jute::AddWatchRequest{"/a", kPlain}));
    EXPECT_EQ(frontend.statistics().watches, 0);
    auto own = set_data("/a", "1");
    say(own, reply(1, 9, 1, OpCode::set_data));
    EXPECT_EQ(story(1), (Strings{"1:0", "2:0"})) << "no event of the write before it";
    say(set_data("/a", "2"));
    EXPECT_EQ(story(1), (Strings{"E3:/a"}));
}

// A client may watch what is not there, under names as long as a frame.
class BoundedWatches : public AddedWatches {
  protected:
    static Settings small() {
        Settings settings = AddedWatches::settings();
        settings.watch_bytes_max = 100'000;
        return settings;
    }
    BoundedWatches() : AddedWatches(small()) {}
};

TEST_F(BoundedWatches, WhoHasMostGoesWhenTheyAreTooMany) {
    join(1, 9);
    join(2, 10);
    join(3, 11);
    add(1, "/modest", kPlain);
    for (char c = '0'; c <= '8'; ++c) add(2, "/" + std::string(10'000, c), kRecursive);
    look(3, OpCode::exists, "/" + std::string(5'000, 'x'));
    EXPECT_EQ(orders[2].close, Close::no);
    look(3, OpCode::exists, "/" + std::string(5'000, 'y'));
    EXPECT_EQ(orders[2].close, Close::at_once);
    EXPECT_EQ(orders[1].close, Close::no);
    EXPECT_EQ(orders[3].close, Close::no);
    EXPECT_EQ(frontend.statistics().watches, 2 + 2);
    jute::SetWatchesRequest request;
    for (char c = 'a'; c <= 'z'; ++c) request.exist.push_back("/" + std::string(10'000, c));
    feed(3, request_frame(-8, OpCode::set_watches, request));
    EXPECT_EQ(orders[3].close, Close::at_once) << "also in one request";
    EXPECT_EQ(frontend.statistics().watches, 2);
    say(create("/modest"));
    EXPECT_EQ(story(1), (Strings{"E1:/modest"}));
}

TEST(WatchesOfALoop, NamesEachConnectionOnceInTheOrderOfItsFirstWatch) {
    using enum Watches::Kind;
    Watches watches;
    watches.add(data, "/a", 3);
    watches.add(data, "/a", 1);
    watches.add(persistent, "/a", 1);
    watches.add(persistent, "/a", 2);
    watches.add(recursive, "/", 3);
    watches.add(recursive, "/a", 4);
    EXPECT_EQ(watches.node_changed("/a"), (Ids{3, 1, 2, 4}));
    EXPECT_EQ(watches.node_changed("/a"), (Ids{1, 2, 3, 4}));
    EXPECT_EQ(watches.node_changed("/a/b"), (Ids{3, 4}));
    EXPECT_EQ(watches.node_changed("/b"), (Ids{3}));
    watches.add(child, "/a", 2);
    watches.add(child, "/a", 5);
    EXPECT_EQ(watches.children_changed("/a"), (Ids{2, 5, 1}));
    EXPECT_EQ(watches.children_changed("/a"), (Ids{1, 2}));
    watches.add(child, "/a", 1);
    watches.add(child, "/a", 5);
    EXPECT_EQ(watches.rest_of_deleted("/a", {4, 3, 2, 1}), (Ids{5}));
    for (const ConnectionId id : {1U, 2U, 3U, 4U}) watches.remove_connection(id);
    EXPECT_TRUE(watches.empty());
    EXPECT_TRUE(watches.node_changed("/a/b").empty());
    EXPECT_EQ(watches.bytes(), 0U);
}

// Against a list that is searched from end to end.
TEST(WatchesOfALoop, AreThoseOfAPlainList) {
    using enum Watches::Kind;
    struct Entry {
        Watches::Kind kind{};
        std::string path;
        ConnectionId id = 0;
        bool operator==(const Entry&) const = default;
    };
    std::mt19937 random{20261129};
    const auto below = [&random](std::size_t bound) { return random() % bound; };
    static constexpr Watches::Kind kKinds[] = {data, child, persistent, recursive};
    const Strings paths = {"/", "/a", "/a/b", "/a/b/c", "/ab", "/a/", "", "nonsense", "/b"};
    Watches watches;
    std::vector<Entry> list;
    const auto taken = [&list](auto wanted) {
        std::set<ConnectionId> told;
        for (const Entry& entry : list) {
            if (wanted(entry)) told.insert(entry.id);
        }
        std::erase_if(list, [&](const Entry& entry) {
            return wanted(entry) && (entry.kind == data || entry.kind == child);
        });
        return told;
    };
    const auto above = [](const Entry& entry, const std::string& path) {
        if (entry.path == path || entry.path == "/") return true;
        return !entry.path.empty() && path.starts_with(entry.path + "/");
    };
    const auto as_set = [](const Ids& ids) {
        std::set<ConnectionId> set(ids.begin(), ids.end());
        EXPECT_EQ(set.size(), ids.size()) << "each once";
        return set;
    };
    for (int round = 0; round < 20'000; ++round) {
        const std::string path = paths[below(paths.size())];
        const ConnectionId id = 1 + below(6);
        const Watches::Kind kind = kKinds[below(4)];
        switch (below(9)) {
            case 0: {
                const std::string real = paths[below(5)];
                const auto told = taken([&](const Entry& e) {
                    return ((e.kind == data || e.kind == persistent) && e.path == real) ||
                           (e.kind == recursive && above(e, real));
                });
                EXPECT_EQ(as_set(watches.node_changed(real)), told) << real;
                break;
            }
            case 1: {
                const auto told = taken([&](const Entry& e) {
                    return (e.kind == child || e.kind == persistent) && e.path == path;
                });
                EXPECT_EQ(as_set(watches.children_changed(path)), told);
                break;
            }
            case 2: {
                const auto type = WatcherType(1 + below(5));
                const auto named = [&](const Entry& e) {
                    static constexpr Watches::Kind kOf[] = {
                        child, data, data, persistent, recursive};
                    return e.path == path && e.id == id &&
                           (type == WatcherType::any ||
                            e.kind == kOf[static_cast<std::size_t>(type) - 1]);
                };
                const bool there = std::any_of(list.begin(), list.end(), named);
                EXPECT_EQ(watches.contains(type, path, id), there);
                EXPECT_EQ(watches.remove(type, path, id), there);
                std::erase_if(list, named);
                break;
            }
            case 3:
                if (below(5) != 0) break;
                watches.remove_connection(id);
                std::erase_if(list, [&](const Entry& e) { return e.id == id; });
                break;
            default: {
                watches.add(kind, path, id);
                const Entry entry{kind, path, id};
                if (std::find(list.begin(), list.end(), entry) == list.end()) list.push_back(entry);
            }
        }
        std::size_t size = 0, bytes = 0;
        for (const Entry& entry : list) {
            size += entry.kind == persistent ? 2 : 1;
            bytes += WatchTable::kWatchBytes + entry.path.size();
        }
        ASSERT_EQ(watches.size(), size);
        ASSERT_EQ(watches.bytes(), bytes);
    }
    for (ConnectionId id = 1; id <= 6; ++id) watches.remove_connection(id);
    EXPECT_TRUE(watches.empty());
}

// Only ancestors with as long a path as some recursive watch are looked up: all of them would take minutes here.
TEST(WatchesOfALoop, DeepPathsCostNothingWithoutRecursiveWatches) {
    Watches watches;
    std::string deep;
    for (int i = 0; i < 100'000; ++i) deep += "/a";
    watches.add(Watches::Kind::recursive, "/a/a", 1);
    for (int i = 0; i < 1000; ++i) EXPECT_EQ(watches.node_changed(deep), (Ids{1}));
    EXPECT_TRUE(watches.remove(WatcherType::persistent_recursive, "/a/a", 1));
    for (int i = 0; i < 1000; ++i) EXPECT_TRUE(watches.node_changed(deep).empty());
}

}  // namespace
}  // namespace zk::frontend
