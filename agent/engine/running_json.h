// What an engine says of containers that run and that somebody else made: its list, and one container in full.
// Pure within a shell's room. Source: the Engine API's reference, "list containers" and "inspect a container".
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "agent_api/container_survey.h"
#include "base/result.h"

namespace zk::engine {

/// One of the list of those that run.
struct Listed {
    std::string id;
    std::string name;
    std::vector<std::string> written;  ///< directories and files of the host that it may write to
};
Result<std::vector<Listed>> parse_list(std::string_view json);
/// Of inspecting one. What zkprov's own containers never have stands in `more`.
Result<agent_api::RunningContainer> parse_running(std::string_view json);

}  // namespace zk::engine
