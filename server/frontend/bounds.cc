// Bytes that wait: how much of its clients' requests a loop holds, and who is let in next. Part of
// Frontend.
//
// A request counts from the moment when room for it is promised, which is before its last bytes
// have come, until its answer is written to the connection's output. Beyond Settings::
// connection_bytes_max the connection's own answers must make room; beyond loop_bytes_max whoever
// wants more than small_bytes_max draws a ticket, and its socket is not read until its turn has
// come. Every turn is one request, so that large clients share what there is.
// What counts goes away by itself: the core answers, or the client sends the rest or takes its
// answers. A client that does neither is cut off when others wait for it. Bytes of a frame without
// a promise do not count: there are at most small_bytes_max and one read of them per connection.
#include <iterator>
#include <utility>
#include <vector>

#include "base/check.h"
#include "frontend/connection.h"
#include "frontend/frontend.h"
#include "frontend/session_gate.h"

namespace zk::frontend {

/// May the connection's next frame come in? If not, it waits for its own answers or has a ticket.
bool Frontend::admit(Connection& connection) {
    if (connection.granted != 0) return true;
    const std::size_t frame = connection.decoder.next_size();
    const std::size_t own = connection.gate.bytes();
    if (own != 0 && own + frame > settings_.connection_bytes_max) {
        ZK_COVERED("frontend.connection_full");
        leave_queue(connection);
        return false;
    }
    const bool large = own + frame > settings_.small_bytes_max;
    if (large || throttled(connection)) {
        const bool others_first = !waiting_.empty() && waiting_.begin()->first != connection.ticket;
        if (others_first || !has_room(connection)) {
            ZK_COVERED("frontend.loop_full");
            if (connection.ticket != 0) return false;
            if (!large) totals_.counts.add(metrics::Counter::request_throttle_wait_count);
            connection.ticket = next_ticket_++;
            connection.waits_since = time_.now();
            waiting_.emplace(connection.ticket, connection.id);
            return false;
        }
        if (large) {
            connection.granted = frame;
            account(connection);
        }
    }
    leave_queue(connection);
    return true;
}

/// Requests that are under way hold every next one back, also the first one of a connection. What has come of one is
/// looked at, nothing is held back of a client that asks nothing.
bool Frontend::throttled(const Connection& connection) const {
    return settings_.request_throttle_max > 0 && outstanding_ >= settings_.request_throttle_max &&
           connection.state == Connection::State::open && connection.decoder.next_size() != 0;
}

/// Is the next frame a large request that there is no room for beside those under way?
bool Frontend::too_large(const Connection& connection) const {
    if (settings_.large_request_threshold < 0 || connection.state != Connection::State::open)
        return false;
    const auto bytes = static_cast<std::int64_t>(connection.decoder.next_size()) - 4;
    return bytes > settings_.large_request_threshold &&
           bytes + static_cast<std::int64_t>(large_held_) > settings_.large_request_bytes_max;
}

/// Room in the loop for the connection's next frame. An idle loop has room for any.
bool Frontend::has_room(const Connection& connection) const {
    if (throttled(connection)) return false;
    const std::size_t frame = connection.decoder.next_size();
    if (held_ == 0 || connection.gate.bytes() + frame <= settings_.small_bytes_max) return true;
    return held_ + frame <= settings_.loop_bytes_max && held_ < settings_.loop_bytes_max;
}

void Frontend::leave_queue(Connection& connection) {
    if (connection.ticket == 0) return;
    waiting_.erase(connection.ticket);
    connection.ticket = 0;
}

/// Brings the loop's sums up to date with what the connection holds.
void Frontend::account(Connection& connection) {
    const std::size_t held = connection.gate.bytes() + connection.granted;
    held_ += held - connection.held;
    connection.held = held;
    large_held_ += connection.gate.large() - connection.large_held;
    connection.large_held = connection.gate.large();
    const std::size_t output = connection.output.size() + connection.taken + connection.gate.owed();
    output_held_ += output - connection.output_held;
    connection.output_held = output;
}

/// Lets those in who wait, in their order, as far as there is room.
void Frontend::let_in(Instant now, Out& out) {
    while (!waiting_.empty()) {
        const auto [ticket, id] = *waiting_.begin();
        Connection* connection = find(id);
        ZK_ASSERT(connection != nullptr);
        if (!has_room(*connection)) return;
        pump(*connection, now, out);
        ZK_ASSERT(waiting_.empty() || waiting_.begin()->first != ticket);
    }
}

/// True if others wait for room that the client keeps for no reason but its own silence.
bool Frontend::stalls(const Connection& connection, Instant working) const {
    if (waiting_.empty() || connection.held == 0) return false;
    const Connection& first = *connections_.at(waiting_.begin()->second);
    if (throttled(first)) return false;
    if (working - first.waits_since <= kStalledMax) return false;
    if (working - connection.progress <= kStalledMax) return false;
    return connection.granted != 0 || output_full(connection, 0);
}

/// The connection ends: what the core still has of it counts on.
void Frontend::orphan(Connection& connection) {
    if (connection.gate.at_core() == 0) return;
    Orphan orphan;
    orphan.connection = connection.id;
    orphan.since = time_.now();
    for (const ParkedRequest& request : connection.gate) {
        if (request.kind != ParkedRequest::Kind::at_core) continue;
        ParkedRequest kept;
        kept.kind = request.kind;
        kept.xid = request.xid;
        kept.op = request.op;
        kept.cost = request.cost;
        kept.large = request.large;
        orphan.gate.park(std::move(kept));
    }
    held_ += orphan.gate.bytes();
    large_held_ += orphan.gate.large();
    orphans_[connection.session].push_back(std::move(orphan));
}

void Frontend::orphan_answered(const request::Reply& message) {
    const auto found = orphans_.find(message.session);
    if (found == orphans_.end()) return;
    for (Orphan& orphan : found->second) {
        if (orphan.connection != message.origin.connection) continue;
        held_ -= orphan.gate.bytes();
        large_held_ -= orphan.gate.large();
        if (orphan.gate.finish(message.xid, message.op, message.zxid, message.error, {})) {
            while (!orphan.gate.empty() &&
                   orphan.gate.head().kind == ParkedRequest::Kind::finished) {
                orphan.gate.pop();
            }
        }
        held_ += orphan.gate.bytes();
        large_held_ += orphan.gate.large();
    }
    std::erase_if(found->second, [](const Orphan& orphan) { return orphan.gate.empty(); });
    if (found->second.empty()) orphans_.erase(found);
}

void Frontend::forget_orphans(SessionId session) {
    const auto found = orphans_.find(session);
    if (found == orphans_.end()) return;
    for (const Orphan& orphan : found->second) {
        held_ -= orphan.gate.bytes();
        large_held_ -= orphan.gate.large();
    }
    orphans_.erase(found);
}

void Frontend::age_orphans(Instant working) {
    for (auto entry = orphans_.begin(); entry != orphans_.end();) {
        std::erase_if(entry->second, [&](const Orphan& orphan) {
            if (working - orphan.since <= kOrphanMax) return false;
            held_ -= orphan.gate.bytes();
            large_held_ -= orphan.gate.large();
            return true;
        });
        entry = entry->second.empty() ? orphans_.erase(entry) : std::next(entry);
    }
}

}  // namespace zk::frontend
