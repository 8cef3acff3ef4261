#include "ensemble/zoo_cfg_values.h"

#include <array>
#include <charconv>
#include <limits>

#include <fmt/core.h>

#include "base/numbers.h"
#include "ensemble/config_keys.h"

namespace zk::ensemble {
namespace {

/// Digits of `base`, all of `text`, with `negative` in front.
std::optional<std::int64_t> digits(std::string_view text, int base, bool negative) {
    if (text.empty() || text.front() == '-') return std::nullopt;
    const std::string whole = (negative ? "-" : "") + std::string(text);
    return parse_number(whole, base);
}

bool take_sign(std::string_view& text) {
    const bool negative = text.starts_with('-');
    if (negative || text.starts_with('+')) text.remove_prefix(1);
    return negative;
}

}  // namespace

Error invalid(const Property& property, std::string_view what) {
    return {Errc::invalid, fmt::format("{}: {}", shown(property.key, property.value), what)};
}
Error unsupported(const Property& property, std::string_view what) {
    return {Errc::unsupported, fmt::format("{}: {}", shown(property.key, property.value), what)};
}

std::optional<std::int64_t> decimal(std::string_view text) {
    const bool negative = take_sign(text);
    return digits(text, 10, negative);
}

std::optional<std::int64_t> decoded(std::string_view text) {
    const bool negative = take_sign(text);
    int base = 10;
    if (text.starts_with("0x") || text.starts_with("0X")) {
        base = 16;
        text.remove_prefix(2);
    } else if (text.starts_with('#')) {
        base = 16;
        text.remove_prefix(1);
    } else if (text.size() > 1 && text.starts_with('0')) {
        base = 8;
    }
    const auto value = digits(text, base, negative);
    if (!value || *value < std::numeric_limits<int>::min() ||
        *value > std::numeric_limits<int>::max()) {
        return std::nullopt;
    }
    return value;
}

Result<bool> boolean(const Property& property) {
    const std::string value = lower(property.value);
    if (value == "true") return true;
    if (value == "false") return false;
    return invalid(property, "choose 'true' or 'false'");
}

Result<double> fraction(const Property& property) {
    double value = 0;
    const char* const end = property.value.data() + property.value.size();
    const auto [parsed_to, error] = std::from_chars(property.value.data(), end, value);
    const bool whole = error == std::errc() && parsed_to == end && !property.value.empty();
    if (!whole || !(value >= 0 && value <= 1)) return invalid(property, "must be from 0 to 1");
    return value;
}

Result<std::string> text(const Property& property) {
    if (property.value.empty()) return invalid(property, "the value is missing");
    return property.value;
}

bool yes_or_no(const Property& property, bool standard, std::string& warning) {
    const std::string_view value = property.value;
    if (standard) {
        if (value != "yes" && value != "no") warning = "everything but 'no' is yes";
        return value != "no";
    }
    const std::string word = lower(value);
    if (value != "yes" && word != "no" && word != "false")
        warning = "this value does not switch it on; it is off";
    return value == "yes";
}

std::optional<std::string_view> digest_algorithm(std::string_view name) {
    static constexpr std::array<std::string_view, 12> kNames = {"SHA1",
                                                                "MD5",
                                                                "SHA-224",
                                                                "SHA-256",
                                                                "SHA-384",
                                                                "SHA-512",
                                                                "SHA-512/224",
                                                                "SHA-512/256",
                                                                "SHA3-224",
                                                                "SHA3-256",
                                                                "SHA3-384",
                                                                "SHA3-512"};
    const std::string word = lower(name);
    if (word == "sha" || word == "sha-1") return kNames.front();
    for (const std::string_view each : kNames) {
        if (lower(each) == word) return each;
    }
    return std::nullopt;
}

bool property_boolean(const Property& property, std::string& warning) {
    const std::string value = lower(property.value);
    if (value == "true") return true;
    if (value != "false") warning = "everything but 'true' is false";
    return false;
}

}  // namespace zk::ensemble
