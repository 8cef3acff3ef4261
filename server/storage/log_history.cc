#include "storage/log_history.h"

#include <algorithm>
#include <memory>
#include <optional>

#include "base/check.h"
#include "storage/log_reader.h"

namespace zk::storage {

LogHistory::LogHistory(Disk& disk, std::string dir, std::int32_t payload_max)
    : disk_(disk), dir_(std::move(dir)), payload_max_(payload_max) {}

Result<LogHistory::Txns> LogHistory::read(const LogRange& range) {
    ZK_TRY(Cursor cursor, find(range));
    ZK_TRY(Txns txns, read_on(range, cursor));
    keep(std::move(cursor));
    return txns;
}

// Takes the reader's place out: only a read that succeeds puts it back.
Result<LogHistory::Cursor> LogHistory::find(const LogRange& range) {
    const auto known = std::find_if(cursors_.begin(), cursors_.end(), [&](const Cursor& cursor) {
        return cursor.reader == range.reader;
    });
    if (known == cursors_.end()) return search(range);
    Cursor cursor = std::move(*known);
    cursors_.erase(known);
    if (cursor.last == range.after) {
        ZK_COVERED("storage.history_cursor_used");
        return cursor;
    }
    return search(range);
}

Result<LogHistory::Cursor> LogHistory::search(const LogRange& range) {
    ZK_TRY(const std::vector<LogFile> files, list_logs(disk_, dir_));
    auto file =
        std::upper_bound(files.begin(), files.end(), range.after, [](Zxid zxid, const LogFile& f) {
            return zxid < f.first;
        });
    if (file == files.begin())
        return Error(Errc::not_found, to_string(range.after) + " is before the oldest log");
    --file;
    ZK_TRY(std::optional<Cursor> cursor, search_in(*file, range));
    if (!cursor && file != files.begin()) {
        // A file may hold no more than the begin of a block that stands in the one before.
        --file;
        ZK_TRY(cursor, search_in(*file, range));
    }
    if (cursor) return *std::move(cursor);
    return Error(Errc::not_found, to_string(range.after) + " is not in " + dir_ + "/" + file->name);
}

// Behind the first record of `range.after` in this file.
Result<std::optional<LogHistory::Cursor>> LogHistory::search_in(const LogFile& file,
                                                                const LogRange& range) {
    using Found = std::optional<Cursor>;
    LogFileReader reader(disk_, dir_, file.name, payload_max_);
    for (;;) {
        ZK_TRY(const std::optional<LogRecord> record, reader.next());
        if (!record || record->zxid > range.after) return Found();
        if (record->zxid == range.after)
            return Found(Cursor{range.reader, record->zxid, file, record->end_offset});
    }
}

Result<LogHistory::Txns> LogHistory::read_on(const LogRange& range, Cursor& cursor) {
    Txns txns;
    std::size_t bytes = 0;
    auto reader = std::make_unique<LogFileReader>(disk_, dir_, cursor.file.name, payload_max_);
    reader->resume(cursor.offset);
    std::optional<LogRepeats> repeats;
    while (cursor.last < range.up_to) {
        ZK_TRY(std::optional<LogRecord> record, reader->next());
        if (!record) {
            ZK_TRY(const bool more, next_file(cursor));
            if (!more) break;
            reader = std::make_unique<LogFileReader>(disk_, dir_, cursor.file.name, payload_max_);
            continue;
        }
        if (record->zxid > range.up_to) break;
        ZK_TRY(const LogRepeats::Order order, order_of(*record, cursor, repeats));
        if (order == LogRepeats::Order::repeated) continue;
        if (order == LogRepeats::Order::broken || !follows(cursor.last, record->zxid)) {
            return Error(Errc::not_found,
                         dir_ + "/" + cursor.file.name + ": " + to_string(record->zxid) +
                             " cannot follow " + to_string(cursor.last));
        }
        if (!txns.empty() && bytes + record->payload.size() > range.bytes_max) break;
        bytes += record->payload.size();
        cursor.last = record->zxid;
        cursor.offset = record->end_offset;
        txns.emplace_back(record->zxid, std::make_shared<const Bytes>(std::move(record->payload)));
    }
    return txns;
}

// `repeats` is made for the first record that goes backwards: most logs have none.
Result<LogRepeats::Order> LogHistory::order_of(const LogRecord& record,
                                               const Cursor& cursor,
                                               std::optional<LogRepeats>& repeats) {
    if (!repeats && record.zxid > cursor.last) return LogRepeats::Order::onward;
    if (!repeats) {
        ZK_TRY(std::vector<LogFile> files, list_logs(disk_, dir_));
        repeats.emplace(disk_, dir_, std::move(files), payload_max_);
    }
    return repeats->look(cursor.file.name, record, cursor.last);
}

// False when the cursor's file is the newest. The place in the old one is kept until the new one has a record.
Result<bool> LogHistory::next_file(Cursor& cursor) {
    ZK_TRY(const std::vector<LogFile> files, list_logs(disk_, dir_));
    const auto next = std::upper_bound(
        files.begin(), files.end(), cursor.file.first, [](Zxid zxid, const LogFile& f) {
            return zxid < f.first;
        });
    if (next == files.end()) return false;
    cursor.file = *next;
    cursor.offset = kLogHeaderBytes;
    return true;
}

void LogHistory::keep(Cursor cursor) {
    cursors_.push_front(std::move(cursor));
    if (cursors_.size() > kCursorsMax) cursors_.pop_back();
}

}  // namespace zk::storage
