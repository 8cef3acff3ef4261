// Reads what the engine tells of a container as a ZooKeeper server: whether it is one, and with what it was started. The
// variables of the official image are read by the room of the image that takes its place (docs/IMAGE.md).
// Pure. Secrets go no further than here, as in survey.h. Shell of it: agent_host/container_survey.
#pragma once

#include <optional>
#include <string>

#include "agent_api/container_survey.h"

namespace zk::survey {

/// What was found of a container beside the engine's words.
struct Beside {
    const agent_api::ServerSurvey* process = nullptr;  ///< of its server; null: /proc shows none
    std::optional<std::string> zoo_cfg;  ///< of its conf volume; nothing: there is none
};

/// Where its zoo.cfg is, in the container: "/conf/zoo.cfg".
std::string conf_file_of(const agent_api::RunningContainer& container);
/// By its process, zkprov's labels, the variables of the official image, its command, or a zoo.cfg in its volume. A
/// client of that image is none.
bool runs_server(const agent_api::RunningContainer& container, const Beside& beside);
/// Fills in the server, with its directories on the host; one whose layout is not the official image's says why.
void read_container(const Beside& beside, agent_api::RunningContainer& container);

}  // namespace zk::survey
