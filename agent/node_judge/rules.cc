#include "node_judge/rules.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "base/numbers.h"

namespace zk::node_judge {
namespace {

using agent_api::Finding;
using agent_api::FindingLevel;
using agent_api::make_finding;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr std::uint64_t kFreeInodesAdvised = 1000;
constexpr std::uint64_t kFreeInodesNeeded = 50;
constexpr std::uint64_t kFullSoonS = 24UL * 3600;
constexpr std::uint64_t kFullVerySoonS = 2UL * 3600;
constexpr auto kSyncSpacing = seconds(5);
constexpr auto kSyncWindow = seconds(60);
constexpr std::uint64_t kSyncsMin = 5;
/// Seconds; the agent tells nothing sooner.
constexpr std::uint64_t kSilentMax = 3;
constexpr std::uint64_t kSyncMsNoted = 20;
constexpr std::uint64_t kSyncMsAdvised = 100;
constexpr std::uint64_t kSyncMsMax = 1000;
constexpr auto kRestartWindow = minutes(10);
constexpr std::size_t kRestartsMany = 3;
constexpr std::size_t kRestartsKept = 32;
constexpr std::uint64_t kSnapshotsMany = 20;
constexpr std::uint64_t kLogsMany = 50;
constexpr std::uint64_t kLogsUncovered = 20;
constexpr std::uint64_t kOutstandingAdvised = 10;
constexpr auto kOutstandingPatience = minutes(10);
constexpr std::uint64_t kOutstandingMax = 500;
constexpr std::int64_t kBehindMax = 1000;
constexpr auto kBehindPatience = seconds(5);
/// An apply writes the specification down before the files.
constexpr auto kDriftPatience = seconds(15);
/// Of a small host a part, of a large one an amount: a server writes its log and takes its snapshots with a few MiB.
constexpr std::uint64_t kAvailableAdvisedPart = 20;
constexpr std::uint64_t kAvailableAdvised = 512ULL << 20;
constexpr std::uint64_t kAvailableNeededPart = 50;
constexpr std::uint64_t kAvailableNeeded = 128ULL << 20;
/// Page cache comes and goes.
constexpr auto kMemoryPatience = seconds(30);
/// Percent of a minute in which nothing went on; heartbeats of sessions are a third of 4 s and more.
constexpr std::uint64_t kStalledAdvised = 10;
constexpr std::uint64_t kStalledMax = 40;
constexpr std::uint64_t kLimitAdvisedPart = 10;
constexpr std::uint64_t kLimitNeededPart = 33;
/// What systemd said of a unit may be half a minute old.
constexpr auto kUnitPatience = seconds(35);

std::string plural(std::uint64_t count, const std::string& noun) {
    return std::to_string(count) + " " + noun + (count == 1 ? "" : "s");
}

Finding measured(Finding made, std::uint64_t value, std::uint64_t limit) {
    made.value = static_cast<std::int64_t>(value);
    made.limit = static_cast<std::int64_t>(limit);
    return made;
}
Finding about(std::string subject, Finding made) {
    made.subject = std::move(subject);
    return made;
}

bool is_same_disk(const DiskLook& one, const DiskLook& other) {
    if (one.device != 0 && other.device != 0) return one.device == other.device;
    return one.free_bytes == other.free_bytes;
}

/// The part of `total` that a small host should keep, or the amount that is enough on any.
std::uint64_t least_of(std::uint64_t total, std::uint64_t part, std::uint64_t enough) {
    return std::min(total / part, enough);
}

/// "two hours", once that much was looked at.
std::string span_words(Duration seen) {
    const auto minutes_seen = (to_ms(seen) + 30'000) / 60'000;
    return minutes_seen >= 119 ? std::string("two hours")
                               : std::to_string(minutes_seen) + " minutes";
}

std::string time_left(std::uint64_t seconds_left) {
    const std::uint64_t hours = seconds_left / 3600;
    return hours > 0 ? plural(hours, "hour") : plural(seconds_left / 60, "minute");
}

void look_at_files(const Probe& probe, Findings& found) {
    auto open = count_in(probe.mntr, "open_file_descriptor_count");
    auto most = count_in(probe.mntr, "max_file_descriptor_count");
    if (!open || !most) {
        open = probe.open_files;
        most = probe.open_files_max;
    }
    if (!open || !most || *most == 0) return;
    const std::uint64_t percent = *open * 100 / *most;
    if (percent < 70) return;
    found.add(
        measured(make_finding("server.files",
                              percent < 90 ? FindingLevel::warning : FindingLevel::critical,
                              "its server has " + std::to_string(*open) + " of at most " +
                                  std::to_string(*most) +
                                  " files and connections open; raise LimitNOFILE of its unit, or "
                                  "lower maxClientCnxns"),
                 *open,
                 *most));
}

void look_at_requests(const Probe& probe, Findings& found) {
    const auto waiting = probe.mntr.empty() ? count_in(probe.srvr, "Outstanding")
                                            : count_in(probe.mntr, "outstanding_requests");
    if (waiting && *waiting > kOutstandingAdvised) {
        const bool much = *waiting > kOutstandingMax;
        auto told = measured(make_finding("server.outstanding",
                                          much ? FindingLevel::critical : FindingLevel::warning,
                                          plural(*waiting, "request") +
                                              " wait for an answer: the disk, the network or "
                                              "the clients are more than it can take"),
                             *waiting,
                             much ? kOutstandingMax : kOutstandingAdvised);
        found.add_lasting(much ? Duration(0) : Duration(kOutstandingPatience), std::move(told));
    }
    const auto logged = number_in(probe.mntr, "last_logged_zxid");
    const auto applied = number_in(probe.mntr, "last_zxid");
    if (!logged || !applied || Zxid(*logged).epoch() != Zxid(*applied).epoch()) return;
    if (*logged - *applied <= kBehindMax) return;
    found.add_lasting(kBehindPatience,
                      measured(make_finding("server.behind",
                                            FindingLevel::warning,
                                            "it has " + std::to_string(*logged - *applied) +
                                                " transactions in its log that it has not applied"),
                               static_cast<std::uint64_t>(*logged - *applied),
                               kBehindMax));
}

void look_at_damage(const Probe& probe, Findings& found) {
    if (const auto count = count_in(probe.mntr, "digest_mismatches_count"); count > 0u) {
        found.add(measured(
            make_finding(
                "server.damage",
                FindingLevel::critical,
                "its server counts " + std::to_string(*count) +
                    " of digest_mismatches_count: its data differ from the others'; bring it back "
                    "with zkprov replace-node once the others are well"),
            *count,
            0));
    }
    // Seen with 3.8.0: the log thread of a follower whose leader went ends so (a null socket in
    // SendAckRequestProcessor), and the server joins the next leader with a new one. Where it does not
    // come back other rules see that; what it counts is of the past for as long as it serves.
    if (const auto count = count_in(probe.mntr, "unrecoverable_error_count"); count > 0u) {
        found.add(measured(make_finding("server.thread",
                                        FindingLevel::note,
                                        plural(*count, "thread") +
                                            " of its server ended with an error since it "
                                            "started (\"Severe unrecoverable error\" in its log)"),
                           *count,
                           0));
    }
}

void look_at_storage(const Probe& probe, Findings& found) {
    if (!probe.storage) return;
    const StorageLook& files = *probe.storage;
    const bool piled = files.snapshots > kSnapshotsMany || files.logs > kLogsMany;
    if (piled && !files.purges) {
        found.add(measured(
            make_finding("storage.unpurged",
                         FindingLevel::warning,
                         plural(files.snapshots, "snapshot") + " and " + plural(files.logs, "log") +
                             " lie there (" + mebibytes(files.bytes) +
                             ") and nothing removes old ones; set autopurge.purgeInterval"),
            files.snapshots,
            kSnapshotsMany));
    }
    if (files.logs_since > kLogsUncovered) {
        found.add(
            measured(make_finding("storage.no_snapshot",
                                  FindingLevel::note,
                                  "no snapshot was taken since " + plural(files.logs_since, "log") +
                                      " began: a start takes long, and nothing can be purged"),
                     files.logs_since,
                     kLogsUncovered));
    }
}

void look_at_unit(const Probe& probe, Findings& found) {
    if (!probe.outside.empty()) {
        found.add(make_finding("unit.outside",
                               FindingLevel::warning,
                               "its server was not started by zkprov: " + probe.outside +
                                   "; zkprov apply --take-over puts zkprov's own in its place"));
        return;
    }
    if (!probe.unit || probe.unit->enabled || probe.stopped_on_purpose) return;
    found.add_lasting(
        kUnitPatience,
        about(probe.unit->name,
              make_finding("unit.disabled",
                           FindingLevel::warning,
                           probe.unit->name +
                               " is not enabled: after a reboot of the host the server stays down; "
                               "zkprov apply enables it")));
}

void look_at_drift(const Probe& probe, Findings& found) {
    for (const Drift& drift : probe.drifts) {
        found.add_lasting(
            kDriftPatience,
            about(
                drift.path,
                make_finding("files.drift",
                             FindingLevel::warning,
                             drift.path + " " + drift.words +
                                 "; zkprov apply writes it again: what is to stay belongs into the "
                                 "inventory")));
    }
}

void look_at_silence(const Probe& probe, Findings& found) {
    if (!probe.silent_disk) return;
    found.add(about(probe.silent_disk->path,
                    measured(make_finding("disk.silent",
                                          FindingLevel::critical,
                                          "the file system of " + probe.silent_disk->path +
                                              " has not answered for " +
                                              plural(probe.silent_disk->for_s, "second") +
                                              ": look at the disk or the file server behind it, "
                                              "and at the kernel's log (dmesg)"),
                             probe.silent_disk->for_s,
                             kSilentMax)));
}

void look_at_agent(const Probe& probe, Findings& found) {
    if (!probe.agent_drift) return;
    found.add_lasting(kDriftPatience,
                      about(probe.agent_drift->path,
                            make_finding("agent.drift",
                                         FindingLevel::warning,
                                         probe.agent_drift->path + " " + probe.agent_drift->words +
                                             "; zkprov apply installs its own agent and starts it "
                                             "again")));
}

void look_at_host_memory(const MemoryLook& memory, Findings& found) {
    if (!memory.total_bytes || !memory.available_bytes) return;
    const std::uint64_t advised =
        least_of(*memory.total_bytes, kAvailableAdvisedPart, kAvailableAdvised);
    if (*memory.available_bytes >= advised) return;
    const std::uint64_t needed =
        least_of(*memory.total_bytes, kAvailableNeededPart, kAvailableNeeded);
    const bool little = *memory.available_bytes < needed;
    found.add_lasting(
        little ? Duration(0) : Duration(kMemoryPatience),
        measured(make_finding("memory.host",
                              little ? FindingLevel::critical : FindingLevel::warning,
                              "its host has only " + mebibytes(*memory.available_bytes) +
                                  " of memory left for all: a server that swaps loses its "
                                  "sessions, and the kernel may end it"),
                 *memory.available_bytes,
                 little ? needed : advised));
}

void look_at_memory_pressure(const MemoryLook& memory, Findings& found) {
    if (!memory.stalled_parts || *memory.stalled_parts < kStalledAdvised * 100) return;
    const std::uint64_t percent = *memory.stalled_parts / 100;
    const bool much = percent >= kStalledMax;
    found.add(measured(
        make_finding("memory.pressure",
                     much ? FindingLevel::critical : FindingLevel::warning,
                     "for " + std::to_string(percent) +
                         " % of the last minute nothing on its host could go on for want of "
                         "memory; more memory, or less beside the server"),
        percent,
        much ? kStalledMax : kStalledAdvised));
}

void look_at_memory_limit(const MemoryLook& memory, Findings& found) {
    if (!memory.limit_bytes || !memory.limited_bytes || *memory.limit_bytes == 0) return;
    const std::uint64_t limit = *memory.limit_bytes;
    const std::uint64_t left = limit - std::min(limit, *memory.limited_bytes);
    if (left > limit / kLimitAdvisedPart) return;
    const bool little = left <= limit / kLimitNeededPart;
    found.add(about(
        memory.limit_at,
        measured(make_finding("memory.limit",
                              little ? FindingLevel::critical : FindingLevel::warning,
                              "its server has " + mebibytes(*memory.limited_bytes) + " of the " +
                                  mebibytes(limit) + " that " + memory.limit_at +
                                  " may have, and the kernel ends it there; raise MemoryMax, or "
                                  "keep less in the tree"),
                 *memory.limited_bytes,
                 limit - limit / (little ? kLimitNeededPart : kLimitAdvisedPart))));
}

void look_at_memory(const Probe& probe, agent_api::NodeHealth& health, Findings& found) {
    const MemoryLook& memory = probe.memory;
    health.memory_bytes = memory.total_bytes;
    health.memory_available_bytes = memory.available_bytes;
    health.memory_stalled_parts = memory.stalled_parts;
    health.memory_limit_bytes = memory.limit_bytes;
    health.memory_limited_bytes = memory.limited_bytes;
    look_at_host_memory(memory, found);
    look_at_memory_pressure(memory, found);
    look_at_memory_limit(memory, found);
}

void look_at_clocks(const Probe& probe, agent_api::NodeHealth& health, Findings& found) {
    health.clock_offset_ms.reset();
    health.clock_uncertain_ms.reset();
    std::vector<clock_offset::HeardClock> clocks = probe.clocks;
    clocks.push_back({health.sid, {}});
    const auto deviation = clock_offset::deviation_of(health.sid, clocks);
    if (!deviation) return;
    health.clock_offset_ms = to_ms(deviation->look.ahead);
    health.clock_uncertain_ms = to_ms(deviation->look.uncertain);
    if (auto finding = clock_offset::finding_of(*deviation)) found.add(*std::move(finding));
}

}  // namespace

void Rules::look(const Probe& probe, agent_api::NodeHealth& health, Findings& found) {
    look_at_silence(probe, found);
    look_at_disk(probe.data_disk, "data", found);
    const bool one_disk = is_same_disk(probe.data_disk, probe.log_disk);
    if (!one_disk) look_at_disk(probe.log_disk, "logs", found);
    look_at_trend(probe, health, found);
    look_at_syncs(probe, health, found);
    look_at_files(probe, found);
    look_at_requests(probe, found);
    look_at_damage(probe, found);
    look_at_storage(probe, found);
    look_at_restarts(probe, found, health.verdict == agent_api::NodeVerdict::serving);
    look_at_unit(probe, found);
    look_at_drift(probe, found);
    look_at_agent(probe, found);
    look_at_memory(probe, health, found);
    look_at_clocks(probe, health, found);
}

void Rules::look_at_disk(const DiskLook& disk, const char* what, Findings& found) const {
    if (disk.free_bytes && *disk.free_bytes < limits_.free_bytes_advised) {
        const bool needed = *disk.free_bytes < limits_.free_bytes_needed;
        found.add(about(
            disk.directory,
            measured(make_finding("disk.space",
                                  needed ? FindingLevel::critical : FindingLevel::warning,
                                  "only " + mebibytes(*disk.free_bytes) + " are free for " + what),
                     *disk.free_bytes,
                     needed ? limits_.free_bytes_needed : limits_.free_bytes_advised)));
    }
    const bool few_inodes = disk.inodes && disk.free_inodes && *disk.inodes > 0 &&
                            *disk.free_inodes < kFreeInodesAdvised;
    if (few_inodes) {
        found.add(about(
            disk.directory,
            measured(
                make_finding("disk.inodes",
                             *disk.free_inodes < kFreeInodesNeeded ? FindingLevel::critical
                                                                   : FindingLevel::warning,
                             "the file system of " + std::string(what) + " has room for only " +
                                 plural(*disk.free_inodes, "more file")),
                *disk.free_inodes,
                kFreeInodesAdvised)));
    }
    if (disk.read_only) {
        found.add(
            about(disk.directory,
                  make_finding("disk.read_only",
                               FindingLevel::critical,
                               disk.directory +
                                   " is mounted read-only: look for errors of the disk in the "
                                   "kernel's log (dmesg)")));
    }
}

void Rules::look_at_trend(const Probe& probe, agent_api::NodeHealth& health, Findings& found) {
    const auto one = [&](DiskTrend& trend, const DiskLook& disk, const char* what) {
        if (!disk.free_bytes) return;
        trend.add(probe.now, disk.device, *disk.free_bytes);
        const auto left = trend.full_in_s();
        if (!left) return;
        health.full_in_s = std::min(health.full_in_s.value_or(*left), *left);
        if (*left > kFullSoonS) return;
        found.add(about(
            disk.directory,
            measured(make_finding(
                         "disk.trend",
                         *left < kFullVerySoonS ? FindingLevel::critical : FindingLevel::warning,
                         "the disk of " + std::string(what) + " is full in " + time_left(*left) +
                             " if it goes on as in the last " + span_words(trend.seen())),
                     *left,
                     kFullSoonS)));
    };
    health.full_in_s.reset();
    one(data_trend_, probe.data_disk, "data");
    if (!is_same_disk(probe.data_disk, probe.log_disk)) one(log_trend_, probe.log_disk, "logs");
}

/// Both kinds of server count how often they synced their log and what that took in sum.
void Rules::look_at_syncs(const Probe& probe, agent_api::NodeHealth& health, Findings& found) {
    health.fsync_ms.reset();
    const auto pending = count_in(probe.mntr, "fsync_pending_ms");
    if (pending && *pending >= kSyncMsMax) {
        found.add(measured(make_finding("disk.stalled",
                                        FindingLevel::critical,
                                        "its log has waited for the disk for " +
                                            std::to_string(*pending) + " ms by now"),
                           *pending,
                           kSyncMsMax));
    }
    const auto count = count_in(probe.mntr, "cnt_fsynctime");
    const auto total_ms = count_in(probe.mntr, "sum_fsynctime");
    if (!count || !total_ms) return syncs_.clear();
    const bool restarted =
        !syncs_.empty() && (*count < syncs_.back().count || *total_ms < syncs_.back().total_ms);
    if (restarted) syncs_.clear();
    if (syncs_.empty() || probe.now - syncs_.back().at >= kSyncSpacing) {
        syncs_.push_back({probe.now, *count, *total_ms});
    }
    while (syncs_.size() > 1 && probe.now - syncs_[1].at >= kSyncWindow) syncs_.pop_front();
    const std::uint64_t syncs = *count - syncs_.front().count;
    if (syncs < kSyncsMin) return;
    const std::uint64_t mean_ms = (*total_ms - syncs_.front().total_ms) / syncs;
    health.fsync_ms = mean_ms;
    if (mean_ms <= kSyncMsNoted) return;
    FindingLevel level = FindingLevel::note;
    std::uint64_t limit = kSyncMsNoted;
    if (mean_ms > kSyncMsAdvised) {
        level = mean_ms > kSyncMsMax ? FindingLevel::critical : FindingLevel::warning;
        limit = mean_ms > kSyncMsMax ? kSyncMsMax : kSyncMsAdvised;
    }
    found.add(measured(
        make_finding(
            "disk.slow",
            level,
            "syncing its log takes " + std::to_string(mean_ms) +
                " ms on average, and each write waits for that; give the log a disk of its own"),
        mean_ms,
        limit));
}

void Rules::look_at_restarts(const Probe& probe, Findings& found, bool serves) {
    const std::uint64_t before =
        std::exchange(restarts_told_, probe.restarts).value_or(probe.restarts);
    // systemd counts anew once somebody starts the unit by hand.
    for (std::uint64_t i = before; i < probe.restarts && i < before + kRestartsKept; ++i) {
        restarts_.push_back(probe.now);
    }
    while (restarts_.size() > kRestartsKept) restarts_.pop_front();
    while (!restarts_.empty() && probe.now - restarts_.front() > kRestartWindow) {
        restarts_.pop_front();
    }
    if (restarts_.size() < kRestartsMany) return;
    std::string words = "its server ended " + std::to_string(restarts_.size()) +
                        " times within 10 minutes; its last words are in its log";
    found.add(measured(make_finding("server.restarts",
                                    serves ? FindingLevel::warning : FindingLevel::critical,
                                    std::move(words)),
                       restarts_.size(),
                       kRestartsMany));
}

}  // namespace zk::node_judge
