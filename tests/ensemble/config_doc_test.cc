// docs/CONFIG.md is written from the table of keys: this test says whether it is current, and writes it when it is run with
// ZKPROV_UPDATE_DOCS=1.
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>

#include <fmt/core.h>
#include <gtest/gtest.h>

#include "ensemble/config_keys.h"

namespace zk::ensemble {
namespace {

constexpr std::string_view kHead =
    R"(# Keys of zoo.cfg

Written from the table in `server/ensemble/config_keys*.cc`, which the server, `zkserver --check` and the inventory's
`config` go by. Change it there, then: `ZKPROV_UPDATE_DOCS=1 build/asan/bin/ensemble_test --gtest_filter='ConfigDoc.*'`

A zoo.cfg of Apache's server starts ours with the same meaning, or is refused with file, line and the way out. What Apache's
configuration parser reads itself is strict; the others are Java properties, whose values mean the default where they are
none, and a warning says so. Keys that are not here have no effect, as in Apache's server; that is a warning, too. Under
*source* is the class of Apache's server that reads the key.
)";

constexpr std::string_view kHonoured = R"(
## Honoured

*zkprov* under *set by*: `zkprov` writes the key, and an inventory may not. *by hand*: only in a zoo.cfg that `zkprov` does
not write. Under *number*: `0x` also hexadecimal and octal, as Java's `Integer.getInteger` reads it.

| key | values | unit | default | other values | number | set by | in an inventory | source |
| --- | --- | --- | --- | --- | --- | --- | --- | --- |
)";

constexpr std::string_view kRefused = R"(
## Refused

Each would switch on what this version does not have. *Taken* are the values that leave it off, as in Apache's server; an
inventory may not hold even those, unless the row says so.

| key | type | default | what is missing | taken | the way out | source |
| --- | --- | --- | --- | --- | --- | --- |
)";

constexpr std::string_view kWithoutEffect = R"(
## Taken, without effect

A warning tells each one. A family (`nio.*`) stands for all keys that begin so; a row of its own goes before it. Names in
brackets are those of Apache's documents, which have no effect in any file.

| key | type | unit | default | warning | source |
| --- | --- | --- | --- | --- | --- |
)";

std::string code(std::string_view text) { return text.empty() ? "" : fmt::format("`{}`", text); }

std::string other_values(const ConfigKey& key) {
    switch (key.type) {
        case KeyType::number:
            break;
        case KeyType::property_flag:
            return "count as false";
        case KeyType::yes_no:
            return "the default counts";
        case KeyType::text:
        case KeyType::words:
            return "";
        case KeyType::compression:
            return "count as none";
        default:
            return "refused";
    }
    const NumberRule& rule = key.number;
    const bool all =
        rule.counts.least == rule.allowed.least && rule.counts.most == rule.allowed.most;
    if (all && rule.digits == Digits::parsed) return "refused";
    const bool nearest = rule.outside == Outside::nearest || rule.outside == Outside::nearest_quiet;
    std::string taken =
        nearest ? fmt::format("below: counts as {}", rule.counts.least) : "the default counts";
    if (rule.allowed.least > kIntMin)
        taken += fmt::format("; below {}: refused", rule.allowed.least);
    return taken +
           (key.words.empty() ? "" : fmt::format("; one that is not the default is {}", key.words));
}

std::string values_of(const ConfigKey& key) {
    if (key.word != nullptr)
        return std::string(key.words.substr(std::string_view("must be ").size()));
    if (key.type == KeyType::word) return "participant or observer";
    return key.type == KeyType::number ? to_string(key.number.counts)
                                       : std::string(to_string(key.type));
}

std::string digits_of(const ConfigKey& key) {
    if (key.type != KeyType::number) return "";
    return key.number.digits == Digits::property ? "`0x`" : "decimal";
}

std::string set_by(const ConfigKey& key) {
    if (key.set_by == SetBy::user) return "user";
    return key.set_by == SetBy::zkprov ? "zkprov" : "by hand";
}

std::string in_an_inventory(const ConfigKey& key) {
    std::string text = fmt::format("no: {}", key.why_not);
    if (key.set_by == SetBy::user) {
        text = key.type == KeyType::number ? to_string(key.inventory)
               : key.word != nullptr       ? "the same"
                                           : std::string(to_string(key.type));
    }
    const bool said =
        text.find("zkprov writes " + std::string(key.zkprov_writes)) != std::string::npos;
    if (!key.zkprov_writes.empty() && !said) {
        text += "; zkprov writes " + code(key.zkprov_writes);
    }
    return text;
}

std::string honoured_row(const ConfigKey& key) {
    return fmt::format("| {} | {} | {} | {} | {} | {} | {} | {} | {} |\n",
                       code(key.name),
                       values_of(key),
                       key.unit,
                       key.standard,
                       other_values(key),
                       digits_of(key),
                       set_by(key),
                       in_an_inventory(key),
                       key.source);
}

std::string refused_row(const ConfigKey& key) {
    return fmt::format(
        "| {} | {} | {} | {} | {} | {} | {} |\n",
        code(key.name),
        to_string(key.type),
        key.standard,
        key.words,
        fmt::format(
            "{}{}", key.feature->taken, key.set_by == SetBy::user ? "; also in an inventory" : ""),
        key.way_out,
        key.source);
}

std::string row_without_effect(const ConfigKey& key) {
    const std::string others = key.other_names.empty() ? "" : fmt::format(" ({})", key.other_names);
    return fmt::format("| {}{} | {} | {} | {} | {} | {} |\n",
                       code(key.name),
                       others,
                       to_string(key.type),
                       key.unit,
                       key.standard,
                       key.words,
                       key.source);
}

std::string document() {
    std::string honoured(kHonoured), refused(kRefused), without_effect(kWithoutEffect);
    for (const ConfigKey* key : config_keys()) {
        switch (key->standing) {
            case Standing::honoured:
                honoured += honoured_row(*key);
                break;
            case Standing::refused:
                refused += refused_row(*key);
                break;
            case Standing::without_effect:
                without_effect += row_without_effect(*key);
                break;
        }
    }
    return std::string(kHead) + honoured + refused + without_effect;
}

TEST(ConfigDoc, IsCurrent) {
    const std::string path = std::string(ZK_DOCS_DIR) + "/CONFIG.md";
    if (std::getenv("ZKPROV_UPDATE_DOCS") != nullptr) std::ofstream(path) << document();
    std::ostringstream text;
    text << std::ifstream(path).rdbuf();
    EXPECT_EQ(text.str(), document())
        << "write it anew: ZKPROV_UPDATE_DOCS=1 build/asan/bin/ensemble_test "
           "--gtest_filter='ConfigDoc.*'";
}

}  // namespace
}  // namespace zk::ensemble
