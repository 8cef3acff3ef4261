// What a leader and a learner must know about their ensemble.
// Pure values. Source: the keys tickTime, initLimit and syncLimit of zoo.cfg.
#pragma once

#include <cstdint>

#include "base/ids.h"
#include "base/time.h"
#include "ensemble/ensemble_config.h"

namespace zk::zab {

struct Settings {
    ServerId my_id;
    ensemble::EnsembleConfig config;
    Duration tick = milliseconds(2000);
    int init_limit = 10;  ///< ticks for connecting, each wait for a quorum, and synchronising
    int sync_limit = 5;   ///< ticks a synchronised partner may be silent or leave a proposal unacknowledged
    /// No txn gets this counter: a new epoch starts instead. Only tests and the simulator lower it.
    std::uint32_t counter_limit = 0xffffffff;

    [[nodiscard]] Duration init_timeout() const { return tick * init_limit; }
    [[nodiscard]] Duration sync_timeout() const { return tick * sync_limit; }
};

}  // namespace zk::zab
