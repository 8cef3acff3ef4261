// The log of a node, piece by piece: what `zkprov logs` asks an agent for, and the answer.
// Pure. Travels as JSON. The agent makes lines harmless before they travel; the controller does it again, as it prints
// what came from another machine. A chunk fits a frame of the link whatever the log holds.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent_api/names.h"
#include "base/ids.h"
#include "base/result.h"

namespace zk::agent_api {

/// Lines that are shown where nobody says how many, and the most that anybody may ask for.
inline constexpr std::int64_t kLogLinesStandard = 100;
inline constexpr std::int64_t kLogLinesMax = 10000;
/// What is longer comes as several lines.
inline constexpr std::size_t kLogLineBytesMax = 16UL * 1024;
/// Of one entry, which may hold several lines; what is beyond that is left out.
inline constexpr std::size_t kLogEntryBytesMax = 48UL * 1024;
/// A chunk takes no more entries at this size, counted as its JSON is at worst.
inline constexpr std::size_t kLogChunkBytes = 1024UL * 1024;
inline constexpr std::size_t kLogCursorBytesMax = 512;

enum class LogOf {
    server,  ///< what the node's server writes
    agent,   ///< what the resident agent writes
};
constexpr std::array<std::string_view, 2> enum_words(LogOf) { return {"server", "agent"}; }

/// The node's last `lines` lines and what came meanwhile, or, with a cursor, about so many of those behind it: an entry is
/// never divided, and one of several lines counts once where the end is looked for.
struct LogRequest {
    LogOf of = LogOf::server;
    std::int64_t lines =
        kLogLinesStandard;  ///< 0 to kLogLinesMax; 0 without a cursor: only where the log ends
    std::string cursor;     ///< of an earlier answer; empty: the end of the log
    friend bool operator==(const LogRequest&, const LogRequest&) = default;
    static void fields(auto& archive, auto& self) {
        archive("of", self.of);
        archive("lines", self.lines);
        archive("cursor", self.cursor);
    }
};

struct LogLine {
    std::optional<std::int64_t>
        at_us;         ///< since 1970 by the node's clock; nothing: only the text may say
    std::string text;  ///< UTF-8 without control characters
    friend bool operator==(const LogLine&, const LogLine&) = default;
    static void fields(auto& archive, auto& self) {
        archive("at_us", self.at_us);
        archive("text", self.text);
    }
};

struct NodeLog {
    std::string cluster;
    ServerId sid;
    std::string source;  ///< "the journal of zookeeper.service", a path, "the container demo-2"
    std::vector<LogLine> lines;  ///< oldest first
    std::string cursor;          ///< behind the last line; only the agent reads it
    bool more = false;           ///< what did not fit comes with the next question
    bool lost = false;  ///< between the cursor that was asked with and these lines some are gone
    friend bool operator==(const NodeLog&, const NodeLog&) = default;
    static void fields(auto& archive, auto& self) {
        archive("cluster", self.cluster);
        archive("sid", self.sid);
        archive("source", self.source);
        archive("lines", self.lines);
        archive("cursor", self.cursor);
        archive("more", self.more);
        archive("lost", self.lost);
    }
};

std::string to_json(const LogRequest& message);
std::string to_json(const NodeLog& message);
/// Errc::corrupt names the member that is wrong; Errc::invalid: a count or a cursor beyond its bounds.
Result<LogRequest> parse_log_request(std::string_view json);
Result<NodeLog> parse_node_log(std::string_view json);

/// How much of `text`, which has no line end, goes into one line: at most kLogLineBytesMax bytes, in whole characters.
std::size_t log_piece_bytes(std::string_view text);

/// Lines for one answer, made harmless and counted.
class LogChunk {
  public:
    /// Takes no more entries from `lines_most` lines on.
    explicit LogChunk(std::int64_t lines_most) : lines_most_(lines_most) {}

    /// Whether it takes no more.
    [[nodiscard]] bool full() const;
    /// An entry, of one line or several. REQUIRES: it is not full.
    void add(std::optional<std::int64_t> at_us, std::string_view entry);
    [[nodiscard]] const std::vector<LogLine>& lines() const { return lines_; }
    [[nodiscard]] std::vector<LogLine> take() { return std::move(lines_); }

  private:
    void add_line(std::optional<std::int64_t> at_us, std::string_view text);

    std::int64_t lines_most_;
    std::size_t bytes_ = 0;
    std::vector<LogLine> lines_;
};

}  // namespace zk::agent_api
