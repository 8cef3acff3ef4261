// The inside of a World: a simulated server and the links between servers and clients. Only the
// sources of World include this.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "sim/world.h"
#include "zab/send_queue.h"

namespace zk::sim {

inline constexpr Duration kTick = std::chrono::seconds(1);
/// Until a machine with another disk is back.
inline constexpr Duration kDiskReplacedMax = std::chrono::seconds(12);

inline const storage::Paths kPaths{"/data", "/data"};

inline storage::ExecutorOptions executor_options(bool standalone) {
    storage::ExecutorOptions options;
    options.log.preallocate_bytes = 4096;
    options.recovery.autocreate = false;
    options.recovery.standalone = standalone;
    return options;
}

struct World::Server {
    Server(int number, std::uint64_t seed) : index(number), disk(seed) {}
    [[nodiscard]] ServerId sid() const { return ServerId(index + 1); }

    struct FileSnapshot {
        Zxid zxid;
        storage::SnapshotFile file;
    };

    int index;
    SimDisk disk;
    bool up = false;
    std::uint64_t life = 0;  ///< grows with each boot and each end
    std::unique_ptr<core::Turn> turn;
    const core::Core* core = nullptr;  ///< of `turn`
    std::vector<std::unique_ptr<frontend::Turn>> loops;
    core::Effects effects;  ///< of the turn that runs
    std::size_t noted = 0;  ///< of effects.disk: the checkers know them
    Zxid last_noted;        ///< of a server alone: the txn before the next one
    bool turn_due = false;  ///< of the core
    std::unique_ptr<storage::DiskExecutor> executor;
    std::vector<storage::DiskCommand> disk_queue;
    bool disk_busy = false;
    bool port_open = false;
    bool power_failing = false;  ///< the disk is set to fail: any end of the server is a power cut
    bool ends_after_snapshot = false;  ///< to be killed when a snapshot is complete
    bool empty_disk = false;           ///< its disk was lost, and it has not caught up since
    bool sync_failing = false;  ///< a sync is set to fail: then the process ends, as it should
    std::optional<FileSnapshot> snapshot;

    bool paused = false;
    bool tick_waits = false;                    ///< a tick was due while it was paused
    std::deque<std::function<void()>> backlog;  ///< what came while it was paused
    Instant disk_slow_until{};
    Instant away_until{};     ///< its machine gets another disk
    Instant unknown_until{};  ///< nobody can resolve its address
    std::int64_t wall_offset_ms = 0;
};

/// A learner's connection to a leader. Each direction is first in, first out; a direction that lost
/// a message to a partition delivers nothing more, as a broken TCP stream would not.
struct World::Link {
    struct Piece {
        Bytes bytes;
        bool snapshot = false;
    };
    explicit Link(zab::SendQueueLimits limits) : queue(limits) {}

    zab::LinkId id = 0;
    int leader = 0, learner = 0;
    std::uint64_t leader_life = 0, learner_life = 0;
    core::Attempt attempt = 0;
    bool open = true;
    bool stalled_to_leader = false, stalled_to_learner = false;
    Instant last_to_leader{}, last_to_learner{};
    Instant free_to_leader{}, free_to_learner{};  ///< when the wire has taken all that was sent
    zab::SendQueue queue;  ///< sent by the leader and not read by the learner
    bool read = true;      ///< the learner reads
    std::deque<Piece> unread;
    /// A snapshot on its way, a chunk now and then, and what must not overtake it.
    std::unique_ptr<storage::SnapshotSerializer> stream;
    Bytes streamed;
    Zxid stream_end;
    std::vector<Bytes> behind_stream;
};

struct World::ClientLink {
    std::uint64_t connection = 0;
    SimClient* client = nullptr;
    int server = 0;
    std::uint64_t life = 0;
    bool open = true;
    bool read = true;  ///< the server reads
    std::deque<Bytes> unread;
    Instant last_to_client{}, last_to_server{};
};

}  // namespace zk::sim
