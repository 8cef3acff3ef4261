// The resident agent's unix socket, from both sides: where it lies, how to bind and how to ask.
// Shell. Paths of sockets are limited to 107 bytes; binding and connecting go through the
// directory's descriptor, so that a state directory may lie as deep as it likes.
#pragma once

#include <chrono>
#include <string>

#include "agent_api/link.h"
#include "agent_host/posix.h"
#include "agent_host/state_dir.h"
#include "base/result.h"

namespace zk::agent_host {

/// A listening socket of mode 0600; one that a dead agent left is replaced. The caller holds the
/// agent's own lock.
Result<Fd> listen_on_agent_socket(const StateDir& state);
Result<Fd> connect_to_agent_socket(const StateDir& state);

/// One request to the resident agent and its answer. Fails at once when none listens; an `error`
/// message is a message.
Result<agent_api::Message> ask_resident(const StateDir& state,
                                        agent_api::MessageType type,
                                        ByteView payload,
                                        std::chrono::milliseconds timeout);

}  // namespace zk::agent_host
