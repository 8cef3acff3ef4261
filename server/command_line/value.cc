#include "command_line/value.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

#include "base/nearest_name.h"

namespace zk::command_line {
namespace {

std::string quoted(std::string_view text) { return "\"" + std::string(text) + "\""; }

/// Digits with an optional minus, nothing else, within 64 bits.
std::optional<std::int64_t> whole_number(std::string_view text) {
    std::int64_t number = 0;
    const auto end = text.data() + text.size();
    const auto read = std::from_chars(text.data(), end, number);
    if (read.ec != std::errc() || read.ptr != end) return std::nullopt;
    return number;
}

Result<> read_number(const Option& option, const std::string& spelled, Value& value) {
    const auto number = whole_number(value.text);
    if (number && *number >= option.least && *number <= option.most) {
        value.number = *number;
        return ok();
    }
    std::string range = std::to_string(option.least);
    range += option.most == std::numeric_limits<std::int64_t>::max()
                 ? " or more"
                 : " to " + std::to_string(option.most);
    return Error(Errc::invalid,
                 spelled + " must be a whole number, " + range + "; found " + quoted(value.text));
}

Result<> check_choice(const Option& option, const std::string& spelled, const std::string& text) {
    if (std::ranges::find(option.choices, text) != option.choices.end()) return ok();
    const std::string all = in_words(option.choices, "or");
    if (std::ranges::find(option.later_choices, text) != option.later_choices.end()) {
        return Error(Errc::invalid,
                     spelled + " " + text + " is not supported in this version; it must be " + all);
    }
    return Error(Errc::invalid,
                 spelled + " must be " + all + ", found " + quoted(text) +
                     did_you_mean(text, option.choices));
}

}  // namespace

Result<Value> read_value(const Option& option,
                         const std::string& spelled,
                         const std::string& text) {
    Value value{.text = text};
    switch (option.type) {
        case Type::flag:
        case Type::text:
            break;
        case Type::file:
            if (text.empty()) return Error(Errc::invalid, spelled + " needs a file");
            break;
        case Type::directory:
            if (text.empty()) return Error(Errc::invalid, spelled + " needs a directory");
            break;
        case Type::number:
            ZK_CHECK(read_number(option, spelled, value));
            break;
        case Type::duration: {
            const auto duration = parse_duration(text);
            if (!duration) return duration.error().with_context(spelled);
            value.duration = *duration;
            break;
        }
        case Type::choice:
            ZK_CHECK(check_choice(option, spelled, text));
            break;
    }
    return value;
}

Result<milliseconds> parse_duration(std::string_view text) {
    struct Unit {
        std::string_view suffix;
        std::int64_t factor_ms;
    };
    constexpr std::array<Unit, 4> kUnits = {{{"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}}};
    std::string_view digits = text;
    std::int64_t factor_ms = 1000;
    for (const Unit& unit : kUnits) {
        if (!text.ends_with(unit.suffix)) continue;
        digits.remove_suffix(unit.suffix.size());
        factor_ms = unit.factor_ms;
        break;
    }
    const auto number = whole_number(digits);
    constexpr std::int64_t kMostMs = 24LL * 3600 * 1000;
    if (!number || *number <= 0 || *number > kMostMs / factor_ms) {
        return Error(
            Errc::invalid,
            "a duration is a number with ms, s, m or h (30s), up to 24h; found " + quoted(text));
    }
    return milliseconds(*number * factor_ms);
}

std::string did_you_mean(std::string_view word, const std::vector<std::string_view>& names) {
    const std::string meant = nearest_name(word, {names.begin(), names.end()});
    return meant.empty() ? "" : "; did you mean " + quoted(meant) + "?";
}

}  // namespace zk::command_line
