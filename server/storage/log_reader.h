// Reads the transaction log back.
// Pure, over Disk. Where ZooKeeper continues silently over missing txns, we refuse.
// Source: ZooKeeper FileTxnLog.FileTxnIterator; what ends a file and what is damage: docs/STORAGE.md 2.2.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/result.h"
#include "storage/disk.h"
#include "storage/log_repeats.h"
#include "storage/txn_log.h"

namespace zk::storage {

/// Zeros only, as room that was made in advance reads; so is no byte at all.
bool all_zero(ByteView bytes);

struct LogRecord {
    Zxid zxid;
    Bytes payload;
    std::uint64_t end_offset = 0;  ///< just behind its end byte
};

/// The records of one file, without looking at their order.
class LogFileReader {
  public:
    LogFileReader(Disk& disk,
                  std::string dir,
                  std::string name,
                  std::int32_t payload_max = kLogPayloadMax);

    /// The next record, or nullopt at the end. Errc::corrupt for a wrong magic, checksum or length.
    /// A record above `payload_max` is one only if all of it is there with the right checksum.
    Result<std::optional<LogRecord>> next();
    /// Goes on from `offset`, which must be just behind a record or the header. REQUIRES: before the first next().
    void resume(std::uint64_t offset);
    /// After the end: the file ended in a torn record, not in zero fill or at a record's end.
    [[nodiscard]] bool torn() const { return torn_; }
    /// After the end: not even the header was there, nor anything else, as after a crash right
    /// after the file's creation.
    [[nodiscard]] bool headerless() const { return headerless_; }
    /// Just behind the last record (or the header).
    [[nodiscard]] std::uint64_t offset() const { return offset_; }
    [[nodiscard]] const std::string& name() const { return name_; }

  private:
    Result<bool> read_header();
    Result<bool> has_only_zeros();
    Result<> check_length(std::int32_t length);
    Result<ByteView> peek(std::size_t bytes);
    [[nodiscard]] Error corrupt(const std::string& what) const;

    Disk& disk_;
    std::string dir_;
    std::string name_;
    std::int32_t payload_max_;
    Bytes buffer_;  // of the file from buffer_offset_
    std::uint64_t buffer_offset_ = 0;
    std::uint64_t offset_ = 0;
    bool started_ = false;
    bool ended_ = false;
    bool torn_ = false;
    bool headerless_ = false;
};

/// The records above a zxid, across files. Refuses what cannot be a history: damage, a zxid that
/// decreases or leaves a gap (see follows()). A block that stands there twice comes out once, see
/// LogRepeats. The torn end of a file is the end of that file: in the last file a crash leaves it,
/// in an earlier one it was left by the crash before the next file began, and the zxids tell whether
/// anything is missing between.
class LogReader {
  public:
    /// `files` as list_logs() gives them; may be empty.
    LogReader(Disk& disk,
              std::string dir,
              std::vector<LogFile> files,
              Zxid after,
              std::int32_t payload_max = kLogPayloadMax);
    /// The next record above `after`, or nullopt at the end.
    Result<std::optional<LogRecord>> next();
    /// Of the last record.
    [[nodiscard]] const std::string& file_name() const { return last_place_; }
    /// Words on each torn end met so far: "log.1 at offset 1234".
    [[nodiscard]] const std::vector<std::string>& torn_ends() const { return torn_ends_; }
    /// What was left out so far because it stands there twice.
    [[nodiscard]] const LogRepeats& repeats() const { return repeats_; }

  private:
    Result<> check_order(Zxid zxid, LogRepeats::Order order) const;
    Result<> end_of_file();

    Disk& disk_;
    std::string dir_;
    std::vector<LogFile> files_;
    std::int32_t payload_max_;
    LogRepeats repeats_;
    bool started_ = false;
    std::size_t index_ = 0;  // of the next file to open
    std::optional<LogFileReader> file_;
    Zxid last_;
    std::string last_place_;
    bool in_range_ = false;
    std::vector<std::string> torn_ends_;
};

}  // namespace zk::storage
