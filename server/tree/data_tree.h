// The replicated tree of znodes: txns in, results and changes out; lookups; loading and walking for
// snapshots. Pure. One writer (the core loop); readers under their own read slots. Nothing here is
// O(tree) but loading and walking. Invariant: digest() is the sum of the digests of all nodes
// outside /zookeeper/. Source: ZooKeeper DataTree, DataNode; replay of fuzzy snapshots:
// docs/STORAGE.md 3.3.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/result.h"
#include "base/time.h"
#include "jute/archive.h"
#include "jute/codes.h"
#include "jute/protocol.h"
#include "jute/txn.h"
#include "tree/acl.h"
#include "tree/node.h"
#include "tree/quotas.h"

namespace zk::tree {

/// One node changed. Who watches what turns it into events: created and deleted tell the parent's
/// child watches too.
struct Change {
    enum class Kind { created, deleted, data_changed };
    Kind kind{};
    std::string path;
    AclRef acl;         ///< of the node (its last one if it was deleted); null: open to all
    AclRef parent_acl;  ///< for the parent's NodeChildrenChanged; null: open to all (and for
                        ///< data_changed)
    std::size_t data_bytes = 0;  ///< of the node from here on
};

/// What applying a txn did, enough to answer the client that asked for it.
struct ApplyResult {
    OpCode type{};  ///< of the txn; in parts of a failed multi: error
    /// What the reply header says. A multi has ok here, its failures are in the parts.
    ErrorCode error = ErrorCode::ok;
    std::string path;                ///< create*, delete, setData, setACL, check
    jute::Stat stat;                 ///< create*, setData, setACL: right after this operation
    std::vector<ApplyResult> parts;  ///< multi
    std::vector<Change> changes;     ///< in order; those of a multi are all here, not in its parts
};

class DataTree {
  public:
    /// A tree with the built-in nodes only.
    DataTree();
    ~DataTree();
    DataTree(DataTree&&) noexcept;
    DataTree& operator=(DataTree&&) noexcept;

    /// Applies a txn and advances last_zxid (never back). Never fails: what cannot be done (replay
    /// over a fuzzy snapshot) is skipped and shows in the result's error.
    ApplyResult apply(const jute::Txn& txn);

    /// The node, or null. "" is an alias of "/".
    [[nodiscard]] const Node* find(std::string_view path) const;
    /// The counters as clients see them.
    [[nodiscard]] jute::Stat stat_of(const Node& node) const;
    [[nodiscard]] const jute::AclList& acl_of(const Node& node) const {
        return acl_.find(node.acl_id());
    }
    [[nodiscard]] const AclCache& acl() const { return acl_; }
    [[nodiscard]] AclCache& acl() { return acl_; }

    [[nodiscard]] Zxid last_zxid() const { return last_zxid_; }
    /// For a new epoch's first zxid and after loading.
    void set_last_zxid(Zxid zxid) { last_zxid_ = zxid; }
    [[nodiscard]] std::uint64_t digest() const { return digest_; }

    /// What digest() was behind every 128th zxid: what operators compare between servers.
    struct DigestAt {
        Zxid zxid;
        std::uint64_t digest = 0;
    };
    static constexpr std::int64_t kDigestEvery = 128;
    static constexpr std::size_t kDigestsMax = 1024;
    /// Oldest first, the last kDigestsMax.
    [[nodiscard]] const std::deque<DigestAt>& digests() const { return digests_; }
    /// What was noted so far was not of a tree that is exactly that of its zxid (replay over a fuzzy snapshot).
    void forget_digests() { digests_.clear(); }

    /// Paths of the session's ephemeral nodes, sorted.
    [[nodiscard]] std::vector<std::string> ephemerals(SessionId session) const;
    /// Sessions that own ephemeral nodes, sorted.
    [[nodiscard]] std::vector<SessionId> ephemeral_sessions() const;
    /// Paths of container nodes, sorted.
    [[nodiscard]] const std::set<std::string>& containers() const { return containers_; }
    /// Paths of TTL nodes, sorted.
    [[nodiscard]] const std::set<std::string>& ttl_nodes() const { return ttl_nodes_; }

    /// Paths that have a quota.
    [[nodiscard]] const Quotas& quotas() const { return quotas_; }

    [[nodiscard]] std::size_t node_count() const { return node_count_; }
    /// Bytes of all paths and data, like ZooKeeper's approximate data size.
    [[nodiscard]] std::size_t approximate_bytes() const { return bytes_; }
    [[nodiscard]] std::size_t ephemeral_count() const { return ephemeral_count_; }
    /// Slabs of 256 KiB that hold the nodes.
    [[nodiscard]] std::size_t slabs() const;

    /// Overwrites /zookeeper/config with the server's own configuration; no txn, no digest, no
    /// watch.
    void set_config_node(ByteView text, Zxid version, WallMs mtime = {});

