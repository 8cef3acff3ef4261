#include "clocks/clocks.h"

#include <chrono>

namespace zk::clocks {

Instant steady_now() {
    return Instant(
        std::chrono::duration_cast<Duration>(std::chrono::steady_clock::now().time_since_epoch()));
}

WallMs wall_now() {
    return WallMs(std::chrono::duration_cast<std::chrono::milliseconds>(
                      std::chrono::system_clock::now().time_since_epoch())
                      .count());
}

}  // namespace zk::clocks
