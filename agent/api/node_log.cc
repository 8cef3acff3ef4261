#include "agent_api/node_log.h"

#include <algorithm>

#include "agent_api/link.h"
#include "base/check.h"
#include "base/plain_line.h"

namespace zk::agent_api {
namespace {

/// Of a line beside its text: {"at_us":-9223372036854775808,"text":""}, and a comma.
constexpr std::size_t kLineCost = 48;
/// A character of a text that was made harmless, in JSON: a quote has a backslash in front.
constexpr std::size_t kByteCost = 2;
/// Names of members, cluster, source and cursor.
constexpr std::size_t kHeadCost = 64UL * 1024;
/// An entry of nothing but line ends is the dearest of its size.
static_assert(kLogChunkBytes + kLogEntryBytesMax * kLineCost + kHeadCost < kFrameBytesMax);
static_assert(kLineCost > kByteCost);

}  // namespace

std::size_t log_piece_bytes(std::string_view text) {
    if (text.size() <= kLogLineBytesMax) return text.size();
    constexpr std::size_t kCharacterBytesMax = 4;
    std::size_t size = kLogLineBytesMax;
    const auto goes_on = [&] { return (static_cast<unsigned char>(text[size]) & 0xc0U) == 0x80; };
    while (size > kLogLineBytesMax - kCharacterBytesMax && goes_on()) --size;
    return size;
}

bool LogChunk::full() const {
    return bytes_ >= kLogChunkBytes || static_cast<std::int64_t>(lines_.size()) >= lines_most_;
}

void LogChunk::add(std::optional<std::int64_t> at_us, std::string_view entry) {
    ZK_ASSERT(!full());
    entry = entry.substr(0, kLogEntryBytesMax);
    if (entry.ends_with('\n')) entry.remove_suffix(1);
    for (;;) {
        const std::size_t end = std::min(entry.find('\n'), entry.size());
        std::string_view line = entry.substr(0, end);
        do {
            const std::size_t size = log_piece_bytes(line);
            add_line(at_us, line.substr(0, size));
            line.remove_prefix(size);
        } while (!line.empty());
        if (end == entry.size()) return;
        entry.remove_prefix(end + 1);
    }
}

void LogChunk::add_line(std::optional<std::int64_t> at_us, std::string_view text) {
    lines_.push_back({at_us, plain_line(text)});
    bytes_ += kLineCost + kByteCost * lines_.back().text.size();
}

Result<LogRequest> parse_log_request(std::string_view json) {
    ZK_TRY(auto request, parse_payload<LogRequest>(json));
    if (request.lines < 0 || request.lines > kLogLinesMax) {
        return Error(Errc::invalid,
                     "a log of " + std::to_string(request.lines) + " lines; 0 to " +
                         std::to_string(kLogLinesMax) + " can be asked for");
    }
    if (request.cursor.size() > kLogCursorBytesMax) {
        return Error(Errc::invalid, "the cursor of a log is too long");
    }
    return request;
}

Result<NodeLog> parse_node_log(std::string_view json) {
    ZK_TRY(auto log, parse_payload<NodeLog>(json));
    if (log.cursor.size() > kLogCursorBytesMax) {
        return Error(Errc::invalid, "the cursor of a log is too long");
    }
    return log;
}

}  // namespace zk::agent_api
