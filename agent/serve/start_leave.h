// May this node's server start, or was the node replaced? Asks the agents of the other members, and keeps what they say.
// Shell, Asio. What the answers mean: formation/replaced. Rules: docs/PROVISIONING.md 2.6.
#pragma once

#include <optional>
#include <string>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>

#include "agent_api/node_spec.h"
#include "agent_host/state_dir.h"
#include "base/log.h"

namespace zk::agent_serve {

/// Why the server must not start, for people; nothing: it may. Takes seconds at most, and no time where nobody can be asked
/// or this node holds nothing yet. What the state directory does not tell is no reason to refuse.
boost::asio::awaitable<std::optional<std::string>> refuse_start(boost::asio::io_context& loop,
                                                                agent_host::StateDir state,
                                                                agent_api::NodeSpec spec,
                                                                Log log);

/// The same for who has no loop: `zkprov-agent may-start`.
std::optional<std::string> refuse_start_now(const agent_host::StateDir& state, Log log);

}  // namespace zk::agent_serve
