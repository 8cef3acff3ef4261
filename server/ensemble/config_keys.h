// Every key of zoo.cfg that is known here, in one table: what it may hold, who sets it, what becomes of it and why.
// Pure data. The reader of zoo.cfg (zoo_cfg_keys.cc) and its writer go by it, and so do `zkserver --check`, the inventory's
// `config`, what zkprov renders, `zkprov help inventory` and docs/CONFIG.md.
// Source: docs/PROVISIONING.md 1.2.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "ensemble/zoo_cfg.h"

namespace zk::ensemble {

constexpr std::int64_t kIntMin = std::numeric_limits<int>::min();
constexpr std::int64_t kIntMax = std::numeric_limits<int>::max();

enum class KeyType {
    number,
    fraction,       ///< a number with a point
    boolean,        ///< of Apache's parser: true or false in any case, all else is refused
    property_flag,  ///< a Java property: everything but true (in any case) is false
    yes_no,         ///< a literal yes or no
    path,
    host,
    word,
    compression,  ///< gz or snappy; all else is none
    words,        ///< with commas
    class_name,
    member,  ///< host:quorumPort:electionPort...
    text,
};
std::string_view to_string(KeyType type);

enum class Standing {
    honoured,  ///< does what it says
    /// Would switch on what this server does not have: a file with it does not start a server.
    refused,
    without_effect,  ///< tunes what is not here: taken, with a warning
};

enum class SetBy {
    user,    ///< in an inventory's `config`
    zkprov,  ///< zkprov writes it by itself; `why_not` says from what
    /// Only in a zoo.cfg that zkprov does not write; `why_not` says why, where it is honoured.
    hand,
};

struct Range {
    std::int64_t least = kIntMin;
    std::int64_t most = kIntMax;
    [[nodiscard]] constexpr bool holds(std::int64_t value) const {
        return value >= least && value <= most;
    }
};

/// "1 to 10", "3", "1 and more", "any".
std::string to_string(const Range& range);

/// How Apache's server reads the digits of a number, and so ours.
enum class Digits {
    parsed,  ///< by its configuration parser, in decimal; what is no number is refused
    /// Integer.getInteger: also 0x, # and octal behind 0; what is no number is the default.
    property,
    plain_property,  ///< a property in decimal; what is no number is the default
};

/// What becomes of a number outside `counts`.
enum class Outside {
    nearest,        ///< the nearest that counts, with a warning
    nearest_quiet,  ///< the same where it means the same: a limit below 0 is none
    standard,       ///< the default, with a warning
    standard_quiet,
};

struct NumberRule {
    Digits digits = Digits::parsed;
    Range allowed{};  ///< outside it a file is refused
    Range counts{};   ///< of what is allowed, what is taken as written
    Outside outside = Outside::nearest;
    std::string_view words{};  ///< instead of the usual ones: of the warning, or of the refusal
};

/// What a value makes of a feature that is not here. unusual: it stays off, but whoever wrote it may not know that.
enum class Effect { off, unusual, on };
struct Switch {
    Effect (*effect)(std::string_view value);
    std::string_view off;    ///< a value that leaves it off
    std::string_view on;     ///< one that switches it on
    std::string_view taken;  ///< for people: all values that are taken; empty: none
    std::string_view unusual = "this value does not switch it on; it is off";
};

/// Where a key's value goes.
using Field = std::variant<std::monostate,
                           bool ServerConfig::*,
                           double ServerConfig::*,
                           int ServerConfig::*,
                           std::int64_t ServerConfig::*,
                           std::size_t ServerConfig::*,
                           milliseconds ServerConfig::*,
                           std::string ServerConfig::*,
                           std::vector<std::string> ServerConfig::*,
                           std::optional<std::uint16_t> ServerConfig::*,
                           std::optional<Role> ServerConfig::*,
                           SnapshotCompression ServerConfig::*>;

struct ConfigKey {
    std::string_view name;      ///< of a family: with N or * ("server.N", "ssl.*")
    std::string_view prefix{};  ///< of a family: what its keys begin with
    /// Of Apache's documents, with blanks; in a file they have no effect.
    std::string_view other_names{};
    KeyType type = KeyType::text;
    std::string_view unit{};
    std::string_view standard{};  ///< Apache's default
    Standing standing = Standing::honoured;
    SetBy set_by = SetBy::hand;
    Field field{};
    NumberRule number{};
    /// honoured: the warning for a value that is not the default; of a `word`: what may be said. without_effect: the
    /// warning. refused: what is missing.
    std::string_view words{};
    std::string_view way_out{};  ///< refused: what to do with the line
    const Switch* feature = nullptr;
    /// Of a word that is kept as text: how it is kept; nothing: refused, with `words`.
    std::optional<std::string_view> (*word)(std::string_view value) = nullptr;
    bool secret = false;         ///< nobody is shown its value
    std::string_view why_not{};  ///< in an inventory
    /// set_by user: what an inventory may say, within number.counts.
    Range inventory{};
    std::string_view zkprov_writes{};  ///< unless the inventory says something else
    std::string_view source{};         ///< class of Apache's server that reads it
};

/// All keys: honoured in the order in which a file is written, then refused, then without effect.
const std::vector<const ConfigKey*>& config_keys();
/// The key's own row, else the row of its family, else nullptr.
const ConfigKey* find_config_key(std::string_view name);
/// The name that has an effect, where `name` is another one of Apache's documents; else empty.
std::string_view name_in_a_file(std::string_view name);

/// The value in `config` as zoo.cfg would have it, without escapes; nothing when it is not set.
std::optional<std::string> value_in(const ConfigKey& key, const ServerConfig& config);
/// Whether nobody may be shown the value of the key: by its row, or because its name says so.
bool is_secret(std::string_view key);
/// "key=value", or "key=***" for a key whose value, or whose name says that its value, is a secret.
std::string shown(std::string_view key, std::string_view value);
/// What counts when a file does not hold the key.
std::string default_of(const ConfigKey& key);

}  // namespace zk::ensemble
