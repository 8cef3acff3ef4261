// Committed txns, on every server: tree, sessions, then what frontends must know, in that order.
// See core.h. Replies are built here, from the txn's result, so that leader and learners answer alike.
#include <memory>
#include <utility>
#include <vector>

#include "base/check.h"
#include "core/core.h"
#include "session/session_ids.h"
#include "tree/path.h"

namespace zk::core {
namespace {

using jute::OutputArchive;

/// Type under which a part of a successful multi is answered; 3.8.0 answers create2 parts as create
/// (docs/PROTOCOL.md 1.3), and the preparer writes them so.
void write_part(OutputArchive& archive, const tree::ApplyResult& part) {
    const OpCode type = part.type == OpCode::create_container || part.type == OpCode::create_ttl
                            ? OpCode::create2
                            : part.type;
    archive.write(jute::MultiHeader{.type = type, .done = false, .error = ErrorCode::ok});
    switch (type) {
        case OpCode::create:
            archive.write(part.path);
            break;
        case OpCode::create2:
            archive(part.path, part.stat);
            break;
        case OpCode::set_data:
            archive.write(part.stat);
            break;
        default:
            break;
    }
}

Bytes multi_response(const tree::ApplyResult& result) {
    Bytes body;
    OutputArchive archive(body);
    bool failed = false;
    for (const tree::ApplyResult& part : result.parts) failed |= part.error != ErrorCode::ok;
    for (const tree::ApplyResult& part : result.parts) {
        if (failed) {
            archive.write(
                jute::MultiHeader{.type = OpCode::error, .done = false, .error = part.error});
            archive.write(part.error);
        } else {
            write_part(archive, part);
        }
    }
    archive.write(jute::MultiHeader{
        .type = OpCode::error, .done = true, .error = static_cast<ErrorCode>(-1)});
    return body;
}

Bytes response_body(OpCode op, const tree::ApplyResult& result) {
    constexpr std::size_t kStatBytes = 68;
    Bytes body;
    body.reserve(kStatBytes);
    OutputArchive archive(body);
    switch (op) {
        case OpCode::create:
            archive.write(result.path);
            break;
        case OpCode::create2:
        case OpCode::create_container:
        case OpCode::create_ttl:
            archive(result.path, result.stat);
            break;
        case OpCode::set_data:
        case OpCode::set_acl:
            archive.write(result.stat);
            break;
        case OpCode::multi:
            return multi_response(result);
        default:
            break;
    }
    return body;
}

}  // namespace

void Core::apply(Zxid zxid, const SharedBytes& bytes, Actions& out) {
    auto txn = jute::decode_txn(*bytes);
    if (!txn.has_value()) {
        out.push_back(Fatal{"committed txn " + to_string(zxid) +
                            " cannot be read: " + txn.error().message()});
        return;
    }
    ZK_ASSERT(txn->header.zxid == zxid);
    // Not before serving: a tree that came as a stream is ahead of its zxid for a while.
    tree::ApplyResult result = database_.apply(*txn, bytes, serving_);
    if (learner_ && serving_)
        count_propagation(txn->header, metrics::Summary::commit_propagation_latency);
    count_writes(result.changes);
    if (preparer_) preparer_->committed(zxid);
    apply_sessions(*txn);
    if (serving_ && !result.changes.empty()) {
        auto changes = std::make_shared<const std::vector<tree::Change>>(std::move(result.changes));
        out.push_back(request::ToFrontend(request::Changed{zxid, std::move(changes)}));
    }
    answer(*txn, result, out);
}

/// Bytes of each, as Apache's server reckons them: the path, and the data that a node has from now on.
void Core::count_writes(const std::vector<tree::Change>& changes) {
    for (const tree::Change& change : changes) {
        const std::string_view name = tree::namespace_of(change.path);
        if (name.empty()) continue;
        counts_.observe(metrics::SummarySet::write_per_namespace,
                        name,
                        static_cast<std::int64_t>(change.path.size() + change.data_bytes));
    }
}

void Core::apply_sessions(const jute::Txn& txn) {
    const SessionId session = txn.header.session;
    if (const auto* created = std::get_if<jute::CreateSessionTxn>(&txn.body)) {
        // A leader has known the session since it proposed the txn.
        opening_.erase(session);
        if (sessions_.contains(session)) return;
        const auto early = reattached_early_.extract(session);
        sessions_.add(session, early ? early.mapped() : created->timeout_ms, working_.now());
    } else if (txn.header.type == OpCode::close_session) {
        sessions_.remove(session);
    }
}

void Core::answer(const jute::Txn& txn, const tree::ApplyResult& result, Actions& out) {
    if (!serving_) return;
    const SessionId session = txn.header.session;
    if (txn.header.type == OpCode::create_session) {
        const auto origin = requests_.opened(session);
        if (!origin) return;
        out.push_back(request::ToFrontend(request::SessionOpened{
            .origin = *origin,
            .session = session,
            .timeout_ms = std::get<jute::CreateSessionTxn>(txn.body).timeout_ms,
            .password = session::password_for(session)}));
        return;
    }

    const bool closes = txn.header.type == OpCode::close_session;
    const auto asked = requests_.answered_by(session, txn.header.cxid, closes);
    if (asked) {
        if (result.error == ErrorCode::session_moved) {
            ZK_COVERED("core.session_moved");
            out.push_back(request::ToFrontend(request::SessionGone{session}));
            return;
        }
        // A leader does not know the local sessions of others: to it they have expired.
        const bool unknown_there =
            asked->local_session && result.error == ErrorCode::session_expired;
        out.push_back(request::ToFrontend(request::Reply{
            .origin = asked->origin,
            .session = session,
            .xid = txn.header.cxid,
            .op = asked->op,
            .zxid = txn.header.zxid,
            .error = unknown_there ? ErrorCode::ephemeral_on_local_session : result.error,
            .body = result.error == ErrorCode::ok ? response_body(asked->op, result) : Bytes()}));
        if (local_.contains(session)) end_local_if_due(session, out);
    }
    if (closes) {
        requests_.forget(session);
        tell_waiting_of_end(session, out);
        if (!asked) out.push_back(request::ToFrontend(request::SessionGone{session}));
    }
}

}  // namespace zk::core
