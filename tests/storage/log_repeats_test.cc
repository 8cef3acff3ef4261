// Blocks of records that stand in a log twice, as a follower of Apache's 3.8.0 leaves them.
#include "storage/log_repeats.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "samples.h"
#include "storage/log_history.h"

namespace zk::storage {
namespace {
using testing::ElementsAre;
using testing::ElementsAreArray;
using testing::HasSubstr;
using testing::SizeIs;

using Files = std::vector<std::vector<std::int64_t>>;

/// A file with one record.
Bytes log_with(std::int64_t zxid, const std::string& data) {
    jute::Txn txn = numbered(Zxid(zxid));
    if (!data.empty()) std::get<jute::CreateTxn>(txn.body).data = data;
    sim::SimDisk disk;
    ZK_OK(disk.make_dirs(kDir));
    LogWriter writer(disk, kDir, plain_log());
    ZK_OK(writer.append(Zxid(zxid), *shared(txn)));
    ZK_OK(writer.sync());
    return content(disk, log_name(Zxid(zxid)));
}

Bytes record_of(std::int64_t zxid, const std::string& data = {}) {
    return log_with(zxid, data).substr(kLogHeaderBytes);
}

Bytes log_of(const std::vector<std::int64_t>& zxids) {
    Bytes bytes = log_with(1, {}).substr(0, kLogHeaderBytes);
    for (const std::int64_t zxid : zxids) bytes += record_of(zxid);
    return bytes;
}

void put(sim::SimDisk& disk, const Files& files) {
    ZK_OK(disk.make_dirs(kDir));
    for (const auto& zxids : files)
        disk.put(kDir + "/" + log_name(Zxid(zxids.front())), log_of(zxids));
}

std::vector<Zxid> range(std::int64_t first, std::int64_t last) {
    std::vector<Zxid> list;
    for (std::int64_t i = first; i <= last; ++i) list.emplace_back(i);
    return list;
}

/// Each holds 1 to 9, some of it twice.
const std::vector<Files> kWhole = {
    {{1, 2, 3, 4, 5, 4, 5, 6, 7, 8, 9}},
    {{1, 2, 3, 4, 5, 1, 2, 3, 4, 5, 6, 7, 8, 9}},
    {{1, 2, 3, 3, 4, 5, 6, 7, 8, 9}},
    {{1, 2, 3, 2, 3, 2, 3, 4, 5, 6, 7, 8, 9}},        // three copies
    {{1, 2, 3, 2, 3, 4, 5, 6, 5, 6, 7, 8, 9, 8, 9}},  // two blocks and one at the end
    {{1, 2, 3, 2, 3, 4, 5, 2, 3, 4, 5, 6, 7, 8, 9}},  // a block with a block in it
    {{1, 2, 3, 4, 5}, {4, 5, 6, 7, 8, 9}},            // the first copy ends a file
    {{1, 2, 3}, {4, 5, 2, 3, 4, 5, 6, 7}, {8, 9}},    // it goes through two
    {{1, 2, 3, 4, 5, 6, 3, 4}, {5, 6, 7, 8, 9}},      // the second copy does
    {{1, 2, 3}, {4, 5, 6, 3, 4, 5}, {6, 7, 8, 9}},    // both do
    {{1, 2, 3, 4, 5, 3, 4}, {6, 7, 8, 9}},            // a crash cut the second copy short
    {{1, 2, 3, 4, 5}, {3, 4}, {6, 7, 8, 9}},          // in a file of its own
    {{1, 2, 3, 4, 5, 6, 7, 8, 9, 7, 8}},              // and nothing came after it
    {{1, 2, 3, 4, 5, 6, 7, 8, 9}, {7, 8}},
};

void expect_broken(const Files& files, const std::string& words) {
    sim::SimDisk disk;
    put(disk, files);
    const auto found = read_log(disk);
    ASSERT_FALSE(found.has_value()) << testing::PrintToString(files);
    EXPECT_EQ(found.error().code, Errc::corrupt);
    EXPECT_THAT(found.error().words, HasSubstr(words));
    EXPECT_THAT(found.error().words, HasSubstr(" before offset "));
    LogHistory history(disk, kDir, kLogPayloadMax);
    EXPECT_FALSE(history.read({1, Zxid(1), Zxid(99), 1 << 20}).has_value());
}

TEST(LogRepeats, CountOnceFromAnyZxidOn) {
    for (const Files& files : kWhole) {
        sim::SimDisk disk;
        put(disk, files);
        for (std::int64_t after = 0; after <= 9; ++after) {
            EXPECT_THAT(ZK_VALUE(read_log(disk, Zxid(after))),
                        ElementsAreArray(range(after + 1, 9)))
                << testing::PrintToString(files) << " after " << after;
        }
    }
}

TEST(LogRepeats, ATreeIsThatOfTheTxnsOnce) {
    for (const Files& files : kWhole) {
        sim::SimDisk disk;
        ZK_VALUE(recover(disk, kPaths, {}));
        put(disk, files);
        const RecoveredState state = ZK_VALUE(recover(disk, kPaths, {}));
        EXPECT_EQ(state.last_zxid, Zxid(9));
        EXPECT_EQ(state.tree->digest(), numbered_tree(9).digest());
        EXPECT_THAT(state.recent, SizeIs(9));
    }
}

TEST(LogRepeats, AreToldWithTheirPlaces) {
    sim::SimDisk disk;
    put(disk, {{1, 2, 3, 4, 3, 4, 5}, {6, 7, 7}});
    LogReader reader(disk, kDir, ZK_VALUE(list_logs(disk, kDir)), Zxid(0));
    while (ZK_VALUE(reader.next())) {
    }
    const auto& blocks = reader.repeats().blocks();
    ASSERT_THAT(blocks, SizeIs(2));
    EXPECT_EQ(blocks[0].file, "log.1");
    EXPECT_EQ(blocks[0].offset, kLogHeaderBytes + 4 * record_of(1).size());
    EXPECT_EQ(blocks[0].first, Zxid(3));
    EXPECT_EQ(blocks[0].last, Zxid(4));
    EXPECT_EQ(blocks[0].records, 2U);
    EXPECT_EQ(blocks[1].file, "log.6");
    EXPECT_EQ(reader.repeats().records(), 3U);
}

TEST(LogRepeats, SoManyAreRememberedAndAllAreLeftOut) {
    sim::SimDisk disk;
    std::vector<std::int64_t> twice;
    for (std::int64_t i = 1; i <= 100; ++i) twice.insert(twice.end(), 2, i);
    put(disk, {twice});
    LogReader reader(disk, kDir, ZK_VALUE(list_logs(disk, kDir)), Zxid(0));
    while (ZK_VALUE(reader.next())) {
    }
    EXPECT_THAT(reader.repeats().blocks(), SizeIs(LogRepeats::kBlocksMax));
    EXPECT_EQ(reader.repeats().blocks().back().records, 1U);
    EXPECT_EQ(reader.repeats().records(), 100U);
}

TEST(LogRepeats, AnythingElseThatGoesBackwardsIsRefused) {
    expect_broken({{1, 2, 3, 5, 4}}, "missing");
    expect_broken({{1, 2, 3, 0}}, "0x0 cannot follow");                       // never there
    expect_broken({{1, 2, 3, 4, 2, 4, 5}}, "0x4 cannot follow");              // one left out
    expect_broken({{1, 2, 3, 4, 3, 2}}, "0x2 cannot follow");                 // another order
    expect_broken({{1, 2, 3, 4, 3, 4, 3, 5}}, "order is broken");             // breaks off
    expect_broken({{1, 2, 3, 4, 2, 3, 5}}, "breaks off");                     // the same
    expect_broken({{1, 2, 3, 4}, {2, 3, 5}}, "breaks off");                   // in its second file
    expect_broken({{1, 2, 3, 4, 5, 3, 4}, {3, 4, 5, 6}}, "order is broken");  // begun anew
    expect_broken({{1, 2, 3, 4, 5, 3, 4}, {7}}, "missing");                   // a gap behind it
    expect_broken({{1, 2, 3, 4, 5}, {2, 3}, {4, 5, 6}}, "order is broken");   // through three files
}

TEST(LogRepeats, OtherBytesUnderTheSameZxidAreRefused) {
    sim::SimDisk disk;
    ZK_OK(disk.make_dirs(kDir));
    for (const auto& [first, second] :
         {std::pair{record_of(2, "x"), record_of(3)}, std::pair{record_of(2), record_of(3, "x")}}) {
        disk.put(kDir + "/log.1", log_of({1, 2, 3}) + first + second + record_of(4));
        const auto found = read_log(disk);
        ASSERT_FALSE(found.has_value());
        EXPECT_THAT(found.error().words, HasSubstr("the order is broken"));
        LogHistory history(disk, kDir, kLogPayloadMax);
        EXPECT_FALSE(history.read({1, Zxid(1), Zxid(4), 1 << 20}).has_value());
    }
}

TEST(LogRepeats, AnyTornEndLosesNothing) {
    const Bytes all = log_of({1, 2, 3, 4, 2, 3, 4, 5, 6});
    const std::size_t record = record_of(1).size();
    for (std::size_t size = kLogHeaderBytes + 4 * record; size <= all.size(); ++size) {
        sim::SimDisk disk;
        ZK_VALUE(recover(disk, kPaths, {}));
        disk.put(kDir + "/log.1", all.substr(0, size));
        const std::int64_t records = static_cast<std::int64_t>((size - kLogHeaderBytes) / record);
        const Zxid last(std::max<std::int64_t>(4, records - 3));
        EXPECT_EQ(ZK_VALUE(recover(disk, kPaths, {})).last_zxid, last) << size;
        // And the log goes on.
        write_log(disk, {last.next()});
        EXPECT_EQ(ZK_VALUE(recover(disk, kPaths, {})).last_zxid, last.next()) << size;
    }
}

TEST(LogRepeats, NoCopyAboveATruncationStays) {
    for (const Files& files : kWhole) {
        for (std::int64_t last = 0; last <= 9; ++last) {
            sim::SimDisk disk;
            put(disk, files);
            ZK_OK(truncate_log(disk, kDir, Zxid(last)));
            disk.crash(sim::CrashMode::lose);
            for (const LogFile& file : ZK_VALUE(list_logs(disk, kDir))) {
                LogFileReader reader(disk, kDir, file.name);
                while (const auto record = ZK_VALUE(reader.next()))
                    EXPECT_LE(record->zxid, Zxid(last)) << testing::PrintToString(files);
            }
            EXPECT_THAT(ZK_VALUE(read_log(disk)), ElementsAreArray(range(1, last)))
                << testing::PrintToString(files) << " to " << last;
        }
    }
}

// A crash at any step leaves the old history or a begin of it.
TEST(LogRepeats, TruncationIsDurableStepByStep) {
    const Files files = {{1, 2, 3, 4, 5}, {4, 5, 6, 7}, {8, 9}};
    for (std::uint64_t calls = 0; calls < 10; ++calls) {
        sim::SimDisk disk(calls + 1);
        put(disk, files);
        disk.fail_after(calls);
        const bool done = truncate_log(disk, kDir, Zxid(4)).has_value();
        disk.crash(sim::CrashMode::lose);
        const auto found = ZK_VALUE(read_log(disk));
        ASSERT_GE(found.size(), 4U) << calls;
        EXPECT_THAT(found, ElementsAreArray(range(1, static_cast<std::int64_t>(found.size()))));
        EXPECT_TRUE(!done || found.size() == 4) << calls;
    }
}

TEST(LogRepeats, ADiffHasEachOnce) {
    for (const Files& files : kWhole) {
        for (const std::size_t bytes : {std::size_t{0}, std::size_t{200}, std::size_t{1} << 20}) {
            sim::SimDisk disk;
            put(disk, files);
            LogHistory history(disk, kDir, kLogPayloadMax);
            Zxid last(1);
            while (last < Zxid(9)) {
                const auto txns = ZK_VALUE(history.read({1, last, Zxid(9), bytes}));
                ASSERT_FALSE(txns.empty()) << testing::PrintToString(files) << to_string(last);
                for (const auto& [zxid, payload] : txns) {
                    EXPECT_EQ(zxid, last.next());
                    EXPECT_EQ(*payload, *shared(numbered(zxid)));
                    last = zxid;
                }
            }
        }
    }
}

TEST(LogRepeats, ADiffBeginsBehindAZxidThatOnlyTheFirstCopyHas) {
    sim::SimDisk disk;
    put(disk, {{1, 2, 3, 4, 5}, {3, 4}, {6, 7}});
    LogHistory history(disk, kDir, kLogPayloadMax);
    const auto txns = ZK_VALUE(history.read({1, Zxid(5), Zxid(9), 1 << 20}));
    ASSERT_THAT(txns, SizeIs(2));
    EXPECT_EQ(txns[0].first, Zxid(6));
}

// What a snapshot covers needs no log, and no order.
TEST(LogRepeats, DamageBelowTheSnapshotDoesNotMatter) {
    sim::SimDisk disk;
    put(disk, {{1, 2, 3}, {4, 5, 4, 5, 6}});
    Bytes bytes = content(disk, "log.1");
    bytes[kLogHeaderBytes + 20] ^= 1;
    disk.put(kDir + "/log.1", bytes);
    EXPECT_THAT(ZK_VALUE(read_log(disk, Zxid(4))), ElementsAre(Zxid(5), Zxid(6)));
    EXPECT_THAT(ZK_VALUE(read_log(disk, Zxid(5))), ElementsAre(Zxid(6)));
    ZK_OK(truncate_log(disk, kDir, Zxid(5)));
    EXPECT_EQ(content(disk, "log.4"), log_of({4, 5}));
}

}  // namespace
}  // namespace zk::storage
