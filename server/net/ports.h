// What the loops, links and threads of one server say to each other: an interface for each one that is
// spoken to. zkserver/server joins them; tests stand in for the others.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/result.h"
#include "core/actions.h"
#include "core/event.h"
#include "request/outcome.h"
#include "tree/data_tree.h"

namespace zk::net {

/// The core. On its loop.
class CorePort {
  public:
    virtual ~CorePort() = default;
    /// The event is taken in the core's next turn.
    virtual void post(core::Event event) = 0;
};

/// The other servers, where the newest word counts.
class NotificationPort {
  public:
    virtual ~NotificationPort() = default;
    /// Sends `body`, or replaces what still waits for `to`.
    virtual void notify(ServerId to, Bytes body) = 0;
};

/// The clients of one loop.
class ClientPort {
  public:
    virtual ~ClientPort() = default;
    /// Everything the core has said, in its order, is heard; nothing is written yet. `tree`: the core has
    /// another one since then, or null.
    virtual void hear(const tree::DataTree* tree, std::span<request::ToFrontend> messages) = 0;
    /// Writes what clients are to be told, and passes on what they ask.
    virtual void flush() = 0;
};

/// The server as a whole.
class ServerPort {
  public:
    virtual ~ServerPort() = default;
    /// The disk or the data will not let it go on.
    virtual void cannot_go_on(const std::string& why) = 0;
    /// A port for other servers cannot be had: nobody can reach this one.
    virtual void peer_port_failed(const Error& error) = 0;
    /// The raw text that answers a four-letter word. `argument`: the bytes that belong to it.
    virtual std::string four_letter(std::string_view word, ByteView argument) = 0;
    /// The end of something that an operator wanted. For whoever has operators.
    virtual void told(const core::OperatorNews& /*news*/) {}
};

}  // namespace zk::net
