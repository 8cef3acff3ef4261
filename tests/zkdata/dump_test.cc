#include "zkdata/dump.h"

#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "directory.h"
#include "zkdata/txn_text.h"

namespace zk::zkdata {
namespace {
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;

struct Dumped {
    std::string text;
    Result<> result = ok();
};

Dumped dumped(sim::SimDisk& disk, const std::string& path, const Options& options = {}) {
    Dumped out;
    out.result =
        dump(disk, ZK_VALUE(look_at(disk, path, {})), options, [&out](std::string_view part) {
            out.text += part;
        });
    return out;
}

std::ptrdiff_t lines(const std::string& text) { return std::count(text.begin(), text.end(), '\n'); }

jute::Txn txn_of(OpCode type, jute::TxnBody body) {
    jute::Txn txn = storage::header_only(Zxid(0x100000005), type, SessionId(0x1234));
    txn.header.time = WallMs(1700000000042);
    txn.body = std::move(body);
    return txn;
}

TEST(TxnText, SaysEveryFieldOfEveryType) {
    const jute::AclList acl = storage::open_acl();
    const std::string head =
        "2023-11-14 22:13:20.042 UTC session 0x1234 cxid 0x7 zxid 0x100000005 ";
    const auto text = [&](OpCode type, jute::TxnBody body) {
        const std::string line = txn_text(txn_of(type, std::move(body)), Data::content);
        EXPECT_TRUE(line.starts_with(head)) << line;
        return line.substr(std::min(head.size(), line.size()));
    };
    EXPECT_EQ(text(OpCode::create, jute::CreateTxn{"/a b", "x\n", acl, true, 2}),
              "create \"/a b\" acl world:anyone:cdrwa data \"x\\n\" ephemeral\n");
    EXPECT_EQ(text(OpCode::create_container, jute::CreateContainerTxn{"/c", std::nullopt, acl, 1}),
              "createContainer /c acl world:anyone:cdrwa no data\n");
    EXPECT_EQ(text(OpCode::create_ttl, jute::CreateTtlTxn{"/t", "", acl, 1, 500}),
              "createTTL /t acl world:anyone:cdrwa data \"\" ttl 500 ms\n");
    EXPECT_EQ(text(OpCode::remove, jute::DeleteTxn{"/a"}), "delete /a\n");
    EXPECT_EQ(text(OpCode::set_data, jute::SetDataTxn{"/a", "\xff", 3}),
              "setData /a version 3 data {\"base64\":\"/w==\"}\n");
    EXPECT_EQ(text(OpCode::set_acl, jute::SetAclTxn{"/a", {{1, {"ip", "10.0.0.1"}}}, 2}),
              "setACL /a version 2 acl ip:10.0.0.1:r\n");
    EXPECT_EQ(text(OpCode::check, jute::CheckVersionTxn{"/a", 4}), "check /a version 4\n");
    EXPECT_EQ(text(OpCode::create_session, jute::CreateSessionTxn{30000}), "createSession 30000\n");
    EXPECT_EQ(text(OpCode::close_session, jute::CloseSessionTxn{{{"/e", "/f"}}}),
              "closeSession /e /f\n");
    EXPECT_EQ(text(OpCode::error, jute::ErrorTxn{ErrorCode::no_node}), "error -101 NONODE\n");
    jute::MultiTxn multi;
    Bytes body;
    jute::OutputArchive archive(body);
    archive.write(jute::DeleteTxn{"/m"});
    multi.parts.push_back({OpCode::remove, body});
    multi.parts.push_back({OpCode::set_data, "\x01"});
    EXPECT_THAT(text(OpCode::multi, multi),
                testing::StartsWith("multi 2 parts; delete /m; setData unreadable: "));
}

TEST(TxnText, JsonHasOffsetAndDigest) {
    jute::Txn txn = txn_of(OpCode::set_data, jute::SetDataTxn{"/a", "xyz", 3});
    txn.digest = jute::TxnDigest{2, 0xabc};
    EXPECT_EQ(txn_json(txn, 16, Data::size),
              "{\"kind\":\"txn\",\"offset\":16,\"zxid\":\"0x100000005\",\"session\":\"0x1234\","
              "\"cxid\":7,\"time\":1700000000042,\"type\":\"setData\",\"digestVersion\":2,"
              "\"digest\":\"0xabc\",\"path\":\"/a\",\"version\":3,\"bytes\":3}\n");
    EXPECT_THAT(txn_json(txn, 16, Data::content), HasSubstr("\"bytes\":3,\"data\":\"xyz\"}"));
}

TEST(Dump, LogGivesALineForEachTxnOfTheRange) {
    sim::SimDisk disk;
    fill(disk);
    const Dumped all = dumped(disk, kDir + "/log.1");
    EXPECT_TRUE(all.result.has_value());
    EXPECT_EQ(lines(all.text), 9);
    EXPECT_THAT(all.text, HasSubstr("zxid 0x3 create /n3 "));
    EXPECT_THAT(all.text, Not(HasSubstr("data ")));
    EXPECT_THAT(all.text, EndsWith("end of /zk/version-2/log.1: 8 transactions\n"));
    Options some;
    some.from = Zxid(3);
    some.to = Zxid(5);
    some.json = some.data = true;
    const std::string json = dumped(disk, kDir + "/log.1", some).text;
    EXPECT_EQ(lines(json), 3);
    EXPECT_THAT(json, HasSubstr("\"data\":\"0x5\""));
}

TEST(Dump, WhatStandsThereTwiceIsMarked) {
    sim::SimDisk disk;
    fill(disk);
    repeat_some(disk);
    const Dumped all = dumped(disk, kDir + "/log.1");
    EXPECT_EQ(lines(all.text), 12);
    EXPECT_THAT(all.text, HasSubstr(" 3 bytes again\n"));
    EXPECT_THAT(all.text,
                EndsWith("end of /zk/version-2/log.1: 8 transactions, 3 of them again\n"));
    Options json;
    json.json = true;
    const std::string text = dumped(disk, kDir + "/log.1", json).text;
    EXPECT_EQ(lines(text), 11);
    std::size_t marks = 0;
    for (std::size_t at = 0; (at = text.find(",\"again\":true}\n", at)) != std::string::npos; ++at)
        ++marks;
    EXPECT_EQ(marks, 3U);
}

TEST(Dump, DamageEndsALogWithItsPlace) {
    sim::SimDisk disk;
    fill(disk);
    Bytes bytes = log_content(disk);
    bytes[bytes.size() - 3] = static_cast<char>(bytes[bytes.size() - 3] ^ 1);
    disk.put(kDir + "/log.1", bytes);
    const Dumped some = dumped(disk, kDir + "/log.1");
    EXPECT_EQ(lines(some.text), 7);
    ASSERT_FALSE(some.result.has_value());
    EXPECT_EQ(some.result.error().code, Errc::corrupt);
    EXPECT_THAT(some.result.error().words, HasSubstr("/zk/version-2/log.1 at offset "));
}

TEST(Dump, SnapshotGivesSessionsAndNodes) {
    sim::SimDisk disk;
    fill(disk);
    tree::DataTree tree = storage::numbered_tree(2);
    jute::Txn owned = storage::header_only(Zxid(3), OpCode::create, SessionId(0x99));
    owned.body = jute::CreateTxn{"/n1/e", "x", {{1, {"ip", "10.0.0.1"}}}, true, 1};
    tree.apply(owned);
    storage::save_snapshot(disk, tree, {{SessionId(0x99), 30000}});
    const std::string text = dumped(disk, kDir + "/snapshot.3").text;
    EXPECT_THAT(text, HasSubstr("snapshot.3: zxid 0x3, 1 sessions, 7 nodes\n"));
    EXPECT_THAT(text, HasSubstr("session 0x99 timeout 30000 ms, 1 ephemerals\n"));
    EXPECT_THAT(text, HasSubstr("\n/n1/e czxid 0x3 "));
    EXPECT_THAT(text, HasSubstr(" acl ip:10.0.0.1:r ephemeral of 0x99 1 bytes\n"));
    Options options;
    options.json = options.data = true;
    const std::string json = dumped(disk, kDir + "/snapshot.3", options).text;
    EXPECT_EQ(lines(json), 1 + 1 + 7);
    EXPECT_THAT(json, HasSubstr("\"ephemeralOwner\":\"0x99\",\"acl\":[{\"scheme\":\"ip\""));
    EXPECT_THAT(json, HasSubstr("\"path\":\"/\""));
}

// A snapshot that was written while txns went on holds nodes newer than its name.
TEST(Dump, NodesNewerThanTheSnapshotsNameAreThere) {
    sim::SimDisk disk;
    fill(disk);
    storage::save_snapshot(disk, storage::numbered_tree(5));
    disk.put(kDir + "/snapshot.2", storage::content(disk, "snapshot.5"));
    EXPECT_THAT(dumped(disk, kDir + "/snapshot.2").text, HasSubstr("/n5 czxid 0x5"));
}

TEST(Dump, DirectoryIsTheTreeAtItsEndOrAtAZxid) {
    sim::SimDisk disk;
    fill(disk);
    EXPECT_THAT(dumped(disk, "/zk").text, HasSubstr("/n8 czxid 0x8"));
    Options options;
    options.at = Zxid(4);
    const std::string then = dumped(disk, "/zk", options).text;
    EXPECT_THAT(then, HasSubstr("/n4 czxid 0x4"));
    EXPECT_THAT(then, Not(HasSubstr("/n5")));
    options.at = Zxid(0x99);
    EXPECT_THAT(dumped(disk, "/zk", options).result.error().words,
                HasSubstr("the nearest before it is 0x8"));
}

TEST(Dump, SmallFilesAreOneLine) {
    sim::SimDisk disk;
    fill(disk);
    EXPECT_EQ(dumped(disk, "/zk/myid").text, "myid 3\n");
    EXPECT_EQ(dumped(disk, kDir + "/currentEpoch").text, "currentEpoch 0\n");
}

}  // namespace
}  // namespace zk::zkdata
