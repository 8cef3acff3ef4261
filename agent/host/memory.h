// The host's memory, and what the cgroup of a process lets it have. Shell. Any thread. Changes nothing.
// What a kernel does not tell (no PSI, cgroup v1) is nothing, and not guessed.
// Source: proc(5), and the kernel's documents "PSI - Pressure Stall Information" and "Control Group v2".
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace zk::agent_host {

struct HostMemory {
    std::optional<std::uint64_t> total_bytes;
    std::optional<std::uint64_t> available_bytes;
};
/// Of the text of /proc/meminfo. Pure.
HostMemory parse_meminfo(std::string_view text);
/// "full avg60" of the text of /proc/pressure/memory, in hundredths of a percent. Pure.
std::optional<std::uint64_t> parse_stalled_parts(std::string_view text);
/// The path behind "0::" of the text of /proc/PID/cgroup; nothing without cgroup v2, and for a cgroup outside of what this
/// process sees. Pure.
std::optional<std::string> parse_cgroup(std::string_view text);

struct MemoryLimit {
    std::string cgroup;  ///< "/system.slice/zookeeper.service"
    std::uint64_t limit_bytes = 0;
    /// What is used there and cannot be taken back: without page cache and slabs that can be freed.
    std::uint64_t used_bytes = 0;
};
/// Of the cgroups from `cgroup` up to the root of the hierarchy at `root`: the one with a limit that has least left.
std::optional<MemoryLimit> tightest_limit(const std::string& root, const std::string& cgroup);

struct MemoryPlaces {
    std::string proc = "/proc";
    std::string cgroups = "/sys/fs/cgroup";
};
HostMemory read_host_memory(const MemoryPlaces& places = {});
std::optional<std::uint64_t> read_stalled_parts(const MemoryPlaces& places = {});
/// Of the process `pid`.
std::optional<MemoryLimit> read_memory_limit(std::int64_t pid, const MemoryPlaces& places = {});

}  // namespace zk::agent_host
