// Txns on their way to the disk: how many one sync makes durable, and how old each is when it can be acknowledged.
// Pure values; only the core has one. Bounded as what is not synced is: by the window of proposals, and by
// zab::Bounds::unsynced_bytes_max.
// Source: ZooKeeper SyncRequestProcessor.flush, SendAckRequestProcessor, AckRequestProcessor.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>

#include "base/ids.h"
#include "base/time.h"
#include "metrics/metrics.h"

namespace zk::core {

class UnsyncedTxns {
  public:
    /// `made`: by its leader's clock on the wall; none: it is not acknowledged by itself.
    /// In the order of the log.
    void appended(Zxid zxid, std::optional<WallMs> made) { txns_.push_back({zxid, made}); }
    /// One sync has made all up to here durable: sync_processor_batch_size, and proposal_ack_creation_latency in ms of each
    /// that is acknowledged; it is as good as the clocks of two servers agree, and none of what lies in the future.
    void durable(Zxid up_to, WallMs wall, metrics::Metrics& counts) {
        std::int64_t batch = 0;
        for (; !txns_.empty() && txns_.front().zxid <= up_to; txns_.pop_front(), ++batch) {
            const std::optional<WallMs> made = txns_.front().made;
            if (!made || *made > wall) continue;
            counts.observe(metrics::Summary::proposal_ack_creation_latency,
                           wall.value() - made->value());
        }
        if (batch > 0) counts.observe(metrics::Summary::sync_processor_batch_size, batch);
    }
    /// What was appended is another role's.
    void clear() { txns_.clear(); }

  private:
    struct Txn {
        Zxid zxid;
        std::optional<WallMs> made;
    };
    std::deque<Txn> txns_;
};

}  // namespace zk::core
