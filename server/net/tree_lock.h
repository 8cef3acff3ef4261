// Who may read the one tree, and who change it. Each client loop has a slot and holds it in each call of its frontend::Turn,
// not while it is at a socket; the core takes all slots from the first change of a turn to its publication (core/turn.h).
// A loop that finds the core waiting steps back before it takes its own: mutexes alone would let busy readers starve it.
// Shell. With one loop, on the core's own thread, nobody ever waits. docs/decisions/0009.
//
// Order of locks: whoever holds a slot takes no other lock; the core takes slots in the order of their numbers.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>

#include "threads/annotations.h"
#include "threads/mutex.h"

namespace zk::net {

class TreeLock;

/// Of one client loop.
class ZK_CAPABILITY("slot") TreeSlot {
  public:
    explicit TreeSlot(const TreeLock& lock) : lock_(lock) {}
    TreeSlot(const TreeSlot&) = delete;
    TreeSlot& operator=(const TreeSlot&) = delete;

    void enter() ZK_ACQUIRE();
    void leave() ZK_RELEASE();
    /// For the core, which holds all of them.
    void is_held() const ZK_ASSERT_CAPABILITY() {}

  private:
    friend class TreeLock;
    const TreeLock& lock_;
    /// Apart from each other: a loop's slot must not slow its neighbour's.
    alignas(64) threads::Mutex mutex_;
};

/// Holds a slot to the end of its scope.
class ZK_SCOPED_CAPABILITY Reading {
  public:
    explicit Reading(TreeSlot& slot) ZK_ACQUIRE(slot) : slot_(slot) { slot_.enter(); }
    ~Reading() ZK_RELEASE() { slot_.leave(); }
    Reading(const Reading&) = delete;
    Reading& operator=(const Reading&) = delete;

  private:
    TreeSlot& slot_;
};

class TreeLock {
  public:
    explicit TreeLock(std::uint32_t loops);
    TreeLock(const TreeLock&) = delete;
    TreeLock& operator=(const TreeLock&) = delete;

    [[nodiscard]] TreeSlot& slot(std::uint32_t loop) { return slots_[loop]; }

    // ---- the core, on its thread

    /// Waits for those who read. REQUIRES: !is_held().
    void lock();
    /// REQUIRES: is_held().
    void unlock();
    [[nodiscard]] bool is_held() const { return held_; }

    /// Any thread: the core waits, or holds all slots.
    [[nodiscard]] bool core_comes() const { return core_comes_ != 0; }

  private:
    friend class TreeSlot;
    std::deque<TreeSlot> slots_;
    bool held_ = false;
    /// 1: the core waits, or is there. An int: what the kernel can wait for.
    alignas(64) std::atomic<int> core_comes_ = 0;
};

/// The core holds all slots to the end of the scope.
class Writing {
  public:
    explicit Writing(TreeLock& lock) : lock_(lock) { lock_.lock(); }
    ~Writing() { lock_.unlock(); }
    Writing(const Writing&) = delete;
    Writing& operator=(const Writing&) = delete;

  private:
    TreeLock& lock_;
};

}  // namespace zk::net
