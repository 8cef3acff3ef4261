// What the loops, links and threads of one server say to each other: an interface for each one that is
// spoken to. zkserver/server joins them; tests stand in for the others.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/result.h"
#include "core/actions.h"
#include "core/event.h"
#include "request/outcome.h"
#include "request/request.h"
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

/// What clients ask, on its way to the core.
class RequestPort {
  public:
    virtual ~RequestPort() = default;
    /// Any thread. Takes them out, for the core's next turn.
    virtual void ask(std::vector<request::ToCore>& requests) = 0;
};

/// The clients of this server, in one loop or in several. On the core's loop.
class ClientPort {
  public:
    virtual ~ClientPort() = default;
    /// The core is about to change the tree: from now on nobody reads it, until let_in(). Idempotent.
    virtual void keep_out() = 0;
    /// What the core has said, in its order, goes into the mailboxes; nobody reads until let_in(). `tree`: the core has
    /// another one since then, or null; then all have left the old one.
    virtual void publish(const tree::DataTree* tree, std::span<request::ToFrontend> messages) = 0;
    /// This loop hears its mail now. REQUIRES: it is kept out.
    virtual void hear(std::uint32_t loop) = 0;
    /// All changes are published.
    virtual void let_in() = 0;
    /// Those with mail hear it, write what clients are to be told, and pass on what they ask: now, or soon on a thread of
    /// their own.
    virtual void flush() = 0;
    [[nodiscard]] virtual std::uint32_t loop_count() const = 0;
    /// This loop has heard all that was published.
    [[nodiscard]] virtual bool has_heard(std::uint32_t loop) const = 0;
};

/// The server as a whole.
class ServerPort {
  public:
    virtual ~ServerPort() = default;
    /// The disk or the data will not let it go on.
    virtual void cannot_go_on(const std::string& why) = 0;
    /// A port for other servers cannot be had: nobody can reach this one.
    virtual void peer_port_failed(const Error& error) = 0;
    /// The end of something that an operator wanted. For whoever has operators.
    virtual void told(const core::OperatorNews& /*news*/) {}
};

/// Whoever answers four-letter words.
class WordPort {
  public:
    virtual ~WordPort() = default;
    /// Any thread. `argument`: the bytes that belong to the word. `answer` is called once with the raw text, maybe at once,
    /// on the core's loop; not any more when that has ended.
    virtual void four_letter(std::string word,
                             Bytes argument,
                             std::function<void(std::string)> answer) = 0;
};

}  // namespace zk::net
