#include "importing/keys.h"

#include <algorithm>
#include <array>

#include "ensemble/properties.h"
#include "inventory/config_keys.h"

namespace zk::importing {
namespace {

using ensemble::ConfigKey;
using ensemble::KeyType;
using ensemble::SetBy;
using ensemble::Standing;

/// Read by others of this room, or of no consequence: zkprov writes them as it needs them.
constexpr std::array<std::string_view, 8> kRead = {"dataDir",
                                                   "dataLogDir",
                                                   "clientPort",
                                                   "clientPortAddress",
                                                   "standaloneEnabled",
                                                   "dynamicConfigFile",
                                                   "electionAlg",
                                                   "peerType"};
/// Of a dynamic configuration that a server wrote itself.
constexpr std::string_view kVersion = "version";

}  // namespace

KeyVerdict judge_key(const agent_api::SettingSurvey& setting) {
    using enum KeyVerdict::Standing;
    const std::string& name = setting.key;
    if (std::ranges::find(kRead, std::string_view(name)) != kRead.end()) return {};
    if (name.starts_with("server.")) return {};
    if (name == kVersion) {
        if (setting.value.find_first_not_of('0') == std::string::npos) return {};
        return {refused,
                "its members were changed while it ran (reconfig), which this version does not "
                "take over"};
    }
    const ConfigKey* const key = ensemble::find_config_key(name);
    if (key == nullptr) return {left_out, "not a key of zoo.cfg that zkprov knows"};
    if (key->standing == Standing::refused) {
        const bool on = setting.secret || key->feature == nullptr ||
                        key->feature->effect(setting.value) == ensemble::Effect::on;
        if (!on) return {};
        return {refused,
                std::string(key->words) +
                    ": not supported in this version; switch it off first, "
                    "if the ensemble can do without it"};
    }
    if (key->set_by == SetBy::user && key->prefix.empty()) return {};
    if (name == "4lw.commands.whitelist" || name == "db.autocreate") {
        return {left_out, "zkprov writes its own from the next restart on"};
    }
    if (!key->why_not.empty()) return {left_out, std::string(key->why_not)};
    return {left_out, "zkprov does not write it"};
}

std::string plain_value(const ConfigKey& key, const std::string& value) {
    const bool flag = key.type == KeyType::boolean || key.type == KeyType::property_flag;
    return flag ? ensemble::lower(value) : value;
}

std::optional<std::string> wrong_value(const ConfigKey& key, const std::string& value) {
    if (value.find_first_of("\n\r") != std::string::npos) return "value is one line";
    return inventory::check_config_value(key.name, value);
}

}  // namespace zk::importing
