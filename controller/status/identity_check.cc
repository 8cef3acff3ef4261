#include "status/identity_check.h"

#include <algorithm>
#include <map>

#include <fmt/core.h>

#include "base/log.h"
#include "ensemble/ensemble_config.h"
#include "inventory/ranges.h"

namespace zk::status {
namespace {

using agent_api::ConflictKind;
using agent_api::IdentityConflict;
using agent_api::NodeHealth;
using inventory::Inventory;
using Members = std::map<ServerId, ensemble::Member>;

constexpr std::string_view kPrefix = "server.";

/// Lines that cannot be read say nothing.
Members members_of(const NodeHealth& health) {
    Members members;
    for (const std::string& line : health.members) {
        const std::size_t equals = line.find('=');
        if (!line.starts_with(kPrefix) || equals == std::string::npos) continue;
        const std::string_view rest = line;
        const auto sid =
            ensemble::parse_server_id(rest.substr(kPrefix.size(), equals - kPrefix.size()));
        if (!sid.has_value()) continue;
        auto member = ensemble::parse_member(*sid, rest.substr(equals + 1));
        if (member.has_value()) members.emplace(*sid, *std::move(member));
    }
    return members;
}

bool is_literal(const std::string& address) {
    return address.find(':') != std::string::npos ||
           address.find_first_not_of("0123456789.") == std::string::npos;
}

/// A name and an address may be the same host: nobody can say without asking a name server.
bool may_be_same_host(const std::string& one, const std::string& other) {
    const auto left = inventory::read_address(one);
    const auto right = inventory::read_address(other);
    if (!left.has_value() || !right.has_value()) return true;
    return *left == *right || is_literal(*left) != is_literal(*right);
}

bool is_node(const ensemble::Member& member, const inventory::Node& node) {
    return member.quorum_port == node.ports.peer && member.election_port == node.ports.election &&
           may_be_same_host(member.host, node.host);
}

std::string place_of(const std::string& host, std::uint16_t peer, std::uint16_t election) {
    return fmt::format("{}:{}:{}", inventory::before_port(host), peer, election);
}
std::string place_of(const ensemble::Member& member) {
    return place_of(member.host, member.quorum_port, member.election_port);
}
std::string place_of(const inventory::Node& node) {
    return place_of(node.host, node.ports.peer, node.ports.election);
}

}  // namespace

std::string other_identity(const Inventory& inventory, ServerId id, const NodeHealth& health) {
    const bool same = health.cluster == inventory.cluster && health.sid == id;
    if (health.cluster.empty() || same) return {};
    return fmt::format("the host holds server {} of ensemble \"{}\"; correct the inventory",
                       health.sid,
                       health.cluster);
}

std::optional<IdentityConflict> conflict_of(const Inventory& inventory,
                                            ServerId id,
                                            const NodeHealth& health) {
    if (health.conflict) return health.conflict;
    const inventory::Node* const node = inventory.find(id);
    const Members members = members_of(health);
    if (node == nullptr || members.empty()) return std::nullopt;
    const auto own = members.find(id);
    if (own != members.end() && !is_node(own->second, *node)) {
        return IdentityConflict{
            ConflictKind::address,
            fmt::format("its server runs as server.{}={}, the inventory has {}; correct the "
                        "inventory, or bring its zoo.cfg back (zkprov apply)",
                        id,
                        place_of(own->second),
                        place_of(*node))};
    }
    std::size_t same = 0;
    for (const inventory::Node& other : inventory.nodes) {
        const auto member = members.find(other.id);
        if (other.id != id && member != members.end() && is_node(member->second, other)) ++same;
    }
    if (same > 0 || inventory.nodes.size() < 2) return std::nullopt;
    return IdentityConflict{
        ConflictKind::ensemble,
        "its server shares no other member with the inventory, so it belongs to another ensemble; "
        "bring its zoo.cfg back (zkprov apply)"};
}

std::string other_members(const Inventory& inventory, ServerId id, const NodeHealth& health) {
    const Members members = members_of(health);
    if (members.empty()) return {};
    std::string differences;
    const auto add = [&](const std::string& text) {
        differences += (differences.empty() ? "" : ", ") + text;
    };
    for (const inventory::Node& node : inventory.nodes) {
        const auto member = members.find(node.id);
        if (member == members.end()) {
            add(fmt::format("it has no server.{}", node.id));
        } else if (node.id != id && !is_node(member->second, node)) {
            add(fmt::format("it has server.{}={}, the inventory {}",
                            node.id,
                            place_of(member->second),
                            place_of(node)));
        }
    }
    for (const auto& [sid, member] : members) {
        if (inventory.find(sid) == nullptr) {
            add(fmt::format("it has server.{}={}", sid, place_of(member)));
        }
    }
    if (differences.empty()) return {};
    return "its server has other members than the inventory: " + differences;
}

std::vector<std::string> shared_ids(const std::vector<Speaker>& speakers) {
    std::vector<std::string> sentences;
    for (auto one = speakers.begin(); one != speakers.end(); ++one) {
        for (auto other = one + 1; other != speakers.end(); ++other) {
            if (one->sid == other->sid) {
                sentences.push_back(
                    fmt::format("the servers on {} and {} both speak as server {}: stop the one "
                                "that is not server {}",
                                one->host,
                                other->host,
                                one->sid,
                                one->sid));
            } else if (one->sid == other->node && other->sid == one->node) {
                sentences.push_back(fmt::format(
                    "the servers on {} and {} have changed places (they speak as server {} and "
                    "{}): stop both and put their disks back",
                    one->host,
                    other->host,
                    one->sid,
                    other->sid));
            }
        }
    }
    return sentences;
}

}  // namespace zk::status
