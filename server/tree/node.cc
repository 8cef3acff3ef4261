#include "tree/node.h"

#include <cstring>
#include <new>

#include <boost/unordered/unordered_flat_set.hpp>

#include "base/check.h"
#include "tree/digest.h"
#include "tree/node_arena.h"

namespace zk::tree {
namespace {

// A search through so few names is as fast as a hash table, and small.
constexpr std::size_t kFlatMax = 8;
// Longer data get a block of their own, which can be given back when they change.
constexpr std::size_t kRoomMax = 512;
// Bytes of the length before a long name.
constexpr std::size_t kLengthBytes = sizeof(std::uint32_t);

// FNV-1a with a final mix: the same on every machine and in every run, so that a simulation can be
// repeated.
std::size_t hash_name(std::string_view name) {
    std::uint64_t hash = 0xcbf29ce484222325ULL;
    for (const char byte : name) {
        hash = (hash ^ static_cast<unsigned char>(byte)) * 0x100000001b3ULL;
    }
    hash = (hash ^ (hash >> 32)) * 0xd6e8feb86659fd93ULL;
    return static_cast<std::size_t>(hash ^ (hash >> 32));
}

}  // namespace

/// The children of one node: a flat list while they are few, a hash table when they are many. Owns
/// them.
class ChildSet {
  public:
    Node::Below below;  ///< kept by the tree
    [[nodiscard]] std::size_t size() const { return many_ ? many_->size() : few_.size(); }
    [[nodiscard]] Node* find(std::string_view name) const {
        if (many_) {
            const auto place = many_->find(name);
            return place == many_->end() ? nullptr : *place;
        }
        for (Node* child : few_) {
            if (child->name() == name) return child;
        }
        return nullptr;
    }
    /// False if there is a child of this name.
    bool add(Node* child) {
        if (!many_ && few_.size() == kFlatMax) {
            many_ = std::make_unique<Many>(few_.begin(), few_.end());
            few_ = {};
        }
        if (many_) return many_->insert(child).second;
        if (find(child->name()) != nullptr) return false;
        few_.push_back(child);
        return true;
    }
    Node* remove(std::string_view name) {
        Node* child = find(name);
        if (child == nullptr) return nullptr;
        if (many_) {
            many_->erase(many_->find(name));
        } else {
            std::erase(few_, child);
        }
        return child;
    }
    void for_each(const auto& visit) const {
        if (many_) {
            for (Node* child : *many_) visit(child);
        } else {
            for (Node* child : few_) visit(child);
        }
    }

  private:
    struct Hash {
        using is_transparent = void;
        std::size_t operator()(std::string_view name) const { return hash_name(name); }
        std::size_t operator()(const Node* node) const { return hash_name(node->name()); }
    };
    struct Equal {
        using is_transparent = void;
        static std::string_view name(std::string_view text) { return text; }
        static std::string_view name(const Node* node) { return node->name(); }
        bool operator()(const auto& a, const auto& b) const { return name(a) == name(b); }
    };
    using Many = boost::unordered_flat_set<Node*, Hash, Equal>;

    std::vector<Node*> few_;
    std::unique_ptr<Many> many_;
};

/// What a node has beside its creation.
struct Node::More {
    /// Numbers that the node's bits do not hold.
    struct Wide {
        WallMs ctime;
        AclId acl_id;
    };
    Wide& own_wide() {
        if (!wide) wide = std::make_unique<Wide>();
        return *wide;
    }

