// The members of an ensemble: who they are, where they listen, who votes; and the text form that
// servers exchange. Pure. The text is what a notification, a NEWLEADER packet and the znode
// /zookeeper/config carry:
//
//   server.1=10.0.0.1:2888:3888:participant
//   server.2=10.0.0.2:2888:3888:participant;0.0.0.0:2181
//   version=100000000
//
// Hierarchical quorums (group.N, weight.N), several addresses for one server and secure client
// addresses are refused. Source: ZooKeeper QuorumPeer.QuorumServer, QuorumMaj.toString;
// docs/PROTOCOL.md 5.1, docs/PROVISIONING.md 1.3.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "base/ids.h"
#include "base/result.h"

namespace zk::ensemble {

enum class Role { participant, observer };
/// "participant" or "observer".
std::string_view to_string(Role role);

/// A host (name, IPv4 or IPv6 without brackets) and a port.
struct HostPort {
    std::string host;
    std::uint16_t port = 0;
    friend bool operator==(const HostPort&, const HostPort&) = default;
};
/// "host:port" in Java's spelling: IPv6 in brackets with all eight groups.
std::string to_string(const HostPort& address);

/// One server.N line.
struct Member {
    ServerId sid;
    std::string host;  ///< name, IPv4 or IPv6 without brackets, as written
    std::uint16_t quorum_port = 0;
    std::uint16_t election_port = 0;
    Role role = Role::participant;
    std::optional<HostPort> client;  ///< the part after ';'

    [[nodiscard]] HostPort quorum_address() const { return {host, quorum_port}; }
    [[nodiscard]] HostPort election_address() const { return {host, election_port}; }
    friend bool operator==(const Member&, const Member&) = default;
};
/// The value of a server.N line, role and client host always written.
std::string to_string(const Member& member);

/// Whether two hosts, as lines of members and inventories have them, may be one: names in any case and with a final dot
/// or without, IPv6 in any spelling. A name and an address may be: nobody can say without asking a name server.
bool may_be_same_host(std::string_view one, std::string_view other);

/// Parses the N of "server.N": 0 .. 2^63-2.
Result<ServerId> parse_server_id(std::string_view text);
/// Parses the value of a server.N line. The error says what is wrong, without a place.
Result<Member> parse_member(ServerId sid, std::string_view value);

/// Members and version. Version 0 is the initial one; later the zxid of the change.
struct EnsembleConfig {
    std::map<ServerId, Member> members;
    std::int64_t version = 0;

    /// sids of the participants.
    [[nodiscard]] std::set<ServerId> voters() const;
    [[nodiscard]] bool is_voter(ServerId sid) const;
    [[nodiscard]] bool contains(ServerId sid) const { return members.contains(sid); }
    /// nullptr when `sid` is no member.
    [[nodiscard]] const Member* find(ServerId sid) const;
    friend bool operator==(const EnsembleConfig&, const EnsembleConfig&) = default;
};

/// The text that servers exchange; lines in Java's order, version in hex, no newline at the end.
std::string to_string(const EnsembleConfig& config);

/// Reads the text that servers exchange. `source` names it in errors. A config without participants
/// is refused.
Result<EnsembleConfig> parse_ensemble_config(std::string_view text, std::string_view source);

}  // namespace zk::ensemble
