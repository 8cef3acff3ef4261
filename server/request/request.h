// What frontends say to the core. A frontend owns connections; the core owns sessions and everything replicated.
// Pure. These messages travel through mailboxes when core and frontends run on different loops.
#pragma once

#include <cstdint>
#include <variant>
#include <vector>

#include "base/bytes.h"
#include "base/ids.h"
#include "jute/codes.h"
#include "jute/protocol.h"

namespace zk::request {

/// Which connection of which client loop: the address for answers. Connection numbers are never reused.
struct Origin {
    std::uint32_t loop = 0;
    std::uint64_t connection = 0;
    friend auto operator<=>(const Origin&, const Origin&) = default;
};

/// A client without a session. Answered by SessionOpened when the createSession txn has been applied.
struct OpenSession {
    Origin origin;
    std::int32_t timeout_ms = 0;  ///< already clamped to [minSessionTimeout, maxSessionTimeout]
};

/// A client that comes back with a session. Answered by SessionOpened; session 0 in it means "expired".
struct ReattachSession {
    Origin origin;
    SessionId session;
    std::int32_t timeout_ms = 0;  ///< clamped
    Bytes password;
};

/// A write, a sync or a closeSession. Answered by exactly one Reply, unless the session goes; a lost connection, too.
struct ClientRequest {
    Origin origin;
    SessionId session;
    Xid xid;
    OpCode op{};
    Bytes body;  ///< the client's request record, undecoded
    std::vector<jute::AuthId>
        auth;  ///< identities of the connection at the moment the request was read
    /// Something that the frontend answers from the tree waits between this and what the session asked the core before:
    /// it is to be served before this is applied or answered.
    bool behind_read = false;
};

/// Some other request of the session entered the pipeline (a read, a ping): the session lives.
struct TouchSession {
    SessionId session;
};

/// The connection has ended; the session may live on.
struct ConnectionClosed {
    Origin origin;
    SessionId session;
};

using ToCore =
    std::variant<OpenSession, ReattachSession, ClientRequest, TouchSession, ConnectionClosed>;

}  // namespace zk::request
