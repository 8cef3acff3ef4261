// Carries out the waves of a plan: hooks, last checks, steps, gate, hooks. Shell. See
// docs/ARCHITECTURE.md, "The way of an apply"; docs/PROVISIONING.md 3.
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <set>
#include <string>

#include "phases/gate.h"
#include "phases/run.h"
#include "plan/ensemble_plan.h"

namespace zk::phases {

class Roll {
  public:
    explicit Roll(Run& run) : run_(run) {}

    /// Nothing when all went well; then the ensemble serves and a probe write was committed.
    /// REQUIRES: the run lock has its number.
    std::optional<Stop> run(const plan::Plan& plan);

  private:
    std::optional<Stop> run_wave(const plan::Wave& wave, bool is_last);
    /// Before each wave: the run lock is held, the others are as well as they were, and each node of
    /// the wave is what the plan took it for.
    std::optional<Stop> make_sure(const plan::Wave& wave);
    /// The nodes of the wave that are not what the plan took them for any more, a sentence each.
    std::optional<Stop> look_at(const plan::Wave& wave);
    /// Before the first server is made anew: every agent that is there remembers it. Nothing is made when one cannot.
    std::optional<Stop> tell_memories(const plan::Plan& plan);
    std::optional<Stop> apply_wave(const plan::Wave& wave);
    void apply_node(Host& host, const plan::NodeStep& step, LinkDeadline deadline);
    std::optional<Stop> gate_behind(const plan::Wave& wave, bool is_last);
    /// Of migrate: a wave that failed gets its old servers again. Gives the stop, with what became of it.
    Stop go_back(const plan::Wave& wave, Stop why);
    std::optional<Stop> go_back(Host& host, const agent_api::NodeSpec& before);
    void note_moves(const plan::Wave& wave, const std::string& gone_back);
    /// All hooks of this place: for a node's, node by node. The first that fails ends the run.
    std::optional<Stop> run_hooks(playbook::HookPoint point, const plan::Wave& wave);
    std::optional<Stop> run_hooks(playbook::HookPoint point,
                                  const std::string& name,
                                  const std::string& ids,
                                  const std::string& hosts);
    LinkDeadline deadline(playbook::PhaseKind kind) const { return run_.deadline(kind); }

    Run& run_;
    const plan::Plan* plan_ = nullptr;
    bool told_ = false;            ///< the plan's memories
    std::set<ServerId> expected_;  ///< servers that are in sync, and must be so at each gate
    /// Of each node that is moved; an entry is touched by the thread that works for its node.
    struct Moving {
        std::optional<std::chrono::steady_clock::time_point> stopped;
        std::string copy;
    };
    std::map<ServerId, Moving> moving_;
    int wave_number_ = 0;
};

}  // namespace zk::phases
