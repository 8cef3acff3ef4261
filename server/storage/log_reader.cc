#include "storage/log_reader.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "base/checksum.h"
#include "jute/txn.h"

namespace zk::storage {
namespace {
constexpr std::size_t kLogReadBytes = std::size_t{1} << 20;
constexpr std::size_t kRecordHeadBytes = 12;  // checksum and length

}  // namespace

bool all_zero(ByteView bytes) {
    return std::all_of(bytes.begin(), bytes.end(), [](char byte) { return byte == '\0'; });
}

LogFileReader::LogFileReader(Disk& disk,
                             std::string dir,
                             std::string name,
                             std::int32_t payload_max)
    : disk_(disk), dir_(std::move(dir)), name_(std::move(name)), payload_max_(payload_max) {}

void LogFileReader::resume(std::uint64_t offset) {
    ZK_ASSERT(!started_ && offset >= kLogHeaderBytes);
    started_ = true;
    offset_ = buffer_offset_ = offset;
}

Error LogFileReader::corrupt(const std::string& what) const {
    return {Errc::corrupt,
            dir_ + "/" + name_ + " at offset " + std::to_string(offset_) + ": " + what};
}

// The next `bytes` of the file, or fewer at its end.
Result<ByteView> LogFileReader::peek(std::size_t bytes) {
    ZK_ASSERT(offset_ >= buffer_offset_);
    const std::uint64_t skip = offset_ - buffer_offset_;
    if (skip + bytes > buffer_.size()) {
        ZK_TRY(buffer_, disk_.read(dir_ + "/" + name_, offset_, std::max(bytes, kLogReadBytes)));
        buffer_offset_ = offset_;
        return ByteView(buffer_).substr(0, bytes);
    }
    return ByteView(buffer_).substr(static_cast<std::size_t>(skip), bytes);
}

Result<bool> LogFileReader::read_header() {
    ZK_TRY(const ByteView header, peek(kLogHeaderBytes));
    if (header.size() < kLogHeaderBytes || all_zero(header)) {
        ZK_TRY(headerless_,
               header.size() < kLogHeaderBytes ? Result<bool>(true) : has_only_zeros());
        if (!headerless_)
            return corrupt("the header is lost: zeros where ZKLG must be, but data follow");
        return false;
    }
    if (load_be<std::int32_t>(header.data()) != kLogMagic)
        return corrupt("this is no transaction log (magic is not ZKLG)");
    offset_ = kLogHeaderBytes;
    return true;
}

Result<bool> LogFileReader::has_only_zeros() {
    for (std::uint64_t at = 0;;) {
        ZK_TRY(const Bytes part, disk_.read(dir_ + "/" + name_, at, kLogReadBytes));
        if (part.empty()) return true;
        if (!all_zero(part)) return false;
        at += part.size();
    }
}

// A large length is believed, and so much memory taken, only when the file has the bytes.
Result<> LogFileReader::check_length(std::int32_t length) {
    if (length >= 0 && length <= payload_max_) return ok();
    if (length > 0) {
        ZK_TRY(const std::uint64_t size, disk_.size(dir_ + "/" + name_));
        const std::uint64_t end = offset_ + static_cast<std::uint64_t>(length) + kLogRecordOverhead;
        if (end <= size) return ok();
    }
    return corrupt("unreasonable record length " + std::to_string(length));
}

Result<std::optional<LogRecord>> LogFileReader::next() {
    using Record = std::optional<LogRecord>;
    if (ended_) return Record();
    ended_ = true;  // unless a record comes out
    if (!started_) {
        started_ = true;
        ZK_TRY(const bool readable, read_header());
        if (!readable) return Record();
    }
    ZK_TRY(const ByteView head, peek(kRecordHeadBytes));
    if (all_zero(head)) return Record();
    torn_ = true;
    if (head.size() < kRecordHeadBytes) return Record();
    const auto checksum = load_be<std::int64_t>(head.data());
    const auto length = load_be<std::int32_t>(head.data() + 8);
    if (length == 0) return Record();
    ZK_CHECK(check_length(length));
    const std::size_t total = static_cast<std::size_t>(length) + kLogRecordOverhead;
    ZK_TRY(const ByteView whole, peek(total));
    if (whole.size() < total || whole.back() != 'B') {
        if (length > payload_max_)
            return corrupt("unreasonable record length " + std::to_string(length));
        return Record();
    }

    const ByteView payload = whole.substr(kRecordHeadBytes, static_cast<std::size_t>(length));
    const auto actual = adler32(kAdler32Start, payload);
    if (static_cast<std::int64_t>(actual) != checksum) return corrupt("wrong checksum of a record");
    auto header = jute::decode_txn_header(payload);
    if (!header.has_value()) return corrupt("record is no transaction");
    torn_ = false;
    ended_ = false;
    offset_ += total;
    return Record(LogRecord{header->zxid, Bytes(payload), offset_});
}

LogReader::LogReader(
    Disk& disk, std::string dir, std::vector<LogFile> files, Zxid after, std::int32_t payload_max)
    : disk_(disk),
      dir_(std::move(dir)),
      files_(std::move(files)),
      payload_max_(payload_max),
      repeats_(disk, dir_, files_, payload_max),
      last_(after),
      last_place_("the snapshot or zxid that was started from") {}

Result<std::optional<LogRecord>> LogReader::next() {
    if (!started_) {
        ZK_TRY(index_, first_file_for(disk_, dir_, files_, last_, payload_max_));
        started_ = true;
    }
    for (;;) {
        if (!file_) {
            if (index_ == files_.size()) return std::optional<LogRecord>();
            file_.emplace(disk_, dir_, files_[index_].name, payload_max_);
            ++index_;
        }
        ZK_TRY(std::optional<LogRecord> record, file_->next());
        if (!record) {
            ZK_CHECK(end_of_file());
            continue;
        }
        if (!in_range_ && record->zxid <= last_) continue;
        ZK_TRY(const LogRepeats::Order order, repeats_.look(file_->name(), *record, last_));
        if (order == LogRepeats::Order::repeated) continue;
        ZK_CHECK(check_order(record->zxid, order));
        in_range_ = true;
        last_ = record->zxid;
        last_place_ = file_->name();
        return record;
    }
}

Result<> LogReader::end_of_file() {
    if (file_->headerless() && index_ != files_.size()) {
        return Error(
            Errc::corrupt,
            dir_ + "/" + file_->name() +
                ": a log file without header is followed by others; move it away if it is empty");
    }
    if (file_->torn() || file_->headerless()) {
        torn_ends_.push_back(file_->name() + " at offset " + std::to_string(file_->offset()));
    }
    file_.reset();
    return ok();
}

Result<> LogReader::check_order(Zxid zxid, LogRepeats::Order order) const {
    const bool broken = order == LogRepeats::Order::broken;
    if (!broken && follows(last_, zxid)) return ok();
    std::string words = dir_ + "/" + file_->name() + " before offset " +
                        std::to_string(file_->offset()) + ": transaction " + to_string(zxid) +
                        " cannot follow " + to_string(last_) + " (" + last_place_ + ")";
    words += broken ? ": the order is broken" : ": transactions between are missing";
    if (broken && zxid > last_) words += ", a block that stands there twice breaks off";
    if (!torn_ends_.empty()) words += "; " + torn_ends_.back() + " ends in a torn record";
    return Error(Errc::corrupt, words);
}

}  // namespace zk::storage
