// The zoo.cfg keys a user may set through `config`, with their types; and why others are refused.
// Pure. Internal to this room. Source: facts/operations.md 1.3 and 1.5; the server reads the same
// keys in ensemble/zoo_cfg (a test renders every key here and lets the server's reader accept it).
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace zk::inventory {

/// Why `key` may not be given under config, or nothing when it may.
std::optional<std::string> refuse_config_key(std::string_view key);
/// What is wrong with `value` for `key`, or nothing. REQUIRES: !refuse_config_key(key).
std::optional<std::string> check_config_value(std::string_view key, std::string_view value);
/// All keys that may be given, with values that are valid: both ends of a range, and one between.
struct ConfigExample {
    std::string key;
    std::string value;
};
std::vector<ConfigExample> config_examples();

}  // namespace zk::inventory
