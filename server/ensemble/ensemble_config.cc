#include "ensemble/ensemble_config.h"

#include <algorithm>
#include <array>
#include <limits>
#include <vector>

#include <arpa/inet.h>
#include <fmt/core.h>

#include "base/numbers.h"
#include "ensemble/properties.h"

namespace zk::ensemble {
namespace {

constexpr std::string_view kMemberForm =
    "host:quorumPort:electionPort[:participant|:observer][;[clientHost:]clientPort]";

std::string_view trimmed(std::string_view text) {
    while (!text.empty() && static_cast<unsigned char>(text.front()) <= ' ') text.remove_prefix(1);
    while (!text.empty() && static_cast<unsigned char>(text.back()) <= ' ') text.remove_suffix(1);
    return text;
}

Error invalid(std::string words) { return {Errc::invalid, std::move(words)}; }

/// Splits "host:a:b", "[ipv6]:a:b" at the colons; the brackets go.
Result<std::vector<std::string>> split_address(std::string_view text) {
    std::vector<std::string> parts;
    if (text.starts_with('[')) {
        const std::size_t close = text.find("]:");
        if (close == std::string_view::npos) {
            return invalid(fmt::format("'{}' starts with '[' but has no matching ']:'", text));
        }
        const std::string host(text.substr(1, close - 1));
        const std::string unzoned = host.substr(0, host.find('%'));  // Java takes "fe80::1%eth0"
        in6_addr address{};
        if (::inet_pton(AF_INET6, unzoned.c_str(), &address) != 1 || host.ends_with('%')) {
            return invalid(fmt::format("'{}' is not an IPv6 address", host));
        }
        parts.push_back(host);
        text.remove_prefix(close + 2);
    }
    while (true) {
        const std::size_t colon = text.find(':');
        parts.emplace_back(trimmed(text.substr(0, colon)));
        if (colon == std::string_view::npos) return parts;
        text.remove_prefix(colon + 1);
    }
}

Result<std::uint16_t> parse_port(std::string_view text, std::string_view what) {
    const auto port = parse_number<std::uint32_t>(text);
    if (!port || *port == 0 || *port > 65535) {
        return invalid(fmt::format("{} '{}' must be a number from 1 to 65535", what, text));
    }
    return static_cast<std::uint16_t>(*port);
}

Result<> check_host(std::string_view host) {
    const auto bad = [](char c) { return static_cast<unsigned char>(c) <= ' ' || c == '/'; };
    if (host.empty()) return invalid("the host is missing");
    if (std::any_of(host.begin(), host.end(), bad)) {
        return invalid(fmt::format("'{}' is not a host name or address", host));
    }
    return ok();
}

Result<HostPort> parse_client(std::string_view text) {
    ZK_TRY(const std::vector<std::string> parts, split_address(text));
    if (parts.size() > 2) {
        return invalid(fmt::format("client address '{}' must be [host:]port", text));
    }
    HostPort client;
    client.host = parts.size() == 2 ? parts[0] : "0.0.0.0";
    ZK_CHECK(check_host(client.host));
    ZK_TRY(client.port, parse_port(parts.back(), "client port"));
    return client;
}

Result<Role> parse_role(std::string_view text) {
    const std::string role = lower(trimmed(text));
    if (role == "participant") return Role::participant;
    if (role == "observer") return Role::observer;
    return invalid(fmt::format("role '{}' must be participant or observer", text));
}

/// Java prints IPv6 addresses with eight groups and no zero compression; an IPv4-mapped one as
/// IPv4.
std::string java_host(const std::string& host) {
    std::array<unsigned char, 16> raw{};
    if (host.find(':') == std::string::npos ||
        ::inet_pton(AF_INET6, host.c_str(), raw.data()) != 1) {
        return host;
    }
    const bool mapped = std::all_of(raw.begin(), raw.begin() + 10, [](auto b) { return b == 0; }) &&
                        raw[10] == 0xff && raw[11] == 0xff;
    if (mapped) return fmt::format("{}.{}.{}.{}", raw[12], raw[13], raw[14], raw[15]);
    std::string text = "[";
    for (std::size_t i = 0; i < raw.size(); i += 2) {
        if (i > 0) text += ':';
        text += fmt::format("{:x}", raw[i] << 8 | raw[i + 1]);
    }
    return text + "]";
}

/// One text for all spellings of a host.
std::string plain_host(std::string_view text) {
    if (text.starts_with('[') && text.ends_with(']')) text = text.substr(1, text.size() - 2);
    if (text.size() > 1 && text.ends_with('.')) text.remove_suffix(1);
    return java_host(lower(text));
}

bool is_literal(const std::string& host) {
    return host.find(':') != std::string::npos ||
           host.find_first_not_of("0123456789.") == std::string::npos;
}

/// Members in the order in which Java's HashMap<Long, ...> walks them. Members of one bucket come
/// by sid here; Java has them in insertion order, which no other server can know.
std::vector<const Member*> in_java_order(const std::map<ServerId, Member>& members) {
    std::uint32_t capacity = 16;
    while (members.size() * 4 > std::size_t{capacity} * 3) capacity *= 2;
    const auto bucket = [capacity](ServerId sid) {
        const auto bits = static_cast<std::uint64_t>(sid.value());
        const auto hash = static_cast<std::uint32_t>(bits ^ bits >> 32);
        return (hash ^ hash >> 16) & (capacity - 1);
    };
    std::vector<const Member*> ordered;
    for (const auto& [sid, member] : members) ordered.push_back(&member);
    std::stable_sort(ordered.begin(), ordered.end(), [&](const Member* a, const Member* b) {
        return bucket(a->sid) < bucket(b->sid);
    });
    return ordered;
}

Result<> read_line(const Property& property, EnsembleConfig& config) {
    if (property.key.starts_with("server.")) {
        ZK_TRY(const ServerId sid, parse_server_id(std::string_view(property.key).substr(7)));
        ZK_TRY(Member member, parse_member(sid, property.value));
        config.members.insert_or_assign(sid, std::move(member));
        return ok();
    }
    if (property.key == "version") {
        const auto version = parse_number<std::uint64_t>(property.value, 16);
        if (!version)
            return invalid(fmt::format("version '{}' is not a hex number", property.value));
        config.version = static_cast<std::int64_t>(*version);
        return ok();
    }
    if (property.key.starts_with("group") || property.key.starts_with("weight")) {
        return Error(
            Errc::unsupported,
            fmt::format("{}: hierarchical quorums (group, weight) are not supported by this "
                        "version; use plain majorities",
                        property.key));
    }
    return invalid(fmt::format("unknown key '{}'", property.key));
}

}  // namespace

std::string_view to_string(Role role) {
    return role == Role::participant ? "participant" : "observer";
}

std::string to_string(const HostPort& address) {
    return fmt::format("{}:{}", java_host(address.host), address.port);
}

std::string to_string(const Member& member) {
    std::string text = fmt::format("{}:{}:{}:{}",
                                   java_host(member.host),
                                   member.quorum_port,
                                   member.election_port,
                                   to_string(member.role));
    if (member.client) text += ";" + to_string(*member.client);
    return text;
}

bool may_be_same_host(std::string_view one, std::string_view other) {
    const std::string left = plain_host(one);
    const std::string right = plain_host(other);
    return left == right || is_literal(left) != is_literal(right);
}

Result<ServerId> parse_server_id(std::string_view text) {
    const auto sid = parse_number<std::int64_t>(text);
    if (!sid || *sid < 0 || *sid == std::numeric_limits<std::int64_t>::max()) {
        return invalid(
            fmt::format("server id '{}' must be a number, normally from 1 to 254", text));
    }
    return ServerId(*sid);
}

Result<Member> parse_member(ServerId sid, std::string_view value) {
    if (value.find('|') != std::string_view::npos) {
        return Error(
            Errc::unsupported,
            "several addresses for one server ('|') are not supported by this version; keep "
            "one address");
    }
    const std::size_t semicolon = value.find(';');
    const std::string_view address = trimmed(value.substr(0, semicolon));
    Member member;
    member.sid = sid;
    if (semicolon != std::string_view::npos) {
        const std::string_view client = trimmed(value.substr(semicolon + 1));
        if (client.find(';') != std::string_view::npos) {
            return Error(Errc::unsupported,
                         "a secure client address (second ';') is not supported by this version; "
                         "remove it");
        }
        if (!client.empty()) {
            ZK_TRY(member.client, parse_client(client));
        }
    }
    ZK_TRY(const std::vector<std::string> parts, split_address(address));
    if (parts.size() < 3 || parts.size() > 4) {
        return invalid(fmt::format("'{}' does not have the form {}", value, kMemberForm));
    }
    member.host = parts[0];
    ZK_CHECK(check_host(member.host));
    ZK_TRY(member.quorum_port, parse_port(parts[1], "quorum port"));
    ZK_TRY(member.election_port, parse_port(parts[2], "election port"));
    if (member.quorum_port == member.election_port) {
        return invalid(fmt::format("quorum port and election port are both {}; they must differ",
                                   member.quorum_port));
    }
    if (parts.size() == 4) {
        ZK_TRY(member.role, parse_role(parts[3]));
    }
    return member;
}

std::set<ServerId> EnsembleConfig::voters() const {
    std::set<ServerId> sids;
    for (const auto& [sid, member] : members) {
        if (member.role == Role::participant) sids.insert(sid);
    }
    return sids;
}

bool EnsembleConfig::is_voter(ServerId sid) const {
    const Member* member = find(sid);
    return member != nullptr && member->role == Role::participant;
}

const Member* EnsembleConfig::find(ServerId sid) const {
    const auto found = members.find(sid);
    return found == members.end() ? nullptr : &found->second;
}

std::string to_string(const EnsembleConfig& config) {
    std::string text;
    for (const Member* member : in_java_order(config.members)) {
        text += fmt::format("server.{}={}\n", member->sid.value(), to_string(*member));
    }
    text += fmt::format("version={:x}", static_cast<std::uint64_t>(config.version));
    return text;
}

Result<EnsembleConfig> parse_ensemble_config(std::string_view text, std::string_view source) {
    ZK_TRY(const std::vector<Property> properties, read_properties(text, source));
    EnsembleConfig config;
    for (const Property& property : properties) {
        auto read = read_line(property, config);
        if (!read.has_value()) {
            return read.error().with_context(fmt::format("{}:{}", source, property.line));
        }
    }
    if (config.voters().empty()) {
        return invalid(fmt::format("{}: the ensemble has no participant", source));
    }
    return config;
}

}  // namespace zk::ensemble
