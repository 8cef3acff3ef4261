// Time in which this process was awake: what deadlines of others are measured by.
// Pure. A process that was stopped (SIGSTOP, a debugger, a frozen virtual machine) heard nobody meanwhile, so nobody may
// lose anything by the clock alone. Whoever is called often learns of a stop from the gap between two calls; a long gap
// counts as `gap_max` only, and every deadline in working time so moves by the rest of it.
#pragma once

#include <algorithm>

#include "base/check.h"
#include "base/time.h"

namespace zk {

class WorkingTime {
  public:
    /// What a gap counts at most. About five periods of the ticks that come between other calls: much more than a busy
    /// loop is late, much less than any timeout. REQUIRES: gap_max > 0.
    explicit WorkingTime(Duration gap_max) : gap_max_(gap_max) { ZK_ASSERT(gap_max.count() > 0); }

    /// Tells the time `now` of the monotonic clock and gives the working time. Wanted with every event, at least with
    /// every tick. Working time begins as `now` of the first call, never goes back, never runs faster than the clock, and
    /// runs with it while calls are at most gap_max apart. A `now` before the last one counts as the last one.
    Instant advance(Instant now) {
        if (!begun_) {
            begun_ = true;
            last_ = now;
            working_ = now;
            return working_;
        }
        if (now <= last_) return working_;
        const Duration gap = now - last_;
        last_ = now;
        working_ += std::min(gap, gap_max_);
        if (gap > gap_max_) {
            ZK_COVERED("working_time.paused");
            lost_ += gap - gap_max_;
        }
        return working_;
    }

    /// The working time of the last advance().
    [[nodiscard]] Instant now() const { return working_; }
    /// How much of the clock's time did not count since the first advance().
    [[nodiscard]] Duration lost() const { return lost_; }

  private:
    Duration gap_max_;
    bool begun_ = false;
    Instant last_{};  ///< of the clock
    Instant working_{};
    Duration lost_{};
};

}  // namespace zk
