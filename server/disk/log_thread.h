// The log thread: runs a storage::DiskExecutor on batches of commands. Everything that was queued
// while the previous batch was being synced is the next batch, so syncs are shared under load and
// immediate without. Shell.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "base/log.h"
#include "base/time.h"
#include "disk/disk_port.h"
#include "storage/disk_command.h"

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

    void post(storage::DiskCommand command);
    /// The same for many, which are moved out; one wake-up.
    void post(std::vector<storage::DiskCommand>& commands);
    /// Executes everything that was posted before, then ends the thread. Later posts are dropped.
    /// Idempotent.
    void stop();
    /// Payload bytes that wait; for back-pressure and metrics.
    [[nodiscard]] std::size_t queued_bytes() const;

  private:
    void run();
    bool take(std::vector<storage::DiskCommand>& batch);

    storage::DiskExecutor executor_;  // log thread
    const LogThreadOptions options_;
    DiskPort& port_;
    const Log log_;

    mutable std::mutex mutex_;
    std::condition_variable work_;             // something queued, or stopping
    std::condition_variable space_;            // something taken
    std::vector<storage::DiskCommand> queue_;  // guarded by mutex_
    std::size_t queued_bytes_ = 0;             // guarded by mutex_
    bool stopping_ = false;                    // guarded by mutex_
    std::mutex stop_mutex_;                    // one stop() at a time
    std::thread thread_;
};

}  // namespace zk::disk
