// Who is this node, and may it start from an empty disk?
// Pure. The rule that a re-imaged node must never come up empty and win an election lives here.
// Rules: docs/PROVISIONING.md 2.
#pragma once

#include <optional>
#include <string>

#include "agent_api/link.h"
#include "agent_api/node_facts.h"
#include "agent_api/node_spec.h"

namespace zk::identity {

/// Whether this host, with its record and its data, may become what `spec` says; the reason when
/// not.
std::optional<agent_api::AgentError> check_identity(const agent_api::NodeSpec& spec,
                                                    const agent_api::NodeFacts& facts);

/// Why the data on this host are not those of the node that its record names: a disk from before the node was made anew, or
/// from after it. Nothing for a host without data, or whose data say nothing.
std::optional<agent_api::AgentError> check_disk(const agent_api::RecordedIdentity& record,
                                                const agent_api::DataFact& data,
                                                const std::string& data_dir);

/// Whether the marker `initialize` has to be written for `spec`. REQUIRES: check_identity() found
/// nothing.
bool needs_marker(const agent_api::NodeSpec& spec, const agent_api::NodeFacts& facts);

}  // namespace zk::identity
