// Requests of this server's clients and their answers. See client_requests.h.
#include "core/client_requests.h"

#include <algorithm>
#include <utility>

#include "jute/archive.h"
#include "jute/protocol.h"

namespace zk::core {

void ClientRequests::asked(const request::ClientRequest& request, bool local_session) {
    asked_[request.session].push(
        {request.origin, request.xid, request.op, request.behind_read, local_session});
}

std::uint64_t ClientRequests::sync_asked(const request::ClientRequest& request) {
    const std::uint64_t token = next_sync_++;
    syncs_[token] = {
        request.origin, request.session, request.xid, request.body, request.behind_read};
    return token;
}

void ClientRequests::open_asked(SessionId session, const request::OpenSession& request) {
    opens_[session] = request.origin;
}

void ClientRequests::reattach_asked(const request::ReattachSession& request) {
    reattaches_[request.session].push_back(request);
}

// A leader closes a session by a txn of its own, with cxid 0: that answers no other request of the session.
std::optional<ClientRequests::Asked> ClientRequests::answered_by(SessionId session,
                                                                 Xid cxid,
                                                                 bool closes) {
    const auto queue = asked_.find(session);
    if (queue == asked_.end() || queue->second.empty()) return std::nullopt;
    const Request& oldest = queue->second.front();
    if (oldest.xid != cxid || (closes && oldest.op != OpCode::close_session)) return std::nullopt;
    const Asked answered{oldest.origin, oldest.op, oldest.local_session};
    queue->second.pop();
    unheard(answered.origin, session);
    return answered;
}

std::optional<ClientRequests::Close> ClientRequests::closed_locally(SessionId session) {
    const auto queue = asked_.find(session);
    if (queue == asked_.end() || queue->second.empty()) return std::nullopt;
    const Request& oldest = queue->second.front();
    if (oldest.op != OpCode::close_session) return std::nullopt;
    return Close{oldest.origin, oldest.xid};
}

std::optional<request::Origin> ClientRequests::opened(SessionId session) {
    const auto found = opens_.find(session);
    if (found == opens_.end()) return std::nullopt;
    const request::Origin origin = found->second;
    opens_.erase(found);
    return origin;
}

std::optional<request::ReattachSession> ClientRequests::reattached(SessionId session) {
    const auto queue = reattaches_.find(session);
    if (queue == reattaches_.end()) return std::nullopt;
    request::ReattachSession oldest = std::move(queue->second.front());
    queue->second.pop_front();
    if (queue->second.empty()) reattaches_.erase(queue);
    return oldest;
}

std::optional<request::Reply> ClientRequests::synced(std::uint64_t token, Zxid zxid) {
    const auto found = syncs_.find(token);
    if (found == syncs_.end()) return std::nullopt;
    const Sync sync = std::move(found->second);
    syncs_.erase(found);
    unheard(sync.origin, sync.session);
    const auto request = jute::decode<jute::SyncRequest>(sync.body);
    return request::Reply{.origin = sync.origin,
                          .session = sync.session,
                          .xid = sync.xid,
                          .op = OpCode::sync,
                          .zxid = zxid,
                          .error = request ? ErrorCode::ok : ErrorCode::marshalling_error,
                          .body = request ? jute::encode(*request) : Bytes()};
}

void ClientRequests::clear() {
    asked_.clear();
    opens_.clear();
    reattaches_.clear();
    syncs_.clear();
    goes_on_at_.clear();
}

// ---- the order of one client's requests

void ClientRequests::unheard(const request::Origin& origin, SessionId session) {
    if (unheard_.size() <= origin.loop) unheard_.resize(origin.loop + 1);
    unheard_[origin.loop].insert(session);
}

void ClientRequests::heard(std::uint32_t loop) {
    if (loop < unheard_.size()) unheard_[loop].clear();
}

bool ClientRequests::any_unheard() const {
    return std::ranges::any_of(unheard_, [](const auto& sessions) { return !sessions.empty(); });
}

// Only the loop of the next request counts: what its connection waits for, it waits for there.
std::optional<std::uint32_t> ClientRequests::waits_for_reads(SessionId session, Xid cxid) const {
    const auto queue = asked_.find(session);
    if (queue == asked_.end() || queue->second.empty()) return std::nullopt;
    const Request& next = queue->second.front();
    if (!next.behind_read || next.xid != cxid || !is_unheard(next.origin, session))
        return std::nullopt;
    return next.origin.loop;
}

std::optional<std::uint32_t> ClientRequests::sync_waits_for_reads(std::uint64_t token) const {
    const auto found = syncs_.find(token);
    if (found == syncs_.end()) return std::nullopt;
    const Sync& sync = found->second;
    if (!sync.behind_read || !is_unheard(sync.origin, sync.session)) return std::nullopt;
    return sync.origin.loop;
}

// The loop of the old connection may not have heard that it is over. A client that was told of the end of that connection
// must not see it write behind what it has written since.
bool ClientRequests::comes_too_late(const request::ClientRequest& request) const {
    if (goes_on_at_.empty()) return false;
    const auto found = goes_on_at_.find(request.session);
    return found != goes_on_at_.end() && found->second != request.origin;
}

std::size_t ClientRequests::size() const {
    std::size_t count = opens_.size() + syncs_.size();
    for (const auto& [session, queue] : asked_) count += queue.size();
    return count;
}

}  // namespace zk::core
