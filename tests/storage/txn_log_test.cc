#include "storage/txn_log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "samples.h"

namespace zk::storage {
namespace {
using testing::ElementsAre;

std::string from_hex(const std::string& hex) {
    std::string bytes;
    for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
        bytes.push_back(static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16)));
    }
    return bytes;
}

TEST(TxnLog, BytesOfTheFirstRecordAreThoseOfApache) {
    // A createSession that a 3.8.0 server wrote (docs/WIRE.md): header, checksum, length, txn with
    // digest, 'B'.
    const Bytes record = from_hex(
        "00000000904408e8000000300100001b1e2f0000000000000000000100000001000001a2020ac25bfffffff600"
        "004e20"
        "000000020000000051c6d66042");
    sim::SimDisk disk;
    ZK_OK(disk.make_dirs(kDir));
    LogWriter writer(disk, kDir, plain_log());
    ZK_OK(writer.append(Zxid(0x100000001), ByteView(record).substr(12, 48)));
    ZK_OK(writer.sync());
    EXPECT_THAT(names(disk), ElementsAre("log.100000001"));
    EXPECT_EQ(content(disk, "log.100000001"),
              from_hex("5a4b4c47000000020000000000000000") + record);
}

TEST(TxnLog, NamesAreExact) {
    EXPECT_EQ(log_name(Zxid(0x1fffffffe)), "log.1fffffffe");
    sim::SimDisk disk;
    for (const char* name : {"log.1",
                             "log.a",
                             "log.A",
                             "log.01",
                             "log.1.bak",
                             "log.",
                             "log.x",
                             "tmp.log.2",
                             "snapshot.3"}) {
        disk.put(kDir + "/" + name, "");
    }
    std::vector<std::string> strays;
    const auto files = ZK_VALUE(list_logs(disk, kDir, &strays));
    ASSERT_EQ(files.size(), 2U);
    EXPECT_EQ(files[0].first, Zxid(1));
    EXPECT_EQ(files[1].first, Zxid(10));
    EXPECT_THAT(strays,
                ElementsAre(kDir + "/log.",
                            kDir + "/log.01",
                            kDir + "/log.1.bak",
                            kDir + "/log.A",
                            kDir + "/log.x"));
}

TEST(TxnLog, FileGrowsByTheAllocationStep) {
    sim::SimDisk disk;
    ZK_OK(disk.make_dirs(kDir));
    LogWriter writer(disk, kDir, {.preallocate_bytes = 64 << 10, .file_bytes_max = 0});
    const auto size = [&disk] { return ZK_VALUE(disk.size(kDir + "/log.1")); };
    ZK_OK(writer.append(Zxid(1), *shared(numbered(Zxid(1)))));
    ZK_OK(writer.sync());
    EXPECT_EQ(size(), 16U + (64 << 10));  // 65552, as measured
    // A record larger than the allocation: the file ends with it, and the next one aligns the size
    // again.
    ZK_OK(writer.append(Zxid(2), *shared(create_txn(Zxid(2), "/big", std::string(200000, 'x')))));
    ZK_OK(writer.sync());
    const std::uint64_t end = writer.bytes_in_file();
    EXPECT_EQ(size(), end);
    ZK_OK(writer.append(Zxid(3), *shared(numbered(Zxid(3)))));
    ZK_OK(writer.sync());
    const std::uint64_t step = 64 << 10;
    EXPECT_EQ(size(), (end + step) / step * step);
    EXPECT_THAT(ZK_VALUE(read_log(disk)), ElementsAre(Zxid(1), Zxid(2), Zxid(3)));
}

TEST(TxnLog, RollingBeginsANewFileAndSyncsTheOldOne) {
    sim::SimDisk disk;
    ZK_OK(disk.make_dirs(kDir));
    LogWriter writer(disk, kDir, plain_log());
    ZK_OK(writer.append(Zxid(1), *shared(numbered(Zxid(1)))));
    ZK_OK(writer.roll());
    EXPECT_TRUE(writer.has_unsynced());
    ZK_OK(writer.append(Zxid(2), *shared(numbered(Zxid(2)))));
    ZK_OK(writer.sync());
    EXPECT_FALSE(writer.has_unsynced());
    EXPECT_THAT(names(disk), ElementsAre("log.1", "log.2"));
    disk.crash(sim::CrashMode::lose);
    EXPECT_THAT(ZK_VALUE(read_log(disk)), ElementsAre(Zxid(1), Zxid(2)));
}

TEST(TxnLog, SizeLimitRolls) {
    sim::SimDisk disk;
    write_log(disk, zxids({1, 2, 3, 4, 5}), {.preallocate_bytes = 0, .file_bytes_max = 150});
    EXPECT_GT(names(disk).size(), 1U);
    EXPECT_THAT(ZK_VALUE(read_log(disk)), ElementsAre(Zxid(1), Zxid(2), Zxid(3), Zxid(4), Zxid(5)));
}

