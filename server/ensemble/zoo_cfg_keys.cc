#include "ensemble/zoo_cfg_keys.h"

#include <algorithm>
#include <type_traits>
#include <utility>

#include <fmt/core.h>

#include "ensemble/config_keys.h"
#include "ensemble/zoo_cfg_values.h"

namespace zk::ensemble {
namespace {

std::vector<std::string> comma_list(std::string_view value) {
    std::vector<std::string> items;
    while (true) {
        const std::size_t comma = value.find(',');
        std::string_view item = value.substr(0, comma);
        while (item.starts_with(' ') || item.starts_with('\t')) item.remove_prefix(1);
        while (item.ends_with(' ') || item.ends_with('\t')) item.remove_suffix(1);
        if (!item.empty()) items.emplace_back(item);
        if (comma == std::string_view::npos) return items;
        value.remove_prefix(comma + 1);
    }
}

/// The place in `config` of a key whose type of field is known.
template <class T>
T& place_of(const ConfigKey& key, ServerConfig& config) {
    return config.*std::get<T ServerConfig::*>(key.field);
}

void set_number(const ConfigKey& key, ServerConfig& config, std::int64_t value) {
    std::visit(
        [&](const auto member) {
            using Member = std::remove_const_t<decltype(member)>;
            if constexpr (std::is_same_v<Member, milliseconds ServerConfig::*>) {
                config.*member = milliseconds(value);
            } else if constexpr (std::is_same_v<Member,
                                                std::optional<std::uint16_t> ServerConfig::*>) {
                config.*member = static_cast<std::uint16_t>(value);
            } else if constexpr (std::is_same_v<Member, int ServerConfig::*> ||
                                 std::is_same_v<Member, std::int64_t ServerConfig::*> ||
                                 std::is_same_v<Member, std::size_t ServerConfig::*>) {
                config.*member =
                    static_cast<std::remove_reference_t<decltype(config.*member)>>(value);
            }
        },
        key.field);
}

/// What counts for a number that the server reads and does not take as it is written.
std::int64_t instead_of(std::int64_t value, const ConfigKey& key, std::string& warning) {
    const NumberRule& rule = key.number;
    const bool nearest = rule.outside == Outside::nearest || rule.outside == Outside::nearest_quiet;
    const std::int64_t standard = decimal(default_of(key)).value_or(0);
    const std::int64_t taken =
        nearest ? std::clamp(value, rule.counts.least, rule.counts.most) : standard;
    if (rule.outside == Outside::nearest_quiet || rule.outside == Outside::standard_quiet)
        return taken;
    warning = rule.words.empty()
                  ? fmt::format("not a number that can be used; the default {} counts", taken)
                  : std::string(rule.words);
    return taken;
}

Result<> read_number(const ConfigKey& key,
                     const Property& property,
                     ServerConfig& config,
                     std::string& warning) {
    const NumberRule& rule = key.number;
    const auto written =
        rule.digits == Digits::property ? decoded(property.value) : decimal(property.value);
    const bool fits = written && *written >= kIntMin && *written <= kIntMax;
    if (!fits && rule.digits != Digits::parsed) {
        const std::string standard = default_of(key);
        set_number(key, config, *decimal(standard));
        warning =
            rule.outside == Outside::standard && !rule.words.empty()
                ? std::string(rule.words)
                : fmt::format("not a number that can be used; the default {} counts", standard);
        return ok();
    }
    if (!written || !rule.allowed.holds(*written)) {
        const bool own_words = rule.allowed.least == rule.allowed.most;
        if (own_words) return invalid(property, rule.words);
        if (!written) return invalid(property, "must be a whole number");
        return invalid(property,
                       fmt::format("must be from {} to {}", rule.allowed.least, rule.allowed.most));
    }
    const bool counts = rule.counts.holds(*written);
    set_number(key, config, counts ? *written : instead_of(*written, key, warning));
    return ok();
}

Result<> read_role(const ConfigKey& key, const Property& property, ServerConfig& config) {
    const std::string role = lower(property.value);
    if (role != "observer" && role != "participant") {
        return invalid(property, "choose 'participant' or 'observer'");
    }
    place_of<std::optional<Role>>(key, config) =
        role == "observer" ? Role::observer : Role::participant;
    return ok();
}

Result<> read_word(const ConfigKey& key, const Property& property, ServerConfig& config) {
    const std::optional<std::string_view> word = key.word(property.value);
    if (!word) return invalid(property, key.words);
    place_of<std::string>(key, config) = *word;
    return ok();
}

/// An unknown name is none, as in Apache's server.
void read_compression(const ConfigKey& key,
                      const Property& property,
                      ServerConfig& config,
                      std::string& warning) {
    using enum SnapshotCompression;
    const std::string method = lower(property.value);
    place_of<SnapshotCompression>(key, config) = method == "gz"       ? gz
                                                 : method == "snappy" ? snappy
                                                                      : none;
    if (method.empty() || method == "gz" || method == "snappy") return;
    warning = "not a method that is known (gz or snappy): snapshots are not compressed";
}

Result<> read_member(const Property& property, EnsembleConfig& ensemble) {
    const auto place = [&](const Error& error) { return error.with_context(property.key); };
    auto sid = parse_server_id(std::string_view(property.key).substr(7));
    if (!sid.has_value()) return place(sid.error());
    auto member = parse_member(*sid, property.value);
    if (!member.has_value()) return place(member.error());
    ensemble.members.insert_or_assign(*sid, *std::move(member));
    return ok();
}

/// The one key that names a class of what is here.
Result<> read_metrics_provider(const ConfigKey& key,
                               const Property& property,
                               ServerConfig& config) {
    for (const std::string_view known :
         {kDefaultMetricsProvider, kNullMetricsProvider, kPrometheusMetricsProvider}) {
        if (property.value != known) continue;
        place_of<std::string>(key, config) = known;
        return ok();
    }
    return invalid(property,
                   fmt::format("the metrics providers here are {}, {} and {}",
                               kDefaultMetricsProvider,
                               kNullMetricsProvider,
                               kPrometheusMetricsProvider));
}

/// Java takes an IPv6 address with and without brackets.
std::string without_brackets(std::string host) {
    const bool brackets = host.size() > 2 && host.front() == '[' && host.back() == ']';
    return brackets ? host.substr(1, host.size() - 2) : host;
}

Result<> read_honoured(const ConfigKey& key,
                       const Property& property,
                       ServerConfig& config,
                       std::string& warning) {
    switch (key.type) {
        case KeyType::number:
            return read_number(key, property, config, warning);
        case KeyType::fraction: {
            ZK_TRY(place_of<double>(key, config), fraction(property));
            return ok();
        }
        case KeyType::boolean: {
            ZK_TRY(place_of<bool>(key, config), boolean(property));
            return ok();
        }
        case KeyType::property_flag:
            place_of<bool>(key, config) = property_boolean(property, warning);
            return ok();
        case KeyType::host: {
            ZK_TRY(std::string host, text(property));
            place_of<std::string>(key, config) = without_brackets(std::move(host));
            return ok();
        }
        case KeyType::word:
            if (key.word == nullptr) return read_role(key, property, config);
            return read_word(key, property, config);
        case KeyType::yes_no: {
            bool& place = place_of<bool>(key, config);
            place = yes_or_no(property, default_of(key) == "yes", warning);
            return ok();
        }
        case KeyType::text:
            place_of<std::string>(key, config) = property.value;
            return ok();
        case KeyType::compression:
            read_compression(key, property, config, warning);
            return ok();
        case KeyType::words:
            place_of<std::vector<std::string>>(key, config) = comma_list(property.value);
            return ok();
        case KeyType::member:
            return read_member(property, config.ensemble);
        case KeyType::class_name:
            return read_metrics_provider(key, property, config);
        case KeyType::path:
            break;
    }
    ZK_TRY(place_of<std::string>(key, config), text(property));
    return ok();
}

std::string why_unknown(std::string_view name) {
    const std::string_view meant = name_in_a_file(name);
    if (meant.empty()) return "not a setting of this server; it has no effect";
    return fmt::format("in a file the key is '{}'; as written it has no effect", meant);
}

}  // namespace

Result<> read_zoo_cfg_key(const Property& property, ServerConfig& config, std::string& warning) {
    const ConfigKey* const key = find_config_key(property.key);
    if (key == nullptr) {
        warning = why_unknown(property.key);
        return ok();
    }
    const Effect effect =
        key->feature == nullptr ? Effect::on : key->feature->effect(property.value);
    switch (key->standing) {
        case Standing::honoured:
            ZK_CHECK(read_honoured(*key, property, config, warning));
            if (warning.empty() && key->word == nullptr &&
                value_in(*key, config) != default_of(*key)) {
                warning = key->words;
            }
            return ok();
        case Standing::refused:
            if (effect == Effect::on) {
                return unsupported(
                    property,
                    fmt::format("this version does not support {}; {}", key->words, key->way_out));
            }
            if (effect == Effect::unusual) warning = key->feature->unusual;
            return ok();
        case Standing::without_effect:
            if (effect != Effect::off) warning = key->words;
            return ok();
    }
    return ok();
}

}  // namespace zk::ensemble
