// Was this node, which comes back with what it has recorded, replaced by another machine meanwhile?
// Pure. Asked before a server starts, never of one that runs. The others are asked as for forming, but no single Word
// counts: what each remembers was told to it by a controller, and a majority of them has to say so.
// Rules: docs/PROVISIONING.md 2.6.
#pragma once

#include <optional>
#include <string>

#include "agent_api/incarnation.h"
#include "formation/formation.h"

namespace zk::formation {

enum class Standing {
    unknown,   ///< too few of the others answer: as it was before
    current,   ///< enough answer, and do not say that this node was replaced
    replaced,  ///< a majority of the others says so
    taken,  ///< at this node's own address answers another that was made in its place, and serves
};

struct Opinion {
    Standing standing = Standing::unknown;
    std::string words{};  ///< replaced, taken: why, and the way out
    bool settled =
        true;  ///< unknown: whatever those that are silent say, no majority will say that it was replaced
};

/// REQUIRES: `own.sid` is a member and `own.generation` is not empty. A Word in `heard` under `own.sid` is that of whoever
/// answers at this node's own address.
Opinion ask_whether_replaced(const Members& members, const Word& own, const Heard& heard);

}  // namespace zk::formation
