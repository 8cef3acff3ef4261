#include "run_lock/ensemble_lock.h"

#include <algorithm>

namespace zk::run_lock {

void EnsembleLock::granted(std::uint64_t recorded) {
    ++granted_;
    highest_ = std::max(highest_, recorded);
}

EnsembleLock::Round EnsembleLock::judge(std::size_t confirmed,
                                        std::size_t denied,
                                        Duration took) const {
    if (denied > 0 || !is_majority(confirmed)) return Round::lost;
    return took > limits_.round ? Round::slow : Round::holds;
}

std::optional<Duration> EnsembleLock::settling(std::size_t confirmed) const {
    if (confirmed == nodes_) return std::nullopt;
    return limits_.proof + limits_.round;
}

}  // namespace zk::run_lock
