#include "node_judge/node_identity.h"

#include <charconv>

#include "ensemble/ensemble_config.h"

namespace zk::node_judge {
namespace {

using agent_api::ConflictKind;
using agent_api::IdentityConflict;

constexpr std::size_t kMembersMax = 255;
constexpr std::size_t kMemberBytesMax = 1024;

std::string port_of(const Self& self) { return "port " + std::to_string(self.client_port); }

std::string name_of(const PortHolder& holder) {
    if (holder.pid == 0) return "another process";
    return holder.program + " (" + std::to_string(holder.pid) + ")";
}

IdentityConflict held_by(const PortHolder& holder) {
    return {ConflictKind::process,
            "port " + std::to_string(holder.port) + " is held by " + name_of(holder) +
                ", which is not this node's server; stop that process, or give one of the two "
                "another port"};
}

IdentityConflict speaks_as(const Self& self, ServerId other, const MyIdFile& myid) {
    std::string words = "its server speaks as server " + to_string(other) + ", this is server " +
                        to_string(self.sid) + "; ";
    const std::string problem = myid_problem(self, myid);
    if (!problem.empty()) {
        words += "stop it: " + problem;
    } else if (myid.sid) {
        words += "its myid is right by now: restart it";
    } else {
        words += "stop it, and see whose data is in " + self.data_dir;
    }
    return {ConflictKind::sid, std::move(words)};
}

std::string place_of(const ensemble::Member& member) {
    return to_string(member.quorum_address()) + ":" + std::to_string(member.election_port);
}

/// Only its own line: another member's may have been changed on the way of a rolling apply.
std::optional<IdentityConflict> elsewhere(const Self& self, const Probe& probe) {
    const auto runs =
        ensemble::parse_member(self.sid, find(probe.conf, "server." + to_string(self.sid)));
    const auto wanted = ensemble::parse_member(self.sid, self.member);
    // Lines that are not there or cannot be read say nothing.
    if (!runs.has_value() || !wanted.has_value()) return std::nullopt;
    const bool same = runs->quorum_port == wanted->quorum_port &&
                      runs->election_port == wanted->election_port &&
                      ensemble::may_be_same_host(runs->host, wanted->host);
    if (same) return std::nullopt;
    return IdentityConflict{ConflictKind::address,
                            "its server runs as server." + to_string(self.sid) + "=" +
                                place_of(*runs) + ", zkprov gave it " + place_of(*wanted) +
                                "; bring its zoo.cfg back (zkprov apply) and restart it"};
}

}  // namespace

std::string_view find(const Values& values, const std::string& name) {
    const auto found = values.find(name);
    return found == values.end() ? std::string_view() : std::string_view(found->second);
}
std::optional<std::int64_t> number_in(const Values& values, const std::string& name) {
    return number(find(values, name));
}
std::optional<std::uint64_t> count_in(const Values& values, const std::string& name) {
    const auto value = number_in(values, name);
    if (!value || *value < 0) return std::nullopt;
    return static_cast<std::uint64_t>(*value);
}

std::optional<std::int64_t> number(std::string_view text) {
    int base = 10;
    if (text.starts_with("0x")) {
        text.remove_prefix(2);
        base = 16;
    }
    if (base == 16) {
        std::uint64_t bits = 0;
        const auto [end, code] = std::from_chars(text.begin(), text.end(), bits, base);
        if (code != std::errc() || end == text.begin()) return std::nullopt;
        return static_cast<std::int64_t>(bits);
    }
    std::int64_t value = 0;
    const auto [end, code] = std::from_chars(text.begin(), text.end(), value, base);
    if (code != std::errc() || end == text.begin()) return std::nullopt;
    return value;
}

std::optional<ServerId> answered_sid(const Probe& probe) {
    // Our own server says it in each answer, Apache's in `conf`.
    auto told = number(find(probe.mntr, "server_id"));
    if (!told) told = number(find(probe.conf, "serverId"));
    // A server alone says 0 whatever its myid is.
    if (!told || *told == 0) return std::nullopt;
    return ServerId(*told);
}

std::vector<std::string> answered_members(const Probe& probe) {
    std::vector<std::string> members;
    for (const auto& [key, value] : probe.conf) {
        if (!key.starts_with("server.") || members.size() == kMembersMax) continue;
        std::string line = key + "=" + value;
        if (line.size() <= kMemberBytesMax) members.push_back(std::move(line));
    }
    return members;
}

std::optional<IdentityConflict> speaker_conflict(const Self& self, const Probe& probe) {
    if (probe.stranger) return held_by(*probe.stranger);
    const auto other = answered_sid(probe);
    if (other && *other != self.sid) return speaks_as(self, *other, probe.myid);
    if (probe.own_data_dir == false) {
        return IdentityConflict{ConflictKind::data,
                                "the server that answers on " + port_of(self) +
                                    " has its data in " + std::string(find(probe.conf, "dataDir")) +
                                    ", this node's is in " + self.data_dir +
                                    "; restart it with this node's zoo.cfg, or stop it if it is "
                                    "another one's"};
    }
    return elsewhere(self, probe);
}

std::optional<IdentityConflict> silent_conflict(const Self& self, const Probe& probe) {
    if (probe.stranger) return held_by(*probe.stranger);
    if (!probe.myid.sid || *probe.myid.sid == self.sid) return std::nullopt;
    return IdentityConflict{ConflictKind::sid, myid_problem(self, probe.myid)};
}

std::string myid_problem(const Self& self, const MyIdFile& myid) {
    const std::string path = self.data_dir + "/myid";
    if (!myid.failure.empty()) {
        return path + " " + myid.failure + "; write " + to_string(self.sid) +
               " into it if the data is this server's, put the right disk back, or, when the data "
               "is "
               "gone, bring the node back with zkprov replace-node " +
               to_string(self.sid);
    }
    if (!myid.sid || *myid.sid == self.sid) return {};
    return path + " says " + to_string(*myid.sid) + ", this is server " + to_string(self.sid) +
           "; write " + to_string(self.sid) +
           " into it if the data is this server's, or put the "
           "right disk back";
}

}  // namespace zk::node_judge
