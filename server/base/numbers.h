// Numbers as text has them: read whole or not at all; and bytes as people read them.
// Pure.
#pragma once

#include <charconv>
#include <concepts>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace zk {

/// The number that all of `text` is: digits of `base`, with a '-' in front where Int has a sign. Nothing for an empty
/// text, for blanks, a '+' or a prefix such as "0x", and for what Int cannot hold.
template <std::integral Int = std::int64_t>
std::optional<Int> parse_number(std::string_view text, int base = 10) {
    Int value{};
    const char* const end = text.data() + text.size();
    const auto [parsed_to, error] = std::from_chars(text.data(), end, value, base);
    if (error != std::errc() || parsed_to != end) return std::nullopt;
    return value;
}

/// "511 MiB", rounded down: of what is there, so that nobody counts on more.
std::string mebibytes(std::uint64_t bytes);
/// "512 MiB", rounded up: of what is needed, so that it is enough.
std::string mebibytes_needed(std::uint64_t bytes);

}  // namespace zk
