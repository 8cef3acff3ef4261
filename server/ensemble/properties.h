// Reads Java Properties text, the syntax of zoo.cfg and of the dynamic configuration.
// Pure. "key=value", "key: value", "key value"; '#' and '!' comments; a backslash at the end
// continues a line; backslash escapes. Unlike Java it keeps the order of the file and the line of
// each key, so that errors can name it. Source: java.util.Properties.load; docs/PROVISIONING.md 1.1.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace zk::ensemble {

struct Property {
    std::string key;
    std::string value;  ///< without blanks at either end
    int line = 0;       ///< 1-based line on which the entry begins
};

/// All entries in file order, duplicates included. Fails only on a broken \uXXXX escape; `source`
/// names the text in the error.
Result<std::vector<Property>> read_properties(std::string_view text, std::string_view source);

/// ASCII letters small: so words of both files are compared.
std::string lower(std::string_view text);

}  // namespace zk::ensemble
