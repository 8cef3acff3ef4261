// Carries out a node's plan: first everything is staged beside what is there, then it is put in
// place by renames, then what must restart restarts. A failure while staging takes back what was
// staged, so that nothing has changed. Shell. On the way of an apply (docs/ARCHITECTURE.md). Blocking; the caller
// holds the state directory's lock. A run that a crash cut short is continued by the next: the plan
// is made from what is there, and the journal tells which restarts are still owed.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "agent_api/link.h"
#include "agent_api/node_facts.h"
#include "agent_api/node_spec.h"
#include "agent_host/journal.h"
#include "agent_host/node_control.h"
#include "agent_host/state_dir.h"
#include "base/result.h"
#include "node_plan/node_plan.h"

namespace zk::agent_host {

using EventSink = std::function<void(const agent_api::Event&)>;

class NodeExecutor {
  public:
    NodeExecutor(const agent_api::NodeSpec& spec,
                 const agent_api::NodeFacts& facts,
                 const StateDir& state,
                 EventSink events)
        : spec_(spec), facts_(facts), state_(state), events_(std::move(events)) {}

    /// Called before each step is staged, before and after it is committed: for tests that end the
    /// process there.
    std::function<void(const std::string& point)> at_point = [](const std::string&) {};

    /// Asked before a container starts; left out: it may.
    StartLeave leave;

    /// Never fails as such: `error` in the answer tells where it stopped.
    agent_api::ApplyDone run(const node_plan::NodePlan& plan);

  private:
    using Step = node_plan::Step;

    Result<> prepare(const node_plan::NodePlan& plan);
    Result<> stage(const Step& step);
    Result<> stage_user();
    Result<> stage_directory(const std::string& path);
    Result<> stage_release();
    Result<> stage_tarball();
    Result<> stage_file(const std::string& path);
    Result<> stage_copy(const std::string& from, const std::string& to);
    Result<> commit(const Step& step);
    Result<> commit_directory(const std::string& path);
    Result<> commit_release();
    Result<> switch_release();
    Result<> write_marker();
    Result<> keep_theirs(const std::string& path);
    Result<> own_data();
    Result<> record_identity();
    Result<> record_applied();
    /// Another flavor's server is to take over: what was applied of the one that goes is the way back.
    Result<> save_way_back();
    Result<std::string> copy_data();
    /// Nothing but the server was touched: everything staged is taken back, and the server starts as it was. And a container
    /// whose place zkprov's could not take serves again.
    /// Returns what is to be said of it beside the error.
    std::string go_on_as_before(Journal& journal, const Step& failed);
    std::string bring_back_outside();
    void take_back();
    Result<> remove_leftovers();
    [[nodiscard]] std::int64_t pid_to_replace(const Step& step) const;
    void tell(const Step& step, agent_api::StepState state, const std::string& more);

    const agent_api::NodeSpec& spec_;
    const agent_api::NodeFacts& facts_;
    const StateDir& state_;
    EventSink events_;
    std::vector<std::string> staged_files_;
    std::vector<std::string> staged_trees_;  ///< directories with all that is in them
    std::vector<std::string> made_directories_;
    std::optional<agent_api::NodeSpec> applied_;  ///< before this one
    bool made_user_ = false;
    bool made_group_ = false;
    bool ends_outside_ = false;  ///< a container of somebody else
    std::optional<MadeAccount> account_before_;
};

}  // namespace zk::agent_host
