// What the core says to frontends. For each applied txn the order is: Changed (watches fire), then the Reply.
// Pure.
#pragma once

#include <cstdint>
#include <memory>
#include <variant>
#include <vector>

#include "base/bytes.h"
#include "base/ids.h"
#include "jute/codes.h"
#include "request/request.h"
#include "tree/data_tree.h"

namespace zk::request {

/// Answer to OpenSession and ReattachSession. `session` 0: no such session (expired, or wrong password); the client is
/// told so with zeros and the connection closes.
struct SessionOpened {
    Origin origin;
    SessionId session{};
    std::int32_t timeout_ms = 0;
    Bytes password{};  ///< 16 bytes; empty when refused
    /// Refused without a word, the connection closes: nobody here knows whether the session lives.
    bool unknown = false;
};

/// Answer to a ClientRequest. After the reply to a closeSession the connection closes.
struct Reply {
    Origin origin;
    SessionId session;
    Xid xid;
    OpCode op{};
    Zxid
        zxid;  ///< of its txn; 0: it has none (closeSession of a local session), and the answer says where the tree is
    ErrorCode error = ErrorCode::ok;
    Bytes body;  ///< response record; empty when error is not ok
};

/// A txn was applied and changed these znodes, in this order. Sent to every frontend, before any read is served from
/// the tree that contains the change. All of them read the one list.
struct Changed {
    Zxid zxid;
    std::shared_ptr<const std::vector<tree::Change>> changes;
};

/// The session has ended (expired, closed, or moved to another server): its connection closes without a reply.
struct SessionGone {
    SessionId session;
};

/// The server begins or stops serving clients. When it stops, every connection closes and nothing pending is answered.
struct Serving {
    bool serving = false;
    bool read_only = false;  ///< only clients that ask for it, and nothing that changes anything
};

using ToFrontend = std::variant<SessionOpened, Reply, Changed, SessionGone, Serving>;

}  // namespace zk::request
