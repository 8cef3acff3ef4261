// Reads, permissions and watches.
#include <algorithm>
#include <tuple>

#include "frontend/read_service.h"
#include "frontend/watch_table.h"
#include "harness.h"

namespace zk::frontend {
namespace {

using Strings = std::vector<std::string>;

class Reads : public Harness {};
class OneShotWatches : public Harness {
  protected:
    void run(ConnectionId id, OpCode op, const std::string& path) {
        feed(id, request_frame(1, op, watch(path)));
        sent[id].clear();
    }
};

// Frames of appendix A, with the tree in the state of that capture.
TEST_F(Reads, AnswersByteForByte) {
    zxid = 1;
    create("/a", tree::open_acl_list(), "x");
    join(1, 9);
    feed(1, from_hex("0000000f 00000003 00000003 00000002 2f62 01"));
    EXPECT_EQ(hex(sent[1]), hex(from_hex("00000010 00000003 0000000000000002 ffffff9b")));
    sent[1].clear();
    feed(1, from_hex("0000000f 00000004 00000004 00000002 2f61 01"));
    const std::string stat =
        "0000000000000002 0000000000000002 00000000000003ea 00000000000003ea"
        "00000000 00000000 00000000 0000000000000000 00000001 00000000 0000000000000002";
    EXPECT_EQ(hex(sent[1]),
              hex(from_hex("00000059 00000004 0000000000000002 00000000 00000001 78" + stat)));
    sent[1].clear();
    auto changed = set_data("/a", "yy");
    say(changed);
    EXPECT_EQ(hex(sent[1]),
              hex(from_hex(
                  "0000001e ffffffff 0000000000000003 00000000 00000003 00000003 00000002 2f61")));
}

TEST_F(Reads, NullDataIsNotEmptyData) {
    create("/null", tree::open_acl_list(), std::nullopt);
    create("/empty", tree::open_acl_list(), "");
    join(1, 9);
    feed(1,
         request_frame(1, OpCode::get_data, plain("/null")) +
             request_frame(2, OpCode::get_data, plain("/empty")));
    const auto all = frames(1);
    EXPECT_EQ(hex(all[0].body.substr(0, 4)), "ffffffff");
    EXPECT_EQ(hex(all[1].body.substr(0, 4)), "00000000");
    EXPECT_EQ(all[0].body.size(), 72U);
}

TEST_F(Reads, ChildrenAreNamesAndStatFollowsInTheSecondForm) {
    create("/a");
    create("/a/x");
    create("/a/y");
    join(1, 9);
    feed(1,
         request_frame(1, OpCode::get_children, plain("/a")) +
             request_frame(2, OpCode::get_children2, plain("/a")));
    const auto all = frames(1);
    for (const Frame& frame : all) {
        jute::InputArchive archive(frame.body);
        auto names = archive.get<std::vector<std::string>>();
        std::sort(names.begin(), names.end());
        EXPECT_EQ(names, (Strings{"x", "y"}));
        if (frame.header.xid == Xid(1)) {
            EXPECT_TRUE(archive.at_end());
        } else {
            EXPECT_EQ(archive.get<jute::Stat>().children_count, 2);
            EXPECT_TRUE(archive.ok() && archive.at_end());
        }
    }
}

TEST_F(Reads, EmptyPathIsTheRoot) {
    join(1, 9);
    feed(1,
         request_frame(1, OpCode::exists, plain("")) +
             request_frame(2, OpCode::get_children, plain("/")) +
             request_frame(3, OpCode::exists, plain("nonsense")) +
             request_frame(4, OpCode::exists, plain(std::string("/a\0b", 4))) +
             request_frame(5, OpCode::get_data, plain("/a/")));
    EXPECT_EQ(story(1), (Strings{"1:0", "2:0", "3:-101", "4:-8", "5:-101"}));
}

TEST_F(Reads, PermissionsAreChecked) {
    const std::string id = tree::digest_id("u:p");
    create("/closed", {acl(perms::kAll, "digest", id)});
    create("/writable", {acl(perms::kWrite, "world", "anyone"), acl(perms::kAll, "digest", id)});
    join(1, 9);
    const std::vector<OpCode> ops = {
        OpCode::exists, OpCode::get_data, OpCode::get_children, OpCode::get_children2};
    for (const OpCode op : ops) {
        for (const std::string path : {"/closed", "/writable"}) {
            feed(1, request_frame(1, op, watch(path)));
            EXPECT_EQ(story(1), (Strings{"1:-102"})) << to_string(op) << path;
        }
    }
    feed(1, request_frame(1, OpCode::get_acl, jute::PathRequest{"/closed"}));
    EXPECT_EQ(story(1), (Strings{"1:-102"}));
    EXPECT_EQ(frontend.statistics().watches, 0) << "a refused read sets no watch";
    feed(1, request_frame(-4, OpCode::auth, jute::AuthRequest{0, "digest", "u:p"}));
    for (const OpCode op : ops) feed(1, request_frame(1, op, plain("/closed")));
    EXPECT_EQ(story(1), (Strings{"-4:0", "1:0", "1:0", "1:0", "1:0"}));
}

TEST_F(Reads, DigestsAreMaskedForThoseWhoDoNotAdminister) {
    const std::string id = tree::digest_id("bob:p");
    const jute::AclList list = {acl(perms::kRead, "world", "anyone"),
                                acl(perms::kAll, "digest", id),
                                acl(perms::kRead, "ip", "10.0.0.0/8")};
    create("/a", list);
    join(1, 9);
    feed(1, request_frame(1, OpCode::get_acl, jute::PathRequest{"/a"}));
    auto shown = jute::decode<jute::AclList>(frames(1).at(0).body);
    ASSERT_TRUE(shown);
    jute::AclList expected = list;
    expected[1].id.id = "bob:x";
    EXPECT_EQ(*shown, expected);
    feed(1, request_frame(-4, OpCode::auth, jute::AuthRequest{0, "digest", "bob:p"}));
    frames(1);
    feed(1, request_frame(2, OpCode::get_acl, jute::PathRequest{"/a"}));
    shown = jute::decode<jute::AclList>(frames(1).at(0).body);
    EXPECT_EQ(*shown, list);
}

/// A multiRead's body.
struct Parts {
    Bytes bytes;
    template <class Record>
    Parts& add(OpCode op, const Record& record) {
        jute::OutputArchive archive(bytes);
        archive(jute::MultiHeader{op, false, ErrorCode(-1)}, record);
        return *this;
    }
    [[nodiscard]] Bytes end() const {
        return bytes + jute::encode(jute::MultiHeader{OpCode::error, true, ErrorCode(-1)});
    }
};
Bytes multi_read_frame(std::int32_t xid, const Bytes& body) {
    Bytes frame;
    jute::append_frame(frame,
                       jute::encode(jute::RequestHeader{Xid(xid), OpCode::multi_read}) + body);
    return frame;
}

TEST_F(Reads, PartsOfAMultiReadSucceedOrFailForThemselves) {
    create("/a", tree::open_acl_list(), "data");
    create("/a/c");
    create("/closed", {acl(perms::kWrite, "world", "anyone")});
    join(1, 9);
    feed(1,
         multi_read_frame(7,
                          Parts()
                              .add(OpCode::get_data, watch("/a"))
                              .add(OpCode::get_data, plain("/none"))
                              .add(OpCode::get_children, watch("/a"))
                              .add(OpCode::get_data, plain("/closed"))
                              .add(OpCode::get_children, plain("/closed"))
                              .end()));
    const auto all = frames(1);
    ASSERT_EQ(all.size(), 1U);
    EXPECT_EQ(all[0].header.error, ErrorCode::ok);
    jute::InputArchive archive(all[0].body);
    const auto head = [&archive] {
        const auto header = archive.get<jute::MultiHeader>();
        return std::tuple(header.type, header.done, header.error);
    };
    using Head = std::tuple<OpCode, bool, ErrorCode>;
    EXPECT_EQ(head(), Head(OpCode::get_data, false, ErrorCode::ok));
    EXPECT_EQ(archive.get<jute::Buffer>(), "data");
    EXPECT_EQ(archive.get<jute::Stat>().children_count, 1);
    for (const ErrorCode error :
         {ErrorCode::no_node, ErrorCode::ok, ErrorCode::no_auth, ErrorCode::no_auth}) {
        if (error == ErrorCode::ok) {
            EXPECT_EQ(head(), Head(OpCode::get_children, false, ErrorCode::ok));
            EXPECT_EQ(archive.get<Strings>(), Strings{"c"});
        } else {
            EXPECT_EQ(head(), Head(OpCode::error, false, error));
            EXPECT_EQ(archive.get<ErrorCode>(), error) << "twice, as in a multi";
        }
    }
    EXPECT_EQ(head(), Head(OpCode::error, true, ErrorCode(-1)));
    EXPECT_TRUE(archive.ok() && archive.at_end());
    EXPECT_EQ(frontend.statistics().watches, 0) << "the flag is ignored";
}

TEST_F(Reads, AreCountedByNamespace) {
    create("/app", tree::open_acl_list(), "data");
    create("/app/one");
    create("/app/three");
    create("/other", {acl(perms::kWrite, "world", "anyone")});
    join(1, 9);
    const auto counted = [&](const std::string& name) {
        const metrics::Metrics counts = frontend.statistics().counts;
        const auto& names = counts.value(metrics::SummarySet::read_per_namespace).by_key();
        const auto found = names.find(name);
        const metrics::Distribution values =
            found == names.end() ? metrics::Distribution() : found->second;
        return std::pair(values.count(), values.sum());
    };
    using Counted = std::pair<std::int64_t, std::int64_t>;
    // The path, what is told of it, and 68 for the Stat, as Apache's server reckons.
    feed(1, request_frame(1, OpCode::get_data, plain("/app")));
    EXPECT_EQ(counted("app"), Counted(1, 4 + 4 + 68));
    feed(1, request_frame(2, OpCode::exists, plain("/app/three")));
    EXPECT_EQ(counted("app"), Counted(2, 76 + 10 + 68));
    feed(1, request_frame(3, OpCode::get_children, plain("/app")));
    EXPECT_EQ(counted("app"), Counted(3, 154 + 4 + 8 + 68));
    feed(1, multi_read_frame(4, Parts().add(OpCode::get_data, plain("/app")).end()));
    EXPECT_EQ(counted("app"), Counted(4, 234 + 76));
    for (const char* path : {"/", "/other", "/none"}) {
        feed(1, request_frame(5, OpCode::get_data, plain(path)));
        feed(1, request_frame(5, OpCode::get_acl, plain(path)));
    }
    EXPECT_EQ(counted("app"), Counted(4, 310));
    EXPECT_EQ(counted("other"), Counted(0, 0)) << "which may not be read";
    EXPECT_EQ(counted("none"), Counted(0, 0)) << "which is not there";
    EXPECT_EQ(counted(""), Counted(0, 0));
    frontend.reset_statistics();
    EXPECT_EQ(counted("app"), Counted(0, 0));
}

TEST_F(Reads, AMultiReadMayBeEmptyButHoldNothingElse) {
    create("/a");
    join(1, 9);
    feed(1, multi_read_frame(1, Parts().end()));
    EXPECT_EQ(hex(frames(1).at(0).body), "ffffffff01ffffffff");
    const Bytes good = Parts().add(OpCode::get_data, plain("/a")).bytes;
    for (const Bytes& body : {good,
                              good + Parts().add(OpCode::exists, plain("/a")).end(),
                              good + Parts().add(OpCode::get_children2, plain("/a")).end(),
                              good + Parts().add(OpCode::remove, jute::DeleteRequest{"/a"}).end(),
                              good + Parts().add(OpCode::get_data, std::int32_t{-1}).end()}) {
        feed(1, multi_read_frame(2, body));
        EXPECT_EQ(hex(sent[1]).substr(0, 16), "0000001000000002") << "no body";
        EXPECT_EQ(story(1), (Strings{"2:-5"}));
    }
    EXPECT_EQ(orders[1].close, Close::no);
}

// 60,000 parts fit into a request: each of them could ask for a megabyte.
TEST_F(Reads, AMultiReadThatWouldBeTooLargeIsRefused) {
    create("/large", tree::open_acl_list(), std::string(1'000'000, 'x'));
    join(1, 9);
    Parts parts;
    for (int i = 0; i < 16; ++i) parts.add(OpCode::get_data, plain("/large"));
    feed(1, multi_read_frame(1, parts.end()));
    EXPECT_EQ(story(1), (Strings{"1:0"}));
    feed(1, multi_read_frame(2, parts.add(OpCode::get_data, plain("/large")).end()));
    EXPECT_EQ(story(1), (Strings{"2:-5"}));
    EXPECT_EQ(answer_bytes(tree, OpCode::multi_read, parts.end()), limits::kMultiReadBytesMax)
        << "what it may have to make room for";
}

TEST_F(Reads, EphemeralsAreThoseOfTheOwnSessionBelowAPrefix) {
    create("/p");
    create_ephemeral("/p/b", 9);
    create_ephemeral("/p/a", 9);
    create_ephemeral("/pa", 9);
    create_ephemeral("/p/other", 10);
    join(1, 9);
    const auto listed = [this](const jute::NullableString& prefix) {
        feed(1, request_frame(1, OpCode::get_ephemerals, prefix));
        auto paths = jute::decode<Strings>(frames(1).at(0).body).value();
        std::sort(paths.begin(), paths.end());
        return paths;
    };
    const Strings all = {"/p/a", "/p/b", "/pa"};
    EXPECT_EQ(listed(std::nullopt), all);
    EXPECT_EQ(listed(""), all);
    EXPECT_EQ(listed(" \t"), all);
    EXPECT_EQ(listed(" / "), all);
    EXPECT_EQ(listed("/p/"), (Strings{"/p/a", "/p/b"}));
    EXPECT_EQ(listed("/pa"), (Strings{"/pa"})) << "a prefix of the text, not of the path";
    EXPECT_TRUE(listed("/p/other").empty());
    EXPECT_TRUE(listed(" /p").empty()) << "not trimmed when it is compared";
}

TEST_F(Reads, AllDescendantsAreCounted) {
    const std::string id = tree::digest_id("u:p");
    create("/a");
    create("/a/b");
    create("/a/b/c");
    create("/a/d");
    create("/closed", {acl(perms::kAll, "digest", id)});
    join(1, 9);
    const auto count = [this](const std::string& path) {
        feed(1, request_frame(1, OpCode::get_all_children_number, jute::PathRequest{path}));
        const Frame frame = frames(1).at(0);
        return frame.header.error == ErrorCode::ok ? jute::decode<std::int32_t>(frame.body).value()
                                                   : static_cast<std::int32_t>(frame.header.error);
    };
    EXPECT_EQ(count("/a"), 3);
    EXPECT_EQ(count("/a/b/c"), 0);
    EXPECT_EQ(count("/"), 8) << "all but the root itself, /zookeeper included";
    EXPECT_EQ(count("/none"), -101);
    EXPECT_EQ(count("/closed"), -102);
}

TEST_F(Reads, IdentitiesAreShownWithoutSecrets) {
    join(1, 9, "10.1.2.3");
    feed(1,
         request_frame(-4, OpCode::auth, jute::AuthRequest{0, "digest", "super:secret"}) +
             request_frame(-4, OpCode::auth, jute::AuthRequest{0, "digest", "whole"}) +
             request_frame(5, OpCode::who_am_i));
    const auto shown = jute::decode<std::vector<jute::ClientInfo>>(frames(1).at(2).body);
    ASSERT_TRUE(shown);
    std::vector<std::pair<std::string, std::string>> ids;
    for (const auto& info : *shown) ids.emplace_back(info.scheme, info.user);
    EXPECT_EQ(ids,
              (std::vector<std::pair<std::string, std::string>>{
                  {"ip", "10.1.2.3"}, {"super", ""}, {"digest", "super"}, {"digest", "whole"}}));
}

TEST_F(OneShotWatches, AreOneShotAndPerTable) {
    create("/a");
    join(1, 9);
    run(1, OpCode::get_data, "/a");
    run(1, OpCode::get_children, "/a");
    run(1, OpCode::get_data, "/a");
    EXPECT_EQ(frontend.statistics().watches, 2);
    say(create("/a/c"));
    EXPECT_EQ(story(1), (Strings{"E4:/a"})) << "the data watch stays";
    say(set_data("/a", "1"));
    EXPECT_EQ(story(1), (Strings{"E3:/a"}));
    say(set_data("/a", "2"));
    say(remove("/a/c"));
    EXPECT_TRUE(story(1).empty());
}

TEST_F(OneShotWatches, DeletedNodeIsToldOnce) {
    create("/a");
    join(1, 9);
    join(2, 10);
    run(1, OpCode::get_data, "/a");
    run(1, OpCode::exists, "/a");
    run(1, OpCode::get_children2, "/a");
    run(2, OpCode::get_children, "/a");
    run(2, OpCode::get_children, "/");
    say(remove("/a"));
    EXPECT_EQ(story(1), (Strings{"E2:/a"}));
    EXPECT_EQ(story(2), (Strings{"E2:/a", "E4:/"}));
    EXPECT_EQ(frontend.statistics().watches, 0);
}

TEST_F(OneShotWatches, ExistsWaitsForANodeThatIsMissing) {
    join(1, 9);
    run(1, OpCode::exists, "/a");
    run(1, OpCode::get_data, "/a");
    run(1, OpCode::get_children, "/a");
    EXPECT_EQ(frontend.statistics().watches, 1) << "only exists watches what is missing";
    say(create("/a"));
    EXPECT_EQ(story(1), (Strings{"E1:/a"}));
}

TEST_F(OneShotWatches, MultiTellsItsPartsInOrder) {
    create("/p");
    join(1, 9);
    run(1, OpCode::exists, "/p/a");
    run(1, OpCode::get_children, "/p");
    run(1, OpCode::get_data, "/p");
    jute::MultiTxn multi;
    multi.parts.push_back(
        {OpCode::create,
         jute::encode(jute::CreateTxn{"/p/a", "x", tree::open_acl_list(), false, -1})});
    multi.parts.push_back({OpCode::remove, jute::encode(jute::DeleteTxn{"/p/a"})});
    multi.parts.push_back({OpCode::set_data, jute::encode(jute::SetDataTxn{"/p", "y", 1})});
    say(apply(OpCode::multi, multi));
    EXPECT_EQ(story(1), (Strings{"E1:/p/a", "E4:/p", "E3:/p"}));
}

TEST_F(OneShotWatches, EventPrecedesTheReplyOfItsWriter) {
    create("/a");
    join(1, 9);
    run(1, OpCode::get_data, "/a");
    feed(1, request_frame(2, OpCode::set_data, jute::SetDataRequest{"/a", "1", -1}));
    auto changed = set_data("/a", "1");
    say(changed, reply(1, 9, 2, OpCode::set_data));
    EXPECT_EQ(story(1), (Strings{"E3:/a", "2:0"}));
}

TEST_F(OneShotWatches, UnreadableNodesAreNotToldButTheWatchIsGone) {
    const jute::AclList closed = {acl(perms::kAll, "digest", tree::digest_id("u:p"))};
    create("/p");
    join(1, 9);
    run(1, OpCode::exists, "/p/secret");
    run(1, OpCode::get_children, "/p");
    say(create("/p/secret", closed));
    EXPECT_EQ(story(1), (Strings{"E4:/p"})) << "the parent is readable";
    EXPECT_EQ(frontend.statistics().watches, 0);
    say(remove("/p/secret"));
    EXPECT_TRUE(story(1).empty());
}

TEST_F(OneShotWatches, GoWithTheirConnection) {
    create("/a");
    join(1, 9);
    join(2, 10);
    run(1, OpCode::get_data, "/a");
    run(1, OpCode::get_children, "/a");
    run(2, OpCode::get_data, "/a");
    frontend.on_closed(1, out);
    collect();
    EXPECT_EQ(frontend.statistics().watches, 1);
    say(set_data("/a", "1"));
    EXPECT_EQ(story(2), (Strings{"E3:/a"}));
}

TEST_F(OneShotWatches, SetWatchesTellsWhatWasMissed) {
    create("/old");             // 1
    create("/changed");         // 2
    create("/parent");          // 3
    create("/appeared");        // 4
    create("/still");           // 5
    set_data("/changed", "1");  // 6
    create("/parent/c");        // 7
    join(1, 9);
    jute::SetWatchesRequest request;
    request.relative_zxid = Zxid(5);
    request.data = {"/old", "/changed", "/gone"};
    request.exist = {"/appeared", "/never"};
    request.child = {"/parent", "/still", "/gone"};
    feed(1, request_frame(-8, OpCode::set_watches, request));
    EXPECT_EQ(
        story(1),
        (Strings{"E3:/changed", "E2:/gone", "E1:/appeared", "E4:/parent", "E2:/gone", "-8:0"}));
    EXPECT_EQ(frontend.statistics().watches, 3);
    say(set_data("/old", "1"));
    say(create("/never"));
    say(create("/still/c"));
    EXPECT_EQ(story(1), (Strings{"E3:/old", "E1:/never", "E4:/still"}));
    EXPECT_EQ(frontend.statistics().watches, 0);
}

TEST_F(OneShotWatches, SetWatchesTellsOfWhatWasAwaitedAndHasCome) {
    create("/seen");  // 1
    jute::SetWatchesRequest request;
    request.relative_zxid = Zxid(zxid);
    request.exist = {"/came", "/came_and_changed", "/came_and_went"};
    create("/came");
    create("/came_and_changed");
    set_data("/came_and_changed", "1");
    create("/came_and_went");
    remove("/came_and_went");
    join(1, 9);
    feed(1, request_frame(-8, OpCode::set_watches, request));
    EXPECT_EQ(story(1), (Strings{"E1:/came", "E1:/came_and_changed", "-8:0"}));
    EXPECT_EQ(frontend.statistics().watches, 1);
    say(create("/came_and_went"));
    EXPECT_EQ(story(1), (Strings{"E1:/came_and_went"}));
}

TEST_F(OneShotWatches, SetWatchesTakesNullListsAndAnyXid) {
    join(1, 9);
    feed(1, framed(from_hex("00000005 00000065 0000000000000000 ffffffff ffffffff ffffffff")));
    EXPECT_EQ(story(1), (Strings{"5:0"}));
    feed(
        1,
        framed(from_hex("00000006 00000065 0000000000000000 00000001 ffffffff 00000000 00000000")));
    EXPECT_EQ(story(1), (Strings{"6:-5"}));
}

// A leader's loss closes all connections, in the order of their numbers: each must cost as much as its own watches.
// Looking for it among the others would take minutes here.
TEST(WatchTable, ConnectionsWithTheSameWatchGoOneByOne) {
    constexpr ConnectionId kConnections = 400'000;
    WatchTable table;
    for (ConnectionId id = 1; id <= kConnections; ++id) table.add("/everybody", id);
    for (ConnectionId id = kConnections / 2; id >= 1; --id) table.remove_connection(id);
    EXPECT_EQ(table.size(), kConnections / 2);
    EXPECT_FALSE(table.contains("/everybody", 1));
    for (ConnectionId id = kConnections / 2 + 1; id <= kConnections - 2; ++id)
        table.remove_connection(id);
    EXPECT_EQ(table.take("/everybody"),
              (std::vector<ConnectionId>{kConnections - 1, kConnections}));
    EXPECT_EQ(table.size(), 0U);
}

TEST(WatchTable, ReckonsWhatWatchesCost) {
    WatchTable table;
    EXPECT_TRUE(table.add("/a", 1));
    EXPECT_FALSE(table.add("/a", 1));
    table.add("/a", 2);
    table.add("/long", 2);
    const std::size_t one = WatchTable::kWatchBytes + 2;
    const std::size_t other = WatchTable::kWatchBytes + 5;
    EXPECT_EQ(table.bytes(), 2 * one + other);
    EXPECT_EQ(table.bytes_of(1), one);
    EXPECT_EQ(table.bytes_of(2), one + other);
    EXPECT_TRUE(table.remove("/long", 2));
    EXPECT_FALSE(table.remove("/long", 2));
    EXPECT_FALSE(table.remove("/a", 3));
    EXPECT_FALSE(table.contains("/long", 2));
    EXPECT_EQ(table.bytes(), 2 * one);
    table.take("/a");
    EXPECT_EQ(table.bytes() + table.bytes_of(1) + table.bytes_of(2), 0U);
    table.add("/a", 1);
    table.remove_connection(1);
    EXPECT_EQ(table.bytes() + table.size(), 0U);
}

TEST(WatchTable, KeepsOrderAndForgets) {
    WatchTable table;
    table.add("/a", 3);
    table.add("/a", 1);
    table.add("/a", 3);
    table.add("/b", 1);
    EXPECT_EQ(table.size(), 3U);
    EXPECT_TRUE(table.contains("/a", 1));
    EXPECT_FALSE(table.contains("/b", 3));
    EXPECT_EQ(table.take("/a"), (std::vector<ConnectionId>{3, 1}));
    EXPECT_TRUE(table.take("/a").empty());
    EXPECT_EQ(table.size(), 1U);
    table.remove_connection(1);
    table.remove_connection(1);
    EXPECT_EQ(table.size(), 0U);
    EXPECT_TRUE(table.take("/b").empty());
}

}  // namespace
}  // namespace zk::frontend
