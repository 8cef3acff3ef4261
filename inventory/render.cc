#include "inventory/render.h"

#include <map>

namespace zk::inventory {
namespace {

/// The words the agent asks, and those operators type.
constexpr std::string_view kFourLetterWords = "srvr,ruok,stat,mntr,conf,isro";

}  // namespace

std::string render_zoo_cfg(const Inventory& inventory, const Node& node) {
    std::map<std::string, std::string> config = node.config;
    config.try_emplace("tickTime", "2000");
    config.try_emplace("initLimit", "10");
    config.try_emplace("syncLimit", "5");
    std::string text = "# " + inventory.cluster + ", server " + to_string(node.id) +
                       ". Written by zkprov apply, which overwrites changes made here.\n";
    const auto line = [&](std::string_view key, std::string_view value) {
        text.append(key).append("=").append(value).append("\n");
    };
    line("dataDir", node.data_dir);
    line("dataLogDir", node.log_dir);
    line("clientPort", std::to_string(node.ports.client));
    if (inventory.transport == Transport::local) line("clientPortAddress", node.host);
    for (const auto& [key, value] : config) line(key, value);
    line("4lw.commands.whitelist", kFourLetterWords);
    line("admin.enableServer", "false");
    line("db.autocreate", "false");
    line("standaloneEnabled", "false");
    for (const Node& member : inventory.nodes) {
        line("server." + to_string(member.id),
             member.host + ":" + std::to_string(member.ports.peer) + ":" +
                 std::to_string(member.ports.election));
    }
    return text;
}

std::string render_myid(const Node& node) { return to_string(node.id) + "\n"; }

}  // namespace zk::inventory
