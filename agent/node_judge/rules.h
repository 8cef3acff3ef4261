// What is not well on a node besides the verdict on its server: disks, files, descriptors, requests, restarts, drift.
// Pure; lives with its judge, and remembers what needs more than one look. Each rule asks only what its probe knows; an id
// stands for one rule, docs/OPERATIONS.md ("What an agent finds") tells what to do about each.
// Source of the thresholds: ZooKeeper's Monitor guide, and what is common in practice.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>

#include "agent_api/node_health.h"
#include "base/time.h"
#include "node_judge/disk_trend.h"
#include "node_judge/findings.h"
#include "node_judge/probe.h"

namespace zk::node_judge {

struct RuleLimits {
    /// Below this, free space is told.
    std::uint64_t free_bytes_advised = 512ULL << 20;
    /// Below this it is critical: a log file takes 64 MiB at once.
    std::uint64_t free_bytes_needed = 64ULL << 20;
};

class Rules {
  public:
    explicit Rules(RuleLimits limits) : limits_(limits) {}

    /// Adds what one look found, and fills in the numbers of `health` that rest on more than one look.
    void look(const Probe& probe, agent_api::NodeHealth& health, Findings& found);

  private:
    struct Synced {
        Instant at;
        std::uint64_t count = 0;
        std::uint64_t total_ms = 0;
    };

    void look_at_disk(const DiskLook& disk, const char* what, Findings& found) const;
    void look_at_trend(const Probe& probe, agent_api::NodeHealth& health, Findings& found);
    void look_at_syncs(const Probe& probe, agent_api::NodeHealth& health, Findings& found);
    void look_at_restarts(const Probe& probe, Findings& found, bool serves);

    RuleLimits limits_;
    DiskTrend data_trend_;
    DiskTrend log_trend_;
    std::deque<Synced> syncs_;  ///< of the last minute, oldest first
    std::deque<Instant> restarts_;
    std::optional<std::uint64_t> restarts_told_;
};

}  // namespace zk::node_judge
