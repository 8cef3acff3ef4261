// Blocks of records that stand in a log twice.
// Pure, over Disk. A follower of Apache's 3.8.0 that joins while requests are under way may log a row of txns and then the
// same row again, the same in every byte: docs/STORAGE.md 2.5. Such a block counts once. Whatever else goes backwards
// stays damage.
// Memory: a record and one reader's buffer, however long a block is, since its first copy is read from the disk again.
// The first copy lies in the same file or in the one right before: only that much is looked at, here and by a truncation.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "storage/disk.h"
#include "storage/txn_log.h"

namespace zk::storage {

class LogFileReader;
struct LogRecord;

/// Index of the file in which a reader of what lies above `zxid` begins: the newest whose name is not above it, or one
/// before, as long as that holds what the next one begins with. 0 when there is none. Damage in a file before counts as
/// its end: nobody reads beyond.
Result<std::size_t> first_file_for(Disk& disk,
                                   const std::string& dir,
                                   const std::vector<LogFile>& files,
                                   Zxid zxid,
                                   std::int32_t payload_max = kLogPayloadMax);

/// Tells what each record is to those before it. Shown are all records from some place on, in the order in which they
/// stand; what comes before that place need not be shown and is found nevertheless.
class LogRepeats {
  public:
    enum class Order {
        onward,  ///< above all before it; whether something is missing between is for others to say
        repeated,  ///< the same in every byte as its first copy, and so are those from the block's begin on
        broken  ///< below what stands before it and no such copy, or above it where a block breaks off
    };
    /// A second copy, or as much of it as there was.
    struct Block {
        std::string file;
        std::uint64_t offset = 0;  ///< of its first record
        Zxid first, last;
        std::uint64_t records = 0;
    };
    /// So many blocks are remembered, the first ones.
    static constexpr std::size_t kBlocksMax = 64;

    /// `files` as list_logs() gives them; `disk` must outlive the object.
    LogRepeats(Disk& disk,
               std::string dir,
               std::vector<LogFile> files,
               std::int32_t payload_max = kLogPayloadMax);
    ~LogRepeats();
    LogRepeats(LogRepeats&&) noexcept;

    /// `last`: the highest zxid before `record`. A block ends with it. Only the end of a file may cut one short, since a
    /// crash does: then the next file goes on behind `last`, or with the rest of the block. Errors: the disk's own.
    /// REQUIRES: `file` is one of the files.
    Result<Order> look(const std::string& file, const LogRecord& record, Zxid last);

    [[nodiscard]] const std::vector<Block>& blocks() const { return blocks_; }
    /// Records that were repeats, in all blocks.
    [[nodiscard]] std::uint64_t records() const { return records_; }

  private:
    Result<bool> begin(const LogRecord& record);
    Result<bool> read_first_copy(const LogRecord& record);
    void open(std::size_t index);
    void count(const LogRecord& record);

    Disk& disk_;
    std::string dir_;
    std::vector<LogFile> files_;
    std::int32_t payload_max_;
    std::optional<std::size_t> at_;              // the file of the last record shown
    std::unique_ptr<LogFileReader> first_copy_;  // within a block
    std::size_t reading_ = 0;                    // its file
    std::unique_ptr<LogRecord> copied_;          // its last record
    Zxid wanted_;                                // nothing below it is taken from there
    bool told_ = false;                          // the block is in blocks_
    std::vector<Block> blocks_;
    std::uint64_t records_ = 0;
};

}  // namespace zk::storage
