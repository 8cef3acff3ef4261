#include "storage/txn_log.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "base/checksum.h"
#include "storage/file_name.h"
#include "storage/log_reader.h"
#include "storage/log_repeats.h"

namespace zk::storage {
namespace {
constexpr std::string_view kLogPrefix = "log.";
// Handed to the file at the latest when so much waits; bounds memory, not durability.
constexpr std::size_t kPendingMax = std::size_t{1} << 20;
// The zero fill grows when less than this is left, as in FilePadding.
constexpr std::uint64_t kPadMargin = 4096;

Result<> remove_behind(Disk& disk,
                       const std::string& dir,
                       std::vector<LogFile>& files,
                       std::size_t keep) {
    while (files.size() > keep) {
        ZK_CHECK(disk.remove(dir + "/" + files.back().name));
        ZK_CHECK(disk.sync_dir(dir));  // one by one: a crash between must not leave a gap
        files.pop_back();
    }
    return ok();
}

/// Where a file ends when nothing above a zxid may stay in it.
struct Cut {
    std::uint64_t end = kLogHeaderBytes;
    bool reached = false;  ///< the zxid, or one above it, is in the file
    bool headerless = false;
};

Result<Cut> find_cut(Disk& disk, const std::string& dir, const std::string& name, Zxid last) {
    LogFileReader reader(disk, dir, name);
    Cut cut;
    for (;;) {
        ZK_TRY(const std::optional<LogRecord> record, reader.next());
        if (!record) break;
        cut.reached = record->zxid >= last;
        if (record->zxid > last) break;
        cut.end = record->end_offset;
        if (record->zxid == last) break;  // what is cut may be damaged and does not matter
    }
    cut.headerless = reader.headerless();
    return cut;
}
}  // namespace

std::string log_name(Zxid first) { return std::string(kLogPrefix) + hex_name(first); }

Result<std::vector<LogFile>> list_logs(Disk& disk,
                                       const std::string& dir,
                                       std::vector<std::string>* strays) {
    ZK_TRY(const std::vector<std::string> names, disk.list(dir));
    std::vector<LogFile> files;
    for (const std::string& name : names) {
        if (!name.starts_with(kLogPrefix)) continue;
        if (const auto first = parse_hex_name(std::string_view(name).substr(kLogPrefix.size()))) {
            files.push_back({*first, name});
        } else if (strays != nullptr) {
            strays->push_back(dir + "/" + name);
        }
    }
    std::sort(files.begin(), files.end(), [](const LogFile& a, const LogFile& b) {
        return a.first < b.first;
    });
    return files;
}

LogWriter::LogWriter(Disk& disk, std::string dir, LogOptions options)
    : disk_(disk), dir_(std::move(dir)), options_(options) {}

LogWriter::~LogWriter() = default;

Result<> LogWriter::append(Zxid zxid, ByteView payload) {
    ZK_ASSERT(!payload.empty());
    if (options_.file_bytes_max != 0 && position_ > options_.file_bytes_max) {
        ZK_CHECK(sync());  // or a power cut could keep the next file and tear this one
        ZK_CHECK(roll());
    }
    if (file_ == nullptr) {
        last_ = Zxid(-1);
        ZK_CHECK(open(zxid));
    }
    ZK_ASSERT(zxid > last_);
    last_ = zxid;
    ZK_CHECK(pad());
    const auto checksum = adler32(kAdler32Start, payload);
    append_be(pending_, static_cast<std::int64_t>(checksum));
    append_be(pending_, static_cast<std::int32_t>(payload.size()));
    pending_.append(payload);
    pending_.push_back('B');
    position_ += payload.size() + kLogRecordOverhead;
    unsynced_ = true;
    if (pending_.size() >= kPendingMax) return flush();
    return ok();
}

Result<> LogWriter::sync() {
    ZK_CHECK(flush());
    for (const auto& file : rolled_) {
        ZK_CHECK(file->sync());
        ZK_CHECK(file->close());
    }
    rolled_.clear();
    if (unsynced_) ZK_CHECK(file_->sync());
    unsynced_ = false;
    return ok();
}

Result<> LogWriter::roll() {
    if (file_ == nullptr) return ok();
    ZK_CHECK(flush());
    if (unsynced_) {
        rolled_.push_back(std::move(file_));
    } else {
        ZK_CHECK(file_->close());
    }
    file_.reset();
    unsynced_ = false;
    position_ = 0;
    size_ = 0;
    last_ = Zxid();  // a truncation may come between
    return ok();
}

Result<> LogWriter::open(Zxid first) {
    const std::string name = log_name(first);
    ZK_TRY(const bool there, disk_.exists(dir_ + "/" + name));
    if (there) {
        // Legal only when a crash tore its first and only record.
        LogFileReader old(disk_, dir_, name);
        ZK_TRY(const std::optional<LogRecord> record, old.next());
        if (record) {
            return Error(Errc::exists,
                         dir_ + "/" + name +
                             " holds transactions and would be overwritten; is another server "
                             "using this directory?");
        }
        ZK_COVERED("storage.log_replaced");
    }
    // Under another name until the header is durable: a crash never leaves a log file that
    // ZooKeeper cannot open.
    const std::string temp = dir_ + "/" + std::string(kTempPrefix) + name;
    ZK_TRY(file_, disk_.create(temp));
    Bytes header;
    append_be(header, kLogMagic);
    append_be(header, kLogVersion);
    append_be(header, std::int64_t{0});  // dbid
    ZK_CHECK(file_->write(header));
    ZK_CHECK(file_->sync());
    ZK_CHECK(disk_.rename(temp, dir_ + "/" + name));
    ZK_CHECK(disk_.sync_dir(dir_));
    position_ = size_ = header.size();
    return ok();
}

// FilePadding.padFile: looks at the position before the record, so one record may still outgrow the
// file.
Result<> LogWriter::pad() {
    const std::uint64_t step = options_.preallocate_bytes;
    if (step == 0 || position_ + kPadMargin < size_) return ok();
    if (position_ > size_) {
        size_ = position_ + step;
        size_ -= size_ % step;
    } else {
        size_ += step;
    }
    ZK_CHECK(flush());
    return file_->extend(size_);
}

Result<> LogWriter::flush() {
    if (pending_.empty()) return ok();
    ZK_CHECK(file_->write(pending_));
    pending_.clear();
    return ok();
}

Result<> truncate_log(Disk& disk, const std::string& dir, Zxid last) {
    ZK_TRY(std::vector<LogFile> files, list_logs(disk, dir));
    std::size_t keep = files.size();
    while (keep > 0 && files[keep - 1].first > last) --keep;
    ZK_CHECK(remove_behind(disk, dir, files, keep));
    if (files.empty()) return ok();
    // The first of all records above `last`: behind it there are only such, and second copies.
    ZK_TRY(std::size_t index, first_file_for(disk, dir, files, last));
    ZK_TRY(Cut cut, find_cut(disk, dir, files[index].name, last));
    while (!cut.reached && index + 1 < files.size()) {
        ZK_TRY(cut, find_cut(disk, dir, files[++index].name, last));
    }
    ZK_CHECK(remove_behind(disk, dir, files, index + 1));
    const std::string path = dir + "/" + files.back().name;
    if (cut.headerless) {
        ZK_CHECK(disk.remove(path));
        return disk.sync_dir(dir);
    }
    ZK_TRY(const std::uint64_t size, disk.size(path));
    if (size > cut.end) ZK_CHECK(disk.truncate(path, cut.end));
    return ok();
}

}  // namespace zk::storage
