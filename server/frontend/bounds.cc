// Bytes that wait: how much of its clients' requests a loop holds, and who is let in next; and how much of what clients do
// not take. Part of Frontend.
//
// A request counts from the moment when room for it is promised, which is before its last bytes
// have come, until its answer is written to the connection's output. Beyond Settings::
// connection_bytes_max the connection's own answers must make room; beyond loop_bytes_max whoever
// wants more than small_bytes_max draws a ticket, and its socket is not read until its turn has
// come. Every turn is one request, so that large clients share what there is.
// What counts goes away by itself: the core answers, or the client sends the rest or takes its
// answers. A client that does neither is cut off when others wait for it. Bytes of a frame without
// a promise do not count: there are at most small_bytes_max and one read of them per connection.
//
// Answers count until the socket has taken them. Beyond Settings::loop_output_bytes_max small ones go on, and whoever asks
// for a larger one draws a ticket; its next requests stay in its socket. A client that takes nothing is cut off when others
// wait for that. What cannot wait (events, and reads in front of a write that is under way) is bounded by
// loop_output_bytes_end.
#include <algorithm>
#include <iterator>
#include <utility>
#include <vector>

#include "base/check.h"
#include "frontend/connection.h"
#include "frontend/frontend.h"
#include "frontend/read_service.h"
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
    // Of one that is cut off the socket is about to go, and what it had to write with it.
    const std::size_t untaken =
        connection.close == Close::at_once ? 0 : connection.output.size() + connection.taken;
    untaken_ += untaken - connection.untaken;
    connection.untaken = untaken;
    const std::size_t output = untaken + connection.gate.owed();
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

/// What each connection may leave untaken when all together leave too much.
std::size_t Frontend::output_share() const {
    const std::size_t part =
        settings_.loop_output_bytes_max / std::max<std::size_t>(1, connections_.size());
    return std::min(std::max(part, limits::kOutputShareMin), settings_.small_bytes_max);
}

/// Does the answer to this read have to wait until others have taken theirs? Then the connection has a ticket. Without it
/// a read is answered whatever there is of it, so that the largest gets through.
bool Frontend::answer_waits(Connection& connection, OpCode op, ByteView body) {
    const bool full = untaken_ >= settings_.loop_output_bytes_max;
    const bool others_first = !answers_waiting_ && !unanswered_.empty() &&
                              unanswered_.begin()->first != connection.answer_ticket;
    const bool waits =
        (full || others_first) && is_read(op) && answer_bytes(*tree_, op, body) > output_share();
    if (!waits) {
        leave_answer_queue(connection);
        return false;
    }
    if (connection.answer_ticket != 0) return true;
    ZK_COVERED("frontend.answer_waits");
    connection.answer_ticket = next_ticket_++;
    connection.answer_waits_since = time_.now();
    unanswered_.emplace(connection.answer_ticket, connection.id);
    return true;
}

void Frontend::leave_answer_queue(Connection& connection) {
    if (connection.answer_ticket == 0) return;
    unanswered_.erase(connection.answer_ticket);
    connection.answer_ticket = 0;
}

/// Answers those who wait, in their order, as far as there is room.
void Frontend::answer_waiting(Instant now, Out& out) {
    if (unanswered_.empty() || answers_waiting_) return;
    answers_waiting_ = true;
    while (!unanswered_.empty() && untaken_ < settings_.loop_output_bytes_max) {
        Connection* connection = find(unanswered_.begin()->second);
        ZK_ASSERT(connection != nullptr);
        leave_answer_queue(*connection);
        pump(*connection, now, out);
    }
    answers_waiting_ = false;
}

/// Of what nobody could hold back there is too much: those who have left most go. They come back, and catch up.
void Frontend::bound_output(Out& out) {
    if (untaken_ <= settings_.loop_output_bytes_end) return;
    ZK_COVERED("frontend.output_ends");
    std::vector<ConnectionId> ids = sorted_ids();
    std::stable_sort(ids.begin(), ids.end(), [this](ConnectionId a, ConnectionId b) {
        return find(a)->untaken > find(b)->untaken;
    });
    log_.warn("answers.too_many bytes={} bytes_max={}", untaken_, settings_.loop_output_bytes_end);
    for (const ConnectionId id : ids) {
        if (untaken_ <= settings_.loop_output_bytes_end / 2) return;
        close(*find(id), Close::at_once, "slow_reader", out);
    }
}

/// True if others wait for room that the client keeps for no reason but its own silence.
bool Frontend::stalls(const Connection& connection, Instant working) const {
    if (!unanswered_.empty() && connection.taken > output_share() &&
        working - connection.taken_since > kStalledMax) {
        const Connection& first = *connections_.at(unanswered_.begin()->second);
        if (working - first.answer_waits_since > kStalledMax) return true;
    }
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
