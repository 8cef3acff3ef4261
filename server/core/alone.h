// A server alone: it asks nobody, and a txn is committed once its own log holds it for good. Takes the place that a
// zab::Leader has in an ensemble: gives zxids, and asks for the log and for commits in the same words.
// Pure. Lives on the core loop; part of a Core.
//
// The epoch is no reign here, only the high half of zxids: writing goes on behind the last txn of the directory, whoever
// wrote it, and the two epoch files stay as they are. When the counter is used up the next epoch begins, one that no file
// names; both files say so before the first txn of it is in the log, so that the directory can go (back) to an ensemble.
// Apache's server counts on, into counter 0, which no leader ever gives, and leaves the files behind its own log.
// Source: ZooKeeper ZooKeeperServer.getNextZxid, SyncRequestProcessor; docs/STORAGE.md 4.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/log.h"
#include "zab/actions.h"
#include "zab/committed_log.h"
#include "zab/settings.h"

namespace zk::core {

class Alone {
  public:
    struct Settings {
        zab::Bounds bounds{};                      ///< of what is proposed and not durable
        std::uint32_t counter_limit = 0xffffffff;  ///< no txn gets this counter; at least 2
    };
    /// `last`: the end of the history, all of it in the tree and durable. The epochs are those of the files.
    Alone(Settings settings, Zxid last, Epoch accepted, Epoch current, Log log);

    /// The zxid of the next txn.
    [[nodiscard]] Zxid next_zxid() const;
    /// True while no txn may be added: the core queues requests meanwhile.
    [[nodiscard]] bool window_full() const {
        return in_flight_.size() >= settings_.bounds.proposals_max ||
               bytes_ >= settings_.bounds.proposal_bytes_max;
    }
    /// REQUIRES: zxid == next_zxid(), !window_full().
    void propose(Zxid zxid, SharedBytes bytes, zab::Actions& out);
    /// SyncAnswered{token} behind the txns now in flight and before any later one.
    void request_sync(std::uint64_t token, zab::Actions& out);
    /// Everything up to here is in the log for good, and so committed.
    void on_log_durable(Zxid up_to, zab::Actions& out);

    /// Proposed and not committed.
    [[nodiscard]] std::size_t in_flight() const { return in_flight_.size(); }

  private:
    struct Sync {
        std::uint64_t token = 0;
        Zxid behind;
    };
    void begin_epoch(Epoch epoch, zab::Actions& out);

    const Settings settings_;
    Log log_;
    Zxid last_;                 ///< proposed
    Epoch accepted_, current_;  ///< of the files, once all that was asked for is done
    std::size_t bytes_ = 0;     ///< of in_flight_
    std::deque<zab::CommittedTxn> in_flight_;
    std::deque<Sync> syncs_;  ///< oldest first; none while nothing is in flight
};

}  // namespace zk::core
