// The snapshot thread: writes one snapshot file at a time from chunks that a loop serializes, so
// that neither the loop nor the log waits for its disk. Shell.
//
//   snapshots.begin(serializer.zxid());
//   a chunk per turn, while snapshots.wants_more(): serializer.next_chunk(chunk, 256 << 10);
//   snapshots.write(chunk); once the log is durable up to serializer.end_zxid():
//   snapshots.finish();
//
// A file gets its name only by finish(). So before TruncateLog or PrepareSnapshotInstall goes to
// the log thread, abandon a begun snapshot, and if finish() was already called wait for its event:
// else it could appear afterwards and win over the truncated log.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <variant>
#include <vector>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/log.h"
#include "base/result.h"
#include "storage/disk.h"
#include "storage/recovery.h"
#include "storage/snapshot_file.h"

namespace zk::disk {

/// The file is complete, durable and has its name.
struct SnapshotSaved {
    Zxid zxid;
};
/// Nothing but perhaps a temporary file is left. A periodic snapshot may be tried again; one that a
/// SNAP needs may not.
struct SnapshotFailed {
    Zxid zxid;
    std::string words;
};
using SnapshotEvent = std::variant<SnapshotSaved, SnapshotFailed>;

/// begin, write..., then finish or abandon; called by one thread. The event comes on the snapshot
/// thread, one for each begin that was not abandoned.
class SnapshotThread {
  public:
    using OnEvent = std::function<void(SnapshotEvent)>;
    /// Called on the snapshot thread when a full queue has room again.
    using OnSpace = std::function<void()>;

    /// `disk` must outlive the object. Starts the thread.
    SnapshotThread(storage::Disk& disk,
                   storage::Paths paths,
                   OnEvent on_event,
                   OnSpace on_space = {},
                   Log log = {});
    /// stop().
    ~SnapshotThread();
    SnapshotThread(const SnapshotThread&) = delete;
    SnapshotThread& operator=(const SnapshotThread&) = delete;

    void begin(Zxid zxid);
    void write(Bytes chunk);
    void finish();
    void abandon();
    /// autopurge, see storage::purge. Between snapshots; a failure is only logged.
    void purge(int retain);
    /// False while more than kQueueBytesMax wait: then hold the next chunk back until on_space.
    /// Writing nevertheless is legal and only costs memory.
    [[nodiscard]] bool wants_more() const;
    /// Carries out what was posted before, abandons an unfinished file, ends the thread.
    /// Idempotent.
    void stop();

    static constexpr std::size_t kQueueBytesMax = std::size_t{4} << 20;

  private:
    struct Begin {
        Zxid zxid;
    };
    struct Write {
        Bytes chunk;
    };
    struct Finish {};
    struct Abandon {};
    struct Purge {
        int retain;
    };
    using Step = std::variant<Begin, Write, Finish, Abandon, Purge>;

    void run();
    void post(Step step);
    bool take(std::vector<Step>& steps);
    void carry_out(const Step& step);
    void stop_on_failure(const Result<>& result);

    storage::Disk& disk_;
    const storage::Paths paths_;
    const OnEvent on_event_;
    const OnSpace on_space_;
    const Log log_;

    // Snapshot thread only.
    std::optional<storage::SnapshotFile> file_;
    Zxid zxid_;

    mutable std::mutex mutex_;
    std::condition_variable work_;
    std::vector<Step> queue_;       // guarded by mutex_
    std::size_t queued_bytes_ = 0;  // guarded by mutex_
    bool stopping_ = false;         // guarded by mutex_
    std::mutex stop_mutex_;         // one stop() at a time
    std::thread thread_;
};

}  // namespace zk::disk
