// The last, the smallest and the largest of some sizes, as ZooKeeper's BufferStats.
// Pure values.
#pragma once

#include <algorithm>
#include <cstdint>

namespace zk::metrics {

/// -1 before the first.
struct SizeStatistics {
    std::int64_t last = -1;
    std::int64_t min = -1;
    std::int64_t max = -1;

    void add(std::int64_t size) {
        last = size;
        min = min < 0 ? size : std::min(min, size);
        max = std::max(max, size);
    }
    void merge(const SizeStatistics& other) {
        if (other.last < 0) return;
        const std::int64_t newest = other.last;
        add(other.min);
        add(other.max);
        last = newest;
    }
};

}  // namespace zk::metrics
