// Byte strings and big-endian numbers, the way ZooKeeper writes both.
// Pure. Bytes are std::string because most of them become keys, data or wire buffers.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>

namespace zk {

using Bytes = std::string;
using ByteView = std::string_view;
/// An immutable byte string that several owners read: one serialized txn goes to the log, to every learner and into
/// the window of recent commits without a copy.
using SharedBytes = std::shared_ptr<const std::string>;

/// The other byte order.
template <class Int>
constexpr Int swap_bytes(Int value) {
    static_assert(std::endian::native == std::endian::little);
    const auto bits = static_cast<std::make_unsigned_t<Int>>(value);
    if constexpr (sizeof(Int) == 8) return static_cast<Int>(__builtin_bswap64(bits));
    if constexpr (sizeof(Int) == 4) return static_cast<Int>(__builtin_bswap32(bits));
    if constexpr (sizeof(Int) == 2) return static_cast<Int>(__builtin_bswap16(bits));
    if constexpr (sizeof(Int) == 1) return value;
}

template <class Int>
void store_be(char* to, Int value) {
    value = swap_bytes(value);
    std::memcpy(to, &value, sizeof value);
}

/// REQUIRES: sizeof(Int) readable bytes at `from`.
template <class Int>
Int load_be(const char* from) {
    Int value{};
    std::memcpy(&value, from, sizeof value);
    return swap_bytes(value);
}

template <class Int>
void append_be(Bytes& to, Int value) {
    value = swap_bytes(value);
    to.append(reinterpret_cast<const char*>(&value), sizeof value);
}

}  // namespace zk
