#include "phases/copy_progress.h"

#include <algorithm>

#include <fmt/core.h>

#include "base/log.h"
#include "base/time.h"

namespace zk::phases {
namespace {

/// Less is what any server's memory and disk do.
constexpr std::uint64_t kStepBytes = 1U << 20;
constexpr std::chrono::seconds kPatience{30};
constexpr std::chrono::minutes kWriting{10};
constexpr std::size_t kBarCells = 20;

std::string size_text(std::uint64_t bytes) {
    const double mib = static_cast<double>(bytes) / (1U << 20);
    return mib < 1024 ? fmt::format("{:.0f} MiB", mib) : fmt::format("{:.1f} GiB", mib / 1024);
}

std::string bar(double part) {
    const auto full = static_cast<std::size_t>(part * static_cast<double>(kBarCells));
    return "[" + std::string(full, '#') + std::string(kBarCells - full, '.') + "]";
}

std::optional<std::uint64_t> least_free(const agent_api::NodeHealth& health) {
    if (!health.data_free_bytes || !health.log_free_bytes) return health.data_free_bytes;
    return std::min(*health.data_free_bytes, *health.log_free_bytes);
}

}  // namespace

void CopyProgress::look(const status::EnsembleVerdict& verdict,
                        const std::set<ServerId>& waited,
                        Time now) {
    for (const status::NodeVerdict& node : verdict.nodes) {
        const auto& health = node.status.health;
        if (verdict.leader == node.status.id && health) {
            whole_bytes_ = std::max(whole_bytes_, health->rss_bytes);
        }
        const bool copies = verdict.leader && health && !node.in_sync && !node.conflict &&
                            health->pid != 0 && waited.contains(node.status.id);
        if (copies) {
            look_at(node.status.id, *health, now);
        } else {
            copies_.erase(node.status.id);
        }
    }
}

void CopyProgress::look_at(ServerId id, const agent_api::NodeHealth& health, Time now) {
    const std::uint64_t free = least_free(health).value_or(0);
    const auto [found, is_new] = copies_.try_emplace(id);
    Copy& copy = found->second;
    // A process that was started again begins anew, and is no progress.
    if (is_new || copy.pid != health.pid) {
        copy =
            Copy{health.pid, now, now - kPatience, now, health.rss_bytes, health.rss_bytes, free};
        return;
    }
    const bool grows = health.rss_bytes >= copy.bytes + kStepBytes;
    // The disk is not the server's alone: it counts for as long as a snapshot may take to be written.
    const bool fills = free != 0 && copy.free_bytes != 0 && free + kStepBytes <= copy.free_bytes &&
                       now - copy.grew < kWriting;
    if (!grows && !fills) return;
    copy.advanced = now;
    if (grows) copy.grew = now;
    copy.bytes = std::max(copy.bytes, health.rss_bytes);
    copy.free_bytes = std::min(copy.free_bytes, free);
}

bool CopyProgress::goes_on(Time now) const {
    return std::ranges::any_of(
        copies_, [&](const auto& copy) { return now - copy.second.advanced < kPatience; });
}

std::string CopyProgress::words(Time now) const {
    std::string text;
    for (const auto& [id, copy] : copies_) {
        if (now - copy.advanced >= kPatience) continue;
        text += fmt::format("{}node {} takes in the leader's data", text.empty() ? "" : "; ", id);
        if (whole_bytes_ <= copy.first_bytes) continue;
        const std::uint64_t all = whole_bytes_ - copy.first_bytes;
        const std::uint64_t done = std::min(copy.bytes - copy.first_bytes, all);
        const double part = static_cast<double>(done) / static_cast<double>(all);
        text += fmt::format(": {} {:.0f} % of about {}", bar(part), part * 100, size_text(all));
        const auto spent_s = std::chrono::duration<double>(copy.advanced - copy.began).count();
        if (done == 0 || done == all || spent_s < 1) continue;
        const double left_s = spent_s * static_cast<double>(all - done) / static_cast<double>(done);
        text += ", about " + age_text(static_cast<std::int64_t>(left_s)) + " left";
    }
    return text;
}

}  // namespace zk::phases
