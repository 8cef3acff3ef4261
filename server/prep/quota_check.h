// enforceQuota: writes that would go beyond a hard limit are refused, those beyond a soft one are told. Looks at what is
// applied, as Apache's servers do: writes under way, and the other parts of a multi, do not count yet.
// Pure. Lives on the core loop; one of a server. Source: ZooKeeper ZooKeeperServer.checkQuota; docs/PROTOCOL.md 1.7.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/log.h"
#include "base/time.h"
#include "jute/codes.h"
#include "tree/data_tree.h"

namespace zk::prep {

class QuotaCheck {
  public:
    /// A quota that is passed again and again is told once in this time.
    static constexpr std::int64_t kTellAgain_ms = 10'000;

    explicit QuotaCheck(Log log) : log_(std::move(log)) {}

    /// May a txn at `time` make so many nodes and bytes of data more (or less) at `path`? ok, quota_exceeded, or
    /// marshalling_error where limits are set that nobody can read.
    ErrorCode check(const tree::DataTree& tree,
                    std::string_view path,
                    std::int64_t nodes_more,
                    std::int64_t bytes_more,
                    WallMs time);

    /// Writes refused so far, by the name of the node below the root.
    [[nodiscard]] const std::map<std::string, std::int64_t>& refused() const { return refused_; }

  private:
    struct Limit {
        std::string_view what;
        std::int64_t soft = -1, hard = -1;
        std::int64_t would_be = 0;
    };
    ErrorCode check(std::string_view quota, const Limit& limit, WallMs time);

    Log log_;
    std::map<std::string, std::int64_t> refused_;
    struct Told {
        std::string quota;
        WallMs at;
        std::int64_t since = 0;
    };
    std::optional<Told> told_;  ///< the last one: many at once are not told apart
};

}  // namespace zk::prep
