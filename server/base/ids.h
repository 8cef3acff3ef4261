// The numbers of the field, one type each, so that no two can be swapped by accident.
// Pure. Wire code converts at the edge, once.
// Source: ZooKeeper's ZxidUtils; the meaning of each word is in docs/GLOSSARY.md.
#pragma once

#include <compare>
#include <cstdint>
#include <cstdio>
#include <functional>
#include <string>

namespace zk {

/// A number with a name. `Tag` makes the types distinct; `Rep` is the wire's integer type.
template <class Tag, class Rep>
class Id {
  public:
    using rep = Rep;
    constexpr Id() = default;
    constexpr explicit Id(Rep value) : value_(value) {}
    [[nodiscard]] constexpr Rep value() const { return value_; }
    friend constexpr auto operator<=>(const Id&, const Id&) = default;

  private:
    Rep value_{};
};

/// "sid": the N of `server.N` and of the file myid.
using ServerId = Id<struct ServerIdTag, std::int64_t>;
/// Number of a client session; its top byte is the sid of the server that made it. 0 is no session.
using SessionId = Id<struct SessionIdTag, std::int64_t>;
/// Client-chosen number of a request, unique only by the client's discipline.
using Xid = Id<struct XidTag, std::int32_t>;
/// Number of a leader's reign, as in acceptedEpoch and currentEpoch. -1: an empty database that may not vote.
using Epoch = Id<struct EpochTag, std::int64_t>;
/// Number of an election round ("logicalclock"); in memory only.
using Round = Id<struct RoundTag, std::int64_t>;

/// Place of a transaction in the total order: epoch in the high half, counter in the low half.
/// Signed like on the wire; -1 is the zxid of a database that must not vote.
class Zxid {
  public:
    constexpr Zxid() = default;
    constexpr explicit Zxid(std::int64_t value) : value_(value) {}
    constexpr Zxid(Epoch epoch, std::uint32_t counter)
        : value_(static_cast<std::int64_t>((static_cast<std::uint64_t>(epoch.value()) << 32) |
                                           counter)) {}
    [[nodiscard]] constexpr std::int64_t value() const { return value_; }
    [[nodiscard]] constexpr Epoch epoch() const { return Epoch(value_ >> 32); }
    [[nodiscard]] constexpr std::uint32_t counter() const {
        return static_cast<std::uint32_t>(value_ & 0xffffffff);
    }
    /// The next zxid of the same epoch. REQUIRES: counter() < 0xffffffff.
    [[nodiscard]] constexpr Zxid next() const { return Zxid(value_ + 1); }
    friend constexpr auto operator<=>(const Zxid&, const Zxid&) = default;

  private:
    std::int64_t value_ = 0;
};
static_assert(Zxid(Epoch(2), 0) > Zxid(Epoch(1), 0xffffffff));
static_assert(Zxid(-1).epoch() == Epoch(-1));

/// "0x100000002", the way ZooKeeper's tools write zxids and session ids.
inline std::string to_hex(std::int64_t value) {
    char text[24];
    std::snprintf(text, sizeof text, "0x%llx", static_cast<unsigned long long>(value));
    return text;
}
inline std::string to_string(Zxid zxid) { return to_hex(zxid.value()); }
inline std::string to_string(SessionId session) { return to_hex(session.value()); }
template <class Tag, class Rep>
std::string to_string(Id<Tag, Rep> id) {
    return std::to_string(id.value());
}

}  // namespace zk

template <class Tag, class Rep>
struct std::hash<zk::Id<Tag, Rep>> {
    std::size_t operator()(const zk::Id<Tag, Rep>& id) const {
        return std::hash<Rep>{}(id.value());
    }
};
template <>
struct std::hash<zk::Zxid> {
    std::size_t operator()(const zk::Zxid& zxid) const {
        return std::hash<std::int64_t>{}(zxid.value());
    }
};
