// AgentErrc as a code of Error: an error that crosses the link stays one that programs compare, on both sides of it.
// Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "agent_api/link.h"
#include "base/result.h"

namespace zk::agent_api {

/// Its values are those of AgentErrc plus one: 0 would read as "no error", and `failed` is 0.
boost::system::error_code make_error_code(AgentErrc errc);
/// The AgentErrc that an error carries; nothing for errors of another kind.
std::optional<AgentErrc> agent_errc(const Error& error);
/// An AgentError as Error, with the same words.
Error from_agent_error(const AgentError& error);

/// disk_full, with what is needed at `path` and what is there.
AgentError no_room(const std::string& path, std::uint64_t needed_bytes, std::uint64_t free_bytes);

}  // namespace zk::agent_api
