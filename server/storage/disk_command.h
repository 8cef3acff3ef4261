// What a core asks of its disk and what the disk answers: values, so that the simulator and the log
// thread run the same executor. Pure. Order is strict first in, first out: a later command never
// becomes durable before an earlier one.
#pragma once

#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "base/bytes.h"
#include "base/ids.h"
#include "storage/disk.h"
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
/// Before a SNAP of this zxid is saved: removes snapshots and log records above it. Answered by
/// SnapshotPrepared.
struct PrepareSnapshotInstall {
    Zxid zxid;
};
/// Reads everything again, as after a restart. Answered by Reloaded.
struct Reload {};
/// Removes snapshots and logs that are not needed for the newest `retain` snapshots. No answer.
/// Reads those snapshots whole: a server with a large tree rather lets its snapshot thread do it
/// (disk::SnapshotThread::purge).
struct Purge {
    int retain = 3;
};
using DiskCommand = std::variant<AppendTxn,
                                 SaveAcceptedEpoch,
                                 SaveCurrentEpoch,
                                 RollLog,
                                 TruncateLog,
                                 PrepareSnapshotInstall,
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
struct SnapshotPrepared {
    Zxid zxid;
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
                               SnapshotPrepared,
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
    Result<> run(DiskCommand& command, std::vector<DiskEvent>& out);
    Result<> sync(std::vector<DiskEvent>& out);
    void stop_on_failure(const Result<>& result, std::vector<DiskEvent>& out);
    Result<> run_synced(const AppendTxn& command, std::vector<DiskEvent>& out);
    Result<> run_synced(const RollLog& command, std::vector<DiskEvent>& out);
    Result<> run_synced(const SaveAcceptedEpoch& command, std::vector<DiskEvent>& out);
    Result<> run_synced(const SaveCurrentEpoch& command, std::vector<DiskEvent>& out);
    Result<> run_synced(const TruncateLog& command, std::vector<DiskEvent>& out);
    Result<> run_synced(const PrepareSnapshotInstall& command, std::vector<DiskEvent>& out);
    Result<> run_synced(const Reload& command, std::vector<DiskEvent>& out);
    Result<> run_synced(const Purge& command, std::vector<DiskEvent>& out);

    Disk& disk_;
    Paths paths_;
    RecoveryOptions recovery_;
    Log log_;
    LogWriter writer_;
    Zxid appended_;
    bool failed_ = false;
};

}  // namespace zk::storage
