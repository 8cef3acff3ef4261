#include "ensemble/config_keys.h"

#include <algorithm>
#include <array>

#include <fmt/core.h>

#include "ensemble/config_key_rows.h"
#include "ensemble/zoo_cfg_values.h"

namespace zk::ensemble {
namespace {

constexpr std::string_view kPropertyPrefix = "zookeeper.";
/// Of names in small letters.
constexpr std::array<std::string_view, 3> kSecretEnds = {"superdigest", "password", "passwd"};

bool is_among(std::string_view word, std::string_view words) {
    while (!words.empty()) {
        const std::size_t blank = words.find(' ');
        if (words.substr(0, blank) == word) return true;
        if (blank == std::string_view::npos) break;
        words.remove_prefix(blank + 1);
    }
    return false;
}

std::string joined(const std::vector<std::string>& words) {
    std::string text;
    for (const std::string& word : words) text += text.empty() ? word : ", " + word;
    return text;
}

// How each kind of field is written.
std::optional<std::string> written(bool value) { return value ? "true" : "false"; }
std::optional<std::string> written(double value) { return fmt::format("{}", value); }
std::optional<std::string> written(milliseconds value) { return std::to_string(value.count()); }
std::optional<std::string> written(const std::string& value) { return value; }
std::optional<std::string> written(const std::vector<std::string>& value) { return joined(value); }
std::optional<std::string> written(const std::optional<std::uint16_t>& value) {
    if (!value) return std::nullopt;
    return std::to_string(*value);
}
std::optional<std::string> written(const std::optional<Role>& value) {
    if (!value) return std::nullopt;
    return std::string(to_string(*value));
}
std::optional<std::string> written(SnapshotCompression value) {
    if (value == SnapshotCompression::none) return std::nullopt;
    return value == SnapshotCompression::gz ? "gz" : "snappy";
}
template <class Number>
std::optional<std::string> written(Number value) {
    return std::to_string(value);
}

}  // namespace

std::string_view to_string(KeyType type) {
    switch (type) {
        case KeyType::number:
            return "number";
        case KeyType::fraction:
            return "number with a point";
        case KeyType::boolean:
        case KeyType::property_flag:
            return "true or false";
        case KeyType::yes_no:
            return "yes or no";
        case KeyType::path:
            return "path";
        case KeyType::host:
            return "host";
        case KeyType::word:
            return "word";
        case KeyType::compression:
            return "gz or snappy";
        case KeyType::words:
            return "words with commas";
        case KeyType::class_name:
            return "class";
        case KeyType::member:
            return "member";
        case KeyType::text:
            break;
    }
    return "text";
}

std::string to_string(const Range& range) {
    if (range.least == range.most) return std::to_string(range.least);
    if (range.most < kIntMax) return fmt::format("{} to {}", range.least, range.most);
    return range.least > kIntMin ? fmt::format("{} and more", range.least) : "any";
}

const std::vector<const ConfigKey*>& config_keys() {
    static const std::vector<const ConfigKey*> kAll = [] {
        std::vector<const ConfigKey*> all;
        for (const auto rows :
             {honoured_keys(), access_keys(), refused_keys(), keys_without_effect()}) {
            for (const ConfigKey& key : rows) all.push_back(&key);
        }
        return all;
    }();
    return kAll;
}

const ConfigKey* find_config_key(std::string_view name) {
    const ConfigKey* family = nullptr;
    for (const ConfigKey* key : config_keys()) {
        if (key->prefix.empty()) {
            if (key->name == name) return key;
        } else if (name.starts_with(key->prefix) &&
                   (family == nullptr || key->prefix.size() > family->prefix.size())) {
            family = key;
        }
    }
    return family;
}

std::string_view name_in_a_file(std::string_view name) {
    if (name.starts_with(kPropertyPrefix)) return name.substr(kPropertyPrefix.size());
    const auto found = std::ranges::find_if(
        config_keys(), [&](const ConfigKey* key) { return is_among(name, key->other_names); });
    return found == config_keys().end() ? std::string_view() : (*found)->name;
}

std::optional<std::string> value_in(const ConfigKey& key, const ServerConfig& config) {
    const std::optional<std::string> value = std::visit(
        [&](const auto member) -> std::optional<std::string> {
            if constexpr (std::is_same_v<decltype(member), const std::monostate>) {
                return std::nullopt;
            } else {
                return written(config.*member);
            }
        },
        key.field);
    if (key.type != KeyType::yes_no || !value) return value;
    return *value == "true" ? "yes" : "no";
}

bool is_secret(std::string_view key) {
    const ConfigKey* const row = find_config_key(key);
    if (row != nullptr && row->secret) return true;
    // Also where the key has another prefix, or is another one's: a secret in the wrong place is still one.
    return std::any_of(kSecretEnds.begin(), kSecretEnds.end(), [key](std::string_view end) {
        return lower(key).ends_with(end);
    });
}

std::string shown(std::string_view key, std::string_view value) {
    return fmt::format("{}={}", key, is_secret(key) && !value.empty() ? "***" : value);
}

std::string default_of(const ConfigKey& key) { return value_in(key, ServerConfig{}).value_or(""); }

}  // namespace zk::ensemble
