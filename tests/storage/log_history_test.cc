#include "storage/log_history.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "forwarding_disk.h"
#include "samples.h"

namespace zk::storage {
namespace {
using testing::ElementsAre;
using testing::IsEmpty;

constexpr std::size_t kPlenty = std::size_t{1} << 20;

class LogHistoryTest : public testing::Test {
  protected:
    /// Zxids of a slice, which must be found; each txn is checked to be the one that was written.
    std::vector<Zxid> read(std::uint64_t reader,
                           std::int64_t after,
                           std::int64_t up_to,
                           std::size_t bytes = kPlenty) {
        std::vector<Zxid> found;
        for (const auto& [zxid, bytes_of] :
             ZK_VALUE(history_.read({reader, Zxid(after), Zxid(up_to), bytes}))) {
            EXPECT_EQ(*bytes_of, *shared(numbered(zxid)));
            found.push_back(zxid);
        }
        return found;
    }
    boost::system::error_code refused(std::int64_t after, std::int64_t up_to = 0x7000000000) {
        const auto result = history_.read({1, Zxid(after), Zxid(up_to), kPlenty});
        return result.has_value() ? boost::system::error_code() : result.error().code;
    }

    sim::SimDisk disk_;
    LogHistory history_{disk_, kDir, kLogPayloadMax};
};

TEST_F(LogHistoryTest, AcrossFilesAndEpochs) {
    write_log(disk_, zxids({1, 2}));
    write_log(disk_, zxids({3, 4}));
    write_log(disk_, zxids({0x100000001, 0x100000002}));
    EXPECT_THAT(read(1, 1, 0x100000001), ElementsAre(Zxid(2), Zxid(3), Zxid(4), Zxid(0x100000001)));
    EXPECT_THAT(read(2, 2, 3), ElementsAre(Zxid(3)));
    EXPECT_THAT(read(3, 4, 0x100000009), ElementsAre(Zxid(0x100000001), Zxid(0x100000002)));
    EXPECT_THAT(read(4, 0x100000002, 0x100000009), IsEmpty());
    EXPECT_THAT(read(5, 3, 3), IsEmpty());
}

TEST_F(LogHistoryTest, WhatIsNotInTheLogIsNotFound) {
    write_log(disk_, zxids({5, 6}));
    write_log(disk_, zxids({0x100000001}));
    for (const std::int64_t after : {0LL, 4LL, 7LL, 0x100000000LL, 0x100000002LL, -1LL}) {
        EXPECT_EQ(refused(after), Errc::not_found) << after;
    }
    sim::SimDisk empty;
    ZK_OK(empty.make_dirs(kDir));
    LogHistory none(empty, kDir, kLogPayloadMax);
    EXPECT_FALSE(none.read({1, Zxid(1), Zxid(2), kPlenty}).has_value());
}

// Whoever asks has a zxid of its own epoch there: it has another history, and what follows here is not its next txn.
TEST_F(LogHistoryTest, BeginsRightBehindAZxidThatStandsThere) {
    write_log(disk_, zxids({1, 2, 0x100000001, 0x100000002}));
    EXPECT_EQ(refused(3), Errc::not_found);
    EXPECT_EQ(refused(0x100000000), Errc::not_found);
    EXPECT_THAT(read(1, 2, 0x100000009), ElementsAre(Zxid(0x100000001), Zxid(0x100000002)));
}

TEST_F(LogHistoryTest, GapIsNotBridged) {
    write_log(disk_, zxids({1, 2}));
    write_log(disk_, zxids({4, 5}));
    EXPECT_EQ(refused(1), Errc::not_found);
    EXPECT_THAT(read(1, 1, 2), ElementsAre(Zxid(2)));  // the gap lies behind what is wanted
    EXPECT_THAT(read(1, 4, 9), ElementsAre(Zxid(5)));
}

TEST_F(LogHistoryTest, DamageIsNotFound) {
    write_log(disk_, zxids({1, 2, 3}));
    Bytes bytes = content(disk_, "log.1");
    bytes[bytes.size() - 30] ^= 1;
    disk_.put(kDir + "/log.1", bytes);
    EXPECT_EQ(refused(1), Errc::corrupt);
    // Torn before the next file begins: what that one lacks is missing.
    bytes.resize(bytes.size() - 1);
    disk_.put(kDir + "/log.1", bytes);
    write_log(disk_, zxids({4}));
    EXPECT_EQ(refused(1), Errc::not_found);
}

TEST_F(LogHistoryTest, SlicesAreBoundedButHoldOne) {
    write_log(disk_, zxids({1, 2, 3, 4, 5}));
    const std::size_t one = shared(numbered(Zxid(2)))->size();
    EXPECT_THAT(read(1, 1, 9, 2 * one), ElementsAre(Zxid(2), Zxid(3)));
    EXPECT_THAT(read(1, 3, 9, 0), ElementsAre(Zxid(4)));
    EXPECT_THAT(read(1, 4, 9, 0), ElementsAre(Zxid(5)));
    EXPECT_THAT(read(1, 5, 9, 0), IsEmpty());
}

/// Counts the bytes that are read.
class CountingDisk final : public ForwardingDisk {
  public:
    using ForwardingDisk::ForwardingDisk;
    Result<Bytes> read(const std::string& path, std::uint64_t offset, std::size_t length) override {
        auto bytes = ForwardingDisk::read(path, offset, length);
        if (bytes.has_value()) bytes_read += bytes->size();
        return bytes;
    }

