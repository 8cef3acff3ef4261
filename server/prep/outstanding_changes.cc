#include "prep/outstanding_changes.h"

#include <utility>

#include "base/check.h"
#include "tree/digest.h"
#include "tree/path.h"

namespace zk::prep {
namespace {

std::string_view key_of(std::string_view path) { return path == tree::kRootPath ? "" : path; }

std::uint32_t digest_of(std::string_view path, const std::optional<ProjectedNode>& node) {
    if (!node || tree::is_outside_digest(path)) return 0;
    return tree::node_digest(node->path_data_crc, node->stat);
}

}  // namespace

std::optional<ProjectedNode> OutstandingChanges::find(std::string_view path) const {
    if (const auto place = changes_.find(key_of(path)); place != changes_.end()) {
        return place->second.node;
    }
    const tree::Node* node = tree_.find(path);
    if (node == nullptr) return std::nullopt;
    return ProjectedNode{node->stat(),
                         node->child_count(),
                         tree_.acl().share(node->acl_id()),
                         node->data_size(),
                         node->path_data_crc()};
}

void OutstandingChanges::put(std::string_view path, std::optional<ProjectedNode> node, Zxid zxid) {
    path = key_of(path);
    ZK_ASSERT(order_.empty() || order_.back().first <= zxid);
    const std::uint64_t digest_before = digest();
    digest_ = digest_before - digest_of(path, find(path)) + digest_of(path, node);
    const auto place = changes_.find(path);
    if (recording_) {
        std::optional<Entry> before;
        if (place != changes_.end()) before = place->second;
        undo_.push_back(Undo{std::string(path), std::move(before)});
    }
    order_.emplace_back(zxid, path);
    if (place != changes_.end()) {
        place->second = Entry{std::move(node), zxid};
    } else {
        changes_.emplace(std::string(path), Entry{std::move(node), zxid});
    }
}

std::set<std::string> OutstandingChanges::ephemerals(SessionId session) const {
    std::set<std::string> paths;
    // Other owners are no sessions: 0 is everybody's persistent node.
    if (!tree::is_session_owner(session.value())) return paths;
    for (std::string& path : tree_.ephemerals(session)) {
        if (!changes_.contains(path)) paths.insert(std::move(path));
    }
    for (const auto& [path, entry] : changes_) {
        if (entry.node && entry.node->stat.ephemeral_owner == session.value()) paths.insert(path);
    }
    return paths;
}

std::uint64_t OutstandingChanges::digest() const {
    return changes_.empty() ? tree_.digest() : digest_;
}

void OutstandingChanges::committed(Zxid up_to) {
    while (!order_.empty() && order_.front().first <= up_to) {
        const auto place = changes_.find(order_.front().second);
        if (place != changes_.end() && place->second.zxid <= up_to) changes_.erase(place);
        order_.pop_front();
    }
}

void OutstandingChanges::clear() {
    ZK_ASSERT(!recording_);
    changes_.clear();
    order_.clear();
}

void OutstandingChanges::begin() {
    ZK_ASSERT(!recording_ && undo_.empty());
    recording_ = true;
    order_mark_ = order_.size();
    digest_mark_ = digest();
}

void OutstandingChanges::keep() {
    ZK_ASSERT(recording_);
    recording_ = false;
    undo_.clear();
}

void OutstandingChanges::undo() {
    ZK_ASSERT(recording_);
    recording_ = false;
    while (!undo_.empty()) {
        Undo last = std::move(undo_.back());
        undo_.pop_back();
        if (last.before) {
            changes_.insert_or_assign(std::move(last.path), *std::move(last.before));
        } else {
            changes_.erase(last.path);
        }
    }
    order_.resize(order_mark_);
    digest_ = digest_mark_;
}

}  // namespace zk::prep
