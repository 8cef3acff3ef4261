// Names such as log.100000001 and snapshot.5: a prefix and a zxid in hex.
// Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/ids.h"

namespace zk::storage {

/// Files that a crash may leave half-made begin so: tmp.snapshot.<hex>, tmp.log.<hex>. No server
/// reads them.
inline constexpr std::string_view kTempPrefix = "tmp.";

/// "100000001": lower case, no leading zeros, "0" for zero; negative zxids as 16 digits.
std::string hex_name(Zxid zxid);
/// The zxid of exactly what hex_name() writes; nullopt for any other text.
std::optional<Zxid> parse_hex_name(std::string_view text);

}  // namespace zk::storage
