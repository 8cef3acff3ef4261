// The transaction log: files log.<hex zxid of the first record>, each a 16-byte header, records, zero fill.
// Pure, over Disk. The writer lives on the log thread. Byte table: docs/WIRE.md.
// Invariant: a file is never appended to after it was closed: every start, roll and truncation begins a new one.
// Source: ZooKeeper FileTxnLog, FilePadding; where it continues silently over missing txns, we refuse.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/result.h"
#include "storage/disk.h"

namespace zk::storage {

inline constexpr std::int32_t kLogMagic = 0x5a4b4c47;  // "ZKLG"
inline constexpr std::int32_t kLogVersion = 2;
inline constexpr std::size_t kLogHeaderBytes = 16;
/// Checksum (8), length (4) and end byte 'B' (1) around each payload.
inline constexpr std::size_t kLogRecordOverhead = 13;
/// Largest payload: what jute.maxbuffer and its extra size admit, as ZooKeeper's reader does.
inline constexpr std::int32_t kLogPayloadMax = 2 * 0xfffff;

struct LogOptions {
    /// Growth step of a file, zookeeper.preAllocSize (there in KiB). 0: no preallocation.
    std::uint64_t preallocate_bytes = std::uint64_t{64} << 20;
    /// A file beyond this is rolled by the next append, zookeeper.txnLogSizeLimitInKb. 0: no limit.
    std::uint64_t file_bytes_max = 0;
};

/// One log file by its name.
struct LogFile {
    Zxid first;
    std::string name;
};
/// "log.100000001".
std::string log_name(Zxid first);
/// The log files of `dir`, by ascending zxid. Names that only resemble a log file (log.1.bak) are an error, because
/// ZooKeeper would replay them; log.<hex> is exact: lower case, no leading zeros.
Result<std::vector<LogFile>> list_logs(Disk& disk, const std::string& dir);

/// Appends records. Nothing is durable before sync().
class LogWriter {
  public:
    LogWriter(Disk& disk, std::string dir, LogOptions options);
    ~LogWriter();

    /// Appends one serialized txn. The first append after construction or roll() creates log.<zxid>, with its header and
    /// its name durable before the record is written. REQUIRES: zxid above that of the previous append.
    Result<> append(Zxid zxid, ByteView payload);
    /// Makes all appended records durable: one fdatasync for each file that got data since the last sync.
    Result<> sync();
    /// The next append begins a new file. Unsynced records of the old one are synced by the next sync().
    void roll();
    /// Bytes of records appended since the last roll.
    [[nodiscard]] std::uint64_t bytes_in_file() const { return position_; }
    [[nodiscard]] bool has_unsynced() const { return dirty_ || !rolled_.empty(); }

  private:
    Result<> open(Zxid first);
    Result<> pad(std::size_t record_bytes);

    Disk& disk_;
    std::string dir_;
    LogOptions options_;
    std::unique_ptr<DiskFile> file_;
    std::vector<std::unique_ptr<DiskFile>> rolled_;  // closed logically, not yet synced
    std::uint64_t position_ = 0;                     // end of the last record
    std::uint64_t size_ = 0;                         // of the file, with its zero fill
    bool dirty_ = false;
    Zxid last_;
    Bytes scratch_;
};

struct LogRecord {
    Zxid zxid;
    SharedBytes payload;
    std::string file;          ///< name of the file it is in
    std::uint64_t end_offset = 0;  ///< offset just behind its end byte
};

/// Reads the records above a zxid, across files, and refuses what cannot be a history:
/// a wrong checksum or length, a zxid that decreases or leaves a gap (within an epoch, or a later epoch that does not begin
/// with counter 1). The torn end of a file is the end of that file: in the last one it is what a crash leaves, in an
/// earlier one the zxid of the next file tells whether anything is missing.
class LogReader {
  public:
    /// Reads records above `after`. `files` from list_logs; empty is legal.
    LogReader(Disk& disk, std::string dir, std::vector<LogFile> files, Zxid after);
    /// The next record, or nullopt at the end. After an error every further call gives that error's kind again.
    Result<std::optional<LogRecord>> next();
    /// True once the last file has ended in something else than zero fill or its end: a torn record.
    [[nodiscard]] bool torn_tail() const { return torn_; }

  private:
    enum class Raw { record, end };
    Result<Raw> read_record(LogRecord& record);
    Result<bool> open_file();
    Result<bool> fill(std::size_t bytes);
    Result<> check_order(Zxid zxid);
    [[nodiscard]] Error corrupt(const std::string& what) const;

    Disk& disk_;
    std::string dir_;
    std::vector<LogFile> files_;
    Zxid after_;
    std::size_t index_ = 0;  // file being read
    bool open_ = false;
    std::uint64_t offset_ = 0;  // of the first unread byte in the file
    Bytes buffer_;              // bytes of the file from buffer_offset_
    std::uint64_t buffer_offset_ = 0;
    Zxid last_;     // zxid of the record before
    bool torn_ = false;
    std::string torn_at_;  // place of the last torn end, for words
};

/// True when `next` may follow `last` in one history: last + 1, or the first txn (counter 1) of a later epoch.
bool follows(Zxid last, Zxid next);

/// Removes every record above `last`: whole files first, newest first, then cuts the one that holds both sides. Durable
/// when it returns. Does not look whether `last` itself is there. The writer must have rolled before.
Result<> truncate_log(Disk& disk, const std::string& dir, Zxid last);

}  // namespace zk::storage
