// What an inventory's `config` may hold: the table of keys (ensemble/config_keys) asked from here.
// Pure. Used by the reader, and by what writes an inventory (controller/importing).
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace zk::inventory {

/// Why `key` may not be given under config, or nothing when it may.
std::optional<std::string> refuse_config_key(std::string_view key);
/// What is wrong with `value` for `key`, or nothing. REQUIRES: !refuse_config_key(key).
std::optional<std::string> check_config_value(std::string_view key, std::string_view value);

}  // namespace zk::inventory
