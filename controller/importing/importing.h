// From what agents found of running servers to the inventory that describes them: `zkprov import`. Pure: surveys in, a
// text out that read_inventory takes. What cannot be written there is a comment where the servers serve all the same
// without it, and a refusal where they would not. Rules: decisions/0015.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "agent_api/survey.h"
#include "base/result.h"
#include "inventory/inventory.h"

namespace zk::importing {

/// Directories for zkprov's own files, the first that exists on no host is taken.
inline constexpr std::array<std::string_view, 3> kInstallDirs = {
    "/usr/local/zookeeper", "/usr/local/zkprov", "/opt/zkprov-zookeeper"};

/// Where a Docker engine listens unless it is told another place.
inline constexpr std::string_view kEngine = "/run/docker.sock";

struct SurveyedHost {
    std::string host;  ///< as it was named: where SSH goes
    agent_api::HostSurvey survey;
};

struct ImportSettings {
    std::string cluster;  ///< empty: what zkprov applied there, else "zookeeper"
    std::string tarball;  ///< flavor apache; empty: a name that has to be filled
    std::string
        engine;  ///< the socket of the hosts' Docker engine; empty: kEngine, if there is one
    std::vector<std::string> containers;  ///< only these; empty: all that run a server
    inventory::SshLogin ssh;              ///< of all hosts; its host says nothing
};

/// The inventory of the ensemble whose servers run on these hosts. Errors: Errc::invalid, one line for each reason.
Result<std::string> make_inventory(const std::vector<SurveyedHost>& hosts,
                                   const ImportSettings& settings);

}  // namespace zk::importing
