#include "inventory/config_keys.h"

#include <algorithm>

#include "base/check.h"
#include "base/nearest_name.h"
#include "base/numbers.h"
#include "ensemble/config_keys.h"
#include "inventory/section.h"

namespace zk::inventory {
namespace {

using ensemble::ConfigKey;
using ensemble::KeyType;
using ensemble::SetBy;
using ensemble::Standing;

std::string why_unknown(std::string_view key) {
    std::vector<std::string> names;
    for (const ConfigKey* each : ensemble::config_keys()) {
        if (each->set_by != SetBy::hand && each->prefix.empty()) names.emplace_back(each->name);
    }
    const std::string meant = nearest_name(key, names);
    if (!meant.empty()) return "unknown zoo.cfg key; did you mean \"" + meant + "\"?";
    return "unknown zoo.cfg key, or not supported in this version; remove it";
}

std::optional<std::string> check_number(const ConfigKey& key, std::string_view value) {
    const auto number = parse_number(value);
    // The server reads some numbers as Java's decode does: 010 is 8 there.
    const bool plain = number && std::to_string(*number) == value;
    if (plain && key.inventory.holds(*number)) return std::nullopt;
    return "must be a whole number from " + std::to_string(key.inventory.least) + " to " +
           std::to_string(key.inventory.most) + ", found \"" + std::string(value) + "\"";
}

std::optional<std::string> check_word(const ConfigKey& key,
                                      std::string_view value,
                                      std::string_view one,
                                      std::string_view other) {
    if (value == one || value == other) {
        const bool on =
            key.feature != nullptr && key.feature->effect(value) != ensemble::Effect::off;
        if (!on) return std::nullopt;
        return "\"" + std::string(value) + "\" is not supported in this version (" +
               std::string(key.words) + "); remove the key";
    }
    return "must be " + std::string(one) + " or " + std::string(other) + ", found \"" +
           std::string(value) + "\"";
}

/// Four numbers up to 255, or hexadecimal with colons.
bool may_be_address(std::string_view value) {
    if (value.find(':') != std::string_view::npos)
        return value.size() >= 2 && value.size() <= 45 &&
               value.find_first_not_of("0123456789abcdefABCDEF:.") == std::string_view::npos;
    int parts = 0;
    while (!value.empty()) {
        const std::size_t end = std::min(value.find('.'), value.size());
        const auto number = parse_number(value.substr(0, end));
        if (!number || *number < 0 || *number > 255 || ++parts > 4) return false;
        if (end + 1 == value.size()) return false;
        value.remove_prefix(std::min(end + 1, value.size()));
    }
    return parts == 4;
}

}  // namespace

std::optional<std::string> refuse_config_key(std::string_view name) {
    const ConfigKey* const key = ensemble::find_config_key(name);
    if (key == nullptr) return why_unknown(name);
    if (key->set_by == SetBy::user) return std::nullopt;
    if (!key->why_not.empty()) return "may not be set here; " + std::string(key->why_not);
    if (key->standing == Standing::refused) {
        return "not supported in this version (" + std::string(key->words) + "); remove the key";
    }
    return std::string(key->words) + "; remove the key";
}

std::optional<std::string> check_config_value(std::string_view name, std::string_view value) {
    const ConfigKey* const key = ensemble::find_config_key(name);
    ZK_ASSERT(key != nullptr && key->set_by == SetBy::user);
    if (key->type == KeyType::number) return check_number(*key, value);
    if (key->type == KeyType::word) {
        if (key->word(value)) return std::nullopt;
        return std::string(key->words) + ", found \"" + std::string(value) + "\"";
    }
    if (key->type == KeyType::host) {
        if (may_be_address(value)) return std::nullopt;
        return "must be an IP address, found \"" + std::string(value) + "\"";
    }
    if (key->type == KeyType::class_name) {
        if (value == ensemble::kDefaultMetricsProvider ||
            value == ensemble::kPrometheusMetricsProvider)
            return std::nullopt;
        return "must be " + std::string(ensemble::kDefaultMetricsProvider) + " or " +
               std::string(ensemble::kPrometheusMetricsProvider) + ", found \"" +
               std::string(value) + "\"";
    }
    if (key->type == KeyType::compression) return check_word(*key, value, "gz", "snappy");
    // A flag takes everything for false in a file; here a typing error is none.
    ZK_ASSERT(key->type == KeyType::boolean || key->type == KeyType::property_flag);
    return check_word(*key, value, "true", "false");
}

}  // namespace zk::inventory
