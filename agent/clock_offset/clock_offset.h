// By how much nodes' wall clocks differ: from what each said of its clock and how long that took, to what is told of it.
// Pure. Used by each agent, of its own clock (node_judge), and by who asks all nodes (ensemble_judge).
//
// Nothing in ZooKeeper's protocol needs equal clocks. Znodes with a TTL do (the leader compares its clock with the time
// that an earlier leader stamped), and so do people who read logs and time lines of several hosts.
// A difference is known only to half of the way there and back. It is told once it is beyond a limit for certain, so no
// slow host or network makes a clock look wrong.
#pragma once

#include <cstddef>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "agent_api/finding.h"
#include "base/ids.h"
#include "base/time.h"

namespace zk::clock_offset {

/// A node's clock by the clock of who asked: it lies within `uncertain` of `ahead`.
struct ClockLook {
    Duration ahead{};      ///< below 0: behind
    Duration uncertain{};  ///< half of the round trip, and what whole milliseconds hide

    friend bool operator==(const ClockLook&, const ClockLook&) = default;
};

/// From the own clock before and after, and the node's between the two. Nothing: the node did not tell (0) or tells no time
/// of the years 1970 to 9999, or the own clock was set back meanwhile.
std::optional<ClockLook> look_at_clock(WallMs asked, WallMs told, WallMs answered);

/// The best of the last looks at one node's clock: the one that took the shortest way. Source: the clock filter of NTP, RFC
/// 5905, section 10; here a look that a newer one contradicts is dropped, as one of the clocks was set between them.
class ClockFilter {
  public:
    void add(Instant now, ClockLook look);
    /// With what the clocks may have drifted apart since. Nothing: no look within kLookTime.
    [[nodiscard]] std::optional<ClockLook> best(Instant now) const;
    [[nodiscard]] bool empty() const { return kept_.empty(); }

    static constexpr std::size_t kLooksMax = 8;
    static constexpr Duration kLookTime = std::chrono::minutes(10);
    /// 500 ppm: the fastest way in which a system slews its clock (adjtimex(2)), and five times what a crystal does.
    static constexpr int kDriftParts = 2000;

  private:
    struct Kept {
        Instant at;
        ClockLook look;
    };
    static ClockLook aged(const Kept& kept, Instant now);

    std::deque<Kept> kept_;  ///< oldest first
};

/// One of several clocks; all of them by the same one.
struct HeardClock {
    ServerId node;
    ClockLook look;
};

/// A node's clock among the others.
struct Deviation {
    ClockLook look;          ///< by the median, or by the other half
    std::size_t clocks = 0;  ///< how many were compared
    /// They fall into two halves further apart than kOffsetAdvised, and nobody can tell which is wrong.
    bool split = false;
    ServerId other;  ///< of two: the other one
};
inline constexpr Duration kOffsetAdvised = std::chrono::milliseconds(500);
inline constexpr Duration kOffsetMax = std::chrono::seconds(10);

/// Nothing: `node` or all others are not among `clocks`.
std::optional<Deviation> deviation_of(ServerId node, const std::vector<HeardClock>& clocks);

/// "clock.offset", in ms; nothing while the clock may be within kOffsetAdvised.
std::optional<agent_api::Finding> finding_of(const Deviation& deviation);

}  // namespace zk::clock_offset
