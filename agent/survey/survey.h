// Reads what a running ZooKeeper server leaves for others to see: its command line, its zoo.cfg, its cgroup.
// Pure: texts in, facts out. Nobody's good faith is needed: a text that is none of that says nothing. What is secret goes no
// further than here. Shell of it: agent_host/server_survey.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent_api/survey.h"

namespace zk::survey {

/// What the words of a command line say; conf_path as written there, data_dir where they name it themselves. Nothing: they
/// start no ZooKeeper server.
std::optional<agent_api::ServerSurvey> read_command(const std::vector<std::string>& words);

/// Adds the entries of a zoo.cfg, or of a dynamic configuration. A text that is none becomes conf_failure.
void read_settings(std::string_view text, std::string_view file, agent_api::ServerSurvey& survey);

/// The systemd unit in the text of /proc/PID/cgroup ("zookeeper.service"); empty: a session, a user's own unit, none.
std::string unit_in(std::string_view cgroup);
/// Whether that text names a container.
bool is_container(std::string_view cgroup);

/// Its server.N lines as "N=host:quorum:election", by N; those that cannot be read are left out.
std::vector<std::string> members_of(const agent_api::ServerSurvey& survey);

}  // namespace zk::survey
