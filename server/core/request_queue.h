// Requests of one session, first in, first out, in memory that is used again. Pure.
#pragma once

#include <cstddef>
#include <utility>
#include <vector>

#include "base/check.h"

namespace zk::core {

template <class Request>
class RequestQueue {
  public:
    [[nodiscard]] bool empty() const { return first_ == requests_.size(); }
    [[nodiscard]] std::size_t size() const { return requests_.size() - first_; }
    /// REQUIRES: !empty().
    [[nodiscard]] const Request& front() const {
        ZK_ASSERT(!empty());
        return requests_[first_];
    }
    void push(Request request) {
        // What was popped makes room, before the vector grows or is half empty.
        if (first_ > 0 && (first_ == requests_.size() || 2 * first_ >= requests_.capacity())) {
            requests_.erase(requests_.begin(),
                            requests_.begin() + static_cast<std::ptrdiff_t>(first_));
            first_ = 0;
        }
        requests_.push_back(std::move(request));
    }
    /// REQUIRES: !empty().
    void pop() {
        ZK_ASSERT(!empty());
        ++first_;
        if (!empty() || requests_.capacity() <= kKept) return;
        requests_ = std::vector<Request>();  // of a burst: there may be many such sessions
        first_ = 0;
    }
    /// Requests for which there is memory.
    [[nodiscard]] std::size_t capacity() const { return requests_.capacity(); }

    static constexpr std::size_t kKept = 16;  ///< an empty queue has memory for no more

  private:
    std::vector<Request> requests_;
    std::size_t first_ = 0;  ///< those before it were popped
};

}  // namespace zk::core
