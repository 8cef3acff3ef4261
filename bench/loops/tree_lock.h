// Read slots: each client loop has one, and reads the tree while it holds it; the core's thread changes the tree while it
// holds all of them. A loop that finds the core waiting steps back: mutexes alone would let busy readers starve it.
#pragma once

#include <atomic>
#include <cstddef>
#include <memory>
#include <mutex>

namespace zk::loops {

class TreeLock {
  public:
    enum class Readers { step_back, do_not_care };

    TreeLock(std::size_t loops, Readers readers)
        : slots_(std::make_unique<Slot[]>(loops)), count_(loops), readers_(readers) {}

    // ---- a client loop

    void enter(std::size_t loop) {
        if (readers_ == Readers::step_back) writer_waits_.wait(true, std::memory_order_acquire);
        slots_[loop].mutex.lock();
    }
    void leave(std::size_t loop) { slots_[loop].mutex.unlock(); }
    /// Lets the core in, if it waits.
    void checkpoint(std::size_t loop) {
        if (!writer_waits_.load(std::memory_order_relaxed)) return;
        leave(loop);
        enter(loop);
    }

    // ---- the core

    void lock() {
        writer_waits_.store(true, std::memory_order_release);
        for (std::size_t i = 0; i < count_; ++i) slots_[i].mutex.lock();
    }
    void unlock() {
        for (std::size_t i = 0; i < count_; ++i) slots_[i].mutex.unlock();
        writer_waits_.store(false, std::memory_order_release);
        writer_waits_.notify_all();
    }

  private:
    /// Apart from each other: a loop's slot must not slow its neighbour's.
    struct alignas(64) Slot {
        std::mutex mutex;
    };

    std::unique_ptr<Slot[]> slots_;
    std::size_t count_;
    Readers readers_;
    alignas(64) std::atomic<bool> writer_waits_ = false;
};

}  // namespace zk::loops
