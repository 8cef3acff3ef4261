#include "agent_api/node_health.h"

#include <algorithm>
#include <utility>

namespace zk::agent_api {

std::string words_of(const ElectionEntry& entry) {
    std::string text(to_string(entry.role));
    const bool learns = entry.role == Role::follower || entry.role == Role::observer;
    if (learns && entry.leader) text += " of " + to_string(*entry.leader);
    if ((learns || entry.role == Role::leader) && entry.epoch) {
        text += " in epoch " + to_string(*entry.epoch);
    }
    return text;
}

void add_finding(NodeHealth& health, Finding finding) {
    if (health.findings.size() >= kFindingsMax) return;
    if (finding.level != FindingLevel::note) health.reasons.push_back(finding.words);
    health.findings.push_back(std::move(finding));
}

const RoleCause* cause_of(const NodeHealth& health, const ElectionEntry& entry) {
    const auto found = std::ranges::find(health.causes, entry.at, &RoleCause::at);
    return found == health.causes.end() ? nullptr : &*found;
}

bool is_fresh(const NodeHealth& health) { return health.age_ms <= kFreshMsMax; }

}  // namespace zk::agent_api
