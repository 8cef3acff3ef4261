#include "sim/shapes.h"

#include "sim/random.h"

namespace zk::sim {
namespace {

using K = FaultKind;

PerFault<int> ordinary() {
    PerFault<int> w;
    w[K::power_cut] = 8;
    w[K::power_cut_call] = 8;
    w[K::power_cut_all] = 3;
    w[K::torn_pages] = 40;
    w[K::kill] = 10;
    w[K::failed_sync] = 3;
    w[K::dropped_cache] = 50;
    w[K::lost_disk] = 2;
    w[K::slow_disk] = 4;
    w[K::pause] = 8;
    w[K::clock_jump] = 3;
    w[K::partition] = 14;
    w[K::one_way] = 8;
    w[K::reset] = 14;
    w[K::cut_sync] = 8;
    w[K::lost_promises] = 1;
    w[K::stuck_client] = 4;
    w[K::client_reset] = 10;
    w[K::slow_link] = 3;
    w[K::stranger_info] = 3;
    w[K::stranger_vote] = 3;
    w[K::late_address] = 2;
    w[K::purge] = 6;
    return w;
}

// What every shape draws by chance before it becomes special.
Shape common(Random& random) {
    static constexpr int kServers[] = {3, 3, 3, 3, 5, 5, 2, 4, 7, 1};
    Shape shape;
    shape.servers = kServers[random.below(std::size(kServers))];
    shape.clients = 2 + static_cast<int>(random.below(5));
    shape.weights = ordinary();
    shape.stream_snapshots = random.chance(50);
    shape.chunk_bytes = random.chance(50) ? 600 : 8000;
    shape.committed_window = random.chance(30) ? 20 : 500;
    shape.link_bytes_per_second = 200'000;
    shape.snap_count = random.between(40, 250);
    shape.client_loops = random.chance(40) ? 2 : 1;
    return shape;
}

void mixed(Shape&, Random&) {}

void power(Shape& shape, Random& random) {
    shape.servers = random.chance(60) ? 3 : 5;
    for (const K kind : {K::power_cut, K::power_cut_call, K::power_cut_all, K::kill}) {
        shape.weights[kind] *= 5;
    }
    shape.weights[K::failed_sync] = 15;
    shape.weights[K::torn_pages] = 70;
    shape.boot_max = milliseconds(1500);
}

void pauses(Shape& shape, Random&) {
    shape.weights[K::pause] = 80;
    shape.weights[K::clock_jump] = 20;
}

void slow_disks(Shape& shape, Random&) {
    shape.weights[K::slow_disk] = 80;
    shape.slow_batches_percent = 20;
}

void slow_links(Shape& shape, Random&) {
    shape.weights[K::slow_link] = 80;
    shape.link_bytes_per_second = 30'000;
    shape.stream_snapshots = true;
    shape.committed_window = 10;
    shape.bounds.history_piece_bytes = 2000;
    shape.bounds.diff_bytes_max = 60'000;
    shape.link_low_water = 2000;
    shape.link_owed_max = 100'000;
    shape.load.large_percent = 20;
    shape.load.large_bytes_max = 1000;
}

void snapshots(Shape& shape, Random&) {
    shape.snap_count = 8;
    shape.committed_window = 5;
    shape.bounds.history_piece_bytes = 1000;
    shape.stream_snapshots = true;
    shape.chunk_bytes = 200;
    shape.weights[K::purge] = 40;
    shape.weights[K::cut_sync] = 40;
    shape.weights[K::slow_disk] = 20;
    shape.weights[K::slow_link] = 20;
    shape.link_bytes_per_second = 30'000;
    shape.link_low_water = 2000;
    shape.weights[K::partition] = 40;
    shape.weights[K::one_way] = 20;
}

void rollovers(Shape& shape, Random& random) {
    shape.counter_limit = static_cast<std::uint32_t>(random.between(60, 250));
}

void crowd(Shape& shape, Random&) {
    shape.clients = 24;
    shape.chaos = std::chrono::seconds(15);
    shape.load.pause_ms_max = 20;
    shape.outstanding_max = 10;
    shape.bounds.proposals_max = 8;
}

void large(Shape& shape, Random& random) {
    shape.load.large_percent = 30;
    shape.load.large_bytes_max = 20'000;
    shape.load.in_flight_max = 8;
    shape.connection_bytes_max = 30'000;
    shape.loop_bytes_max = 40'000;
    shape.small_bytes_max = 4'000;
    shape.loop_output_bytes_max = 60'000;
    shape.chaos = std::chrono::seconds(15);
    if (random.chance(50)) {  // clients so patient that others wait behind those that stand still
        shape.load.timeout_step_ms = 9000;
        shape.weights[K::stuck_client] = 150;
        shape.loop_output_bytes_max = 5'000;
        shape.loop_bytes_max = 21'000;
        shape.chaos = std::chrono::seconds(30);
    }
    shape.bounds.proposal_bytes_max = 60'000;
    shape.bounds.unsynced_bytes_max = 100'000;
    shape.bounds.history_piece_bytes = 30'000;
    shape.link_low_water = 16'000;
    shape.link_owed_max = 2'000'000;
    shape.chunk_bytes = 8000;
}

void strangers(Shape& shape, Random&) {
    shape.weights[K::stranger_info] = 40;
    shape.weights[K::stranger_vote] = 40;
}

void net(Shape& shape, Random& random) {
    shape.servers = random.chance(50) ? 5 : 7;
    shape.weights[K::partition] = 50;
    shape.weights[K::one_way] = 40;
    shape.weights[K::reset] = 30;
    shape.weights[K::lost_promises] = 40;
    shape.weights[K::lost_disk] = 15;
    shape.snap_count = 5000;  // what a SNAP has left is all that a TRUNC finds
}

void calm(Shape& shape, Random&) {
    shape.gap_min = std::chrono::seconds(4);
    shape.gap_max = std::chrono::seconds(20);
    shape.load.pause_ms_max = 30;
    shape.chaos = std::chrono::seconds(20);
}

// One server without others: what a power cut, a slow disk or a pause does to what it has promised.
void alone(Shape& shape, Random& random) {
    shape.servers = 1;
    shape.standalone = true;
    for (const K kind : {K::power_cut, K::power_cut_call, K::kill, K::slow_disk, K::stuck_client})
        shape.weights[kind] *= 5;
    for (const K kind : {K::partition, K::one_way, K::reset, K::cut_sync, K::lost_promises})
        shape.weights[kind] = 0;
    for (const K kind : {K::slow_link, K::stranger_info, K::stranger_vote, K::late_address})
        shape.weights[kind] = 0;
    shape.weights[K::failed_sync] = 15;
    shape.weights[K::torn_pages] = 60;
    shape.slow_batches_percent = 15;
    shape.boot_max = milliseconds(1500);
    shape.bounds.proposals_max = random.chance(50) ? 8 : 1000;
    if (random.chance(50)) {
        shape.counter_limit = static_cast<std::uint32_t>(random.between(60, 250));
    }
}

// Sessions that become known to all with their first ephemeral; and servers that would serve readers, had they any.
void local_sessions(Shape& shape, Random& random) {
    shape.servers = random.chance(60) ? 3 : 5;
    shape.local_sessions = core::LocalSessionMode::upgradable;
    shape.read_only_mode = true;
    shape.weights[K::client_reset] = 40;
    shape.weights[K::partition] = 30;
}

struct Entry {
    std::string_view name;
    void (*change)(Shape&, Random&);
};
constexpr Entry kShapes[] = {{"mixed", mixed},
                             {"power", power},
                             {"pauses", pauses},
                             {"slow-disks", slow_disks},
                             {"slow-links", slow_links},
                             {"snapshots", snapshots},
                             {"rollovers", rollovers},
                             {"crowd", crowd},
                             {"large", large},
                             {"strangers", strangers},
                             {"net", net},
                             {"calm", calm},
                             {"alone", alone},
                             {"local-sessions", local_sessions}};

Shape make(const Entry& entry, std::uint64_t seed) {
    Random random(seed ^ 0x5a4b5368617065ULL);
    Shape shape = common(random);
    shape.name = entry.name;
    entry.change(shape, random);
    return shape;
}

}  // namespace

std::vector<std::string_view> shape_names() {
    std::vector<std::string_view> names;
    for (const Entry& entry : kShapes) names.push_back(entry.name);
    return names;
}

Shape shape_of(std::uint64_t seed) { return make(kShapes[seed % std::size(kShapes)], seed); }

std::optional<Shape> shape_named(std::string_view name, std::uint64_t seed) {
    for (const Entry& entry : kShapes) {
        if (entry.name == name) return make(entry, seed);
    }
    return std::nullopt;
}

}  // namespace zk::sim
