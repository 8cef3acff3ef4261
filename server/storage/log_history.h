// Reads txns of the log back for a learner that is behind (DIFF), a slice at a time.
// Pure, over Disk. Lives on the log thread, in the DiskExecutor, so that no truncation, installation or purge runs
// beside it. Memory: one slice, and a place in a file for each of the readers served last.
#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/result.h"
#include "storage/disk.h"
#include "storage/log_repeats.h"
#include "storage/txn_log.h"

namespace zk::storage {

/// What is wanted: the txns right after `after`, none above `up_to`, at least one if there is one, then as many as fit
/// into `bytes_max` bytes of payload. `reader` names a series of requests (a link, say), in which each goes on where
/// the one before ended.
struct LogRange {
    std::uint64_t reader = 0;
    Zxid after;
    Zxid up_to;
    std::size_t bytes_max = 0;
};

class LogHistory {
  public:
    /// Places remembered; the one that was not used for the longest time goes first.
    static constexpr std::size_t kCursorsMax = 8;

    /// `disk` must outlive the object; `dir` holds the log files.
    LogHistory(Disk& disk, std::string dir, std::int32_t payload_max);

    using Txns = std::vector<std::pair<Zxid, SharedBytes>>;
    /// Each txn once, also where it stands twice. Empty when nothing follows `after` up to `up_to`.
    /// Errc::not_found when `after` itself is not in the log, or what follows it leaves a gap or goes backwards;
    /// Errc::corrupt at damage; else the disk's own error. The first slice of a reader reads the file that holds `after`
    /// from its beginning.
    Result<Txns> read(const LogRange& range);
    /// The files are about to change otherwise than by appending: no place is valid any longer.
    void forget() { cursors_.clear(); }
    [[nodiscard]] std::size_t cursors() const { return cursors_.size(); }

  private:
    /// Behind the record of `last`.
    struct Cursor {
        std::uint64_t reader = 0;
        Zxid last;
        LogFile file;
        std::uint64_t offset = 0;
    };
    Result<Cursor> find(const LogRange& range);
    Result<Cursor> search(const LogRange& range);
    Result<std::optional<Cursor>> search_in(const LogFile& file, const LogRange& range);
    Result<Txns> read_on(const LogRange& range, Cursor& cursor);
    Result<LogRepeats::Order> order_of(const LogRecord& record,
                                       const Cursor& cursor,
                                       std::optional<LogRepeats>& repeats);
    Result<bool> next_file(Cursor& cursor);
    void keep(Cursor cursor);

    Disk& disk_;
    std::string dir_;
    std::int32_t payload_max_;
    std::list<Cursor> cursors_;  ///< the one used last in front
};

}  // namespace zk::storage
