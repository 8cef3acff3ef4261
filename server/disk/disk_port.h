// What the disk's threads tell, and to whom.
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "base/ids.h"
#include "storage/disk_command.h"

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
/// The answer to purge(): these snapshots are whole, older ones may go (storage::Purge, on the log thread).
struct PurgeFound {
    std::vector<Zxid> kept;
};
using SnapshotEvent = std::variant<SnapshotSaved, SnapshotFailed, PurgeFound>;

/// Called on the disk's threads, so it hands on and returns.
class DiskPort {
  public:
    virtual ~DiskPort() = default;
    /// Of one batch of the log thread, in order.
    virtual void log_told(std::vector<storage::DiskEvent> events) = 0;
    /// One for each snapshot that was begun and not abandoned, and for a purge.
    virtual void snapshot_told(SnapshotEvent event) = 0;
    /// The snapshot thread's full queue has room again.
    virtual void snapshot_has_room() = 0;
};

}  // namespace zk::disk
