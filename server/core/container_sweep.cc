#include "core/container_sweep.h"

#include <algorithm>
#include <set>
#include <utility>

#include "base/check.h"

namespace zk::core {

void ContainerSweep::begin(Instant now) {
    sweeping_ = false;
    next_sweep_ = now + interval_;
    next_removal_ = now;
}

std::vector<std::string> ContainerSweep::due(const tree::DataTree& tree, WallMs wall, Instant now) {
    std::vector<std::string> found;
    if (!sweeping_) {
        if (now < next_sweep_) return found;
        sweeping_ = true;
        among_ttl_nodes_ = false;
        last_.clear();
        next_sweep_ = now + interval_;
    }
    next_removal_ = std::max(next_removal_, now - kLateMax);
    for (int looked_at = 0; looked_at < kLookedAtMax && next_removal_ <= now; ++looked_at) {
        const std::set<std::string>& paths =
            among_ttl_nodes_ ? tree.ttl_nodes() : tree.containers();
        // Nodes may have come and gone since the last call.
        const auto next = paths.upper_bound(last_);
        if (next == paths.end()) {
            last_.clear();
            if (std::exchange(among_ttl_nodes_, true)) {
                sweeping_ = false;
                break;
            }
            continue;
        }
        last_ = *next;
        const tree::Node* node = tree.find(last_);
        ZK_ASSERT(node != nullptr);
        if (!tree::is_left_over(node->stat(), node->child_count(), wall)) continue;
        found.push_back(last_);
        next_removal_ += pause_;
    }
    return found;
}

}  // namespace zk::core
