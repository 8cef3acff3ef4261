// What a server counts and measures while it works, under the names of Apache's server, so that what watches Apache's
// watches ours. All of Apache's names are here: of what this server does not have (TLS, SASL, queues between threads;
// docs/OPERATIONS.md has the whole list) the value stays 0, as it does in a server of Apache's that does not use it.
// Pure values: each room that counts has its own, and whoever prints merges them. Not thread-safe.
// Source: ZooKeeper ServerMetrics, AvgMinMaxCounter, AvgMinMaxPercentileCounter.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace zk::metrics {

enum class Counter : std::uint8_t {
    add_dead_watcher_stall_time,
    bytes_received_count,
    cnxn_closed_without_zk_server_running,
    commit_count,
    connection_drop_count,
    connection_rejected,
    connection_request_count,
    connection_revalidate_count,
    dead_watchers_cleared,
    dead_watchers_queued,
    diff_count,
    digest_mismatches_count,
    ensemble_auth_fail,
    ensemble_auth_skip,
    ensemble_auth_success,
    insecure_admin_count,
    large_requests_rejected,
    learner_commit_received_count,
    learner_proposal_received_count,
    looking_count,
    outstanding_changes_queued,
    outstanding_changes_removed,
    prep_processor_request_queued,
    proposal_count,
    quit_leading_due_to_disloyal_voter,
    request_commit_queued,
    request_throttle_wait_count,
    requests_not_forwarded_to_commit_processor,
    response_bytes,
    response_packet_cache_hits,
    response_packet_cache_misses,
    response_packet_get_children_cache_hits,
    response_packet_get_children_cache_misses,
    restore_error_count,  // from 3.9 on, as are the others of restore and snapshot
    restore_rate_limited_count,
    revalidate_count,
    sessionless_connections_expired,
    skip_learner_request_to_next_processor_count,
    snap_count,
    snapshot_error_count,
    snapshot_rate_limited_count,
    stale_replies,
    stale_requests,
    stale_requests_dropped,
    stale_sessions_expired,
    sync_processor_request_queued,
    throttled_ops,
    tls_handshake_exceeded,
    unrecoverable_error_count,
    unsuccessful_handshake,
    watch_bytes,
    count,
};

/// The first ones are "basic" in Apache's server, which tells no percentiles of them; from kFirstAdvanced on it does.
enum class Summary : std::uint8_t {
    commit_commit_proc_req_queued,
    commit_process_time,
    concurrent_request_processing_in_commit_processor,
    connection_token_deficit,
    dbinittime,
    election_time,
    follower_sync_time,
    fsynctime,
    inflight_diff_count,
    inflight_snap_count,
    leader_unavailable_time,
    learner_request_processor_queue_size,
    netty_queued_buffer_capacity,
    node_changed_watch_count,
    node_children_watch_count,
    node_created_watch_count,
    node_deleted_watch_count,
    observer_sync_time,
    pending_session_queue_size,
    prep_process_time,
    prep_processor_queue_size,
    proposal_process_time,
    read_commit_proc_issued,
    read_commit_proc_req_queued,
    reads_after_write_in_session_queue,
    reads_issued_from_session_queue,
    requests_in_session_queue,
    restore_time,
    session_queues_drained,
    snapshottime,
    socket_closing_time,
    startup_snap_load_time,
    startup_txns_load_time,
    startup_txns_loaded,
    sync_process_time,
    sync_processor_batch_size,
    sync_processor_queue_size,
    time_waiting_empty_pool_in_commit_processor_read_ms,
    unavailable_time,
    write_batch_time_in_commit_processor,
    write_commit_proc_issued,
    write_commit_proc_req_queued,
    // advanced
    close_session_prep_time,
    commit_propagation_latency,
    dead_watchers_cleaner_latency,
    jvm_pause_time_ms,
    local_write_committed_time_ms,
    om_commit_process_time_ms,
    om_proposal_process_time_ms,
    prep_processor_queue_time_ms,
    propagation_latency,
    proposal_ack_creation_latency,
    proposal_latency,
    quorum_ack_latency,
    read_commitproc_time_ms,
    read_final_proc_time_ms,
    readlatency,
    request_throttle_queue_time_ms,
    server_write_committed_time_ms,
    sync_processor_queue_and_flush_time_ms,
    sync_processor_queue_flush_time_ms,
    sync_processor_queue_time_ms,
    updatelatency,
    write_commitproc_time_ms,
    write_final_proc_time_ms,
    count,
};
inline constexpr Summary kFirstAdvanced = Summary::close_session_prep_time;

