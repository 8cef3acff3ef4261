#include "frontend/read_service.h"

#include <algorithm>
#include <optional>
#include <string>

#include "base/check.h"
#include "base/limits.h"
#include "jute/archive.h"
#include "tree/acl.h"
#include "tree/path.h"

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

bool has_watch_flag(OpCode op) {
    return op != OpCode::get_acl && op != OpCode::get_all_children_number;
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
                      std::string_view path,
                      const tree::Node* node,
                      const Asker& asker,
                      jute::OutputArchive& archive) {
    if (node == nullptr) return ErrorCode::no_node;
    if (!asker.may(tree.acl_of(*node), perms::kRead)) return ErrorCode::no_auth;
    archive(tree.stat_of(*node));
    asker.has_read(path, 0);
    return ErrorCode::ok;
}

ErrorCode read_acl(const tree::DataTree& tree,
                   const tree::Node& node,
                   const Asker& asker,
                   jute::OutputArchive& archive) {
    const jute::AclList& list = tree.acl_of(node);
    if (!asker.may(list, perms::kRead | perms::kAdmin)) return ErrorCode::no_auth;
    if (asker.may(list, perms::kAdmin)) {
        archive(list);
    } else {
        archive(masked(list));
    }
    archive(tree.stat_of(node));
    return ErrorCode::ok;
}

ErrorCode read_node(const tree::DataTree& tree,
                    OpCode op,
                    std::string_view path,
                    const tree::Node& node,
                    const Asker& asker,
                    jute::OutputArchive& archive) {
    if (!asker.may(tree.acl_of(node), perms::kRead)) return ErrorCode::no_auth;
    if (op == OpCode::get_data) {
        asker.has_read(path, node.data_size());
        if (const std::optional<ByteView> data = node.data()) {
            archive(*data);
        } else {
            archive(std::int32_t{-1});
        }
    } else {
        const std::vector<std::string> names = node.child_names();
        std::size_t bytes = 0;
        for (const std::string& name : names) bytes += name.size();
        asker.has_read(path, bytes);
        archive(names);
    }
    if (op != OpCode::get_children) archive(tree.stat_of(node));
    return ErrorCode::ok;
}

ErrorCode read_count(const tree::DataTree& tree,
                     const tree::Node* node,
                     const Asker& asker,
                     jute::OutputArchive& archive) {
    if (node == nullptr) return ErrorCode::no_node;
    if (!asker.may(tree.acl_of(*node), perms::kRead)) return ErrorCode::no_auth;
    archive(static_cast<std::int32_t>(node->below().nodes));
    return ErrorCode::ok;
}

/// Without the blanks that Java trims: all up to U+0020.
std::string_view trimmed(std::string_view text) {
    const auto blank = [](char c) { return static_cast<unsigned char>(c) <= ' '; };
    while (!text.empty() && blank(text.front())) text.remove_prefix(1);
    while (!text.empty() && blank(text.back())) text.remove_suffix(1);
    return text;
}

ErrorCode read_ephemerals(const tree::DataTree& tree,
                          SessionId session,
                          ByteView body,
                          jute::OutputArchive& archive) {
    jute::InputArchive request(body);
    const auto prefix = request.get<jute::NullableString>();
    if (!request.ok()) return ErrorCode::marshalling_error;
    std::vector<std::string> paths = tree.ephemerals(session);
    const std::string_view wanted = prefix ? trimmed(*prefix) : std::string_view();
    if (!wanted.empty() && wanted != "/") {
        std::erase_if(paths, [&](const std::string& path) { return !path.starts_with(*prefix); });
    }
    archive(paths);
    return ErrorCode::ok;
}

/// The next part of a multiRead: nullopt for one that is none. `header.done` is the end.
struct ReadPart {
    jute::MultiHeader header;
    jute::PathWatchRequest request;
};
std::optional<ReadPart> next_part(jute::InputArchive& archive) {
    ReadPart part;
    archive.read(part.header);
    if (!archive.ok() || part.header.done) return archive.ok() ? std::optional(part) : std::nullopt;
    if (part.header.type != OpCode::get_data && part.header.type != OpCode::get_children)
        return std::nullopt;
    archive.read(part.request);
    return archive.ok() ? std::optional(part) : std::nullopt;
}

void write_part_error(ErrorCode error, jute::OutputArchive& archive) {
    archive(jute::MultiHeader{OpCode::error, false, error}, error);
}

