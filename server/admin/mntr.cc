#include "admin/mntr.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <utility>

#include <fmt/core.h>

namespace zk::admin {
namespace {

using core::Role;

class List {
  public:
    void text(std::string_view name, std::string value) {
        all_.push_back({std::string(name), std::move(value), true});
    }
    void raw(std::string_view name, std::string value) {
        all_.push_back({std::string(name), std::move(value), false});
    }
    template <class Number>
    void add(std::string_view name, const Number& value) {
        all_.push_back({std::string(name), fmt::format("{}", value), false});
    }
    void add(std::string_view name, const std::optional<std::int64_t>& value) {
        add(name, value.value_or(-1));
    }
    void average(std::string_view name, std::int64_t total, std::int64_t count) {
        raw(name, average_text(total, count));
    }
    /// As Java writes it: with a point.
    void fraction(std::string_view name, double value) {
        std::string digits = fmt::format("{}", value);
        if (digits.find_first_of(".e") == std::string::npos) digits += ".0";
        all_.push_back({std::string(name), std::move(digits), false});
    }
    [[nodiscard]] Measures take() { return std::move(all_); }

  private:
    Measures all_;
};

void add_leader(const core::StatusPage& status, List& list) {
    const auto count = [&status](bool voter, bool synced) {
        return std::count_if(
            status.learners.begin(), status.learners.end(), [&](const auto& learner) {
                return learner.voter == voter && learner.synced == synced;
            });
    };
    list.add("learners", status.learners.size());
    list.add("synced_followers", count(true, true));
    list.add("synced_non_voting_followers", 0);
    list.add("synced_observers", count(false, true));
    list.add("pending_syncs", count(true, false) + count(false, false));
    list.add("leader_uptime", to_ms(status.leads_for));
    list.add("last_proposal_size", status.proposals.last);
    list.add("min_proposal_size", status.proposals.min);
    list.add("max_proposal_size", status.proposals.max);
    list.add("proposals_pending", status.proposals_pending);
}

/// Whom this server votes for, or follows once the election is over.
void add_election(const core::StatusPage& status, List& list) {
    list.add("vote_leader", status.vote_leader.value());
    list.text("vote_zxid", hex(status.vote_zxid.value()));
    list.add("vote_epoch", status.vote_epoch.value());
    list.add("election_round", status.round);
}

void add_traffic(const Facts& facts, List& list) {
    const frontend::Statistics& traffic = facts.traffic;
    list.average("avg_latency", traffic.latency.total_ms, traffic.latency.count);
    list.add("max_latency", traffic.latency.max_ms);
    list.add("min_latency", traffic.latency.min_ms);
    list.add("packets_received", traffic.packets_received);
    list.add("packets_sent", traffic.packets_sent);
    list.add("num_alive_connections", traffic.connections);
    list.add("outstanding_requests", traffic.outstanding);
    list.add("last_client_response_size", traffic.answers.last);
    list.add("min_client_response_size", traffic.answers.min);
    list.add("max_client_response_size", traffic.answers.max);
    list.add("watch_count", traffic.watches);
    list.add("auth_failed_count", traffic.auth_failures);
    // Of TLS, which this version does not have.
    list.add("outstanding_tls_handshake", 0);
    list.add("non_mtls_remote_conn_count", 0);
    list.add("non_mtls_local_conn_count", 0);
}

void add_quotas(const Facts& facts, List& list) {
    for (const auto& [name, usage] : facts.quotas) {
        list.add(name + "_quota_count_limit_per_namespace", usage.count_limit);
        list.add(name + "_quota_bytes_limit_per_namespace", usage.bytes_limit);
        list.add(name + "_quota_count_usage_per_namespace", usage.count);
        list.add(name + "_quota_bytes_usage_per_namespace", usage.bytes);
    }
    for (const auto& [name, refused] : facts.quota_refusals) {
        list.add(name + "_quota_exceeded_error_per_namespace", refused);
    }
}

void add_summary(std::string_view name, const metrics::Distribution& values, List& list) {
    list.average(fmt::format("avg_{}", name), values.sum(), values.count());
    list.add(fmt::format("min_{}", name), values.min());
    list.add(fmt::format("max_{}", name), values.max());
    list.add(fmt::format("cnt_{}", name), values.count());
    list.add(fmt::format("sum_{}", name), values.sum());
}

void add_percentiles(std::string_view name, const metrics::Distribution& values, List& list) {
    constexpr std::array<std::pair<const char*, double>, 4> kParts = {
        {{"p50", 0.5}, {"p95", 0.95}, {"p99", 0.99}, {"p999", 0.999}}};
    for (const auto& [prefix, part] : kParts)
        list.add(fmt::format("{}_{}", prefix, name), values.quantile(part));
}

/// What Apache's server does not tell.
void add_own(const Facts& facts, List& list) {
    const core::StatusPage& status = facts.status;
    list.add("server_id", status.my_id.value());
    list.add("fsync_pending_ms", to_ms(facts.log.pending));
    if (status.leader) list.add("leader_id", status.leader->value());
    list.text("last_zxid", hex(status.last_zxid.value()));
    list.text("last_logged_zxid", hex(status.last_logged.value()));
    list.add("accepted_epoch", status.accepted_epoch.value());
    list.add("current_epoch", status.current_epoch.value());
    if (status.role == Role::standalone) return;
    add_election(status, list);
    list.add("last_election_ms", to_ms(status.last_election_took));
}

}  // namespace

Measures gauges_of(const Facts& facts, const ensemble::ServerConfig& config) {
    const core::StatusPage& status = facts.status;
    List list;
    list.text("version", facts.version);
    list.text("server_state", role_text(status));
    if (status.role == Role::leading) list.text("peer_state", "leading - broadcast");
    if (status.role == Role::following) list.text("peer_state", "following - broadcast");
    if (status.role == Role::observing) list.text("peer_state", "observing - broadcast");
    add_traffic(facts, list);
    list.add("znode_count", status.znode_count);
    list.add("ephemerals_count", status.ephemeral_count);
    list.add("approximate_data_size", status.approximate_data_bytes);
    list.add("global_sessions", status.session_count);
    list.add("local_sessions", status.local_session_count);
    list.add("uptime", to_ms(facts.uptime));
    list.add("open_file_descriptor_count", facts.process.open_files);
    list.add("max_file_descriptor_count", facts.process.open_files_max);
    list.fraction("connection_drop_probability", facts.traffic.connection_drop_chance);
    if (config.replicated()) list.add("quorum_size", config.ensemble.voters().size());
    if (status.role == Role::leading) add_leader(status, list);
    add_own(facts, list);
    return list.take();
}

Measures counts_of(const metrics::Metrics& counts) {
    List list;
    for (std::size_t i = 0; i < static_cast<std::size_t>(metrics::Counter::count); ++i) {
        const auto counter = static_cast<metrics::Counter>(i);
        list.add(metrics::name_of(counter), counts.value(counter));
    }
    for (std::size_t i = 0; i < static_cast<std::size_t>(metrics::Summary::count); ++i) {
        const auto summary = static_cast<metrics::Summary>(i);
        add_summary(metrics::name_of(summary), counts.value(summary), list);
        if (metrics::is_advanced(summary))
            add_percentiles(metrics::name_of(summary), counts.value(summary), list);
    }
    for (std::size_t i = 0; i < static_cast<std::size_t>(metrics::SummarySet::count); ++i) {
        const auto set = static_cast<metrics::SummarySet>(i);
        for (const auto& [key, values] : counts.value(set).by_key()) {
            const std::string name = fmt::format("{}_{}", key, metrics::name_of(set));
            add_summary(name, values, list);
            if (metrics::is_advanced(set)) add_percentiles(name, values, list);
        }
    }
    return list.take();
}

Measures measures_of(const Facts& facts, const ensemble::ServerConfig& config) {
    Measures all = gauges_of(facts, config);
    const auto append = [&all](Measures more) { std::ranges::move(more, std::back_inserter(all)); };
    List quotas;
    add_quotas(facts, quotas);
    append(quotas.take());
    append(counts_of(facts.counts));
    return all;
}

Measures vote_of(const core::StatusPage& status) {
    List list;
    list.add("server_id", status.my_id.value());
    list.text("server_state", core::to_string(status.role));
    if (status.leader) list.add("leader_id", status.leader->value());
    if (status.role != Role::standalone) add_election(status, list);
    list.add("current_epoch", status.current_epoch.value());
    return list.take();
}

std::string to_text(const Measures& measures) {
    std::string text;
    for (const Measure& measure : measures)
        text += fmt::format("zk_{}\t{}\n", measure.name, measure.value);
    return text;
}

// Only `vote` shows "looking": the others say nothing then, or "read-only".
std::string role_text(const core::StatusPage& status) {
    return status.read_only ? "read-only" : core::to_string(status.role);
}

std::string hex(std::int64_t value) {
    return fmt::format("0x{:x}", static_cast<std::uint64_t>(value));
}

std::string average_text(std::int64_t total, std::int64_t count) {
    if (count <= 0) return "0.0";
    std::string text =
        fmt::format("{:.4f}", static_cast<double>(total) / static_cast<double>(count));
    while (text.back() == '0' && text[text.size() - 2] != '.') text.pop_back();
    return text;
}

}  // namespace zk::admin
