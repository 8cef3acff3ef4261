// A loop's part of what all may have. See shares.h.
#include "frontend/shares.h"

#include <algorithm>
#include <cstddef>

#include "base/check.h"

namespace zk::frontend {
namespace {

std::size_t part(std::size_t all, std::uint32_t loops, std::size_t least) {
    return std::max(all / loops, std::min(all, least));
}

}  // namespace

Settings share_of(const Settings& all, std::uint32_t number, std::uint32_t loops) {
    ZK_ASSERT(number < loops);
    Settings one = all;
    one.loop = number;
    if (loops == 1) return one;
    one.outstanding_max = std::max<std::int64_t>(1, all.outstanding_max / loops);
    if (all.request_throttle_max > 0)
        one.request_throttle_max = std::max<std::int64_t>(1, all.request_throttle_max / loops);
    // A request that is let in alone must not be refused for the number of loops.
    one.large_request_bytes_max =
        std::max(all.large_request_bytes_max / loops,
                 std::min<std::int64_t>(all.large_request_bytes_max, all.jute_max_buffer));
    one.loop_bytes_max = part(all.loop_bytes_max, loops, all.small_bytes_max);
    one.loop_output_bytes_max = part(all.loop_output_bytes_max, loops, all.small_bytes_max);
    one.loop_output_bytes_end = part(all.loop_output_bytes_end, loops, all.small_bytes_max);
    one.watch_bytes_max = all.watch_bytes_max / loops;
    return one;
}

}  // namespace zk::frontend
