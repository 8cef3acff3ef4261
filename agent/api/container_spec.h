// The container in which a node's server runs, and what a Docker engine says of it: runtime docker.
// Pure. On the way of an apply (docs/ARCHITECTURE.md). The controller renders it, the agent makes it by its engine, and
// `zkprov compose` prints the same value.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "agent_api/names.h"

namespace zk::agent_api {

enum class NetworkDriver {
    standard,  ///< what the engine gives a container that asks for nothing; only for a server alone
    bridge,    ///< a network of the engine's host, in which each container has its own address
    host,      ///< the host's own
};
constexpr std::array<std::string_view, 3> enum_words(NetworkDriver) {
    return {"default", "bridge", "host"};
}

/// A bridge; of the other drivers all but `driver` is empty.
struct NetworkSpec {
    NetworkDriver driver = NetworkDriver::standard;
    std::string name;
    std::string subnet;   ///< "172.18.0.0/16"
    std::string gateway;  ///< "172.18.0.1"

    friend bool operator==(const NetworkSpec&, const NetworkSpec&) = default;
    static void fields(auto& archive, auto& self) {
        archive("driver", self.driver);
        archive("name", self.name);
        archive("subnet", self.subnet);
        archive("gateway", self.gateway);
    }
};

/// A TCP port of the container under a port of its host.
struct PublishedPort {
    std::uint16_t host_port = 0;
    std::uint16_t port = 0;

    friend bool operator==(const PublishedPort&, const PublishedPort&) = default;
    static void fields(auto& archive, auto& self) {
        archive("host_port", self.host_port);
        archive("port", self.port);
    }
};

/// A directory of the host as the container sees it.
struct BindSpec {
    std::string source;
    std::string target;
    bool read_only = false;

    friend bool operator==(const BindSpec&, const BindSpec&) = default;
    static void fields(auto& archive, auto& self) {
        archive("source", self.source);
        archive("target", self.target);
        archive("read_only", self.read_only);
    }
};

struct NamedValue {
    std::string name;
    std::string value;

    friend bool operator==(const NamedValue&, const NamedValue&) = default;
    static void fields(auto& archive, auto& self) {
        archive("name", self.name);
        archive("value", self.value);
    }
};

/// By these a container is known to be ours, and whose.
inline constexpr std::string_view kClusterLabel = "zkprov.cluster";
inline constexpr std::string_view kSidLabel = "zkprov.sid";
inline constexpr std::string_view kFlavorLabel = "zkprov.flavor";  ///< zkserver or apache
/// Only of containers that an agent made: the formation, and hash_of() of what they were made from.
inline constexpr std::string_view kGenerationLabel = "zkprov.generation";
inline constexpr std::string_view kSpecLabel = "zkprov.container";

/// Of Apache's image: the flags of its java, which ours is never given.
inline constexpr std::string_view kJvmFlagsVariable = "SERVER_JVMFLAGS";

/// Never with more rights than an engine takes from it: no privileges, no capabilities, no new ones.
struct ContainerSpec {
    std::string engine;  ///< the path of its socket
    std::string
        archive_sha256;  ///< of the file that holds the image; empty: the engine has it already
    std::string name;
    std::string image;
    NetworkSpec network;
    std::string address;  ///< in a bridge
    std::vector<PublishedPort> ports;
    std::vector<BindSpec> binds;
    std::vector<NamedValue> environment;
    std::vector<NamedValue> labels;
    std::string user;          ///< "1000:1000"
    std::string restart;       ///< the engine's policy: no, on-failure, always, unless-stopped
    bool read_only = false;    ///< its root file system
    std::int64_t stop_s = 30;  ///< from SIGTERM to SIGKILL

    /// The value of a label; empty: there is none.
    [[nodiscard]] std::string_view label(std::string_view label_name) const;
    /// The value of a variable of its environment; empty: there is none.
    [[nodiscard]] std::string_view variable(std::string_view variable_name) const;

    friend bool operator==(const ContainerSpec&, const ContainerSpec&) = default;
    static void fields(auto& archive, auto& self) {
        archive("engine", self.engine);
        archive("archive_sha256", self.archive_sha256);
        archive("name", self.name);
        archive("image", self.image);
        archive("network", self.network);
        archive("address", self.address);
        archive("ports", self.ports);
        archive("binds", self.binds);
        archive("environment", self.environment);
        archive("labels", self.labels);
        archive("user", self.user);
        archive("restart", self.restart);
        archive("read_only", self.read_only);
        archive("stop_s", self.stop_s);
    }
};
/// Names what the engine makes of it: the way to the engine and the image's archive do not count.
std::string hash_of(const ContainerSpec& spec);
/// Where the container sees a path of its host; a path that it does not see comes back as it is.
std::string path_in(const ContainerSpec& spec, const std::string& path);

/// A network of the engine, or a route of its host.
struct SubnetFact {
    std::string name;
    std::string driver;  ///< of a route: empty
    std::string subnet;  ///< as it was told
    std::string gateway;

    friend bool operator==(const SubnetFact&, const SubnetFact&) = default;
    static void fields(auto& archive, auto& self) {
        archive("name", self.name);
        archive("driver", self.driver);
        archive("subnet", self.subnet);
        archive("gateway", self.gateway);
    }
};

/// What is asked of an engine before a container is made, changed or left alone.
struct ContainerFacts {
    std::string failure;         ///< why the engine cannot be asked; all else is empty then
    std::string engine;          ///< "20.10.24, API 1.41"
    std::string image_id;        ///< of the image by the name; empty: it is not there
    std::string archive_sha256;  ///< of what this agent loaded that image from; empty: nothing
    bool exists = false;         ///< there is a container by the name
    bool ours = false;           ///< and it is this node's, by its labels
    std::string holder;          ///< whose it is, in words, where it is not
    std::string spec_hash;       ///< of what it was made from
    std::string container_image_id;
    std::string flavor;                     ///< of ours
    std::string image;                      ///< the name of the image that ours was made from
    std::string image_now;                  ///< the image to which that name leads now; empty: none
    std::vector<std::uint16_t> host_ports;  ///< that ours publishes, if it runs
    std::vector<SubnetFact> networks;
    std::vector<SubnetFact> routes;
    std::string
        data_user;  ///< a container that runs on the node's data and is not the node's; empty: none

    friend bool operator==(const ContainerFacts&, const ContainerFacts&) = default;
    static void fields(auto& archive, auto& self) {
        archive("failure", self.failure);
        archive("engine", self.engine);
        archive("image_id", self.image_id);
        archive("archive_sha256", self.archive_sha256);
        archive("exists", self.exists);
        archive("ours", self.ours);
        archive("holder", self.holder);
        archive("spec_hash", self.spec_hash);
        archive("container_image_id", self.container_image_id);
        archive("flavor", self.flavor);
        archive("image", self.image);
        archive("image_now", self.image_now);
        archive("host_ports", self.host_ports);
        archive("networks", self.networks);
        archive("routes", self.routes);
        archive("data_user", self.data_user);
    }
};

}  // namespace zk::agent_api
