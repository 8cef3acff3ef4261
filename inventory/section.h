// Typed reading of one mapping: every key is asked for by name, and what nobody asked for is an
// error that names the nearest known key. Pure. Used by inventory.cc; the playbook reader uses it
// too.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "inventory/yaml_reader.h"

namespace zk::inventory {

/// Reads the keys of `value` (a map), under the dotted path `path`. Wrong types and ranges go to
/// the diagnostics and read as "not given". Call finish() last.
class Section {
  public:
    /// REQUIRES: value and diagnostics outlive the section. A value that is not a map is an error
    /// here, and the section is then empty; null is an empty map.
    Section(const Value& value, std::string path, Diagnostics& diagnostics);

    /// The raw value of a key, or nullptr.
    const Value* find(std::string_view key);
    /// A word or text. Empty text is an error.
    std::optional<std::string> text(std::string_view key);
    /// A whole number within [least, most].
    std::optional<std::int64_t> number(std::string_view key, std::int64_t least, std::int64_t most);
    std::optional<bool> flag(std::string_view key);
    /// One text or a list of texts.
    std::vector<std::string> texts(std::string_view key);
    /// Says, when the key is there, that this version cannot do it: `words` say what to do instead.
    void refuse(std::string_view key, std::string_view words);
    /// Keys nobody asked for become errors.
    void finish();

    /// "nodes[0].host" for the key "host".
    [[nodiscard]] std::string path_of(std::string_view key) const;
    /// Place of the key's value, or of the whole section when the key is not given.
    [[nodiscard]] Mark mark_of(std::string_view key) const;
    [[nodiscard]] Mark mark() const { return value_.mark; }
    [[nodiscard]] bool is_map() const { return value_.kind == Value::Kind::map; }

  private:
    const Value::Entry* entry(std::string_view key) const;

    const Value& value_;
    std::string path_;
    Diagnostics& diagnostics_;
    std::vector<std::string> known_;
    std::vector<std::string> refused_;
};

/// "a number", "a list", ... for messages.
std::string kind_name(const Value& value);

}  // namespace zk::inventory