/// A summary for each key: a server id, or a namespace (the name of a child of the root; bytes of each read or write below
/// it).
enum class SummarySet : std::uint8_t {
    learner_handler_qp_size,
    read_per_namespace,
    write_per_namespace,
    // advanced
    ack_latency,
    learner_handler_qp_time_ms,
    count,
};
inline constexpr SummarySet kFirstAdvancedSet = SummarySet::ack_latency;

std::string_view name_of(Counter counter);
std::string_view name_of(Summary summary);
std::string_view name_of(SummarySet set);
constexpr bool is_advanced(Summary summary) { return summary >= kFirstAdvanced; }
constexpr bool is_advanced(SummarySet set) { return set >= kFirstAdvancedSet; }

/// How often which values came: count, sum, least, most, and quantiles that are at most a sixteenth too high.
class Distribution {
  public:
    /// Below 0 counts as 0.
    void add(std::int64_t value);
    void merge(const Distribution& other);
    /// Without the single values: its quantiles are not known.
    static Distribution summed(std::int64_t count,
                               std::int64_t sum,
                               std::int64_t min,
                               std::int64_t max);

    [[nodiscard]] std::int64_t count() const { return count_; }
    [[nodiscard]] std::int64_t sum() const { return sum_; }
    [[nodiscard]] std::int64_t min() const { return min_; }
    [[nodiscard]] std::int64_t max() const { return max_; }
    /// False: there is nothing to tell of single values.
    [[nodiscard]] bool has_quantiles() const { return !buckets_.empty(); }
    /// The value that this part (0 to 1) of all values does not exceed; 0 without any.
    [[nodiscard]] std::int64_t quantile(double part) const;

  private:
    static std::size_t bucket_of(std::int64_t value);
    static std::int64_t highest_in(std::size_t bucket);

    std::int64_t count_ = 0, sum_ = 0, min_ = 0, max_ = 0;
    std::vector<std::uint32_t> buckets_;  ///< as far as they are needed
};

/// A Distribution for each key. Clients choose keys: of more than there may be, and of long ones, nothing is counted.
class DistributionSet {
  public:
    static constexpr std::size_t kKeysMax = 1000;
    static constexpr std::size_t kKeyBytesMax = 256;
    using ByKey = std::map<std::string, Distribution, std::less<>>;

    void add(std::string_view key, std::int64_t value);
    void merge(std::string_view key, const Distribution& values);
    void merge(const DistributionSet& other);
    [[nodiscard]] const ByKey& by_key() const { return by_key_; }

  private:
    [[nodiscard]] Distribution* find_or_add(std::string_view key);

    ByKey by_key_;
};

class Metrics {
  public:
    void add(Counter counter, std::int64_t more = 1) { counters_[index(counter)] += more; }
    void observe(Summary summary, std::int64_t value) { summaries_[index(summary)].add(value); }
    void observe(SummarySet set, std::string_view key, std::int64_t value) {
        sets_[index(set)].add(key, value);
    }
    void merge(SummarySet set, std::string_view key, const Distribution& values) {
        sets_[index(set)].merge(key, values);
    }
    void set(Summary summary, Distribution values) {
        summaries_[index(summary)] = std::move(values);
    }

    [[nodiscard]] std::int64_t value(Counter counter) const { return counters_[index(counter)]; }
    [[nodiscard]] const Distribution& value(Summary summary) const {
        return summaries_[index(summary)];
    }
    [[nodiscard]] const DistributionSet& value(SummarySet set) const { return sets_[index(set)]; }
    void merge(const Metrics& other);

  private:
    template <class Enum>
    static constexpr std::size_t index(Enum value) {
        return static_cast<std::size_t>(value);
    }
    std::array<std::int64_t, static_cast<std::size_t>(Counter::count)> counters_{};
    std::array<Distribution, static_cast<std::size_t>(Summary::count)> summaries_{};
    std::array<DistributionSet, static_cast<std::size_t>(SummarySet::count)> sets_{};
};

}  // namespace zk::metrics
