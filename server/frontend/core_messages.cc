// What the core says: sessions, replies, changes. Part of Frontend.
#include <algorithm>
#include <utility>
#include <variant>

#include "base/check.h"
#include "frontend/connection.h"
#include "frontend/frontend.h"
#include "frontend/session_gate.h"
#include "jute/archive.h"
#include "jute/protocol.h"
#include "tree/acl.h"
#include "tree/path.h"

namespace zk::frontend {
namespace {

constexpr std::size_t kPasswordBytes = 16;

/// The handshake's answer; zeros tell an expired session. `read_only`: for clients that sent such a byte.
void write_connect_response(const request::SessionOpened& message,
                            std::optional<bool> read_only,
                            Bytes& out) {
    jute::ConnectResponse response;
    if (message.session != SessionId{}) {
        response.timeout_ms = message.timeout_ms;
        response.session = message.session;
        response.password = message.password;
    } else {
        response.password = Bytes(kPasswordBytes, '\0');
    }
    Bytes record = jute::encode(response);
    if (read_only) record.push_back(*read_only ? '\1' : '\0');
    jute::append_frame(out, record);
}

/// What counts the watchers of an event.
metrics::Summary summary_of(EventType type) {
    switch (type) {
        case EventType::node_created:
            return metrics::Summary::node_created_watch_count;
        case EventType::node_deleted:
            return metrics::Summary::node_deleted_watch_count;
        case EventType::node_children_changed:
            return metrics::Summary::node_children_watch_count;
        default:
            return metrics::Summary::node_changed_watch_count;
    }
}

}  // namespace

void Frontend::on_core(std::span<request::ToFrontend> messages, Instant now, Out& out) {
    time_.advance(now);
    for (request::ToFrontend& message : messages) {
        std::visit([&](auto& m) { hear(m, now, out); }, message);
    }
    // Only now may parked reads run: the tree holds all these changes, and every event of them is
    // on its way.
    std::vector<ConnectionId> released = std::move(released_);
    released_.clear();
    for (const ConnectionId id : released) {
        Connection* connection = find(id);
        if (connection == nullptr) continue;
        if (connection->session_gone) close(*connection, Close::after_flush, "session_gone", out);
        pump(*connection, now, out);
    }
    released.clear();
    released_ = std::move(released);
    bound_output(out);
    let_in(now, out);
    answer_waiting(now, out);
}

void Frontend::hear(request::SessionOpened& message, Instant now, Out& out) {
    if (message.origin.loop != settings_.loop) return reattached_elsewhere(message.session, out);
    Connection* connection = find(message.origin.connection);
    if (connection == nullptr || connection->state != Connection::State::joining) return;
    if (message.unknown) return close(*connection, Close::at_once, "read_only", out);
    connection->heard = connection->progress = time_.now();
    std::optional<bool> read_only;
    if (connection->sent_read_only) read_only = read_only_;
    write_connect_response(message, read_only, connection->output);
    ++connection->activity.sent;
    ++totals_.packets_sent;
    if (message.session == SessionId{})
        return close(*connection, Close::after_flush, "expired", out);
    connection->session = message.session;
    connection->timeout_ms = message.timeout_ms;
    const std::int64_t took_ms = to_ms(now - connection->greeted);
    connection->activity.answered(OpCode::create_session, Xid(0), tree_->last_zxid(), took_ms, now);
    totals_.latency.add(took_ms);
    totals_.counts.observe(metrics::Summary::updatelatency, took_ms);
    const auto [entry, is_new] = sessions_.emplace(message.session, connection->id);
    if (!is_new) {
        const ConnectionId old = std::exchange(entry->second, connection->id);
        if (Connection* replaced = find(old)) close(*replaced, Close::at_once, "reattached", out);
    }
    connection->state = Connection::State::open;
    list(*connection, out);
    released_.push_back(connection->id);
}

/// A client loop of this server beside this one has the session now.
void Frontend::reattached_elsewhere(SessionId session, Out& out) {
    const auto entry = sessions_.find(session);
    if (session == SessionId{} || entry == sessions_.end()) return;
    ZK_COVERED("frontend.reattached_elsewhere");
    close(*find(entry->second), Close::at_once, "reattached", out);
}

void Frontend::hear(request::Reply& message, Instant now, Out& out) {
    if (message.origin.loop != settings_.loop) return;
    Connection* connection = find(message.origin.connection);
    if (connection == nullptr || connection->state == Connection::State::closing)
        return orphan_answered(message);
    SessionGate& gate = connection->gate;
    if (!gate.finish(message.xid, message.op, message.zxid, message.error, std::move(message.body)))
        return;
    --outstanding_;
    if (gate.at_core() == 0) --asking_;
    // The client has gone to another server and must find out by the end of this connection only.
    if (message.error == ErrorCode::session_moved)
        return close(*connection, Close::at_once, "moved", out);
    while (!gate.empty() && gate.head().kind == ParkedRequest::Kind::finished) {
        send(*connection, gate.head(), now);
        gate.pop();
    }
    account(*connection);
    list(*connection, out);
    if (released_.empty() || released_.back() != connection->id)
        released_.push_back(connection->id);
}

void Frontend::hear(request::Changed& message, Instant, Out& out) {
    if (watches_.empty()) return;
    for (const tree::Change& change : *message.changes) fire(change, message.zxid, out);
}

/// The session is over: what is already written goes out (maybe events of its own ephemerals), then
/// the end. The close waits for the end of the batch, because the answer to a closeSession may be
/// in it.
void Frontend::hear(request::SessionGone& message, Instant, Out&) {
    forget_orphans(message.session);
    const auto entry = sessions_.find(message.session);
    if (entry == sessions_.end()) return;
    find(entry->second)->session_gone = true;
    released_.push_back(entry->second);
}

void Frontend::hear(request::Serving& message, Instant, Out& out) {
    serving_ = message.serving;
    read_only_ = message.read_only;
    if (serving_) return;
    for (const ConnectionId id : sorted_ids()) {
        Connection& connection = *find(id);
        if (connection.state == Connection::State::fresh) continue;
        if (connection.state == Connection::State::asked) continue;
        close(connection, Close::after_flush, "not_serving", out);
    }
    // Nothing that was pending is answered any more.
    while (!orphans_.empty()) forget_orphans(orphans_.begin()->first);
}

/// Turns one change into events, table by table; each connection hears at most once per table.
void Frontend::fire(const tree::Change& change, Zxid zxid, Out& out) {
    using Kind = tree::Change::Kind;
    const std::vector<ConnectionId> told = watches_.node_changed(change.path);
    switch (change.kind) {
        case Kind::data_changed:
            return fire(told, {EventType::node_data_changed, change.path, zxid}, change.acl, out);
        case Kind::created:
            fire(told, {EventType::node_created, change.path, zxid}, change.acl, out);
            break;
        case Kind::deleted: {
            const Event deleted{EventType::node_deleted, change.path, zxid};
            fire(told, deleted, change.acl, out);
            fire(watches_.rest_of_deleted(change.path, told), deleted, change.acl, out);
            break;
        }
    }
    const std::string_view parent = tree::event_parent_of(change.path);
    fire(watches_.children_changed(parent),
         {EventType::node_children_changed, parent, zxid},
         change.parent_acl,
         out);
}

/// An event about a node that the connection may not read is dropped; a watch that fires once is gone all the same.
void Frontend::fire(const std::vector<ConnectionId>& watchers,
                    const Event& event,
                    const tree::AclRef& acl,
                    Out& out) {
    if (!watchers.empty())
        totals_.counts.observe(summary_of(event.type), static_cast<std::int64_t>(watchers.size()));
    for (const ConnectionId id : watchers) {
        Connection* connection = find(id);
        if (connection == nullptr || connection->state == Connection::State::closing) continue;
        if (!tree::check_acl(acl, perms::kRead, connection->auth, settings_.access)) continue;
        send_event(*connection, event);
        account(*connection);
        list(*connection, out);
        if (connection->event_bytes > kEventBytesMax)
            close(*connection, Close::at_once, "slow_reader", out);
    }
    bound_output(out);
}

void Frontend::send_event(Connection& connection, const Event& event) {
    Bytes& out = connection.output;
    const std::size_t bytes = 16 + 12 + event.path.size();
    append_be(out, static_cast<std::int32_t>(bytes));
    jute::OutputArchive archive(out);
    archive(jute::ReplyHeader{Xid(xids::kNotification), event.zxid, ErrorCode::ok});
    archive(event.type, kStateSyncConnected, event.path);
    connection.event_bytes += 4 + bytes;
    totals_.counts.add(metrics::Counter::watch_bytes, static_cast<std::int64_t>(bytes));
    count_sent(connection, bytes);
}

}  // namespace zk::frontend
