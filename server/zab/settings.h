// What a leader and a learner must know about their ensemble.
// Pure values. Source: the keys tickTime, initLimit and syncLimit of zoo.cfg.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/ids.h"
#include "base/limits.h"
#include "base/time.h"
#include "ensemble/membership.h"

namespace zk::zab {

/// Bounds of a leader and of a learner. Only tests and the simulator lower them.
struct Bounds {
    /// Proposals in flight before the window is full, by count and by bytes: they bound memory, the un-synced log and what
    /// is queued to a learner that keeps up.
    std::size_t proposals_max = limits::kProposalsInFlightMax;
    std::size_t proposal_bytes_max = std::size_t{16} << 20;
    /// History is sent to a learner in pieces of about this many bytes, the next one when the last has nearly left.
    std::size_t history_piece_bytes = std::size_t{1} << 20;
    /// A DIFF that is estimated to be longer is sent as a SNAP.
    std::size_t diff_bytes_max = std::size_t{128} << 20;
    /// A learner stops reading from its leader while more than this is appended and not durable.
    std::size_t unsynced_bytes_max = std::size_t{32} << 20;
};

struct Settings {
    ServerId my_id;
    ensemble::MembershipPtr members;
    Duration tick = milliseconds(2000);
    int init_limit = 10;  ///< ticks for connecting, each wait for a quorum, and synchronising
    /// Ticks a synchronised partner may be silent or leave a proposal unacknowledged.
    int sync_limit = 5;
    /// No txn gets this counter: a new epoch starts instead. Only tests and the simulator lower it.
    std::uint32_t counter_limit = 0xffffffff;
    Bounds bounds{};

    [[nodiscard]] Duration init_timeout() const { return tick * init_limit; }
    [[nodiscard]] Duration sync_timeout() const { return tick * sync_limit; }
};

}  // namespace zk::zab
