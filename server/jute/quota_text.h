// Quotas as their nodes hold them: limits, and what is used, as text. Both are ordinary nodes below /zookeeper/quota, which
// clients write and servers read; what is used servers write as well.
// Pure. Source: ZooKeeper StatsTrack, Quotas: "count=5,bytes=-1=;byteHardLimit=-1;countHardLimit=7". -1 is no limit, and the
// odd "=" lets servers before 3.7 read it, which know "count=5,bytes=-1" only.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace zk::jute {

struct QuotaText {
    std::int64_t count = -1;       ///< nodes, with the node itself
    std::int64_t bytes = -1;       ///< of data
    std::int64_t count_hard = -1;  ///< as a limit: refused by servers with enforceQuota
    std::int64_t bytes_hard = -1;
    /// All that was read but count and bytes, the hard limits too: servers keep it when they write.
    std::map<std::string, std::int64_t> rest;

    /// As clients write limits: all four.
    [[nodiscard]] std::string limits() const;
    /// As servers write what is used: count, bytes and `rest`.
    [[nodiscard]] std::string used() const;
};

/// Of limits and of what is used; what is not there is -1, and so is all of an empty text. nullopt for a text that Apache's
/// servers cannot read, and which ends them when they try to count.
std::optional<QuotaText> parse_quota(std::string_view text);

inline constexpr std::string_view kLimitsNode = "zookeeper_limits";
inline constexpr std::string_view kStatsNode = "zookeeper_stats";
/// "/zookeeper/quota/a/b": below it the nodes of a quota on /a/b.
std::string quota_path(std::string_view path);
/// The two nodes of a quota on `path`.
std::string limits_path(std::string_view path);
std::string stats_path(std::string_view path);

}  // namespace zk::jute
