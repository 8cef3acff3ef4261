// Removes what earlier applies left on a host and nobody needs any more: releases that were replaced, programs that were
// sent and never installed, what an interrupted run staged. Shell. Blocking; the caller holds the state directory's lock.
// Never fails: what cannot be removed stays until the next time. It touches only names that zkprov makes, and a directory
// that holds something else as well stays, with that.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "agent_api/node_spec.h"
#include "agent_host/state_dir.h"

namespace zk::agent_host {

/// What an apply that is under way may still need is younger than that.
inline constexpr std::chrono::hours kLeftoverAge{24};

/// After an apply that succeeded. Of the releases it keeps the current one, the one before it, that of the other flavor
/// that was applied last, and all that a process runs.
/// `before` is where `current` pointed before that apply ("releases/0.1.0"), or empty. The paths that it removed.
std::vector<std::string> clean_up(const agent_api::NodeSpec& spec,
                                  const StateDir& state,
                                  const std::string& before);

/// All of them, also what was put aside or staged: of a node that is taken away. Directories that hold something else stay.
std::vector<std::string> releases_in(const std::string& install_dir);
/// Removes one of these. True: it is gone.
bool remove_release(const std::string& path);

}  // namespace zk::agent_host
