// What a server counts and measures, as a list: the word `mntr` and the command `monitor` print it.
// Pure: facts in, names with values out. Names are those of Apache's server, then our own for what it does not tell at all.
// Source: ZooKeeper ServerMetrics, ZooKeeperServer.registerMetrics, LeaderZooKeeperServer, QuorumZooKeeperServer.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "admin/facts.h"
#include "ensemble/zoo_cfg.h"

namespace zk::admin {

struct Measure {
    std::string name;  ///< without "zk_"
    std::string value;
    bool is_text = false;  ///< else a number
};
using Measures = std::vector<Measure>;

/// Those that are as they are now, without those of quotas, which have a name for each.
Measures gauges_of(const Facts& facts, const ensemble::ServerConfig& config);
/// Counters, then summaries: five each, nine of the advanced ones.
Measures counts_of(const metrics::Metrics& counts);
/// All of them.
Measures measures_of(const Facts& facts, const ensemble::ServerConfig& config);

/// What `vote` tells: of an election, while nothing is served, too.
Measures vote_of(const core::StatusPage& status);

/// "zk_<name>TAB<value>", a line each.
std::string to_text(const Measures& measures);

/// "leader", "follower" and so on: as Apache's server names roles.
std::string role_text(const core::StatusPage& status);

/// "0x100000390".
std::string hex(std::int64_t value);

/// An average as ZooKeeper prints it: at most four decimals, at least one.
std::string average_text(std::int64_t total, std::int64_t count);

}  // namespace zk::admin
