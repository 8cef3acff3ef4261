#include "tree/quotas.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "base/check.h"
#include "jute/quota_text.h"
#include "tree/data_tree.h"
#include "tree/path.h"

namespace zk::tree {
namespace {

/// The path that a node of this name below /zookeeper/quota speaks of, nullopt for other nodes.
std::optional<std::string_view> quota_path_of(std::string_view path, std::string_view name) {
    if (!path.starts_with(kQuotaPath) || !path.ends_with(name)) return std::nullopt;
    path.remove_prefix(kQuotaPath.size());
    path.remove_suffix(name.size());
    if (!path.starts_with('/') || !path.ends_with('/')) return std::nullopt;
    path.remove_suffix(1);
    return path;
}

std::int64_t added(std::int64_t a, std::int64_t b) {
    return static_cast<std::int64_t>(static_cast<std::uint64_t>(a) + static_cast<std::uint64_t>(b));
}

std::optional<jute::QuotaText> read_text(const DataTree& tree, const std::string& path) {
    const Node* node = tree.find(path);
    const std::optional<ByteView> text = node == nullptr ? std::nullopt : node->data();
    return text ? jute::parse_quota(*text) : std::nullopt;
}

}  // namespace

void Quotas::remove(std::string_view path) {
    if (const auto place = paths_.find(path); place != paths_.end()) paths_.erase(place);
}

std::optional<std::string_view> Quotas::above(std::string_view path) const {
    if (paths_.empty()) return std::nullopt;
    for (; !path.empty(); path = parent_of(path)) {
        if (const auto place = paths_.find(path); place != paths_.end()) return *place;
        if (path.find('/') == std::string_view::npos) break;
    }
    return std::nullopt;
}

std::optional<std::string_view> limited_path(std::string_view path) {
    const auto limited = quota_path_of(path, jute::kLimitsNode);
    return limited && !limited->empty() ? limited : std::nullopt;
}

std::optional<std::string_view> counted_path(std::string_view path) {
    return quota_path_of(path, jute::kStatsNode);
}

// Apache's server cuts the length of /zookeeper/quota off the parent of any such node below a path that begins with
// /zookeeper, counted in UTF-16 units, and wants something to be left.
bool is_fatal_limits_node(std::string_view path) {
    if (!path.starts_with(kSystemPath) || name_of(path) != jute::kLimitsNode) return false;
    const std::string_view parent = parent_of(path);
    if (!parent.starts_with(kSystemPath)) return false;
    const auto units = std::count_if(parent.begin(), parent.end(), [](char byte) {
        return (static_cast<unsigned char>(byte) & 0xc0U) != 0x80U;
    });
    return static_cast<std::size_t>(units) <= kQuotaPath.size();
}

std::map<std::string, QuotaUsage> quota_usage(const DataTree& tree) {
    std::map<std::string, QuotaUsage> all;
    for (const std::string& path : tree.quotas().paths()) {
        QuotaUsage& usage = all[std::string(namespace_of(path))];
        if (const auto limits = read_text(tree, jute::limits_path(path))) {
            usage.count_limit += limits->count_hard > -1 ? limits->count_hard : limits->count;
            usage.bytes_limit += limits->bytes_hard > -1 ? limits->bytes_hard : limits->bytes;
        }
        if (const auto used = read_text(tree, jute::stats_path(path))) {
            usage.count = added(usage.count, used->count);
            usage.bytes = added(usage.bytes, used->bytes);
        }
    }
    return all;
}

// ---- what a data tree does for quotas

void DataTree::count_in_quota(std::string_view path, std::int64_t nodes, std::int64_t bytes) {
    const std::optional<std::string_view> quota = quotas_.above(path);
    if (!quota) return;
    const std::string stats = jute::stats_path(*quota);
    const Node* node = find(stats);
    if (node == nullptr) return;
    std::optional<jute::QuotaText> used = read_text(*this, stats);
    if (!used) {
        ZK_COVERED("tree.quota.unreadable");
        return recount_quota(*quota);
    }
    used->count = added(used->count, nodes);
    used->bytes = added(used->bytes, bytes);
    set_quota_stats(stats, used->used());
}

// Anew, with all that is below, also below the quotas inside of it.
void DataTree::recount_quota(std::string_view path) {
    jute::QuotaText used;
    used.count = used.bytes = 0;
    if (const Node* node = find(path)) {
        const Node::Below below = node->below();
        used.count = static_cast<std::int64_t>(below.nodes + 1);
        used.bytes = static_cast<std::int64_t>(below.data_bytes + node->data_size());
    }
    set_quota_stats(jute::stats_path(path), used.used());
}

void DataTree::set_quota_stats(const std::string& path, const std::string& text) {
    if (Node* node = find_mutable(path)) set_data(*node, path, text, node->stat());
}

void DataTree::quota_node_created(std::string_view path) {
    if (const auto limited = limited_path(path)) quotas_.add(*limited);
    if (const auto counted = counted_path(path)) recount_quota(*counted);
}

// After a load: what a fuzzy snapshot says of the counters is as good as nothing.
void DataTree::find_quotas() {
    struct Open {
        const Node* node;
        std::string path;
    };
    std::vector<Open> open = {{find(kQuotaPath), std::string(kQuotaPath)}};
    while (!open.empty()) {
        const Open next = std::move(open.back());
        open.pop_back();
        for (const std::string& name : next.node->child_names()) {
            std::string path = next.path + '/' + name;
            if (const auto limited = limited_path(path)) quotas_.add(*limited);
            open.push_back({next.node->child(name), std::move(path)});
        }
    }
    for (const std::string& path : quotas_.paths()) recount_quota(path);
}

}  // namespace zk::tree
