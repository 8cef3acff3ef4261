// One host's survey read as a node of an inventory. Pure. Internal to this room.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "agent_api/container_survey.h"
#include "agent_api/node_spec.h"
#include "agent_api/survey.h"
#include "base/ids.h"
#include "ensemble/ensemble_config.h"
#include "importing/importing.h"
#include "inventory/inventory.h"

namespace zk::importing {

/// What an inventory says of a container.
struct FoundContainer {
    std::string engine;
    std::string image;
    std::string name;
    std::string directory;  ///< on the host: holds data and datalog
    agent_api::NetworkSpec network;
    std::string address;          ///< in a bridge
    std::uint16_t host_port = 0;  ///< for clients; 0: none is published
    std::string restart;
};

struct FoundNode {
    std::string host;   ///< as it was named
    std::string place;  ///< the same, for messages: with the container's name where there is one
    bool own = false;   ///< zkprov applied it
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
    std::optional<FoundContainer> container;

    /// In a bridge: all on one host, each with an address of its own.
    [[nodiscard]] bool in_bridge() const {
        return container && container->network.driver == agent_api::NetworkDriver::bridge;
    }
};

/// A host's one server, which is in no container. Errors: Errc::invalid; several lines, each begins with the host's name.
Result<FoundNode> read_node(const SurveyedHost& host);
/// What zkprov applied. Errors: the same, with `place`.
Result<FoundNode> read_applied(const std::string& host,
                               const std::string& place,
                               const agent_api::NodeSpec& spec);
/// The server of a container that zkprov did not make: all but its container, its directories and its address.
Result<FoundNode> read_contained(const std::string& host,
                                 const std::string& place,
                                 const agent_api::ContainerSurvey& container);

}  // namespace zk::importing
