#include "admin/four_letter.h"

#include <algorithm>
#include <cstdlib>

#include <fmt/core.h>

#include "ensemble/ensemble_config.h"

namespace zk::admin {
namespace {

using core::Role;

constexpr std::string_view kNotServing =
    "This ZooKeeper instance is not currently serving requests\n";

/// `mntr`, `srvr` and `stat` name roles as Apache does; only `vote` shows "looking", since the others
/// say nothing then.
std::string role_text(const core::StatusPage& status) { return core::to_string(status.role); }

std::string hex(std::int64_t value) {
    return fmt::format("0x{:x}", static_cast<std::uint64_t>(value));
}

std::string server_lines(const Facts& facts) {
    const frontend::LatencyStatistics& latency = facts.traffic.latency;
    std::string text;
    text += fmt::format("Latency min/avg/max: {}/{}/{}\n",
                        latency.min_ms,
                        average_text(latency.total_ms, latency.count),
                        latency.max_ms);
    text += fmt::format("Received: {}\n", facts.traffic.packets_received);
    text += fmt::format("Sent: {}\n", facts.traffic.packets_sent);
    text += fmt::format("Connections: {}\n", facts.traffic.connections);
    text += fmt::format("Outstanding: {}\n", facts.traffic.outstanding);
    text += fmt::format("Zxid: {}\n", hex(facts.status.last_zxid.value()));
    text += fmt::format("Mode: {}\n", role_text(facts.status));
    text += fmt::format("Node count: {}\n", facts.status.znode_count);
    return text;
}

std::string version_line(const Facts& facts) {
    return fmt::format("Zookeeper version: {}\n", facts.version);
}

std::string srvr(const Facts& facts) { return version_line(facts) + server_lines(facts); }

std::string stat(const Facts& facts) {
    std::string text = version_line(facts) + "Clients:\n";
    for (const frontend::ConnectionStatistics& connection : facts.connections) {
        // The number in brackets: what is waited for, 1 to read, 4 to write; 0 on the asking
        // connection itself.
        int interest = (connection.reading ? 1 : 0) + (connection.writing ? 4 : 0);
        if (connection.asked) interest = 0;
        text += fmt::format(" /{}[{:x}](queued={},recved={},sent={})\n",
                            connection.address,
                            interest,
                            connection.queued,
                            connection.received,
                            connection.sent);
    }
    return text + "\n" + server_lines(facts);
}

class Metrics {
  public:
    template <class Value>
    void add(std::string_view name, const Value& value) {
        text_ += fmt::format("zk_{}\t{}\n", name, value);
    }
    void add(std::string_view name, const std::optional<std::int64_t>& value) {
        add(name, value.value_or(-1));
    }
    [[nodiscard]] std::string take() { return std::move(text_); }

