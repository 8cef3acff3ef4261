#include "tree/data_tree.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "tree/digest.h"
#include "tree/node_arena.h"
#include "tree/path.h"

namespace zk::tree {
namespace {

// Removed nodes that one txn frees: more than it removes as a rule, and not so many that it takes long.
constexpr std::size_t kBuriedAtOnce = 64;

}  // namespace

DataTree::DataTree() : arena_(std::make_unique<NodeArena>()) {
    root_ = Node::make(*arena_, "", Bytes());
    node_count_ = 1;
    digest_ = root_->digest();
    add_built_in(kSystemPath);
    add_built_in(kQuotaPath);
    add_built_in(kConfigPath);
}

DataTree::~DataTree() = default;
DataTree::DataTree(DataTree&& other) noexcept : DataTree() { *this = std::move(other); }

DataTree& DataTree::operator=(DataTree&& other) noexcept {
    generation_ = std::max(generation_, other.generation_) + 1;
    acl_ = std::move(other.acl_);
    root_ = std::move(other.root_);
    graveyard_ = std::move(other.graveyard_);
    std::swap(arena_, other.arena_);  // where no node of ours is left
    ephemerals_ = std::move(other.ephemerals_);
    containers_ = std::move(other.containers_);
    ttl_nodes_ = std::move(other.ttl_nodes_);
    quotas_ = std::move(other.quotas_);
    last_zxid_ = other.last_zxid_;
    digest_ = other.digest_;
    digests_ = std::move(other.digests_);
    node_count_ = other.node_count_;
    bytes_ = other.bytes_;
    ephemeral_count_ = other.ephemeral_count_;
    load_parent_ = nullptr;
    loaded_ = {};
    return *this;
}

void DataTree::add_built_in(std::string_view path) {
    Node* parent = find_mutable(parent_of(path));
    ZK_ASSERT(parent != nullptr);
    StatPersisted stat;
    AclId acl = kOpenAcl;
    if (path == kConfigPath) {
        acl = acl_.intern(read_only_acl_list());
        stat.aversion = -1;
    }
    const Node* added = add_node(*parent, path, Bytes(), acl, stat);
    ZK_ASSERT(added != nullptr);
    weigh(path, 1, 0);
}

const Node* DataTree::find(std::string_view path) const {
    if (path.empty() || path == kRootPath) return root_.get();
    if (path.front() != '/') return nullptr;
    const Node* node = root_.get();
    for (std::size_t begin = 1; begin <= path.size() && node != nullptr;) {
        const std::size_t end = std::min(path.find('/', begin), path.size());
        node = node->child(path.substr(begin, end - begin));
        begin = end + 1;
    }
    return node;
}

Node* DataTree::find_mutable(std::string_view path) { return const_cast<Node*>(find(path)); }

Node* DataTree::find_parent(std::string_view path) {
    if (path.size() < 2 || path[0] != '/' || path[1] == '/' || path.back() == '/') return nullptr;
    return find_mutable(parent_of(path));
}

Node* DataTree::find_parent_in_load(std::string_view path) {
    if (path.size() < 2 || path[0] != '/') return find_parent(path);
    const std::string_view parent_path = parent_of(path);
    if (load_parent_ == nullptr || parent_path != load_parent_path_) {
        weigh_loaded();
        load_parent_ = find_parent(path);
        load_parent_path_ = parent_path;
    }
    return load_parent_;
}

jute::Stat DataTree::stat_of(const Node& node) const {
    const StatPersisted kept = node.stat();
    const std::size_t children = node.child_count();
    jute::Stat stat;
    stat.czxid = kept.czxid;
    stat.mzxid = kept.mzxid;
    stat.ctime = kept.ctime;
    stat.mtime = kept.mtime;
    stat.version = kept.version;
    // In 32 bits, wrapping as in Java.
    stat.cversion = static_cast<std::int32_t>(2U * static_cast<std::uint32_t>(kept.cversion) -
                                              static_cast<std::uint32_t>(children));
    stat.aversion = kept.aversion;
    stat.ephemeral_owner = is_session_owner(kept.ephemeral_owner) ? kept.ephemeral_owner : 0;
    stat.data_length = static_cast<std::int32_t>(node.data_size());
    stat.children_count = static_cast<std::int32_t>(children);
    stat.pzxid = kept.pzxid;
    return stat;
}

std::vector<std::string> DataTree::ephemerals(SessionId session) const {
    const auto place = ephemerals_.find(session);
    if (place == ephemerals_.end()) return {};
    return {place->second.begin(), place->second.end()};
}

std::vector<SessionId> DataTree::ephemeral_sessions() const {
    std::vector<SessionId> sessions;
    sessions.reserve(ephemerals_.size());
    for (const auto& [session, paths] : ephemerals_) sessions.push_back(session);
    return sessions;
}

void DataTree::set_config_node(ByteView text, Zxid version, WallMs mtime) {
    Node* node = find_mutable(kConfigPath);
    if (node == nullptr) {
        if (find(kSystemPath) == nullptr) add_built_in(kSystemPath);
        add_built_in(kConfigPath);
        node = find_mutable(kConfigPath);
    }
    StatPersisted stat = node->stat();
    stat.mzxid = version;
    stat.mtime = mtime;
    stat.version = -1;
    set_data(*node, kConfigPath, Bytes(text), stat);
}

void DataTree::set_stat(Node& node, const StatPersisted& stat) {
    digest_ -= node.digest();
    node.set_stat(stat);
    digest_ += node.digest();
}

void DataTree::set_data(Node& node,
                        std::string_view path,
                        const jute::Buffer& data,
                        const StatPersisted& stat) {
    const std::size_t size = data ? data->size() : 0;
    if (size != node.data_size())
        weigh(
            path, 0, static_cast<std::int64_t>(size) - static_cast<std::int64_t>(node.data_size()));
    digest_ -= node.digest();
    bytes_ -= node.data_size();
    node.set_data(data);
    node.set_stat(stat);
    node.path_data_crc_ = tree::path_data_crc(path, node.data());
    bytes_ += node.data_size();
    digest_ += node.digest();
}

void DataTree::weigh(std::string_view path, std::int64_t nodes, std::int64_t data_bytes) {
    Node* above = root_.get();
    for (std::size_t begin = 1; begin < path.size();) {
        ZK_ASSERT(above != nullptr);
        above->add_below(nodes, data_bytes);
        const std::size_t end = path.find('/', begin);
        if (end == std::string_view::npos) return;
        above = above->find_child(path.substr(begin, end - begin));
        begin = end + 1;
    }
}

/// Siblings follow each other in a snapshot: they are weighed together.
void DataTree::weigh_loaded() {
    const Node::Below more = std::exchange(loaded_, {});
    if (more.nodes == 0) return;
    weigh(load_parent_path_ + "/_",
          static_cast<std::int64_t>(more.nodes),
          static_cast<std::int64_t>(more.data_bytes));
}

Node* DataTree::add_node(Node& parent,
                         std::string_view path,
                         std::optional<ByteView> data,
                         AclId acl,
                         const StatPersisted& stat) {
    Node::Owned owned = Node::make(*arena_, name_of(path), data);
    Node& node = *owned;
    if (!parent.add_child(owned)) return nullptr;
    node.set_stat(stat);
    node.set_acl_id(acl);
    node.path_data_crc_ = tree::path_data_crc(path, node.data());
    node.outside_digest_ = is_outside_digest(path);
    digest_ += node.digest();
    node_count_ += 1;
    bytes_ += path.size() + node.data_size();
    if (is_session_owner(stat.ephemeral_owner)) {
        const bool is_new =
            ephemerals_[SessionId(stat.ephemeral_owner)].insert(std::string(path)).second;
        ZK_ASSERT(is_new);
        ephemeral_count_ += 1;
    } else if (stat.ephemeral_owner == kContainerOwner) {
        containers_.insert(std::string(path));
    } else if (ttl_of(stat.ephemeral_owner)) {
        ttl_nodes_.insert(std::string(path));
    }
    return &node;
}

void DataTree::remove_subtree(Node& parent, std::string_view path) {
    struct Doomed {
        Node::Owned node;
        std::string path;
    };
    std::vector<Doomed> doomed;
    const Node* const top = parent.find_child(name_of(path));
    ZK_ASSERT(top != nullptr);
    weigh(path,
          -1 - static_cast<std::int64_t>(top->below().nodes),
          -static_cast<std::int64_t>(top->data_size() + top->below().data_bytes));
    doomed.push_back({parent.remove_child(name_of(path)), std::string(path)});
    ZK_ASSERT(doomed.back().node != nullptr);
    while (!doomed.empty()) {
        Doomed next = std::move(doomed.back());
        doomed.pop_back();
        std::vector<Node::Owned> children;
        next.node->take_children(children);
        for (Node::Owned& child : children) {
            std::string child_path = next.path + '/' + std::string(child->name());
            doomed.push_back({std::move(child), std::move(child_path)});
        }
        forget(*next.node, next.path);
        if (walks_.expired()) continue;
        next.node->removed_ = 1;
        graveyard_.push_back(std::move(next.node));
    }
}

std::shared_ptr<const DataTree::Walks> DataTree::walks() const {
    std::shared_ptr<const Walks> walks = walks_.lock();
    if (!walks) walks_ = walks = std::make_shared<const Walks>();
    return walks;
}

std::size_t DataTree::slabs() const { return arena_->slabs(); }

void DataTree::bury() {
    if (graveyard_.empty() || !walks_.expired()) return;
    graveyard_.resize(graveyard_.size() - std::min(graveyard_.size(), kBuriedAtOnce));
    if (graveyard_.empty()) graveyard_ = decltype(graveyard_)();
}

void DataTree::forget(const Node& node, const std::string& path) {
    digest_ -= node.digest();
    node_count_ -= 1;
    bytes_ -= path.size() + node.data_size();
    acl_.release(node.acl_id());
    const std::int64_t owner = node.stat().ephemeral_owner;
    if (is_session_owner(owner)) {
        const auto place = ephemerals_.find(SessionId(owner));
        ZK_ASSERT(place != ephemerals_.end() && place->second.erase(path) == 1);
        if (place->second.empty()) ephemerals_.erase(place);
        ephemeral_count_ -= 1;
    } else if (owner == kContainerOwner) {
        containers_.erase(path);
    } else if (ttl_of(owner)) {
        ttl_nodes_.erase(path);
    }
    if (const auto limited = limited_path(path)) quotas_.remove(*limited);
    count_in_quota(path, -1, -static_cast<std::int64_t>(node.data_size()));
}

void DataTree::clear_for_load() {
    root_.reset();
    acl_ = AclCache();
    ephemerals_.clear();
    containers_.clear();
    ttl_nodes_.clear();
    quotas_.clear();
    last_zxid_ = Zxid();
    digest_ = 0;
    digests_.clear();
    node_count_ = 0;
    bytes_ = 0;
    ephemeral_count_ = 0;
    graveyard_ = decltype(graveyard_)();
    generation_ += 1;
    load_parent_ = nullptr;
    loaded_ = {};
}

Result<> DataTree::load_node(std::string_view path,
                             std::optional<ByteView> data,
                             AclId acl,
                             const StatPersisted& stat) {
    const auto corrupt = [path](const char* what) {
        return Error(Errc::corrupt, "snapshot node \"" + std::string(path) + "\": " + what);
    };
    std::optional<AclId> own_acl = acl_.use_loaded(acl);
    if (!own_acl) {
        // Apache's server writes its ACL map first and goes on serving: a node that was made meanwhile may name a list
        // that came later. Its txn is replayed and brings the list, as it is with a walk of our own.
        ZK_COVERED("tree.load.later_acl");
        own_acl = acl_.intern(read_only_acl_list());
    }
    if (path.empty() || path == kRootPath) {
        if (root_) return corrupt("comes twice");
        root_ = Node::make(*arena_, "", data);
        root_->set_stat(stat);
        root_->set_acl_id(*own_acl);
        root_->path_data_crc_ = tree::path_data_crc("", root_->data());
        node_count_ = 1;
        bytes_ = root_->data_size();
        digest_ = root_->digest();
        return ok();
    }
    Node* parent = find_parent_in_load(path);
    if (parent == nullptr) return corrupt("is no path, or comes before its parent");
    const Node* const added = add_node(*parent, path, data, *own_acl, stat);
    if (added == nullptr) return corrupt("comes twice");
    loaded_.nodes += 1;
    loaded_.data_bytes += added->data_size();
    return ok();
}

Result<> DataTree::finish_load() {
    weigh_loaded();
    load_parent_ = nullptr;
    acl_.finish_load();
    if (!root_) return Error(Errc::corrupt, "snapshot has no root node");
    for (const std::string_view path : {kSystemPath, kQuotaPath, kConfigPath}) {
        if (find(path) == nullptr) add_built_in(path);
    }
    find_quotas();
    return ok();
}

}  // namespace zk::tree
