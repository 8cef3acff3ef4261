// A recipe: which phases a command runs, in which order, how long each may take, and what the user's
// own hooks do around the waves of a roll.
// Pure. The recipes under playbooks/ are built into the program; `--playbook FILE` takes another. What
// the reader does not know it refuses, and so does it every order in which a roll would be unsafe
// (order.h). A phase that a recipe does not name is not run.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"

namespace zk::playbook {

enum class PhaseKind { connect, gather, check, plan, push, roll, gate };
/// "connect", "gather", ...
std::string_view to_string(PhaseKind kind);
std::optional<PhaseKind> phase_named(std::string_view name);
/// Whether the phase changes something on the nodes.
bool changes_nodes(PhaseKind kind);

struct Phase {
    PhaseKind kind = PhaseKind::connect;
    /// For the whole phase; of roll: for the steps of one wave; of the gate behind roll: for each wait.
    milliseconds limit{0};
    friend bool operator==(const Phase&, const Phase&) = default;
};

/// Where in a roll a hook runs. All before the last checks in front of a wave, or after its gate.
enum class HookPoint { before_wave, before_node, after_node, after_wave };
/// "before_wave", ...
std::string_view to_string(HookPoint point);

/// A command of the user's, run on the controller.
struct Hook {
    std::vector<std::string> command;  ///< the program (looked up in PATH) and its arguments
    std::string text;                  ///< the command as people are shown it
    milliseconds limit{0};
    friend bool operator==(const Hook&, const Hook&) = default;
};

struct Playbook {
    std::string name;
    std::vector<Phase> phases;  ///< in the order in which they run; only gate may be there twice
    std::map<HookPoint, std::vector<Hook>> hooks;  ///< those of a point run one after the other

    /// The limit of a phase, of gates that of the last; nothing when the playbook does not run it.
    [[nodiscard]] std::optional<milliseconds> limit_of(PhaseKind kind) const;
    [[nodiscard]] bool runs(PhaseKind kind) const { return limit_of(kind).has_value(); }
};

/// Reads a recipe. `file` names it in errors, which carry line and column.
Result<Playbook> read_playbook(std::string_view text, const std::string& file);
/// A recipe that is built into the program: "apply" or "replace-node". Errors: no such recipe.
Result<Playbook> builtin_playbook(std::string_view name);

}  // namespace zk::playbook
