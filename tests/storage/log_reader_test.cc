#include "storage/log_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "samples.h"

namespace zk::storage {
namespace {
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr std::size_t kFirst = kLogHeaderBytes;

std::size_t record_bytes() {
    return jute::encode_txn(numbered(Zxid(1))).size() + kLogRecordOverhead;
}

/// log.1 with records 1, 2, 3 changed by `edit`.
template <class Edit>
Result<std::vector<Zxid>> read_edited(Edit edit) {
    sim::SimDisk disk;
    write_log(disk, zxids({1, 2, 3}));
    Bytes bytes = content(disk, "log.1");
    edit(bytes);
    disk.put(kDir + "/log.1", bytes);
    return read_log(disk);
}

void expect_corrupt(const Result<std::vector<Zxid>>& result, const std::string& words) {
    ASSERT_FALSE(result.has_value());
    EXPECT_EQ(result.error().code, Errc::corrupt);
    EXPECT_THAT(result.error().words, HasSubstr(words));
}

// The table of docs/STORAGE.md 2.2, on the last file.
TEST(LogReader, ZeroFillEndsTheFile) {
    EXPECT_THAT(ZK_VALUE(read_edited([](Bytes& bytes) { bytes.append(5000, '\0'); })),
                ElementsAre(Zxid(1), Zxid(2), Zxid(3)));
}

TEST(LogReader, FileMayEndAnywhereInTheLastRecord) {
    const std::size_t third = kFirst + 2 * record_bytes();
    for (std::size_t end = third; end < third + record_bytes(); ++end) {
        EXPECT_THAT(ZK_VALUE(read_edited([end](Bytes& bytes) { bytes.resize(end); })),
                    ElementsAre(Zxid(1), Zxid(2)))
            << end;
        // The same within zero fill.
        EXPECT_THAT(ZK_VALUE(read_edited([end](Bytes& bytes) {
                        bytes.resize(end);
                        bytes.append(4096, '\0');
                    })),
                    ElementsAre(Zxid(1), Zxid(2)))
            << end;
    }
}

TEST(LogReader, WrongEndByteEndsTheFileEvenIfRecordsFollow) {
    EXPECT_THAT(
        ZK_VALUE(read_edited([](Bytes& bytes) { bytes[kFirst + 2 * record_bytes() - 1] = 0; })),
        ElementsAre(Zxid(1)));
}

TEST(LogReader, LengthBehindTheEndOfTheFileEndsIt) {
    EXPECT_THAT(ZK_VALUE(read_edited([](Bytes& bytes) {
                    store_be(bytes.data() + kFirst + record_bytes() + 8, 100000);
                })),
                ElementsAre(Zxid(1)));
}

TEST(LogReader, WrongChecksumIsRefused) {
    expect_corrupt(
        read_edited([](Bytes& bytes) { bytes[kFirst + record_bytes() + 20] ^= 1; }),
        "log.1 at offset " + std::to_string(kFirst + record_bytes()) + ": wrong checksum");
    expect_corrupt(read_edited([](Bytes& bytes) { bytes[kFirst + 2 * record_bytes() + 20] ^= 1; }),
                   "wrong checksum");
}

TEST(LogReader, UnreasonableLengthIsRefused) {
    for (const std::int32_t length : {-1, -2, kLogPayloadMax + 1}) {
        expect_corrupt(
            read_edited([length](Bytes& bytes) { store_be(bytes.data() + kFirst + 8, length); }),
            "unreasonable record length");
    }
}

// What was acknowledged must come back, even if it should never have been that large.
TEST(LogReader, WholeRecordAboveTheLimitIsRead) {
    const auto append_large = [](sim::SimDisk& disk) {
        ZK_OK(disk.make_dirs(kDir));
        LogWriter writer(disk, kDir, plain_log());
        const std::vector<std::string> paths(1000, "/" + std::string(3000, 'p'));
        jute::Txn large = header_only(Zxid(1), OpCode::close_session);
        large.body = jute::CloseSessionTxn{paths};
        ZK_OK(writer.append(Zxid(1), *shared(large)));
        ZK_OK(writer.append(Zxid(2), *shared(numbered(Zxid(2)))));
        ZK_OK(writer.sync());
    };
    sim::SimDisk disk;
    append_large(disk);
    EXPECT_GT(ZK_VALUE(disk.size(kDir + "/log.1")), std::uint64_t{kLogPayloadMax});
    EXPECT_THAT(ZK_VALUE(read_log(disk)), ElementsAre(Zxid(1), Zxid(2)));
    Bytes bytes = content(disk, "log.1");
    bytes[1'000'000] ^= 1;
    disk.put(kDir + "/log.1", bytes);
    expect_corrupt(read_log(disk), "wrong checksum");
}

TEST(LogReader, WrongMagicIsRefusedOtherHeaderFieldsAreNot) {
    expect_corrupt(read_edited([](Bytes& bytes) { bytes[0] = 'X'; }), "magic");
    EXPECT_EQ(ZK_VALUE(read_edited([](Bytes& bytes) { bytes[7] = 9; })).size(), 3U);
    EXPECT_EQ(ZK_VALUE(read_edited([](Bytes& bytes) { bytes[15] = 1; })).size(), 3U);
}

TEST(LogReader, HeaderOnlyAndHeaderlessFilesAreEmptyWhenLast) {
    EXPECT_THAT(ZK_VALUE(read_edited([](Bytes& bytes) { bytes.resize(16); })), IsEmpty());
    for (std::size_t size = 0; size < 16; ++size) {
        EXPECT_THAT(ZK_VALUE(read_edited([size](Bytes& bytes) { bytes.resize(size); })), IsEmpty())
            << size;
    }
    EXPECT_THAT(ZK_VALUE(read_edited([](Bytes& bytes) { bytes.assign(4096, '\0'); })), IsEmpty());
}

TEST(LogReader, LostHeaderBeforeDataIsRefused) {
    expect_corrupt(read_edited([](Bytes& bytes) { bytes.replace(0, 16, 16, '\0'); }),
                   "header is lost");
    expect_corrupt(read_edited([](Bytes& bytes) {
                       bytes.replace(0, 16, 16, '\0');
                       bytes.insert(16, std::size_t{2} << 20, '\0');
                   }),
                   "header is lost");
}

TEST(LogReader, ReadsAcrossFilesFromAnyZxid) {
    sim::SimDisk disk;
    write_log(disk, zxids({1, 2}));
    write_log(disk, zxids({3, 4}));
    write_log(disk, zxids({0x100000001, 0x100000002}));
    EXPECT_EQ(ZK_VALUE(read_log(disk)).size(), 6U);
    EXPECT_EQ(ZK_VALUE(read_log(disk, Zxid(2))).front(), Zxid(3));
    EXPECT_EQ(ZK_VALUE(read_log(disk, Zxid(3))).front(), Zxid(4));
    EXPECT_EQ(ZK_VALUE(read_log(disk, Zxid(4))).front(), Zxid(0x100000001));
    EXPECT_EQ(ZK_VALUE(read_log(disk, Zxid(0x100000000))).front(), Zxid(0x100000001));
    EXPECT_THAT(ZK_VALUE(read_log(disk, Zxid(0x100000002))), IsEmpty());
}

TEST(LogReader, GapIsRefused) {
    sim::SimDisk disk;
    write_log(disk, zxids({1, 2}));
    write_log(disk, zxids({4}));
    expect_corrupt(read_log(disk), "0x4 cannot follow 0x2");
    // What a snapshot covers needs no log.
    EXPECT_THAT(ZK_VALUE(read_log(disk, Zxid(3))), ElementsAre(Zxid(4)));
}

TEST(LogReader, GapInsideAFileAndAtAnEpochIsRefused) {
    sim::SimDisk disk;
    write_log(disk, zxids({1, 3}));
    expect_corrupt(read_log(disk), "missing");
    sim::SimDisk other;
    write_log(other, zxids({1, 0x100000002}));
    expect_corrupt(read_log(other), "missing");
}

TEST(LogReader, DecreasingZxidIsRefused) {
    sim::SimDisk disk;
    write_log(disk, zxids({1, 2, 3}));
    Bytes bytes = content(disk, "log.1");
    // 1 and then 3 behind 3: a copy of what stands there lacks 2. The begin of a copy: log_repeats_test.
    bytes += bytes.substr(kFirst, record_bytes()) + bytes.substr(kFirst + 2 * record_bytes());
    disk.put(kDir + "/log.1", bytes);
    expect_corrupt(read_log(disk), "order");
}

TEST(LogReader, TornEndOfAnEarlierFileIsFineOnlyIfNothingIsMissing) {
    // A crash tore record 3; after the restart it was made again, in a new file.
    sim::SimDisk disk;
    write_log(disk, zxids({1, 2, 3}));
    Bytes torn = content(disk, "log.1");
    torn.pop_back();
    disk.put(kDir + "/log.1", torn);
    write_log(disk, zxids({3, 4}));
    EXPECT_THAT(ZK_VALUE(read_log(disk)), ElementsAre(Zxid(1), Zxid(2), Zxid(3), Zxid(4)));
    // The same tear with record 3 lost.
    sim::SimDisk other;
    other.put(kDir + "/log.1", torn);
    write_log(other, zxids({4}));
    expect_corrupt(read_log(other),
                   "log.1 at offset " + std::to_string(kFirst + 2 * record_bytes()) +
                       " ends in a torn record");
}

TEST(LogReader, HeaderlessFileBeforeOthersIsRefused) {
    sim::SimDisk disk;
    disk.put(kDir + "/log.1", "");
    write_log(disk, zxids({2}));
    expect_corrupt(read_log(disk), "without header");
}

TEST(LogReader, LargeRecordsCrossTheReadBuffer) {
    sim::SimDisk disk;
    ZK_OK(disk.make_dirs(kDir));
    LogWriter writer(disk, kDir, {});
    for (std::int64_t i = 1; i <= 5; ++i) {
        ZK_OK(
            writer.append(Zxid(i), *shared(create_txn(Zxid(i), "/big", std::string(700000, 'x')))));
    }
    ZK_OK(writer.sync());
    EXPECT_EQ(ZK_VALUE(read_log(disk)).size(), 5U);
}

}  // namespace
}  // namespace zk::storage
