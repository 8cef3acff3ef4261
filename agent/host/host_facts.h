// Gathers what is true of this host before anything is changed.
// Shell. Blocking, bounded; any thread. Changes nothing.
#pragma once

#include <string>

#include "agent_api/node_facts.h"
#include "agent_host/state_dir.h"
#include "base/result.h"

namespace zk::agent_host {

/// "0.1.0", of this build.
std::string agent_version();
/// Path and digest of the program that runs now.
std::string own_program();
const std::string& own_sha256();
/// Names this machine by its machine-id, which it does not give away (machine-id(5)); empty: it has none.
std::string machine_hash();
/// The same for a node; empty where servers share a machine: it says nothing there.
std::string machine_of(const agent_api::NodeSpec& spec);

/// All that was asked for. What cannot be read is left at its default. The manager is `docker` where
/// the request names a container, else `systemd` exactly when `request.any_address` is set (see facts_for).
Result<agent_api::NodeFacts> gather_facts(const agent_api::FactsRequest& request,
                                          const StateDir& state);

/// What lies in the data directory and the log directory.
agent_api::DataFact read_data_fact(const std::string& data_dir, const std::string& log_dir);
/// currentEpoch, when it can be read.
std::optional<Epoch> read_current_epoch(const std::string& data_dir);
/// Of the file system that holds `path` or its nearest existing parent.
agent_api::SpaceFact read_space(const std::string& path);

}  // namespace zk::agent_host
