// Is what answers on a node's client port this node? A server may run as somebody else (myid
// overwritten, disks swapped) or not be the node's at all (its port is held by a neighbour): nothing
// it says of role, leader or zxid is this node's then. Pure. Used by node_judge.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "agent_api/node_health.h"
#include "node_judge/probe.h"

namespace zk::node_judge {

/// Who the node is by its specification, which is what zkprov applied last and not what an
/// inventory says by now.
struct Self {
    ServerId sid;
    std::string data_dir;
    std::uint16_t client_port = 0;
    /// What zkprov wrote behind "server.<sid>=" in its zoo.cfg; empty: not known.
    std::string member;
};

/// The id with which the server that answers speaks; nothing when it does not tell.
std::optional<ServerId> answered_sid(const Probe& probe);
/// Its "server.N=..." lines, as `conf` has them.
std::vector<std::string> answered_members(const Probe& probe);

/// Why what answers is not this node. REQUIRES: probe.answered.
std::optional<agent_api::IdentityConflict> speaker_conflict(const Self& self, const Probe& probe);
/// Why a server that does not answer could not be this node: one of its ports is held, or its myid is
/// another one's.
std::optional<agent_api::IdentityConflict> silent_conflict(const Self& self, const Probe& probe);
/// What is wrong with the file myid, with what to do; empty when nothing is.
std::string myid_problem(const Self& self, const MyIdFile& myid);

}  // namespace zk::node_judge
