// Clients and sessions: what frontends ask for, on the way to a proposal.
// A learner passes writes to its leader; a leader, and a server alone, turns them into txns. See core.h.
#include "base/check.h"
#include "core/core.h"
#include "session/session_ids.h"

namespace zk::core {
namespace {
/// Owner of a session whose client is connected to this very server.
constexpr std::int64_t kOwnerSelf = 0;
}  // namespace

void Core::handle(request::ToCore& event, Instant now, Actions& out) {
    if (!has_clients()) return;  // the frontend closes its connections and asks again elsewhere
    std::visit([&](auto& request) { accept(request, now, out); }, event);
    run_zab(now, out);
}

void Core::accept(request::OpenSession& request, Instant now, Actions& out) {
    const SessionId session = next_session_;
    next_session_ = session::next_session_id(next_session_);
    if (local_.wanted()) {
        local_.open(session, request.timeout_ms, working_.now());
        out.push_back(request::ToFrontend(
            request::SessionOpened{.origin = request.origin,
                                   .session = session,
                                   .timeout_ms = request.timeout_ms,
                                   .password = session::password_for(session)}));
        return;
    }
    requests_.open_asked(session, request);
    submit({.owner = kOwnerSelf,
            .session = session,
            .cxid = Xid(0),
            .op = OpCode::create_session,
            .body = jute::encode(jute::CreateSessionTxn{request.timeout_ms}),
            .auth = {},
            .sync_token = 0},
           now,
           out);
}

void Core::accept(request::ReattachSession& request, Instant, Actions& out) {
    const auto refuse = [&] {
        out.push_back(request::ToFrontend(request::SessionOpened{.origin = request.origin}));
    };
    if (!session::check_password(request.session, request.password)) return refuse();
    const auto accept_at_once = [&] {
        requests_.goes_on_at(request.session, request.origin);
        out.push_back(request::ToFrontend(request::SessionOpened{.origin = request.origin,
                                                                 .session = request.session,
                                                                 .timeout_ms = request.timeout_ms,
                                                                 .password = request.password}));
    };
    if (local_.contains(request.session)) {
        local_.open(request.session, request.timeout_ms, working_.now());
        return accept_at_once();
    }
    if (read_only_) {
        // It may live where the others are.
        ZK_COVERED("core.read_only_knows_no_session");
        out.push_back(
            request::ToFrontend(request::SessionOpened{.origin = request.origin, .unknown = true}));
        return;
    }
    if (state_ == State::following) {
        requests_.reattach_asked(request);
        learner_->revalidate(request.session, request.timeout_ms, zab_actions_);
        return;
    }
    if (!sessions_.contains(request.session)) return refuse();
    if (sessions_.is_closing(request.session)) {
        // Its end has not committed, and may never.
        ZK_COVERED("core.waits_for_end");
        waiting_for_end_[request.session].push_back({request.origin, 0});
        return;
    }
    sessions_.add(request.session, request.timeout_ms, working_.now());
    sessions_.set_owner(request.session, kOwnerSelf);
    accept_at_once();
}

void Core::accept(request::ClientRequest& request, Instant now, Actions& out) {
    if (requests_.comes_too_late(request)) {
        ZK_COVERED("core.replaced_connection_asks");
        return;
    }
    touch(request.session);
    bool local = local_.contains(request.session);
    if (local && request.op == OpCode::close_session) {
        requests_.asked(request);
        return end_local_if_due(request.session, out);
    }
    if (read_only_) return;  // of an earlier role: its connection has closed
    if (local && prep::makes_ephemeral(request.op, request.body)) {
        local = !upgrade(request.session, now, out);
    }
    std::uint64_t token = 0;
    if (request.op == OpCode::sync) {
        token = requests_.sync_asked(request);
        if (state_ == State::following) {
            learner_->request_sync(
                token, request.session, request.xid, request.body, request.auth, zab_actions_);
            return;
        }
    } else {
        requests_.asked(request, local);
    }
    submit({.owner = kOwnerSelf,
            .session = request.session,
            .cxid = request.xid,
            .op = request.op,
            .body = std::move(request.body),
            .auth = std::move(request.auth),
            .sync_token = token},
           now,
           out);
}

void Core::accept(request::TouchSession& request, Instant, Actions&) { touch(request.session); }

void Core::accept(request::ConnectionClosed&, Instant, Actions&) {
    // What is pending stays pending, because its txn will still come; the frontend drops answers to a connection that
    // is gone.
}

// The other servers hear of the session by the txn that opens any other. What its client asks for next comes behind that.
bool Core::upgrade(SessionId session, Instant now, Actions& out) {
    const std::optional<std::int32_t> timeout_ms = local_.upgrade(session);
    if (!timeout_ms) return false;
    ZK_COVERED("core.session_upgraded");
    log_.info("session.upgraded session={} timeout_ms={}", session, *timeout_ms);
    submit({.owner = kOwnerSelf,
            .session = session,
            .cxid = Xid(0),
            .op = OpCode::create_session,
            .body = jute::encode(jute::CreateSessionTxn{*timeout_ms}),
            .auth = {},
            .sync_token = 0},
           now,
           out);
    return true;
}

// A local session is closed once all that its client asked before is answered.
void Core::end_local_if_due(SessionId session, Actions& out) {
    const auto close = requests_.closed_locally(session);
    if (!close) return;
    ZK_COVERED("core.local_session_closed");
    local_.end(session);
    requests_.forget(session);
    out.push_back(request::ToFrontend(request::Reply{.origin = close->origin,
                                                     .session = session,
                                                     .xid = close->xid,
                                                     .op = OpCode::close_session,
                                                     .zxid = {},
                                                     .body = {}}));
}

void Core::expire_local_sessions(Actions& out) {
    for (const SessionId session : local_.expire(working_.now())) {
        ZK_COVERED("core.local_session_expired");
        log_.info("session.expired session={} local=true", session);
        requests_.forget(session);
        out.push_back(request::ToFrontend(request::SessionGone{session}));
    }
}

void Core::touch(SessionId session) {
    if (local_.touch(session, working_.now())) return;
    if (!sessions_.contains(session)) return;
    if (makes_txns()) {
        sessions_.touch(session, working_.now());
    } else if (state_ == State::following) {
        learner_->touch(session, sessions_.timeout_ms(session).value_or(0));
    }
}

void Core::submit(QueuedRequest request, Instant now, Actions& out) {
    if (state_ == State::following) {
        learner_->forward(
            request.session, request.cxid, request.op, request.body, request.auth, zab_actions_);
        return;
    }
    ZK_ASSERT(makes_txns());
    if (!queued_.empty() || window_full()) {
        ZK_COVERED("core.window_full");
        queued_.push_back(std::move(request));
        return;
    }
    order(request, now, out);
}

// A sync has its place among the writes, and is no txn.
void Core::order(QueuedRequest& request, Instant now, Actions& out) {
    if (request.op != OpCode::sync) return propose(request, now, out);
    if (alone_) {
        alone_->request_sync(request.sync_token, zab_actions_);
    } else if (request.owner == kOwnerSelf) {
        leader_->request_sync(request.sync_token, zab_actions_);
    } else {
        leader_->request_sync_of(static_cast<zab::LinkId>(*request.owner), zab_actions_);
    }
}

void Core::propose_queued(Instant now, Actions& out) {
    while (makes_txns() && serving_ && !queued_.empty() && !window_full()) {
        QueuedRequest request = std::move(queued_.front());
        queued_.pop_front();
        order(request, now, out);
    }
}

Core::SessionCheck Core::check_session(const QueuedRequest& request) const {
    const auto all = [](ErrorCode error) { return SessionCheck{error, error}; };
    // The leader closes a session that it has expired itself.
    if (!request.owner) return {};
    if (!sessions_.contains(request.session)) {
        if (!local_.may_be_local(request.session, settings_.my_id))
            return all(ErrorCode::session_expired);
        // The server of its client knows better what to say.
        return {ErrorCode::ok,
                local_.contains(request.session) ? ErrorCode::ephemeral_on_local_session
                                                 : ErrorCode::session_expired};
    }
    // A session that nobody has claimed since this reign began belongs to whoever speaks first.
    const auto owner = sessions_.owner(request.session);
    if (owner && owner != request.owner) return all(ErrorCode::session_moved);
    if (sessions_.is_closing(request.session)) return all(ErrorCode::session_expired);
    return {};
}

void Core::propose(QueuedRequest& request, Instant now, Actions&) {
    const Zxid zxid = next_zxid();
    const bool opens = request.op == OpCode::create_session;
    const SessionCheck session_check = opens ? SessionCheck{} : check_session(request);
    std::int32_t timeout_ms = 0;
    jute::Txn txn;
    if (opens) {
        const auto body = jute::decode<jute::CreateSessionTxn>(request.body);
        timeout_ms = body ? body->timeout_ms : 0;
        txn = preparer_->create_session(request.session, request.cxid, timeout_ms, zxid, wall_);
    } else if (request.op == OpCode::delete_container && !request.owner) {
        auto removal = preparer_->delete_container(request.body, zxid, wall_);
        if (!removal) return;
        ZK_COVERED("core.left_over_removed");
        txn = *std::move(removal);
    } else {
        txn = prepare(request, session_check, zxid);
    }
    auto bytes = std::make_shared<const Bytes>(jute::encode_txn(txn, request.body.size()));
    // A txn that is not proposed is in no log: then the table of sessions must not know of it either.
    if (!propose_txn(zxid, std::move(bytes), now)) return;
    if (opens) {
        sessions_.add(request.session, timeout_ms, working_.now());
        opening_.insert(request.session);
    }
    if (session_check.any == ErrorCode::ok && request.owner) {
        sessions_.set_owner(request.session, *request.owner);
    }
    // Whoever asks for it: behind the closeSession nothing of this session may be proposed any more.
    if (request.op == OpCode::close_session) sessions_.begin_closing(request.session);
}

jute::Txn Core::prepare(const QueuedRequest& request, const SessionCheck& check, Zxid zxid) {
    const bool closes = request.op == OpCode::close_session;
    const Instant began = closes ? measured() : Instant{};
    jute::Txn txn = preparer_->prepare({.session = request.session,
                                        .cxid = request.cxid,
                                        .op = request.op,
                                        .body = request.body,
                                        .auth = request.auth,
                                        .zxid = zxid,
                                        .time = wall_,
                                        .session_check = check.any,
                                        .ephemeral_check = check.of_ephemerals});
    shrink(txn);
    if (closes)
        counts_.observe(metrics::Summary::close_session_prep_time, to_ms(measured() - began));
    return txn;
}

Instant Core::measured() const { return settings_.stopwatch ? settings_.stopwatch() : now_; }

// The list of a session's ephemerals may become longer than what other servers take. Without it every server deletes what
// it knows the session to own, which is the same.
void Core::shrink(jute::Txn& txn) const {
    const auto bytes_max = static_cast<std::size_t>(settings_.jute_max_buffer);
    auto* closed = std::get_if<jute::CloseSessionTxn>(&txn.body);
    if (closed == nullptr || !closed->paths) return;
    std::size_t bytes = 0;
    for (const std::string& path : *closed->paths) bytes += path.size() + 4;
    if (bytes <= bytes_max) return;
    ZK_COVERED("core.close_session_shrunk");
    closed->paths->clear();
}

void Core::revalidated(SessionId session, bool valid, Actions& out) {
    const auto reattach = requests_.reattached(session);
    if (!reattach) return;
    request::SessionOpened opened{.origin = reattach->origin};
    if (valid) {
        // The newly negotiated timeout is what the leader is told with each touch. Of a session that another server has just
        // made known to all the txn may not be here yet: it is no part of the state before that.
        if (sessions_.contains(session)) {
            sessions_.add(session, reattach->timeout_ms, working_.now());
        } else {
            ZK_COVERED("core.reattached_before_its_txn");
            reattached_early_[session] = reattach->timeout_ms;
        }
        opened.session = session;
        opened.timeout_ms = reattach->timeout_ms;
        opened.password = session::password_for(session);
        requests_.goes_on_at(session, reattach->origin);
    }
    out.push_back(request::ToFrontend(std::move(opened)));
}

void Core::tell_waiting_of_end(SessionId session, Actions& out) {
    const auto found = waiting_for_end_.find(session);
    if (found == waiting_for_end_.end()) return;
    ZK_COVERED("core.end_told_when_committed");
    for (const WaitsForEnd& waiting : found->second) {
        if (waiting.origin) {
            out.push_back(request::ToFrontend(request::SessionOpened{.origin = *waiting.origin}));
        } else if (leader_) {
            leader_->revalidated(waiting.link, session, false, zab_actions_);
        }
    }
    waiting_for_end_.erase(found);
}

void Core::expire_sessions(Instant now, Actions& out) {
    for (const SessionId session : sessions_.expire(working_.now())) {
        log_.info("session.expired session={} timeout_ms={}",
                  session,
                  sessions_.timeout_ms(session).value_or(0));
        counts_.add(metrics::Counter::stale_sessions_expired);
        submit({.owner = std::nullopt,
                .session = session,
                .cxid = Xid(0),
                .op = OpCode::close_session,
                .body = {},
                .auth = {},
                .sync_token = 0},
               now,
               out);
    }
}

// Clients come first: what is left over can wait for the next tick.
void Core::remove_left_over(Instant now, Actions& out) {
    if (!queued_.empty() || window_full()) return;
    for (std::string& path : container_sweep_.due(tree(), wall_, now)) {
        log_.debug("container.remove path={}", path);
        submit({.owner = std::nullopt,
                .session = {},
                .cxid = Xid(0),
                .op = OpCode::delete_container,
                .body = std::move(path),
                .auth = {},
                .sync_token = 0},
               now,
               out);
    }
}

}  // namespace zk::core
