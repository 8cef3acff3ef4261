// The transaction log: files log.<hex zxid of the first record>, each a 16-byte header, records,
// zero fill. Pure, over Disk. The writer lives on the log thread. Byte table: docs/WIRE.md.
// Invariant: a file is never appended to after it was closed: every start, roll and truncation
// begins a new one. Source: ZooKeeper FileTxnLog, FilePadding, Util.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/limits.h"
#include "base/result.h"
#include "storage/disk.h"

namespace zk::storage {

inline constexpr std::int32_t kLogMagic = 0x5a4b4c47;  // "ZKLG"
inline constexpr std::int32_t kLogVersion = 2;
inline constexpr std::size_t kLogHeaderBytes = 16;
/// Checksum (8), length (4) and end byte 'B' (1) around each payload.
inline constexpr std::size_t kLogRecordOverhead = 13;
/// Largest payload whose length is believed without its bytes, where nobody says what jute.maxbuffer is: what the default
/// and its extra size admit. A whole record may be larger, see LogFileReader::next().
inline constexpr std::int32_t kLogPayloadMax = limits::with_jute_extra(limits::kJuteMaxBuffer);
/// Largest payload that any server writes, with the largest jute.maxbuffer.
inline constexpr std::int32_t kLogPayloadMost = limits::kJuteRecordMost;

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
/// The log files of `dir`, by ascending zxid. Names that only resemble one (log.1.bak, which
/// ZooKeeper would replay) are left out and added to `strays`.
Result<std::vector<LogFile>> list_logs(Disk& disk,
                                       const std::string& dir,
                                       std::vector<std::string>* strays = nullptr);

/// Appends records. Nothing is durable before sync(). After an error the writer is dead: what the
/// file holds is unknown.
class LogWriter {
  public:
    LogWriter(Disk& disk, std::string dir, LogOptions options);
    ~LogWriter();
    LogWriter(const LogWriter&) = delete;
    LogWriter& operator=(const LogWriter&) = delete;

    /// Appends one serialized txn. The first append after construction or roll() creates
    /// log.<zxid>, with its header and its name durable before the record is written; a file of
    /// that name is replaced if it holds no record, else it is an error. REQUIRES: zxid above that
    /// of the previous append, unless rolled since.
    Result<> append(Zxid zxid, ByteView payload);
    /// Makes all appended records durable: one fdatasync for each file that got data since the last
    /// sync.
    Result<> sync();
    /// Hands all appended records to the file, so that they can be read; none is durable for that.
    Result<> flush();
    /// The next append begins a new file. Records of the old one that are not synced are synced by
    /// the next sync().
    Result<> roll();
    /// Bytes of the current file up to its last record; 0 before the first append and after roll().
    [[nodiscard]] std::uint64_t bytes_in_file() const { return position_; }
    [[nodiscard]] bool has_unsynced() const { return unsynced_ || !rolled_.empty(); }

  private:
    Result<> open(Zxid first);
    Result<> pad();

    Disk& disk_;
    std::string dir_;
    LogOptions options_;
    std::unique_ptr<DiskFile> file_;
    std::vector<std::unique_ptr<DiskFile>> rolled_;  // not yet synced
    Bytes pending_;                                  // records not yet handed to the file
    std::uint64_t position_ = 0;  // end of the last record, pending ones included
    std::uint64_t size_ = 0;      // of the file with its zero fill
    bool unsynced_ = false;
    Zxid last_;  // in the current file
};

/// True when `next` may follow `last` in one history: last + 1, or the first txn (counter 1) of a
/// later epoch.
constexpr bool follows(Zxid last, Zxid next) {
    return next.value() == last.value() + 1 || (next.epoch() > last.epoch() && next.counter() == 1);
}

/// Removes every record above `last`, all copies of it (see LogRepeats): whole files first, newest
/// first, then cuts the one that holds both sides. Durable when it returns. Does not look whether
/// `last` itself is there. REQUIRES: no writer has a file open.
Result<> truncate_log(Disk& disk, const std::string& dir, Zxid last);

}  // namespace zk::storage
