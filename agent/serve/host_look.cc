#include "agent_serve/host_look.h"

#include <cerrno>
#include <utility>

#include <fmt/core.h>
#include <sys/stat.h>

#include "agent_host/apache_release.h"
#include "agent_host/disks.h"
#include "agent_host/host_facts.h"
#include "agent_host/memory.h"
#include "agent_host/posix.h"
#include "agent_host/process.h"
#include "agent_serve/identity_look.h"
#include "base/numbers.h"
#include "clocks/clocks.h"
#include "ensemble/properties.h"

namespace zk::agent_serve {
namespace {

using agent_api::FileSpec;
using agent_api::NodeSpec;
using std::chrono::seconds;

constexpr auto kStorageInterval = seconds(30);
constexpr auto kRereadInterval = seconds(60);
constexpr auto kMountsInterval = seconds(10);
constexpr auto kMemoryInterval = seconds(5);

/// Whether old snapshots are removed, as the server reads it: of a key that is there twice the last one counts.
bool has_autopurge(const NodeSpec& spec) {
    bool purges = false;
    for (const FileSpec& file : spec.files) {
        if (file.path != spec.conf_path) continue;
        const auto lines = ensemble::read_properties(file.content, file.path);
        if (!lines.has_value()) return true;  // not known: nothing to complain of
        for (const ensemble::Property& line : *lines) {
            if (line.key != "autopurge.purgeInterval") continue;
            purges = parse_number<std::int64_t>(line.value).value_or(0) > 0;
        }
    }
    return purges;
}

/// Where this program was started from, also when another file lies there by now.
std::string started_from() {
    constexpr std::string_view kGone = " (deleted)";
    std::string path = agent_host::own_program();
    if (path.ends_with(kGone)) path.resize(path.size() - kGone.size());
    return path;
}

std::string difference(const FileSpec& file, std::uint32_t mode) {
    const auto content = agent_host::read_file(file.path);
    // Without the right to read it nothing is known.
    if (!content.has_value() && agent_host::is_no_right(content.error())) return {};
    if (!content.has_value() || *content != file.content) return "is not as zkprov wrote it";
    if (mode == file.mode) return {};
    return fmt::format("has mode {:o}, zkprov gave it {:o}", mode, file.mode);
}

void fill_process_files(node_judge::Probe& probe) {
    if (!probe.process) return;
    probe.waits_for_disk = !probe.answered && agent_host::waits_for_disk(probe.pid);
    // A server that counts them itself says it with each answer.
    if (probe.mntr.contains("max_file_descriptor_count")) return;
    const auto files = agent_host::open_files(probe.pid);
    probe.open_files = files.open;
    probe.open_files_max = files.most;
}

}  // namespace

void HostLook::fill_processes(node_judge::Probe& probe) {
    probe.wall_ms = clocks::wall_now();
    probe.now = clocks::steady_now();
    fill_process_files(probe);
    fill_memory(probe);
}

void HostLook::fill_files(node_judge::Probe& probe, const NodeSpec& spec, const AtPath& at) {
    at(spec.data_dir);
    probe.current_epoch = agent_host::read_current_epoch(spec.data_dir);
    probe.myid = read_myid(spec.data_dir);
    // A server that does not answer may have met such a disk a moment ago.
    mounts_due_ = !probe.answered || Clock::now() - mounts_at_ >= kMountsInterval;
    if (mounts_due_) mounts_at_ = Clock::now();
    // A container has other mounts, under other names.
    const std::int64_t pid = spec.container ? 0 : probe.pid;
    fill_disk(probe.data_disk, spec.data_dir, pid);
    if (spec.log_dir == spec.data_dir) {
        probe.log_disk = probe.data_disk;
    } else {
        at(spec.log_dir);
        fill_disk(probe.log_disk, spec.log_dir, pid);
    }
    fill_storage(probe, spec);
    fill_drifts(probe, spec, at);
}

void HostLook::fill_memory(node_judge::Probe& probe) {
    const std::int64_t server = probe.process ? probe.pid : 0;
    const bool first = memory_at_ == Clock::time_point();
    if (first || memory_of_ != server || Clock::now() - memory_at_ >= kMemoryInterval) {
        memory_at_ = Clock::now();
        memory_of_ = server;
        const auto host = agent_host::read_host_memory();
        memory_ = node_judge::MemoryLook();
        memory_.total_bytes = host.total_bytes;
        memory_.available_bytes = host.available_bytes;
        memory_.stalled_parts = agent_host::read_stalled_parts();
        if (auto limit = agent_host::read_memory_limit(server)) {
            memory_.limit_bytes = limit->limit_bytes;
            memory_.limited_bytes = limit->used_bytes;
            memory_.limit_at = std::move(limit->cgroup);
        }
    }
    probe.memory = memory_;
}

void HostLook::fill_agent(node_judge::Probe& probe, const NodeSpec& spec, const AtPath& at) {
    const bool installed = spec.agent_is_unit();
    // A supervised one is started from where the controller's lay, which may be gone by now.
    if (!agent_path_) {
        agent_path_ = installed ? spec.resident_agent_path() : started_from();
    }
    at(*agent_path_);
    if (agent_path_->empty() || (!installed && !agent_host::exists(*agent_path_))) return;
    std::string words = check(*agent_path_, false, [&](std::uint32_t) -> std::string {
        const auto digest = agent_host::sha256_of_file(*agent_path_);
        if (!digest.has_value() || *digest == agent_host::own_sha256()) return {};
        return "is another program than the agent that runs (" + agent_host::agent_version() + ")";
    });
    if (!words.empty()) probe.agent_drift = {*agent_path_, std::move(words)};
}

void HostLook::fill_disk(node_judge::DiskLook& disk,
                         const std::string& directory,
                         std::int64_t pid) {
    disk.directory = directory;
    const auto space = agent_host::read_disk(directory);
    if (!space || space->total_bytes == 0) return;
    disk.device = space->device;
    disk.free_bytes = space->free_bytes;
    if (space->inodes > 0) {
        disk.inodes = space->inodes;
        disk.free_inodes = space->free_inodes;
    }
    // An agent that may not write there sees a mount of its own; a file system that is broken need not look read-only. So
    // the mounts are read, of which a host may have thousands.
    const auto [place, is_new] = mounts_.try_emplace(directory);
    Mount& mount = place->second;
    if (mounts_due_ || is_new || mount.looks_read_only != space->read_only) {
        mount = {space->read_only, agent_host::is_read_only_for(pid, directory)};
    }
    disk.read_only = mount.read_only;
}

void HostLook::fill_storage(node_judge::Probe& probe, const NodeSpec& spec) {
    // A server that has just come up has just written.
    const std::int64_t server = probe.answered ? probe.pid : 0;
    if (!storage_ || storage_of_ != server || Clock::now() - storage_at_ >= kStorageInterval) {
        storage_at_ = Clock::now();
        storage_of_ = server;
        const auto files = agent_host::read_storage(spec.data_dir, spec.log_dir);
        if (!purges_) purges_ = has_autopurge(spec);
        storage_.emplace();
        storage_->snapshots = files.snapshots;
        storage_->logs = files.logs;
        storage_->bytes = files.bytes;
        storage_->logs_since = files.logs_since;
        storage_->purges = *purges_;
        snapshot_written_s_ = files.snapshot_written_s.value_or(0);
    }
    const std::int64_t age_s = probe.wall_ms.value() / 1000 - snapshot_written_s_;
    storage_->snapshot_age_s.reset();
    if (snapshot_written_s_ != 0 && age_s >= 0) {
        storage_->snapshot_age_s = static_cast<std::uint64_t>(age_s);
    }
    probe.storage = storage_;
}

template <class Compare>
std::string HostLook::check(const std::string& path, bool rereads, Compare compare) {
    struct stat status {};
    if (::stat(path.c_str(), &status) != 0) {
        const bool missing = errno == ENOENT;
        checked_.erase(path);
        return missing ? "is missing" : "";
    }
    const Stamp stamp{status.st_ino,
                      status.st_size,
                      status.st_ctim.tv_sec * 1'000'000'000 + status.st_ctim.tv_nsec};
    Checked& checked = checked_[path];
    const bool old = rereads && Clock::now() - checked.at >= kRereadInterval;
    if (old || checked.stamp != stamp) {
        checked = {
            stamp, Clock::now(), compare(static_cast<std::uint32_t>(status.st_mode & 07777))};
    }
    return checked.words;
}

template <class Compare>
void HostLook::check(node_judge::Probe& probe,
                     const std::string& path,
                     bool rereads,
                     Compare compare) {
    std::string words = check(path, rereads, compare);
    if (!words.empty()) probe.drifts.push_back({path, std::move(words)});
}

void HostLook::fill_drifts(node_judge::Probe& probe, const NodeSpec& spec, const AtPath& at) {
    for (const FileSpec& file : spec.files) {
        // Who the node is has its own words.
        if (file.path == spec.data_dir + "/myid") continue;
        if (!probe.outside.empty() && spec.waits_for_unit(file.path)) continue;
        at(file.path);
        check(probe, file.path, true, [&](std::uint32_t mode) { return difference(file, mode); });
    }
    if (spec.container) return;
    if (const std::string record = spec.release_record(); !record.empty()) {
        at(record);
        check(probe, record, false, [&](std::uint32_t) -> std::string {
            if (agent_host::recorded_release(record) == spec.release.sha256) return {};
            return "is not of release " + spec.release.version;
        });
        return;
    }
    at(spec.server_path());
    check(probe, spec.server_path(), false, [&](std::uint32_t) -> std::string {
        const auto digest = agent_host::sha256_of_file(spec.server_path());
        if (!digest.has_value() || *digest == spec.release.sha256) return {};
        return "is not the program of release " + spec.release.version;
    });
}

}  // namespace zk::agent_serve
