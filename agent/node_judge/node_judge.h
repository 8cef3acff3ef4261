// From what a probe saw of one server to what the node says of itself: verdict, role, election
// history. Pure: the probe and the wall time in, health out. Lives on the resident agent's loop; a
// session without a resident agent makes one for a single probe. Invariant: the history grows only
// when role, epoch or leader change, and holds at most kHistoryMax entries.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "agent_api/node_health.h"
#include "base/ids.h"
#include "base/time.h"
#include "node_judge/findings.h"
#include "node_judge/node_identity.h"
#include "node_judge/probe.h"
#include "node_judge/rules.h"

namespace zk::node_judge {

struct JudgeSettings {
    std::string cluster;
    Self self;
    /// How long a process that has not answered yet may take to start before it counts as stuck.
    std::uint64_t start_patience_s = 60;
    /// A live process that does not answer is believed to be what it was for so many probes, unless it is plain that it
    /// does nothing: it is stopped.
    std::uint32_t misses_max = 1;
    /// A silence of so many probes is part of the history: a short one of a server that goes on is no change of its role.
    std::uint32_t misses_told = 3;
    /// Without a history, what the first look finds may be much older: then it is no change of role when this is false.
    bool dates_first_look = true;
    RuleLimits limits;
};

class NodeJudge {
  public:
    explicit NodeJudge(JudgeSettings settings)
        : settings_(std::move(settings)), rules_(settings_.limits) {}

    /// Goes on with a history from disk; older than anything judged later.
    void restore(std::vector<agent_api::ElectionEntry> history);
    /// The same node with another directory or port.
    void move_to(Self self) { settings_.self = std::move(self); }
    /// Judges one probe. The result has no agent's facts (version, pid, age, source): the caller
    /// adds them.
    const agent_api::NodeHealth& step(const Probe& probe);
    [[nodiscard]] const agent_api::NodeHealth& health() const { return health_; }
    /// Counts the changes of the history since this judge was made, so that a shell knows when to
    /// write it.
    [[nodiscard]] std::uint64_t history_version() const { return history_version_; }

  private:
    void take_answer(const Probe& probe);
    void take_conflict(const Probe& probe);
    void take_silence(const Probe& probe);
    void take_end(const Probe& probe);
    void tell_conflict();
    /// What only a server that answers as this node can tell is not known any more.
    void forget();
    void tell(std::string id, agent_api::FindingLevel level, std::string words);
    void take_findings();
    void take_files(const Probe& probe);
    void note_verdict(agent_api::NodeVerdict before, WallMs at);
    void note_change(WallMs at);

    JudgeSettings settings_;
    Rules rules_;
    Findings found_;
    agent_api::NodeHealth health_;
    std::uint32_t misses_ = 0;  ///< one after the other, at most misses_told
    WallMs silent_since_;       ///< of the first of them
    std::int64_t answered_pid_ = 0;
    bool ever_answered_ = false;
    bool has_looked_ = false;
    std::uint64_t history_version_ = 0;
};

}  // namespace zk::node_judge