    std::unique_ptr<ChildSet> children;  ///< null for leaves
    std::unique_ptr<char[]> data;        ///< instead of the room behind the node; null: it is there
    Zxid mzxid;
    WallMs mtime;
    Zxid pzxid;
    std::int64_t ephemeral_owner = 0;
    std::int32_t version = 0, cversion = 0, aversion = 0;
    std::uint32_t room = 0;       ///< for data, behind the name
    std::uint32_t data_size = 0;  ///< of `data`
    std::unique_ptr<Wide> wide;
};

std::size_t Node::name_at() const { return name_size_ == kNameLong ? kLengthBytes : 0; }

std::string_view Node::name() const {
    if (name_size_ != kNameLong) return {behind(), name_size_};
    std::uint32_t size = 0;
    std::memcpy(&size, behind(), kLengthBytes);
    return {behind() + kLengthBytes, size};
}

std::optional<ByteView> Node::data() const {
    if (data_size_ == kDataNull) return std::nullopt;
    if (data_size_ == kDataInMore) return ByteView(more_->data.get(), more_->data_size);
    return ByteView(behind() + room_at(), data_size_);
}

std::size_t Node::data_size() const {
    if (data_size_ == kDataNull) return 0;
    return data_size_ == kDataInMore ? more_->data_size : data_size_;
}

AclId Node::acl_id() const {
    return acl_ == kAclInMore ? more_->wide->acl_id : AclId(std::int64_t{acl_} - 1);
}

void Node::set_acl_id(AclId id) {
    const std::int64_t bits = id.value() + 1;
    ZK_ASSERT(bits >= 0);
    const bool fits = bits < kAclInMore;
    if (!fits) more().own_wide().acl_id = id;
    acl_ = fits ? static_cast<std::uint16_t>(bits) : kAclInMore;
}

WallMs Node::ctime() const {
    if (ctime_in_more_) return more_->wide->ctime;
    return WallMs(static_cast<std::int64_t>(std::uint64_t{ctime_} << 16) >> 16);
}

void Node::set_ctime(WallMs time) {
    constexpr std::uint64_t kBits = (std::uint64_t{1} << 48) - 1;
    ctime_ = static_cast<std::uint64_t>(time.value()) & kBits;
    ctime_in_more_ = 0;
    if (ctime() == time) return;
    more().own_wide().ctime = time;
    ctime_in_more_ = 1;
}

StatPersisted Node::stat() const {
    StatPersisted stat;
    stat.czxid = czxid_;
    stat.ctime = ctime();
    stat.mzxid = more_ ? more_->mzxid : czxid_;
    stat.mtime = more_ ? more_->mtime : stat.ctime;
    stat.pzxid = more_ ? more_->pzxid : czxid_;
    if (more_) {
        stat.version = more_->version;
        stat.cversion = more_->cversion;
        stat.aversion = more_->aversion;
        stat.ephemeral_owner = more_->ephemeral_owner;
    }
    return stat;
}

ChildSet* Node::children() const { return more_ ? more_->children.get() : nullptr; }

Node::More& Node::more() {
    if (!more_) {
        more_ = std::make_unique<More>();
        more_->mzxid = more_->pzxid = czxid_;
        more_->mtime = ctime();
        more_->room = static_cast<std::uint32_t>(data_size());
    }
    return *more_;
}

std::size_t Node::child_count() const { return children() ? children()->size() : 0; }

std::vector<std::string> Node::child_names() const {
    std::vector<std::string> names;
    if (!children()) return names;
    names.reserve(children()->size());
    children()->for_each([&names](const Node* child) { names.emplace_back(child->name()); });
    return names;
}

std::vector<const Node*> Node::list_children() const {
    std::vector<const Node*> all;
    if (!children()) return all;
    all.reserve(children()->size());
    children()->for_each([&all](const Node* child) { all.push_back(child); });
    return all;
}

const Node* Node::child(std::string_view name) const {
    return children() ? children()->find(name) : nullptr;
}

Node::Below Node::below() const { return children() ? children()->below : Below(); }

void Node::add_below(std::int64_t nodes, std::int64_t data_bytes) {
    ZK_ASSERT(children() != nullptr);
    children()->below.nodes += static_cast<std::size_t>(nodes);
    children()->below.data_bytes += static_cast<std::size_t>(data_bytes);
}

std::uint32_t Node::digest() const {
    return outside_digest_ ? 0 : node_digest(path_data_crc_, stat());
}

Node::~Node() { ZK_ASSERT(children() == nullptr); }

void Node::Delete::operator()(Node* node) const {
    // Not by recursion: a path may have as many levels as a frame has bytes.
    std::vector<Node*> doomed = {node};
    while (!doomed.empty()) {
        Node* next = doomed.back();
        doomed.pop_back();
        if (next->children()) {
            next->children()->for_each([&doomed](Node* child) { doomed.push_back(child); });
            next->more_->children.reset();
        }
        const bool alone = next->alone_;
        next->~Node();
        if (alone) {
            ::operator delete(next);
        } else {
            NodeArena::free(next);
        }
    }
}

Node::Owned Node::make(NodeArena& arena, std::string_view name, std::optional<ByteView> data) {
    const std::size_t room = data && data->size() <= kRoomMax ? data->size() : 0;
    const bool long_name = name.size() >= kNameLong;
    const std::size_t name_at = long_name ? kLengthBytes : 0;
    const std::size_t size = sizeof(Node) + name_at + name.size() + room;
    const bool alone = size > NodeArena::kBlockMax;
    void* memory = alone ? ::operator new(size) : arena.allocate(size);
    Owned node(new (memory) Node());
    node->alone_ = alone;
    ZK_ASSERT(name.size() <= UINT32_MAX);
    const auto length = static_cast<std::uint32_t>(name.size());
    node->name_size_ = long_name ? kNameLong : static_cast<std::uint16_t>(length);
    if (long_name) std::memcpy(node->behind(), &length, kLengthBytes);
    if (!name.empty()) std::memcpy(node->behind() + name_at, name.data(), name.size());
    if (!data) return node;
    if (room < data->size()) {
        node->more();  // without room
    } else {
        node->data_size_ = room & kDataNull;
    }
    node->set_data(data);
    return node;
}

void Node::set_data(std::optional<ByteView> data) {
    const std::size_t size = data ? data->size() : 0;
    const std::size_t room = more_ ? more_->room : data_size();
    if (size > room) {
        auto fresh = std::make_unique<char[]>(size);
        std::memcpy(fresh.get(), data->data(), size);
        more().data = std::move(fresh);
        more().data_size = static_cast<std::uint32_t>(size);
        data_size_ = kDataInMore;
        return;
    }
    if (size < room) more();  // remembers the room
    if (size > 0) std::memcpy(behind() + room_at(), data->data(), size);
    if (more_) more_->data.reset();
    data_size_ = (data ? size : kDataNull) & kDataNull;
}

void Node::set_stat(const StatPersisted& stat) {
    czxid_ = stat.czxid;
    set_ctime(stat.ctime);
    const bool untouched = stat.mzxid == stat.czxid && stat.pzxid == stat.czxid &&
                           stat.mtime == stat.ctime && stat.version == 0 && stat.cversion == 0 &&
                           stat.aversion == 0 && stat.ephemeral_owner == 0;
    if (untouched && !more_) return;
    More& rest = more();
    rest.mzxid = stat.mzxid;
    rest.mtime = stat.mtime;
    rest.pzxid = stat.pzxid;
    rest.version = stat.version;
    rest.cversion = stat.cversion;
    rest.aversion = stat.aversion;
    rest.ephemeral_owner = stat.ephemeral_owner;
}

Node* Node::find_child(std::string_view name) {
    return children() ? children()->find(name) : nullptr;
}

bool Node::add_child(Owned& child) {
    More& rest = more();
    if (!rest.children) rest.children = std::make_unique<ChildSet>();
    if (!rest.children->add(child.get())) return false;
    child.release();
    return true;
}

Node::Owned Node::remove_child(std::string_view name) {
    if (!children()) return nullptr;
    Owned child(children()->remove(name));
    if (child && children()->size() == 0) more_->children.reset();
    return child;
}

void Node::take_children(std::vector<Owned>& out) {
    if (!children()) return;
    children()->for_each([&out](Node* child) { out.emplace_back(child); });
    more_->children.reset();
}

bool is_left_over(const StatPersisted& stat, std::size_t child_count, WallMs now) {
    if (child_count > 0) return false;
    if (stat.ephemeral_owner == kContainerOwner) return stat.cversion > 0;
    const std::optional<std::int64_t> ttl_ms = ttl_of(stat.ephemeral_owner);
    if (!ttl_ms || *ttl_ms == 0 || now <= stat.mtime) return false;
    // A snapshot may hold any time.
    const auto age =
        static_cast<std::uint64_t>(now.value()) - static_cast<std::uint64_t>(stat.mtime.value());
    return age > static_cast<std::uint64_t>(*ttl_ms);
}

}  // namespace zk::tree
