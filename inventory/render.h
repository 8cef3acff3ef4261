// What a node should be, rendered from the inventory: zoo.cfg, myid, unit files, directories ->
// NodeSpec. Pure. On the way of an apply (docs/ARCHITECTURE.md). What is rendered here is what ensemble/zoo_cfg
// parses on the node: render checks its own text with that reader. Equal inventories give equal
// bytes, so that a second apply finds no change.
#pragma once

#include <string>

#include "agent_api/node_spec.h"
#include "base/result.h"
#include "inventory/inventory.h"

namespace zk::inventory {

/// The system user that runs the server where systemd manages it.
inline constexpr std::string_view kServerUser = "zookeeper";
/// The agent's state on a host that is reached over SSH. It lies outside data_dir, so that it
/// survives its loss.
inline constexpr std::string_view kStateDir = "/var/lib/zkprov";

/// Where the agent of a node keeps its state.
std::string state_dir_of(const Inventory& inventory, const Node& node);
/// What the other nodes know of a node. Its http_port is 0 where they do not reach its agent.
agent_api::MemberSpec member_of(const Inventory& inventory, const Node& node);
/// Without a controller nodes find each other by their agents. Errc::invalid: one answers no other node. A node that is
/// alone has nobody to find.
Result<> check_agents(const Inventory& inventory);
/// The text of a node's zoo.cfg.
std::string render_zoo_cfg(const Inventory& inventory, const Node& node);

/// Names the members (ids, hosts, peer and election ports): equal members have equal digests. 12
/// hex digits.
std::string members_digest(const Inventory& inventory);
/// The id of a new formation: when, and of which members. `wall_ms` makes two formations differ.
std::string new_generation(const Inventory& inventory, std::int64_t wall_ms);
/// The members' digest in a generation's id; empty when there is none.
std::string digest_in_generation(std::string_view generation);

/// The whole specification. Errors: the inventory holds a value that the server's own reader
/// refuses.
Result<agent_api::NodeSpec> render_node(
    const Inventory& inventory,
    const Node& node,
    const agent_api::ReleaseSpec& release,
    const std::string& generation,
    const std::optional<agent_api::Incarnation>& incarnation = {});

}  // namespace zk::inventory
