#include "base/json_text.h"

#include <cstdint>
#include <cstdio>

namespace zk {
namespace {

/// How many bytes the character at the start of `bytes` has; 0: it is no UTF-8.
std::size_t character_size(ByteView bytes) {
    const auto at = [&](std::size_t i) { return static_cast<unsigned char>(bytes[i]); };
    const unsigned first = at(0);
    if (first < 0x80) return 1;
    std::size_t size = 0;
    std::uint32_t value = 0;
    std::uint32_t least = 0;
    if ((first & 0xe0) == 0xc0) {
        size = 2, value = first & 0x1f, least = 0x80;
    } else if ((first & 0xf0) == 0xe0) {
        size = 3, value = first & 0x0f, least = 0x800;
    } else if ((first & 0xf8) == 0xf0) {
        size = 4, value = first & 0x07, least = 0x10000;
    } else {
        return 0;
    }
    if (bytes.size() < size) return 0;
    for (std::size_t i = 1; i < size; ++i) {
        if ((at(i) & 0xc0) != 0x80) return 0;
        value = value << 6 | (at(i) & 0x3f);
    }
    const bool surrogate = value >= 0xd800 && value <= 0xdfff;
    return value < least || value > 0x10ffff || surrogate ? 0 : size;
}

}  // namespace

bool is_utf8(ByteView bytes) {
    while (!bytes.empty()) {
        const auto size = character_size(bytes);
        if (size == 0) return false;
        bytes = bytes.substr(size);
    }
    return true;
}

std::string json_string(std::string_view text) {
    constexpr std::string_view kShort = "\b\f\n\r\t";
    constexpr std::string_view kShortNames = "bfnrt";
    std::string json = "\"";
    while (!text.empty()) {
        const auto size = character_size(text);
        const char first = text.front();
        if (size == 0) {
            json += "\xef\xbf\xbd";
        } else if (first == '"' || first == '\\') {
            json += std::string("\\") + first;
        } else if (const auto at = kShort.find(first); at != std::string_view::npos) {
            json += std::string("\\") + kShortNames[at];
        } else if (static_cast<unsigned char>(first) < 0x20 || first == 0x7f) {
            char escaped[8];
            std::snprintf(escaped, sizeof escaped, "\\u%04x", static_cast<unsigned>(first));
            json += escaped;
        } else {
            json += text.substr(0, size);
        }
        text = text.substr(size == 0 ? 1 : size);
    }
    return json + "\"";
}

}  // namespace zk