    std::uint64_t bytes_read = 0;
};

TEST_F(LogHistoryTest, ReaderGoesOnWhereItEnded) {
    ZK_OK(disk_.make_dirs(kDir));
    LogWriter writer(disk_, kDir, plain_log());
    const auto append = [&](std::int64_t from, std::int64_t to) {
        for (std::int64_t i = from; i <= to; ++i) {
            ZK_OK(writer.append(Zxid(i),
                                *shared(create_txn(Zxid(i), "/big", std::string(50'000, 'x')))));
        }
        ZK_OK(writer.flush());
    };
    append(1, 100);
    CountingDisk counting(disk_);
    LogHistory history(counting, kDir, kLogPayloadMax);
    const auto last_of = [&](std::uint64_t reader, std::int64_t after) {
        const auto txns = ZK_VALUE(history.read({reader, Zxid(after), Zxid(999), 120'000}));
        return txns.empty() ? std::int64_t{0} : txns.back().first.value();
    };
    EXPECT_EQ(last_of(1, 95), 97);
    counting.bytes_read = 0;
    EXPECT_EQ(last_of(1, 97), 99);
    EXPECT_LT(counting.bytes_read, 400'000U);  // not the five megabytes before
    EXPECT_EQ(last_of(1, 99), 100);
    EXPECT_EQ(last_of(1, 100), 0);
    append(101, 101);
    EXPECT_EQ(last_of(1, 100), 101);
    ZK_OK(writer.roll());
    append(102, 103);  // in a new file
    counting.bytes_read = 0;
    EXPECT_EQ(last_of(1, 101), 103);
    EXPECT_LT(counting.bytes_read, 400'000U);
    counting.bytes_read = 0;
    EXPECT_EQ(last_of(1, 95), 97);  // another place than before: searched for
    EXPECT_GT(counting.bytes_read, 4'000'000U);
}

TEST_F(LogHistoryTest, FewPlacesAreRemembered) {
    write_log(disk_, zxids({1, 2, 3}));
    for (std::uint64_t reader = 0; reader < 100; ++reader) {
        EXPECT_THAT(read(reader, 1, 2), ElementsAre(Zxid(2)));
        EXPECT_LE(history_.cursors(), LogHistory::kCursorsMax);
    }
    history_.forget();
    EXPECT_EQ(history_.cursors(), 0U);
    EXPECT_THAT(read(99, 2, 9), ElementsAre(Zxid(3)));
}

}  // namespace
}  // namespace zk::storage
