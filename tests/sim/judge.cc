#include "sim/judge.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>
#include <variant>

#include "jute/archive.h"

namespace zk::sim {
namespace {

std::string path_in(const SentRequest& request) {
    switch (request.op) {
        case OpCode::multi:
        case OpCode::ping:
        case OpCode::close_session:
        case OpCode::set_watches:
            return "";
        default:
            break;
    }
    jute::InputArchive archive(request.body);
    return " " + archive.get<std::string>();
}

std::string words_of(const SentRequest& request) {
    return std::string(to_string(request.op)) + path_in(request) + " (session " +
           to_string(request.session) + ", xid " + to_string(request.xid) + ")";
}

/// The error of a txn, or of the first part of a multi, that is about its session.
std::optional<ErrorCode> refusal_of(const jute::Txn& txn) {
    std::optional<ErrorCode> error;
    if (const auto* whole = std::get_if<jute::ErrorTxn>(&txn.body)) error = whole->error;
    if (const auto* multi = std::get_if<jute::MultiTxn>(&txn.body);
        multi != nullptr && !multi->parts.empty()) {
        const jute::SubTxn& first = multi->parts.front();
        const auto body = jute::decode<jute::ErrorTxn>(first.body);
        if (first.type == OpCode::error && body) error = body->error;
    }
    if (error == ErrorCode::session_expired || error == ErrorCode::session_moved) return error;
    return std::nullopt;
}

}  // namespace

Judge::Judge(SessionLimits limits, Complain complain)
    : complain_(std::move(complain)),
      replay_(complain_, limits.local_sessions),
      watches_(replay_, complain_),
      sessions_(limits, complain_) {}

bool Judge::is_judged_write(OpCode op) {
    return is_write(op) && op != OpCode::close_session && op != OpCode::create_session;
}

// ---- the history

void Judge::on_logged(Zxid zxid, const SharedBytes& bytes) {
    if (zxid > replay_.last()) logged_.emplace(zxid, Logged{bytes, Zxid(zxid.value() - 1)});
}

void Judge::continues(Zxid last, Zxid zxid) {
    logged_.erase(logged_.upper_bound(std::max(last, replay_.last())), logged_.end());
    if (zxid.value() != last.value() + 1)
        logged_.emplace(Zxid(zxid.value() - 1), Logged{nullptr, last});
}

void Judge::on_established(Epoch epoch, Zxid last, Instant now) {
    logged_.emplace(Zxid(epoch, 0), Logged{nullptr, last});
    sessions_.leader_established(now);
}

void Judge::on_applied(Zxid zxid, Instant now) {
    std::vector<std::pair<Zxid, SharedBytes>> txns;
    Zxid at = zxid;
    while (at > replay_.last()) {
        const auto found = logged_.find(at);
        if (found == logged_.end())
            return complain_("txn " + to_string(at) + " was applied but never logged");
        if (found->second.bytes) txns.emplace_back(at, found->second.bytes);
        at = found->second.previous;
    }
    if (!txns.empty() && at != replay_.last()) {
        return complain_("txn " + to_string(txns.back().first) + " is committed right behind " +
                         to_string(at) + ", but " + to_string(replay_.last()) +
                         " had been committed");
    }
    for (auto txn = txns.rbegin(); txn != txns.rend(); ++txn)
        on_committed(txn->first, txn->second, now);
    // What is still behind in zxid order lost its place to a later leader.
    logged_.erase(logged_.begin(), logged_.upper_bound(replay_.last()));
}

void Judge::on_committed(Zxid zxid, const SharedBytes& bytes, Instant now) {
    const auto txn = jute::decode_txn(*bytes);
    if (!txn.has_value()) return complain_("txn " + to_string(zxid) + " cannot be read");
    const jute::TxnHeader& header = txn->header;
    if (header.zxid != zxid) {
        return complain_("txn " + to_string(zxid) + " calls itself " + to_string(header.zxid));
    }
    const std::string words = "txn " + to_string(zxid) + " of session " +
                              to_string(header.session) + ", xid " + to_string(header.cxid);
    if (const auto* body = std::get_if<jute::CreateSessionTxn>(&txn->body)) {
        sessions_.created(header.session, body->timeout_ms, now);
        replay_.commit(*txn, nullptr);
        return sessions_.committed(now);
    }
    Session& session = by_session_[header.session];
    if (header.type == OpCode::close_session) {
        replay_.commit(*txn, nullptr);
        sessions_.closed(header.session, header.cxid != Xid(0), now);
        return sessions_.committed(now);
    }
    if (header.type == OpCode::delete_container) {
        if (header.session != SessionId() || header.cxid != Xid())
            complain_(words + " deletes what is left over, and is not the leader's own");
        return replay_.commit(*txn, nullptr);
    }
    const auto asked = session.asked.find(header.cxid);
    if (asked == session.asked.end()) {
        complain_(words + (session.done.contains(header.cxid) ? " is done twice"
                                                              : ", which nobody asked for"));
        return replay_.commit(*txn, nullptr);
    }
    const SentRef sent = asked->second;
    session.asked.erase(asked);
    session.done.insert(header.cxid);
    sent->committed = true;
    if (const auto refusal = refusal_of(*txn)) {
        check_refusal(*txn, *refusal, now);
        if (header.type != OpCode::multi) return replay_.commit(*txn, nullptr);
        return replay_.commit(*txn, &sent->request, refusal);
    }
    if (header.cxid < session.last_done) {
        complain_(words + " comes behind xid " + to_string(session.last_done) +
                  ", which its session sent later");
    }
    session.last_done = std::max(session.last_done, header.cxid);
    replay_.commit(*txn, &sent->request);
    sessions_.committed(now);
}

void Judge::check_refusal(const jute::Txn& txn, ErrorCode error, Instant now) {
    const SessionId session = txn.header.session;
    if (error == ErrorCode::session_expired) {
        if (replay_.session_open(session)) sessions_.refused(session, now);
    } else if (by_session_[session].connections < 2) {
        complain_("txn " + to_string(txn.header.zxid) + ": session " + to_string(session) +
                  " is said to have moved, but it has had one connection only");
    }
}

// ---- what clients send and hear

void Judge::arrived(std::uint64_t connection, Instant now) {
    const auto found = connections_.find(connection);
    if (found != connections_.end() && found->second.session != SessionId()) {
        sessions_.arrived(found->second.session, connection, now);
    }
}

void Judge::unread(std::uint64_t connection, Instant now) {
    const auto found = connections_.find(connection);
    if (found != connections_.end() && found->second.session != SessionId()) {
        sessions_.unread(found->second.session, now);
    }
}

void Judge::connecting(int client,
                       std::uint64_t connection,
                       SessionId session,
                       std::vector<jute::AuthId> auth,
                       Zxid applied) {
    if (session != SessionId()) ++by_session_[session].connections;
    // One that has not heard of it, as a leader that was replaced in its sleep, may give it back like old data.
    const std::optional<Zxid> end = replay_.session_end(session);
    const bool ended = end && applied >= *end;
    connections_[connection] = {client, session, std::move(auth), ended, {}};
}

void Judge::connected(std::uint64_t id, const jute::ConnectResponse& response, Instant now) {
    Connection& connection = connections_.at(id);
    const std::string name = "client " + std::to_string(connection.client);
    if (response.session == SessionId()) {
        if (connection.session == SessionId())
            return complain_(name + " was refused a new session");
        if (replay_.session_open(connection.session) ||
            !replay_.session_known(connection.session)) {
            sessions_.told_gone(connection.session, now);
        }
        return;
    }
    if (connection.session != SessionId() && connection.session != response.session) {
        complain_(name + " asked for session " + to_string(connection.session) + " and got " +
                  to_string(response.session));
    }
    if (connection.ended_before) {
        complain_(name + " is granted session " + to_string(response.session) +
                  ", which had ended before it asked");
    }
    if (connection.session == SessionId()) ++by_session_[response.session].connections;
    connection.session = response.session;
    sessions_.opened(response.session, id, response.timeout_ms, now);
    watches_.open(id, name + ", session " + to_string(response.session) + ",", connection.auth);
}

void Judge::sent(std::uint64_t id, Xid xid, OpCode op, Bytes body, Instant now) {
    Connection& connection = connections_.at(id);
    auto request = std::make_shared<Sent>();
    request->request = {connection.session, xid, op, std::move(body), connection.auth};
    request->at = now;
    request->floor = told_;
    if (is_judged_write(op)) by_session_[connection.session].asked[xid] = request;
    if (op == OpCode::close_session) sessions_.close_asked(connection.session);
    if (op == OpCode::set_watches) watches_.catching_up(id);
    sessions_.sent(connection.session, id, now);
    connection.in_flight.push_back(std::move(request));
}

void Judge::answered(std::uint64_t id,
                     const jute::ReplyHeader& header,
                     ByteView body,
                     Instant now) {
    Connection& connection = connections_.at(id);
    std::string name = "client " + std::to_string(connection.client);
    if (connection.in_flight.empty() || connection.in_flight.front()->request.xid != header.xid) {
        return complain_(name + ", session " + to_string(connection.session) +
                         ", is answered xid " + to_string(header.xid) + " out of turn");
    }
    const SentRef sent = connection.in_flight.front();
    connection.in_flight.pop_front();
    name += ": " + words_of(sent->request);
    Zxid& seen = seen_[connection.client];
    if (header.zxid < seen) {
        complain_(name + " is answered at " + to_string(header.zxid) + ", but " + to_string(seen) +
                  " had been seen");
    }
    seen = std::max(seen, header.zxid);
    const Zxid txn = replay_.last_txn(header.zxid);
    if (header.zxid > replay_.last() && header.zxid.counter() != 0) {
        complain_(name + " is answered at " + to_string(header.zxid) +
                  ", but the history ends at " + to_string(replay_.last()));
    }
    // Not through the answer of the setWatches itself: it is what makes good for what happened before.
    if (sent->request.op == OpCode::set_watches) {
        const auto request = jute::decode<jute::SetWatchesRequest>(sent->request.body);
        watches_.caught_up(id, *request, header.zxid);
    } else {
        watches_.answered(id, header.zxid);
    }
    check_answer(name, *sent, header, body);
    set_watch(id, *sent, header);
    told_ = std::max(told_, txn);
    if (is_write(sent->request.op) || sent->request.op == OpCode::sync) {
        sessions_.leader_answered(connection.session, id, sent->at, now);
    }
}

void Judge::check_answer(const std::string& name,
                         const Sent& sent,
                         const jute::ReplyHeader& header,
                         ByteView body) {
    switch (sent.request.op) {
        case OpCode::sync:
            if (replay_.last_txn(header.zxid) < sent.floor) {
                complain_(name + " is answered at " + to_string(header.zxid) + ", but " +
                          to_string(sent.floor) + " had been told before it was sent");
            }
            [[fallthrough]];
        case OpCode::ping:
        case OpCode::set_watches:
            if (header.error != ErrorCode::ok) {
                complain_(name + " is answered " + std::string(to_string(header.error)));
            }
            return;
        case OpCode::close_session:
            if (replay_.session_open(sent.request.session)) {
                complain_(name + " is answered before its txn is committed");
            }
            return;
        default:
            break;
    }
    if (is_write(sent.request.op)) {
        check_write(name, sent, header, body);
    } else {
        check_read(name, sent, header, body);
    }
}

void Judge::check_write(const std::string& name,
                        const Sent& sent,
                        const jute::ReplyHeader& header,
                        ByteView body) {
    const Committed* txn = replay_.find(header.zxid);
    if (txn == nullptr || txn->session != sent.request.session || txn->cxid != sent.request.xid) {
        return complain_(
            name + " is answered at " + to_string(header.zxid) + ", where the history has " +
            (txn == nullptr
                 ? "nothing"
                 : "xid " + to_string(txn->cxid) + " of session " + to_string(txn->session)));
    }
    if (header.error == ErrorCode::ok) ++acknowledged_;
    if (header.error != txn->answer.error || body != txn->answer.body) {
        complain_(name + " at " + to_string(header.zxid) + " is answered " +
                  describe(sent.request.op, {header.error, Bytes(body)}) + ", expected " +
                  describe(sent.request.op, txn->answer));
    }
}

void Judge::check_read(const std::string& name,
                       const Sent& sent,
                       const jute::ReplyHeader& header,
                       ByteView body) {
    ++reads_;
    const SentRequest& request = sent.request;
    const Answer expected = replay_.read(request, header.zxid);
    Answer seen{header.error, Bytes(body)};
    const bool children = request.op == OpCode::get_children || request.op == OpCode::get_children2;
    if (children && header.error == ErrorCode::ok) {
        jute::InputArchive archive(body);
        const auto names = archive.get<std::vector<std::string>>();
        if (!archive.ok()) return complain_(name + " is answered something that is no list");
        const std::string path = path_in(request).substr(1);
        const std::string wrong = replay_.check_children(path, names, header.zxid);
        if (!wrong.empty()) complain_(name + " at " + to_string(header.zxid) + " " + wrong);
        seen.body = archive.rest();
        if (request.op == OpCode::get_children) seen.body = expected.body;
    }
    if (seen.error == expected.error && seen.body == expected.body) return;
    complain_(name + " at " + to_string(header.zxid) + " is answered " +
              describe(request.op, seen) + ", expected " + describe(request.op, expected));
}

void Judge::set_watch(std::uint64_t id, const Sent& sent, const jute::ReplyHeader& header) {
    const OpCode op = sent.request.op;
    const bool exists = op == OpCode::exists;
    const bool children = op == OpCode::get_children || op == OpCode::get_children2;
    if (!exists && !children && op != OpCode::get_data) return;
    if (header.error != ErrorCode::ok && !(exists && header.error == ErrorCode::no_node)) return;
    const auto read = jute::decode<jute::PathWatchRequest>(sent.request.body);
    if (!read || !read->watch) return;
    watches_.set(
        id, children ? WatchJudge::Table::child : WatchJudge::Table::data, read->path, header.zxid);
}

void Judge::event(std::uint64_t connection,
                  const jute::WatcherEvent& event,
                  std::optional<Zxid> zxid) {
    ++events_;
    watches_.event(connection, event, zxid);
}

void Judge::closed(std::uint64_t id) {
    const auto found = connections_.find(id);
    if (found == connections_.end()) return;
    watches_.close(id);
    if (found->second.session != SessionId()) sessions_.lost(found->second.session, id);
    connections_.erase(found);
}

// ---- trees

std::string Judge::check(const tree::DataTree& tree) const {
    const Zxid zxid = tree.last_zxid();
    std::size_t count = 0;
    for (const std::string& path : replay_.paths()) {
        const ModelNodeRef expected = replay_.node(path, zxid);
        if (path == "/zookeeper") continue;
        const tree::Node* node = tree.find(path);
        if ((node == nullptr) != (expected == nullptr)) {
            return (node == nullptr ? "lost " : "still has ") + path + " at " + to_string(zxid);
        }
        if (node == nullptr) continue;
        ++count;
        jute::Stat stat = tree.stat_of(*node);
        const std::optional<ByteView> data = node->data();
        if ((data ? jute::Buffer(Bytes(*data)) : std::nullopt) != *expected->data && path != "/") {
            return "has other data in " + path + " at " + to_string(zxid);
        }
        if (tree.acl_of(*node) != *expected->acl)
            return "has another ACL for " + path + " at " + to_string(zxid);
        if (stat != expected->stat()) {
            const Answer have{ErrorCode::ok, jute::encode(stat)};
            const Answer want{ErrorCode::ok, jute::encode(expected->stat())};
            return "has " + path + " at " + to_string(zxid) + " as " +
                   describe(OpCode::exists, have) + ", expected " + describe(OpCode::exists, want);
        }
    }
    constexpr std::size_t kBuiltIn = 3;  // /zookeeper and what is in it
    if (tree.node_count() != count + kBuiltIn) {
        return "has " + std::to_string(tree.node_count()) + " nodes at " + to_string(zxid) +
               ", expected " + std::to_string(count + kBuiltIn);
    }
    return {};
}

}  // namespace zk::sim
