// What zkprov did to a node's server last, so that the agent can tell why the server went away.
// Rules: docs/OPERATIONS.md, "Causes".
// Shell. Written before the deed by who does it, with the lock of the state directory; read by the resident agent.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "agent_host/state_dir.h"
#include "elections/causes.h"

namespace zk::agent_host {

/// Whether it can be written decides nothing: then the cause is not known.
void note_deed(const StateDir& state, elections::Deed::Kind kind, std::int64_t pid);
/// Oldest first, kDeedsMax at most. What cannot be read is left out.
std::vector<elections::Deed> last_deeds(const StateDir& state);
inline constexpr std::size_t kDeedsMax = 8;

/// A line each: "restart 231 1750000000000". Pure.
std::string to_text(const std::vector<elections::Deed>& deeds);
std::vector<elections::Deed> parse_deeds(const std::string& text);

/// Of this boot of the host; empty when it is not known.
std::string boot_id();

}  // namespace zk::agent_host
