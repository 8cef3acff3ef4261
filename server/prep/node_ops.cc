#include "prep/node_ops.h"

#include <memory>
#include <optional>
#include <utility>

#include "base/check.h"
#include "jute/quota_text.h"
#include "tree/acl.h"
#include "tree/digest.h"
#include "tree/path.h"
#include "tree/quotas.h"

namespace zk::prep {
namespace {

Prepared mistake(ErrorCode error) { return Prepared{error, OpCode::error, jute::ErrorTxn{error}}; }

bool is_known(CreateMode mode) {
    return mode >= CreateMode::persistent && mode <= CreateMode::persistent_sequential_with_ttl;
}

bool has_parent(std::string_view path) {
    return path.find('/') != std::string_view::npos && path.find('\0') == std::string_view::npos;
}

bool version_matches(std::int32_t expected, std::int32_t current) {
    return expected == -1 || expected == current;
}

// Wraps like Java's int, but never gives -1: in a request that means "any version".
std::int32_t next_version(std::int32_t current) {
    const auto next = static_cast<std::int32_t>(static_cast<std::uint32_t>(current) + 1U);
    return next == -1 ? 0 : next;
}

tree::AclRef acl_ref(const jute::AclList& list) {
    if (list == tree::open_acl_list()) return nullptr;
    return std::make_shared<const jute::AclList>(list);
}

std::optional<ByteView> view_of(const jute::Buffer& data) {
    if (!data) return std::nullopt;
    return ByteView(*data);
}

// Whether a txn with `other_bytes` and this list could be too large. A few bytes of `auth` stand
// for every identity that the connection has proven.
bool is_too_large(std::size_t other_bytes,
                  const jute::AclList& list,
                  const std::vector<jute::AuthId>& auth,
                  std::size_t bytes_max) {
    constexpr std::size_t kFixedFieldsMax = 64;
    std::size_t bytes = other_bytes + kFixedFieldsMax;
    const auto add = [&bytes, bytes_max](const jute::AuthId& id) {
        bytes += 4 + 4 + id.scheme.size() + 4 + id.id.size();
        return bytes <= bytes_max;
    };
    for (const jute::Acl& entry : list) {
        if (entry.id.scheme != "auth") {
            if (!add(entry.id)) return true;
            continue;
        }
        for (const jute::AuthId& id : auth) {
            if (!add(id)) return true;
        }
    }
    return bytes > bytes_max;
}

/// Counters that Apache's servers cannot read end them when they count the next node.
bool is_fatal_stats(const jute::SetDataRequest& request) {
    if (!tree::counted_path(request.path)) return false;
    return !request.data || !jute::parse_quota(*request.data);
}

}  // namespace

ErrorCode NodeOps::check_quota(std::string_view path,
                               std::int64_t nodes_more,
                               std::int64_t bytes_more) const {
    if (policy.quotas == nullptr) return ErrorCode::ok;
    return policy.quotas->check(changes.tree(), path, nodes_more, bytes_more, time);
}

bool NodeOps::allowed(const ProjectedNode& node, std::int32_t needed) const {
    if (lists == nullptr) return tree::check_acl(node.acl, needed, auth, policy.access);
    return lists->check(node.acl, needed, auth, policy.access);
}

/// What the flags say of the kind of node, before anything else is looked at. `ttl_ms`: of createTTL.
ErrorCode NodeOps::check_mode(CreateMode mode, std::optional<std::int64_t> ttl_ms) const {
    if (!is_known(mode)) return ErrorCode::bad_arguments;
    if (has_ttl(mode) && policy.extended_types == ExtendedTypes::off)
        return ErrorCode::unimplemented;
    if (has_ttl(mode) != ttl_ms.has_value()) return ErrorCode::bad_arguments;
    if (ttl_ms && (*ttl_ms <= 0 || *ttl_ms > tree::kTtlMax)) return ErrorCode::bad_arguments;
    return session_check == ErrorCode::ok && is_ephemeral(mode) ? ephemeral_check : session_check;
}

Prepared NodeOps::create(const jute::CreateRequest& request, OpCode type) {
    const ErrorCode error = check_mode(request.flags, std::nullopt);
    return error == ErrorCode::ok ? make(request, type, 0) : mistake(error);
}

Prepared NodeOps::create_ttl(const CreateTtlRequest& request) {
    const ErrorCode error = check_mode(request.create.flags, request.ttl_ms);
    if (error != ErrorCode::ok) return mistake(error);
    return make(request.create, OpCode::create_ttl, request.ttl_ms);
}

Prepared NodeOps::make(const jute::CreateRequest& request, OpCode type, std::int64_t ttl_ms) {
    if (!has_parent(request.path)) return mistake(ErrorCode::bad_arguments);
    const std::size_t data_bytes = request.data ? request.data->size() : 0;
    if (is_too_large(
            request.path.size() + data_bytes, request.acl, auth, policy.txn_body_bytes_max())) {
        return mistake(ErrorCode::marshalling_error);
    }
    std::optional<jute::AclList> acl = tree::fix_up_acl(request.acl, auth, policy.access);
    if (!acl) return mistake(ErrorCode::invalid_acl);
    const std::string parent_path(tree::parent_of(request.path));
    std::optional<ProjectedNode> parent = changes.find(parent_path);
    if (!parent) return mistake(ErrorCode::no_node);
    if (!allowed(*parent, perms::kCreate)) return mistake(ErrorCode::no_auth);
    std::string path = request.path;
    const std::int32_t raw_cversion = parent->stat.cversion;
    if (is_sequential(request.flags)) path += tree::sequence_suffix(raw_cversion);
    if (!tree::validate_path(path) || tree::is_fatal_limits_node(path)) {
        return mistake(ErrorCode::bad_arguments);
    }
    if (changes.find(path)) return mistake(ErrorCode::node_exists);
    if (tree::is_session_owner(parent->stat.ephemeral_owner)) {
        return mistake(ErrorCode::no_children_for_ephemerals);
    }
    const ErrorCode quota = check_quota(path, 1, static_cast<std::int64_t>(data_bytes));
    if (quota != ErrorCode::ok) return mistake(quota);

    // The tree never lowers the counter: after 2^31 - 1 it stays.
    const auto new_cversion =
        static_cast<std::int32_t>(static_cast<std::uint32_t>(raw_cversion) + 1U);
    if (new_cversion > raw_cversion) {
        parent->stat.cversion = new_cversion;
        parent->stat.pzxid = zxid;
    }
    parent->child_count += 1;
    const bool ephemeral = is_ephemeral(request.flags);
    ProjectedNode node;
    node.stat.czxid = node.stat.mzxid = node.stat.pzxid = zxid;
    node.stat.ctime = node.stat.mtime = time;
    node.stat.ephemeral_owner = type == OpCode::create_container ? tree::kContainerOwner
                                : type == OpCode::create_ttl     ? tree::kTtlMark | ttl_ms
                                : ephemeral                      ? session.value()
                                                                 : 0;
    node.acl = acl_ref(*acl);
    node.data_size = data_bytes;
    node.path_data_crc = tree::path_data_crc(path, view_of(request.data));
    changes.put(parent_path, std::move(parent), zxid);
    changes.put(path, std::move(node), zxid);
    jute::TxnBody body;
    if (type == OpCode::create_container) {
        body =
            jute::CreateContainerTxn{std::move(path), request.data, *std::move(acl), new_cversion};
    } else if (type == OpCode::create_ttl) {
        body = jute::CreateTtlTxn{
            std::move(path), request.data, *std::move(acl), new_cversion, ttl_ms};
    } else {
        body = jute::CreateTxn{
            std::move(path), request.data, *std::move(acl), ephemeral, new_cversion};
    }
    return Prepared{ErrorCode::ok, type, std::move(body)};
}

Prepared NodeOps::remove(const jute::DeleteRequest& request) {
    if (session_check != ErrorCode::ok) return mistake(session_check);
    if (!has_parent(request.path) || tree::is_built_in(request.path) ||
        tree::is_fatal_limits_node(request.path)) {
        return mistake(ErrorCode::bad_arguments);
    }
    const std::optional<ProjectedNode> parent = changes.find(tree::parent_of(request.path));
    if (!parent) return mistake(ErrorCode::no_node);
    if (!allowed(*parent, perms::kDelete)) return mistake(ErrorCode::no_auth);
    const std::optional<ProjectedNode> node = changes.find(request.path);
    if (!node) return mistake(ErrorCode::no_node);
    if (!version_matches(request.version, node->stat.version)) {
        return mistake(ErrorCode::bad_version);
    }
    if (node->child_count > 0) return mistake(ErrorCode::not_empty);
    project_removal(request.path);
    return Prepared{ErrorCode::ok, OpCode::remove, jute::DeleteTxn{request.path}};
}

void NodeOps::project_removal(const std::string& path) {
    const std::string_view parent_path = tree::parent_of(path);
    std::optional<ProjectedNode> parent = changes.find(parent_path);
    ZK_ASSERT(parent && parent->child_count > 0);
    parent->child_count -= 1;
    if (parent->stat.pzxid < zxid) parent->stat.pzxid = zxid;
    changes.put(parent_path, std::move(parent), zxid);
    changes.put(path, std::nullopt, zxid);
}

Prepared NodeOps::set_data(const jute::SetDataRequest& request) {
    if (session_check != ErrorCode::ok) return mistake(session_check);
    if (!tree::validate_path(request.path)) return mistake(ErrorCode::bad_arguments);
    std::optional<ProjectedNode> node = changes.find(request.path);
    if (!node) return mistake(ErrorCode::no_node);
    if (!allowed(*node, perms::kWrite)) return mistake(ErrorCode::no_auth);
    const std::size_t data_size = request.data ? request.data->size() : 0;
    const ErrorCode quota = check_quota(
        request.path,
        0,
        static_cast<std::int64_t>(data_size) - static_cast<std::int64_t>(node->data_size));
    if (quota != ErrorCode::ok) return mistake(quota);
    if (!version_matches(request.version, node->stat.version)) {
        return mistake(ErrorCode::bad_version);
    }
    if (is_fatal_stats(request)) return mistake(ErrorCode::bad_arguments);
    const std::int32_t version = next_version(node->stat.version);
    node->data_size = data_size;
    node->stat.version = version;
    node->stat.mzxid = zxid;
    node->stat.mtime = time;
    node->path_data_crc = tree::path_data_crc(request.path, view_of(request.data));
    changes.put(request.path, std::move(node), zxid);
    return Prepared{
        ErrorCode::ok, OpCode::set_data, jute::SetDataTxn{request.path, request.data, version}};
}

Prepared NodeOps::set_acl(const jute::SetAclRequest& request) {
    if (session_check != ErrorCode::ok) return mistake(session_check);
    if (!tree::validate_path(request.path)) return mistake(ErrorCode::bad_arguments);
    if (is_too_large(request.path.size(), request.acl, auth, policy.txn_body_bytes_max())) {
        return mistake(ErrorCode::marshalling_error);
    }
    std::optional<jute::AclList> acl = tree::fix_up_acl(request.acl, auth, policy.access);
    if (!acl) return mistake(ErrorCode::invalid_acl);
    std::optional<ProjectedNode> node = changes.find(request.path);
    if (!node) return mistake(ErrorCode::no_node);
    if (!allowed(*node, perms::kAdmin)) return mistake(ErrorCode::no_auth);
    if (!version_matches(request.version, node->stat.aversion)) {
        return mistake(ErrorCode::bad_version);
    }
    const std::int32_t version = next_version(node->stat.aversion);
    node->stat.aversion = version;
    node->acl = acl_ref(*acl);
    changes.put(request.path, std::move(node), zxid);
    return Prepared{
        ErrorCode::ok, OpCode::set_acl, jute::SetAclTxn{request.path, *std::move(acl), version}};
}

Prepared NodeOps::check(const jute::CheckVersionRequest& request) const {
    if (session_check != ErrorCode::ok) return mistake(session_check);
    if (!tree::validate_path(request.path)) return mistake(ErrorCode::bad_arguments);
    const std::optional<ProjectedNode> node = changes.find(request.path);
    if (!node) return mistake(ErrorCode::no_node);
    if (!allowed(*node, perms::kRead)) return mistake(ErrorCode::no_auth);
    if (!version_matches(request.version, node->stat.version)) {
        return mistake(ErrorCode::bad_version);
    }
    return Prepared{ErrorCode::ok,
                    OpCode::check,
                    jute::CheckVersionTxn{request.path, next_version(node->stat.version)}};
}

}  // namespace zk::prep
