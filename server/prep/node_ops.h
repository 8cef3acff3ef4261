// The checks and effects of single operations on nodes, in ZooKeeper's order: the first failing
// check decides. Pure. Used by the preparer only: for a request of its own or for a part of a
// multi. Source: docs/PROTOCOL.md 1.2; ZooKeeper PrepRequestProcessor.pRequest2Txn.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "base/limits.h"
#include "base/time.h"
#include "jute/codes.h"
#include "jute/protocol.h"
#include "jute/txn.h"
#include "prep/long_lists.h"
#include "prep/outstanding_changes.h"
#include "prep/quota_check.h"
#include "tree/acl.h"

namespace zk::prep {

/// A txn body, or the client's mistake.
struct Prepared {
    ErrorCode error = ErrorCode::ok;
    OpCode type = OpCode::error;
    jute::TxnBody body;
};

/// createTTL: a create with a time to live.
struct CreateTtlRequest {
    jute::CreateRequest create;
    std::int64_t ttl_ms = 0;
    static void fields(auto& archive, auto& self) { archive(self.create, self.ttl_ms); }
};

/// TTL nodes are served only with extendedTypesEnabled, as in ZooKeeper: servers without it take a TTL node for an ephemeral
/// of a strange session.
enum class ExtendedTypes { off, on };

/// What a server's settings say of all requests.
struct Policy {
    ExtendedTypes extended_types = ExtendedTypes::off;
    QuotaCheck* quotas = nullptr;  ///< enforceQuota; null: quotas refuse nothing
    tree::AccessRules access{};
    /// closeSessionTxn.enabled: a closeSession names the nodes that go with it, for followers that read a fuzzy snapshot.
    bool close_session_names_nodes = true;
    /// jute.maxbuffer, 1024 to limits::kJuteMaxBufferMost bytes. The same at all members.
    std::int32_t jute_max_buffer = limits::kJuteMaxBuffer;
    /// Largest body of a txn, bytes. A txn that some server could not read back, from its log or from a PROPOSAL, would
    /// keep it out of the ensemble for good; header and digest need room, too.
    [[nodiscard]] constexpr std::size_t txn_body_bytes_max() const {
        return static_cast<std::size_t>(limits::with_jute_extra(jute_max_buffer)) - 1024;
    }
};

/// Who asks, and the txn's place. Operations change `changes` only when they succeed.
struct NodeOps {
    OutstandingChanges& changes;
    SessionId session;
    const std::vector<jute::AuthId>& auth;
    Zxid zxid;
    WallMs time;
    ErrorCode session_check = ErrorCode::ok;
    ErrorCode ephemeral_check = ErrorCode::ok;  ///< the same for creates of ephemerals
    Policy policy{};
    LongLists* lists = nullptr;  ///< null: every list is looked at anew

    /// `type`: create, create2 or create_container. The opcode decides what is made; the flags only
    /// say ephemeral and sequential.
    Prepared create(const jute::CreateRequest& request, OpCode type);
    /// Flags without a TTL are a mistake, whatever the time says: Apache's server writes a txn for -1 that nobody can read.
    Prepared create_ttl(const CreateTtlRequest& request);
    Prepared remove(const jute::DeleteRequest& request);
    Prepared set_data(const jute::SetDataRequest& request);
    Prepared set_acl(const jute::SetAclRequest& request);
    Prepared check(const jute::CheckVersionRequest& request) const;

    /// Takes the node out of its parent; both as of `zxid`.
    void project_removal(const std::string& path);

  private:
    [[nodiscard]] ErrorCode check_mode(CreateMode mode, std::optional<std::int64_t> ttl_ms) const;
    Prepared make(const jute::CreateRequest& request, OpCode type, std::int64_t ttl_ms);
    [[nodiscard]] ErrorCode check_quota(std::string_view path,
                                        std::int64_t nodes_more,
                                        std::int64_t bytes_more) const;
    [[nodiscard]] bool allowed(const ProjectedNode& node, std::int32_t needed) const;
};

}  // namespace zk::prep
