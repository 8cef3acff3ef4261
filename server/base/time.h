// Time as types, without a clock: pure rooms are told the time.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "base/ids.h"

namespace zk {

using Duration = std::chrono::microseconds;
using std::chrono::milliseconds;

/// A clock that nobody can ask: only its time points exist. Shells convert from steady_clock, the simulator from
/// virtual time.
struct MonotonicClock {
    using rep = Duration::rep;
    using period = Duration::period;
    using duration = Duration;
    using time_point = std::chrono::time_point<MonotonicClock>;
    // NOLINTNEXTLINE(readability-identifier-naming): the standard's
    static constexpr bool is_steady = true;
};
using Instant = MonotonicClock::time_point;

/// Milliseconds since 1970 by the wall clock; only for what clients are shown (ctime, mtime).
using WallMs = Id<struct WallMsTag, std::int64_t>;

/// "2026-11-28 19:20:11 UTC".
std::string utc_text(WallMs at);
/// "3d 4h", "5h 12m", "7m 3s", "12s"; "-" for less than nothing.
std::string age_text(std::int64_t seconds);

inline std::int64_t to_ms(Duration duration) {
    return std::chrono::duration_cast<std::chrono::milliseconds>(duration).count();
}

}  // namespace zk
