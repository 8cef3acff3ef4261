// User-data read back by the inventory's YAML reader, which knows nothing of how it was written.
#pragma once

#include <algorithm>
#include <string>

#include <gtest/gtest.h>

#include "inventory/yaml_reader.h"

namespace zk::cloud_init {

inline inventory::Value parsed(const std::string& text) {
    inventory::Diagnostics diagnostics("user-data");
    inventory::Value value = inventory::parse_yaml(text, diagnostics);
    EXPECT_EQ(diagnostics.format_all(), "");
    return value;
}

inline const inventory::Value& member(const inventory::Value& map, const std::string& key) {
    static const inventory::Value kNothing;
    const auto found = std::ranges::find(map.entries, key, &inventory::Value::Entry::key);
    EXPECT_NE(found, map.entries.end()) << key;
    return found == map.entries.end() ? kNothing : found->value;
}

/// The entry of write_files for `path`.
inline const inventory::Value& file_of(const inventory::Value& user_data, const std::string& path) {
    static const inventory::Value kNothing;
    const inventory::Value& files = member(user_data, "write_files");
    const auto found = std::ranges::find_if(files.items, [&](const inventory::Value& file) {
        return member(file, "path").scalar == path;
    });
    EXPECT_NE(found, files.items.end()) << path;
    return found == files.items.end() ? kNothing : *found;
}

inline std::string content_of(const std::string& text, const std::string& path) {
    const inventory::Value all = parsed(text);
    return member(file_of(all, path), "content").scalar;
}

inline const std::string kInventoryFile = "/etc/zkprov/inventory.yaml";
inline const std::string kScriptFile = "/etc/zkprov/first-boot.sh";

}  // namespace zk::cloud_init
