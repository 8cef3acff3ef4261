// Latencies in buckets that grow with the value: 32 a doubling, so a percentile is at most 1/32 too
// high. Fixed size: an operation costs one increment, however long the run.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace zk::load {

class LatencyHistogram {
  public:
    void add(std::int64_t ns) {
        const auto value = static_cast<std::uint64_t>(std::max<std::int64_t>(ns, 0));
        ++counts_[bucket_of(value)];
        ++count_;
        sum_ns_ += value;
        max_ns_ = std::max(max_ns_, value);
    }
    void merge(const LatencyHistogram& other) {
        for (std::size_t i = 0; i < counts_.size(); ++i) counts_[i] += other.counts_[i];
        count_ += other.count_;
        sum_ns_ += other.sum_ns_;
        max_ns_ = std::max(max_ns_, other.max_ns_);
    }
    [[nodiscard]] std::uint64_t count() const { return count_; }
    [[nodiscard]] double max_ms() const { return static_cast<double>(max_ns_) / 1e6; }
    [[nodiscard]] double mean_ms() const {
        return count_ == 0 ? 0 : static_cast<double>(sum_ns_) / static_cast<double>(count_) / 1e6;
    }
    /// The upper edge of the bucket that holds the value below which `share` (0 to 1) of all are; 0
    /// when empty.
    [[nodiscard]] double percentile_ms(double share) const {
        const auto wanted = static_cast<std::uint64_t>(share * static_cast<double>(count_));
        std::uint64_t seen = 0;
        for (std::size_t i = 0; i < counts_.size(); ++i) {
            seen += counts_[i];
            if (counts_[i] != 0 && seen >= wanted) {
                return static_cast<double>(std::min(upper_edge(i), max_ns_)) / 1e6;
            }
        }
        return 0;
    }

    static constexpr std::size_t bucket_of(std::uint64_t ns) {
        const std::uint64_t capped = std::min(ns, kMaxNs);
        if (capped < kPerDoubling) return capped;
        const auto shift = static_cast<std::size_t>(std::bit_width(capped)) - kBits - 1;
        return shift * kPerDoubling + static_cast<std::size_t>(capped >> shift);
    }
    static constexpr std::uint64_t upper_edge(std::size_t bucket) {
        if (bucket < kPerDoubling) return bucket;
        const std::size_t shift = bucket / kPerDoubling - 1;
        return ((std::uint64_t{bucket % kPerDoubling} + kPerDoubling + 1) << shift) - 1;
    }

  private:
    static constexpr std::size_t kBits = 5;
    static constexpr std::size_t kPerDoubling = std::size_t{1} << kBits;
    /// 18 minutes: longer than any wait this program allows.
    static constexpr std::uint64_t kMaxNs = (std::uint64_t{1} << 40) - 1;
    static constexpr std::size_t kBucketCount = (40 - kBits + 1) * kPerDoubling;

    std::array<std::uint64_t, kBucketCount> counts_{};
    std::uint64_t count_ = 0;
    std::uint64_t sum_ns_ = 0;
    std::uint64_t max_ns_ = 0;
};

static_assert(LatencyHistogram::bucket_of(31) == 31 && LatencyHistogram::bucket_of(32) == 32);
static_assert(LatencyHistogram::bucket_of(63) == 63 && LatencyHistogram::bucket_of(64) == 64);
static_assert(LatencyHistogram::bucket_of(65) == 64 && LatencyHistogram::upper_edge(64) == 65);
static_assert(LatencyHistogram::bucket_of(~std::uint64_t{0}) == (40 - 5 + 1) * 32 - 1);
static_assert(LatencyHistogram::upper_edge((40 - 5 + 1) * 32 - 1) == (std::uint64_t{1} << 40) - 1);

}  // namespace zk::load
