// The window of recent commits.
// Pure. Source: ZooKeeper ZKDatabase.addCommittedProposal.
#include "zab/committed_log.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace zk::zab {

void CommittedLog::add(Zxid zxid, SharedBytes bytes) {
    ZK_ASSERT(zxid > max());
    bytes_ += bytes->size();
    entries_.push_back({zxid, std::move(bytes)});
    last_processed_ = zxid;
    while (entries_.size() > count_max_ || (bytes_ > bytes_max_ && entries_.size() > 1)) {
        base_ = entries_.front().zxid;
        bytes_ -= entries_.front().bytes->size();
        entries_.pop_front();
    }
}

void CommittedLog::reset(Zxid last_processed, Zxid files_from) {
    entries_.clear();
    bytes_ = 0;
    base_ = last_processed;
    files_from_ = files_from;
    last_processed_ = last_processed;
}

void CommittedLog::begin_epoch(Epoch epoch) {
    ZK_ASSERT(Zxid(epoch, 0) > max());
    last_processed_ = Zxid(epoch, 0);
}

bool CommittedLog::contains(Zxid zxid) const {
    if (zxid == base_) return true;
    const std::size_t after = index_after(zxid);
    return after > 0 && entries_[after - 1].zxid == zxid;
}

std::size_t CommittedLog::index_after(Zxid zxid) const {
    const auto above = std::upper_bound(
        entries_.begin(), entries_.end(), zxid, [](Zxid left, const CommittedTxn& right) {
            return left < right.zxid;
        });
    return static_cast<std::size_t>(above - entries_.begin());
}

}  // namespace zk::zab
