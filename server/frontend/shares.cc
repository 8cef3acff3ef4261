// A loop's part of what all may have. See shares.h.
#include "frontend/shares.h"

#include <algorithm>
#include <cstddef>

#include "base/check.h"
#include "base/limits.h"

namespace zk::frontend {
namespace {

std::size_t part(std::size_t all, std::uint32_t loops, std::size_t least) {
    return std::max(all / loops, std::min(all, least));
}

}  // namespace

void make_room(std::int32_t jute_max_buffer, Settings& settings) {
    ZK_ASSERT(jute_max_buffer > 0 && jute_max_buffer <= limits::kJuteMaxBufferMost);
    const auto request = static_cast<std::size_t>(jute_max_buffer);
    settings.jute_max_buffer = jute_max_buffer;
    settings.connection_bytes_max = std::max(settings.connection_bytes_max, 2 * request);
    settings.loop_bytes_max = std::max(settings.loop_bytes_max, 2 * request);
    settings.multi_read_bytes_max = std::max(settings.multi_read_bytes_max, 2 * request);
}

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
    // Small requests of others are always under way: one of the largest size must be let in beside them.
    one.loop_bytes_max = part(all.loop_bytes_max,
                              loops,
                              static_cast<std::size_t>(all.jute_max_buffer) + all.small_bytes_max);
    one.loop_output_bytes_max = part(all.loop_output_bytes_max, loops, all.small_bytes_max);
    one.loop_output_bytes_end = part(all.loop_output_bytes_end, loops, all.small_bytes_max);
    one.watch_bytes_max = all.watch_bytes_max / loops;
    return one;
}

}  // namespace zk::frontend
