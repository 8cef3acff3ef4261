// What recovery may build on: only what the disk holds for good, and nothing with a hole in it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "forwarding_disk.h"
#include "samples.h"
#include "storage/disk_command.h"
#include "storage/epoch_files.h"

namespace zk::storage {
namespace {
using testing::Contains;
using testing::HasSubstr;

/// Written by a process that was killed before it synced: nothing but the name and the header is on the disk.
void append_unsynced(Disk& disk, std::initializer_list<std::int64_t> zxids) {
    LogWriter writer(disk, kDir, plain_log());
    for (const std::int64_t zxid : zxids)
        ZK_OK(writer.append(Zxid(zxid), *shared(numbered(Zxid(zxid)))));
    ZK_OK(writer.flush());
}

TEST(Durability, WhatAKilledPredecessorWroteIsDurableOnceRecovered) {
    sim::SimDisk disk;
    ZK_VALUE(recover(disk, kPaths, {}));
    append_unsynced(disk, {1, 2, 3});
    EXPECT_EQ(ZK_VALUE(recover(disk, kPaths, {})).last_zxid, Zxid(3));
    disk.crash(sim::CrashMode::lose);
    EXPECT_EQ(ZK_VALUE(recover(disk, kPaths, {})).last_zxid, Zxid(3));
}

TEST(Durability, ItsEpochsSnapshotsAndNamesAreDurable) {
    sim::SimDisk disk;
    ZK_VALUE(recover(disk, kPaths, {}));
    const auto write = [&](const std::string& path, ByteView bytes) {
        ZK_OK(ZK_VALUE(disk.create(path))->write(bytes));
    };
    write(kDir + "/acceptedEpoch", "7");
    write(kDir + "/currentEpoch", "6");
    const tree::DataTree tree = numbered_tree(5);
    write(kDir + "/snapshot.5", serialize(tree, {}, Form::file));
    EXPECT_EQ(ZK_VALUE(recover(disk, kPaths, {})).last_zxid, Zxid(5));
    disk.crash(sim::CrashMode::lose);
    const RecoveredState state = ZK_VALUE(recover(disk, kPaths, {}));
    EXPECT_EQ(state.last_zxid, Zxid(5));
    EXPECT_EQ(state.accepted_epoch, Epoch(7));
    EXPECT_EQ(state.current_epoch, Epoch(6));
}

TEST(Durability, AFreshMarkerIsDurableBeforeItIsUsed) {
    sim::SimDisk disk;
    ZK_OK(disk.make_dirs(kPaths.log_dir));
    ZK_VALUE(disk.create(kPaths.initialize_marker()));
    EXPECT_TRUE(ZK_VALUE(recover(disk, kPaths, {.autocreate = false})).fresh);
    disk.crash(sim::CrashMode::lose);
    EXPECT_EQ(ZK_VALUE(recover(disk, kPaths, {.autocreate = false})).last_zxid, Zxid(0));
}

// The kernel drops the pages that it failed to write and goes on showing them: a later sync says that all is well.
TEST(Durability, WhatOnlyMemoryShowsAfterAFailedSyncIsNotReplayed) {
    sim::SimDisk disk;
    ZK_VALUE(recover(disk, kPaths, {}));
    write_log(disk, zxids({1, 2}));
    append_unsynced(disk, {3, 4});
    disk.drop_unsynced();
    EXPECT_EQ(read_log(disk)->size(), 4U);
    EXPECT_EQ(ZK_VALUE(recover(disk, kPaths, {})).last_zxid, Zxid(2));
}

/// Remembers what was settled, and whether anything was read before.
class SettleCounter final : public ForwardingDisk {
  public:
    using ForwardingDisk::ForwardingDisk;
    Result<Bytes> read(const std::string& path, std::uint64_t offset, std::size_t length) override {
        EXPECT_THAT(settled, Contains(path));
        return ForwardingDisk::read(path, offset, length);
    }
    Result<> settle(const std::string& path) override {
        settled.push_back(path);
        return ForwardingDisk::settle(path);
    }
    Result<> sync_dir(const std::string& dir) override {
        settled.push_back(dir);
        return ForwardingDisk::sync_dir(dir);
    }
    std::vector<std::string> settled;
};

TEST(Durability, NothingIsReadThatWasNotSettled) {
    sim::SimDisk disk;
    ZK_VALUE(recover(disk, kPaths, {}));
    write_log(disk, zxids({1, 2}));
    write_log(disk, zxids({3, 4}));
    save_snapshot(disk, numbered_tree(3));
    SettleCounter counter(disk);
    EXPECT_EQ(ZK_VALUE(recover(counter, kPaths, {})).last_zxid, Zxid(4));
    for (const char* name : {"",
                             "/version-2",
                             "/version-2/log.1",
                             "/version-2/log.3",
                             "/version-2/snapshot.0",
                             "/version-2/snapshot.3",
                             "/version-2/acceptedEpoch",
                             "/version-2/currentEpoch"}) {
        EXPECT_EQ(
            std::count(counter.settled.begin(), counter.settled.end(), kPaths.data_dir + name), 1)
            << name;
    }
}

// ---- holes

/// A leader's tree and the log it would write, with digests.
class Leader {
  public:
    jute::Txn create(std::int64_t zxid) {
        jute::Txn txn = numbered(Zxid(zxid));
        tree_.apply(txn);
        txn.digest = jute::TxnDigest{2, tree_.digest() + error};
        return txn;
    }
    std::uint64_t error = 0;  ///< as of a server that computes digests differently

