#include "metrics/metrics.h"

#include <bit>
#include <cmath>
#include <utility>

namespace zk::metrics {
namespace {

constexpr std::array<std::string_view, 51> kCounterNames = {
    "add_dead_watcher_stall_time",
    "bytes_received_count",
    "cnxn_closed_without_zk_server_running",
    "commit_count",
    "connection_drop_count",
    "connection_rejected",
    "connection_request_count",
    "connection_revalidate_count",
    "dead_watchers_cleared",
    "dead_watchers_queued",
    "diff_count",
    "digest_mismatches_count",
    "ensemble_auth_fail",
    "ensemble_auth_skip",
    "ensemble_auth_success",
    "insecure_admin_count",
    "large_requests_rejected",
    "learner_commit_received_count",
    "learner_proposal_received_count",
    "looking_count",
    "outstanding_changes_queued",
    "outstanding_changes_removed",
    "prep_processor_request_queued",
    "proposal_count",
    "quit_leading_due_to_disloyal_voter",
    "request_commit_queued",
    "request_throttle_wait_count",
    "requests_not_forwarded_to_commit_processor",
    "response_bytes",
    "response_packet_cache_hits",
    "response_packet_cache_misses",
    "response_packet_get_children_cache_hits",
    "response_packet_get_children_cache_misses",
    "restore_error_count",
    "restore_rate_limited_count",
    "revalidate_count",
    "sessionless_connections_expired",
    "skip_learner_request_to_next_processor_count",
    "snap_count",
    "snapshot_error_count",
    "snapshot_rate_limited_count",
    "stale_replies",
    "stale_requests",
    "stale_requests_dropped",
    "stale_sessions_expired",
    "sync_processor_request_queued",
    "throttled_ops",
    "tls_handshake_exceeded",
    "unrecoverable_error_count",
    "unsuccessful_handshake",
    "watch_bytes",
};
constexpr std::array<std::string_view, 65> kSummaryNames = {
    "commit_commit_proc_req_queued",
    "commit_process_time",
    "concurrent_request_processing_in_commit_processor",
    "connection_token_deficit",
    "dbinittime",
    "election_time",
    "follower_sync_time",
    "fsynctime",
    "inflight_diff_count",
    "inflight_snap_count",
    "leader_unavailable_time",
    "learner_request_processor_queue_size",
    "netty_queued_buffer_capacity",
    "node_changed_watch_count",
    "node_children_watch_count",
    "node_created_watch_count",
    "node_deleted_watch_count",
    "observer_sync_time",
    "pending_session_queue_size",
    "prep_process_time",
    "prep_processor_queue_size",
    "proposal_process_time",
    "read_commit_proc_issued",
    "read_commit_proc_req_queued",
    "reads_after_write_in_session_queue",
    "reads_issued_from_session_queue",
    "requests_in_session_queue",
    "restore_time",
    "session_queues_drained",
    "snapshottime",
    "socket_closing_time",
    "startup_snap_load_time",
    "startup_txns_load_time",
    "startup_txns_loaded",
    "sync_process_time",
    "sync_processor_batch_size",
    "sync_processor_queue_size",
    "time_waiting_empty_pool_in_commit_processor_read_ms",
    "unavailable_time",
    "write_batch_time_in_commit_processor",
    "write_commit_proc_issued",
    "write_commit_proc_req_queued",
    "close_session_prep_time",
    "commit_propagation_latency",
    "dead_watchers_cleaner_latency",
    "jvm_pause_time_ms",
    "local_write_committed_time_ms",
    "om_commit_process_time_ms",
    "om_proposal_process_time_ms",
    "prep_processor_queue_time_ms",
    "propagation_latency",
    "proposal_ack_creation_latency",
    "proposal_latency",
    "quorum_ack_latency",
    "read_commitproc_time_ms",
    "read_final_proc_time_ms",
    "readlatency",
    "request_throttle_queue_time_ms",
    "server_write_committed_time_ms",
    "sync_processor_queue_and_flush_time_ms",
    "sync_processor_queue_flush_time_ms",
    "sync_processor_queue_time_ms",
    "updatelatency",
    "write_commitproc_time_ms",
    "write_final_proc_time_ms",
};

constexpr std::array<std::string_view, 5> kSetNames = {
    "learner_handler_qp_size",
    "read_per_namespace",
    "write_per_namespace",
    "ack_latency",
    "learner_handler_qp_time_ms",
};

static_assert(kCounterNames.size() == static_cast<std::size_t>(Counter::count));
static_assert(kSummaryNames.size() == static_cast<std::size_t>(Summary::count));
static_assert(kSetNames.size() == static_cast<std::size_t>(SummarySet::count));

/// Values below this have a bucket each; above it every doubling has as many as half of them.
constexpr std::int64_t kExact = 32;
constexpr int kExactBits = 5;
constexpr std::size_t kPerDoubling = 16;

}  // namespace

std::string_view name_of(Counter counter) {
    return kCounterNames.at(static_cast<std::size_t>(counter));
}
std::string_view name_of(Summary summary) {
    return kSummaryNames.at(static_cast<std::size_t>(summary));
}
std::string_view name_of(SummarySet set) { return kSetNames.at(static_cast<std::size_t>(set)); }

std::size_t Distribution::bucket_of(std::int64_t value) {
    const auto bits = static_cast<std::uint64_t>(value);
    if (value < kExact) return static_cast<std::size_t>(bits);
    const int width = static_cast<int>(std::bit_width(bits));
    const auto doubling = static_cast<std::size_t>(width - kExactBits - 1);
    const auto place = static_cast<std::size_t>(bits >> (width - kExactBits)) - kPerDoubling;
    return static_cast<std::size_t>(kExact) + doubling * kPerDoubling + place;
}

std::int64_t Distribution::highest_in(std::size_t bucket) {
    const auto exact = static_cast<std::size_t>(kExact);
    if (bucket < exact) return static_cast<std::int64_t>(bucket);
    const std::size_t doubling = (bucket - exact) / kPerDoubling;
    const std::size_t place = (bucket - exact) % kPerDoubling + kPerDoubling;
    return static_cast<std::int64_t>(((place + 1) << (doubling + 1)) - 1);
}

void Distribution::add(std::int64_t value) {
    value = std::max<std::int64_t>(value, 0);
    min_ = count_ == 0 ? value : std::min(min_, value);
    max_ = std::max(max_, value);
    sum_ += value;
    ++count_;
    const std::size_t bucket = bucket_of(value);
    if (bucket >= buckets_.size()) buckets_.resize(bucket + 1);
    if (buckets_[bucket] != UINT32_MAX) ++buckets_[bucket];
}

void Distribution::merge(const Distribution& other) {
    if (other.count_ == 0) return;
    min_ = count_ == 0 ? other.min_ : std::min(min_, other.min_);
    max_ = std::max(max_, other.max_);
    sum_ += other.sum_;
    count_ += other.count_;
    if (other.buckets_.size() > buckets_.size()) buckets_.resize(other.buckets_.size());
    for (std::size_t i = 0; i < other.buckets_.size(); ++i) {
        const std::uint32_t room = UINT32_MAX - buckets_[i];
        buckets_[i] += std::min(room, other.buckets_[i]);
    }
}

Distribution Distribution::summed(std::int64_t count,
                                  std::int64_t sum,
                                  std::int64_t min,
                                  std::int64_t max) {
    Distribution all;
    all.count_ = count;
    all.sum_ = sum;
    all.min_ = min;
    all.max_ = max;
    return all;
}

std::int64_t Distribution::quantile(double part) const {
    std::uint64_t all = 0;
    for (const std::uint32_t bucket : buckets_) all += bucket;
    if (all == 0) return 0;
    const auto wanted = std::max<std::uint64_t>(
        1, static_cast<std::uint64_t>(std::ceil(part * static_cast<double>(all))));
    std::uint64_t seen = 0;
    for (std::size_t i = 0; i < buckets_.size(); ++i) {
        seen += buckets_[i];
        if (seen >= wanted) return std::min(highest_in(i), max_);
    }
    return max_;
}

Distribution* DistributionSet::find_or_add(std::string_view key) {
    if (const auto found = by_key_.find(key); found != by_key_.end()) return &found->second;
    if (by_key_.size() >= kKeysMax || key.size() > kKeyBytesMax) return nullptr;
    return &by_key_.emplace(std::string(key), Distribution()).first->second;
}

void DistributionSet::add(std::string_view key, std::int64_t value) {
    if (Distribution* values = find_or_add(key)) values->add(value);
}

void DistributionSet::merge(std::string_view key, const Distribution& values) {
    if (values.count() == 0) return;
    if (Distribution* own = find_or_add(key)) own->merge(values);
}

void DistributionSet::merge(const DistributionSet& other) {
    for (const auto& [key, values] : other.by_key_) merge(key, values);
}

void Metrics::merge(const Metrics& other) {
    for (std::size_t i = 0; i < counters_.size(); ++i) counters_[i] += other.counters_[i];
    for (std::size_t i = 0; i < summaries_.size(); ++i) summaries_[i].merge(other.summaries_[i]);
    for (std::size_t i = 0; i < sets_.size(); ++i) sets_[i].merge(other.sets_[i]);
}

}  // namespace zk::metrics