/// Each part succeeds or fails for itself; what its flag says of a watch is of no interest.
ErrorCode read_parts(const tree::DataTree& tree, ByteView body, const Asker& asker, Bytes& out) {
    const std::size_t start = out.size();
    const auto refuse = [&] {
        out.resize(start);
        return ErrorCode::marshalling_error;
    };
    jute::InputArchive archive(body);
    jute::OutputArchive answer(out);
    while (true) {
        const std::optional<ReadPart> part = next_part(archive);
        if (!part) return refuse();
        if (part->header.done) break;
        const tree::Node* node = tree.find(part->request.path);
        if (node == nullptr) {
            write_part_error(ErrorCode::no_node, answer);
        } else if (!asker.may(tree.acl_of(*node), perms::kRead)) {
            write_part_error(ErrorCode::no_auth, answer);
        } else {
            answer(jute::MultiHeader{part->header.type, false, ErrorCode::ok});
            (void)read_node(tree, part->header.type, part->request.path, *node, asker, answer);
        }
        if (out.size() - start > asker.multi_read_bytes_max) {
            ZK_COVERED("frontend.multi_read_too_large");
            return refuse();
        }
    }
    answer(jute::MultiHeader{OpCode::error, true, static_cast<ErrorCode>(-1)});
    return ErrorCode::ok;
}

constexpr std::size_t kAnswerAround = 128;  // the frame's head, and a Stat
constexpr std::size_t kAnswerName = 64;

std::size_t node_answer_bytes(const tree::Node* node, OpCode op) {
    if (node == nullptr) return kAnswerAround;
    switch (op) {
        case OpCode::get_data:
            return kAnswerAround + node->data_size();
        case OpCode::get_children:
        case OpCode::get_children2:
            return kAnswerAround + node->child_count() * kAnswerName;
        default:
            return kAnswerAround;
    }
}

std::size_t parts_answer_bytes(const tree::DataTree& tree, ByteView body) {
    std::size_t bytes = kAnswerAround;
    jute::InputArchive archive(body);
    for (auto part = next_part(archive); part && !part->header.done; part = next_part(archive)) {
        bytes += node_answer_bytes(tree.find(part->request.path), part->header.type);
    }
    return std::min(bytes, limits::kMultiReadBytesMax);
}

}  // namespace

bool is_read(OpCode op) {
    switch (op) {
        case OpCode::exists:
        case OpCode::get_data:
        case OpCode::get_children:
        case OpCode::get_children2:
        case OpCode::get_acl:
        case OpCode::multi_read:
        case OpCode::get_ephemerals:
        case OpCode::get_all_children_number:
            return true;
        default:
            return false;
    }
}

std::size_t answer_bytes(const tree::DataTree& tree, OpCode op, ByteView body) {
    if (op == OpCode::multi_read) return parts_answer_bytes(tree, body);
    const std::optional<PathWatch> request =
        is_read(op) ? parse(body, has_watch_flag(op)) : std::nullopt;
    return node_answer_bytes(request ? tree.find(request->path) : nullptr, op);
}

void Asker::has_read(std::string_view path, std::size_t bytes) const {
    constexpr std::size_t kStatBytes = 68;  // every read counts one
    const std::string_view name = tree::namespace_of(path);
    if (counts == nullptr || name.empty()) return;
    counts->observe(metrics::SummarySet::read_per_namespace,
                    name,
                    static_cast<std::int64_t>(path.size() + bytes + kStatBytes));
}

ReadResult read(
    const tree::DataTree& tree, OpCode op, ByteView body, const Asker& asker, Bytes& out) {
    ZK_ASSERT(is_read(op));
    ReadResult result;
    if (op == OpCode::multi_read) {
        result.error = read_parts(tree, body, asker, out);
        return result;
    }
    if (op == OpCode::get_ephemerals) {
        jute::OutputArchive ephemerals(out);
        result.error = read_ephemerals(tree, asker.session, body, ephemerals);
        return result;
    }
    const std::optional<PathWatch> request = parse(body, has_watch_flag(op));
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
        result.error = read_exists(tree, request->path, node, asker, archive);
        const bool told = result.error == ErrorCode::ok || result.error == ErrorCode::no_node;
        if (told && request->watch) result.watch = ReadResult::Watch::data;
        return result;
    }
    if (op == OpCode::get_all_children_number) {
        result.error = read_count(tree, node, asker, archive);
        return result;
    }
    if (node == nullptr) {
        result.error = ErrorCode::no_node;
        return result;
    }
    if (op == OpCode::get_acl) {
        result.error = read_acl(tree, *node, asker, archive);
        return result;
    }
    result.error = read_node(tree, op, request->path, *node, asker, archive);
    if (result.error == ErrorCode::ok && request->watch) {
        result.watch = op == OpCode::get_data ? ReadResult::Watch::data : ReadResult::Watch::child;
    }
    return result;
}

void write_identities(const std::vector<jute::AuthId>& auth, Bytes& out) {
    std::vector<jute::ClientInfo> shown;
    for (const jute::AuthId& id : auth) {
        const bool digest = id.scheme == "digest";  // user:hash
        shown.push_back({id.scheme, digest ? id.id.substr(0, id.id.find(':')) : id.id});
    }
    jute::OutputArchive archive(out);
    archive(shown);
}

}  // namespace zk::frontend
