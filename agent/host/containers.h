// A node's server in a container of this host's Docker engine: what there is, and the steps of a plan that make it so.
// Shell. Blocking, bounded; changes only what is ours by its labels. The way to the engine: engine/engine.h.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "agent_api/container_spec.h"
#include "agent_api/node_spec.h"
#include "agent_host/state_dir.h"
#include "agent_host/systemd.h"
#include "base/result.h"

namespace zk::agent_host {

/// What cannot be asked is said in `failure`.
agent_api::ContainerFacts container_facts(const agent_api::ContainerSpec& spec,
                                          const StateDir& state);
/// In systemd's words: active, activating while the engine waits to start it again, inactive, failed; missing, also where a
/// container by that name is another's.
Result<UnitState> container_state(const agent_api::ContainerSpec& spec,
                                  std::chrono::milliseconds patience = std::chrono::seconds(20));
std::string container_last_words(const agent_api::ContainerSpec& spec);

/// Loads the archive that was sent to this host, and remembers which it was.
Result<> load_container_image(const agent_api::ContainerSpec& spec, const StateDir& state);
/// Of several nodes of one engine any may be the first.
Result<> make_container_network(const agent_api::ContainerSpec& spec);
/// The new one is made beside the old one, so that what the engine refuses ends nothing; then it takes its name and its
/// place, and does not run yet.
Result<> make_node_container(const agent_api::NodeSpec& spec);
/// Errors: also another container that runs on the node's data (unsafe).
Result<> start_node_container(const agent_api::ContainerSpec& spec);
/// The name of a running container that may write to the node's data or log and is not the node's; empty: none.
Result<std::string> other_user_of_data(
    const agent_api::ContainerSpec& spec,
    std::chrono::milliseconds patience = std::chrono::seconds(20));
/// Nothing to do where it does not run, or is not there.
Result<> stop_node_container(const agent_api::ContainerSpec& spec);

/// The names of the node's container, and of one that an interrupted apply left beside it, where labels say this node.
Result<std::vector<std::string>> own_containers(const agent_api::ContainerSpec& spec);
/// Stops and removes one of these.
Result<> remove_own_container(const agent_api::ContainerSpec& spec, const std::string& name);
/// Whether the engine has the node's network, and zkprov made it for this ensemble, by its label.
Result<bool> has_own_network(const agent_api::ContainerSpec& spec);
/// Fails while another container uses it.
Result<> remove_own_network(const agent_api::ContainerSpec& spec);

/// The networks in the text of /proc/net/route that lie behind an interface, without the default route. Pure.
std::vector<agent_api::SubnetFact> parse_routes(const std::string& text);

}  // namespace zk::agent_host
