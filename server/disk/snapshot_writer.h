// The snapshot thread: writes one snapshot file at a time from chunks that a loop serializes, so that neither the loop nor
// the log waits for its disk. Shell.
//
//   writer.begin(serializer.zxid());
//   while (writer.wants_more()) { serializer.next_chunk(chunk, 256 << 10); writer.write(chunk); }   // a chunk per turn
//   ... once the log is durable up to serializer.end_zxid():
//   writer.finish();
#pragma once

#include <condition_variable>
#include <cstddef>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <variant>
#include <vector>

#include "base/bytes.h"
#include "base/ids.h"
#include "storage/disk.h"

namespace zk::disk {

/// The file is complete, durable and has its name.
struct SnapshotSaved {
    Zxid zxid;
};
/// Nothing but perhaps a temporary file is left. A periodic snapshot may be tried again; one that a SNAP needs may not.
struct SnapshotFailed {
    Zxid zxid;
    std::string words;
};
using SnapshotEvent = std::variant<SnapshotSaved, SnapshotFailed>;

/// begin, write..., then finish or abandon; called by one thread. The event comes on the snapshot thread, one for each
/// begin that was not abandoned.
class SnapshotThread {
  public:
    using OnEvent = std::function<void(SnapshotEvent)>;
    /// Called on the snapshot thread when a full queue has room again.
    using OnSpace = std::function<void()>;

    /// `disk` must outlive the object. `dir` is the snapshots' version-2 directory.
    SnapshotThread(storage::Disk& disk, std::string dir, OnEvent on_event, OnSpace on_space = {});
    /// Abandons an unfinished file; finishes one whose finish() was called.
    ~SnapshotThread();
    SnapshotThread(const SnapshotThread&) = delete;
    SnapshotThread& operator=(const SnapshotThread&) = delete;

    void begin(Zxid zxid);
    void write(Bytes chunk);
    void finish();
    void abandon();
    /// False while more than queue_max bytes wait: then hold the next chunk back until on_space. Writing nevertheless is
    /// legal and only costs memory.
    [[nodiscard]] bool wants_more() const;
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
    using Step = std::variant<Begin, Write, Finish, Abandon>;
    class Run;

    void run();
    void post(Step step);

    storage::Disk& disk_;
    const std::string dir_;
    const OnEvent on_event_;
    const OnSpace on_space_;

    mutable std::mutex mutex_;
    std::condition_variable work_;
    std::vector<Step> queue_;      // guarded by mutex_
    std::size_t queued_bytes_ = 0;  // guarded by mutex_
    bool was_full_ = false;         // guarded by mutex_
    bool stopping_ = false;         // guarded by mutex_
    std::mutex stop_mutex_;
    std::thread thread_;
};

}  // namespace zk::disk
