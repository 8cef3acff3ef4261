// What one look after the other finds on a node, and since when each of it holds. Pure. Lives with its judge.
// Invariant: it remembers only what the last look found.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "agent_api/finding.h"
#include "base/time.h"

namespace zk::node_judge {

class Findings {
  public:
    /// A look begins at this moment.
    void begin(Instant now, WallMs wall_now);
    void add(agent_api::Finding finding) { add_lasting(Duration(0), std::move(finding)); }
    /// Told only once it has held for `patience` without a break.
    void add_lasting(Duration patience, agent_api::Finding finding);
    /// The look is over: what it found, in the order of adding, each with its `since`.
    [[nodiscard]] std::vector<agent_api::Finding> end();

  private:
    struct Held {
        Instant since;
        WallMs since_wall;
        bool found = true;  ///< by this look
    };
    using Key = std::pair<std::string, std::string>;  // id and subject

    Instant now_;
    WallMs wall_now_;
    std::map<Key, Held> held_;
    std::vector<agent_api::Finding> told_;
};

}  // namespace zk::node_judge
