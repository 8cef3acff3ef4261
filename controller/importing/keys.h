// What becomes of the keys of a zoo.cfg that was found, by their rows in ensemble/config_keys. Pure. Internal to this room.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "agent_api/survey.h"
#include "ensemble/config_keys.h"

namespace zk::importing {

struct KeyVerdict {
    enum class Standing {
        taken,     ///< it stands in the inventory, or follows from it
        left_out,  ///< zkprov's servers do without it
        refused,   ///< they would not serve as they do now
    };
    Standing standing = Standing::taken;
    std::string words;
};
/// Of keys that an inventory's `config` does not hold.
KeyVerdict judge_key(const agent_api::SettingSurvey& setting);

/// A value as an inventory writes it: "TRUE" is "true".
std::string plain_value(const ensemble::ConfigKey& key, const std::string& value);
/// Why an inventory's config may not hold it; nothing: it may.
std::optional<std::string> wrong_value(const ensemble::ConfigKey& key, const std::string& value);

}  // namespace zk::importing
