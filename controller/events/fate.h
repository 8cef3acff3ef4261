// What became of a leader that another node says it lost: the leader's own agent and server are asked what they saw.
// Pure. Rules: docs/OPERATIONS.md, "Causes".
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "events/timeline.h"

namespace zk::events {

/// `changes[index]` of `loser` says that it lost its leader; nothing where it does not, or where its leader is not known.
std::optional<Fate> fate_of_leader(const std::vector<Witness>& witnesses,
                                   const Witness& loser,
                                   std::size_t index);

}  // namespace zk::events
