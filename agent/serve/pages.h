// The agent's web page, and what it shows: docs/PAGES.md.
// Lives on the resident agent's loop.
#pragma once

#include <optional>

#include "agent_api/node_health.h"
#include "agent_api/node_spec.h"
#include "agent_serve/peers.h"
#include "http/http_listener.h"

namespace zk::agent_serve {

/// Nothing when `request` is for none of these pages. `spec` may be null: nothing is installed yet.
std::optional<http::Response> answer_page(const http::Request& request,
                                          const agent_api::NodeSpec* spec,
                                          const agent_api::NodeHealth& health,
                                          Peers& peers);

}  // namespace zk::agent_serve
