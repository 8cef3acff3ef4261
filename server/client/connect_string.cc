#include "client/connect_string.h"

#include <optional>

#include "base/numbers.h"

namespace zk::client {
namespace {

Error wrong(std::string_view part, const std::string& words) {
    return {Errc::invalid, "\"" + std::string(part) + "\" is no server: " + words};
}

Result<std::uint16_t> read_port(std::string_view part, std::string_view digits) {
    const auto port = parse_number<int>(digits);
    if (!port || *port < 1 || *port > 65535) {
        return wrong(part, "its port has to be a number from 1 to 65535");
    }
    return static_cast<std::uint16_t>(*port);
}

Result<ServerAddress> read_server(std::string_view part) {
    ServerAddress address;
    if (part.empty()) return wrong(part, "a name is missing; write host:port,host:port");
    std::string_view rest;  // what is behind the host
    if (part.front() == '[') {
        const auto end = part.find(']');
        if (end == std::string_view::npos) return wrong(part, "the \"]\" is missing");
        address.host = part.substr(1, end - 1);
        rest = part.substr(end + 1);
    } else {
        const auto colon = part.find(':');
        address.host = part.substr(0, colon);
        if (colon != std::string_view::npos) rest = part.substr(colon);
        if (rest.substr(0, 1) == ":" && rest.find(':', 1) != std::string_view::npos) {
            return wrong(part, "an IPv6 address has to stand in brackets, as in [::1]:2181");
        }
    }
    if (address.host.empty()) return wrong(part, "its name is missing");
    if (rest.empty()) return address;
    if (rest.front() != ':') return wrong(part, "behind the \"]\" comes \":\" and a port");
    ZK_TRY(address.port, read_port(part, rest.substr(1)));
    return address;
}

/// The paths that a znode may have, as far as a chroot needs it.
bool is_path(std::string_view path) {
    if (path.back() == '/') return false;
    std::size_t at = 1;
    while (at <= path.size()) {
        const auto end = std::min(path.find('/', at), path.size());
        const auto name = path.substr(at, end - at);
        if (name.empty() || name == "." || name == "..") return false;
        at = end + 1;
    }
    return true;
}

}  // namespace

std::string to_string(const ServerAddress& address) {
    const bool v6 = address.host.find(':') != std::string::npos;
    return (v6 ? "[" + address.host + "]" : address.host) + ":" + std::to_string(address.port);
}

Result<ConnectString> parse_connect_string(std::string_view text) {
    ConnectString parsed;
    const auto slash = text.find('/');
    if (slash != std::string_view::npos) {
        const auto chroot = text.substr(slash);
        if (chroot != "/" && !is_path(chroot)) {
            return Error(Errc::invalid,
                         "\"" + std::string(chroot) +
                             "\" is no path to begin at: write it as /a/b, without a / at its end");
        }
        if (chroot != "/") parsed.chroot = chroot;
        text = text.substr(0, slash);
    }
    for (;;) {
        const auto comma = text.find(',');
        auto part = text.substr(0, comma);
        while (!part.empty() && part.front() == ' ') part.remove_prefix(1);
        while (!part.empty() && part.back() == ' ') part.remove_suffix(1);
        ZK_TRY(auto server, read_server(part));
        parsed.servers.push_back(std::move(server));
        if (comma == std::string_view::npos) break;
        text = text.substr(comma + 1);
    }
    return parsed;
}

}  // namespace zk::client
