// What a node says of itself, as Prometheus reads it: text exposition format, version 0.0.4.
// Pure. On the way of a health report (docs/ARCHITECTURE.md): /metrics of the agent's HTTP listener. What is not known is
// absent, and so is what rests on a look that is too old: then only its age is told. packaging/ names these metrics.
#pragma once

#include <string>
#include <string_view>

#include "agent_api/node_health.h"

namespace zk::agent_metrics {

inline constexpr std::string_view kContentType = "text/plain; version=0.0.4; charset=utf-8";

/// All families, each with HELP and TYPE, in one order always.
std::string render(const agent_api::NodeHealth& health);

}  // namespace zk::agent_metrics
