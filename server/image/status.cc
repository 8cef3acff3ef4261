#include "image/status.h"

#include <algorithm>
#include <utility>
#include <vector>

#include <fmt/core.h>

#include "base/numbers.h"
#include "ensemble/ensemble_config.h"
#include "ensemble/properties.h"

namespace zk::image {
namespace {

constexpr std::string_view kNotFound =
    "Unable to find either secure or unsecure client port in any configs. Terminating.\n";

using Properties = std::vector<ensemble::Property>;

/// A file that cannot be read as one has none.
Properties properties_of(std::string_view zoo_cfg) {
    const auto properties = ensemble::read_properties(zoo_cfg, "zoo.cfg");
    return properties.has_value() ? *properties : Properties();
}

/// The last one; empty: there is none.
std::string value_of(const Properties& properties, std::string_view key) {
    std::string value;
    for (const ensemble::Property& property : properties) {
        if (property.key == key) value = property.value;
    }
    return value;
}
/// Of the server.N line; numbers may be written with zeros in front.
std::string line_of(const Properties& properties, ServerId id) {
    constexpr std::string_view kPrefix = "server.";
    std::string value;
    for (const ensemble::Property& property : properties) {
        if (!property.key.starts_with(kPrefix)) continue;
        const auto other =
            ensemble::parse_server_id(std::string_view(property.key).substr(kPrefix.size()));
        if (other.has_value() && *other == id) value = property.value;
    }
    return value;
}

/// clientPort and clientPortAddress; 0 counts as none, as it says no port.
std::optional<ClientDoor> static_door(const Properties& properties) {
    const std::string text = value_of(properties, "clientPort");
    const auto port =
        parse_number<std::uint16_t>(std::string_view(text).substr(text.starts_with('+') ? 1 : 0));
    if (!port || *port == 0) return std::nullopt;
    const std::string address = value_of(properties, "clientPortAddress");
    return ClientDoor{address.empty() ? "localhost" : address, *port};
}

/// The part behind ';' of the own server line. `words`: what the script says where it finds none.
std::optional<ClientDoor> own_door(const Properties& properties,
                                   const std::optional<std::string>& myid,
                                   std::string& words) {
    const std::string text = myid.value_or("");
    const auto id = ensemble::parse_server_id(std::string_view(text).substr(0, text.find('\n')));
    if (!id.has_value()) {
        words =
            "myid could not be determined, will not able to locate clientPort in the server "
            "configs.\n";
        return std::nullopt;
    }
    const std::string line = line_of(properties, *id);
    const auto member = ensemble::parse_member(*id, line);
    if (!member.has_value() || !member->client) {
        words = "Client port not found in the server configs\n";
        return std::nullopt;
    }
    // A port alone leaves the address at this host.
    const bool has_address = line.find(':', line.rfind(';')) != std::string::npos;
    return ClientDoor{has_address ? member->client->host : "localhost", member->client->port};
}

}  // namespace

FoundDoor find_client_door(std::string_view zoo_cfg, const std::optional<std::string>& myid) {
    const Properties properties = properties_of(zoo_cfg);
    FoundDoor found;
    found.door = static_door(properties);
    if (!found.door) found.door = own_door(properties, myid, found.words);
    if (!found.door) {
        found.words += kNotFound;
        return found;
    }
    found.words += fmt::format("Client port found: {}. Client address: {}. Client SSL: false.\n",
                               found.door->port,
                               found.door->address);
    return found;
}

std::optional<std::string> data_dir_of(std::string_view zoo_cfg) {
    std::string value = value_of(properties_of(zoo_cfg), "dataDir");
    return value.empty() ? std::nullopt : std::optional(std::move(value));
}

std::string dialled(const std::string& address) {
    if (address == "localhost" || address == "0.0.0.0") return "127.0.0.1";
    if (address == "::" || address == "[::]" || address == "0:0:0:0:0:0:0:0") return "::1";
    const bool brackets = address.size() > 2 && address.front() == '[' && address.back() == ']';
    return brackets ? address.substr(1, address.size() - 2) : address;
}

std::string mode_line(std::string_view answer) {
    while (!answer.empty()) {
        const std::string_view line = answer.substr(0, answer.find('\n'));
        if (line.starts_with("Mode: ")) {
            std::string clean(line);
            std::erase_if(clean, [](char c) { return c < ' ' || c > '~'; });
            return clean;
        }
        answer.remove_prefix(std::min(answer.size(), line.size() + 1));
    }
    return {};
}

Health judge(std::string_view answer) {
    const std::string mode = mode_line(answer);
    if (!mode.empty()) return {true, mode};
    if (answer.find("not in the whitelist") != std::string_view::npos) {
        return {true,
                "It answers; whether it serves is not known: srvr is not in "
                "4lw.commands.whitelist."};
    }
    if (answer.find("not currently serving") != std::string_view::npos) {
        return {false, "It serves nobody: there is no leader, or it has not caught up yet."};
    }
    return {false, "It does not answer srvr."};
}

}  // namespace zk::image
