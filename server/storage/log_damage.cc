#include "storage/log_damage.h"

#include <algorithm>
#include <optional>
#include <vector>

#include "base/check.h"
#include "base/checksum.h"
#include "jute/txn.h"
#include "storage/log_reader.h"
#include "storage/txn_log.h"

namespace zk::storage {
namespace {
constexpr std::uint64_t kSectorBytes = 512;
constexpr std::size_t kWindowBytes = std::size_t{4} << 20;
constexpr std::size_t kHeadBytes = 12;   // checksum and length
constexpr std::size_t kZxidOffset = 12;  // in the payload, behind session and cxid
// A record begins with them: the checksum has 32 of 64 bits.
constexpr std::size_t kAlwaysZeroBytes = 4;

/// `record` with its checksum, length and end byte.
bool is_whole(ByteView record) {
    if (record.back() != 'B') return false;
    const auto checksum = load_be<std::int64_t>(record.data());
    const ByteView payload = record.substr(kHeadBytes, record.size() - kLogRecordOverhead);
    const std::uint32_t actual = adler32(kAdler32Start, payload);
    return static_cast<std::int64_t>(actual) == checksum &&
           jute::decode_txn_header(payload).has_value();
}

/// One file, and the searches in it.
class Examination {
  public:
    Examination(Disk& disk,
                const std::string& dir,
                const std::string& name,
                std::int32_t payload_max)
        : disk_(disk), dir_(dir), name_(name), path_(dir + "/" + name), payload_max_(payload_max) {}

    Result<LogEnd> run();

  private:
    Result<> find_used_end();
    Result<> find_good_behind();
    Result<std::optional<std::uint64_t>> find_record(std::uint64_t from);
    Result<bool> is_record(ByteView window, std::uint64_t offset);
    Result<> classify(bool reader_saw_torn);

