#include "inventory/config_keys.h"

#include <algorithm>
#include <array>
#include <cstdint>

#include "base/limits.h"
#include "inventory/section.h"

namespace zk::inventory {
namespace {

struct NumberKey {
    std::string_view name;
    std::int64_t least;
    std::int64_t most;
    std::int64_t example;
};
constexpr std::array kNumberKeys = {
    NumberKey{"tickTime", 100, 60000, 2000},
    NumberKey{"initLimit", 1, 10000, 10},
    NumberKey{"syncLimit", 1, 10000, 5},
    NumberKey{"maxClientCnxns", 0, 1000000, 60},
    NumberKey{"minSessionTimeout", 1, 2147483647, 4000},
    NumberKey{"maxSessionTimeout", 1, 2147483647, 40000},
    NumberKey{"autopurge.snapRetainCount", 3, 1000000, 3},
    NumberKey{"autopurge.purgeInterval", 0, 8760, 24},
    NumberKey{"snapCount", 2, 1000000000, 100000},
    NumberKey{"preAllocSize", 64, 1048576, 65536},
    NumberKey{"globalOutstandingLimit", 1, 1000000, 1000},
    NumberKey{"maxCnxns", 0, 10000000, 0},
    NumberKey{"clientPortListenBacklog", -1, 65535, 50},
    NumberKey{"commitLogCount", 500, 1000000, 500},
    NumberKey{"connectToLearnerMasterLimit", 1, 10000, 10},
    NumberKey{"cnxTimeout", 1, 600000, 5000},
    NumberKey{"jute.maxbuffer", 1024, limits::kJuteMaxBuffer, limits::kJuteMaxBuffer},
};

struct WordKey {
    std::string_view name;
    std::string_view one;
    std::string_view other;
    std::string_view not_other;  ///< why the server refuses the other one; empty: it does not
};
constexpr std::array kWordKeys = {
    WordKey{"quorumListenOnAllIPs", "true", "false", ""},
    WordKey{"leaderServes", "yes", "no", "this version has no leader without clients; remove the key"},
};

/// Keys that zkprov writes itself, and where their value comes from.
struct ManagedKey {
    std::string_view name;
    std::string_view instead;
};
constexpr std::array kManagedKeys = {
    ManagedKey{"dataDir", "use server.data_dir"},
    ManagedKey{"dataLogDir", "use server.log_dir"},
    ManagedKey{"clientPort", "use server.client_port"},
    ManagedKey{"admin.enableServer", "zkprov writes false: the admin server comes later"},
    ManagedKey{"4lw.commands.whitelist", "zkprov writes it: the agent asks these words"},
    ManagedKey{"db.autocreate",
               "zkprov writes false: it keeps a wiped node from winning an election"},
    ManagedKey{"standaloneEnabled", "zkprov writes false: every node takes part in elections"},
    ManagedKey{"clientPortAddress", "clients connect to all addresses of a node"},
    ManagedKey{"reconfigEnabled", "membership changes come later; remove the key"},
};

/// Known keys of ZooKeeper that this version leaves out.
constexpr std::array<std::string_view, 24> kLaterKeys = {"clientLoops",
                                                         "dynamicConfigFile",
                                                         "secureClientPort",
                                                         "secureClientPortAddress",
                                                         "sslQuorum",
                                                         "portUnification",
                                                         "peerType",
                                                         "observerMasterPort",
                                                         "localSessionsEnabled",
                                                         "localSessionsUpgradingEnabled",
                                                         "electionAlg",
                                                         "oraclePath",
                                                         "metricsProvider.className",
                                                         "metricsProvider.httpPort",
                                                         "admin.serverPort",
                                                         "admin.serverAddress",
                                                         "multiAddress.enabled",
                                                         "skipACL",
                                                         "serverCnxnFactory",
                                                         "quorum.auth.enableSasl",
                                                         "extendedTypesEnabled",
                                                         "readonlymode.enabled",
                                                         "audit.enable",
                                                         "syncEnabled"};

const NumberKey* find_number(std::string_view key) {
    const auto found = std::ranges::find(kNumberKeys, key, &NumberKey::name);
    return found == kNumberKeys.end() ? nullptr : &*found;
}

const WordKey* find_word(std::string_view key) {
    const auto found = std::ranges::find(kWordKeys, key, &WordKey::name);
    return found == kWordKeys.end() ? nullptr : &*found;
}

bool is_member_key(std::string_view key) {
    return key.starts_with("server.") || key.starts_with("group.") || key.starts_with("weight.");
}

}  // namespace

std::optional<std::string> refuse_config_key(std::string_view key) {
    if (find_number(key) != nullptr || find_word(key) != nullptr) return std::nullopt;
    if (is_member_key(key)) {
        return "members are written from the list nodes; remove the key";
    }
    const auto managed = std::ranges::find(kManagedKeys, key, &ManagedKey::name);
    if (managed != kManagedKeys.end()) {
        return "may not be set here; " + std::string(managed->instead);
    }
    const bool later = std::ranges::find(kLaterKeys, key) != kLaterKeys.end() ||
                       key.starts_with("ssl.") || key.starts_with("authProvider") ||
                       key.starts_with("metricsProvider.") || key.starts_with("quorum.auth.");
    if (later) return "not supported in this version; remove the key";

    std::vector<std::string> names;
    for (const NumberKey& each : kNumberKeys) names.emplace_back(each.name);
    for (const WordKey& each : kWordKeys) names.emplace_back(each.name);
    for (const ManagedKey& each : kManagedKeys) names.emplace_back(each.name);
    const std::string meant = nearest_name(key, names);
    if (!meant.empty()) return "unknown zoo.cfg key; did you mean \"" + meant + "\"?";
    return "unknown zoo.cfg key, or not supported in this version; remove it";
}

std::optional<std::string> check_config_value(std::string_view key, std::string_view value) {
    if (const WordKey* const word = find_word(key)) {
        if (value == word->other && !word->not_other.empty()) {
            return "\"" + std::string(value) + "\" is not supported: " + std::string(word->not_other);
        }
        if (value == word->one || value == word->other) return std::nullopt;
        return "must be " + std::string(word->one) + " or " + std::string(word->other) +
               ", found \"" + std::string(value) + "\"";
    }
    const NumberKey* const rule = find_number(key);
    const auto number = parse_number(value);
    // The server reads some numbers as Java's decode does: 010 is 8 there.
    const bool plain = number && std::to_string(*number) == value;
    if (plain && *number >= rule->least && *number <= rule->most) return std::nullopt;
    return "must be a whole number from " + std::to_string(rule->least) + " to " +
           std::to_string(rule->most) + ", found \"" + std::string(value) + "\"";
}

std::vector<ConfigExample> config_examples() {
    std::vector<ConfigExample> examples;
    for (const NumberKey& each : kNumberKeys) {
        for (const std::int64_t value : {each.least, each.example, each.most}) {
            examples.push_back({std::string(each.name), std::to_string(value)});
        }
    }
    for (const WordKey& each : kWordKeys) {
        examples.push_back({std::string(each.name), std::string(each.one)});
        if (!each.not_other.empty()) continue;
        examples.push_back({std::string(each.name), std::string(each.other)});
    }
    return examples;
}

}  // namespace zk::inventory
