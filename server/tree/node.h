// One znode, small: its name (not its path), data, ACL number, counters and children.
// Pure. Written by the data tree only; read under the tree's read slots.
// Most nodes are created, and never touched again: such a node is one block of memory with the zxid and time of its
// creation, its name and its data. What only others have (children, counters that moved, data that found no room, a number
// that is too large for its bits) is a second block.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/time.h"
#include "jute/archive.h"
#include "tree/acl.h"

namespace zk::tree {

/// The counters that a snapshot stores and the digest covers, in that order: 60 bytes.
struct StatPersisted {
    Zxid czxid, mzxid;
    WallMs ctime, mtime;
    std::int32_t version = 0;
    std::int32_t cversion = 0;  ///< raw: number of creates under the node, not what clients see
    std::int32_t aversion = 0;
    std::int64_t ephemeral_owner = 0;  ///< session, or kContainerOwner, or kTtlMark | ttl
    Zxid pzxid;
    static void fields(auto& archive, auto& self) {
        archive(self.czxid,
                self.mzxid,
                self.ctime,
                self.mtime,
                self.version,
                self.cversion,
                self.aversion,
                self.ephemeral_owner,
                self.pzxid);
    }
    friend bool operator==(const StatPersisted&, const StatPersisted&) = default;
};

inline constexpr std::int64_t kContainerOwner = INT64_MIN;
inline constexpr std::int64_t kTtlMark = static_cast<std::int64_t>(0xff00000000000000ULL);
/// True if `ephemeral_owner` names a session (not 0, no container, no TTL node).
constexpr bool is_session_owner(std::int64_t ephemeral_owner) {
    return ephemeral_owner != 0 && ephemeral_owner != kContainerOwner &&
           (ephemeral_owner & kTtlMark) != kTtlMark;
}

/// Longest time to live of a TTL node, ms: 40 bits. Bits 40 to 55 name a feature, of which 0, TTL, is the only one.
inline constexpr std::int64_t kTtlMax = 0xffffffffffLL;
/// Time to live of a TTL node, ms; nullopt for all others.
constexpr std::optional<std::int64_t> ttl_of(std::int64_t ephemeral_owner) {
    if (ephemeral_owner == kContainerOwner || (ephemeral_owner & kTtlMark) != kTtlMark)
        return std::nullopt;
    return ephemeral_owner & kTtlMax;
}
/// True if the leader is to remove a node with these counters and so many children: a container that has had children, a
/// TTL node whose data have not been set for longer than it lives. Source: ZooKeeper ContainerManager.
bool is_left_over(const StatPersisted& stat, std::size_t child_count, WallMs now);

class ChildSet;
class NodeArena;

class Node {
  public:
    [[nodiscard]] std::string_view name() const;
    /// nullopt is null data, which is not empty data.
    [[nodiscard]] std::optional<ByteView> data() const;
    [[nodiscard]] std::size_t data_size() const;
    [[nodiscard]] AclId acl_id() const;
    [[nodiscard]] StatPersisted stat() const;
    [[nodiscard]] std::size_t child_count() const;
    /// Names in no particular order, as clients get them.
    [[nodiscard]] std::vector<std::string> child_names() const;
    [[nodiscard]] const Node* child(std::string_view name) const;
    /// The children in the order of child_names(). A million take milliseconds.
    [[nodiscard]] std::vector<const Node*> list_children() const;
    /// All nodes below, and the bytes of their data; itself not included.
    struct Below {
        std::size_t nodes = 0;
        std::size_t data_bytes = 0;
    };
    [[nodiscard]] Below below() const;
    /// Part of the tree digest; 0 for nodes that it leaves out.
    [[nodiscard]] std::uint32_t digest() const;
    /// CRC of path and data, the constant part of the digest.
    [[nodiscard]] std::uint32_t path_data_crc() const { return path_data_crc_; }

    Node(const Node&) = delete;
    Node& operator=(const Node&) = delete;

  private:
    friend class DataTree;
    friend class ChildSet;
    friend class Walk;
    struct More;
    struct Delete {
        void operator()(Node* node) const;
    };
    using Owned = std::unique_ptr<Node, Delete>;

    Node() = default;
    ~Node();
    /// In the arena, which outlives it; very long ones lie alone.
    static Owned make(NodeArena& arena, std::string_view name, std::optional<ByteView> data);
    void set_data(std::optional<ByteView> data);
    void set_acl_id(AclId id);
    void set_ctime(WallMs time);
    void set_stat(const StatPersisted& stat);
    Node* find_child(std::string_view name);
    /// False, and nothing done, if there is one of its name.
    [[nodiscard]] bool add_child(Owned& child);
    /// Takes the child out; null if there is none of this name.
    Owned remove_child(std::string_view name);
    /// So much more, or less, lies below. REQUIRES: it has children.
    void add_below(std::int64_t nodes, std::int64_t data_bytes);
    /// Moves all children to the end of `out`.
    void take_children(std::vector<Owned>& out);

    More& more();
    [[nodiscard]] ChildSet* children() const;
    [[nodiscard]] WallMs ctime() const;
    /// Behind the node, in the same allocation: the name's length if it is a long one, the name, then room for data.
    [[nodiscard]] char* behind() { return reinterpret_cast<char*>(this + 1); }
    [[nodiscard]] const char* behind() const { return reinterpret_cast<const char*>(this + 1); }
    [[nodiscard]] std::size_t name_at() const;
    [[nodiscard]] std::size_t room_at() const { return name_at() + name().size(); }

    // Values of bits that say where the number is when the bits do not hold it.
    static constexpr std::uint64_t kDataNull = 1023;    ///< null data, which is not empty data
    static constexpr std::uint64_t kDataInMore = 1022;  ///< more than there is ever room for
    static constexpr std::uint16_t kAclInMore = UINT16_MAX;
    static constexpr std::uint16_t kNameLong = UINT16_MAX;  ///< its length stands before it

    std::unique_ptr<More>
        more_;  ///< null: stat() follows from czxid_ and ctime_, and there are no children
    Zxid czxid_;
    std::uint64_t ctime_ : 48 = 0;  ///< ms, the low bits
    std::uint64_t data_size_ : 10 = kDataNull;
    std::uint64_t ctime_in_more_ : 1 = 0;
    std::uint64_t outside_digest_ : 1 = 0;
    std::uint64_t removed_ : 1 = 0;  ///< from its tree, and kept for a walk
    std::uint64_t alone_ : 1 = 0;    ///< not in an arena
    std::uint32_t path_data_crc_ = 0;
    std::uint16_t acl_ = 0;  ///< id + 1: the open list is 0
    std::uint16_t name_size_ = 0;
};

}  // namespace zk::tree
