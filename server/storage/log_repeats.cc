#include "storage/log_repeats.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "storage/log_reader.h"

namespace zk::storage {
namespace {

std::uint64_t begin_of(const LogRecord& record) {
    return record.end_offset - record.payload.size() - kLogRecordOverhead;
}

// Whether a file holds a record at or above `zxid`.
Result<bool> reaches(Disk& disk,
                     const std::string& dir,
                     const std::string& name,
                     Zxid zxid,
                     std::int32_t payload_max) {
    LogFileReader reader(disk, dir, name, payload_max);
    for (;;) {
        const auto record = reader.next();
        if (!record.has_value() && record.error().code != Errc::corrupt) return record.error();
        if (!record.has_value() || !*record) return false;
        if ((*record)->zxid >= zxid) return true;
    }
}

}  // namespace

Result<std::size_t> first_file_for(Disk& disk,
                                   const std::string& dir,
                                   const std::vector<LogFile>& files,
                                   Zxid zxid,
                                   std::int32_t payload_max) {
    std::size_t index = 0;
    while (index + 1 < files.size() && files[index + 1].first <= zxid) ++index;
    while (index > 0) {
        ZK_TRY(const bool overlaps,
               reaches(disk, dir, files[index - 1].name, files[index].first, payload_max));
        if (!overlaps) break;
        --index;
    }
    return index;
}

LogRepeats::LogRepeats(Disk& disk,
                       std::string dir,
                       std::vector<LogFile> files,
                       std::int32_t payload_max)
    : disk_(disk), dir_(std::move(dir)), files_(std::move(files)), payload_max_(payload_max) {}

LogRepeats::~LogRepeats() = default;
LogRepeats::LogRepeats(LogRepeats&&) noexcept = default;

Result<LogRepeats::Order> LogRepeats::look(const std::string& file,
                                           const LogRecord& record,
                                           Zxid last) {
    const bool file_begins = !at_ || files_[*at_].name != file;
    if (file_begins) {
        const auto found = std::find_if(
            files_.begin(), files_.end(), [&](const LogFile& one) { return one.name == file; });
        ZK_ASSERT(found != files_.end());
        at_ = static_cast<std::size_t>(found - files_.begin());
    }
    const bool in_block = first_copy_ != nullptr;
    if (record.zxid > last) {
        first_copy_.reset();
        return in_block && !file_begins ? Order::broken : Order::onward;
    }
    ZK_TRY(const bool same, in_block ? read_first_copy(record) : begin(record));
    if (!same || copied_->payload != record.payload) {
        first_copy_.reset();
        return Order::broken;
    }
    if (!in_block) {
        told_ = blocks_.size() < kBlocksMax;
        if (told_) blocks_.push_back({file, begin_of(record), record.zxid, record.zxid, 0});
    }
    count(record);
    if (record.zxid == last) {
        first_copy_.reset();
    } else {
        wanted_ = Zxid(record.zxid.value() + 1);
    }
    return Order::repeated;
}

// Looks for the first copy: in the same file, which may itself begin in the middle of it, then in the one before.
Result<bool> LogRepeats::begin(const LogRecord& record) {
    wanted_ = record.zxid;
    for (std::size_t back = 0; back <= 1 && back <= *at_; ++back) {
        open(*at_ - back);
        ZK_TRY(const bool found, read_first_copy(record));
        if (found) return true;
    }
    return false;
}

// The next record of the first copy is read into copied_. False: there is none with the zxid of `record` before it.
Result<bool> LogRepeats::read_first_copy(const LogRecord& record) {
    for (;;) {
        auto next = first_copy_->next();
        if (!next.has_value() && next.error().code != Errc::corrupt) return next.error();
        if (!next.has_value()) return false;  // damaged itself, so it proves nothing
        if (!*next) {
            if (reading_ >= *at_) return false;
            open(reading_ + 1);
            continue;
        }
        if (reading_ == *at_ && (*next)->end_offset > begin_of(record)) return false;
        if ((*next)->zxid < wanted_) continue;  // repeated there as well, or before the block
        copied_ = std::make_unique<LogRecord>(**std::move(next));
        return copied_->zxid == record.zxid && reading_ + 1 >= *at_;
    }
}

void LogRepeats::open(std::size_t index) {
    reading_ = index;
    first_copy_ = std::make_unique<LogFileReader>(disk_, dir_, files_[index].name, payload_max_);
}

void LogRepeats::count(const LogRecord& record) {
    ++records_;
    if (!told_) return;
    blocks_.back().last = record.zxid;
    ++blocks_.back().records;
}

}  // namespace zk::storage
