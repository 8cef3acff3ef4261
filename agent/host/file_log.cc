#include "agent_host/file_log.h"

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <fcntl.h>
#include <optional>
#include <string_view>
#include <unistd.h>
#include <vector>

#include <sys/stat.h>

#include "agent_api/agent_errc.h"
#include "agent_host/posix.h"
#include "base/checksum.h"
#include "base/numbers.h"

namespace zk::agent_host {
namespace {

using agent_api::LogChunk;
using agent_api::LogRequest;
using agent_api::NodeLog;

constexpr std::size_t kLogBlockBytes = agent_api::kLogEntryBytesMax;
static_assert(kLogBlockBytes > agent_api::kLogLineBytesMax);
/// So much in front of a place is what it is known by.
constexpr std::uint64_t kMarkBytes = 256;
constexpr std::string_view kFileCursor = "f:";

struct LogFile {
    Fd fd;
    std::uint64_t inode = 0;
    std::uint64_t size = 0;  ///< when it was opened
};

struct LogPlace {
    std::uint64_t inode = 0;
    std::uint64_t offset = 0;
    std::uint32_t mark = 0;  ///< checksum of what stands in front
};

/// Whether somebody may still write behind its end.
enum class LogEnd { open, closed };

struct LogSegment {
    const LogFile* file = nullptr;
    std::uint64_t at = 0;
    LogEnd end = LogEnd::open;
};

/// Nothing: there is none.
Result<std::optional<LogFile>> open_log(const std::string& path) {
    LogFile file;
    // A pipe in its place must not make us wait.
    file.fd = Fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    if (!file.fd.is_open() && errno == ENOENT) return std::optional<LogFile>();
    if (!file.fd.is_open()) return system_error("open the log " + path);
    struct stat status {};
    if (::fstat(file.fd.get(), &status) != 0) return system_error("look at " + path);
    if (!S_ISREG(status.st_mode)) return Error(Errc::invalid, "the log " + path + " is no file");
    file.inode = status.st_ino;
    file.size = static_cast<std::uint64_t>(status.st_size);
    return std::optional<LogFile>(std::move(file));
}

/// As much of `most` bytes as the file holds_place there.
Result<std::string> read_log_at(const LogFile& file, std::uint64_t at, std::uint64_t most) {
    std::string text(most, '\0');
    std::size_t size = 0;
    while (size < text.size()) {
        const ssize_t got = ::pread(
            file.fd.get(), text.data() + size, text.size() - size, static_cast<off_t>(at + size));
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return system_error("read a log");
        if (got == 0) break;
        size += static_cast<std::size_t>(got);
    }
    text.resize(size);
    return text;
}

Result<std::uint32_t> mark_before(const LogFile& file, std::uint64_t offset) {
    const std::uint64_t size = std::min(offset, kMarkBytes);
    ZK_TRY(const std::string text, read_log_at(file, offset - size, size));
    return crc32(kCrc32Start, text);
}

std::string cursor_at(const LogPlace& place) {
    return std::string(kFileCursor) + std::to_string(place.inode) + ":" +
           std::to_string(place.offset) + ":" + std::to_string(place.mark);
}

Result<LogPlace> parse_place(std::string_view cursor) {
    const Error wrong(Errc::invalid, "the cursor is not that of a log file; ask again without it");
    if (!cursor.starts_with(kFileCursor)) return wrong;
    cursor.remove_prefix(kFileCursor.size());
    const std::size_t first = std::min(cursor.find(':'), cursor.size());
    const std::size_t second = std::min(cursor.find(':', first + 1), cursor.size());
    if (second >= cursor.size()) return wrong;
    const auto inode = parse_number<std::uint64_t>(cursor.substr(0, first));
    const auto offset = parse_number<std::uint64_t>(cursor.substr(first + 1, second - first - 1));
    const auto mark = parse_number<std::uint32_t>(cursor.substr(second + 1));
    if (!inode || !offset || !mark) return wrong;
    return LogPlace{*inode, *offset, *mark};
}

/// Whether this file, by whatever name, holds what stood in front of the place.
Result<bool> holds_place(const std::optional<LogFile>& file, const LogPlace& place) {
    if (!file || file->size < place.offset) return false;
    ZK_TRY(const std::uint32_t mark, mark_before(*file, place.offset));
    return mark == place.mark;
}

/// Where the last `lines` lines that are ended begin; `lines` is then how many of them are missing.
Result<std::uint64_t> start_of_last(const LogFile& file, std::int64_t& lines) {
    std::uint64_t begin = file.size;
    std::int64_t ends = 0;  // of lines; one in front of the first wanted one is looked for as well
    while (begin > 0) {
        const std::uint64_t size = std::min<std::uint64_t>(begin, kLogBlockBytes);
        begin -= size;
        ZK_TRY(const std::string text, read_log_at(file, begin, size));
        for (std::size_t at = text.size(); at > 0; --at) {
            if (text[at - 1] != '\n' || ends++ < lines) continue;
            lines = 0;
            return begin + at;
        }
    }
    lines -= std::min(lines, ends);
    return 0;
}

/// How much of `text`, the beginning of what is left of a file, is a line of its own; 0: that is not known yet. `skipped`
/// is its line end.
std::size_t first_log_line(std::string_view text, LogEnd end, std::size_t& skipped) {
    skipped = 0;
    const std::size_t found = text.find('\n');
    if (found != std::string_view::npos) {
        skipped = 1;
        return found;
    }
    if (text.size() > agent_api::kLogLineBytesMax) return agent_api::log_piece_bytes(text);
    return end == LogEnd::closed ? text.size() : 0;
}

/// Reads on until the chunk is full or the file has no more; `segment.at` is then what has not been read.
Result<> read_segment(LogSegment& segment, LogChunk& chunk) {
    while (!chunk.full()) {
        ZK_TRY(const std::string block, read_log_at(*segment.file, segment.at, kLogBlockBytes));
        std::string_view text = block;
        while (!text.empty() && !chunk.full()) {
            std::size_t skipped = 0;
            const std::size_t size = first_log_line(text, segment.end, skipped);
            if (size + skipped == 0) break;
            // What is cut off by the block alone comes whole with the next one.
            const bool cut =
                skipped == 0 && text.size() < block.size() && block.size() == kLogBlockBytes;
            if (cut) break;
            chunk.add(std::nullopt, text.substr(0, size));
            text.remove_prefix(size + skipped);
        }
        if (text.size() == block.size()) return ok();
        segment.at += block.size() - text.size();
    }
    return ok();
}

class FileLog {
  public:
    FileLog(const std::string& path, const LogRequest& request)
        : path_(path),
          request_(request),
          chunk_(request.cursor.empty() ? agent_api::kLogLinesMax : request.lines) {}

