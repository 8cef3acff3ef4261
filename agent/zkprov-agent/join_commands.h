// The commands `join` and `join-status`: words in, an exit code out.
#pragma once

#include "agent_options/options.h"

namespace zk::zkprov_agent {

/// 0: the node serves; 4: it refuses; 3: the inventory is wrong; 1: it cannot go on.
int join(const agent_options::Options& options);
/// 0: the node serves; 1: joining refused or ended; 3: it goes on.
int join_status(const agent_options::Options& options);

}  // namespace zk::zkprov_agent
