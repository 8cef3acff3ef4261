// Turns requests into txns: checks them against the tree as it will be and fixes what must be the
// same everywhere (zxid, time, sequence numbers, versions, ephemerals of a closed session, digest).
// Pure. Lives on the core loop, at the leader. A client's mistake becomes a txn too (type error):
// it takes a zxid and its place in the order. Source: ZooKeeper PrepRequestProcessor; the order of
// checks: docs/PROTOCOL.md 1.1 to 1.3.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/time.h"
#include "jute/codes.h"
#include "jute/protocol.h"
#include "jute/txn.h"
#include "prep/node_ops.h"
#include "prep/outstanding_changes.h"
#include "tree/data_tree.h"

namespace zk::prep {

struct PrepareRequest {
    SessionId session;
    Xid cxid;
    OpCode op{};
    ByteView body;  ///< the client's request record, undecoded
    const std::vector<jute::AuthId>& auth;
    Zxid zxid;    ///< the txn's
    WallMs time;  ///< the txn's
    /// What the session check said (session_expired, ...); it takes its turn among the other
    /// checks.
    ErrorCode session_check = ErrorCode::ok;
    /// The same for creates of ephemerals.
    ErrorCode ephemeral_check = ErrorCode::ok;
};

/// True for a create or create2 with an ephemeral's flags, and for a multi with one. Such a request makes a local session
/// one that all servers know. Source: ZooKeeper QuorumZooKeeperServer.checkUpgradeSession.
[[nodiscard]] bool makes_ephemeral(OpCode op, ByteView body);

/// Zxids must rise from call to call. One object per reign.
class Preparer {
  public:
    explicit Preparer(const tree::DataTree& tree, Policy policy = {})
        : changes_(tree), policy_(policy) {}

    /// Never fails. Every OpCode is accepted: operations that never become a txn, and those this
    /// version does not have, give an error txn (unimplemented).
    jute::Txn prepare(const PrepareRequest& request);
    /// closeSession: deletes the session's ephemeral nodes.
    jute::Txn close_session(SessionId session, Xid cxid, Zxid zxid, WallMs time);
    jute::Txn close_session(SessionId session, Zxid zxid, WallMs time) {
        return close_session(session, Xid(0), zxid, time);
    }
    jute::Txn create_session(
        SessionId session, Xid cxid, std::int32_t timeout_ms, Zxid zxid, WallMs time);
    /// deleteContainer, for the leader's own clean-up of containers and TTL nodes (tree::is_left_over): nullopt if the node
    /// may not be removed (any more).
    std::optional<jute::Txn> delete_container(std::string_view path, Zxid zxid, WallMs time);
    /// An error txn, for refusals that are decided elsewhere and need a place in the order.
    static jute::Txn error(SessionId session, Xid cxid, Zxid zxid, WallMs time, ErrorCode error);

    /// The tree has applied everything up to `up_to`.
    void committed(Zxid up_to) { changes_.committed(up_to); }
    /// Forgets all outstanding txns: a reign ended.
    void reset() { changes_.clear(); }
    /// Nodes with outstanding changes.
    [[nodiscard]] std::size_t outstanding() const { return changes_.size(); }
    [[nodiscard]] const LongLists& long_lists() const { return lists_; }

  private:
    NodeOps ops_for(const PrepareRequest& request);
    jute::Txn prepare_multi(const PrepareRequest& request);
    jute::Txn with_digest(jute::Txn txn) const;

    OutstandingChanges changes_;
    Policy policy_;
    LongLists lists_;
};

}  // namespace zk::prep
