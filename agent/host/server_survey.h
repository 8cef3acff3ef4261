// Which ZooKeeper servers run on this host, as /proc, their files and systemd tell. Shell. Any thread. Changes nothing.
// What the texts mean is read in survey.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "agent_api/node_facts.h"
#include "agent_api/survey.h"
#include "agent_host/state_dir.h"
#include "base/result.h"

namespace zk::agent_host {

/// The server that a process is; nothing when it is none, or ended meanwhile. `proc` is /proc.
std::optional<agent_api::ServerSurvey> survey_process(std::int64_t pid,
                                                      const std::string& proc = "/proc");
/// All of them, by pid; each is asked how it is.
std::vector<agent_api::ServerSurvey> survey_servers(const std::string& proc = "/proc");
/// The servers of this host, and what zkprov applied on it. Errors: a specification that cannot be read.
Result<agent_api::HostSurvey> survey_host(const agent_api::SurveyRequest& request,
                                          const StateDir& state);

/// Of which node an outside server is looked for.
struct NodePlace {
    std::string data_dir;
    std::string log_dir;
    std::uint16_t client_port = 0;
    std::int64_t unit_pid = 0;  ///< of its unit; 0: that does not run
    /// zoo.cfg of the server that zkprov installed; empty: it has not installed one; nothing: whatever runs as the unit's
    /// process is the unit's.
    std::optional<std::string> own_conf;
};
/// The server of these directories that listens on the node's client port, unless it is the unit's process and runs with the
/// node's own zoo.cfg: a unit of that name may have been there before.
std::optional<agent_api::OutsideServer> find_outside_server(const NodePlace& node);

}  // namespace zk::agent_host
