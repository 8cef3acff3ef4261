// What will happen, by virtual time; what comes at the same instant happens in the order in which it was asked for.
// Pure.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <utility>
#include <vector>

#include "base/time.h"

namespace zk::sim {

class Agenda {
  public:
    void add(Instant at, std::function<void()> what) {
        entries_.push_back({at, sequence_++, std::move(what)});
        std::push_heap(entries_.begin(), entries_.end(), Later{});
    }
    [[nodiscard]] bool empty() const { return entries_.empty(); }
    /// When the next thing happens. REQUIRES: !empty().
    [[nodiscard]] Instant next() const { return entries_.front().at; }
    /// REQUIRES: !empty().
    std::function<void()> take() {
        std::pop_heap(entries_.begin(), entries_.end(), Later{});
        std::function<void()> what = std::move(entries_.back().what);
        entries_.pop_back();
        return what;
    }

  private:
    struct Entry {
        Instant at;
        std::uint64_t sequence = 0;
        std::function<void()> what;
    };
    struct Later {
        bool operator()(const Entry& a, const Entry& b) const {
            return a.at != b.at ? a.at > b.at : a.sequence > b.sequence;
        }
    };
    std::vector<Entry> entries_;
    std::uint64_t sequence_ = 0;
};

}  // namespace zk::sim
