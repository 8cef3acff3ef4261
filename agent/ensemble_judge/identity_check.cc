#include "ensemble_judge/identity_check.h"

#include <algorithm>
#include <map>

#include <fmt/core.h>

#include "base/log.h"
#include "ensemble/ensemble_config.h"

namespace zk::ensemble_judge {
namespace {

using agent_api::ConflictKind;
using agent_api::IdentityConflict;
using agent_api::NodeHealth;
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

/// A server that has no address of its own in its line, as some have it in containers, may be on any host.
bool is_any_host(const std::string& host) {
    return host == "0.0.0.0" || host == "::" || host == "0:0:0:0:0:0:0:0";
}

bool is_same_host(const Members& members, ServerId id, const std::string& host) {
    const auto member = members.find(id);
    if (member == members.end()) return false;
    return is_any_host(host) || is_any_host(member->second.host) ||
           ensemble::may_be_same_host(member->second.host, host);
}

/// Two servers of one ensemble share a member beside each of them, though not with the same ports
/// while these are being changed. What a server says of itself is no sign: it stands where it
/// stands.
bool share_members(ServerId one, const Members& ones, ServerId other, const Members& others) {
    bool beside_one = false;
    bool beside_other = false;
    for (const auto& [id, member] : ones) {
        if (!is_same_host(others, id, member.host)) continue;
        beside_one = beside_one || id != one;
        beside_other = beside_other || id != other;
    }
    return beside_one && beside_other;
}

std::size_t count_nodes(const Expected& expected, const Members& members) {
    return static_cast<std::size_t>(std::ranges::count_if(
        expected.nodes,
        [&](const ExpectedNode& node) { return is_same_host(members, node.id, node.host); }));
}

}  // namespace

std::string other_identity(const Expected& expected, ServerId id, const NodeHealth& health) {
    const bool same = health.cluster == expected.cluster && health.sid == id;
    if (health.cluster.empty() || same) return {};
    return fmt::format("the host holds server {} of ensemble \"{}\"; correct the inventory",
                       health.sid,
                       health.cluster);
}

MemberCheck compare_members(const Expected& expected, const std::vector<Server>& servers) {
    MemberCheck check;
    // Of two members the other one may be the one that moved.
    if (expected.nodes.size() < 3) return check;
    std::vector<Members> members;
    for (const Server& server : servers) members.push_back(members_of(*server.health));
    for (std::size_t i = 0; i < servers.size(); ++i) {
        for (std::size_t j = i + 1; j < servers.size(); ++j) {
            if (members[i].empty() || members[j].empty()) continue;
            if (share_members(servers[i].node, members[i], servers[j].node, members[j])) continue;
            // The inventory says only which of the two is meant.
            const std::size_t one = count_nodes(expected, members[i]);
            const std::size_t other = count_nodes(expected, members[j]);
            if (one == other) {
                check.sentences.push_back(fmt::format(
                    "the servers on {} and {} share no other member: one of them belongs to "
                    "another ensemble",
                    servers[i].host,
                    servers[j].host));
                continue;
            }
            const Server& stranger = servers[one < other ? i : j];
            const Server& meant = servers[one < other ? j : i];
            check.strangers.try_emplace(
                stranger.node,
                IdentityConflict{
                    ConflictKind::ensemble,
                    fmt::format("its server shares no other member with the one on {}, so it "
                                "belongs to another ensemble; bring its zoo.cfg back "
                                "(zkprov apply)",
                                meant.host)});
        }
    }
    return check;
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

}  // namespace zk::ensemble_judge
