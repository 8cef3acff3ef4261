// A recipe: which phases a command runs, in which order, and how long each may take.
// Pure. The recipes under playbooks/ are built into the program. User hooks and other orders come
// later; what this reader does not know it refuses.
#pragma once

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

struct Phase {
    PhaseKind kind = PhaseKind::connect;
    milliseconds limit{0};  ///< the phase fails when it takes longer
    friend bool operator==(const Phase&, const Phase&) = default;
};

struct Playbook {
    std::string name;
    std::vector<Phase> phases;  ///< in the order of PhaseKind, each at most once

    /// The limit of a phase; nothing when the playbook does not run it.
    [[nodiscard]] std::optional<milliseconds> limit_of(PhaseKind kind) const;
};

/// Reads a recipe. `file` names it in errors, which carry line and column.
Result<Playbook> read_playbook(std::string_view text, const std::string& file);
/// A recipe that is built into the program: "apply" or "replace-node". Errors: no such recipe.
Result<Playbook> builtin_playbook(std::string_view name);

}  // namespace zk::playbook
