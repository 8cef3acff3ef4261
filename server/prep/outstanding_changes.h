// What the tree will look like when all proposed txns are applied: the nodes that outstanding txns
// touch, in full. Pure. Lives on the core loop, at the leader. The tree underneath changes only by
// applying the same txns in order. Invariant: digest() is the tree digest after the last prepared
// txn. Source: ZooKeeper PrepRequestProcessor (outstandingChanges), ChangeRecord.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/ids.h"
#include "tree/acl.h"
#include "tree/data_tree.h"

namespace zk::prep {

/// A node as it will be.
struct ProjectedNode {
    tree::StatPersisted stat;
    std::size_t child_count = 0;
    tree::AclRef acl;                 ///< null: open to all
    std::size_t data_size = 0;        ///< bytes
    std::uint32_t path_data_crc = 0;  ///< constant part of the digest
};

class OutstandingChanges {
  public:
    explicit OutstandingChanges(const tree::DataTree& tree) : tree_(tree) {}

    /// What is applied.
    [[nodiscard]] const tree::DataTree& tree() const { return tree_; }
    /// The node after all prepared txns; nullopt if it will not exist. "" is an alias of "/".
    [[nodiscard]] std::optional<ProjectedNode> find(std::string_view path) const;
    /// From txn `zxid` on the node looks like this (nullopt: it is gone).
    void put(std::string_view path, std::optional<ProjectedNode> node, Zxid zxid);
    /// Paths of the session's ephemeral nodes, after all prepared txns.
    [[nodiscard]] std::set<std::string> ephemerals(SessionId session) const;
    /// Digest of the whole tree after all prepared txns.
    [[nodiscard]] std::uint64_t digest() const;

    /// The tree contains everything up to this zxid: forgets what it now knows itself.
    void committed(Zxid up_to);
    void clear();
    [[nodiscard]] std::size_t size() const { return changes_.size(); }

    /// A multi is all or nothing: after begin(), either keep() or undo().
    void begin();
    void keep();
    void undo();

  private:
    struct Entry {
        std::optional<ProjectedNode> node;
        Zxid zxid;
    };
    struct Undo {
        std::string path;
        std::optional<Entry> before;
    };

    struct Hash {
        using is_transparent = void;
        std::size_t operator()(std::string_view path) const {
            return std::hash<std::string_view>{}(path);
        }
    };

    const tree::DataTree& tree_;
    std::unordered_map<std::string, Entry, Hash, std::equal_to<>> changes_;
    std::deque<std::pair<Zxid, std::string>> order_;  ///< one entry a put, oldest first
    std::uint64_t digest_ = 0;                        ///< meaningful while changes_ is not empty
    bool recording_ = false;
    std::vector<Undo> undo_;
    std::size_t order_mark_ = 0;
    std::uint64_t digest_mark_ = 0;
};

}  // namespace zk::prep
