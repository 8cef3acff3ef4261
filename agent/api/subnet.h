// IPv4 networks as Docker engines and hosts' routes name them: "172.18.0.0/16".
// Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace zk::agent_api {

/// An IPv4 address as a number: 127.0.0.1 is 0x7f000001. Nothing: `text` is no such address.
std::optional<std::uint32_t> parse_ipv4(std::string_view text);

struct Subnet {
    std::uint32_t address = 0;  ///< its first
    std::uint32_t bits = 0;     ///< of its prefix, 0 to 32

    [[nodiscard]] std::uint32_t mask() const;
    [[nodiscard]] bool contains(std::uint32_t host) const { return (host & mask()) == address; }
    /// One of the two lies within the other.
    [[nodiscard]] bool overlaps(const Subnet& other) const;
    /// The first and the last address, which no host can have. Networks of two addresses and of one have none.
    [[nodiscard]] bool reserves(std::uint32_t host) const;
    friend bool operator==(const Subnet&, const Subnet&) = default;
};
/// "172.18.0.0/16". Nothing: it is none, or its address has bits beyond the prefix.
std::optional<Subnet> parse_subnet(std::string_view text);
std::string to_string(const Subnet& subnet);

}  // namespace zk::agent_api