    Disk& disk_;
    const std::string& dir_;
    const std::string& name_;
    std::string path_;
    std::int32_t payload_max_;
    Zxid last_;                     // of the last record before the damage
    std::uint64_t first_good_ = 0;  // behind the damage
    LogEnd end_;
};

Result<LogEnd> Examination::run() {
    LogFileReader reader(disk_, dir_, name_, payload_max_);
    bool refused = false;
    for (;;) {
        auto record = reader.next();
        if (!record.has_value()) {
            if (record.error().code != Errc::corrupt) return record.error();
            refused = true;
            end_.what = record.error().words;
            break;
        }
        if (!*record) break;
        last_ = (*record)->zxid;
    }
    end_.offset = reader.offset();
    if (end_.offset < kLogHeaderBytes) return LogEnd{};  // no log at all, or an empty one
    ZK_CHECK(find_used_end());
    if (end_.used_end <= end_.offset) return std::move(end_);
    if (end_.what.empty())
        end_.what = path_ + " at offset " + std::to_string(end_.offset) + ": no whole record";
    ZK_CHECK(find_good_behind());
    ZK_CHECK(classify(reader.torn() && !refused));
    end_.plain = end_.kind == LogEnd::Kind::torn && reader.torn() && !refused && end_.good_end == 0;
    return std::move(end_);
}

Result<> Examination::find_used_end() {
    for (std::uint64_t at = end_.offset;;) {
        ZK_TRY(const Bytes window, disk_.read(path_, at, kWindowBytes));
        if (window.empty()) return ok();
        if (!all_zero(window)) end_.used_end = at + window.find_last_not_of('\0') + 1;
        at += window.size();
    }
}

// Whole records behind the damage, in as many runs as there are.
Result<> Examination::find_good_behind() {
    for (std::uint64_t from = end_.offset + 1; from < end_.used_end;) {
        ZK_TRY(const std::optional<std::uint64_t> found, find_record(from));
        if (!found) return ok();
        if (first_good_ == 0) first_good_ = *found;
        LogFileReader reader(disk_, dir_, name_, payload_max_);
        reader.resume(*found);
        for (;;) {
            const auto record = reader.next();
            if (!record.has_value() && record.error().code != Errc::corrupt) return record.error();
            if (!record.has_value() || !*record) break;
            end_.good_zxid = (*record)->zxid;
        }
        ZK_ASSERT(reader.offset() > *found);
        from = end_.good_end = reader.offset();
    }
    return ok();
}

Result<std::optional<std::uint64_t>> Examination::find_record(std::uint64_t from) {
    using Found = std::optional<std::uint64_t>;
    const std::size_t record_max = static_cast<std::size_t>(kLogPayloadMax) + kLogRecordOverhead;
    while (from < end_.used_end) {
        ZK_TRY(const Bytes window, disk_.read(path_, from, kWindowBytes + record_max));
        const std::size_t until = std::min<std::size_t>(window.size(), kWindowBytes);
        for (std::size_t i = 0; i < until; ++i) {
            ZK_TRY(const bool found, is_record(ByteView(window).substr(i), from + i));
            if (found) return Found(from + i);
        }
        from += until;
        if (until == 0) break;
    }
    return Found();
}

// The cheap tests first: this is asked for every byte. A record may have been written under a larger jute.maxbuffer than
// this server's, and be longer than the window.
Result<bool> Examination::is_record(ByteView window, std::uint64_t offset) {
    constexpr std::size_t kLeast = kHeadBytes + kZxidOffset + 8 + 1;
    if (window.size() < kLeast || load_be<std::int32_t>(window.data()) != 0) return false;
    const auto length = load_be<std::int32_t>(window.data() + 8);
    if (load_be<std::int64_t>(window.data()) == 0 || length < 1 || length > kLogPayloadMost)
        return false;
    const std::size_t total = static_cast<std::size_t>(length) + kLogRecordOverhead;
    if (offset + total > end_.used_end || total < kLeast) return false;
    if (Zxid(load_be<std::int64_t>(window.data() + kHeadBytes + kZxidOffset)) <= last_)
        return false;
    if (window.size() >= total) return is_whole(window.substr(0, total));
    ZK_TRY(const Bytes end_byte, disk_.read(path_, offset + total - 1, 1));
    if (end_byte != "B") return false;
    ZK_TRY(const Bytes record, disk_.read(path_, offset, total));
    return record.size() == total && is_whole(record);
}

// etcd's rule (wal.isTornEntry): a sector of nothing but zeros inside the record was not written.
bool has_lost_sector(ByteView bytes, std::uint64_t offset) {
    for (bool first = true; !bytes.empty(); first = false) {
        const std::size_t part =
            std::min<std::size_t>(bytes.size(), kSectorBytes - offset % kSectorBytes);
        if (all_zero(bytes.substr(0, part)) && !(first && part <= kAlwaysZeroBytes)) return true;
        bytes.remove_prefix(part);
        offset += part;
    }
    return false;
}

Result<> Examination::classify(bool reader_saw_torn) {
    ZK_TRY(const std::uint64_t size, disk_.size(path_));
    ZK_TRY(const Bytes head, disk_.read(path_, end_.offset, kHeadBytes));
    std::uint64_t region_end = first_good_ != 0 ? first_good_ : end_.used_end;
    bool unfinished = head.size() < kHeadBytes;
    if (!unfinished && !all_zero(head)) {
        const auto length = load_be<std::int32_t>(head.data() + 8);
        if (length >= 0 && length <= payload_max_) {
            const std::uint64_t record_end =
                end_.offset + static_cast<std::uint64_t>(length) + kLogRecordOverhead;
            unfinished = record_end > size || record_end > end_.used_end;
            if (!unfinished) region_end = record_end;
        }
    }
    ZK_TRY(const Bytes region,
           disk_.read(path_, end_.offset, static_cast<std::size_t>(region_end - end_.offset)));
    const bool torn = (reader_saw_torn && unfinished) || has_lost_sector(region, end_.offset);
    end_.kind = torn ? LogEnd::Kind::torn : LogEnd::Kind::rot;
    end_.what += torn ? " (torn: sectors of it were never written)"
                      : " (rot: other bytes than were written)";
    if (end_.good_end != 0) {
        end_.what += "; whole transactions follow, up to " + to_string(end_.good_zxid) +
                     " at offset " + std::to_string(end_.good_end);
    }
    return ok();
}

Result<std::string> unused_name(Disk& disk, const std::string& dir, const std::string& wanted) {
    for (int number = 1;; ++number) {
        std::string name = number == 1 ? wanted : wanted + "." + std::to_string(number);
        ZK_TRY(const bool taken, disk.exists(dir + "/" + name));
        if (!taken) return name;
    }
}

Result<> cut_torn_end(Disk& disk,
                      const std::string& dir,
                      const std::string& name,
                      const LogEnd& end,
                      const Log& log) {
    ZK_TRY(const std::string aside, unused_name(disk, dir, "damaged." + name));
    ZK_TRY(const std::unique_ptr<DiskFile> copy, disk.create(dir + "/" + aside));
    for (std::uint64_t at = end.offset; at < end.used_end;) {
        const std::size_t part = std::min<std::uint64_t>(kWindowBytes, end.used_end - at);
        ZK_TRY(const Bytes bytes, disk.read(dir + "/" + name, at, part));
        ZK_CHECK(copy->write(bytes));
        at += part;
    }
    ZK_CHECK(copy->sync());
    ZK_CHECK(copy->close());
    ZK_CHECK(disk.sync_dir(dir));
    ZK_COVERED("storage.torn_end_cut");
    log.warn("storage.torn_end_cut what=\"{}\" kept={}/{}", end.what, dir, aside);
    return disk.truncate(dir + "/" + name, end.offset);
}

// The mark first: a crash between must not leave a shorter log that looks whole.
Result<> set_aside(
    Disk& disk, const Paths& paths, const std::string& name, const LogEnd& end, const Log& log) {
    ZK_CHECK(disk.replace_file(paths.snapshots(),
                               kNeedsSnapshotName,
                               std::string("tmp.") + kNeedsSnapshotName,
                               end.what + "\n"));
    ZK_TRY(const std::string aside, unused_name(disk, paths.logs(), "damaged." + name));
    ZK_CHECK(disk.rename(paths.logs() + "/" + name, paths.logs() + "/" + aside));
    ZK_COVERED("storage.log_set_aside");
    log.error(
        "storage.log_damaged what=\"{}\" kept={}/{} may_vote=false", end.what, paths.logs(), aside);
    return disk.sync_dir(paths.logs());
}

// A server alone has nobody who knows what is lost: only a person may say that it does not matter.
std::string way_out_alone(const std::string& path, const LogEnd& end) {
    return " from a backup; or, to go on without everything from the damage on: truncate -s " +
           std::to_string(end.offset) + " " + path;
}

Error refuse_known_loss(const Paths& paths) {
    const std::string mark = paths.snapshots() + "/" + kNeedsSnapshotName;
    return {Errc::refused,
            mark +
                " says that these data lack transactions which this member of an ensemble may have "
                "acknowledged; a server alone has no leader to copy them from. Start it as a "
                "member, or take another member's data; to go on without what is lost, remove " +
                mark};
}

}  // namespace

Result<LogEnd> examine_log_end(Disk& disk,
                               const std::string& dir,
                               const std::string& name,
                               std::int32_t payload_max) {
    return Examination(disk, dir, name, payload_max).run();
}

Result<bool> repair_newest_log(Disk& disk,
                               const Paths& paths,
                               const RecoveryOptions& options,
                               const Log& log) {
    ZK_TRY(const bool lost_before, needs_snapshot(disk, paths));
    if (lost_before && options.standalone) return refuse_known_loss(paths);
    ZK_TRY(const std::vector<LogFile> files, list_logs(disk, paths.logs()));
    if (files.empty()) return lost_before;
    const std::string& name = files.back().name;
    ZK_TRY(const LogEnd end, examine_log_end(disk, paths.logs(), name, options.payload_max));
    if (end.kind == LogEnd::Kind::clean || end.plain) return lost_before;
    if (end.good_end > end.offset + options.torn_max) {
        if (lost_before) return true;
        return Error(Errc::corrupt,
                     end.what +
                         ": this is not the end of the log, so acknowledged transactions are "
                         "damaged. Restore the file" +
                         (options.standalone
                              ? way_out_alone(paths.logs() + "/" + name, end)
                              : ", or empty the directories to copy everything from the leader"));
    }
    if (end.kind == LogEnd::Kind::torn) {
        if (!lost_before) ZK_CHECK(cut_torn_end(disk, paths.logs(), name, end, log));
        return lost_before;
    }
    if (options.standalone) {
        ZK_COVERED("storage.rot_alone");
        return Error(Errc::corrupt,
                     end.what + ": acknowledged transactions may be damaged. Restore the file" +
                         way_out_alone(paths.logs() + "/" + name, end));
    }
    ZK_CHECK(set_aside(disk, paths, name, end, log));
    return true;
}

Result<bool> needs_snapshot(Disk& disk, const Paths& paths) {
    return disk.exists(paths.snapshots() + "/" + kNeedsSnapshotName);
}

Result<> forget_damage(Disk& disk, const Paths& paths) {
    ZK_TRY(const bool there, needs_snapshot(disk, paths));
    if (!there) return ok();
    ZK_CHECK(disk.remove(paths.snapshots() + "/" + kNeedsSnapshotName));
    return disk.sync_dir(paths.snapshots());
}

}  // namespace zk::storage
