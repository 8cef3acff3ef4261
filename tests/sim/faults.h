// The kinds of faults that a World knows, each with its name and its count.
// Pure values.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace zk::sim {

enum class FaultKind : std::uint8_t {
    power_cut,       ///< one server: the disk keeps what was synced, and some of the rest
    power_cut_call,  ///< the same in the middle of what its disk is doing
    power_cut_all,   ///< all servers at the same instant
    torn_pages,      ///< of a power cut: pages and names reached the disk in any order
    kill,            ///< kill -9: the cache stays
    failed_sync,     ///< a sync fails once; the process ends, the cache lies
    dropped_cache,   ///< of a failed sync: later the cache forgets the pages that it lost
    lost_disk,       ///< one server at a time comes back with an empty disk
    slow_disk,       ///< for some seconds a fifth of all batches takes 5 to 400 ms
    pause,           ///< a process gets no turn for 0.1 to 8 s
    clock_jump,      ///< a server's wall clock jumps by up to a day
    partition,       ///< a server and most others hear nothing of each other
    one_way,         ///< a server's packets to most others are lost, not theirs
    reset,           ///< a connection between two servers breaks
    cut_sync,        ///< a learner's link or either side ends in the middle of a synchronisation
    /// Reigns that come to nothing leave one member alone with promises of later epochs.
    lost_promises,
    /// A client's process gets no turn for 1 to 20 s: it reads nothing and says nothing.
    stuck_client,
    client_reset,   ///< all connections of clients to a server break
    slow_link,      ///< for some seconds links carry few bytes a second
    stranger_info,  ///< a stranger says absurd things on the quorum port
    stranger_vote,  ///< a stranger says absurd things on the election port
    late_address,   ///< a server's address cannot be resolved for some seconds
    purge,          ///< old snapshots and logs are removed
};
inline constexpr std::size_t kFaultKinds = 23;

constexpr std::array<std::string_view, kFaultKinds> kFaultNames = {
    "power_cut",     "power_cut_call", "power_cut_all", "torn_pages", "kill",
    "failed_sync",   "dropped_cache",  "lost_disk",     "slow_disk",  "pause",
    "clock_jump",    "partition",      "one_way",       "reset",      "cut_sync",
    "lost_promises", "stuck_client",   "client_reset",  "slow_link",  "stranger_info",
    "stranger_vote", "late_address",   "purge"};

constexpr std::string_view to_string(FaultKind kind) {
    return kFaultNames[static_cast<std::size_t>(kind)];
}
constexpr std::optional<FaultKind> fault_named(std::string_view name) {
    for (std::size_t i = 0; i < kFaultKinds; ++i) {
        if (kFaultNames[i] == name) return static_cast<FaultKind>(i);
    }
    return std::nullopt;
}

/// Kinds that come with another one: their weight is a percentage of it.
constexpr bool is_companion(FaultKind kind) {
    return kind == FaultKind::torn_pages || kind == FaultKind::dropped_cache;
}

/// A number for each kind.
template <class T>
struct PerFault {
    std::array<T, kFaultKinds> of{};
    T& operator[](FaultKind kind) { return of[static_cast<std::size_t>(kind)]; }
    const T& operator[](FaultKind kind) const { return of[static_cast<std::size_t>(kind)]; }
};

}  // namespace zk::sim
