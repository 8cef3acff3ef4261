#include "agent_metrics/metrics.h"

#include <cstdint>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include <fmt/core.h>

namespace zk::agent_metrics {
namespace {

using agent_api::NodeHealth;

using Labels = std::vector<std::pair<std::string_view, std::string>>;

/// A label's value may hold anything but these three as they are.
std::string escaped(std::string_view text) {
    std::string out;
    out.reserve(text.size());
    for (const char c : text) {
        if (c == '\\') {
            out += "\\\\";
        } else if (c == '"') {
            out += "\\\"";
        } else if (c == '\n') {
            out += "\\n";
        } else {
            out += c;
        }
    }
    return out;
}

/// Whole milliseconds as seconds, without a float that could round.
std::string seconds_of(std::uint64_t ms) { return fmt::format("{}.{:03}", ms / 1000, ms % 1000); }

/// The same of what may be below 0.
std::string signed_seconds_of(std::int64_t ms) {
    const auto magnitude = static_cast<std::uint64_t>(ms < 0 ? -ms : ms);
    return (ms < 0 ? "-" : "") + seconds_of(magnitude);
}

class Page {
  public:
    explicit Page(const NodeHealth& health)
        : node_{{"cluster", health.cluster}, {"sid", to_string(health.sid)}} {}

    void family(std::string_view name, std::string_view type, std::string_view help) {
        name_ = name;
        text_ += fmt::format("# HELP {} {}\n# TYPE {} {}\n", name, help, name, type);
    }
    void sample(std::string_view value, const Labels& more = {}) {
        text_ += name_;
        char before = '{';
        for (const Labels* labels : {&std::as_const(node_), &more}) {
            for (const auto& [label, content] : *labels) {
                text_ += fmt::format("{}{}=\"{}\"", before, label, escaped(content));
                before = ',';
            }
        }
        text_ += fmt::format("}} {}\n", value);
    }
    /// A family of one sample, or nothing when the value is not known.
    void gauge(std::string_view name,
               std::string_view help,
               const std::optional<std::uint64_t>& value) {
        if (!value) return;
        family(name, "gauge", help);
        sample(std::to_string(*value));
    }
    /// A sample for each word of an enumeration: 1 for the one that holds.
    template <agent_api::WordedEnum Enum>
    void states(std::string_view name,
                std::string_view label,
                std::string_view help,
                const std::optional<Enum>& value) {
        family(name, "gauge", help);
        for (const std::string_view word : enum_words(Enum{})) {
            const bool holds = value && agent_api::to_string(*value) == word;
            sample(holds ? "1" : "0", {{label, std::string(word)}});
        }
    }
    std::string take() { return std::move(text_); }

