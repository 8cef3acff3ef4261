// The inside of a World: a simulated server and the links between servers and clients. Only
// world*.cc include this.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "sim/world.h"

namespace zk::sim {

inline const storage::Paths kPaths{"/data", "/data"};

struct World::Server {
    Server(int number, std::uint64_t seed) : index(number), disk(seed) {}
    [[nodiscard]] ServerId sid() const { return ServerId(index + 1); }

    struct FileSnapshot {
        FileSnapshot(SimDisk& disk, bool to_install)
            : install(to_install),
              file(disk,
                   kPaths.snapshots(),
                   to_install ? storage::SnapshotRole::install : storage::SnapshotRole::periodic) {}
        Zxid zxid, end_zxid;
        bool install;
        std::optional<storage::SnapshotSerializer> serializer;
        storage::SnapshotFile file;
    };

    int index;
    SimDisk disk;
    bool up = false;
    std::uint64_t life = 0;  ///< grows with each boot and each crash
    std::unique_ptr<core::Core> core;
    std::unique_ptr<frontend::Frontend> frontend;
    std::unique_ptr<storage::DiskExecutor> executor;
    std::vector<storage::DiskCommand> disk_queue;
    bool disk_busy = false;
    bool port_open = false;
    bool power_failing = false;  ///< the disk is set to fail: any end of the server is a power cut
    std::optional<FileSnapshot> snapshot;
    std::vector<request::ToFrontend> to_frontend;
    frontend::Out out;
    Zxid checked{-2};
    /// The tree came from a snapshot that was streamed while the leader went on: until the txns up
    /// to here have been applied it is like no tree that ever was.
    Zxid fuzzy_until{-2};
};

/// A learner's connection to a leader. Each direction is first in, first out; a direction that lost
/// a message to a partition delivers nothing more, as a broken TCP stream would not.
struct World::Link {
    zab::LinkId id = 0;
    int leader = 0, learner = 0;
    std::uint64_t leader_life = 0, learner_life = 0;
    core::Attempt attempt = 0;
    bool open = true;
    bool stalled_to_leader = false, stalled_to_learner = false;
    Instant last_to_leader{}, last_to_learner{};
    /// A snapshot on its way, a chunk now and then, and what must not overtake it.
    std::unique_ptr<storage::SnapshotSerializer> stream;
    Bytes streamed;
    Zxid stream_end;
    std::vector<Bytes> behind_stream;
    bool room_awaited = false;
};

struct World::ClientLink {
    std::uint64_t connection = 0;
    SimClient* client = nullptr;
    int server = 0;
    std::uint64_t life = 0;
    bool open = true;
    Instant last_to_client{}, last_to_server{};
};

}  // namespace zk::sim
