// What a seed's ensemble is like: how many servers and clients, which bounds, which faults how often.
// Pure. The shape follows from the seed alone, so that a run of many seeds runs them all.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/limits.h"
#include "base/time.h"
#include "core/local_sessions.h"
#include "sim/faults.h"
#include "sim/workload.h"
#include "zab/settings.h"

namespace zk::sim {

struct Shape {
    std::string_view name;
    int servers = 3;
    bool standalone = false;  ///< one server, which is alone and no ensemble of one
    int clients = 4;
    Duration chaos = std::chrono::seconds(30);  ///< virtual time with faults
    /// Chance of each kind, relative to the others. Companions: a percentage.
    PerFault<int> weights;
    Duration gap_min = milliseconds(200), gap_max = milliseconds(4000);  ///< between faults
    WorkloadOptions load;                                                ///< what clients ask for

    // Settings of the servers.
    std::int64_t snap_count = 40;
    std::uint32_t counter_limit = 0xffffffff;
    std::size_t committed_window = 500;
    core::LocalSessionMode local_sessions = core::LocalSessionMode::off;
    bool read_only_mode = false;
    Duration sweep_interval = milliseconds(1500);  ///< of containers and TTL nodes
    std::int64_t outstanding_max = 1000;
    int init_limit = 10, sync_limit = 4;  ///< ticks of one second
    zab::Bounds bounds{};
    std::size_t connection_bytes_max = limits::kConnectionBytesMax;
    int client_loops = 1;  ///< of each server
    std::size_t loop_bytes_max = limits::kClientLoopBytesMax;
    std::size_t loop_output_bytes_max = limits::kClientLoopBytesMax;
    std::size_t small_bytes_max = limits::kSmallBytesMax;
    std::size_t link_low_water = std::size_t{256} << 10;
    std::size_t link_owed_max = std::size_t{64} << 20;

    // The machines.
    bool stream_snapshots = false;  ///< a SNAP goes out in chunks while the leader's tree changes
    std::size_t chunk_bytes = 600;
    std::uint64_t link_bytes_per_second = 0;  ///< of a slow link; 0: links are never slow
    int slow_batches_percent = 5;             ///< of the disk's batches take up to 80 ms
    Duration boot_max = milliseconds(6000);   ///< until a server comes back
};

/// The names of all shapes, in the order in which seeds take turns.
std::vector<std::string_view> shape_names();
Shape shape_of(std::uint64_t seed);
/// A shape by its name, its details by the seed.
std::optional<Shape> shape_named(std::string_view name, std::uint64_t seed);

}  // namespace zk::sim
