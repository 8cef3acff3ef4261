// Proposals in flight at a leader, and who has made them durable.
// Pure. Source: ZooKeeper Leader.outstandingProposals, SyncedLearnerTracker; docs/PROTOCOL.md 3.7.
#pragma once

#include <cstddef>
#include <deque>
#include <optional>
#include <set>
#include <utility>

#include "base/bytes.h"
#include "base/ids.h"
#include "ensemble/membership.h"
#include "zab/committed_log.h"

namespace zk::zab {

class Proposals {
  public:
    explicit Proposals(ensemble::MembershipPtr members) : members_(std::move(members)) {}

    /// REQUIRES: zxid is one above the last one in flight, if there is one.
    void add(Zxid zxid, SharedBytes bytes);
    /// `sid` has `zxid` on stable storage. Zxids that are not in flight are ignored.
    void ack(Zxid zxid, ServerId sid);
    /// `sid` has everything above `after` and up to `up_to` on stable storage.
    void ack_range(Zxid after, Zxid up_to, ServerId sid);
    /// `sid` synchronises anew and may cut its log: what it said before counts no more.
    void forget(ServerId sid);
    /// Takes the oldest proposal if a quorum has it.
    std::optional<CommittedTxn> take_committed();

    [[nodiscard]] bool empty() const { return in_flight_.empty(); }
    [[nodiscard]] std::size_t size() const { return in_flight_.size(); }
    /// Of the serialized txns in flight.
    [[nodiscard]] std::size_t bytes() const { return bytes_; }
    /// REQUIRES: not empty.
    [[nodiscard]] Zxid first() const { return in_flight_.front().txn.zxid; }
    /// REQUIRES: not empty.
    [[nodiscard]] Zxid last() const { return in_flight_.back().txn.zxid; }
    [[nodiscard]] bool contains(Zxid zxid) const { return index_of(zxid).has_value(); }

    struct Proposal {
        CommittedTxn txn;
        std::set<ServerId> acks;
    };
    [[nodiscard]] const std::deque<Proposal>& in_flight() const { return in_flight_; }

  private:
    [[nodiscard]] std::optional<std::size_t> index_of(Zxid zxid) const;

    const ensemble::MembershipPtr members_;
    std::size_t bytes_ = 0;
    std::deque<Proposal> in_flight_;  ///< zxids without gaps
};

}  // namespace zk::zab
