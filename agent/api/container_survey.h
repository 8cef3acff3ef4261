// What an agent finds of ZooKeeper servers in containers of its host's engine, whoever made them: for `zkprov import`.
// Pure. Travels as JSON, but for RunningContainer, whose environment may hold secrets and stays on the host.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "agent_api/survey.h"

namespace zk::agent_api {

/// A container as its engine tells of it.
struct RunningContainer {
    std::string id;
    ContainerSurvey told;                                         ///< without its server
    std::map<std::string, std::string, std::less<>> environment;  ///< the image's, too
    std::vector<std::string> words;                               ///< what it was started with
};

/// The path on the host of what a container calls `inside`; empty: it lies in no volume.
std::string host_path(const ContainerSurvey& container, const std::string& inside);
/// The volume that holds `inside`; null: none.
const MountSurvey* mount_of(const ContainerSurvey& container, const std::string& inside);

}  // namespace zk::agent_api
