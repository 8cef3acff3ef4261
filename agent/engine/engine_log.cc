// Logs of containers as an engine sends them. Source: the Engine API's reference, "Get container logs" and "Attach", stream
// format.
#include <algorithm>
#include <array>
#include <chrono>
#include <utility>

#include "base/numbers.h"
#include "engine/engine_json.h"

namespace zk::engine {
namespace {

constexpr std::size_t kHead = 8;  // stream, 0, 0, 0, and the size with its highest byte first
constexpr std::size_t kStreams = 3;
constexpr std::int64_t kNsPerSecond = 1'000'000'000;

struct Piece {
    std::size_t stream = 0;  ///< stdin, stdout, stderr
    std::string_view text;
    bool whole = true;  ///< false: less of it came than its head says
};

/// Takes the next piece off `stream`; nothing where none begins there.
std::optional<Piece> take_piece(std::string_view& stream) {
    if (stream.size() < kHead) return std::nullopt;
    const bool framed =
        stream[0] >= 0 && stream[0] <= 2 && stream[1] == 0 && stream[2] == 0 && stream[3] == 0;
    if (!framed) return std::nullopt;
    std::size_t size = 0;
    for (std::size_t i = 4; i < kHead; ++i) {
        size = size << 8U | static_cast<unsigned char>(stream[i]);
    }
    Piece piece;
    piece.stream = static_cast<std::size_t>(stream[0]);
    stream.remove_prefix(kHead);
    piece.whole = size <= stream.size();
    piece.text = stream.substr(0, size);
    stream.remove_prefix(piece.text.size());
    return piece;
}

/// The number that the next `size` characters of `text` are; they are taken off.
std::optional<int> take_digits(std::string_view& text, std::size_t size) {
    const std::string_view digits = text.substr(0, size);
    text.remove_prefix(digits.size());
    if (digits.size() != size || digits.front() == '-') return std::nullopt;
    return parse_number<int>(digits);
}

bool take_mark(std::string_view& text, std::string_view mark) {
    if (!text.starts_with(mark)) return false;
    text.remove_prefix(mark.size());
    return true;
}

/// ".5" as ns; 0 where there is no fraction.
std::optional<std::int64_t> take_fraction(std::string_view& text) {
    if (!take_mark(text, ".")) return 0;
    const std::size_t end = std::min(text.find_first_not_of("0123456789"), text.size());
    if (end == 0 || end > 9) return std::nullopt;
    std::string digits(text.substr(0, end));
    digits.resize(9, '0');
    text.remove_prefix(end);
    return parse_number<std::int64_t>(digits);
}

/// "Z" or "+02:00", in seconds; nothing else may follow.
std::optional<int> take_offset(std::string_view text) {
    if (text == "Z") return 0;
    if (text.empty() || (text.front() != '+' && text.front() != '-')) return std::nullopt;
    const int sign = text.front() == '-' ? -1 : 1;
    text.remove_prefix(1);
    const auto hours = take_digits(text, 2);
    if (!hours || !take_mark(text, ":")) return std::nullopt;
    const auto minutes = take_digits(text, 2);
    if (!minutes || !text.empty()) return std::nullopt;
    return sign * (*hours * 3600 + *minutes * 60);
}

/// From pieces to lines, of each stream its own.
class LogLines {
  public:
    /// A piece begins with its time, and holds a part of a line, a line, or several, each with its time.
    void add(std::size_t stream, std::string_view text) {
        LoggedLine& line = open_.at(stream);
        for (bool first = true; !text.empty(); first = false) {
            const bool begins = line.text.empty() && line.at_ns == 0;
            const std::size_t end = text.find('\n');
            std::string_view part = text.substr(0, end);
            const std::int64_t at_ns = first || begins ? take_time(part) : 0;
            if (begins) line.at_ns = at_ns;
            line.text += part;
            if (first) ++lines_.messages;
            if (end == std::string_view::npos) return;
            lines_.lines.push_back(std::exchange(line, {}));
            text.remove_prefix(end + 1);
        }
    }
    LoggedLines take() { return std::move(lines_); }

  private:
    static std::int64_t take_time(std::string_view& text) {
        const std::size_t end = text.find(' ');
        if (end == std::string_view::npos) return 0;
        const auto at_ns = parse_time_ns(text.substr(0, end));
        if (at_ns) text.remove_prefix(end + 1);
        return at_ns.value_or(0);
    }

    std::array<LoggedLine, kStreams> open_;
    LoggedLines lines_;
};

}  // namespace

std::optional<std::int64_t> parse_time_ns(std::string_view text) {
    using namespace std::chrono;
    std::array<int, 6> parts{};
    constexpr std::array<std::pair<std::size_t, std::string_view>, 6> kForm = {
        {{4, "-"}, {2, "-"}, {2, "T"}, {2, ":"}, {2, ":"}, {2, ""}}};
    for (std::size_t i = 0; i < kForm.size(); ++i) {
        const auto number = take_digits(text, kForm[i].first);
        if (!number || !take_mark(text, kForm[i].second)) return std::nullopt;
        parts[i] = *number;
    }
    const auto fraction = take_fraction(text);
    const auto offset = fraction ? take_offset(text) : std::nullopt;
    const year_month_day date{year{parts[0]},
                              month{static_cast<unsigned>(parts[1])},
                              day{static_cast<unsigned>(parts[2])}};
    // Beyond these years the ns do not fit.
    if (!offset || !date.ok() || parts[0] < 1970 || parts[0] > 2200) return std::nullopt;
    const std::int64_t days = sys_days(date).time_since_epoch().count();
    const std::int64_t seconds =
        days * 86400 + parts[3] * 3600 + parts[4] * 60 + parts[5] - *offset;
    return seconds * kNsPerSecond + *fraction;
}

std::string plain_log(std::string_view stream) {
    std::string text;
    for (auto piece = take_piece(stream); piece; piece = take_piece(stream)) text += piece->text;
    return text.append(stream);
}

LoggedLines parse_log(std::string_view stream) {
    LogLines lines;
    bool framed = false;
    while (const auto piece = take_piece(stream)) {
        framed = true;
        if (!piece->whole) return lines.take();
        lines.add(piece->stream, piece->text);
    }
    if (framed) return lines.take();
    // Of a terminal: no pieces, but lines.
    while (true) {
        const std::size_t end = stream.find('\n');
        if (end == std::string_view::npos) return lines.take();
        lines.add(0, stream.substr(0, end + 1));
        stream.remove_prefix(end + 1);
    }
}

}  // namespace zk::engine
