#include "tree/node_arena.h"

#include <cstring>
#include <new>
#include <utility>

#include <sys/mman.h>

#include "base/check.h"

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#endif

namespace zk::tree {
namespace {

// What nobody has allocated is out of bounds for AddressSanitizer, too.
void fence([[maybe_unused]] void* memory, [[maybe_unused]] std::size_t size) {
#ifdef __SANITIZE_ADDRESS__
    ASAN_POISON_MEMORY_REGION(memory, size);
#endif
}
void open([[maybe_unused]] void* memory, [[maybe_unused]] std::size_t size) {
#ifdef __SANITIZE_ADDRESS__
    ASAN_UNPOISON_MEMORY_REGION(memory, size);
#endif
}

}  // namespace

struct NodeArena::Slab {
    NodeArena* arena = nullptr;
    Slab* before = nullptr;  ///< in the list of those with room
    Slab* behind = nullptr;
    char* freed =
        nullptr;  ///< the last freed block; each begins with the address of the one freed before it
    std::uint32_t unused = 0;  ///< offset behind the last block that was ever taken, bytes
    std::uint32_t in_use = 0;  ///< blocks
    std::uint32_t block = 0;   ///< bytes of one

    [[nodiscard]] bool has_room() const { return freed != nullptr || unused + block <= kSlabBytes; }
    [[nodiscard]] char* at(std::size_t offset) { return reinterpret_cast<char*>(this) + offset; }
};

NodeArena::~NodeArena() {
    if (kept_ != nullptr) give_back(*std::exchange(kept_, nullptr));
    ZK_ASSERT(slabs_ == 0);
}

void* NodeArena::allocate(std::size_t size) {
    ZK_ASSERT(size > 0 && size <= kBlockMax);
    const std::size_t step = (size + kStep - 1) / kStep;
    Slab* slab = with_room_[step];
    if (slab == nullptr) slab = fresh_slab(step);
    char* block = slab->freed;
    if (block != nullptr) {
        open(block, sizeof(char*));
        std::memcpy(&slab->freed, block, sizeof(char*));
    } else {
        block = slab->at(slab->unused);
        slab->unused += slab->block;
    }
    open(block, size);
    slab->in_use += 1;
    if (!slab->has_room()) unlink(*slab);
    return block;
}

void NodeArena::free(void* block) {
    const auto address = reinterpret_cast<std::uintptr_t>(block);
    Slab& slab = *reinterpret_cast<Slab*>(address & ~(std::uintptr_t{kSlabBytes} - 1));
    NodeArena& arena = *slab.arena;
    const bool was_full = !slab.has_room();
    open(block, slab.block);
    std::memcpy(block, &slab.freed, sizeof(char*));
    fence(block, slab.block);
    slab.freed = static_cast<char*>(block);
    ZK_ASSERT(slab.in_use > 0);
    slab.in_use -= 1;
    if (was_full) arena.link(slab);
    if (slab.in_use > 0) return;
    arena.unlink(slab);
    if (arena.kept_ == nullptr) {
        arena.kept_ = &slab;
    } else {
        arena.give_back(slab);
    }
}

NodeArena::Slab* NodeArena::fresh_slab(std::size_t step) {
    void* memory = std::exchange(kept_, nullptr);
    if (memory == nullptr) {
        memory = ::operator new(kSlabBytes, std::align_val_t(kSlabBytes));
        slabs_ += 1;
        // A size of which there are many: all pages at once cost the kernel less than a fault for each (a quarter of a
        // restart on a million nodes). Kernels before 5.14 do not know of it.
        if (grown_[step]) ::madvise(memory, kSlabBytes, MADV_POPULATE_WRITE);
        grown_[step] = true;
    }
    Slab* slab = new (memory) Slab();
    slab->arena = this;
    slab->unused = (sizeof(Slab) + kStep - 1) / kStep * kStep;
    slab->block = static_cast<std::uint32_t>(step * kStep);
    fence(slab->at(slab->unused), kSlabBytes - slab->unused);
    link(*slab);
    return slab;
}

void NodeArena::link(Slab& slab) {
    Slab*& first = with_room_[slab.block / kStep];
    slab.before = nullptr;
    slab.behind = first;
    if (first != nullptr) first->before = &slab;
    first = &slab;
}

void NodeArena::unlink(Slab& slab) {
    (slab.before != nullptr ? slab.before->behind : with_room_[slab.block / kStep]) = slab.behind;
    if (slab.behind != nullptr) slab.behind->before = slab.before;
}

void NodeArena::give_back(Slab& slab) {
    open(&slab, kSlabBytes);
    slab.~Slab();
    ::operator delete(&slab, std::align_val_t(kSlabBytes));
    slabs_ -= 1;
}

}  // namespace zk::tree
