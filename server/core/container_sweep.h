// Which containers and TTL nodes a leader removes now: looked for once a minute, and not all at once.
// Pure. Lives on the core loop; part of a Core. It names nodes and removes none: whether one may go is asked again where the
// txn is made (Preparer::delete_container). Source: ZooKeeper ContainerManager.
#pragma once

#include <string>
#include <vector>

#include "base/time.h"
#include "tree/data_tree.h"

namespace zk::core {

/// Of the process that leads; members may differ.
struct SweepSettings {
    /// From the beginning of one sweep to that of the next: znode.container.checkIntervalMs.
    Duration interval = std::chrono::seconds(60);
    int removals_per_minute = 10'000;  ///< znode.container.maxPerMinute, at least 1
};

class ContainerSweep {
  public:
    /// Removals that a late call may make up for.
    static constexpr Duration kLateMax = std::chrono::milliseconds(100);
    /// Nodes that one call looks at, so that a tree full of them stops nobody.
    static constexpr int kLookedAtMax = 1000;

    explicit ContainerSweep(SweepSettings settings = {})
        : interval_(settings.interval),
          pause_(Duration(std::chrono::minutes(1)) / settings.removals_per_minute) {}

    /// A reign begins: the first sweep comes an interval later.
    void begin(Instant now);
    /// Paths of nodes that are left over (tree::is_left_over) and whose turn has come: what the time that has passed allows.
    std::vector<std::string> due(const tree::DataTree& tree, WallMs wall, Instant now);

  private:
    Duration interval_;
    Duration pause_;  ///< between two removals
    Instant next_sweep_{};
    Instant next_removal_{};
    bool sweeping_ = false;
    bool among_ttl_nodes_ = false;  ///< after the containers
    std::string last_;              ///< looked at
};

}  // namespace zk::core
