// What clients say: the handshake, then requests. Part of Frontend.
#include <algorithm>
#include <utility>

#include "base/check.h"
#include "frontend/connection.h"
#include "frontend/four_letter_words.h"
#include "frontend/frontend.h"
#include "frontend/read_service.h"
#include "frontend/session_gate.h"
#include "jute/archive.h"
#include "jute/protocol.h"
#include "tree/acl.h"

namespace zk::frontend {
namespace {

/// What becomes of a request, by its operation.
enum class Way {
    core,  ///< a write, sync or closeSession
    local,  ///< a read, about watches or a ping, or refused to every client: answered here in its turn
    auth,  ///< about the connection itself
    sasl,
    unknown,  ///< no operation: answered with "unimplemented" in its turn, then the connection closes
};

Way way_of(OpCode op) {
    switch (op) {
        case OpCode::create:
        case OpCode::create2:
        case OpCode::remove:
        case OpCode::set_data:
        case OpCode::set_acl:
        case OpCode::multi:
        case OpCode::create_container:
        case OpCode::create_ttl:
        case OpCode::sync:
        case OpCode::close_session:
            return Way::core;
        case OpCode::exists:
        case OpCode::get_data:
        case OpCode::get_acl:
        case OpCode::get_children:
        case OpCode::get_children2:
        case OpCode::multi_read:
        case OpCode::get_ephemerals:
        case OpCode::get_all_children_number:
        case OpCode::who_am_i:
        case OpCode::ping:
        case OpCode::set_watches:
        case OpCode::set_watches2:
        case OpCode::add_watch:
        case OpCode::check_watches:
        case OpCode::remove_watches:
        case OpCode::reconfig:
        case OpCode::delete_container:
            return Way::local;
        case OpCode::auth:
            return Way::auth;
        case OpCode::sasl:
            return Way::sasl;
        default:
            return Way::unknown;
    }
}

/// False if the connection has too many already.
bool add_identity(Connection& connection, jute::AuthId id) {
    auto& ids = connection.auth;
    if (std::find(ids.begin(), ids.end(), id) != ids.end()) return true;
    const std::size_t bytes = connection.auth_bytes + id.scheme.size() + id.id.size();
    if (bytes > kIdentityBytesMax) return false;
    connection.auth_bytes = bytes;
    ids.push_back(std::move(id));
    return true;
}

}  // namespace

/// The first four bytes: a four-letter word, or the length of a ConnectRequest. `bytes` becomes
/// what the decoder must be fed with. Returns false when nothing more is to be done.
bool Frontend::accept_head(Connection& connection, ByteView& bytes, Out& out) {
    constexpr std::size_t kWord = 4;
    while (connection.head.size() < kWord && !bytes.empty()) {
        connection.head.push_back(bytes.front());
        bytes.remove_prefix(1);
    }
    if (connection.head.size() < kWord) return false;
    const std::string_view word = std::string_view(connection.head).substr(0, kWord);
    if (is_four_letter_word(word)) {
        const std::size_t whole = kWord + argument_bytes(word);
        connection.head.append(bytes.substr(0, whole - connection.head.size()));
        if (connection.head.size() < whole) return false;
        connection.state = Connection::State::asked;
        ++connection.activity.received;
        ++totals_.packets_received;
        out.four_letter.push_back(
            FourLetterAsked{connection.id, std::string(word), connection.head.substr(kWord)});
        return false;
    }
    if (!serving_) {
        totals_.counts.add(metrics::Counter::cnxn_closed_without_zk_server_running);
        close(connection, Close::at_once, "not_serving", out);
        return false;
    }
    connection.state = Connection::State::greeting;
    connection.decoder.feed(connection.head);
    return true;
}

void Frontend::accept_connect(Connection& connection, ByteView frame, Instant now, Out& out) {
    connection.greeted = now;
    ++connection.activity.received;
    ++totals_.packets_received;
    jute::InputArchive archive(frame);
    auto connect = archive.get<jute::ConnectRequest>();
    if (!archive.ok()) return close(connection, Close::at_once, "bad_connect", out);
    connection.sent_read_only = !archive.at_end();
    const bool may_be_read_only = connection.sent_read_only && archive.get<bool>();
    if (read_only_ && !may_be_read_only) return close(connection, Close::at_once, "read_only", out);
    using Kind = Throttle::Session;
    const bool local = settings_.local_sessions || read_only_;
    const Kind kind = connect.session != SessionId{} ? Kind::renewed
                      : local                        ? Kind::local
                                                     : Kind::global;
    const Throttle::Answer throttled = throttle_->ask(kind, now);
    if (!throttled.admitted) {
        totals_.counts.add(metrics::Counter::connection_rejected);
        return close(connection, Close::at_once, "throttled", out);
    }
    totals_.counts.add(metrics::Counter::connection_request_count);
    totals_.counts.observe(metrics::Summary::connection_token_deficit, throttled.deficit);
    if (connect.last_zxid_seen > tree_->last_zxid()) {
        log_.info("connection.refused_ahead peer={} seen={} last={}",
                  connection.peer.address,
                  connect.last_zxid_seen,
                  tree_->last_zxid());
        return close(connection, Close::at_once, "client_ahead", out);
    }
    connection.timeout_ms = std::clamp(
        connect.timeout_ms, settings_.session_timeout_min_ms, settings_.session_timeout_max_ms);
    connection.state = Connection::State::joining;
    connection.asked_core = true;
    const request::Origin origin{settings_.loop, connection.id};
    if (connect.session == SessionId{}) {
        out.to_core.push_back(request::OpenSession{origin, connection.timeout_ms});
    } else {
        totals_.counts.add(metrics::Counter::connection_revalidate_count);
        out.to_core.push_back(
            request::ReattachSession{origin,
                                     connect.session,
                                     connection.timeout_ms,
                                     std::move(connect.password).value_or(Bytes())});
    }
}

void Frontend::accept_request(Connection& connection, ByteView frame, Instant now, Out& out) {
    ++connection.activity.received;
    ++totals_.packets_received;
    jute::InputArchive archive(frame);
    const auto header = archive.get<jute::RequestHeader>();
    if (!archive.ok()) return close(connection, Close::at_once, "bad_header", out);
    const ByteView body = archive.rest();
    const Way way = way_of(header.op);
    const bool proves = way == Way::auth || way == Way::sasl;
    if (!proves && !may_ask(connection)) {
        return refuse_unproven(connection, header.xid, header.op, now);
    }
    if (!proves)
        totals_.counts.observe(metrics::Summary::request_throttle_queue_time_ms,
                               to_ms(connection.waited));
    if (read_only_ && refuse_change(connection, header, now)) return;
    if ((way == Way::core || way == Way::local) && is_late(connection, header.op)) {
        return refuse_late(connection, header.xid, header.op, now);
    }
    switch (way) {
        case Way::core:
            return forward(connection, header.xid, header.op, body, now, out);
        case Way::local:
            return admit_local(connection, header.xid, header.op, body, now);
        case Way::auth:
            return accept_auth(connection, header.xid, body, now, out);
        case Way::sasl:
            return accept_sasl(connection, header.xid, body, now, out);
        case Way::unknown:
            break;
    }
    log_.debug("request.unimplemented peer={} op={}",
               connection.peer.address,
               static_cast<std::int32_t>(header.op));
    ParkedRequest answer;
    answer.xid = header.xid;
    answer.op = header.op;
    answer.zxid = Zxid(-1);
    answer.error = ErrorCode::unimplemented;
    answer.then_close = true;
    answer_in_turn(connection, std::move(answer), now);
}

/// In read-only mode: whatever would change something is refused before it is looked at, in its turn.
bool Frontend::refuse_change(Connection& connection,
                             const jute::RequestHeader& header,
                             Instant now) {
    const bool changes = (way_of(header.op) == Way::core && header.op != OpCode::close_session) ||
                         header.op == OpCode::reconfig || header.op == OpCode::check ||
                         header.op == OpCode::delete_container;
    if (!changes) return false;
    connection.touched = true;
    ParkedRequest answer;
    answer.xid = header.xid;
    answer.op = header.op;
    answer.zxid = tree_->last_zxid();
    answer.error = ErrorCode::not_read_only;
    answer_in_turn(connection, std::move(answer), now);
    return true;
}

/// Has the request waited longer for its turn than clients are to wait? Of pings and the end of a session nobody is told so.
bool Frontend::is_late(const Connection& connection, OpCode op) const {
    return connection.late && op != OpCode::ping && op != OpCode::close_session;
}

void Frontend::refuse_late(Connection& connection, Xid xid, OpCode op, Instant now) {
    totals_.counts.add(metrics::Counter::throttled_ops);
    connection.touched = true;
    ParkedRequest answer;
    answer.xid = xid;
    answer.op = op;
    answer.zxid = tree_->last_zxid();
    answer.error = ErrorCode::throttled_op;
    answer_in_turn(connection, std::move(answer), now);
}

/// enforce.auth: has the connection proven an identity of a scheme that is asked for?
bool Frontend::may_ask(const Connection& connection) const {
    const std::vector<std::string>& schemes = settings_.required_schemes;
    if (schemes.empty()) return true;
    return std::any_of(connection.auth.begin(), connection.auth.end(), [&](const auto& id) {
        return std::find(schemes.begin(), schemes.end(), id.scheme) != schemes.end();
    });
}

/// The answer to whatever a client asks without that, a ping too. Its session lives on, for a client that comes back with
/// a proof.
void Frontend::refuse_unproven(Connection& connection, Xid xid, OpCode op, Instant now) {
    ++totals_.auth_failures;
    log_.info("connection.auth_required peer={} session={}",
              connection.peer.address,
              to_string(connection.session));
    ParkedRequest answer;
    answer.xid = xid;
    answer.op = op;
    answer.error = ErrorCode::session_closed_require_auth;
    answer.then_close = true;
    answer_in_turn(connection, std::move(answer), now);
}

/// addauth. Ids count from the next request on; the answer keeps its place among the others,
/// because kazoo takes it for the answer to its oldest request.
void Frontend::accept_auth(Connection& connection, Xid xid, ByteView body, Instant now, Out& out) {
    const auto request = jute::decode<jute::AuthRequest>(body);
    if (!request) return close(connection, Close::at_once, "bad_auth", out);
    bool proven = request->scheme == "ip";  // every connection has its address already
    if (request->scheme == "digest" && request->auth && settings_.access.digest) {
        std::string id = tree::digest_id(*request->auth, settings_.digest_algorithm);
        if (!settings_.super_digest.empty() && id == settings_.super_digest) {
            add_identity(connection, jute::AuthId{"super", ""});
        }
        proven = add_identity(connection, jute::AuthId{"digest", std::move(id)});
    }
    ParkedRequest answer;
    answer.xid = xid;
    answer.op = OpCode::auth;
    if (!proven) {
        ++totals_.auth_failures;
        log_.info("connection.auth_failed peer={} session={}",
                  connection.peer.address,
                  to_string(connection.session));
        answer.error = ErrorCode::auth_failed;
        answer.then_close = true;
    }
    answer_in_turn(connection, std::move(answer), now);
}

/// SASL is not configured: like ZooKeeper's server then, answer with a null token and prove
/// nothing.
void Frontend::accept_sasl(Connection& connection, Xid xid, ByteView body, Instant now, Out& out) {
    jute::InputArchive archive(body);
    (void)archive.get<jute::Buffer>();
    if (!archive.ok()) return close(connection, Close::at_once, "bad_sasl", out);
    ParkedRequest answer;
    answer.xid = xid;
    answer.op = OpCode::sasl;
    append_be(answer.bytes, std::int32_t{-1});
    answer_in_turn(connection, std::move(answer), now);
}

/// An answer that is known already, behind whatever must be answered before.
void Frontend::answer_in_turn(Connection& connection, ParkedRequest answer, Instant now) {
    answer.kind = ParkedRequest::Kind::finished;
    answer.received = now;
    answer.cost = kRequestBytes + answer.bytes.size();
    if (answer.then_close) connection.state = Connection::State::ending;
    if (connection.gate.empty()) {
        send(connection, answer, now);
    } else {
        connection.gate.park(std::move(answer));
    }
}

void Frontend::forward(
    Connection& connection, Xid xid, OpCode op, ByteView body, Instant now, Out& out) {
    if (op == OpCode::sync && !jute::decode<jute::SyncRequest>(body)) {
        return admit_local(connection, xid, op, body, now);
    }
    request::ClientRequest request;
    request.origin = {settings_.loop, connection.id};
    request.session = connection.session;
    request.xid = xid;
    request.op = op;
    request.body.assign(body);
    request.auth = connection.auth;
    request.behind_read = connection.gate.ends_with_read();
    out.to_core.push_back(std::move(request));

    ParkedRequest parked;
    parked.kind = ParkedRequest::Kind::at_core;
    parked.xid = xid;
    parked.op = op;
    parked.received = now;
    parked.cost = kRequestBytes + body.size() + connection.auth_bytes;
    const auto size = static_cast<std::int64_t>(body.size());
    const bool large =
        settings_.large_request_threshold >= 0 && size > settings_.large_request_threshold;
    parked.large = large ? body.size() : 0;
    if (connection.gate.at_core() == 0) ++asking_;
    connection.gate.park(std::move(parked));
    ++outstanding_;
    // Requests behind closeSession vanish, as they do in ZooKeeper.
    if (op == OpCode::close_session) connection.state = Connection::State::ending;
}

void Frontend::admit_local(Connection& connection, Xid xid, OpCode op, ByteView body, Instant now) {
    connection.touched = true;
    if (connection.gate.empty() && !answer_waits(connection, op, body))
        return serve(connection, xid, op, body, now, now);
    ParkedRequest parked;
    parked.kind = ParkedRequest::Kind::local;
    parked.xid = xid;
    parked.op = op;
    parked.received = now;
    parked.bytes.assign(body);
    parked.cost = kRequestBytes + body.size();
    parked.answer =
        std::max(answer_bytes(*tree_, op, body), is_read(op) ? connection.gate.largest() : 0);
    connection.gate.park(std::move(parked));
}

/// Runs a local request and writes its reply.
void Frontend::serve(
    Connection& connection, Xid xid, OpCode op, ByteView body, Instant received, Instant now) {
    ErrorCode error = ErrorCode::ok;
    const bool catches_up = op == OpCode::set_watches || op == OpCode::set_watches2;
    if (catches_up)
        error = serve_set_watches(connection, op, body);  // its events come before its reply
    Bytes& out = connection.output;
    const std::size_t start = out.size();
    constexpr std::size_t kHeaderBytes = 20;
    out.append(kHeaderBytes, '\0');
    if (!catches_up) error = answer_local(connection, op, body, out);
    ZK_ASSERT(error == ErrorCode::ok || out.size() == start + kHeaderBytes);
    if (op == OpCode::ping) xid = Xid(xids::kPing);
    store_be(out.data() + start, static_cast<std::int32_t>(out.size() - start - 4));
    store_be(out.data() + start + 4, xid.value());
    store_be(out.data() + start + 8, tree_->last_zxid().value());
    store_be(out.data() + start + 16, static_cast<std::int32_t>(error));
    count_sent(connection, out.size() - start - 4);
    const std::int64_t took_ms = to_ms(now - received);
    totals_.latency.add(took_ms);
    totals_.counts.observe(metrics::Summary::readlatency, took_ms);
    connection.activity.answered(op, xid, tree_->last_zxid(), took_ms, now);
}

/// Appends the response record, or nothing when there is an error.
ErrorCode Frontend::answer_local(Connection& connection, OpCode op, ByteView body, Bytes& out) {
    switch (op) {
        case OpCode::ping:
        case OpCode::close_session:  // of a local session
            return ErrorCode::ok;
        case OpCode::reconfig:
            return ErrorCode::reconfig_disabled;
        case OpCode::delete_container:  // asks for no permission: only the leader's own may
            return ErrorCode::unimplemented;
        case OpCode::sync:  // those that can be decoded go to the core
            return ErrorCode::marshalling_error;
        case OpCode::who_am_i:
            write_identities(connection.auth, out);
            return ErrorCode::ok;
        case OpCode::add_watch:
            return serve_add_watch(connection, body, out);
        case OpCode::check_watches:
        case OpCode::remove_watches:
            return serve_watches(connection, op, body);
        default:
            break;
    }
    ZK_ASSERT(is_read(op));
    const Asker asker{.auth = connection.auth,
                      .session = connection.session,
                      .access = settings_.access,
                      .effort = &connection.effort,
                      .counts = &totals_.counts,
                      .multi_read_bytes_max = settings_.multi_read_bytes_max};
    ++connection.effort;
    const ReadResult result = read(*tree_, op, body, asker, out);
    if (result.watch == ReadResult::Watch::data)
        watches_.add(Watches::Kind::data, result.path, connection.id);
    if (result.watch == ReadResult::Watch::child)
        watches_.add(Watches::Kind::child, result.path, connection.id);
    return result.error;
}

/// Neither looks whether the path is one, nor whether it may be read: events are checked one by one.
ErrorCode Frontend::serve_add_watch(Connection& connection, ByteView body, Bytes& out) {
    const auto request = jute::decode<jute::AddWatchRequest>(body);
    if (!request) return ErrorCode::marshalling_error;
    switch (request->mode) {
        case AddWatchMode::persistent:
            watches_.add(Watches::Kind::persistent, request->path, connection.id);
            break;
        case AddWatchMode::persistent_recursive:
            watches_.add(Watches::Kind::recursive, request->path, connection.id);
            break;
        default:
            return ErrorCode::marshalling_error;
    }
    append_be(out, static_cast<std::int32_t>(ErrorCode::ok));  // an ErrorResponse
    return ErrorCode::ok;
}

/// checkWatches and removeWatches: nobody else's watches count.
ErrorCode Frontend::serve_watches(Connection& connection, OpCode op, ByteView body) {
    const auto request = jute::decode<jute::WatchesRequest>(body);
    if (!request || request->type < WatcherType::children ||
        request->type > WatcherType::persistent_recursive)
        return ErrorCode::marshalling_error;
    const bool found = op == OpCode::check_watches
                           ? watches_.contains(request->type, request->path, connection.id)
                           : watches_.remove(request->type, request->path, connection.id);
    return found ? ErrorCode::ok : ErrorCode::no_watcher;
}

/// setWatches and setWatches2: of what addWatch had set nothing is told, it is only set again.
ErrorCode Frontend::serve_set_watches(Connection& connection, OpCode op, ByteView body) {
    if (op == OpCode::set_watches) {
        const auto request = jute::decode<jute::SetWatchesRequest>(body);
        if (!request) return ErrorCode::marshalling_error;
        catch_up(connection, *request);
        return ErrorCode::ok;
    }
    const auto request = jute::decode<jute::SetWatches2Request>(body);
    if (!request) return ErrorCode::marshalling_error;
    catch_up(connection, request->one_shot);
    for (const std::string& path : request->persistent)
        watches_.add(Watches::Kind::persistent, path, connection.id);
    for (const std::string& path : request->recursive)
        watches_.add(Watches::Kind::recursive, path, connection.id);
    return ErrorCode::ok;
}

/// Watches are what clients cannot be made to take back: who has most of them must go when there are too many.
void Frontend::bound_watches(Out& out) {
    while (watches_.bytes() > settings_.watch_bytes_max) {
        const auto largest = watches_.largest(sorted_ids());
        ZK_ASSERT(largest);
        ZK_COVERED("frontend.watches_full");
        Connection& connection = *find(*largest);
        log_.warn("watches.too_many peer={} session={} bytes_max={}",
                  connection.peer.address,
                  to_string(connection.session),
                  settings_.watch_bytes_max);
        close(connection, Close::at_once, "watches_full", out);
    }
}

/// A client that lost its connection sets its watches again: what happened since `relative_zxid` is
/// told at once, the other watches are registered.
void Frontend::catch_up(Connection& connection, const jute::SetWatchesRequest& request) {
    const Zxid seen = request.relative_zxid;
    for (const std::string& path : request.data) {
        const tree::Node* node = tree_->find(path);
        if (node == nullptr) {
            send_event(connection, {EventType::node_deleted, path});
        } else if (node->stat().mzxid > seen) {
            send_event(connection, {EventType::node_data_changed, path});
        } else {
            watches_.add(Watches::Kind::data, path, connection.id);
        }
    }
    for (const std::string& path : request.exist) {
        if (tree_->find(path) != nullptr) {
            send_event(connection, {EventType::node_created, path});
        } else {
            watches_.add(Watches::Kind::data, path, connection.id);
        }
    }
    for (const std::string& path : request.child) {
        const tree::Node* node = tree_->find(path);
        if (node == nullptr) {
            send_event(connection, {EventType::node_deleted, path});
        } else if (node->stat().pzxid > seen) {
            send_event(connection, {EventType::node_children_changed, path});
        } else {
            watches_.add(Watches::Kind::child, path, connection.id);
        }
    }
}

}  // namespace zk::frontend
