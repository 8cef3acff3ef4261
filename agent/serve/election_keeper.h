// Keeps elections on the disk: gathers what a change of role rests on, has its cause found (elections/causes.h), and saves
// what changed. Format and bounds: docs/OPERATIONS.md, "What an agent keeps of elections".
// Shell. Lives on the resident agent's loop.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "agent_api/node_health.h"
#include "agent_api/node_spec.h"
#include "agent_host/server_probe.h"
#include "agent_host/state_dir.h"
#include "agent_host/systemd.h"
#include "base/log.h"
#include "elections/causes.h"
#include "elections/log.h"
#include "node_judge/probe.h"

namespace zk::agent_serve {

class ElectionKeeper {
  public:
    ElectionKeeper(const agent_host::StateDir& state, Log log)
        : state_(state), log_(std::move(log)) {}

    /// Goes on with what is kept of this node. A file that cannot be read is moved aside, and told.
    void open(const agent_api::NodeSpec& spec,
              const std::vector<agent_api::ElectionEntry>& history);
    /// Whether the server should be asked for its elections before the next step().
    [[nodiscard]] bool wants_searches(const agent_api::NodeHealth& health,
                                      const node_judge::Probe& probe) const;
    void take_searches(const agent_host::ElectionsAnswer& answer);
    /// How a process of the server ended, as its parent knows it.
    void take_end(const std::optional<elections::ProcessEnd>& end);
    /// The same from systemd's word.
    void take_unit(const agent_host::UnitState& unit);
    /// After each look. `process_known`: it was possible to ask whether there is a process.
    void step(const agent_api::NodeHealth& health,
              const node_judge::Probe& probe,
              bool process_known);

    [[nodiscard]] const agent_api::ElectionsKept& kept() const { return history_.kept(); }
    /// Why the last change is not on the disk; empty: it is.
    [[nodiscard]] const std::string& failure() const { return failure_; }
    /// What an agent finds wrong with what was kept; empty: nothing.
    [[nodiscard]] const std::string& damage() const { return damage_; }

  private:
    [[nodiscard]] bool is_news(const agent_api::NodeHealth& health) const;
    void note(const agent_api::ElectionEntry& entry,
              const agent_api::NodeHealth& health,
              const node_judge::Probe& probe,
              bool process_known);
    void note_process(const node_judge::Probe& probe);
    void save();

    const agent_host::StateDir& state_;
    Log log_;
    elections::ElectionLog history_;
    std::string boot_;
    std::optional<elections::ProcessEnd> end_;
    std::int64_t pid_seen_ = 0;
    bool looked_ = false;  ///< since open()
    bool asked_ = false;   ///< this process of the server, after its last change
    int asked_in_vain_ = 0;
    std::optional<std::uint64_t> round_;  ///< of the election that was asked for last
    bool unsaved_ = false;
    std::string failure_;
    std::string damage_;
};

/// For who has no keeper: what the disk holds of this node; nothing where that cannot be read.
agent_api::ElectionsKept elections_on_disk(const agent_host::StateDir& state,
                                           const agent_api::NodeSpec& spec);

}  // namespace zk::agent_serve
