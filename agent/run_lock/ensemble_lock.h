// The controller's side of the run lock: what is needed of how many nodes. Pure. The controller asks
// the nodes one after the other, in the order of their ids, so that of two runs that meet one goes
// on: a run that is refused by one node gives back what it has. A node that does not answer is passed
// over; a majority must have granted it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "base/time.h"
#include "run_lock/session_lock.h"

namespace zk::run_lock {

class EnsembleLock {
  public:
    /// `nodes`: of the inventory, whether they answer or not.
    EnsembleLock(std::size_t nodes, LockLimits limits) : nodes_(nodes), limits_(limits) {}

    /// A node granted it and has `recorded` as its fencing number.
    void granted(std::uint64_t recorded);
    [[nodiscard]] bool has_majority() const { return is_majority(granted_); }
    /// Above the number of every run before: each had recorded its own on a majority.
    [[nodiscard]] std::uint64_t number() const { return highest_ + 1; }

    enum class Round {
        holds,
        slow,  ///< the answers are too old to rest on; ask again
        lost,
    };
    /// After all nodes that granted it were asked at once to record the number, or to check: so many
    /// say yes, so many hold it no more; `took` from before the first question until after the last
    /// answer. Before each change there must be a round that holds.
    [[nodiscard]] Round judge(std::size_t confirmed, std::size_t denied, Duration took) const;
    /// The round that recorded the number must be followed by another one after more than this time:
    /// a run that has just died may have a change under way to a node that does not answer us, and
    /// that node may still take it. Nothing when all nodes confirmed.
    [[nodiscard]] std::optional<Duration> settling(std::size_t confirmed) const;

  private:
    [[nodiscard]] bool is_majority(std::size_t count) const { return count >= nodes_ / 2 + 1; }

    std::size_t nodes_;
    LockLimits limits_;
    std::size_t granted_ = 0;
    std::uint64_t highest_ = 0;
};

}  // namespace zk::run_lock
