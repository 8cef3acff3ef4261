// Counters of a frontend's traffic: what four-letter words print.
// Pure values.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/ids.h"
#include "base/time.h"
#include "jute/codes.h"
#include "metrics/metrics.h"
#include "metrics/size_statistics.h"

namespace zk::frontend {

/// Time from a request's arrival to its reply, in whole milliseconds as ZooKeeper counts it.
struct LatencyStatistics {
    std::int64_t count = 0;
    std::int64_t total_ms = 0;
    std::int64_t min_ms = 0;
    std::int64_t max_ms = 0;

    void add(std::int64_t ms) {
        min_ms = count == 0 ? ms : std::min(min_ms, ms);
        max_ms = std::max(max_ms, ms);
        total_ms += ms;
        ++count;
    }
    void merge(const LatencyStatistics& other) {
        if (other.count == 0) return;
        min_ms = count == 0 ? other.min_ms : std::min(min_ms, other.min_ms);
        max_ms = std::max(max_ms, other.max_ms);
        total_ms += other.total_ms;
        count += other.count;
    }
};

/// What one connection did since it came, or since the word `crst`.
struct Activity {
    std::int64_t received = 0;      ///< packets
    std::int64_t sent = 0;          ///< packets
    std::optional<OpCode> last_op;  ///< of the last answer; none yet
    std::int64_t last_cxid = -1;    ///< pings and the like do not count; -1: none
    Zxid last_zxid = Zxid(-1);      ///< of the last answer
    Instant last_answer{};
    std::int64_t last_latency_ms = 0;
    LatencyStatistics latency;

    /// `op`: none of a write that failed, as Apache's server has it.
    void answered(std::optional<OpCode> op, Xid xid, Zxid zxid, std::int64_t ms, Instant now) {
        last_op = op;
        if (xid.value() >= 0) last_cxid = xid.value();
        last_zxid = zxid;
        last_answer = now;
        last_latency_ms = ms;
        latency.add(ms);
    }
};

/// One connection, as `stat` and `cons` show it.
struct ConnectionStatistics {
    std::uint64_t number = 0;  ///< grows from connection to connection of a server
    std::string address;       ///< "127.0.0.1:57986"
    SessionId session;         ///< 0: no session
    std::int64_t queued = 0;   ///< requests that wait for the core or for earlier requests
    bool asked = false;        ///< this is the connection of a four-letter word
    bool reading = true;
    bool writing = false;
    Instant established{};
    std::int32_t timeout_ms = 0;  ///< of the session
    /// When it is closed if nothing more is heard of it.
    Duration ends_in{};
    Activity activity;
};

/// Who waits for a path: the sessions in the order in which they began to.
struct WatchedPath {
    std::string path;
    std::vector<SessionId> sessions;
};

/// Sums over all connections of a frontend since it was made.
struct Statistics {
    LatencyStatistics latency;
    std::int64_t packets_received = 0;
    std::int64_t packets_sent = 0;
    std::int64_t bytes_received = 0;
    std::int64_t connections = 0;  ///< open now
    std::int64_t outstanding = 0;  ///< requests that wait for the core
    std::int64_t watches = 0;      ///< set now; see Watches::size()
    std::int64_t auth_failures = 0;
    std::int64_t sessionless_expired = 0;  ///< closed because they never sent a ConnectRequest
    metrics::Metrics counts;
    metrics::SizeStatistics answers;    ///< bytes of answers and events
    double connection_drop_chance = 0;  ///< of the throttle of connections, now

    void merge(const Statistics& other) {
        latency.merge(other.latency);
        packets_received += other.packets_received;
        packets_sent += other.packets_sent;
        bytes_received += other.bytes_received;
        connections += other.connections;
        outstanding += other.outstanding;
        watches += other.watches;
        auth_failures += other.auth_failures;
        sessionless_expired += other.sessionless_expired;
        answers.merge(other.answers);
        counts.merge(other.counts);
        connection_drop_chance = std::max(connection_drop_chance, other.connection_drop_chance);
    }
};

}  // namespace zk::frontend