    Result<NodeLog> read() {
        ZK_TRY(now_, open_log(path_));
        ZK_TRY(old_, open_log(path_ + ".1"));
        log_.source = path_;
        log_.cursor = request_.cursor;
        if (request_.cursor.empty()) {
            ZK_CHECK(begin());
        } else {
            ZK_CHECK(go_on());
        }
        ZK_CHECK(read_segments());
        return std::move(log_);
    }

  private:
    /// Where the last lines begin: in the file of now, or in the one before.
    Result<> begin() {
        if (!now_) {
            return agent_api::from_agent_error(
                {agent_api::AgentErrc::not_found,
                 "there is no log " + path_ +
                     ": what writes it was never started on this host; zkprov start does"});
        }
        std::int64_t missing = request_.lines;
        ZK_TRY(const std::uint64_t at, start_of_last(*now_, missing));
        if (missing > 0 && old_) {
            ZK_TRY(const std::uint64_t before, start_of_last(*old_, missing));
            segments_.push_back({&*old_, before, LogEnd::closed});
        }
        segments_.push_back({&*now_, at, LogEnd::open});
        return ok();
    }

    Result<> go_on() {
        ZK_TRY(const LogPlace place, parse_place(request_.cursor));
        ZK_TRY(const bool in_now, holds_place(now_, place));
        ZK_TRY(const bool in_old, holds_place(old_, place));
        if (in_now && now_->inode == place.inode) {
            segments_.push_back({&*now_, place.offset, LogEnd::open});
        } else if (in_old && (old_->inode == place.inode || place.offset > 0)) {
            segments_.push_back({&*old_, place.offset, LogEnd::closed});
            if (now_) segments_.push_back({&*now_, 0, LogEnd::open});
        } else if (in_now && place.offset > 0) {
            segments_.push_back({&*now_, place.offset, LogEnd::open});
        } else if (now_) {
            log_.lost = place.offset > 0;
            segments_.push_back({&*now_, 0, LogEnd::open});
        }
        return ok();
    }

    Result<> read_segments() {
        for (LogSegment& segment : segments_) {
            ZK_CHECK(read_segment(segment, chunk_));
            ZK_TRY(const std::uint32_t mark, mark_before(*segment.file, segment.at));
            log_.cursor = cursor_at({segment.file->inode, segment.at, mark});
            if (chunk_.full()) break;
        }
        log_.more = chunk_.full() && request_.lines > 0;
        log_.lines = chunk_.take();
        return ok();
    }

    const std::string& path_;
    const LogRequest& request_;
    std::optional<LogFile> now_;
    std::optional<LogFile> old_;
    std::vector<LogSegment> segments_;
    LogChunk chunk_;
    NodeLog log_;
};

}  // namespace

Result<NodeLog> read_file_log(const std::string& path, const LogRequest& request) {
    return FileLog(path, request).read();
}

}  // namespace zk::agent_host
