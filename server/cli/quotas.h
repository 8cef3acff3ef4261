// What the shell says of quotas, and the nodes around one. Pure. The text of the nodes: jute/quota_text.h.
// Source: ZooKeeper SetQuotaCommand.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "jute/quota_text.h"

namespace zk::cli {

/// Of limits and of what is used; of a text that is none nothing counts.
jute::QuotaText read_quota(std::string_view text);
/// The paths above `path`, nearest to the root first, without the root: "/a" and "/a/b" of "/a/b/c".
std::vector<std::string> above(std::string_view path);
/// Warnings for limits below what is used, a line each.
std::string quota_warnings(const jute::QuotaText& limits, const jute::QuotaText& used);

}  // namespace zk::cli
