// Who may have a snapshot of the whole tree, or put another in its place, over the admin server, and how often.
// Pure. Source: ZooKeeper server.admin.Commands (3.9: SnapshotCommand, RestoreCommand), AuthRequest; docs/OPERATIONS.md,
// "A backup and its way back".
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "admin/commands.h"
#include "admin/facts.h"
#include "base/time.h"
#include "core/event.h"
#include "ensemble/zoo_cfg.h"
#include "jute/protocol.h"
#include "tree/acl.h"
#include "tree/data_tree.h"

namespace zk::admin {

enum class Transfer { none, snapshot, restore };
/// What a target asks for, by any of its names.
Transfer transfer_of(const AdminTarget& target);

/// An answer, with its HTTP status: unlike other commands' it is not always 200.
struct TransferAnswer {
    unsigned status = 200;
    std::string json;
};
TransferAnswer transfer_refused(Transfer transfer, unsigned status, std::string_view error);
/// What the server said stands in the way; nothing: it is done, or may be.
std::optional<TransferAnswer> transfer_refused(Transfer transfer, const Facts& facts);
/// `last_zxid`: of the tree that is served now.
TransferAnswer restored(Zxid last_zxid);

/// Who asks, as the header `Authorization` says: "digest user:password", or "ip".
struct Proof {
    std::vector<jute::AuthId> ids;
    std::optional<TransferAnswer> refusal;  ///< there is none, or it proves nothing
};
/// `remote`: the visitor's IP address.
Proof proof_of(Transfer transfer,
               std::string_view authorization,
               std::string_view remote,
               const ensemble::ServerConfig& config);
/// Beside an AdminQuestion of a command that only some may give.
struct Errand {
    std::vector<jute::AuthId> asks;          ///< see Proof
    std::shared_ptr<core::Restore> restore;  ///< Deed::restore: what is taken
};
/// The root's ACL gives one of `ids` everything.
bool may_transfer(const tree::DataTree& tree,
                  const std::vector<jute::AuthId>& ids,
                  const tree::AccessRules& rules);

/// Once in an interval.
class RateLimit {
  public:
    explicit RateLimit(Duration interval) : interval_(interval) {}
    [[nodiscard]] bool allows(Instant now) const { return !last_ || now - *last_ >= interval_; }
    void note(Instant now) { last_ = now; }

  private:
    Duration interval_;
    std::optional<Instant> last_;
};

}  // namespace zk::admin
