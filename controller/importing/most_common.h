// What an inventory says once for all nodes: the value that most of them have. Pure. Internal to this room.
#pragma once

#include <algorithm>
#include <cstddef>
#include <functional>
#include <vector>

#include "importing/found_node.h"

namespace zk::importing {

/// Of two that as many have, the one of the lower id. REQUIRES: `nodes` is not empty.
template <class Value>
Value most_common(const std::vector<FoundNode>& nodes,
                  const std::function<Value(const FoundNode&)>& value_of) {
    Value best = value_of(nodes.front());
    std::ptrdiff_t most = 0;
    for (const FoundNode& node : nodes) {
        const Value value = value_of(node);
        const auto count = std::ranges::count_if(
            nodes, [&](const FoundNode& other) { return value_of(other) == value; });
        if (count > most) {
            most = count;
            best = value;
        }
    }
    return best;
}

}  // namespace zk::importing
