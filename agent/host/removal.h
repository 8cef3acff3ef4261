// Takes this host's node away: what zkprov put there goes, and what it did not make, or cannot prove to be its own, stays
// and is named (docs/decisions/0016). What goes is what the agent's own record says. Shell. Blocking, bounded; the caller
// holds the state directory's lock but for RemovalStage::look. Each stage may be repeated: what is gone is passed over.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "agent_api/removal.h"
#include "agent_host/posix.h"
#include "agent_host/state_dir.h"
#include "agent_host/systemd.h"
#include "base/result.h"

namespace zk::agent_host {

/// What is done to the host by programs of its own; a test has others.
struct RemovalTools {
    std::function<Result<>(const std::string& unit)> stop = stop_unit;
    std::function<Result<>(const std::string& unit)> disable = disable_unit;
    std::function<Result<>()> reload = reload_systemd;
    /// userdel and groupdel.
    std::function<Result<std::string>(const std::vector<std::string>& words)> run =
        [](const std::vector<std::string>& words) {
            return run_checked(words, std::chrono::seconds(30));
        };
};

/// One stage. Errors before anything of it was done: a record that cannot be read, another node or other directories than
/// asked for (identity_conflict), data that are to be deleted while a server uses them that zkprov did not start (unsafe).
Result<agent_api::RemovalReport> remove_node(const StateDir& state,
                                             const agent_api::RemovalRequest& request,
                                             const RemovalTools& tools = {});

}  // namespace zk::agent_host
