// Whether this node's server runs outside of its unit (decisions/0015): cheap while nothing changes. Shell. Lives on the
// resident agent's loop.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include "agent_api/node_facts.h"
#include "agent_api/node_spec.h"
#include "agent_host/process.h"

namespace zk::agent_serve {

class OutsideLook {
  public:
    /// The server outside of the unit, whose own process is `unit_pid` (0: none). `answered`: some server answers clients.
    const std::optional<agent_api::OutsideServer>& look(const agent_api::NodeSpec& spec,
                                                        std::int64_t unit_pid,
                                                        bool answered);
    void forget() { *this = OutsideLook(); }

  private:
    using Clock = std::chrono::steady_clock;

    std::optional<agent_api::OutsideServer> server_;
    std::int64_t unit_pid_ = -1;  ///< with which was looked last
    Clock::time_point looked_at_;
};

}  // namespace zk::agent_serve
