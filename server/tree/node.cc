#include "tree/node.h"

#include <cstring>
#include <new>

#include <boost/unordered/unordered_flat_set.hpp>

#include "base/check.h"
#include "tree/digest.h"

namespace zk::tree {
namespace {

// A search through so few names is as fast as a hash table, and small.
constexpr std::size_t kFlatMax = 8;
char empty_data[sizeof(std::uint32_t)] = {};

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
    /// REQUIRES: no child of this name.
    void add(Node* child) {
        if (!many_ && few_.size() == kFlatMax) {
            many_ = std::make_unique<Many>(few_.begin(), few_.end());
            few_ = {};
        }
        if (many_) {
            many_->insert(child);
        } else {
            few_.push_back(child);
        }
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

std::string_view Node::name() const {
    return {reinterpret_cast<const char*>(this + 1), name_size_};
}

std::optional<ByteView> Node::data() const {
    if (data_ == nullptr) return std::nullopt;
    return ByteView(data_ + sizeof(std::uint32_t), data_size());
}

std::size_t Node::data_size() const {
    if (data_ == nullptr) return 0;
    std::uint32_t size = 0;
    std::memcpy(&size, data_, sizeof size);
    return size;
}

StatPersisted Node::stat() const {
    StatPersisted stat;
    stat.czxid = czxid_;
    stat.ctime = ctime_;
    stat.mzxid = later_ ? later_->mzxid : czxid_;
    stat.mtime = later_ ? later_->mtime : ctime_;
    stat.pzxid = later_ ? later_->pzxid : czxid_;
    if (later_) {
        stat.version = later_->version;
        stat.cversion = later_->cversion;
        stat.aversion = later_->aversion;
        stat.ephemeral_owner = later_->ephemeral_owner;
    }
    return stat;
}

std::size_t Node::child_count() const { return children_ ? children_->size() : 0; }

std::vector<std::string> Node::child_names() const {
    std::vector<std::string> names;
    if (!children_) return names;
    names.reserve(children_->size());
    children_->for_each([&names](const Node* child) { names.emplace_back(child->name()); });
    return names;
}

const Node* Node::child(std::string_view name) const {
    return children_ ? children_->find(name) : nullptr;
}

std::size_t Node::children_data_size() const {
    std::size_t bytes = 0;
    if (children_)
        children_->for_each([&bytes](const Node* child) { bytes += child->data_size(); });
    return bytes;
}

void Node::collect_inner_children(std::vector<const Node*>& out) const {
    if (!children_) return;
    children_->for_each([&out](const Node* child) {
        if (child->children_) out.push_back(child);
    });
}

std::uint32_t Node::digest() const {
    return outside_digest_ ? 0 : node_digest(path_data_crc_, stat());
}

Node::~Node() {
    ZK_ASSERT(children_ == nullptr);
    if (data_ != empty_data) delete[] data_;
}

void Node::Delete::operator()(Node* node) const {
    // Not by recursion: a path may have as many levels as a frame has bytes.
    std::vector<Node*> doomed = {node};
    while (!doomed.empty()) {
        Node* next = doomed.back();
        doomed.pop_back();
        if (next->children_) {
            next->children_->for_each([&doomed](Node* child) { doomed.push_back(child); });
            next->children_.reset();
        }
        next->~Node();
        ::operator delete(next);
    }
}

Node::Owned Node::make(std::string_view name) {
    void* memory = ::operator new(sizeof(Node) + name.size());
    Owned node(new (memory) Node());
    node->name_size_ = static_cast<std::uint32_t>(name.size());
    if (!name.empty())
        std::memcpy(reinterpret_cast<char*>(node.get() + 1), name.data(), name.size());
    return node;
}

void Node::set_data(const jute::Buffer& data) {
    char* fresh = nullptr;
    if (data && data->empty()) {
        fresh = empty_data;
    } else if (data) {
        const auto size = static_cast<std::uint32_t>(data->size());
        fresh = new char[sizeof size + data->size()];
        std::memcpy(fresh, &size, sizeof size);
        // NOLINTNEXTLINE(bugprone-not-null-terminated-result): bytes, with their number in front
        std::memcpy(fresh + sizeof size, data->data(), data->size());
    }
    if (data_ != empty_data) delete[] data_;
    data_ = fresh;
}

void Node::set_stat(const StatPersisted& stat) {
    czxid_ = stat.czxid;
    ctime_ = stat.ctime;
    const bool untouched = stat.mzxid == stat.czxid && stat.pzxid == stat.czxid &&
                           stat.mtime == stat.ctime && stat.version == 0 && stat.cversion == 0 &&
                           stat.aversion == 0 && stat.ephemeral_owner == 0;
    if (untouched) {
        later_.reset();
        return;
    }
    if (!later_) later_ = std::make_unique<Later>();
    *later_ = Later{stat.mzxid,
                    stat.mtime,
                    stat.pzxid,
                    stat.ephemeral_owner,
                    stat.version,
                    stat.cversion,
                    stat.aversion};
}

Node* Node::find_child(std::string_view name) {
    return children_ ? children_->find(name) : nullptr;
}

void Node::add_child(Owned child) {
    ZK_ASSERT(find_child(child->name()) == nullptr);
    if (!children_) children_ = std::make_unique<ChildSet>();
    children_->add(child.release());
}

Node::Owned Node::remove_child(std::string_view name) {
    if (!children_) return nullptr;
    Owned child(children_->remove(name));
    if (child && children_->size() == 0) children_.reset();
    return child;
}

void Node::take_children(std::vector<Owned>& out) {
    if (!children_) return;
    children_->for_each([&out](Node* child) { out.emplace_back(child); });
    children_.reset();
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
