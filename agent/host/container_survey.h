// Which ZooKeeper servers run in containers of this host's engine: for `zkprov import`. Shell. Any thread. Changes nothing.
// What the texts mean is read in survey/container.
#pragma once

#include <optional>
#include <string>

#include "agent_api/survey.h"
#include "agent_host/state_dir.h"
#include "base/result.h"
#include "engine/engine.h"

namespace zk::agent_host {

/// One of them; it is not asked how it is. Nothing: it is gone, or runs no server.
Result<std::optional<agent_api::ContainerSurvey>> survey_container(
    engine::Engine& docker, const std::string& name, const std::string& proc = "/proc");

/// Asks the engine at host.engine and fills in what it says; where it says nothing, why. REQUIRES: host.servers are found:
/// those in containers belong to one of these. `state` is the directory beside whose nodes' those of containers lie.
void survey_containers(const StateDir& state, const std::string& proc, agent_api::HostSurvey& host);

}  // namespace zk::agent_host
