#include "prep/preparer.h"

#include <algorithm>
#include <set>
#include <string>
#include <utility>

#include "prep/node_ops.h"

namespace zk::prep {
namespace {

using MultiOp = std::variant<jute::CreateRequest,
                             CreateTtlRequest,
                             jute::DeleteRequest,
                             jute::SetDataRequest,
                             jute::CheckVersionRequest>;

template <class Record>
MultiOp read_op(jute::InputArchive& archive) {
    return archive.get<Record>();
}

// The operations of a multi; nullopt if it cannot be decoded or holds an operation that a multi may
// not have.
std::optional<std::vector<std::pair<OpCode, MultiOp>>> decode_multi(ByteView body) {
    std::vector<std::pair<OpCode, MultiOp>> ops;
    jute::InputArchive archive(body);
    while (true) {
        const auto header = archive.get<jute::MultiHeader>();
        if (!archive.ok()) return std::nullopt;
        if (header.done) return ops;
        switch (header.type) {
            case OpCode::create:
            case OpCode::create2:
            case OpCode::create_container:
                ops.emplace_back(header.type, read_op<jute::CreateRequest>(archive));
                break;
            case OpCode::create_ttl:
                ops.emplace_back(header.type, read_op<CreateTtlRequest>(archive));
                break;
            case OpCode::remove:
                ops.emplace_back(header.type, read_op<jute::DeleteRequest>(archive));
                break;
            case OpCode::set_data:
                ops.emplace_back(header.type, read_op<jute::SetDataRequest>(archive));
                break;
            case OpCode::check:
                ops.emplace_back(header.type, read_op<jute::CheckVersionRequest>(archive));
                break;
            default:
                return std::nullopt;
        }
        if (!archive.ok()) return std::nullopt;
    }
}

// In a multi the flags decide what a create makes. create2 is written as create: servers
// before 3.7.2 and 3.8.2 would skip the other silently.
Prepared create_in_multi(NodeOps& ops, const jute::CreateRequest& request) {
    const bool container = request.flags == CreateMode::container;
    return ops.create(request, container ? OpCode::create_container : OpCode::create);
}

struct MultiVisitor {
    NodeOps& ops;
    Prepared operator()(const jute::CreateRequest& request) const {
        return create_in_multi(ops, request);
    }
    Prepared operator()(const CreateTtlRequest& request) const {
        return has_ttl(request.create.flags) ? ops.create_ttl(request)
                                             : create_in_multi(ops, request.create);
    }
    Prepared operator()(const jute::DeleteRequest& request) const { return ops.remove(request); }
    Prepared operator()(const jute::SetDataRequest& request) const { return ops.set_data(request); }
    Prepared operator()(const jute::CheckVersionRequest& request) const {
        return ops.check(request);
    }
};

jute::SubTxn sub_txn(const Prepared& prepared) {
    jute::SubTxn part;
    part.type = prepared.type;
    part.body = std::visit([](const auto& body) { return jute::encode(body); }, prepared.body);
    return part;
}

constexpr std::size_t kSubTxnHeaderBytes = 4 + 4;  // type, length

jute::SubTxn sub_error(ErrorCode error) {
    return {OpCode::error, jute::encode(jute::ErrorTxn{error})};
}

Prepared undecodable() {
    const ErrorCode error = ErrorCode::marshalling_error;
    return Prepared{error, OpCode::error, jute::ErrorTxn{error}};
}

// Decodes the body as Record and hands it to the operation.
template <class Record>
Prepared run(ByteView body, const auto& operation) {
    const std::optional<Record> record = jute::decode<Record>(body);
    return record ? operation(*record) : undecodable();
}

Prepared prepare_single(NodeOps& ops, OpCode op, ByteView body) {
    switch (op) {
        case OpCode::create:
        case OpCode::create2:
        case OpCode::create_container:
            return run<jute::CreateRequest>(body, [&](const auto& r) { return ops.create(r, op); });
        case OpCode::create_ttl:
            return run<CreateTtlRequest>(body, [&](const auto& r) { return ops.create_ttl(r); });
        case OpCode::remove:
            return run<jute::DeleteRequest>(body, [&](const auto& r) { return ops.remove(r); });
        case OpCode::set_data:
            return run<jute::SetDataRequest>(body, [&](const auto& r) { return ops.set_data(r); });
        case OpCode::set_acl:
            return run<jute::SetAclRequest>(body, [&](const auto& r) { return ops.set_acl(r); });
        case OpCode::reconfig: {
            const ErrorCode error = ErrorCode::reconfig_disabled;
            return Prepared{error, OpCode::error, jute::ErrorTxn{error}};
        }
        default: {
            // Among them a check outside of a multi (Apache's servers cannot read such a txn back)
            // and deleteContainer (no client may ask for it).
            const ErrorCode error = ErrorCode::unimplemented;
            return Prepared{error, OpCode::error, jute::ErrorTxn{error}};
        }
    }
}

jute::TxnHeader header_of(const PrepareRequest& request, OpCode type) {
    return {request.session, request.cxid, request.zxid, request.time, type};
}

}  // namespace

bool makes_ephemeral(OpCode op, ByteView body) {
    if (op == OpCode::create || op == OpCode::create2) {
        const auto request = jute::decode<jute::CreateRequest>(body);
        return request && is_ephemeral(request->flags);
    }
    if (op != OpCode::multi) return false;
    const auto parts = decode_multi(body);
    if (!parts) return false;
    return std::any_of(parts->begin(), parts->end(), [](const auto& part) {
        const auto* create = std::get_if<jute::CreateRequest>(&part.second);
        return create != nullptr && part.first != OpCode::create_container &&
               is_ephemeral(create->flags);
    });
}

jute::Txn Preparer::prepare(const PrepareRequest& request) {
    if (request.op == OpCode::close_session) {
        return close_session(request.session, request.cxid, request.zxid, request.time);
    }
    if (request.body.size() > policy_.txn_body_bytes_max()) {
        return error(request.session,
                     request.cxid,
                     request.zxid,
                     request.time,
                     ErrorCode::marshalling_error);
    }
    if (request.op == OpCode::multi) return prepare_multi(request);
    if (request.op == OpCode::create_session) {
        const auto body = jute::decode<jute::CreateSessionTxn>(request.body);
        if (body) {
            return create_session(
                request.session, request.cxid, body->timeout_ms, request.zxid, request.time);
        }
    }
    NodeOps ops = ops_for(request);
    Prepared prepared = request.op == OpCode::create_session
                            ? undecodable()
                            : prepare_single(ops, request.op, request.body);
    jute::Txn txn{header_of(request, prepared.type), std::move(prepared.body), std::nullopt};
    return prepared.error == ErrorCode::ok ? with_digest(std::move(txn)) : txn;
}

NodeOps Preparer::ops_for(const PrepareRequest& request) {
    return {changes_,
            request.session,
            request.auth,
            request.zxid,
            request.time,
            request.session_check,
            request.ephemeral_check,
            policy_,
            &lists_};
}

jute::Txn Preparer::prepare_multi(const PrepareRequest& request) {
    const auto refused = [&request](ErrorCode code) {
        return error(request.session, request.cxid, request.zxid, request.time, code);
    };
    const auto decoded = decode_multi(request.body);
    if (!decoded) return refused(ErrorCode::marshalling_error);
    NodeOps ops = ops_for(request);
    jute::MultiTxn multi;
    ErrorCode failure = ErrorCode::ok;
    const std::size_t bytes_max = policy_.txn_body_bytes_max();
    std::size_t bytes = 0;
    changes_.begin();
    for (const auto& [type, op] : *decoded) {
        if (failure != ErrorCode::ok) {
            multi.parts.push_back(sub_error(ErrorCode::runtime_inconsistency));
        } else {
            const Prepared prepared = std::visit(MultiVisitor{ops}, op);
            failure = prepared.error;
            multi.parts.push_back(failure == ErrorCode::ok ? sub_txn(prepared)
                                                           : sub_error(failure));
        }
        bytes += kSubTxnHeaderBytes + multi.parts.back().body.size();
        if (bytes > bytes_max) break;
    }
    if (failure == ErrorCode::ok && bytes <= bytes_max) {
        changes_.keep();
    } else {
        changes_.undo();
    }
    if (bytes > bytes_max) return refused(ErrorCode::marshalling_error);
    // Not a result of the operations: it ends the connection, as it does for any other request, so
    // it must not hide in the list of results.
    if (failure == ErrorCode::session_moved) return refused(failure);
    return with_digest(
        jute::Txn{header_of(request, OpCode::multi), std::move(multi), std::nullopt});
}

jute::Txn Preparer::close_session(SessionId session, Xid cxid, Zxid zxid, WallMs time) {
    const std::set<std::string> paths = changes_.ephemerals(session);
    const std::vector<jute::AuthId> nobody;
    NodeOps ops{changes_, session, nobody, zxid, time};
    for (const std::string& path : paths) ops.project_removal(path);
    jute::CloseSessionTxn body;
    // Without the list no digest either: Apache's servers that expect a list would take it for one.
    if (!policy_.close_session_names_nodes) {
        return jute::Txn{
            {session, cxid, zxid, time, OpCode::close_session}, std::move(body), std::nullopt};
    }
    body.paths.emplace(paths.begin(), paths.end());
    return with_digest(jute::Txn{
        {session, cxid, zxid, time, OpCode::close_session}, std::move(body), std::nullopt});
}

jute::Txn Preparer::create_session(
    SessionId session, Xid cxid, std::int32_t timeout_ms, Zxid zxid, WallMs time) {
    return with_digest(jute::Txn{{session, cxid, zxid, time, OpCode::create_session},
                                 jute::CreateSessionTxn{timeout_ms},
                                 std::nullopt});
}

std::optional<jute::Txn> Preparer::delete_container(std::string_view path, Zxid zxid, WallMs time) {
    const std::optional<ProjectedNode> node = changes_.find(path);
    if (!node || !tree::is_left_over(node->stat, node->child_count, time)) return std::nullopt;
    const std::vector<jute::AuthId> nobody;
    NodeOps ops{changes_, SessionId(), nobody, zxid, time};
    ops.project_removal(std::string(path));
    return with_digest(jute::Txn{{SessionId(), Xid(), zxid, time, OpCode::delete_container},
                                 jute::DeleteTxn{std::string(path)},
                                 std::nullopt});
}

jute::Txn Preparer::error(SessionId session, Xid cxid, Zxid zxid, WallMs time, ErrorCode error) {
    return jute::Txn{
        {session, cxid, zxid, time, OpCode::error}, jute::ErrorTxn{error}, std::nullopt};
}

jute::Txn Preparer::with_digest(jute::Txn txn) const {
    txn.digest = jute::TxnDigest{2, changes_.digest()};
    return txn;
}

}  // namespace zk::prep
