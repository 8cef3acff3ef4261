// Damaged ends of the newest log: docs/decisions/0004-damaged-logs.md.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/check.h"
#include "samples.h"
#include "storage/disk_command.h"
#include "storage/install.h"
#include "storage/log_damage.h"

namespace zk::storage {
namespace {
using testing::Contains;
using testing::HasSubstr;
using testing::Not;

constexpr std::size_t kRecordBytes = 3000;

/// A database whose newest log, log.1, holds 1 to `count`, each of about kRecordBytes.
void big_log(sim::SimDisk& disk, std::int64_t count) {
    ZK_VALUE(recover(disk, kPaths, {}));
    LogWriter writer(disk, kDir, {.preallocate_bytes = 1 << 16, .file_bytes_max = 0});
    for (std::int64_t i = 1; i <= count; ++i) {
        ZK_OK(writer.append(
            Zxid(i),
            *shared(create_txn(Zxid(i), "/n" + std::to_string(i), Bytes(kRecordBytes, 'x')))));
    }
    ZK_OK(writer.sync());
}

std::size_t begin_of(std::int64_t zxid) {
    const std::size_t one =
        shared(create_txn(Zxid(1), "/n1", Bytes(kRecordBytes, 'x')))->size() + kLogRecordOverhead;
    return kLogHeaderBytes + static_cast<std::size_t>(zxid - 1) * one;
}

template <class Edit>
void edit(sim::SimDisk& disk, Edit change) {
    Bytes bytes = content(disk, "log.1");
    change(bytes);
    disk.put(kDir + "/log.1", bytes);
}

/// The sector that lies whole in the middle of a record.
void lose_sector(Bytes& bytes, std::int64_t zxid) {
    const std::size_t sector = (begin_of(zxid) + 1500) / 512 * 512;
    bytes.replace(sector, 512, 512, '\0');
}

TEST(LogDamage, TornRecordAtTheEndIsCutAndTheMemberVotes) {
    sim::SimDisk disk;
    big_log(disk, 5);
    edit(disk, [](Bytes& bytes) { lose_sector(bytes, 5); });
    std::string lines;
    const Log log([&lines](LogLevel, std::string_view line) { lines += std::string(line) + "\n"; },
                  LogLevel::warn);
    EXPECT_EQ(ZK_VALUE(recover(disk, kPaths, {}, log)).last_zxid, Zxid(4));
    EXPECT_THAT(lines, HasSubstr("wrong checksum of a record (torn: "));
    EXPECT_THAT(names(disk), Contains("damaged.log.1"));
    EXPECT_EQ(content(disk, "log.1").size(), begin_of(5));
    disk.crash(sim::CrashMode::lose);
    EXPECT_EQ(ZK_VALUE(recover(disk, kPaths, {})).last_zxid, Zxid(4));
}

TEST(LogDamage, WholeRecordsOfTheSameWriteMayFollow) {
    sim::SimDisk disk;
    sim::SimDisk strict;
    for (sim::SimDisk* each : {&disk, &strict}) {
        big_log(*each, 9);
        edit(*each, [](Bytes& bytes) {
            lose_sector(bytes, 5);
            lose_sector(bytes, 7);
        });
    }
    EXPECT_EQ(ZK_VALUE(recover(disk, kPaths, {})).last_zxid, Zxid(4));
    const auto refused = recover(strict, kPaths, {.torn_max = 0});
    ASSERT_FALSE(refused.has_value());
    EXPECT_THAT(refused.error().message(), HasSubstr("whole transactions follow, up to 0x9"));
    EXPECT_THAT(names(strict), Not(Contains("damaged.log.1")));
}

TEST(LogDamage, ZerosInTheMiddleDoNotEndTheLogSilently) {
    for (const std::size_t offset : {0U, 700U}) {  // over the beginning of a record, and in it
        sim::SimDisk disk;
        big_log(disk, 4000);
        edit(disk, [&](Bytes& bytes) {
            const std::size_t at = (begin_of(500) + offset) / 512 * 512;
            bytes.replace(at, 2048, 2048, '\0');
        });
        const Bytes before = content(disk, "log.1");
        const auto state = recover(disk, kPaths, {});
        ASSERT_FALSE(state.has_value());
        EXPECT_THAT(state.error().message(), HasSubstr("whole transactions follow, up to 0xfa0"));
        EXPECT_THAT(state.error().message(), HasSubstr("copy everything from the leader"));
        EXPECT_EQ(content(disk, "log.1"), before);
    }
}

TEST(LogDamage, LostBeginningOfTheLastRecordIsTorn) {
    sim::SimDisk disk;
    big_log(disk, 5);
    edit(disk, [](Bytes& bytes) {
        const std::size_t at = begin_of(5);
        bytes.replace(at, 512 - at % 512, 512 - at % 512, '\0');
    });
    EXPECT_EQ(ZK_VALUE(recover(disk, kPaths, {})).last_zxid, Zxid(4));
    EXPECT_EQ(content(disk, "log.1").size(), begin_of(5));
}

TEST(LogDamage, RotTakesTheVoteUntilASnapshotIsInstalled) {
    sim::SimDisk disk;
    big_log(disk, 5);
    edit(disk, [](Bytes& bytes) { bytes[begin_of(4) + 1000] ^= 1; });
    const Bytes damaged = content(disk, "log.1");
    std::string lines;
    const Log log([&lines](LogLevel, std::string_view line) { lines += std::string(line) + "\n"; },
                  LogLevel::warn);
    RecoveredState state = ZK_VALUE(recover(disk, kPaths, {}, log));
    EXPECT_EQ(state.last_zxid, Zxid(-1));
    EXPECT_EQ(state.tree->node_count(), tree::DataTree().node_count());
    EXPECT_TRUE(state.recent.empty());
    EXPECT_THAT(lines, HasSubstr("(rot: "));
    disk.crash(sim::CrashMode::lose);
    state = ZK_VALUE(recover(disk, kPaths, {}));
    EXPECT_EQ(state.last_zxid, Zxid(-1));
    EXPECT_EQ(content(disk, "damaged.log.1"), damaged);
    // The leader repairs it.
    save_snapshot(disk, numbered_tree(9), {}, SnapshotRole::install);
    ZK_OK(install_snapshot(disk, kPaths, Zxid(9)));
    disk.crash(sim::CrashMode::lose);
    EXPECT_EQ(ZK_VALUE(recover(disk, kPaths, {})).last_zxid, Zxid(9));
    EXPECT_EQ(content(disk, "damaged.log.1"), damaged);
}

// It would serve what is left as the truth: nobody else knows better.
TEST(LogDamage, AServerAloneDoesNotStartFromARottenLog) {
    sim::SimDisk disk;
    big_log(disk, 5);
    edit(disk, [](Bytes& bytes) { bytes[begin_of(4) + 1000] ^= 1; });
    const Bytes damaged = content(disk, "log.1");
    const auto refused = recover(disk, kPaths, {.standalone = true});
    ASSERT_FALSE(refused.has_value());
    EXPECT_THAT(refused.error().message(), HasSubstr("(rot: "));
    EXPECT_THAT(refused.error().message(), Not(HasSubstr("leader")));
    const std::string way = "truncate -s " + std::to_string(begin_of(4)) + " " + kDir + "/log.1";
    EXPECT_THAT(refused.error().message(), testing::EndsWith(way));
    EXPECT_EQ(content(disk, "log.1"), damaged) << "nothing is changed";
    EXPECT_THAT(names(disk), Not(Contains(kNeedsSnapshotName)));
    // The way out is one.
    edit(disk, [](Bytes& bytes) { bytes.resize(begin_of(4)); });
    EXPECT_EQ(ZK_VALUE(recover(disk, kPaths, {.standalone = true})).last_zxid, Zxid(3));
    EXPECT_TRUE(covered_marks().contains("storage.rot_alone"));
}

TEST(LogDamage, ATornEndIsCutByAServerAloneAsWell) {
    sim::SimDisk disk;
    big_log(disk, 5);
    edit(disk, [](Bytes& bytes) { lose_sector(bytes, 5); });
    EXPECT_EQ(ZK_VALUE(recover(disk, kPaths, {.standalone = true})).last_zxid, Zxid(4));
    sim::SimDisk other;
    big_log(other, 4000);
    edit(other, [](Bytes& bytes) { bytes.replace(begin_of(500), 2048, 2048, '\0'); });
    const auto refused = recover(other, kPaths, {.standalone = true});
    ASSERT_FALSE(refused.has_value());
    EXPECT_THAT(refused.error().message(), HasSubstr("from a backup; or, to go on without"));
}

// A member that waits for its leader's snapshot is no server alone.
TEST(LogDamage, WhatAMemberLacksAServerAloneLacksToo) {
    sim::SimDisk disk;
    big_log(disk, 5);
    edit(disk, [](Bytes& bytes) { bytes[begin_of(4) + 1000] ^= 1; });
    EXPECT_EQ(ZK_VALUE(recover(disk, kPaths, {})).last_zxid, Zxid(-1));
    const auto refused = recover(disk, kPaths, {.standalone = true});
    ASSERT_FALSE(refused.has_value());
    EXPECT_THAT(refused.error().message(),
                HasSubstr("to go on without what is lost, remove " + kDir));
    ZK_OK(disk.remove(kDir + "/" + kNeedsSnapshotName));
    EXPECT_EQ(ZK_VALUE(recover(disk, kPaths, {.standalone = true})).last_zxid, Zxid(0));
}

TEST(LogDamage, RotAtEveryCallKeepsTheFileAndTakesTheVote) {
    for (std::uint64_t call = 1; call < 40; ++call) {
        for (const auto mode : {sim::CrashMode::lose, sim::CrashMode::keep, sim::CrashMode::tear}) {
            sim::SimDisk disk(call);
            big_log(disk, 3);
            edit(disk, [](Bytes& bytes) { bytes[begin_of(3) + 1000] ^= 1; });
            const Bytes damaged = content(disk, "log.1");
            disk.fail_after(call);
            (void)recover(disk, kPaths, {}).has_value();
            disk.crash(mode);
            EXPECT_EQ(ZK_VALUE(recover(disk, kPaths, {})).last_zxid, Zxid(-1)) << call;
            EXPECT_EQ(content(disk, "damaged.log.1"), damaged) << call;
        }
    }
}

TEST(LogDamage, TornAtEveryCallKeepsWhatWasWhole) {
    for (std::uint64_t call = 1; call < 40; ++call) {
        for (const auto mode : {sim::CrashMode::lose, sim::CrashMode::keep, sim::CrashMode::tear}) {
            sim::SimDisk disk(call);
            big_log(disk, 5);
            edit(disk, [](Bytes& bytes) { lose_sector(bytes, 4); });
            disk.fail_after(call);
            (void)recover(disk, kPaths, {}).has_value();
            disk.crash(mode);
            EXPECT_EQ(ZK_VALUE(recover(disk, kPaths, {})).last_zxid, Zxid(3)) << call;
        }
    }
}

// Any of the sectors of one unsynced write may be missing: what was synced before is all there, the rest goes.
TEST(LogDamage, AnyLostSectorsOfTheLastWriteAreTorn) {
    std::mt19937_64 random(5);
    for (int round = 0; round < 60; ++round) {
        sim::SimDisk disk;
        big_log(disk, 8);
        const std::int64_t synced = 1 + static_cast<std::int64_t>(random() % 7);
        edit(disk, [&](Bytes& bytes) {
            const std::size_t begin = begin_of(synced + 1);
            for (std::size_t sector = begin / 512; sector <= begin_of(9) / 512; ++sector) {
                if (random() % 4 != 0) continue;
                const std::size_t from = std::max(sector * 512, begin);
                const std::size_t until = std::min((sector + 1) * 512, begin_of(9));
                if (from < until) bytes.replace(from, until - from, until - from, '\0');
            }
        });
        const RecoveredState state = ZK_VALUE(recover(disk, kPaths, {}));
        EXPECT_GE(state.last_zxid, Zxid(synced)) << round;
        EXPECT_LE(state.last_zxid, Zxid(8)) << round;
        // And goes on from there.
        DiskExecutor executor(disk, kPaths, {{.preallocate_bytes = 4096, .file_bytes_max = 0}, {}});
        std::vector<DiskCommand> batch;
        const Zxid next(state.last_zxid.value() + 1);
        batch.emplace_back(AppendTxn{next, shared(numbered(next))});
        std::vector<DiskEvent> events;
        executor.execute(batch, events);
        EXPECT_EQ(ZK_VALUE(recover(disk, kPaths, {})).last_zxid, next) << round;
    }
}

TEST(LogDamage, NoMoreIsLeftUnsyncedThanMayBeTorn) {
    sim::SimDisk disk;
    ZK_VALUE(recover(disk, kPaths, {}));
    DiskExecutor executor(disk, kPaths, {plain_log(), {}});
    std::vector<DiskCommand> batch;
    for (std::int64_t i = 1; i <= 20; ++i) {
        batch.emplace_back(
            AppendTxn{Zxid(i), shared(create_txn(Zxid(i), "/n", Bytes(1'000'000, 'x')))});
    }
    std::vector<DiskEvent> events;
    executor.execute(batch, events);
    ASSERT_EQ(events.size(), 5U);
    for (std::size_t i = 0; i < events.size(); ++i) {
        EXPECT_EQ(std::get<LogDurable>(events[i]).up_to,
                  Zxid(static_cast<std::int64_t>(4 * (i + 1))));
    }
}

// Behind one that fills the bound alone, too: each is synced before the next is written.
TEST(LogDamage, RecordsOfALargeJuteMaxbufferAreSyncedAlone) {
    sim::SimDisk disk;
    ZK_VALUE(recover(disk, kPaths, {}));
    DiskExecutor executor(disk, kPaths, {plain_log(), {}});
    std::vector<DiskCommand> batch;
    for (std::int64_t i = 1; i <= 3; ++i) {
        const std::size_t bytes = i == 2 ? std::size_t{10} << 20 : 100;
        batch.emplace_back(
            AppendTxn{Zxid(i), shared(create_txn(Zxid(i), "/n", Bytes(bytes, 'x')))});
    }
    std::vector<DiskEvent> events;
    executor.execute(batch, events);
    ASSERT_EQ(events.size(), 3U);
    for (std::size_t i = 0; i < events.size(); ++i)
        EXPECT_EQ(std::get<LogDurable>(events[i]).up_to, Zxid(static_cast<std::int64_t>(i + 1)));
}

/// log.1 with the records 1 and 3 of no size, and 2 with 5 MiB, written under a jute.maxbuffer of 4 MiB.
void log_with_a_large_record(sim::SimDisk& disk) {
    ZK_VALUE(recover(disk, kPaths, {}));
    LogWriter writer(disk, kDir, {.preallocate_bytes = 1 << 16, .file_bytes_max = 0});
    for (std::int64_t i = 1; i <= 3; ++i) {
        const std::size_t bytes = i == 2 ? std::size_t{5} << 20 : kRecordBytes;
        ZK_OK(writer.append(
            Zxid(i), *shared(create_txn(Zxid(i), "/n" + std::to_string(i), Bytes(bytes, 'x')))));
    }
    ZK_OK(writer.sync());
}

TEST(LogDamage, LargeRecordsAreReadWhateverTheLimitIsNow) {
    for (const std::int32_t limit : {kLogPayloadMax, 8 << 20, kLogPayloadMost}) {
        sim::SimDisk disk;
        log_with_a_large_record(disk);
        const auto state = ZK_VALUE(recover(disk, kPaths, {.payload_max = limit}));
        EXPECT_EQ(state.last_zxid, Zxid(3)) << limit;
        ASSERT_NE(state.tree->find("/n2"), nullptr) << limit;
        EXPECT_EQ(state.tree->find("/n2")->data_size(), std::size_t{5} << 20) << limit;
    }
}

// It was acknowledged, also by a server whose limit was larger then.
TEST(LogDamage, ALargeRecordBehindTheDamageIsSeen) {
    for (const std::int32_t limit : {kLogPayloadMax, 8 << 20}) {
        sim::SimDisk disk;
        log_with_a_large_record(disk);
        const std::size_t large =
            shared(create_txn(Zxid(2), "/n2", Bytes(std::size_t{5} << 20, 'x')))->size();
        const std::size_t end_of_second = begin_of(2) + large + kLogRecordOverhead;
        edit(disk, [&](Bytes& bytes) {
            bytes.resize(end_of_second);  // without the third
            lose_sector(bytes, 1);
        });
        const LogEnd end = ZK_VALUE(examine_log_end(disk, kDir, "log.1", limit));
        EXPECT_EQ(end.good_zxid, Zxid(2)) << limit;
        EXPECT_EQ(end.good_end, end_of_second) << limit;
        EXPECT_FALSE(end.plain) << limit;
    }
}

// What a crash leaves of a large record is torn where such records are made, and said to be damage where they are not.
TEST(LogDamage, TheTornEndOfALargeRecordIsJudgedByTheLimit) {
    for (const std::int32_t limit : {kLogPayloadMax, 8 << 20}) {
        sim::SimDisk disk;
        log_with_a_large_record(disk);
        edit(disk, [](Bytes& bytes) { bytes.resize(begin_of(2) + (std::size_t{3} << 20)); });
        const LogEnd end = ZK_VALUE(examine_log_end(disk, kDir, "log.1", limit));
        const bool believed = limit != kLogPayloadMax;
        EXPECT_EQ(end.kind, believed ? LogEnd::Kind::torn : LogEnd::Kind::rot) << limit;
        EXPECT_EQ(end.plain, believed) << limit;
    }
}

}  // namespace
}  // namespace zk::storage
