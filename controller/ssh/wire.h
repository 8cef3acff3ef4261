// The few data types of the SSH protocol that keys and the agent protocol need: string, mpint,
// uint32. Pure. Source: RFC 4251 section 5.
#pragma once

#include <cstdint>
#include <optional>

#include "base/bytes.h"

namespace zk::ssh {

inline void append_ssh_string(Bytes& to, ByteView value) {
    append_be<std::uint32_t>(to, static_cast<std::uint32_t>(value.size()));
    to.append(value);
}

/// A non-negative number given as big-endian bytes: leading zeros go, a zero is added before a set
/// top bit.
inline void append_ssh_mpint(Bytes& to, ByteView magnitude) {
    while (!magnitude.empty() && magnitude.front() == '\0') magnitude.remove_prefix(1);
    Bytes value;
    if (!magnitude.empty() && (static_cast<unsigned char>(magnitude.front()) & 0x80U) != 0) {
        value.push_back('\0');
    }
    value.append(magnitude);
    append_ssh_string(to, value);
}

/// Reads front to back; every call fails (nullopt) once the input is too short. The input must
/// outlive it.
class SshReader {
  public:
    explicit SshReader(ByteView input) : rest_(input) {}
    std::optional<std::uint32_t> uint32() {
        if (rest_.size() < 4) return fail();
        const auto value = load_be<std::uint32_t>(rest_.data());
        rest_.remove_prefix(4);
        return value;
    }
    std::optional<std::uint8_t> byte() {
        if (rest_.empty()) return std::nullopt;
        const auto value = static_cast<std::uint8_t>(rest_.front());
        rest_.remove_prefix(1);
        return value;
    }
    std::optional<ByteView> string() {
        const auto size = uint32();
        if (!size) return std::nullopt;
        if (*size > rest_.size()) {
            fail();
            return std::nullopt;
        }
        const ByteView value = rest_.substr(0, *size);
        rest_.remove_prefix(*size);
        return value;
    }
    [[nodiscard]] ByteView rest() const { return rest_; }

  private:
    std::nullopt_t fail() {
        rest_ = {};
        return std::nullopt;
    }
    ByteView rest_;
};

}  // namespace zk::ssh
