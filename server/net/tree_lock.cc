// Slots of client loops. See tree_lock.h.
#include "net/tree_lock.h"

#include <utility>

#include "base/check.h"

namespace zk::net {

void TreeSlot::enter() {
    lock_.core_comes_.wait(1, std::memory_order_acquire);
    mutex_.lock();
}

void TreeSlot::leave() { mutex_.unlock(); }

TreeLock::TreeLock(std::uint32_t loops) {
    for (std::uint32_t i = 0; i < loops; ++i) slots_.emplace_back(*this);
}

// Clang cannot follow a loop over locks.
void TreeLock::lock() ZK_NO_THREAD_SAFETY_ANALYSIS {
    ZK_ASSERT(!std::exchange(held_, true));
    core_comes_.store(1, std::memory_order_release);
    for (TreeSlot& slot : slots_) slot.mutex_.lock();
}

void TreeLock::unlock() ZK_NO_THREAD_SAFETY_ANALYSIS {
    ZK_ASSERT(std::exchange(held_, false));
    for (TreeSlot& slot : slots_) slot.mutex_.unlock();
    core_comes_.store(0, std::memory_order_release);
    core_comes_.notify_all();
}

}  // namespace zk::net
