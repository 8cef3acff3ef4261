// Versions of the tree: an immutable hash trie from path to znode. The core makes a new root for each change and copies the
// nodes on the way to it; client loops read whatever root they were given, without a lock. What a new version replaced is
// freed when no loop holds an older one.
// As much of it as is needed to tell what it would cost: data and version of existing znodes; no children, no ACL.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "jute/protocol.h"

namespace zk::loops {

struct Leaf {
    std::string path;
    Bytes data;
    jute::Stat stat;
};

/// Sixteen ways: a copy is 128 bytes, and a hundred thousand znodes are about five levels deep.
struct TrieNode {
    static constexpr int kBits = 4;
    /// A child, a leaf (lowest bit set), or 0.
    std::array<std::uintptr_t, 1U << kBits> slots{};
};

/// The znode in this version, or null.
const Leaf* find(const TrieNode& root, std::string_view path);

/// Lives on the core's thread.
class ReadIndex {
  public:
    ReadIndex();
    ~ReadIndex();
    ReadIndex(const ReadIndex&) = delete;
    ReadIndex& operator=(const ReadIndex&) = delete;

    /// The next version: with this leaf instead of the one of the same path.
    void put(Leaf leaf);
    [[nodiscard]] const TrieNode* root() const { return root_; }
    [[nodiscard]] std::uint64_t version() const { return version_; }
    /// No loop reads versions before this one any more.
    void free_before(std::uint64_t version);

  private:
    struct Retired {
        std::uint64_t version;  ///< the first one without it
        TrieNode* node;
        const Leaf* leaf;
    };
    TrieNode* put(TrieNode* node, int shift, std::uint64_t hash, const Leaf* leaf);

    TrieNode* root_;
    std::uint64_t version_ = 0;
    std::deque<Retired> retired_;
};

}  // namespace zk::loops
