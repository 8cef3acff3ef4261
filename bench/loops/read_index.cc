#include "loops/read_index.h"

#include "base/check.h"

namespace zk::loops {
namespace {

constexpr std::uintptr_t kLeaf = 1;
constexpr std::uint64_t kWay = (1U << TrieNode::kBits) - 1;

const Leaf* as_leaf(std::uintptr_t slot) {
    return (slot & kLeaf) != 0 ? reinterpret_cast<const Leaf*>(slot & ~kLeaf) : nullptr;
}
TrieNode* as_node(std::uintptr_t slot) { return reinterpret_cast<TrieNode*>(slot); }
std::uintptr_t slot_of(const Leaf* leaf) { return reinterpret_cast<std::uintptr_t>(leaf) | kLeaf; }
std::uintptr_t slot_of(const TrieNode* node) { return reinterpret_cast<std::uintptr_t>(node); }
std::uint64_t hash_of(std::string_view path) { return std::hash<std::string_view>{}(path); }

void destroy(TrieNode* node) {
    for (const std::uintptr_t slot : node->slots) {
        if (slot == 0) continue;
        if (const Leaf* leaf = as_leaf(slot)) {
            delete leaf;
        } else {
            destroy(as_node(slot));
        }
    }
    delete node;
}

}  // namespace

const Leaf* find(const TrieNode& root, std::string_view path) {
    const TrieNode* node = &root;
    for (std::uint64_t hash = hash_of(path);; hash >>= TrieNode::kBits) {
        const std::uintptr_t slot = node->slots[hash & kWay];
        if (slot == 0) return nullptr;
        if (const Leaf* leaf = as_leaf(slot)) return leaf->path == path ? leaf : nullptr;
        node = as_node(slot);
    }
}

ReadIndex::ReadIndex() : root_(new TrieNode) {}

ReadIndex::~ReadIndex() {
    free_before(UINT64_MAX);
    destroy(root_);
}

void ReadIndex::put(Leaf leaf) {
    ++version_;
    const std::uint64_t hash = hash_of(leaf.path);
    root_ = put(root_, 0, hash, new Leaf(std::move(leaf)));
}

// A copy of `node` that holds the leaf.
TrieNode* ReadIndex::put(TrieNode* node, int shift, std::uint64_t hash, const Leaf* leaf) {
    ZK_ASSERT(shift < 64);
    auto* copy = new TrieNode(*node);
    retired_.push_back({version_, node, nullptr});
    std::uintptr_t& slot = copy->slots[(hash >> shift) & kWay];
    if (slot == 0) {
        slot = slot_of(leaf);
    } else if (const Leaf* there = as_leaf(slot); there == nullptr) {
        slot = slot_of(put(as_node(slot), shift + TrieNode::kBits, hash, leaf));
    } else if (there->path == leaf->path) {
        retired_.push_back({version_, nullptr, there});
        slot = slot_of(leaf);
    } else {  // two leaves: one level more
        auto* below = new TrieNode;
        below->slots[(hash_of(there->path) >> (shift + TrieNode::kBits)) & kWay] = slot;
        slot = slot_of(put(below, shift + TrieNode::kBits, hash, leaf));
    }
    return copy;
}

void ReadIndex::free_before(std::uint64_t version) {
    while (!retired_.empty() && retired_.front().version <= version) {
        delete retired_.front().node;
        delete retired_.front().leaf;
        retired_.pop_front();
    }
}

}  // namespace zk::loops
