// The last committed txns, kept in memory so that a learner that was away for a short while gets a DIFF
// without a look into the log files.
// Pure. Owned by the core, which adds every txn when it handles Committed; read by the Leader and plan_sync.
//
// base(), entries...: a run of our history without gaps. base is the zxid just before the first entry (what a snapshot
// or an evicted entry left behind); a learner whose log ends at base can be brought up to date as well.
// Invariant: base < entries, ascending; last_processed >= max().
// Source: ZooKeeper ZKDatabase.committedLog; docs/PROTOCOL.md 3.3.
#pragma once

#include <cstddef>
#include <deque>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/limits.h"

namespace zk::zab {

struct CommittedTxn {
    Zxid zxid;
    SharedBytes bytes;  ///< the serialized txn, as in PROPOSAL and in the log
};

class CommittedLog {
  public:
    explicit CommittedLog(std::size_t count_max = limits::kCommittedWindow,
                          std::size_t bytes_max = limits::kCommittedWindowBytes)
        : count_max_(count_max), bytes_max_(bytes_max) {}

    /// The newest committed txn. REQUIRES: zxid > max().
    void add(Zxid zxid, SharedBytes bytes);
    /// The database is now the one that ends at `last_processed`, and nothing before it is in memory. Whatever lies above
    /// `files_from` is in the log files without a gap, as far as it is not in memory.
    void reset(Zxid last_processed, Zxid files_from);
    void reset(Zxid last_processed) { reset(last_processed, last_processed); }
    /// This server leads an established epoch: last_processed() becomes epoch<<32, the history stays.
    void begin_epoch(Epoch epoch);

    [[nodiscard]] bool empty() const { return entries_.empty(); }
    [[nodiscard]] std::size_t size() const { return entries_.size(); }
    /// Of the serialized txns in memory. The newest one stays whatever its size.
    [[nodiscard]] std::size_t bytes() const { return bytes_; }
    /// The zxid in our history just before the first entry.
    [[nodiscard]] Zxid base() const { return base_; }
    /// How far back the log files are known to be without a gap. Older files may be of a time before a SNAP.
    [[nodiscard]] Zxid files_from() const { return files_from_; }
    /// First and last zxid in memory; base() when there is none.
    [[nodiscard]] Zxid min() const { return entries_.empty() ? base_ : entries_.front().zxid; }
    [[nodiscard]] Zxid max() const { return entries_.empty() ? base_ : entries_.back().zxid; }
    /// max(), or epoch<<32 in an epoch without txns so far: what a snapshot of the tree is labelled with.
    [[nodiscard]] Zxid last_processed() const { return last_processed_; }
    [[nodiscard]] const std::deque<CommittedTxn>& entries() const { return entries_; }
    /// True when `zxid` is base() or an entry.
    [[nodiscard]] bool contains(Zxid zxid) const;
    /// Index of the first entry above `zxid`; size() when there is none.
    [[nodiscard]] std::size_t index_after(Zxid zxid) const;

  private:
    std::size_t count_max_;
    std::size_t bytes_max_;
    std::size_t bytes_ = 0;
    std::deque<CommittedTxn> entries_;
    Zxid base_;
    Zxid files_from_;
    Zxid last_processed_;
};

}  // namespace zk::zab
