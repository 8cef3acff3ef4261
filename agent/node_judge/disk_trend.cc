#include "node_judge/disk_trend.h"

#include <algorithm>

#include "base/check.h"

namespace zk::node_judge {
namespace {

/// Three of a log file's steps.
constexpr std::uint64_t kFallMin = 192ULL << 20;
constexpr std::size_t kThirdMin = 3;

}  // namespace

void DiskTrend::add(Instant now, std::uint64_t device, std::uint64_t free_bytes) {
    free_bytes_ = free_bytes;
    if (device_ != 0 && device != 0 && device != device_) samples_.clear();
    if (device != 0) device_ = device;
    if (!samples_.empty() && now - samples_.back().at < kSpacing) return;
    samples_.push_back({now, free_bytes});
    if (samples_.size() > kSamplesMax) samples_.pop_front();
}

Duration DiskTrend::seen() const {
    return samples_.empty() ? Duration(0) : samples_.back().at - samples_.front().at;
}

DiskTrend::Sample DiskTrend::mean_of_third(std::size_t index) const {
    const std::size_t size = samples_.size() / 3;
    ZK_ASSERT(size > 0 && index < 3);
    // The last third ends with the newest.
    const std::size_t begin = index == 2 ? samples_.size() - size : index * size;
    const Instant base = samples_[begin].at;
    Duration after{};
    std::uint64_t rest = 0;
    std::uint64_t mean = 0;
    for (std::size_t i = begin; i < begin + size; ++i) {
        after += samples_[i].at - base;
        mean += samples_[i].free_bytes / size;
        rest += samples_[i].free_bytes % size;
    }
    return {base + after / static_cast<Duration::rep>(size), mean + rest / size};
}

std::optional<std::uint64_t> DiskTrend::full_in_s() const {
    if (samples_.size() < 3 * kThirdMin) return std::nullopt;
    if (seen() < kSeenMin) return std::nullopt;
    const Sample first = mean_of_third(0);
    const Sample middle = mean_of_third(1);
    const Sample last = mean_of_third(2);
    if (first.free_bytes <= middle.free_bytes || middle.free_bytes <= last.free_bytes) {
        return std::nullopt;
    }
    const std::uint64_t fall = first.free_bytes - last.free_bytes;
    // What fell long ago and stands still is no trend.
    if (middle.free_bytes - last.free_bytes < fall / 4) return std::nullopt;
    if (fall < std::min(kFallMin, free_bytes_ / 2)) return std::nullopt;
    const auto seconds = std::chrono::duration<double>(last.at - first.at).count();
    const double left = static_cast<double>(free_bytes_) / static_cast<double>(fall) * seconds;
    constexpr double kFarAway = 10.0 * 365 * 86400;
    if (left > kFarAway) return std::nullopt;
    return static_cast<std::uint64_t>(left);
}

}  // namespace zk::node_judge
