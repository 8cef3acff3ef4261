// Messages for one thread, in order, from any thread. Whoever posts wakes the receiver only if it sleeps: a batch costs one
// wake-up, through an eventfd as an Asio loop is woken.
#pragma once

#include <cstdint>
#include <mutex>
#include <unistd.h>
#include <utility>
#include <vector>

#include <sys/eventfd.h>

namespace zk::loops {

template <class T>
class Mailbox {
  public:
    Mailbox() : wake_(eventfd(0, EFD_CLOEXEC)) {}
    ~Mailbox() { close(wake_); }
    Mailbox(const Mailbox&) = delete;
    Mailbox& operator=(const Mailbox&) = delete;

    void post(T message) {
        bool asleep = false;
        {
            const std::lock_guard guard(mutex_);
            messages_.push_back(std::move(message));
            asleep = std::exchange(asleep_, false);
        }
        if (asleep) wake();
    }
    /// Takes what there is; `out` must be empty.
    void take(std::vector<T>& out) {
        const std::lock_guard guard(mutex_);
        out.swap(messages_);
    }
    /// Returns when there is something, or after end().
    void wait() {
        {
            const std::lock_guard guard(mutex_);
            if (!messages_.empty() || ended_) return;
            asleep_ = true;
        }
        std::uint64_t count = 0;
        (void)!read(wake_, &count, sizeof count);
    }
    /// Nobody waits any more.
    void end() {
        const std::lock_guard guard(mutex_);
        ended_ = true;
        if (std::exchange(asleep_, false)) wake();
    }

  private:
    void wake() {
        const std::uint64_t one = 1;
        (void)!write(wake_, &one, sizeof one);
    }

    int wake_;
    std::mutex mutex_;
    std::vector<T> messages_;
    bool asleep_ = false;
    bool ended_ = false;
};

}  // namespace zk::loops
