// What a run has done to the nodes so far: from then on it cannot end with "nothing was changed".
// Shell room, but pure. The runner's thread owns it; each node's entry is touched by the one thread that works for it.
#pragma once

#include <algorithm>
#include <cstddef>
#include <map>
#include <string>

#include "inventory/inventory.h"

namespace zk::phases {

struct NodeChanges {
    bool changed = false;    ///< at least one step of an apply or a control was done
    bool restarted = false;  ///< ... and the server restarted
    std::string words;       ///< what the agent says of a control that is done
};

class Changes {
  public:
    explicit Changes(const inventory::Inventory& inventory) {
        for (const inventory::Node& node : inventory.nodes) nodes_[node.id];
    }
    NodeChanges& of(ServerId id) { return nodes_.at(id); }
    [[nodiscard]] const NodeChanges& of(ServerId id) const { return nodes_.at(id); }
    [[nodiscard]] std::size_t count() const {
        return static_cast<std::size_t>(
            std::ranges::count_if(nodes_, [](const auto& entry) { return entry.second.changed; }));
    }
    [[nodiscard]] bool any() const { return count() > 0; }

  private:
    std::map<ServerId, NodeChanges> nodes_;
};

}  // namespace zk::phases
