#include "frontend/frontend.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "frontend/connection.h"
#include "frontend/session_gate.h"
#include "jute/archive.h"
#include "jute/protocol.h"

namespace zk::frontend {

Frontend::Frontend(Settings settings, const tree::DataTree& tree, Log log)
    : settings_(std::move(settings)),
      tree_(&tree),
      log_(std::move(log)),
      throttle_(settings_.throttle
                    ? settings_.throttle
                    : std::make_shared<ConnectionThrottle>(settings_.connection_throttle)),
      time_(kFrontendGapMax) {}

Frontend::~Frontend() = default;

Connection* Frontend::find(ConnectionId id) {
    const auto found = connections_.find(id);
    return found == connections_.end() ? nullptr : found->second.get();
}

std::vector<ConnectionId> Frontend::sorted_ids() const {
    std::vector<ConnectionId> ids;
    ids.reserve(connections_.size());
    for (const auto& [id, connection] : connections_) ids.push_back(id);
    std::sort(ids.begin(), ids.end());
    return ids;
}

void Frontend::on_open(ConnectionId id, Peer peer, Instant now) {
    auto connection = std::make_unique<Connection>(
        id, std::move(peer), settings_.jute_max_buffer, time_.advance(now));
    connection->established = now;
    const bool is_new = connections_.emplace(id, std::move(connection)).second;
    ZK_ASSERT(is_new);
}

void Frontend::on_bytes(ConnectionId id, ByteView bytes, Instant now, Out& out) {
    Connection* connection = find(id);
    if (connection == nullptr) return;
    totals_.bytes_received += static_cast<std::int64_t>(bytes.size());
    connection->heard = connection->progress = time_.advance(now);
    connection->effort = 0;
    if (connection->state == Connection::State::fresh && !accept_head(*connection, bytes, out))
        return;
    switch (connection->state) {
        case Connection::State::greeting:
        case Connection::State::joining:
        case Connection::State::open:
            break;
        default:
            return;  // whatever comes behind the last request is ignored
    }
    connection->decoder.feed(bytes);
    pump(*connection, now, out);
    let_in(now, out);
    answer_waiting(now, out);
}

void Frontend::on_written(ConnectionId id, Instant now, Out& out) {
    Connection* connection = find(id);
    if (connection == nullptr) return;
    connection->progress = time_.advance(now);
    connection->taken = 0;
    pump(*connection, now, out);
    list(*connection, out);  // what it had to hear while it wrote
    let_in(now, out);
    answer_waiting(now, out);
}

void Frontend::on_closed(ConnectionId id, Out& out) {
    Connection* connection = find(id);
    if (connection == nullptr) return;
    // Its client's doing, and not the end of what this server has closed.
    if (connection->state != Connection::State::closing)
        totals_.counts.add(metrics::Counter::connection_drop_count);
    close(*connection, Close::at_once, "peer", out);
    connection->taken = 0;
    account(*connection);
    connections_.erase(id);
}

void Frontend::on_tick(Instant now, Out& out) {
    const Instant working = time_.advance(now);
    for (const ConnectionId id : sorted_ids()) tick(*find(id), working, out);
    age_orphans(working);
    let_in(now, out);
    answer_waiting(now, out);
}

void Frontend::tick(Connection& connection, Instant working, Out& out) {
    if (working - connection.progress >= kRestsAfter) {
        if (connection.output.empty()) Bytes().swap(connection.output);
        connection.decoder.rest();
    }
    if (connection.state == Connection::State::closing) {
        if (!connection.lingers_since) connection.lingers_since = working;
        if (working - *connection.lingers_since > kLingerMax)
            close(connection, Close::at_once, "linger", out);
    } else if (!connection.asked_core) {
        if (working - connection.opened <= settings_.sessionless_max) return;
        ++totals_.sessionless_expired;
        close(connection, Close::at_once, "sessionless", out);
    } else if (stalls(connection, working)) {
        ZK_COVERED("frontend.stalled");
        close(connection, Close::at_once, "stalled", out);
    } else if (connection.state == Connection::State::open && !must_wait(connection)) {
        // A session that moved away keeps its connection here until the client lets go of it, or
        // falls silent.
        const Duration timeout = std::chrono::milliseconds(connection.timeout_ms);
        if (working - connection.heard > timeout + kLingerMax)
            close(connection, Close::at_once, "silent", out);
    } else if (connection.state == Connection::State::open && !output_full(connection, 0)) {
        // Its pings lie unread because we do not read: that must not cost the session.
        out.to_core.push_back(request::TouchSession{connection.session});
    }
}

void Frontend::answer_four_letter(ConnectionId id, std::string_view text, Out& out) {
    Connection* connection = find(id);
    if (connection == nullptr || connection->state != Connection::State::asked) return;
    // Many who ask for much and take nothing would fill the memory.
    if (output_held_ >= settings_.loop_output_bytes_max)
        return close(*connection, Close::at_once, "output_full", out);
    connection->output.append(text);
    account(*connection);
    close(*connection, Close::after_flush, "four_letter", out);
}

Orders Frontend::take(ConnectionId id, Bytes& bytes) {
    ZK_ASSERT(bytes.empty());
    Connection* connection = find(id);
    if (connection == nullptr) return Orders{Close::at_once, false};
    std::swap(bytes, connection->output);
    connection->taken = bytes.size();
    connection->taken_since = time_.now();
    connection->event_bytes = 0;
    account(*connection);
    connection->listed = false;
    connection->reading = connection->close == Close::no && !must_wait(*connection);
    return Orders{connection->close, connection->reading};
}

Close Frontend::closing(ConnectionId id) const {
    const auto found = connections_.find(id);
    return found == connections_.end() ? Close::at_once : found->second->close;
}

bool Frontend::writing(ConnectionId id) const {
    const auto found = connections_.find(id);
    return found != connections_.end() && found->second->taken > 0;
}

void Frontend::pass_over(ConnectionId id) {
    if (Connection* connection = find(id)) connection->listed = false;
}

bool Frontend::nobody_forgotten() const {
    return std::all_of(connections_.begin(), connections_.end(), [](const auto& entry) {
        const Connection& connection = *entry.second;
        return connection.output.empty() || connection.taken > 0;
    });
}

/// Runs what can run: parked requests whose turn has come, then whole frames.
void Frontend::pump(Connection& connection, Instant now, Out& out) {
    using State = Connection::State;
    while (true) {
        if (connection.state == State::open || connection.state == State::ending)
            run_parked(connection, now, out);
        bound_watches(out);
        if (connection.state == State::ending && connection.gate.empty()) {
            close(connection, Close::after_flush, "ending", out);
        }
        const bool takes_frames =
            connection.state == State::greeting || connection.state == State::open;
        if (!takes_frames || blocked(connection) || is_tired(connection)) {
            leave_queue(connection);
            break;
        }
        if (!take_frame(connection, now, out)) break;
        account(connection);
    }
    if (connection.touched) {
        connection.touched = false;
        if (connection.session != SessionId{})
            out.to_core.push_back(request::TouchSession{connection.session});
    }
    account(connection);
    // It may have been silent for no reason of its own.
    if (!connection.reading && !must_wait(connection)) connection.heard = time_.now();
    list_if_reading_changed(connection, out);
}

/// Looks at the next frame. False: it is not to be taken now, or none is left.
bool Frontend::take_frame(Connection& connection, Instant now, Out& out) {
    if (too_large(connection)) {
        totals_.counts.add(metrics::Counter::large_requests_rejected);
        close(connection, Close::at_once, "large_request", out);
        return false;
    }
    const bool has_waited = connection.ticket != 0;
    connection.admitted = admit(connection);
    if (!connection.admitted) return false;
    const std::optional<ByteView> frame = connection.decoder.next();
    if (!frame) {
        if (connection.decoder.broken()) close(connection, Close::at_once, "frame_length", out);
        return false;
    }
    connection.granted = 0;
    const Duration longest = settings_.throttled_op_wait;
    connection.waited = has_waited ? time_.now() - connection.waits_since : Duration{};
    connection.late = longest.count() > 0 && connection.waited > longest;
    if (connection.state == Connection::State::greeting) {
        accept_connect(connection, *frame, now, out);
    } else {
        accept_request(connection, *frame, now, out);
    }
    return true;
}

/// True when the connection has cost so much that others come first. What must run for the order's sake runs all the same.
bool Frontend::is_tired(Connection& connection) {
    if (connection.tired) return true;
    if (connection.effort < kEffortMax) return false;
    ZK_COVERED("frontend.tired");
    connection.tired = true;
    tired_.push_back(connection.id);
    return true;
}

void Frontend::resume(Instant now, Out& out) {
    time_.advance(now);
    const std::vector<ConnectionId> rested = std::exchange(tired_, {});
    for (const ConnectionId id : rested) {
        Connection* connection = find(id);
        if (connection == nullptr) continue;
        connection->tired = false;
        connection->effort = 0;
        pump(*connection, now, out);
    }
    let_in(now, out);
    answer_waiting(now, out);
}

/// Answers from the head of the gate: finished requests, and local ones, which run now. A read may wait for the client to
/// take answers, but not beyond a later write of that client: it would see it.
void Frontend::run_parked(Connection& connection, Instant now, Out& out) {
    while (!connection.gate.empty()) {
        ParkedRequest& head = connection.gate.head();
        if (head.kind == ParkedRequest::Kind::at_core) return;
        if (head.kind == ParkedRequest::Kind::finished) {
            send(connection, head, now);
        } else {
            const bool may_rest = connection.gate.at_core() == 0;
            if (may_rest && (output_full(connection, 0) || is_tired(connection))) return;
            if (may_rest && answer_waits(connection, head.op, head.bytes)) return;
            if (connection.output.size() > kAnswersMax)
                return close(connection, Close::at_once, "slow_reader", out);
            leave_answer_queue(connection);
            serve(connection, head.xid, head.op, head.bytes, head.received, now);
        }
        connection.gate.pop();
    }
}

/// Writes a finished request's answer.
void Frontend::send(Connection& connection, const ParkedRequest& finished, Instant now) {
    const jute::ReplyHeader header{finished.xid, finished.zxid, finished.error};
    append_be(connection.output, static_cast<std::int32_t>(16 + finished.bytes.size()));
    jute::OutputArchive archive(connection.output);
    archive(header);
    connection.output.append(finished.bytes);
    count_sent(connection, 16 + finished.bytes.size());
    const std::int64_t took_ms = to_ms(now - finished.received);
    totals_.latency.add(took_ms);
    if (finished.op == OpCode::auth || finished.op == OpCode::sasl || finished.then_close) return;
    totals_.counts.observe(finished.op == OpCode::sync ? metrics::Summary::readlatency
                                                       : metrics::Summary::updatelatency,
                           took_ms);
    const bool failed = finished.error != ErrorCode::ok;
    connection.activity.answered(failed ? std::nullopt : std::optional(finished.op),
                                 finished.xid,
                                 tree_->last_zxid(),
                                 took_ms,
                                 now);
}

void Frontend::count_sent(Connection& connection, std::size_t bytes) {
    ++connection.activity.sent;
    ++totals_.packets_sent;
    totals_.answers.add(static_cast<std::int64_t>(bytes));
    totals_.counts.add(metrics::Counter::response_bytes, static_cast<std::int64_t>(bytes));
}

/// Ends a connection, or hastens its end. Its session lives on.
void Frontend::close(Connection& connection, Close how, std::string_view why, Out& out) {
    const bool first = connection.state != Connection::State::closing;
    if (how == Close::at_once) {
        connection.output.clear();
        connection.close = Close::at_once;
        account(connection);
        connection.listed = false;  // it may be listed and not taken for long: this is news
    } else if (connection.close == Close::no) {
        connection.close = Close::after_flush;
    }
    list(connection, out);
    if (!first) return;
    log_.debug("connection.close peer={}:{} session={} why={}",
               connection.peer.address,
               connection.peer.port,
               to_string(connection.session),
               why);
    connection.state = Connection::State::closing;
    watches_.remove_connection(connection.id);
    outstanding_ -= connection.gate.at_core();
    if (connection.gate.at_core() > 0) --asking_;
    orphan(connection);
    connection.gate.clear();
    connection.granted = 0;
    leave_queue(connection);
    leave_answer_queue(connection);
    account(connection);
    const auto session = sessions_.find(connection.session);
    if (session != sessions_.end() && session->second == connection.id) sessions_.erase(session);
    if (connection.asked_core) {
        const request::Origin origin{settings_.loop, connection.id};
        out.to_core.push_back(request::ConnectionClosed{origin, connection.session});
    }
}

void Frontend::list(Connection& connection, Out& out) {
    if (connection.listed) return;
    connection.listed = true;
    out.changed.push_back(connection.id);
}

void Frontend::list_if_reading_changed(Connection& connection, Out& out) {
    const bool reads = connection.close == Close::no && !must_wait(connection);
    if (!connection.output.empty() || reads != connection.reading) list(connection, out);
}

/// True while the client has to take answers first. `owed`: what is to come behind those that are there.
bool Frontend::output_full(const Connection& connection, std::size_t owed) const {
    const std::size_t high = output_held_ >= settings_.loop_output_bytes_max
                                 ? std::min(output_share(), kOutputHigh)
                                 : kOutputHigh;
    return connection.output.size() + owed >= high;
}

/// True while this connection's next request must stay in its socket.
bool Frontend::must_wait(const Connection& connection) const {
    switch (connection.state) {
        case Connection::State::fresh:
            return false;
        case Connection::State::asked:
        case Connection::State::joining:
            return true;
        case Connection::State::greeting:
        case Connection::State::open:
            return blocked(connection) || !connection.admitted || connection.tired;
        // Going on to read is how the shell notices that the client has gone.
        case Connection::State::ending:
        case Connection::State::closing:
            return false;
    }
    return false;
}

/// True while the connection's own answers hold its next request back, or the number of requests
/// at the core does.
bool Frontend::blocked(const Connection& connection) const {
    if (output_full(connection, connection.gate.owed()) || connection.gate.size() >= kParkedMax)
        return true;
    if (outstanding_ < settings_.outstanding_max) return false;
    const std::int64_t share = settings_.outstanding_max / std::max<std::int64_t>(1, asking_);
    return connection.gate.at_core() >= std::max<std::int64_t>(1, share);
}

Statistics Frontend::statistics() const {
    Statistics statistics = totals_;
    statistics.connections = static_cast<std::int64_t>(connections_.size());
    statistics.outstanding = outstanding_;
    statistics.watches = static_cast<std::int64_t>(watches_.size());
    statistics.connection_drop_chance = throttle_->drop_chance();
    return statistics;
}

void Frontend::reset_statistics() {
    totals_.latency = {};
    totals_.packets_received = totals_.packets_sent = 0;
    totals_.bytes_received = totals_.sessionless_expired = 0;
    totals_.answers = {};
    totals_.counts = {};
}

void Frontend::reset_connection_statistics() {
    for (auto& [id, connection] : connections_) connection->activity = {};
}

/// Until it is closed for its silence.
Duration Frontend::ends_in(const Connection& connection) const {
    const bool open = connection.state == Connection::State::open;
    const Instant since = open ? connection.heard : connection.opened;
    const Duration limit = open ? std::chrono::milliseconds(connection.timeout_ms) + kLingerMax
                                : Duration(settings_.sessionless_max);
    return since + limit - time_.now();
}

std::vector<WatchedPath> Frontend::watched_paths() const {
    std::vector<WatchedPath> all;
    watches_.each_data_watch([&](std::string_view path, ConnectionId id) {
        if (all.empty() || all.back().path != path) all.push_back({std::string(path), {}});
        all.back().sessions.push_back(connections_.at(id)->session);
    });
    return all;
}

std::vector<ConnectionStatistics> Frontend::connections() const {
    std::vector<ConnectionStatistics> all;
    for (const ConnectionId id : sorted_ids()) {
        const Connection& connection = *connections_.at(id);
        ConnectionStatistics one;
        one.number = id;
        one.address = connection.peer.address.find(':') == std::string::npos
                          ? connection.peer.address
                          : "[" + connection.peer.address + "]";
        one.address += ":" + std::to_string(connection.peer.port);
        one.session = connection.session;
        one.queued = static_cast<std::int64_t>(connection.gate.size());
        one.activity = connection.activity;
        one.established = connection.established;
        one.timeout_ms = connection.timeout_ms;
        one.ends_in = ends_in(connection);
        one.asked = connection.state == Connection::State::asked;
        one.reading = connection.reading;
        one.writing = !connection.output.empty();
        all.push_back(std::move(one));
    }
    return all;
}

}  // namespace zk::frontend
