// The snapshot thread: writes one snapshot file at a time from chunks that a loop serializes, so
// that neither the loop nor the log waits for its disk. Shell.
//
//   snapshots.begin(serializer.zxid());
//   a chunk per turn, while snapshots.wants_more(): serializer.next_chunk(chunk, 256 << 10);
//   snapshots.write(chunk); once the log is durable as far as serializer.end_zxid() says:
//   snapshots.finish();
//
// A file gets its name only by finish(). So before TruncateLog or InstallSnapshot goes to the log thread, abandon a
// begun snapshot, and if finish() was already called wait for its event: else it could appear afterwards and win over
// the truncated log. The snapshot to be installed is itself one that finish() only leaves staged.
//
// The same thread does what else would hold the loop or the log up: it verifies snapshots before a purge, and frees
// trees.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <variant>
#include <vector>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/log.h"
#include "base/result.h"
#include "disk/disk_port.h"
#include "storage/disk.h"
#include "storage/recovery.h"
#include "storage/snapshot_file.h"
#include "threads/mutex.h"
#include "tree/data_tree.h"

namespace zk::disk {

/// begin, write..., then finish or abandon; called by one thread.
class SnapshotThread {
  public:
    /// `disk` and `port` must outlive the object. Starts the thread. `compression`: of periodic snapshots.
    SnapshotThread(
        storage::Disk& disk,
        storage::Paths paths,
        DiskPort& port,
        Log log = {},
        storage::SnapshotName::Compression compression = storage::SnapshotName::Compression::none);
    /// stop().
    ~SnapshotThread();
    SnapshotThread(const SnapshotThread&) = delete;
    SnapshotThread& operator=(const SnapshotThread&) = delete;

    void begin(Zxid zxid, storage::SnapshotRole role = storage::SnapshotRole::periodic);
    void write(Bytes chunk);
    void finish();
    void abandon();
    /// autopurge: looks which snapshots are to be kept, see storage::find_kept. PurgeFound follows when some others may
    /// go; a failure is only logged.
    void purge(int retain);
    /// Frees a tree that nobody uses any longer.
    void dispose(std::unique_ptr<tree::DataTree> tree);
    /// False while more than kQueueBytesMax wait: then hold the next chunk back until snapshot_has_room().
    /// Writing nevertheless is legal and only costs memory.
    [[nodiscard]] bool wants_more() const ZK_EXCLUDES(mutex_);
    /// Carries out what was posted before, abandons an unfinished file, ends the thread.
    /// Idempotent.
    void stop() ZK_EXCLUDES(mutex_, stop_mutex_);

    static constexpr std::size_t kQueueBytesMax = std::size_t{4} << 20;

  private:
    struct Begin {
        Zxid zxid;
        storage::SnapshotRole role{};
    };
    struct Write {
        Bytes chunk;
    };
    struct Finish {};
    struct Abandon {};
    struct Purge {
        int retain;
    };
    struct Dispose {
        std::unique_ptr<tree::DataTree> tree;
    };
    using Step = std::variant<Begin, Write, Finish, Abandon, Purge, Dispose>;

    void run() ZK_EXCLUDES(mutex_);
    void post(Step step) ZK_EXCLUDES(mutex_);
    bool take(std::vector<Step>& steps) ZK_EXCLUDES(mutex_);
    void carry_out(Step& step);
    void find_kept(int retain);
    void stop_on_failure(const Result<>& result);

    storage::Disk& disk_;
    const storage::Paths paths_;
    DiskPort& port_;
    const Log log_;
    const storage::SnapshotName::Compression compression_;

    // Snapshot thread only.
    std::optional<storage::SnapshotFile> file_;
    Zxid zxid_;

    mutable threads::Mutex mutex_;
    threads::Condition work_;
    std::vector<Step> queue_ ZK_GUARDED_BY(mutex_);
    std::size_t queued_bytes_ ZK_GUARDED_BY(mutex_) = 0;
    bool stopping_ ZK_GUARDED_BY(mutex_) = false;
    threads::Mutex stop_mutex_;  // one stop() at a time
    std::thread thread_;         // joined under stop_mutex_
};

}  // namespace zk::disk