  private:
    Labels node_;
    std::string_view name_;
    std::string text_;
};

std::optional<std::uint64_t> unsigned_of(std::int64_t value) {
    if (value < 0) return std::nullopt;
    return static_cast<std::uint64_t>(value);
}

void add_agent(Page& page, const NodeHealth& health) {
    page.family("zkprov_node_info", "gauge", "Always 1; versions as labels.");
    page.sample(
        "1", {{"agent_version", health.agent_version}, {"server_version", health.server_version}});
    page.family("zkprov_node_verdict_age_seconds",
                "gauge",
                "Age of the look at the server that all of this rests on.");
    page.sample(seconds_of(health.age_ms));
    page.gauge("zkprov_node_agent_resident_bytes",
               "Resident memory of the agent.",
               health.agent_rss_bytes);
    // A counter that is absent for a while and then goes on counts right; restarts are the agent's own knowledge.
    page.family("zkprov_node_restarts_total",
                "counter",
                "How often the server was started again since the agent runs.");
    page.sample(std::to_string(health.restarts));
}

void add_states(Page& page, const NodeHealth& health) {
    page.states<agent_api::NodeVerdict>("zkprov_node_verdict",
                                        "verdict",
                                        "1 for the verdict on this node, 0 for the others.",
                                        health.verdict);
    page.states<agent_api::Role>("zkprov_node_role",
                                 "role",
                                 "1 for the part of this node in the ensemble, 0 for the others.",
                                 health.role);
    std::optional<agent_api::ConflictKind> conflict;
    if (health.conflict) conflict = health.conflict->kind;
    page.states<agent_api::ConflictKind>(
        "zkprov_node_conflict",
        "kind",
        "1 for the way in which this node is not what its server is, 0 for the others.",
        conflict);
    page.gauge("zkprov_node_reasons",
               "How many things are not well, as zkprov status tells them.",
               health.reasons.size());
}

/// One sample for each thing that is not as it should be; without any there is no such family.
void add_findings(Page& page, const NodeHealth& health) {
    std::set<std::pair<std::string, std::string>> told;
    for (const agent_api::Finding& finding : health.findings) {
        if (told.empty()) {
            page.family("zkprov_node_finding",
                        "gauge",
                        "1 for each finding that holds now; docs/OPERATIONS.md lists the ids.");
        }
        if (!told.emplace(finding.id, finding.subject).second) continue;
        page.sample("1",
                    {{"id", finding.id},
                     {"subject", finding.subject},
                     {"level", std::string(agent_api::to_string(finding.level))}});
    }
}

void add_ensemble(Page& page, const NodeHealth& health) {
    if (health.leader) {
        page.gauge("zkprov_node_leader_sid",
                   "Server id of the leader as this node knows it.",
                   unsigned_of(health.leader->value()));
    }
    if (health.epoch) {
        page.gauge("zkprov_node_epoch",
                   "Epoch, as far as this node knows.",
                   unsigned_of(health.epoch->value()));
    }
    if (health.zxid) {
        page.gauge("zkprov_node_zxid",
                   "Last zxid that this node applied, as a number.",
                   unsigned_of(health.zxid->value()));
    }
    if (!health.members.empty()) {
        page.gauge("zkprov_node_members",
                   "Members of the ensemble as this node's server has them.",
                   health.members.size());
    }
    page.gauge("zkprov_node_learners", "A leader's learners.", health.learners);
    page.gauge("zkprov_node_synced_followers",
               "A leader's followers that are in sync.",
               health.synced_followers);
    if (health.changed_at != WallMs()) {
        if (const auto at = unsigned_of(health.changed_at.value())) {
            page.family("zkprov_node_changed_timestamp_seconds",
                        "gauge",
                        "When role, epoch or leader changed last, in seconds since 1970.");
            page.sample(seconds_of(*at));
        }
    }
}

void add_host(Page& page, const NodeHealth& health) {
    page.gauge("zkprov_node_memory_bytes", "Memory of the host.", health.memory_bytes);
    page.gauge("zkprov_node_memory_available_bytes",
               "Memory of the host that is free, or can be freed without swapping.",
               health.memory_available_bytes);
    if (health.memory_stalled_parts) {
        page.family("zkprov_node_memory_stalled_ratio",
                    "gauge",
                    "Share of the last minute in which nothing on the host could go on for want of "
                    "memory.");
        page.sample(fmt::format("{}.{:04}",
                                *health.memory_stalled_parts / 10000,
                                *health.memory_stalled_parts % 10000));
    }
    page.gauge("zkprov_node_memory_limit_bytes",
               "Limit of the cgroup of the server, or of the one around it that has least left.",
               health.memory_limit_bytes);
    page.gauge("zkprov_node_memory_limited_bytes",
               "Memory used under that limit, without what the kernel can take back.",
               health.memory_limited_bytes);
    if (health.clock_offset_ms) {
        page.family("zkprov_node_clock_offset_seconds",
                    "gauge",
                    "Wall clock of the host by the median of those that its agent heard of; below "
                    "0: behind.");
        page.sample(signed_seconds_of(*health.clock_offset_ms));
    }
    if (health.clock_uncertain_ms) {
        page.family("zkprov_node_clock_uncertain_seconds",
                    "gauge",
                    "How far that offset may be off: half of the way there and back.");
        page.sample(signed_seconds_of(*health.clock_uncertain_ms));
    }
}

void add_server(Page& page, const NodeHealth& health) {
    page.gauge("zkprov_node_connections", "Connections of clients.", health.connections);
    page.gauge("zkprov_node_outstanding_requests",
               "Requests taken and not yet answered.",
               health.outstanding);
    page.gauge("zkprov_node_znodes", "Znodes of the tree.", health.znodes);
    page.gauge("zkprov_node_data_free_bytes",
               "Free bytes of the file system of the data directory.",
               health.data_free_bytes);
    page.gauge("zkprov_node_log_free_bytes",
               "Free bytes of the file system of the log directory.",
               health.log_free_bytes);
    page.gauge("zkprov_node_disk_full_in_seconds",
               "When the fuller disk is full if it goes on as in the last two hours.",
               health.full_in_s);
    page.gauge("zkprov_node_snapshots", "Snapshots in the data directory.", health.snapshots);
    page.gauge("zkprov_node_logs", "Log files in the log directory.", health.logs);
    page.gauge(
        "zkprov_node_snapshot_age_seconds", "Age of the newest snapshot.", health.snapshot_age_s);
    if (health.fsync_ms) {
        page.family("zkprov_node_fsync_seconds",
                    "gauge",
                    "What syncing the log took in the last minute, on average.");
        page.sample(seconds_of(*health.fsync_ms));
    }
    page.gauge("zkprov_node_open_files",
               "Files and connections that the server has open.",
               health.open_files);
    page.gauge("zkprov_node_open_files_limit",
               "How many the server may have open.",
               health.open_files_max);
    if (health.pid == 0) return;
    page.gauge("zkprov_node_server_uptime_seconds",
               "For how long the server's process runs.",
               health.uptime_s);
    page.gauge("zkprov_node_server_resident_bytes",
               "Resident memory of the server's process.",
               health.rss_bytes);
}

}  // namespace

std::string render(const NodeHealth& health) {
    Page page(health);
    add_agent(page, health);
    if (!agent_api::is_fresh(health)) return page.take();
    add_states(page, health);
    add_findings(page, health);
    add_ensemble(page, health);
    add_server(page, health);
    add_host(page, health);
    return page.take();
}

}  // namespace zk::agent_metrics
