// Files of Apache's own server read by us, and ours read by it.
#include <algorithm>
#include <array>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <limits>
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include "disk/posix_disk.h"
#include "jute/txn.h"
#include "storage/disk_command.h"
#include "storage/log_reader.h"
#include "storage/recovery.h"
#include "temp_dir.h"

namespace zk::disk {
namespace {

constexpr int kSkipCode = 77;

struct Output {
    int code = 0;
    std::vector<std::string> lines;  // sorted
};

/// What apache.py printed; its own complaints go to stderr.
Output apache(const std::string& command, const std::string& dir) {
    const std::string line =
        std::string("/usr/bin/python3 ") + ZK_APACHE_SCRIPT + " " + command + " " + dir;
    FILE* pipe = ::popen(line.c_str(), "r");
    if (pipe == nullptr) std::abort();
    std::string text;
    std::array<char, 4096> buffer{};
    for (std::size_t count = 0; (count = std::fread(buffer.data(), 1, buffer.size(), pipe)) > 0;)
        text.append(buffer.data(), count);
    Output output;
    output.code = WEXITSTATUS(::pclose(pipe));
    std::istringstream lines(text);
    for (std::string one; std::getline(lines, one);) output.lines.push_back(one);
    std::sort(output.lines.begin(), output.lines.end());
    return output;
}

#define ZK_SKIP_WITHOUT_APACHE(output)                                                        \
    if ((output).code == kSkipCode) {                                                         \
        std::cerr                                                                             \
            << "SKIPPED: no Apache ZooKeeper on this machine, its files were not compared\n"; \
        GTEST_SKIP();                                                                         \
    }                                                                                         \
    ASSERT_EQ((output).code, 0)

std::string hex(ByteView bytes) {
    static constexpr std::string_view digits = "0123456789abcdef";
    std::string text;
    for (const char byte : bytes) {
        text += digits[static_cast<unsigned char>(byte) >> 4];
        text += digits[static_cast<unsigned char>(byte) & 15];
    }
    return text;
}

std::vector<std::string> print_tree(const tree::DataTree& tree) {
    std::vector<std::string> lines;
    tree::Walk walk(tree);
    tree::Walk::VisitedNode node;
    while (walk.next(node)) {
        const std::string path = node.path.empty() ? "/" : node.path;
        const jute::Stat stat = tree.stat_of(*tree.find(path));
        std::string acl;
        for (const jute::Acl& one : tree.acl().find(node.acl)) {
            acl += (acl.empty() ? "" : ",") + std::to_string(one.perms) + ":" + one.id.scheme +
                   ":" + one.id.id;
        }
        std::ostringstream line;
        line << path << ' ' << (node.data && !node.data->empty() ? hex(*node.data) : "-") << ' '
             << stat.czxid.value() << ' ' << stat.mzxid.value() << ' ' << stat.pzxid.value() << ' '
             << stat.ctime.value() << ' ' << stat.mtime.value() << ' ' << stat.version << ' '
             << stat.cversion << ' ' << stat.aversion << ' ' << stat.ephemeral_owner << ' ' << acl;
        lines.push_back(line.str());
    }
    std::sort(lines.begin(), lines.end());
    return lines;
}

/// Warnings of a recovery: a wrong digest would be one.
struct Warnings {
    std::string text;
    Log log{[this](LogLevel, std::string_view line) { text += std::string(line) + "\n"; },
            LogLevel::warn};
};

/// All log records read and written again give the same bytes, up to the zero fill.
void expect_log_bytes_survive(PosixDisk& disk, const std::string& dir) {
    const TempDir copy;
    for (const storage::LogFile& file : value_of(storage::list_logs(disk, dir))) {
        storage::LogFileReader reader(disk, dir, file.name);
        storage::LogWriter writer(
            disk, copy.path(), {.preallocate_bytes = 64 << 10, .file_bytes_max = 0});
        int records = 0;
        while (const auto record = value_of(reader.next())) {
            expect_ok(writer.append(record->zxid, record->payload));
            // Decoding and encoding keeps each payload too.
            EXPECT_EQ(jute::encode_txn(value_of(jute::decode_txn(record->payload))),
                      record->payload);
            ++records;
        }
        expect_ok(writer.sync());
        EXPECT_GT(records, 0) << file.name;
        EXPECT_EQ(value_of(disk.read_file(copy.path() + "/" + file.name, 1 << 26)),
                  value_of(disk.read_file(dir + "/" + file.name, 1 << 26)))
            << file.name;
    }
}

/// The snapshot read, written and read again is the same tree in the same number of bytes. Only
/// children may come in another order, and Apache stores world:anyone:all as a list of 35 bytes
/// where we write its id -1.
void expect_snapshot_survives(PosixDisk& disk,
                              const std::string& dir,
                              const storage::SnapshotName& name) {
    constexpr std::size_t kOpenListBytes = 35;
    constexpr std::size_t kZxidBytes = 8 + 8 + 5;  // since 3.9
    const Bytes original = value_of(disk.read_file(dir + "/" + name.name, 1 << 26));
    auto loaded = value_of(storage::load_snapshot(disk, dir, name));
    ASSERT_TRUE(loaded.digest);
    // A fuzzy one holds nodes beyond its name, and one beyond its digest where Apache had put a node
    // into the tree and not yet reckoned with it; a walk would leave them to the log.
    loaded.tree->set_last_zxid(Zxid(std::numeric_limits<std::int64_t>::max()));
    storage::SnapshotSerializer serializer(*loaded.tree, loaded.sessions, storage::Form::file);
    Bytes ours;
    while (serializer.next_chunk(ours, 1 << 20)) {
    }
    EXPECT_THAT(original.size() + kZxidBytes - ours.size(), testing::AnyOf(0U, kOpenListBytes))
        << name.name;
    storage::SnapshotParser parser(storage::Form::file);
    value_of(parser.feed(ours));
    expect_ok(parser.finish());
    EXPECT_EQ(parser.take_sessions(), loaded.sessions);
    const auto again = parser.take_tree();
    again->set_last_zxid(loaded.tree->last_zxid());
    EXPECT_EQ(print_tree(*again), print_tree(*loaded.tree)) << name.name;
}

TEST(Apache, ItsDirectoryIsOurs) {
    const TempDir dir;
    const Output theirs = apache("write", dir.path());
    ZK_SKIP_WITHOUT_APACHE(theirs);
    ASSERT_GT(theirs.lines.size(), 50U);
    const storage::Paths paths{dir.path(), dir.path()};
    PosixDisk disk;
    const auto snapshots = value_of(storage::list_snapshots(disk, paths.snapshots()));
    EXPECT_GE(snapshots.size(), 2U);  // periodic ones, taken while writes went on
    Warnings warnings;
    const auto state = value_of(storage::recover(disk, paths, {.standalone = true}, warnings.log));
    EXPECT_EQ(warnings.text, "");  // also: every txn's digest agreed
    EXPECT_EQ(print_tree(*state.tree), theirs.lines);
    EXPECT_EQ(state.sessions.size(), 1U);
    expect_log_bytes_survive(disk, paths.logs());
    for (const storage::SnapshotName& name : snapshots)
        expect_snapshot_survives(disk, paths.snapshots(), name);
    // From the oldest snapshot on, the whole log gives the same.
    for (std::size_t i = 0; i + 1 < snapshots.size(); ++i)
        expect_ok(disk.remove(paths.snapshots() + "/" + snapshots[i].name));
    const auto replayed =
        value_of(storage::recover(disk, paths, {.standalone = true}, warnings.log));
    EXPECT_EQ(warnings.text, "");
    EXPECT_EQ(print_tree(*replayed.tree), theirs.lines);
}

jute::Txn with_header(Zxid zxid, OpCode type, SessionId session) {
    jute::Txn txn;
    txn.header = {session, Xid(5), zxid, WallMs(1700000000000 + zxid.value()), type};
    return txn;
}

/// A history of ours with all kinds of txns; `tree` follows it and gives the digests.
std::vector<jute::Txn> our_history(tree::DataTree& tree) {
    const SessionId session(0x1000000000000001);
    std::vector<jute::Txn> txns;
    const auto add = [&](OpCode type, jute::TxnBody body) {
        jute::Txn txn =
            with_header(Zxid(static_cast<std::int64_t>(txns.size()) + 1), type, session);
        txn.body = std::move(body);
        tree.apply(txn);
        if (type != OpCode::error) txn.digest = jute::TxnDigest{2, tree.digest()};
        txns.push_back(std::move(txn));
    };
    const jute::AclList open = tree::open_acl_list();
    std::int32_t at_root = 1;  // /zookeeper is the first
    add(OpCode::create_session, jute::CreateSessionTxn{20000});
    add(OpCode::create, jute::CreateTxn{"/a", "one", open, false, ++at_root});
    add(OpCode::create2,
        jute::CreateTxn{"/a/null", std::nullopt, {{perms::kRead, {"world", "anyone"}}}, false, 1});
    add(OpCode::create_container, jute::CreateContainerTxn{"/box", "c", open, ++at_root});
    add(OpCode::create_ttl, jute::CreateTtlTxn{"/ttl", "t", open, ++at_root, 3600000});
    add(OpCode::create, jute::CreateTxn{"/eph", "e", open, true, ++at_root});
    add(OpCode::set_acl,
        jute::SetAclTxn{
            "/a", {{perms::kAll, {"world", "anyone"}}, {perms::kRead, {"ip", "10.0.0.1"}}}, 1});
    add(OpCode::error, jute::ErrorTxn{ErrorCode::node_exists});
    jute::MultiTxn multi;
    multi.parts.push_back(
        {OpCode::create, jute::encode(jute::CreateTxn{"/m", "m", open, false, ++at_root})});
    multi.parts.push_back({OpCode::remove, jute::encode(jute::DeleteTxn{"/box"})});
    add(OpCode::multi, multi);
    for (std::int32_t i = 1; i <= 300; ++i) {
        add(OpCode::set_data,
            jute::SetDataTxn{"/a", "value " + std::to_string(i) + std::string(500, '.'), i});
    }
    return txns;
}

TEST(Apache, OurDirectoryIsItsOwn) {
    for (const bool with_later_snapshot : {false, true}) {
        const TempDir dir;
        const storage::Paths paths{dir.path(), dir.path()};
        PosixDisk disk;
        const auto fresh = value_of(storage::recover(disk, paths, {.standalone = true}));
        tree::DataTree tree;
        const std::vector<jute::Txn> txns = our_history(tree);
        {
            storage::ExecutorOptions options;
            options.log.preallocate_bytes = 64 << 10;
            storage::DiskExecutor executor(disk, paths, options);
            std::vector<storage::DiskCommand> batch;
            std::vector<storage::DiskEvent> events;
            for (std::size_t i = 0; i < txns.size(); ++i) {
                if (i == 100) batch.emplace_back(storage::RollLog{});
                batch.emplace_back(storage::AppendTxn{
                    txns[i].header.zxid, std::make_shared<const Bytes>(jute::encode_txn(txns[i]))});
            }
            executor.execute(batch, events);
            ASSERT_FALSE(executor.failed());
        }
        if (with_later_snapshot) {
            storage::SnapshotSerializer serializer(
                tree, {{SessionId(0x1000000000000001), 20000}}, storage::Form::file);
            storage::SnapshotFile file(disk, paths.snapshots());
            expect_ok(file.begin(serializer.zxid()));
            Bytes bytes;
            while (serializer.next_chunk(bytes, 1 << 20)) {
            }
            expect_ok(file.write(bytes));
            expect_ok(file.finish());
        }
        const auto state = value_of(storage::recover(disk, paths, {.standalone = true}));
        const Output theirs = apache("read", dir.path());
        ZK_SKIP_WITHOUT_APACHE(theirs);
        EXPECT_EQ(print_tree(*state.tree), theirs.lines);
        std::ifstream log(dir.path() + "/java.log");
        const std::string java((std::istreambuf_iterator<char>(log)),
                               std::istreambuf_iterator<char>());
        EXPECT_THAT(java, testing::Not(testing::HasSubstr("mismatch")));
        // It went on in our directory; we go on in its.
        EXPECT_GT(value_of(storage::recover(disk, paths, {.standalone = true})).last_zxid,
                  state.last_zxid);
    }
}

}  // namespace
}  // namespace zk::disk
