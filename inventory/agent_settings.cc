#include <algorithm>

#include "inventory/ranges.h"
#include "inventory/settings.h"

namespace zk::inventory {
namespace {

constexpr std::uint16_t kHttpPort = 9180;

bool is_ip_address(std::string_view address) {
    return address.find(':') != std::string_view::npos ||
           address.find_first_not_of("0123456789.") == std::string_view::npos;
}

std::optional<Written> read_listen(Section& http, Diagnostics& diagnostics) {
    const auto word = http.text("listen");
    if (!word) return std::nullopt;
    Written written{*word, http.mark_of("listen"), http.path_of("listen")};
    if (*word == "off" || *word == "loopback" || *word == "node") return written;
    // All addresses of a host: none that a node could be reached at, so read_address has none of them.
    if (*word == "0.0.0.0" || *word == "::") return written;
    auto address = read_address(*word);
    if (!address || !is_ip_address(*address)) {
        diagnostics.error(
            written.mark,
            written.path,
            "must be off, loopback, node or an IP address of the node, found \"" + *word + "\"");
        return std::nullopt;
    }
    written.text = *std::move(address);
    return written;
}

}  // namespace

AgentSettings read_agent_settings(Section& section, Diagnostics& diagnostics) {
    AgentSettings settings;
    const Value* const value = section.find("agent");
    if (value == nullptr) return settings;
    Section agent(*value, section.path_of("agent"), diagnostics);
    if (const Value* const http_value = agent.find("http")) {
        Section http(*http_value, agent.path_of("http"), diagnostics);
        settings.listen = read_listen(http, diagnostics);
        if (const auto port = http.number("port", 1024, 65535)) {
            settings.port = static_cast<std::uint16_t>(*port);
        }
        http.finish();
    }
    agent.finish();
    return settings;
}

AgentHttp resolve_http(const AgentSettings& common,
                       const AgentSettings& own,
                       const std::string& host,
                       std::size_t index,
                       Diagnostics& diagnostics) {
    const auto& listen = own.listen ? own.listen : common.listen;
    if (!listen || listen->text == "off") return {};
    AgentHttp http;
    if (listen->text == "loopback") {
        http.address = "127.0.0.1";
    } else if (listen->text != "node") {
        http.address = listen->text;
    } else if (is_ip_address(host)) {
        http.address = host;
    } else {
        // What a host calls itself is often an address of its loopback.
        diagnostics.error(listen->mark,
                          listen->path,
                          "node means the node's address, and " + host +
                              " is a name; write the address itself in the node's entry, or "
                              "0.0.0.0 for all of its addresses");
        return {};
    }
    const std::size_t port = own.port ? *own.port : common.port.value_or(kHttpPort) + index;
    http.port = static_cast<std::uint16_t>(std::min<std::size_t>(port, 65535));
    return http;
}

}  // namespace zk::inventory
