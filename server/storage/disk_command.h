// What a core asks of its disk and what the disk answers: values, so that the simulator and the log
// thread run the same executor. Pure. Order is strict first in, first out: a later command never
// becomes durable before an earlier one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "base/bytes.h"
#include "base/ids.h"
#include "storage/disk.h"
#include "storage/log_history.h"
#include "storage/recovery.h"
#include "storage/txn_log.h"

namespace zk::storage {

/// A serialized txn for the log. Answered, with its batch, by LogDurable.
struct AppendTxn {
    Zxid zxid;
    SharedBytes payload;
};
/// Answered by AcceptedEpochSaved.
struct SaveAcceptedEpoch {
    Epoch epoch;
};
/// Answered by CurrentEpochSaved; written only after every earlier append is durable.
struct SaveCurrentEpoch {
    Epoch epoch;
};
/// The next append begins a new file. No answer.
struct RollLog {};
/// TRUNC: forget every txn above `zxid`. Answered by LogTruncated, or by TruncateFailed when this
/// history does not contain exactly that zxid: then nothing was changed.
struct TruncateLog {
    Zxid zxid;
};
/// The snapshot of a SNAP, staged before (SnapshotRole::install), becomes the only database: every other snapshot and
/// every log goes, but not before it stands. Answered by SnapshotInstalled.
struct InstallSnapshot {
    Zxid zxid;
};
/// Txns of the log for a learner that is behind, see LogHistory. Answered by LogRead. Overtakes nothing and waits for
/// no sync: what it finds may not be durable yet.
struct ReadLog {
    /// A series of requests, each of which goes on where the one before ended.
    std::uint64_t reader = 0;
    Zxid after;  ///< must stand in the log itself
    Zxid up_to;
    std::size_t bytes_max = 0;  ///< of payload; one txn comes in any case, if there is one
};
/// Reads everything again, as after a restart. Answered by Reloaded.
struct Reload {};
/// Removes snapshots and logs that are not needed for the snapshots `kept` (see find_kept(), which may run on
/// another thread before). Removes nothing when one of those is gone, as after a truncation or an installation. No
/// answer.
struct Purge {
    std::vector<Zxid> kept;
};
using DiskCommand = std::variant<AppendTxn,
                                 SaveAcceptedEpoch,
                                 SaveCurrentEpoch,
                                 RollLog,
                                 TruncateLog,
                                 InstallSnapshot,
                                 ReadLog,
                                 Reload,
                                 Purge>;

/// Every append up to this zxid is durable.
struct LogDurable {
    Zxid up_to;
};
struct AcceptedEpochSaved {
    Epoch epoch;
};
struct CurrentEpochSaved {
    Epoch epoch;
};
struct LogTruncated {
    Zxid zxid;
    RecoveredState state;
};
/// The follower should leave and present zxid 0 next time, so that the leader sends SNAP.
struct TruncateFailed {
    Zxid zxid;
    std::string why;
};
struct SnapshotInstalled {
    Zxid zxid;
};
/// found: `txns` follow `after` without a gap, oldest first; empty when none does up to the limit of the request. Not
/// found: `after` is not in the log, or there is a gap or damage behind it.
struct LogRead {
    std::uint64_t reader = 0;
    Zxid after;
    bool found = false;
    std::vector<std::pair<Zxid, SharedBytes>> txns;
};
struct Reloaded {
    RecoveredState state;
};
/// Final: the server must stop and restart from what the disk really holds. Nothing more is
/// executed.
struct DiskFailed {
    std::string words;
};
/// Move-only because of the recovered trees.
using DiskEvent = std::variant<LogDurable,
                               AcceptedEpochSaved,
                               CurrentEpochSaved,
                               LogTruncated,
                               TruncateFailed,
                               SnapshotInstalled,
                               LogRead,
                               Reloaded,
                               DiskFailed>;

struct ExecutorOptions {
    LogOptions log;
    RecoveryOptions recovery;
};

/// Carries out batches of commands. Lives on the log thread (or in a simulated server).
class DiskExecutor {
  public:
    DiskExecutor(Disk& disk, Paths paths, ExecutorOptions options, Log log = {});

    /// Executes the whole batch in order and empties it. Appends that follow each other share one
    /// fdatasync at the latest possible place: before the next command that must not overtake them,
    /// or at the end. Events are appended to `out` in the order of the commands; once DiskFailed
    /// was given, nothing else ever is.
    void execute(std::vector<DiskCommand>& batch, std::vector<DiskEvent>& out);
    [[nodiscard]] bool failed() const { return failed_; }

  private:
    Result<> run(const DiskCommand& command, std::vector<DiskEvent>& out);
    Result<> sync(std::vector<DiskEvent>& out);
    void stop_on_failure(const Result<>& result, std::vector<DiskEvent>& out);
    Result<> run(const AppendTxn& command, std::vector<DiskEvent>& out);
    Result<> run(const RollLog& command, std::vector<DiskEvent>& out);
    Result<> run(const SaveAcceptedEpoch& command, std::vector<DiskEvent>& out);
    Result<> run(const SaveCurrentEpoch& command, std::vector<DiskEvent>& out);
    Result<> run(const TruncateLog& command, std::vector<DiskEvent>& out);
    Result<> run(const InstallSnapshot& command, std::vector<DiskEvent>& out);
    Result<> run(const ReadLog& command, std::vector<DiskEvent>& out);
    Result<> run(const Reload& command, std::vector<DiskEvent>& out);
    Result<> run(const Purge& command, std::vector<DiskEvent>& out);

    Disk& disk_;
    Paths paths_;
    RecoveryOptions recovery_;
    Log log_;
    LogWriter writer_;
    LogHistory history_;
    Zxid appended_;
    std::size_t unsynced_bytes_ = 0;
    bool failed_ = false;
};

}  // namespace zk::storage
