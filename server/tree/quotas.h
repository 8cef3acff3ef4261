// Which paths have a quota, and what is used of it. Limits and counters are ordinary nodes below /zookeeper/quota (their
// text: jute/quota_text.h); every server writes the counters by itself when it applies a txn: no version, no zxid and no
// event of them changes, and the tree digest leaves them out.
// Pure. Part of the data tree. Source: ZooKeeper DataTree, PathTrie, QuotaMetricsUtils; docs/PROTOCOL.md 1.7.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>

namespace zk::tree {

class DataTree;

class Quotas {
  public:
    void add(std::string_view path) { paths_.emplace(path); }
    void remove(std::string_view path);
    void clear() { paths_.clear(); }
    [[nodiscard]] bool empty() const { return paths_.empty(); }
    /// The deepest path with a quota at or above `path`: of several it alone counts.
    [[nodiscard]] std::optional<std::string_view> above(std::string_view path) const;
    [[nodiscard]] const std::set<std::string, std::less<>>& paths() const { return paths_; }

  private:
    std::set<std::string, std::less<>> paths_;
};

/// "/a/b" of "/zookeeper/quota/a/b/zookeeper_limits"; nullopt for all other nodes. The root has no quota.
std::optional<std::string_view> limited_path(std::string_view path);
/// The same of zookeeper_stats. What is below the root is counted once, and not kept: it is "" then.
std::optional<std::string_view> counted_path(std::string_view path);
/// True for a node whose creation or deletion ends Apache's servers: limits where no path is left for them.
bool is_fatal_limits_node(std::string_view path);

/// Of all quotas below one child of the root, as far as they are set: their limits (a hard one before a soft one) and what
/// is used, added up.
struct QuotaUsage {
    std::int64_t count_limit = 0, bytes_limit = 0;
    std::int64_t count = 0, bytes = 0;
};
/// By the child's name. O(quotas).
std::map<std::string, QuotaUsage> quota_usage(const DataTree& tree);

}  // namespace zk::tree
