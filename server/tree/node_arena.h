// Where the nodes of one tree lie: blocks in steps of 8 bytes. An allocator's classes (112, 128, 160, 192...) leave a
// tenth of the memory of a million small nodes unused, and a node's size seldom changes.
// Pure. Owned by the data tree, which alone allocates and frees: no locks.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace zk::tree {

/// Slabs of 256 KiB; each has blocks of one size, taken from its beginning and, once freed, from the last freed on. A slab
/// without blocks in use is given back, but for one that is kept for whoever comes next.
class NodeArena {
  public:
    /// A power of two: the slab of a block is found by its address.
    static constexpr std::size_t kSlabBytes = std::size_t{256} * 1024;
    /// Larger blocks are not for it, bytes.
    static constexpr std::size_t kBlockMax = 1024;

    NodeArena() = default;
    /// REQUIRES: every block was freed.
    ~NodeArena();
    NodeArena(const NodeArena&) = delete;
    NodeArena& operator=(const NodeArena&) = delete;

    /// At least `size` bytes, aligned to 8. REQUIRES: 0 < size <= kBlockMax. Throws std::bad_alloc.
    [[nodiscard]] void* allocate(std::size_t size);
    /// Gives back a block of whichever arena: a block's slab knows it.
    static void free(void* block);

    /// Slabs that it holds, the kept one included.
    [[nodiscard]] std::size_t slabs() const { return slabs_; }

  private:
    struct Slab;
    static constexpr std::size_t kStep = 8;

    Slab* fresh_slab(std::size_t step);
    void link(Slab& slab);
    void unlink(Slab& slab);
    void give_back(Slab& slab);

    std::array<Slab*, kBlockMax / kStep + 1>
        with_room_{};  ///< by size in steps: slabs that have a block left
    std::array<bool, kBlockMax / kStep + 1>
        grown_{};  ///< by size in steps: has had a slab of its own
    Slab* kept_ = nullptr;
    std::size_t slabs_ = 0;
};

}  // namespace zk::tree
