#include "storage/file_name.h"

#include <charconv>

#include "base/numbers.h"

namespace zk::storage {

std::string hex_name(Zxid zxid) {
    char text[16];
    const auto end =
        std::to_chars(text, text + sizeof text, static_cast<std::uint64_t>(zxid.value()), 16);
    return std::string(text, end.ptr);
}

std::optional<Zxid> parse_hex_name(std::string_view text) {
    const auto value = parse_number<std::uint64_t>(text, 16);
    if (!value) return std::nullopt;
    const Zxid zxid(static_cast<std::int64_t>(*value));
    if (hex_name(zxid) != text) return std::nullopt;
    return zxid;
}

}  // namespace zk::storage
