// When a disk will be full if it goes on as in the last two hours, or as long as it was looked at. Pure.
//
// Free space of a server's disk is a staircase: a log file takes its 64 MiB at once, snapshots come and old ones go. So one
// step says nothing: the means of the first, the middle and the last third of what was seen have to fall one after the
// other, and by more than a few steps.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>

#include "base/time.h"

namespace zk::node_judge {

class DiskTrend {
  public:
    /// Takes one sample each half minute; what comes sooner only says what is free now. Another `device` (0: not known)
    /// is another disk, of which nothing is known yet.
    void add(Instant now, std::uint64_t device, std::uint64_t free_bytes);
    /// Seconds from the last add() until nothing is free. Nothing: it does not fill up, or too little was seen.
    [[nodiscard]] std::optional<std::uint64_t> full_in_s() const;

    /// For how long it was looked at, at most two hours.
    [[nodiscard]] Duration seen() const;

    static constexpr Duration kSpacing = std::chrono::seconds(30);
    static constexpr std::size_t kSamplesMax = 240;
    static constexpr Duration kSeenMin = std::chrono::minutes(10);

  private:
    struct Sample {
        Instant at;
        std::uint64_t free_bytes = 0;
    };
    /// Of the `index`th third.
    [[nodiscard]] Sample mean_of_third(std::size_t index) const;

    std::deque<Sample> samples_;
    std::uint64_t device_ = 0;
    std::uint64_t free_bytes_ = 0;
};

}  // namespace zk::node_judge
