// The standard's mutex, lock and condition variable, so annotated that clang sees who holds what (threads/annotations.h).
// They do what the standard's do and cost the same. Shell: a pure room has no locks.
//
//   const threads::Lock lock(mutex_);
//   while (queue_.empty() && !stopping_) work_.wait(lock);    // a loop, since clang does not look into a predicate
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>

#include "threads/annotations.h"

namespace zk::threads {

class ZK_CAPABILITY("mutex") Mutex {
  public:
    void lock() ZK_ACQUIRE() { mutex_.lock(); }
    void unlock() ZK_RELEASE() { mutex_.unlock(); }
    bool try_lock() ZK_TRY_ACQUIRE(true) { return mutex_.try_lock(); }

  private:
    friend class Lock;
    std::mutex mutex_;
};

/// Holds a mutex to the end of its scope, but between unlock() and lock().
class ZK_SCOPED_CAPABILITY Lock {
  public:
    explicit Lock(Mutex& mutex) ZK_ACQUIRE(mutex) : lock_(mutex.mutex_) {}
    /// Takes over what try_lock() has got.
    Lock(Mutex& mutex, std::adopt_lock_t /*tag*/) ZK_REQUIRES(mutex)
        : lock_(mutex.mutex_, std::adopt_lock) {}
    ~Lock() ZK_RELEASE() {}
    Lock(const Lock&) = delete;
    Lock& operator=(const Lock&) = delete;

    void lock() ZK_ACQUIRE() { lock_.lock(); }
    void unlock() ZK_RELEASE() { lock_.unlock(); }

  private:
    friend class Condition;
    std::unique_lock<std::mutex> lock_;
};

/// Its waits end without a cause, too: what is waited for is looked at again.
class Condition {
  public:
    void wait(Lock& lock) { condition_.wait(lock.lock_); }
    /// False when the time has come.
    template <class Clock, class Length>
    bool wait_until(Lock& lock, const std::chrono::time_point<Clock, Length>& time) {
        return condition_.wait_until(lock.lock_, time) == std::cv_status::no_timeout;
    }
    void notify_one() { condition_.notify_one(); }
    void notify_all() { condition_.notify_all(); }

  private:
    std::condition_variable condition_;
};

}  // namespace zk::threads
