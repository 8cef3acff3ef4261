// The log thread: runs a storage::DiskExecutor on batches of commands. Everything that was queued
// while the previous batch was being synced is the next batch, so syncs are shared under load and
// immediate without. Shell.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include "base/log.h"
#include "base/time.h"
#include "disk/disk_port.h"
#include "storage/disk_command.h"
#include "threads/mutex.h"

namespace zk::disk {

struct LogThreadOptions {
    storage::ExecutorOptions executor;
    /// post() blocks while so many payload bytes wait. The core's own bound of proposals in flight
    /// is far lower, so this is a backstop.
    std::size_t queued_bytes_max = std::size_t{256} << 20;
    /// Commands per batch, zookeeper.maxBatchSize.
    std::size_t batch_max = 1000;
    /// A slower batch is logged, fsync.warningthresholdms.
    Duration slow_batch = std::chrono::seconds(1);
};

/// What batches with transactions took, from the first write to the end of the sync, since the thread began.
struct SyncStatistics {
    std::uint64_t count = 0;
    Duration total{};
    Duration shortest{};
    Duration longest{};
    std::uint64_t slow = 0;  ///< that took longer than LogThreadOptions::slow_batch
    Duration pending{};      ///< of the one that goes on at this moment; 0: none does
};

/// Any thread may post. After DiskFailed the thread goes on only to drop commands.
class LogThread {
  public:
    /// `disk` and `port` must outlive the object. Starts the thread.
    LogThread(storage::Disk& disk,
              storage::Paths paths,
              LogThreadOptions options,
              DiskPort& port,
              Log log = {});
    /// stop().
    ~LogThread();
    LogThread(const LogThread&) = delete;
    LogThread& operator=(const LogThread&) = delete;

    void post(storage::DiskCommand command) ZK_EXCLUDES(mutex_);
    /// The same for many, which are moved out; one wake-up.
    void post(std::vector<storage::DiskCommand>& commands) ZK_EXCLUDES(mutex_);
    /// Executes everything that was posted before, then ends the thread. Later posts are dropped.
    /// Idempotent.
    void stop() ZK_EXCLUDES(mutex_, stop_mutex_);
    /// Payload bytes that wait; for back-pressure and metrics.
    [[nodiscard]] std::size_t queued_bytes() const ZK_EXCLUDES(mutex_);
    [[nodiscard]] SyncStatistics syncs() const ZK_EXCLUDES(mutex_);

  private:
    void run() ZK_EXCLUDES(mutex_);
    bool take(std::vector<storage::DiskCommand>& batch) ZK_EXCLUDES(mutex_);
    void note_sync(Duration took) ZK_EXCLUDES(mutex_);

    storage::DiskExecutor executor_;  // log thread
    const LogThreadOptions options_;
    DiskPort& port_;
    const Log log_;

    mutable threads::Mutex mutex_;
    threads::Condition work_;   // something queued, or stopping
    threads::Condition space_;  // something taken
    std::vector<storage::DiskCommand> queue_ ZK_GUARDED_BY(mutex_);
    std::size_t queued_bytes_ ZK_GUARDED_BY(mutex_) = 0;
    bool stopping_ ZK_GUARDED_BY(mutex_) = false;
    SyncStatistics syncs_ ZK_GUARDED_BY(mutex_);
    std::optional<std::chrono::steady_clock::time_point> sync_began_ ZK_GUARDED_BY(mutex_);
    threads::Mutex stop_mutex_;  // one stop() at a time
    std::thread thread_;         // joined under stop_mutex_
};

}  // namespace zk::disk
