// One host's survey read as a node of an inventory. Pure. Internal to this room.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "agent_api/node_spec.h"
#include "agent_api/survey.h"
#include "base/ids.h"
#include "ensemble/ensemble_config.h"
#include "importing/importing.h"
#include "inventory/inventory.h"

namespace zk::importing {

struct FoundNode {
    std::string host;  ///< as it was named
    bool own = false;  ///< zkprov applied it
    std::string cluster;
    ServerId sid;
    std::string member_host;  ///< as the others reach it
    agent_api::Flavor flavor = agent_api::Flavor::apache;
    std::string version;
    std::map<ServerId, ensemble::Member> members;  ///< empty: a server alone
    inventory::Ports ports;
    std::string install_dir;  ///< own only
    std::string data_dir;
    std::string log_dir;
    std::map<std::string, std::string> config;
    inventory::AgentHttp http;
    std::string java;
    std::string heap;
    std::vector<std::string> jvm_flags;
    std::vector<std::string> comments;  ///< what is not taken over, a line each
};

/// Errors: Errc::invalid; several lines, each begins with the host's name.
Result<FoundNode> read_node(const SurveyedHost& host);

}  // namespace zk::importing
