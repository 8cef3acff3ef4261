// The real clocks, as pure rooms are told them.
// Shell.
#pragma once

#include "base/time.h"

namespace zk::clocks {

/// The monotonic clock: never goes back, stands still for nobody but a machine that sleeps.
Instant steady_now();
/// The wall clock, in ms since 1970; may jump.
WallMs wall_now();

}  // namespace zk::clocks
