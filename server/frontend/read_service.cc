#include "frontend/read_service.h"

#include <optional>

#include "base/check.h"
#include "jute/archive.h"
#include "tree/acl.h"

namespace zk::frontend {
namespace {

/// path, and the watch flag of all reads but getACL, without copying the path.
struct PathWatch {
    std::string_view path;
    bool watch = false;
};

std::optional<PathWatch> parse(ByteView body, bool has_watch) {
    if (body.size() < 4) return std::nullopt;
    const auto length = load_be<std::int32_t>(body.data());
    if (length < 0) return std::nullopt;
    const auto size = static_cast<std::size_t>(length);
    const std::size_t needed = 4 + size + (has_watch ? 1 : 0);
    if (body.size() < needed) return std::nullopt;
    PathWatch request;
    request.path = body.substr(4, size);
    request.watch = has_watch && body[4 + size] != '\0';
    return request;
}

/// Hides password hashes from those who may not administer the node.
jute::AclList masked(const jute::AclList& list) {
    jute::AclList shown = list;
    for (jute::Acl& acl : shown) {
        if (acl.id.scheme != "digest") continue;
        const std::size_t colon = acl.id.id.find(':');
        if (colon != std::string::npos) acl.id.id.replace(colon, std::string::npos, ":x");
    }
    return shown;
}

ErrorCode read_exists(const tree::DataTree& tree,
                      const tree::Node* node,
                      const std::vector<jute::AuthId>& auth,
                      jute::OutputArchive& archive) {
    if (node == nullptr) return ErrorCode::no_node;
    if (!tree::check_acl(tree.acl_of(*node), perms::kRead, auth)) return ErrorCode::no_auth;
    archive(tree.stat_of(*node));
    return ErrorCode::ok;
}

ErrorCode read_acl(const tree::DataTree& tree,
                   const tree::Node& node,
                   const std::vector<jute::AuthId>& auth,
                   jute::OutputArchive& archive) {
    const jute::AclList& list = tree.acl_of(node);
    if (!tree::check_acl(list, perms::kRead | perms::kAdmin, auth)) return ErrorCode::no_auth;
    if (tree::check_acl(list, perms::kAdmin, auth)) {
        archive(list);
    } else {
        archive(masked(list));
    }
    archive(tree.stat_of(node));
    return ErrorCode::ok;
}

ErrorCode read_node(const tree::DataTree& tree,
                    OpCode op,
                    const tree::Node& node,
                    const std::vector<jute::AuthId>& auth,
                    jute::OutputArchive& archive) {
    if (!tree::check_acl(tree.acl_of(node), perms::kRead, auth)) return ErrorCode::no_auth;
    if (op == OpCode::get_data) {
        if (const std::optional<ByteView> data = node.data()) {
            archive(*data);
        } else {
            archive(std::int32_t{-1});
        }
    } else {
        archive(node.child_names());
    }
    if (op != OpCode::get_children) archive(tree.stat_of(node));
    return ErrorCode::ok;
}

}  // namespace

bool is_read(OpCode op) {
    switch (op) {
        case OpCode::exists:
        case OpCode::get_data:
        case OpCode::get_children:
        case OpCode::get_children2:
        case OpCode::get_acl:
            return true;
        default:
            return false;
    }
}

std::size_t answer_bytes(const tree::DataTree& tree, OpCode op, ByteView body) {
    constexpr std::size_t kAround = 128;  // the frame's head, and a Stat
    constexpr std::size_t kName = 64;
    const std::optional<PathWatch> request =
        is_read(op) ? parse(body, op != OpCode::get_acl) : std::nullopt;
    const tree::Node* node = request ? tree.find(request->path) : nullptr;
    if (node == nullptr) return kAround;
    switch (op) {
        case OpCode::get_data:
            return kAround + node->data().value_or(ByteView()).size();
        case OpCode::get_children:
        case OpCode::get_children2:
            return kAround + node->child_count() * kName;
        default:
            return kAround;
    }
}

ReadResult read(const tree::DataTree& tree,
                OpCode op,
                ByteView body,
                const std::vector<jute::AuthId>& auth,
                Bytes& out) {
    ZK_ASSERT(is_read(op));
    ReadResult result;
    const std::optional<PathWatch> request = parse(body, op != OpCode::get_acl);
    if (!request) {
        result.error = ErrorCode::marshalling_error;
        return result;
    }
    result.path = request->path;
    jute::OutputArchive archive(out);
    const tree::Node* node = tree.find(request->path);
    if (op == OpCode::exists) {
        if (request->path.find('\0') != std::string_view::npos) {
            result.error = ErrorCode::bad_arguments;
            return result;
        }
        result.error = read_exists(tree, node, auth, archive);
        const bool told = result.error == ErrorCode::ok || result.error == ErrorCode::no_node;
        if (told && request->watch) result.watch = ReadResult::Watch::data;
        return result;
    }
    if (node == nullptr) {
        result.error = ErrorCode::no_node;
        return result;
    }
    if (op == OpCode::get_acl) {
        result.error = read_acl(tree, *node, auth, archive);
        return result;
    }
    result.error = read_node(tree, op, *node, auth, archive);
    if (result.error == ErrorCode::ok && request->watch) {
        result.watch = op == OpCode::get_data ? ReadResult::Watch::data : ReadResult::Watch::child;
    }
    return result;
}

}  // namespace zk::frontend
