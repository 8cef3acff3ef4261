#include "inventory/ranges.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <optional>

#include <arpa/inet.h>

#include "base/numbers.h"
#include "inventory/section.h"

namespace zk::inventory {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool all_digits(std::string_view text) {
    return !text.empty() && std::ranges::all_of(text, is_digit);
}

/// A number of digits only, up to `most`.
std::optional<std::int64_t> digits(std::string_view text, std::int64_t most) {
    if (!all_digits(text) || text.size() > 9) return std::nullopt;
    const auto number = parse_number(text);
    if (!number || *number > most) return std::nullopt;
    return number;
}

std::vector<std::string_view> split(std::string_view text, char separator) {
    std::vector<std::string_view> parts;
    while (true) {
        const std::size_t at = text.find(separator);
        parts.push_back(text.substr(0, at));
        if (at == std::string_view::npos) return parts;
        text.remove_prefix(at + 1);
    }
}

Error bad_ids(std::string_view text) {
    return {
        Errc::invalid,
        "must be an id from 1 to 255 or a range such as 1-3, found \"" + std::string(text) + "\""};
}

}  // namespace

Result<std::vector<ServerId>> expand_ids(std::string_view text) {
    const auto parts = split(text, '-');
    if (parts.size() > 2) return bad_ids(text);
    const auto first = digits(parts.front(), 255);
    const auto last = digits(parts.back(), 255);
    if (!first || !last || *first < 1) return bad_ids(text);
    if (*last < *first) {
        return Error(Errc::invalid,
                     "the range \"" + std::string(text) + "\" runs backwards; write " +
                         std::string(parts.back()) + "-" + std::string(parts.front()));
    }
    std::vector<ServerId> ids;
    for (std::int64_t id = *first; id <= *last; ++id) ids.emplace_back(id);
    return ids;
}

Result<std::vector<std::string>> expand_hosts(std::string_view text) {
    const std::size_t open = text.find('[');
    const std::size_t close = text.find(']');
    const bool address = open == 0 && text.substr(0, close).find(':') != std::string_view::npos;
    if (address) return std::vector<std::string>{std::string(text)};
    if (open == std::string_view::npos && close == std::string_view::npos) {
        return std::vector<std::string>{std::string(text)};
    }
    const Error bad(Errc::invalid,
                    "must be a host or a range such as 192.168.6.[137-139], found \"" +
                        std::string(text) + "\"");
    if (open == std::string_view::npos || close == std::string_view::npos || close < open ||
        text.find('[', open + 1) != std::string_view::npos ||
        text.find(']', close + 1) != std::string_view::npos) {
        return bad;
    }
    const auto parts = split(text.substr(open + 1, close - open - 1), '-');
    if (parts.size() != 2) return bad;
    const auto first = digits(parts[0], 999999);
    const auto last = digits(parts[1], 999999);
    if (!first || !last) return bad;
    if (*last < *first) {
        return Error(Errc::invalid, "the range in \"" + std::string(text) + "\" runs backwards");
    }
    if (*last - *first >= static_cast<std::int64_t>(kNodesMax)) {
        return Error(Errc::invalid,
                     "the range in \"" + std::string(text) + "\" names more than 255 hosts");
    }
    const std::size_t width = parts[0].front() == '0' ? parts[0].size() : 1;
    std::vector<std::string> hosts;
    for (std::int64_t number = *first; number <= *last; ++number) {
        std::string digits_text = std::to_string(number);
        if (digits_text.size() < width) digits_text.insert(0, width - digits_text.size(), '0');
        hosts.push_back(std::string(text.substr(0, open)) + digits_text +
                        std::string(text.substr(close + 1)));
    }
    return hosts;
}

namespace {

/// `text` without brackets and zone is an IPv6 address, or not; with what is wrong about it.
Result<std::string> read_ipv6(std::string_view text, const std::string& quoted) {
    const bool brackets = text.starts_with('[') && text.ends_with(']');
    if (brackets) text = text.substr(1, text.size() - 2);
    const std::size_t percent = text.find('%');
    const std::string address(text.substr(0, percent));
    in6_addr bits{};
    if (inet_pton(AF_INET6, address.c_str(), &bits) != 1) {
        return Error(
            Errc::invalid,
            quoted + " is not an IPv6 address; write it like fd00::137, with brackets or without");
    }
    if (IN6_IS_ADDR_UNSPECIFIED(&bits))
        return Error(Errc::invalid, quoted + " is no host's address; write the node's own");
    std::array<char, INET6_ADDRSTRLEN> normal{};
    inet_ntop(AF_INET6, &bits, normal.data(), normal.size());
    if (percent == std::string_view::npos) return std::string(normal.data());
    const std::string_view zone = text.substr(percent + 1);
    const auto good = [](char c) {
        return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-' || c == '_' || c == '.';
    };
    if (!IN6_IS_ADDR_LINKLOCAL(&bits) || zone.empty() || !std::ranges::all_of(zone, good)) {
        return Error(Errc::invalid,
                     quoted +
                         ": a zone is the name of an interface behind a link-local address, such "
                         "as fe80::1%eth0");
    }
    return std::string(normal.data()) + "%" + std::string(zone);
}

}  // namespace

Result<std::string> read_address(std::string_view text) {
    const std::string quoted = "\"" + std::string(text) + "\"";
    const std::size_t colons = static_cast<std::size_t>(std::ranges::count(text, ':'));
    const bool port =
        colons == 1 || (text.starts_with('[') && text.find("]:") != std::string_view::npos);
    if (port) {
        return Error(Errc::invalid,
                     quoted +
                         " must be a host without a port; ports go to client_port, "
                         "peer_port and election_port");
    }
    if (colons > 1) return read_ipv6(text, quoted);
    if (text.size() > 1 && text.ends_with('.')) text.remove_suffix(1);
    const auto labels = split(text, '.');
    const bool numeric = std::ranges::all_of(labels, all_digits);
    if (numeric) {
        const bool good = labels.size() == 4 && std::ranges::all_of(labels, [](auto label) {
                              return digits(label, 255).has_value() &&
                                     (label.size() == 1 || label.front() != '0');
                          });
        if (!good) {
            return Error(Errc::invalid,
                         quoted +
                             " is not an IPv4 address; write four numbers from 0 to 255, "
                             "such as 192.168.6.137");
        }
        if (text == "0.0.0.0") {
            return Error(Errc::invalid, quoted + " is no host's address; write the node's own");
        }
        return std::string(text);
    }
    const auto good_label = [](std::string_view label) {
        const auto good = [](char c) {
            return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-' || c == '_';
        };
        return !label.empty() && label.size() <= 63 && label.front() != '-' &&
               label.back() != '-' && std::ranges::all_of(label, good);
    };
    if (text.size() > 253 || !std::ranges::all_of(labels, good_label)) {
        return Error(Errc::invalid,
                     quoted +
                         " is not an address; write an IPv4 address such as 192.168.6.137 or "
                         "a host name of letters, digits, '-' and '.'");
    }
    if (all_digits(labels.back())) {
        return Error(Errc::invalid,
                     quoted +
                         " is neither an IPv4 address nor a host name; write four numbers "
                         "from 0 to 255, such as 192.168.6.137");
    }
    std::string name(text);
    std::ranges::transform(
        name, name.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return name;
}

std::string before_port(const std::string& address) {
    return address.find(':') == std::string::npos ? address : "[" + address + "]";
}

bool is_loopback(std::string_view address) {
    return address == "localhost" || address == "::1" || address.starts_with("127.");
}

}  // namespace zk::inventory
