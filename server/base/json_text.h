// Text inside JSON. Pure.
#pragma once

#include <string>
#include <string_view>

#include "base/bytes.h"

namespace zk {

bool is_utf8(ByteView bytes);

/// A quoted string. Bytes that are not UTF-8 become U+FFFD.
std::string json_string(std::string_view text);

}  // namespace zk