    /// Loading a snapshot: clear_for_load, acl().load for each list, load_node for each node (the
    /// root first, with path "" or "/"; parents before children), finish_load, set_last_zxid. After
    /// an error the tree is only good for another clear_for_load.
    void clear_for_load();
    Result<> load_node(std::string_view path,
                       std::optional<ByteView> data,
                       AclId acl,
                       const StatPersisted& stat);
    /// Adds built-in nodes that an old snapshot lacks, drops unused ACLs.
    Result<> finish_load();

  private:
    friend class Walk;
    struct Applier;

    void add_built_in(std::string_view path);
    Node* find_mutable(std::string_view path);
    /// The parent of a node with this path, or null. Null also for another spelling of a path
    /// ("//a"), under which a node would be added and never found again.
    Node* find_parent(std::string_view path);
    Node* find_parent_in_load(std::string_view path);
    void set_stat(Node& node, const StatPersisted& stat);
    void set_data(Node& node,
                  std::string_view path,
                  const jute::Buffer& data,
                  const StatPersisted& stat);
    /// So many nodes and bytes of data more, or less, are at `path`, which all above it count.
    void weigh(std::string_view path, std::int64_t nodes, std::int64_t data_bytes);
    void weigh_loaded();
    /// Adds a node below `parent`; takes over one use of `acl`. Null, and nothing done, if there is one of its name.
    /// REQUIRES: the caller weighs it.
    Node* add_node(Node& parent,
                   std::string_view path,
                   std::optional<ByteView> data,
                   AclId acl,
                   const StatPersisted& stat);
    /// Removes the node and, on replay over a fuzzy snapshot, what lies below it.
    void remove_subtree(Node& parent, std::string_view path);
    void forget(const Node& node, const std::string& path);

    // quotas.cc
    /// So many nodes and bytes more, or less, at `path`: the quota above it, if there is one, counts them.
    void count_in_quota(std::string_view path, std::int64_t nodes, std::int64_t bytes);
    void recount_quota(std::string_view path);
    void set_quota_stats(const std::string& path, const std::string& text);
    void quota_node_created(std::string_view path);
    void find_quotas();

    /// Frees a few of the removed nodes that no walk may name any more.
    void bury();

    AclCache acl_;
    std::unique_ptr<NodeArena> arena_;  ///< before the nodes, which it outlives; never null
    Node::Owned root_;
    std::map<SessionId, std::set<std::string>> ephemerals_;
    std::set<std::string> containers_, ttl_nodes_;
    Quotas quotas_;
    Zxid last_zxid_;
    std::uint64_t digest_ = 0;
    std::deque<DigestAt> digests_;
    std::size_t node_count_ = 0;
    std::size_t bytes_ = 0;
    std::size_t ephemeral_count_ = 0;
    /// What all walks under way have in common.
    struct Walks {};
    std::shared_ptr<const Walks> walks() const;
    mutable std::weak_ptr<const Walks> walks_;
    /// Removed nodes that a walk may still name. They are freed here, a few with each txn, once there is no walk.
    std::vector<Node::Owned> graveyard_;
    std::uint64_t generation_ = 0;  ///< loads so far: walks from before are over
    /// While loading, when nothing is removed: the parent of the node before, which most have in common.
    Node* load_parent_ = nullptr;
    std::string load_parent_path_;
    Node::Below loaded_;  ///< its children that are not weighed yet
};

/// A resumable walk over all nodes, parent before child. The tree may change in any way between two
/// steps: nodes that vanished are skipped, and so are nodes created after the walk began, since the
/// log has their txns. Nodes that were changed meanwhile come with their new state (a fuzzy
/// snapshot). A step takes the same time wherever it is, but for a node with very many children:
/// listing a million takes milliseconds. While there is a walk the tree keeps the memory of what it
/// removes. Take AclCache::all() at the moment of construction: every acl the walk names is in it.
class Walk {
  public:
    struct VisitedNode {
        std::string path;              ///< "" for the root, as in snapshots
        std::optional<ByteView> data;  ///< valid until the tree changes
        AclId acl;
        StatPersisted stat;
    };

    explicit Walk(const DataTree& tree);
    /// The next node; false at the end, or when the tree was reloaded (see aborted()).
    bool next(VisitedNode& out);
    /// True once the tree was loaded anew under the walk: what it gave so far is worthless.
    [[nodiscard]] bool aborted() const { return aborted_; }
    /// last_zxid when the walk began: the snapshot's name.
    [[nodiscard]] Zxid start_zxid() const { return start_zxid_; }

  private:
    struct Frame {
        std::size_t path_size = 0;  ///< of the parent, in path_
        std::vector<const Node*> children;
        std::size_t next = 0;
    };
    void visit(const Node& node, VisitedNode& out);

    const DataTree* tree_;
    std::shared_ptr<const DataTree::Walks> walks_;
    Zxid start_zxid_;
    AclId acl_end_;
    std::uint64_t generation_;
    std::string path_;
    std::vector<Frame> frames_;
    bool started_ = false;
    bool aborted_ = false;
};

}  // namespace zk::tree
