#include "storage/file_name.h"

#include <charconv>

namespace zk::storage {

std::string hex_name(Zxid zxid) {
    char text[16];
    const auto end =
        std::to_chars(text, text + sizeof text, static_cast<std::uint64_t>(zxid.value()), 16);
    return std::string(text, end.ptr);
}

std::optional<Zxid> parse_hex_name(std::string_view text) {
    std::uint64_t value = 0;
    const auto end = std::from_chars(text.data(), text.data() + text.size(), value, 16);
    if (end.ec != std::errc() || end.ptr != text.data() + text.size()) return std::nullopt;
    const Zxid zxid(static_cast<std::int64_t>(value));
    if (hex_name(zxid) != text) return std::nullopt;
    return zxid;
}

}  // namespace zk::storage
