#include "node_judge/findings.h"

namespace zk::node_judge {

void Findings::begin(Instant now, WallMs wall_now) {
    now_ = now;
    wall_now_ = wall_now;
    told_.clear();
    for (auto& [key, held] : held_) held.found = false;
}

void Findings::add_lasting(Duration patience, agent_api::Finding finding) {
    const auto [place, is_new] =
        held_.try_emplace(Key(finding.id, finding.subject), Held{now_, wall_now_});
    Held& held = place->second;
    held.found = true;
    if (now_ - held.since < patience) return;
    finding.since = held.since_wall;
    told_.push_back(std::move(finding));
}

std::vector<agent_api::Finding> Findings::end() {
    std::erase_if(held_, [](const auto& entry) { return !entry.second.found; });
    return std::move(told_);
}

}  // namespace zk::node_judge
