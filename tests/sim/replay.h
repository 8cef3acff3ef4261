// The committed history replayed into a model of its own: what a tree must look like at every zxid, and what every
// request must have become. Pure. Written against the facts of the protocol and not with the product's tree, so that one
// mistake is not made twice. Memory: one small record for each changed node of each txn, none is ever dropped, because a
// server may answer with any old zxid; some hundred bytes an operation.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/time.h"
#include "jute/codes.h"
#include "jute/protocol.h"
#include "jute/txn.h"

namespace zk::sim {

/// A request as its client sent it.
struct SentRequest {
    SessionId session;
    Xid xid;
    OpCode op{};
    Bytes body;
    std::vector<jute::AuthId> auth;  ///< what the connection has proven before this request
};

/// A node at one zxid.
struct ModelNode {
    std::shared_ptr<const jute::Buffer> data;
    std::shared_ptr<const jute::AclList> acl;
    Zxid czxid, mzxid, pzxid;
    WallMs ctime, mtime;
    std::int32_t version = 0, creates = 0, aversion = 0, children = 0;
    std::int64_t owner = 0;  ///< a session
    bool container = false;
    std::int64_t ttl_ms = 0;  ///< 0: no TTL node
    [[nodiscard]] jute::Stat stat() const;
};
using ModelNodeRef = std::shared_ptr<const ModelNode>;

/// What a watch may tell: one change of one path.
struct ModelChange {
    Zxid zxid;
    EventType type{};
    std::shared_ptr<const jute::AclList> acl;  ///< who may read this may be told
};

/// What a client must be answered: an error, or these bytes behind the header.
struct Answer {
    ErrorCode error = ErrorCode::ok;
    Bytes body;
};

/// One txn of the history.
struct Committed {
    SessionId session;
    Xid cxid;
    OpCode op{};  ///< of the txn: `error` for a refused request
    Answer answer;
};

class Replay {
  public:
    using Complain = std::function<void(const std::string&)>;
    /// Is told of every changed path, data and child watches apart, as soon as the whole txn is in the model.
    struct Watching {
        std::function<void(const std::string& path, const ModelChange&)> data;
        std::function<void(const std::string& path, const ModelChange&)> child;
    };

    /// `local_sessions`: a session may write before it is opened by a txn.
    explicit Replay(Complain complain, bool local_sessions = false);
    void watch(Watching watching) { watching_ = std::move(watching); }

    /// The next txn of the history; `asked` is the request it must come from, null for the leader's own (closeSession,
    /// createSession, deleteContainer) and for refusals that are about the session. Complains when it is not what the
    /// request must become. `refusal`: the request is a multi, and this is the answer because of its session.
    void commit(const jute::Txn& txn,
                const SentRequest* asked,
                std::optional<ErrorCode> refusal = {});

    [[nodiscard]] Zxid last() const { return last_; }
    /// The txn at `zxid`, or null.
    [[nodiscard]] const Committed* find(Zxid zxid) const;
    /// The last txn that is not behind `zxid`; 0 for none. An epoch without txns has a zxid of its own.
    [[nodiscard]] Zxid last_txn(Zxid zxid) const;
    /// The node at `zxid`, or null.
    [[nodiscard]] ModelNodeRef node(const std::string& path, Zxid zxid) const;
    /// What a read must be answered at `zxid`; the names of children are sorted.
    [[nodiscard]] Answer read(const SentRequest& request, Zxid zxid) const;
    /// Words when `names` are not exactly the children of `path` at `zxid`.
    [[nodiscard]] std::string check_children(const std::string& path,
                                             const std::vector<std::string>& names,
                                             Zxid zxid) const;
    /// The first change behind `zxid` that a data (or exists) watch, or a child watch, at `path` must tell; null: none.
    [[nodiscard]] const ModelChange* next_data_change(const std::string& path, Zxid zxid) const;
    [[nodiscard]] const ModelChange* next_child_change(const std::string& path, Zxid zxid) const;

    [[nodiscard]] bool session_open(SessionId session) const { return open_.contains(session); }
    [[nodiscard]] bool session_known(SessionId session) const { return known_.contains(session); }
    /// The zxid of its closeSession, nothing while it lives or was never opened.
    [[nodiscard]] std::optional<Zxid> session_end(SessionId session) const {
        const auto found = ended_.find(session);
        return found == ended_.end() ? std::nullopt : std::optional(found->second);
    }
    /// Every path that has ever been.
    [[nodiscard]] std::vector<std::string> paths() const;

  private:
    struct Version {
        Zxid zxid;
        ModelNodeRef node;  ///< null: deleted
    };
    using Changes = std::map<std::string, std::vector<ModelChange>, std::less<>>;
    struct Step;

    [[nodiscard]] ModelNodeRef current(const std::string& path) const;
    void keep(Step& step);
    void close_session(const jute::Txn& txn, const jute::CloseSessionTxn& body);
    void delete_left_over(const jute::Txn& txn);
    void complain(const jute::Txn& txn, const std::string& what) const;

    Complain complain_;
    Watching watching_;
    Zxid last_;
    std::map<Zxid, Committed> history_;
    std::map<std::string, std::vector<Version>, std::less<>> nodes_;
    Changes data_changes_, child_changes_;
    std::map<std::int64_t, std::set<std::string>> ephemerals_;
    bool local_sessions_;
    std::set<SessionId> known_, open_;
    std::map<SessionId, Zxid> ended_;
};

/// Whether `list` grants one of `needed` to one of `auth` (world and digest only: all that the workload uses).
bool grants(const jute::AclList& list, std::int32_t needed, const std::vector<jute::AuthId>& auth);
/// "BADVERSION", or the body in words, for messages.
std::string describe(OpCode op, const Answer& answer);

}  // namespace zk::sim
