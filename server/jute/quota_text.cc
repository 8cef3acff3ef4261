#include "jute/quota_text.h"

#include <algorithm>
#include <utility>

#include "base/numbers.h"

namespace zk::jute {
namespace {

/// Long.parseLong: a '+' may stand in front.
std::optional<std::int64_t> parse_long(std::string_view digits) {
    if (digits.starts_with('+') && !digits.starts_with("+-")) digits.remove_prefix(1);
    return parse_number(digits);
}

/// "key=value", cut at each '=' as Java does: what is behind a second one has no meaning, and nothing is left of '='s at
/// the end.
bool take_pair(std::string_view pair, std::map<std::string, std::int64_t>& values) {
    const std::size_t last = pair.find_last_not_of('=');
    pair = pair.substr(0, last == std::string_view::npos ? 0 : last + 1);
    const std::size_t equals = pair.find('=');
    if (equals == std::string_view::npos) return false;
    std::string_view digits = pair.substr(equals + 1);
    digits = digits.substr(0, digits.find('='));
    const std::optional<std::int64_t> value = digits.empty() ? -1 : parse_long(digits);
    if (value) values[std::string(pair.substr(0, equals))] = *value;
    return value.has_value();
}

}  // namespace

std::string QuotaText::limits() const {
    return "count=" + std::to_string(count) + ",bytes=" + std::to_string(bytes) +
           "=;byteHardLimit=" + std::to_string(bytes_hard) +
           ";countHardLimit=" + std::to_string(count_hard);
}

std::string QuotaText::used() const {
    std::string text = "count=" + std::to_string(count) + ",bytes=" + std::to_string(bytes);
    if (!rest.empty()) text += '=';
    for (const auto& [key, value] : rest) text += ';' + key + '=' + std::to_string(value);
    return text;
}

std::optional<QuotaText> parse_quota(std::string_view text) {
    constexpr std::string_view kSeparators = ",;";
    // Separators at the end are nothing; at the beginning they stand behind an empty pair, which is none.
    const std::size_t last = text.find_last_not_of(kSeparators);
    text = text.substr(0, last == std::string_view::npos ? 0 : last + 1);
    std::map<std::string, std::int64_t> values;
    while (!text.empty()) {
        const std::size_t end = std::min(text.find_first_of(kSeparators), text.size());
        if (!take_pair(text.substr(0, end), values)) return std::nullopt;
        text.remove_prefix(std::min(text.find_first_not_of(kSeparators, end), text.size()));
    }
    QuotaText quota;
    const auto value_of = [&values](const char* key) {
        const auto found = values.find(key);
        return found == values.end() ? -1 : found->second;
    };
    quota.count = value_of("count");
    quota.bytes = value_of("bytes");
    quota.count_hard = value_of("countHardLimit");
    quota.bytes_hard = value_of("byteHardLimit");
    values.erase("count");
    values.erase("bytes");
    quota.rest = std::move(values);
    return quota;
}

std::string quota_path(std::string_view path) { return "/zookeeper/quota" + std::string(path); }

std::string limits_path(std::string_view path) {
    return quota_path(path).append("/").append(kLimitsNode);
}

std::string stats_path(std::string_view path) {
    return quota_path(path).append("/").append(kStatsNode);
}

}  // namespace zk::jute
