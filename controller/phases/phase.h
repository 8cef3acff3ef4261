// One phase of a run as an object, each in a file of its own. Shell. The runner's thread.
// The recipe says which there are, in which order, and how long each may take (playbook.h); the runner
// asks each whether it is needed, and then has it run or, for `zkprov plan`, say what it would do.
#pragma once

#include <memory>
#include <optional>
#include <string_view>

#include "phases/run.h"

namespace zk::phases {

class Phase {
  public:
    explicit Phase(Run& run) : run_(run) {}
    virtual ~Phase() = default;
    Phase(const Phase&) = delete;
    Phase& operator=(const Phase&) = delete;

    /// What it does, for people: "check the hosts".
    [[nodiscard]] virtual std::string_view title() const = 0;
    /// Called for each phase that is left once the first change is near: what still speaks against it.
    /// May ask a person. Nothing was changed before.
    virtual std::optional<Stop> prepare() { return std::nullopt; }
    [[nodiscard]] virtual bool needed() const { return true; }
    /// Works until the deadline at most; where the limit is for a part of it, it looks it up itself.
    virtual std::optional<Stop> run(LinkDeadline deadline) = 0;
    /// Instead of run() in a run that changes nothing.
    virtual void say() {}

  protected:
    Run& run_;
};

std::unique_ptr<Phase> connect_phase(Run& run);
/// Keeps other runs away. In no recipe: none may leave it out. The runner puts it behind connect.
std::unique_ptr<Phase> lock_phase(Run& run);
std::unique_ptr<Phase> gather_phase(Run& run);
std::unique_ptr<Phase> check_phase(Run& run);
std::unique_ptr<Phase> plan_phase(Run& run);
std::unique_ptr<Phase> push_phase(Run& run);
std::unique_ptr<Phase> roll_phase(Run& run);
std::unique_ptr<Phase> gate_phase(Run& run);

}  // namespace zk::phases