  private:
    std::string text_;
};

void add_leader_metrics(const core::StatusPage& status, Metrics& metrics) {
    const auto count = [&status](bool voter, bool synced) {
        return std::count_if(
            status.learners.begin(), status.learners.end(), [&](const auto& learner) {
                return learner.voter == voter && learner.synced == synced;
            });
    };
    metrics.add("learners", status.learners.size());
    metrics.add("synced_followers", count(true, true));
    metrics.add("synced_observers", count(false, true));
    metrics.add("pending_syncs", count(true, false) + count(false, false));
    metrics.add("proposals_pending", status.proposals_pending);
}

/// Whom this server votes for, or follows once the election is over.
void add_election_metrics(const core::StatusPage& status, Metrics& metrics) {
    metrics.add("vote_leader", status.vote_leader.value());
    metrics.add("vote_zxid", hex(status.vote_zxid.value()));
    metrics.add("vote_epoch", status.vote_epoch.value());
    metrics.add("election_round", status.round);
}

/// In the form of `mntr`, and answered while nothing is served, when `mntr` says nothing.
std::string vote(const core::StatusPage& status) {
    Metrics metrics;
    metrics.add("server_id", status.my_id.value());
    metrics.add("server_state", role_text(status));
    if (status.leader) metrics.add("leader_id", status.leader->value());
    if (status.role != Role::standalone) add_election_metrics(status, metrics);
    metrics.add("current_epoch", status.current_epoch.value());
    return metrics.take();
}

/// What `vote` tells of now, this tells of the last elections. The first line says in which form.
std::string elec(const Facts& facts) {
    return fmt::format("elections form=1 server={} uptime_ms={}\n",
                       facts.status.my_id.value(),
                       to_ms(facts.uptime)) +
           facts.elections;
}

/// Apache counts only the sync itself, here the write before it counts as well; what goes on now is our own word.
void add_log_metrics(const LogFacts& log, Metrics& metrics) {
    metrics.add("avg_fsynctime", average_text(to_ms(log.total), log.syncs));
    metrics.add("min_fsynctime", to_ms(log.shortest));
    metrics.add("max_fsynctime", to_ms(log.longest));
    metrics.add("cnt_fsynctime", log.syncs);
    metrics.add("sum_fsynctime", to_ms(log.total));
    metrics.add("fsync_pending_ms", to_ms(log.pending));
}

void add_throttle_metrics(const frontend::Statistics& traffic, Metrics& metrics) {
    const frontend::LatencyStatistics& deficit = traffic.token_deficit;
    metrics.add("connection_request_count", traffic.connection_requests);
    metrics.add("connection_rejected", traffic.connections_rejected);
    metrics.add("connection_drop_probability", traffic.connection_drop_chance);
    metrics.add("avg_connection_token_deficit", average_text(deficit.total_ms, deficit.count));
    metrics.add("min_connection_token_deficit", deficit.min_ms);
    metrics.add("max_connection_token_deficit", deficit.max_ms);
    metrics.add("cnt_connection_token_deficit", deficit.count);
    metrics.add("sum_connection_token_deficit", deficit.total_ms);
    metrics.add("request_throttle_wait_count", traffic.throttle_waits);
    metrics.add("throttled_ops", traffic.throttled_ops);
    metrics.add("large_requests_rejected", traffic.large_requests_rejected);
}

void add_quota_metrics(const Facts& facts, Metrics& metrics) {
    for (const auto& [name, usage] : facts.quotas) {
        metrics.add(name + "_quota_count_limit_per_namespace", usage.count_limit);
        metrics.add(name + "_quota_bytes_limit_per_namespace", usage.bytes_limit);
        metrics.add(name + "_quota_count_usage_per_namespace", usage.count);
        metrics.add(name + "_quota_bytes_usage_per_namespace", usage.bytes);
    }
    for (const auto& [name, refused] : facts.quota_refusals) {
        metrics.add(name + "_quota_exceeded_error_per_namespace", refused);
    }
}

/// Apache's names for what this server counts, then our own for what Apache does not tell at all.
std::string mntr(const Facts& facts, const ensemble::ServerConfig& config) {
    const core::StatusPage& status = facts.status;
    const frontend::Statistics& traffic = facts.traffic;
    Metrics metrics;
    metrics.add("version", facts.version);
    metrics.add("server_state", role_text(status));
    if (status.role == Role::leading) metrics.add("peer_state", "leading - broadcast");
    if (status.role == Role::following) metrics.add("peer_state", "following - broadcast");
    if (status.role == Role::observing) metrics.add("peer_state", "observing - broadcast");
    metrics.add("avg_latency", average_text(traffic.latency.total_ms, traffic.latency.count));
    metrics.add("max_latency", traffic.latency.max_ms);
    metrics.add("min_latency", traffic.latency.min_ms);
    metrics.add("packets_received", traffic.packets_received);
    metrics.add("packets_sent", traffic.packets_sent);
    metrics.add("num_alive_connections", traffic.connections);
    metrics.add("outstanding_requests", traffic.outstanding);
    metrics.add("znode_count", status.znode_count);
    metrics.add("watch_count", traffic.watches);
    metrics.add("ephemerals_count", status.ephemeral_count);
    metrics.add("approximate_data_size", status.approximate_data_bytes);
    metrics.add("global_sessions", status.session_count);
    metrics.add("local_sessions", 0);
    metrics.add("uptime", to_ms(facts.uptime));
    metrics.add("open_file_descriptor_count", facts.process.open_files);
    metrics.add("max_file_descriptor_count", facts.process.open_files_max);
    metrics.add("bytes_received_count", traffic.bytes_received);
    metrics.add("auth_failed_count", traffic.auth_failures);
    metrics.add("sessionless_connections_expired", traffic.sessionless_expired);
    metrics.add("looking_count", status.elections);
    add_log_metrics(facts.log, metrics);
    add_throttle_metrics(traffic, metrics);
    add_quota_metrics(facts, metrics);
    if (config.replicated()) metrics.add("quorum_size", config.ensemble.voters().size());
    if (status.role == Role::leading) add_leader_metrics(status, metrics);
    metrics.add("server_id", status.my_id.value());
    if (status.leader) metrics.add("leader_id", status.leader->value());
    metrics.add("last_zxid", hex(status.last_zxid.value()));
    metrics.add("last_logged_zxid", hex(status.last_logged.value()));
    metrics.add("accepted_epoch", status.accepted_epoch.value());
    metrics.add("current_epoch", status.current_epoch.value());
    if (status.role == Role::standalone) return metrics.take();
    add_election_metrics(status, metrics);
    metrics.add("last_election_ms", to_ms(status.last_election_took));
    return metrics.take();
}

std::string conf(const Facts& facts, const ensemble::ServerConfig& config) {
    std::string text;
    const auto line = [&text](std::string_view key, const auto& value) {
        text += fmt::format("{}={}\n", key, value);
    };
    line("clientPort", facts.client_port);
    line("secureClientPort", -1);
    line("dataDir", config.data_dir + "/version-2");
    if (facts.process.data_bytes) line("dataDirSize", *facts.process.data_bytes);
    line("dataLogDir", config.log_dir() + "/version-2");
    if (facts.process.log_bytes) line("dataLogSize", *facts.process.log_bytes);
    line("tickTime", config.tick_time.count());
    line("maxClientCnxns", config.client_connections_max);
    line("minSessionTimeout", config.session_timeout_lowest().count());
    line("maxSessionTimeout", config.session_timeout_highest().count());
    line("clientPortListenBacklog", config.client_backlog);
    line("serverId", facts.status.my_id.value());
    if (!config.replicated()) return text;
    line("initLimit", config.init_limit_ticks);
    line("syncLimit", config.sync_limit_ticks);
    line("electionAlg", 3);
    if (const ensemble::Member* own = config.ensemble.find(facts.status.my_id)) {
        line("electionPort", own->election_port);
        line("quorumPort", own->quorum_port);
        line("peerType", own->role == ensemble::Role::observer ? 1 : 0);
    }
    return text + "membership: \n" + ensemble::to_string(config.ensemble);
}

}  // namespace

std::string full_version(std::string_view own_version, std::string_view built_on) {
    return fmt::format("3.8.0-zkprov-{}, built on {}", own_version, built_on);
}

bool is_allowed(std::string_view word, const std::vector<std::string>& whitelist) {
    if (word == "srvr") return true;  // zkServer.sh status needs it
    return std::any_of(whitelist.begin(), whitelist.end(), [word](const std::string& allowed) {
        return allowed == "*" || allowed == word;
    });
}

std::string answer(std::string_view word,
                   const Facts& facts,
                   const ensemble::ServerConfig& config) {
    if (!is_allowed(word, config.four_letter_words)) {
        return fmt::format("{} is not executed because it is not in the whitelist.\n", word);
    }
    if (word == "ruok") return "imok";
    if (word == "isro") return facts.status.serving ? "rw" : "null";
    if (word == "vote") return vote(facts.status);
    // Also while nothing is served: that is when somebody asks.
    if (word == "elec") return elec(facts);
    const bool is_known = word == "srvr" || word == "stat" || word == "mntr" || word == "conf";
    if (!is_known) return fmt::format("{} is not supported by this server.\n", word);
    if (!facts.status.serving) return std::string(kNotServing);
    if (word == "srvr") return srvr(facts);
    if (word == "stat") return stat(facts);
    if (word == "mntr") return mntr(facts, config);
    return conf(facts, config);
}

std::string average_text(std::int64_t total, std::int64_t count) {
    if (count <= 0) return "0.0";
    std::string text =
        fmt::format("{:.4f}", static_cast<double>(total) / static_cast<double>(count));
    while (text.back() == '0' && text[text.size() - 2] != '.') text.pop_back();
    return text;
}

}  // namespace zk::admin
