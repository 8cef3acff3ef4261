#include "agent_api/subnet.h"

#include "base/numbers.h"

namespace zk::agent_api {

std::optional<std::uint32_t> parse_ipv4(std::string_view text) {
    std::uint32_t address = 0;
    for (int part = 0; part < 4; ++part) {
        const std::size_t dot = part < 3 ? text.find('.') : text.size();
        if (dot == std::string_view::npos || dot == 0 || dot > 3) return std::nullopt;
        const std::string_view digits = text.substr(0, dot);
        // "010" would be 8 to some and 10 to others.
        if (digits.size() > 1 && digits.front() == '0') return std::nullopt;
        if (digits.find_first_not_of("0123456789") != std::string_view::npos) return std::nullopt;
        const auto number = parse_number<std::uint32_t>(digits);
        if (!number || *number > 255) return std::nullopt;
        address = address << 8U | *number;
        text.remove_prefix(part < 3 ? dot + 1 : dot);
    }
    return address;
}

std::uint32_t Subnet::mask() const { return bits == 0 ? 0U : ~0U << (32U - bits); }

bool Subnet::overlaps(const Subnet& other) const {
    return contains(other.address) || other.contains(address);
}

bool Subnet::reserves(std::uint32_t host) const {
    return bits < 31 && (host == address || host == (address | ~mask()));
}

std::optional<Subnet> parse_subnet(std::string_view text) {
    const std::size_t slash = text.find('/');
    if (slash == std::string_view::npos) return std::nullopt;
    const auto address = parse_ipv4(text.substr(0, slash));
    const std::string_view digits = text.substr(slash + 1);
    if (digits.empty() || digits.find_first_not_of("0123456789") != std::string_view::npos) {
        return std::nullopt;
    }
    const auto bits = parse_number<std::uint32_t>(digits);
    if (!address || !bits || *bits > 32) return std::nullopt;
    const Subnet subnet{*address, *bits};
    if ((subnet.address & ~subnet.mask()) != 0) return std::nullopt;
    return subnet;
}

std::string to_string(const Subnet& subnet) {
    std::string text;
    for (const std::uint32_t shift : {24U, 16U, 8U, 0U}) {
        text += (text.empty() ? "" : ".") + std::to_string(subnet.address >> shift & 255U);
    }
    return text + "/" + std::to_string(subnet.bits);
}

}  // namespace zk::agent_api