  private:
    tree::DataTree tree_;
};

void write(Disk& disk, const std::vector<jute::Txn>& txns) {
    LogWriter writer(disk, kDir, plain_log());
    for (const jute::Txn& txn : txns) ZK_OK(writer.append(txn.header.zxid, *shared(txn)));
    ZK_OK(writer.sync());
}

TEST(Hole, BeforeANewEpochIsFound) {
    for (const int following : {1, 2, 5}) {
        sim::SimDisk disk;
        save_snapshot(disk, tree::DataTree());
        Leader leader;
        write(disk, {leader.create(0x100000001), leader.create(0x100000002)});
        leader.create(0x100000003);  // lost at a power cut
        std::vector<jute::Txn> next;
        for (int i = 1; i <= following; ++i) next.push_back(leader.create(0x200000000 + i));
        write(disk, next);
        const auto state = recover(disk, kPaths, {});
        ASSERT_FALSE(state.has_value()) << following;
        EXPECT_THAT(
            state.error().message(),
            HasSubstr("/zk/version-2/log.200000001: transaction 0x200000001 does not belong behind "
                      "0x100000002"));
    }
}

TEST(Hole, BehindASnapshotIsFound) {
    sim::SimDisk disk;
    save_snapshot(disk, tree::DataTree());
    Leader leader;
    tree::DataTree tree;
    for (std::int64_t i = 1; i <= 3; ++i) tree.apply(leader.create(0x100000000 + i));
    save_snapshot(disk, tree);
    leader.create(0x100000004);
    write(disk, {leader.create(0x200000001)});
    EXPECT_THAT(recover(disk, kPaths, {}).error().message(),
                HasSubstr("transactions between are missing"));
}

TEST(Hole, NoneWhereNothingIsMissing) {
    sim::SimDisk disk;
    save_snapshot(disk, tree::DataTree());
    Leader leader;
    write(disk, {leader.create(0x100000001), leader.create(0x100000002)});
    write(disk, {leader.create(0x200000001), leader.create(0x500000001)});
    EXPECT_EQ(ZK_VALUE(recover(disk, kPaths, {})).last_zxid, Zxid(0x500000001));
}

TEST(Hole, DigestComputedDifferentlyIsNone) {
    sim::SimDisk disk;
    save_snapshot(disk, tree::DataTree());
    Leader leader;
    std::vector<jute::Txn> txns{leader.create(0x100000001)};
    leader.error = 5;
    txns.push_back(leader.create(0x200000001));
    leader.error = 0;
    txns.push_back(leader.create(0x200000002));
    leader.error = 5;  // from here on for good, as of another version
    for (std::int64_t i = 3; i <= 9; ++i) txns.push_back(leader.create(0x200000000 + i));
    txns.push_back(leader.create(0x300000001));
    write(disk, txns);
    EXPECT_EQ(ZK_VALUE(recover(disk, kPaths, {})).last_zxid, Zxid(0x300000001));
}

TEST(Hole, ServersWithoutDigestsTellNothing) {
    sim::SimDisk disk;
    save_snapshot(disk, tree::DataTree());
    write_log(disk, zxids({0x100000001, 0x100000002}));
    write_log(disk, zxids({0x200000001}));
    EXPECT_EQ(ZK_VALUE(recover(disk, kPaths, {})).last_zxid, Zxid(0x200000001));
}

TEST(Hole, SnapshotThatCameAsAStreamIsNoReasonToSayThatTreesDiffer) {
    sim::SimDisk disk;
    save_snapshot(disk, tree::DataTree());
    Leader leader;
    tree::DataTree tree;
    std::vector<jute::Txn> txns;
    for (std::int64_t i = 1; i <= 6; ++i) txns.push_back(leader.create(0x100000000 + i));
    for (int i = 0; i < 2; ++i) tree.apply(txns[static_cast<std::size_t>(i)]);
    tree.apply(txns[3]);  // the walk met this one and not the third
    tree.set_last_zxid(Zxid(0x100000002));
    SnapshotSerializer serializer(tree, {}, Form::file, DigestSection::no);
    Bytes bytes;
    while (serializer.next_chunk(bytes, 1000)) {
    }
    disk.put(kDir + "/snapshot.100000002", bytes);
    write(disk, {txns.begin() + 2, txns.end()});
    std::string lines;
    const Log log([&lines](LogLevel, std::string_view line) { lines += std::string(line) + "\n"; },
                  LogLevel::warn);
    EXPECT_EQ(ZK_VALUE(recover(disk, kPaths, {}, log)).last_zxid, Zxid(0x100000006));
    EXPECT_EQ(lines, "");
}

}  // namespace
}  // namespace zk::storage
