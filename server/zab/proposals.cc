// Counting who has made what durable.
// Pure. Source: ZooKeeper Leader.tryToCommit.
#include "zab/proposals.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace zk::zab {

void Proposals::add(Zxid zxid, SharedBytes bytes) {
    ZK_ASSERT(in_flight_.empty() || zxid == last().next());
    bytes_ += bytes->size();
    in_flight_.push_back({{zxid, std::move(bytes)}, {}});
}

std::optional<std::size_t> Proposals::index_of(Zxid zxid) const {
    if (empty() || zxid < in_flight_.front().txn.zxid || zxid > last()) return std::nullopt;
    const auto index = static_cast<std::size_t>(zxid.value() - in_flight_.front().txn.zxid.value());
    ZK_ASSERT(in_flight_[index].txn.zxid == zxid);
    return index;
}

void Proposals::ack(Zxid zxid, ServerId sid) {
    if (const auto index = index_of(zxid)) in_flight_[*index].acks.insert(sid);
}

void Proposals::ack_range(Zxid after, Zxid up_to, ServerId sid) {
    if (empty() || up_to <= after) return;
    const Zxid first = std::max(after.next(), in_flight_.front().txn.zxid);
    for (Zxid zxid = first; zxid <= std::min(up_to, last()); zxid = zxid.next()) ack(zxid, sid);
}

void Proposals::forget(ServerId sid) {
    for (Proposal& proposal : in_flight_) proposal.acks.erase(sid);
}

std::optional<CommittedTxn> Proposals::take_committed() {
    if (in_flight_.empty() || !members_->quorum().has_quorum(in_flight_.front().acks))
        return std::nullopt;
    CommittedTxn txn = std::move(in_flight_.front().txn);
    in_flight_.pop_front();
    bytes_ -= txn.bytes->size();
    return txn;
}

}  // namespace zk::zab