// Or a power cut could keep later records and lose earlier ones.
TEST(TxnLog, AFullFileIsDurableBeforeTheNextOneBegins) {
    for (const auto mode : {sim::CrashMode::lose, sim::CrashMode::tear}) {
        sim::SimDisk disk;
        ZK_OK(disk.make_dirs(kDir));
        LogWriter writer(disk, kDir, {.preallocate_bytes = 0, .file_bytes_max = 300});
        std::int64_t last = 0;
        while (names(disk).size() < 2) {
            ++last;
            ZK_OK(writer.append(Zxid(last), *shared(numbered(Zxid(last)))));
        }
        EXPECT_THAT(names(disk), ElementsAre("log.1", log_name(Zxid(last))));
        disk.crash(mode);
        const auto found = ZK_VALUE(read_log(disk, Zxid(0)));
        ASSERT_GE(found.size(), static_cast<std::size_t>(last - 1));
        EXPECT_EQ(found.back(), Zxid(static_cast<std::int64_t>(found.size())));
    }
}

TEST(TxnLog, ReplacesAFileOfItsNameOnlyIfThatHoldsNoRecord) {
    sim::SimDisk disk;
    write_log(disk, zxids({1}));
    Bytes torn = content(disk, "log.1");
    torn.back() = '\0';
    disk.put(kDir + "/log.1", torn);
    write_log(disk, zxids({1}));
    EXPECT_THAT(ZK_VALUE(read_log(disk)), ElementsAre(Zxid(1)));

    LogWriter second(disk, kDir, plain_log());
    const auto refused = second.append(Zxid(1), *shared(numbered(Zxid(1))));
    ASSERT_FALSE(refused.has_value());
    EXPECT_EQ(refused.error().code, Errc::exists);
}

TEST(TxnLog, UnsyncedRecordsMayBeLostSyncedOnesNot) {
    sim::SimDisk disk;
    ZK_OK(disk.make_dirs(kDir));
    LogWriter writer(disk, kDir, plain_log());
    ZK_OK(writer.append(Zxid(1), *shared(numbered(Zxid(1)))));
    ZK_OK(writer.sync());
    ZK_OK(writer.append(Zxid(2), *shared(numbered(Zxid(2)))));
    disk.crash(sim::CrashMode::lose);
    EXPECT_THAT(ZK_VALUE(read_log(disk)), ElementsAre(Zxid(1)));
}

struct TruncateCase {
    std::vector<std::vector<std::int64_t>> files;
    std::int64_t last;
    std::vector<std::int64_t> expected;
    std::size_t files_left;
};

TEST(TxnLog, TruncatesBehindTheLastRecordNotAboveTheLimit) {
    const std::vector<TruncateCase> cases = {
        {{{1, 2, 3}}, 3, {1, 2, 3}, 1},
        {{{1, 2, 3}}, 2, {1, 2}, 1},
        {{{1, 2, 3}}, 0, {}, 0},
        {{{1, 2}, {3, 4}, {5}}, 5, {1, 2, 3, 4, 5}, 3},
        {{{1, 2}, {3, 4}, {5}}, 4, {1, 2, 3, 4}, 2},
        {{{1, 2}, {3, 4}, {5}}, 3, {1, 2, 3}, 2},
        {{{1, 2}, {3, 4}, {5}}, 2, {1, 2}, 1},
        {{{1, 2}, {3, 4}, {5}}, 1, {1}, 1},
        // 2 is not in the log: nothing above it may survive (ZooKeeper keeps one record too many).
        {{{1, 0x100000001, 0x100000002}}, 2, {1}, 1},
        {{{1}, {0x100000001}}, 0x100000000, {1}, 1},
    };
    for (const auto preallocate : {std::uint64_t{0}, std::uint64_t{8192}}) {
        for (const TruncateCase& one : cases) {
            sim::SimDisk disk;
            for (const auto& file : one.files) {
                write_log(disk,
                          std::vector<Zxid>(file.begin(), file.end()),
                          {.preallocate_bytes = preallocate, .file_bytes_max = 0});
            }
            ZK_OK(truncate_log(disk, kDir, Zxid(one.last)));
            disk.crash(sim::CrashMode::lose);
            const auto found = ZK_VALUE(read_log(disk));
            EXPECT_EQ(found, std::vector<Zxid>(one.expected.begin(), one.expected.end()))
                << one.last;
            EXPECT_EQ(names(disk).size(), one.files_left) << one.last;
        }
    }
}

TEST(TxnLog, TruncationDoesNotLookAtWhatItCuts) {
    sim::SimDisk disk;
    write_log(disk, zxids({1, 2, 3, 4}));
    const std::size_t record = jute::encode_txn(numbered(Zxid(1))).size() + kLogRecordOverhead;
    Bytes damaged = content(disk, "log.1");
    damaged[kLogHeaderBytes + 2 * record + 20] ^= 1;
    disk.put(kDir + "/log.1", damaged);
    ZK_OK(truncate_log(disk, kDir, Zxid(2)));
    EXPECT_THAT(ZK_VALUE(read_log(disk)), ElementsAre(Zxid(1), Zxid(2)));
}

TEST(TxnLog, TruncationLeavesNoZeroFillLikeApache) {
    sim::SimDisk disk;
    write_log(disk, zxids({1, 2, 3}), {.preallocate_bytes = 8192, .file_bytes_max = 0});
    const std::size_t record = jute::encode_txn(numbered(Zxid(1))).size() + kLogRecordOverhead;
    ZK_OK(truncate_log(disk, kDir, Zxid(1)));
    EXPECT_EQ(ZK_VALUE(disk.size(kDir + "/log.1")), kLogHeaderBytes + record);
}

}  // namespace
}  // namespace zk::storage
