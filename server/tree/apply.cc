// Applying txns. Each operation is tolerant of a tree that already contains some of what is
// replayed over it: the snapshot was written while txns went on.
#include <algorithm>
#include <type_traits>
#include <utility>

#include "base/check.h"
#include "tree/data_tree.h"
#include "tree/path.h"

namespace zk::tree {

struct DataTree::Applier {
    DataTree& tree;
    const jute::TxnHeader& header;
    std::vector<Change>& changes;

    ApplyResult apply(OpCode type, const jute::TxnBody& body);
    ApplyResult apply_multi(const jute::MultiTxn& multi);
    ApplyResult apply_part(const jute::SubTxn& part);
    void create(ApplyResult& result, const auto& txn, std::int64_t ephemeral_owner);
    void remove(ApplyResult& result, const std::string& path);
    void set_data(ApplyResult& result, const jute::SetDataTxn& txn);
    void set_acl(ApplyResult& result, const jute::SetAclTxn& txn);
    void close_session(const jute::CloseSessionTxn& txn);
    void raise_cversion(Node& parent, std::int32_t cversion);
    void set_acl_of(Node& node, const jute::AclList& list);
};

ApplyResult DataTree::apply(const jute::Txn& txn) {
    bury();
    std::vector<Change> changes;
    ApplyResult result = Applier{*this, txn.header, changes}.apply(txn.header.type, txn.body);
    result.changes = std::move(changes);
    // Only now: who sees the zxid sees all of the txn.
    last_zxid_ = std::max(last_zxid_, txn.header.zxid);
    if (txn.header.zxid.value() % kDigestEvery == 0) {
        digests_.push_back({txn.header.zxid, digest_});
        if (digests_.size() > kDigestsMax) digests_.pop_front();
    }
    return result;
}

ApplyResult DataTree::Applier::apply(OpCode type, const jute::TxnBody& body) {
    ApplyResult result;
    result.type = type;
    std::visit(
        [&](const auto& txn) {
            using T = std::decay_t<decltype(txn)>;
            if constexpr (std::is_same_v<T, jute::ErrorTxn>) {
                result.error = txn.error;
            } else if constexpr (std::is_same_v<T, jute::CreateTxn>) {
                create(result, txn, txn.ephemeral ? header.session.value() : 0);
            } else if constexpr (std::is_same_v<T, jute::CreateContainerTxn>) {
                create(result, txn, kContainerOwner);
            } else if constexpr (std::is_same_v<T, jute::CreateTtlTxn>) {
                create(result, txn, kTtlMark | (txn.ttl_ms & kTtlMax));
            } else if constexpr (std::is_same_v<T, jute::DeleteTxn>) {
                remove(result, txn.path);
            } else if constexpr (std::is_same_v<T, jute::SetDataTxn>) {
                set_data(result, txn);
            } else if constexpr (std::is_same_v<T, jute::SetAclTxn>) {
                set_acl(result, txn);
            } else if constexpr (std::is_same_v<T, jute::CheckVersionTxn>) {
                result.path = txn.path;
            } else if constexpr (std::is_same_v<T, jute::MultiTxn>) {
                result = apply_multi(txn);
            } else if constexpr (std::is_same_v<T, jute::CloseSessionTxn>) {
                close_session(txn);
            } else {
                static_assert(std::is_same_v<T, jute::CreateSessionTxn>);
            }
        },
        body);
    return result;
}

ApplyResult DataTree::Applier::apply_multi(const jute::MultiTxn& multi) {
    ApplyResult result;
    result.type = OpCode::multi;
    const bool failed = std::any_of(multi.parts.begin(), multi.parts.end(), [](const auto& part) {
        return part.type == OpCode::error;
    });
    for (const jute::SubTxn& part : multi.parts) {
        if (!failed || part.type == OpCode::error) {
            result.parts.push_back(apply_part(part));
        } else {  // it was fine, but it shares the fate of the one that failed
            result.parts.emplace_back();
            result.parts.back().type = OpCode::error;
        }
    }
    return result;
}

ApplyResult DataTree::Applier::apply_part(const jute::SubTxn& part) {
    jute::InputArchive archive(part.body, INT32_MAX);
    ApplyResult failure;
    failure.type = part.type;
    failure.error = ErrorCode::marshalling_error;
    const bool is_node_op = part.type != OpCode::multi && part.type != OpCode::create_session &&
                            part.type != OpCode::close_session;
    if (!is_node_op) return failure;
    const Result<jute::TxnBody> body = jute::decode_txn_body(part.type, archive);
    if (!body.has_value()) return failure;
    return apply(part.type, *body);
}

void DataTree::Applier::create(ApplyResult& result, const auto& txn, std::int64_t ephemeral_owner) {
    result.path = txn.path;
    Node* parent = tree.find_parent(txn.path);
    if (parent == nullptr) {
        ZK_COVERED("tree.replay.create_without_parent");
        result.error = ErrorCode::no_node;
        return;
    }
    if (Node* node = parent->find_child(name_of(txn.path))) {
        ZK_COVERED("tree.replay.create_existing");
        set_acl_of(*node, txn.acl);
        raise_cversion(*parent, txn.parent_cversion);
        result.error = ErrorCode::node_exists;
        return;
    }
    raise_cversion(*parent, txn.parent_cversion);
    StatPersisted stat;
    stat.czxid = stat.mzxid = stat.pzxid = header.zxid;
    stat.ctime = stat.mtime = header.time;
    stat.ephemeral_owner = ephemeral_owner;
    const AclId acl = tree.acl_.intern(txn.acl);
    const Node* node = tree.add_node(*parent, txn.path, txn.data, acl, stat);
    ZK_ASSERT(node != nullptr);
    tree.weigh(txn.path, 1, static_cast<std::int64_t>(node->data_size()));
    result.stat = tree.stat_of(*node);
    const std::size_t data_bytes = node->data_size();
    changes.push_back(Change{Change::Kind::created,
                             txn.path,
                             tree.acl_.share(acl),
                             tree.acl_.share(parent->acl_id()),
                             data_bytes});
    tree.quota_node_created(txn.path);
    tree.count_in_quota(txn.path, 1, static_cast<std::int64_t>(data_bytes));
}

void DataTree::Applier::remove(ApplyResult& result, const std::string& path) {
    result.path = path;
    result.error = ErrorCode::no_node;
    if (is_built_in(path)) return;
    Node* parent = tree.find_parent(path);
    if (parent == nullptr) return;
    StatPersisted stat = parent->stat();
    if (stat.pzxid < header.zxid) {
        stat.pzxid = header.zxid;
        tree.set_stat(*parent, stat);
    }
    const Node* node = parent->find_child(name_of(path));
    if (node == nullptr) {
        ZK_COVERED("tree.replay.delete_missing");
        return;
    }
    changes.push_back(Change{Change::Kind::deleted,
                             path,
                             tree.acl_.share(node->acl_id()),
                             tree.acl_.share(parent->acl_id())});
    tree.remove_subtree(*parent, path);
    result.error = ErrorCode::ok;
}

void DataTree::Applier::set_data(ApplyResult& result, const jute::SetDataTxn& txn) {
    result.path = txn.path;
    Node* node = tree.find_mutable(txn.path);
    if (node == nullptr) {
        ZK_COVERED("tree.replay.set_missing");
        result.error = ErrorCode::no_node;
        return;
    }
    StatPersisted stat = node->stat();
    stat.mzxid = header.zxid;
    stat.mtime = header.time;
    stat.version = txn.version;
    const auto bytes_before = static_cast<std::int64_t>(node->data_size());
    tree.set_data(*node, txn.path, txn.data, stat);
    result.stat = tree.stat_of(*node);
    const std::size_t data_bytes = node->data_size();
    tree.count_in_quota(txn.path, 0, static_cast<std::int64_t>(data_bytes) - bytes_before);
    changes.push_back(Change{Change::Kind::data_changed,
                             txn.path,
                             tree.acl_.share(node->acl_id()),
                             nullptr,
                             data_bytes});
}

void DataTree::Applier::set_acl(ApplyResult& result, const jute::SetAclTxn& txn) {
    result.path = txn.path;
    Node* node = tree.find_mutable(txn.path);
    if (node == nullptr) {
        result.error = ErrorCode::no_node;
        return;
    }
    set_acl_of(*node, txn.acl);
    StatPersisted stat = node->stat();
    stat.aversion = txn.version;
    tree.set_stat(*node, stat);
    result.stat = tree.stat_of(*node);
}

void DataTree::Applier::close_session(const jute::CloseSessionTxn& txn) {
    ApplyResult ignored;
    if (txn.paths) {
        for (const std::string& path : *txn.paths) remove(ignored, path);
    }
    for (const std::string& path : tree.ephemerals(header.session)) remove(ignored, path);
}

// -1 (old logs) counts up. Never lowers: the parent may have been saved after later creates.
void DataTree::Applier::raise_cversion(Node& parent, std::int32_t cversion) {
    StatPersisted stat = parent.stat();
    if (cversion == -1) {
        cversion = static_cast<std::int32_t>(static_cast<std::uint32_t>(stat.cversion) + 1U);
    }
    if (cversion <= stat.cversion) return;
    stat.cversion = cversion;
    stat.pzxid = header.zxid;
    tree.set_stat(parent, stat);
}

void DataTree::Applier::set_acl_of(Node& node, const jute::AclList& list) {
    const AclId before = node.acl_id();
    node.set_acl_id(tree.acl_.intern(list));
    tree.acl_.release(before);
}

}  // namespace zk::tree
