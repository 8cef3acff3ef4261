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

template <class Int>
void store_be(char* to, Int value) {
    auto bits = static_cast<std::make_unsigned_t<Int>>(value);
    for (std::size_t i = sizeof(Int); i-- > 0;) {
        to[i] = static_cast<char>(bits & 0xff);
        if constexpr (sizeof(Int) > 1) bits = static_cast<decltype(bits)>(bits >> 8);
    }
}

/// REQUIRES: sizeof(Int) readable bytes at `from`.
template <class Int>
Int load_be(const char* from) {
    std::make_unsigned_t<Int> bits = 0;
    for (std::size_t i = 0; i < sizeof(Int); ++i) {
        if constexpr (sizeof(Int) > 1) bits = static_cast<decltype(bits)>(bits << 8);
        bits = static_cast<decltype(bits)>(bits | static_cast<unsigned char>(from[i]));
    }
    return static_cast<Int>(bits);
}

template <class Int>
void append_be(Bytes& to, Int value) {
    char buffer[sizeof(Int)];
    store_be(buffer, value);
    to.append(buffer, sizeof buffer);
}

}  // namespace zk
