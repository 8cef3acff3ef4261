// Base64 as RFC 4648 has it, with '+', '/' and '=' at the end.
// Pure.
#pragma once

#include <optional>
#include <string>

#include "base/bytes.h"

namespace zk {

std::string encode_base64(ByteView bytes);
/// Nothing for what is not base64: another character (blanks and line ends too), a length that is no multiple of
/// four, a '=' that is not at the end.
std::optional<Bytes> decode_base64(std::string_view text);

}  // namespace zk
