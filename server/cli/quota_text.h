// Quotas as their nodes hold them: the limits and what is used, as text. Pure.
// Source: StatsTrack, Quotas: "count=5,bytes=-1=;byteHardLimit=-1;countHardLimit=7"; -1 is no limit, and the odd "=" lets
// servers before 3.7 read it. docs: facts of the data model, quotas.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace zk::cli {

struct QuotaText {
    std::int64_t count = -1;       ///< nodes, with the node itself; a server warns
    std::int64_t bytes = -1;       ///< of data
    std::int64_t count_hard = -1;  ///< the same, refused by servers with enforceQuota
    std::int64_t bytes_hard = -1;

    [[nodiscard]] std::string limits() const;
    [[nodiscard]] std::string used() const;
};
/// Of limits and of what is used. What is not there or no number is -1.
QuotaText read_quota(std::string_view text);

/// "/zookeeper/quota/a/b": below it the nodes of a quota on /a/b.
std::string quota_path(std::string_view path);
inline constexpr const char* kLimitsNode = "zookeeper_limits";
inline constexpr const char* kStatsNode = "zookeeper_stats";
/// The paths above `path`, nearest to the root first, without the root: "/a" and "/a/b" of "/a/b/c".
std::vector<std::string> above(std::string_view path);
/// Warnings for limits below what is used, a line each.
std::string quota_warnings(const QuotaText& limits, const QuotaText& used);

}  // namespace zk::cli
